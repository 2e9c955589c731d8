"""Every environment variable a door can have, in groups; a door's row in `infra/catalogue.py` lists its groups."""

from __future__ import annotations

import os
from typing import NamedTuple


class MissingSetting(RuntimeError):
    """A door needs an environment variable that its row in the catalogue does not supply."""


class Group(NamedTuple):
    """Settings that belong together: attribute name → environment variable."""

    name: str
    variables: tuple[str, ...]


STAGE = Group("stage", ("KQ_STAGE",))
TABLE = Group("table", ("KQ_TABLE",))
EVENTS = Group("events", ("KQ_EVENTS_QUEUE_URL",))
EVENTS_DLQ = Group("events_dlq", ("KQ_EVENTS_DLQ_URL",))
# Key of the HMAC that turns a phone number into a link key; kept in Secrets Manager, named here by ARN.
IDENTITY = Group("identity", ("KQ_IDENTITY_SECRET_ARN",))
# The queues of messages to customers, one per purpose, so that a receipt never waits behind a campaign.
MESSAGES = Group(
    "messages",
    (
        "KQ_MESSAGES_TRANSACTIONAL_QUEUE_URL",
        "KQ_MESSAGES_SERVICE_QUEUE_URL",
        "KQ_MESSAGES_MARKETING_QUEUE_URL",
    ),
)
# Messages of customers, on their way into tickets.
TICKETS = Group("tickets", ("KQ_TICKETS_QUEUE_URL",))
TICKETS_DLQ = Group("tickets_dlq", ("KQ_TICKETS_DLQ_URL",))
MESSAGES_DLQ = Group("messages_dlq", ("KQ_MESSAGES_TRANSACTIONAL_DLQ_URL",))
# Accounts of the providers as one JSON document in Secrets Manager; see `runtime/channels.py` for its fields.
CHANNELS = Group("channels", ("KQ_CHANNELS_SECRET_ARN",))
# Where links in messages lead: the address of the HTTP API.
PUBLIC = Group("public", ("KQ_PUBLIC_URL",))
# The bucket of facts, their compacted parts and what is learnt from them.
LAKE = Group("lake", ("KQ_LAKE_BUCKET",))
# The model of Amazon Bedrock for messages our own classifier is unsure of; "off" where there is none.
SECOND_OPINION = Group("second_opinion", ("KQ_BEDROCK_MODEL",))
# The model of Amazon Bedrock that drafts messages for campaigns; "off" where there is none.
CONTENT_HELP = Group("content_help", ("KQ_CONTENT_MODEL",))
OFF = "off"


def read(variable: str) -> str:
    """The value of one environment variable; raises MissingSetting."""
    try:
        return os.environ[variable]
    except KeyError:
        raise MissingSetting(f"{variable} is not set") from None

"""Every environment variable a door can have, in groups; a door lists its groups, the catalogue supplies them."""

from __future__ import annotations

import os
from typing import NamedTuple


class MissingSetting(RuntimeError):
    """An environment variable that a door declared is not set."""


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


def read(variable: str) -> str:
    """The value of one environment variable; raises MissingSetting."""
    try:
        return os.environ[variable]
    except KeyError:
        raise MissingSetting(f"{variable} is not set") from None

"""What a provider tells us by itself, in our own words: receipts of messages, people's answers, news of templates."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.common.attachment import Attachment
from shared.domain.common.channels import ChannelName

IncomingKind = Literal[
    "delivered",
    "sent",
    "opened",
    "clicked",
    "bounced",
    "complained",
    "failed",
    "opted_out",
    "inbound_message",
    "followed",
    "unfollowed",
    "phone_shared",
    "comment",
    "template_status",
    "rating",
]


class Incoming(BaseModel):
    """One piece of news from a provider; it holds personal data and never goes to a log.

    `dedup` is its natural key within the provider: the same news told twice has the same. `at` is a stamp (see
    vietnam_time). A receipt names our message by `tracking_id` (ours) or `provider_id` (theirs), or, where the provider
    only says "everything up to this moment", by `address` and `detail.up_to` (a stamp). `address` is the person as the
    channel knows them: +84… for phones, an e-mail address, a Zalo user id, a Messenger PSID. `machine` marks an opening
    or click that no person made. `stated` is the provider's own stamp where `at` could not keep it, "" elsewhere.
    `mark` names the proof of a call whose signature leaves open whom it is about, "" elsewhere. `detail` holds what a
    kind has besides (JSON without floats).
    """

    model_config = ConfigDict(frozen=True)

    kind: IncomingKind
    channel: ChannelName
    dedup: str = Field(min_length=1)
    at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
    stated: str = ""
    mark: str = ""
    tracking_id: str = ""
    provider_id: str = ""
    address: str = ""
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    detail: dict[str, Any] = {}
    machine: bool = False

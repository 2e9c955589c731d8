"""A customer event as it travels on the queue: validated, normalised, free of provider and protocol detail."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shared.domain.customers.identity import Identity
from shared.domain.orders.order import OrderFact

EventType = Literal["identify", "track", "page", "screen", "group", "alias"]


class Event(BaseModel):
    """One message of the tracking protocol after the door.

    `at` and `received_at` are stamps (see vietnam_time); `our_time` says that `at` is not the sender's own word, so
    that a repetition may carry another; `identities` is empty for a walk-in sale; `properties` keeps what a custom
    event said, as JSON text, because the table knows no floats and no query looks inside it. `key` is the id of the
    write key it came by; a `browser` is believed only as far as it has `proven` its user or brings the token of a link.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    type: EventType
    name: str
    at: str
    received_at: str
    source: str = ""
    backfill: bool = False
    our_time: bool = False
    identities: tuple[Identity, ...] = ()
    previous: Identity | None = None
    traits: dict[str, Any] = {}
    consent: tuple[dict[str, Any], ...] = ()
    properties: str = "{}"
    order: OrderFact | None = None
    cart: dict[str, Any] | None = None
    bad_phone: dict[str, str] | None = None
    key: str = ""
    browser: bool = False
    proven: bool = False
    visitor_token: str = ""

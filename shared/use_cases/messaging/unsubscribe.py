"""Unsubscribe links in messages: the customer withdraws the consent to advertising (R10)."""

from __future__ import annotations

from datetime import datetime

from shared.domain.common.channels import CONSENT_CHANNELS, channel_family
from shared.domain.customers.profile import agree
from shared.domain.errors import NotFound
from shared.domain.messaging.message import Message
from shared.domain.messaging.tracked_links import Link
from shared.domain.vietnam_time import stamp
from shared.ports import Table
from shared.repositories import profiles, table_keys
from shared.repositories.messages import change
from shared.repositories.unit_of_work import UnitOfWork


def stop_marketing(table: Table, link: Link, *, everywhere: bool, how: str, now: datetime) -> None:
    """Withdraw the consent to advertising, on the message's channel or on all; the proof stays on the timeline.

    `how` says what the customer did, such as "one_click". A repetition changes nothing. Raises NotFound and Busy.
    """

    def note(uow: UnitOfWork, message: Message) -> None:
        key = table_keys.profile(message["customer_id"])
        profile = profiles.find(uow, message["customer_id"])
        if profile is None:
            raise NotFound("the customer is gone")
        withdrawn = [
            {
                "channel": channel,
                "purpose": "marketing",
                "granted": False,
                "at": stamp(now),
                "proof": f"{how} by the link in message {message['message_id']}",
                "source": "unsubscribe_page",
            }
            for channel in (_everywhere() if everywhere else channel_family(message.get("channel", "email")))
            if profile["consent"].get(f"{channel}:marketing", {}).get("granted") is not False
        ]
        for consent in withdrawn:
            entry = {"type": "consent", "name": "Consent Withdrawn", "stage": "engagement",
                     "source": "unsubscribe_page", "at": stamp(now), "consent": consent}  # fmt: skip
            place = f"consent-{consent['channel']}-marketing-{message['message_id'][-20:]}"
            uow.mark(table_keys.timeline(message["customer_id"], stamp(now), place), entry)
        if withdrawn:
            uow.put(key, agree(profile, withdrawn))

    change(table, link.message_id, note)


def _everywhere() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for channel in CONSENT_CHANNELS for name in channel_family(channel)))

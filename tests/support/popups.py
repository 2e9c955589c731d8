"""Popups that wait on the shop's own page."""

from __future__ import annotations

from shared.domain.messaging.message import Intent, planned
from shared.ports import Outgoing, Put
from shared.repositories import table_keys
from shared.runtime.factories.channels import channels
from shared.runtime.playbook.rules import sending_rules
from tests.support.shop import Shop


def waiting_popup(shop: Shop, customer_id: str, device: str, text: str) -> None:
    """A popup for a customer waits in the slot of a device."""
    intent = Intent(customer_id, "first_visit", "r1", "s1", "service", "winback_30")
    key = table_keys.message(intent.message_id)
    item = {**planned(intent, shop.now), "pk": key.pk, "sk": key.sk, "version": 1, "status": "sent"}
    shop.stack.table.write(Put(item))
    channels({}, shop.stack.outside, sending_rules())["web"].send(
        Outgoing(intent.message_id, device, "service", text=text, subject="Chào chị Lan")
    )

"""What an order makes us say at once: thanks with the confirmation, or the receipt of a sale in the store (A4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.domain.message import Intent
from shared.domain.money import vnd
from shared.domain.order import OrderRow
from shared.domain.sending_rules import SendingRules
from shared.domain.vietnam_time import moment

JOURNEY = "order"
# After a day a confirmation confirms nothing: an offline till that uploads late keeps silent (R14).
USEFUL = timedelta(hours=24)
LINES = 20


def intents(customer_id: str, row: OrderRow, order: dict[str, Any], now: datetime, rules: SendingRules) -> list[Intent]:
    """The message of an order that was just placed; none for history, exchanges and return invoices (R1, R3).

    Who bought in a store has the goods in hand and gets the receipt; who ordered hears that the order has arrived.
    """
    content = order["content"]
    send_before = moment(row.placed_at) + USEFUL
    if order["backfill"] or row.total <= 0 or content.get("exchange_of") or now >= send_before:
        return []
    variables: dict[str, Any] = {"order_code": row.order_id, "total": row.total}
    if content.get("channel", "") in rules.store_channels:
        step = "receipt"
        variables |= {
            "bought_on": row.placed_at,
            "store": content.get("store", ""),
            "paid_by": rules.payment_words.get(content.get("payment", ""), rules.payment_words["other"]),
            "items": _items(content.get("lines", []), rules.sensitive_categories),
        }
    else:
        step = "order_thanks"
        variables["ordered_on"] = row.day.isoformat()
    return [
        Intent(
            customer_id=customer_id,
            journey=JOURNEY,
            run=row.order_id,
            step=step,
            purpose="transactional",
            template=step,
            variables=variables,
            send_before=send_before,
        )
    ]


def _items(lines: list[dict[str, Any]], sensitive: tuple[str, ...]) -> str:
    """The lines of a receipt; a phone is shared in families, so nothing of a sensitive category is named (R6)."""
    shown = [
        f"{line['quantity']} × {line['name']} – {vnd(line['price'] * line['quantity'])}"
        for line in lines[:LINES]
        if "name" in line and "price" in line and str(line.get("category", "")).casefold() not in sensitive
    ]
    return "\n".join(shown)

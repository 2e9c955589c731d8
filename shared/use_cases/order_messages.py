"""What an order makes us say at once: thanks with the confirmation, and the receipt by e-mail (A4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.domain.message import Intent
from shared.domain.order import OrderRow
from shared.domain.vietnam_time import moment

JOURNEY = "order"
# After a day a confirmation confirms nothing: an offline till that uploads late keeps silent (R14).
USEFUL = timedelta(hours=24)


def intents(customer_id: str, row: OrderRow, order: dict[str, Any], *, has_email: bool, now: datetime) -> list[Intent]:
    """The messages of an order that was just placed; none for history, exchanges and return invoices (R1, R3)."""
    send_before = moment(row.placed_at) + USEFUL
    if order["backfill"] or row.total <= 0 or order["content"].get("exchange_of") or now >= send_before:
        return []
    content = order["content"]
    variables = {
        "order_code": row.order_id,
        "total": row.total,
        "placed_at": row.placed_at,
        "store": content.get("store", ""),
        "lines": [
            {name: line[name] for name in ("name", "quantity", "price", "category") if name in line}
            for line in content.get("lines", [])[:20]
        ],
    }
    steps = ["order_thanks", "receipt"] if has_email else ["order_thanks"]
    return [
        Intent(
            customer_id=customer_id,
            journey=JOURNEY,
            run=row.order_id,
            step=step,
            purpose="transactional",
            template=step,
            variables=variables,
            channels=("email",) if step == "receipt" else (),
            send_before=send_before,
        )
        for step in steps
    ]

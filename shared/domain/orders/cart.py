"""A cart is the set of its latest events; its lines are folded from them in order of time."""

from __future__ import annotations

from typing import Any

KEPT = 40


def absorb(cart: dict[str, Any] | None, message_id: str, at: str, event: dict[str, Any]) -> dict[str, Any]:
    """The cart after one more event. Only the latest events are kept, beginning with the last full statement."""
    events = {**(cart or {"events": {}})["events"], message_id: [at, event["event"], event["lines"]]}
    newest = sorted(events.items(), key=lambda e: (e[1][0], e[0]))[-KEPT:]
    whole = max((i for i, (_, e) in enumerate(newest) if e[1] in ("Cart Updated", "Checkout Started")), default=0)
    return {"events": dict(newest[whole:]), "changed_at": newest[-1][1][0]}


def lines(cart: dict[str, Any]) -> list[dict[str, Any]]:
    """What lies in the cart now."""
    inside: dict[str, dict[str, Any]] = {}
    for _, (_, event, stated) in sorted(cart["events"].items(), key=lambda e: (e[1][0], e[0])):
        if event in ("Cart Updated", "Checkout Started"):
            inside = {_name(line): line for line in stated}
            continue
        for line in stated:
            known = inside.get(_name(line), {**line, "quantity": 0})
            step = line["quantity"] if event == "Product Added" else -line["quantity"]
            inside[_name(line)] = {**known, "quantity": known["quantity"] + step}
    return [line for line in inside.values() if line["quantity"] > 0]


def _name(line: dict[str, Any]) -> str:
    return str(line.get("sku") or line.get("name") or "")

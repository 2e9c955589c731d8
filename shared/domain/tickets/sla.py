"""The SLA of a ticket: its deadlines, warnings and escalations, once each, and when it is due by itself (T1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from shared.domain.tickets.routing import Deadline, Route
from shared.domain.tickets.ticket import FIRST_RESPONSE, RESOLVE, InternalQuestion, Ticket, waits
from shared.domain.tickets.transitions import placed, reasoned
from shared.domain.vietnam_time import stamp


def timed(ticket: Ticket, promised: Mapping[str, Deadline], *, anew: bool = False) -> Ticket:
    """The ticket with its deadlines, by name. A deadline only moves earlier, unless its clock restarts (`anew`)."""
    after = cast(dict[str, Any], {**ticket, "warn_at": dict(ticket["warn_at"])})
    for name, deadline in promised.items():
        due = stamp(deadline.due_at)
        known = after.get(f"{name}_due_at")
        if known and known <= due and not anew:
            continue
        after[f"{name}_due_at"] = due
        after["warn_at"][name] = stamp(deadline.warn_at)
    return cast(Ticket, after)


def deadlines(ticket: Ticket) -> dict[str, str]:
    """The deadlines that are running now: none while it is the customer's turn."""
    if ticket["status"] != "open" or ticket["queue"] == "bot":
        return {}
    running = {RESOLVE: ticket["resolve_due_at"]}
    if "first_response_at" not in ticket:
        running[FIRST_RESPONSE] = ticket["first_response_due_at"]
    return running


def late(ticket: Ticket, now: str) -> list[str]:
    """Deadlines that have passed and are not escalated yet."""
    return sorted(n for n, due in deadlines(ticket).items() if due <= now and ticket["missed"].get(n) != due)


def nearly_late(ticket: Ticket, now: str) -> list[str]:
    """Deadlines to warn of: near, not passed, and not warned of yet."""
    return sorted(
        name
        for name, due in deadlines(ticket).items()
        if ticket["warn_at"].get(name, due) <= now < due and ticket["warned"].get(name) != due
    )


def escalated(ticket: Ticket, names: list[str], move_to: str, now: str) -> Ticket:
    """After deadlines were missed: noted once each, and moved to another queue where the playbook wants that."""
    due = deadlines(ticket)
    after: Ticket = {
        **ticket,
        "missed": {**ticket["missed"], **{name: due[name] for name in names}},
        "escalated_at": now,
        "misses": ticket.get("misses", 0) + len(names),
    }
    missed = f"missed {', '.join(names)}"
    if move_to and after["queue"] != move_to:
        return placed(after, Route(move_to, after["priority"], missed))
    return reasoned(after, missed)


def warned(ticket: Ticket, names: list[str]) -> Ticket:
    due = deadlines(ticket)
    return {**ticket, "warned": {**ticket["warned"], **{name: due[name] for name in names}}}


def next_due(ticket: Ticket) -> str | None:
    """When the timer has to wake a ticket, or None."""
    if ticket["status"] == "resolved":
        return None
    moments = [ticket["pending_until"]] if ticket["status"] == "pending" else []
    for name, due in deadlines(ticket).items():
        if ticket["missed"].get(name) != due:
            warn = ticket["warn_at"].get(name, due)
            moments.append(warn if ticket["warned"].get(name) != due and warn < due else due)
    if waits(ticket) and "retry_at" in ticket:
        moments.append(ticket["retry_at"])
    moments += [asked["due_at"] for asked in ticket.get("asks", {}).values() if _unanswered(asked)]
    return min(moments, default=None)


def asks_late(ticket: Ticket, now: str) -> list[str]:
    """The overdue internal questions, by their tasks, that the assignee was not notified of yet."""
    asks = ticket.get("asks", {})
    return sorted(task for task, asked in asks.items() if _unanswered(asked) and asked["due_at"] <= now)


def asks_notified(ticket: Ticket, tasks: list[str]) -> Ticket:
    asks = ticket["asks"]
    return {**ticket, "asks": {**asks, **{task: {**asks[task], "late": True} for task in tasks}}}


def _unanswered(asked: InternalQuestion) -> bool:
    return asked["status"] == "open" and not asked.get("late")


def urgency(ticket: Ticket) -> str:
    """The sort key in a list of one status: open tickets by priority and deadline, others by time."""
    if ticket["status"] == "open":
        due = min(deadlines(ticket).values(), default=ticket["resolve_due_at"])
        return f"{ticket['priority']}#{due}"
    return ticket["resolved_at"] if ticket["status"] == "resolved" else ticket["last_at"]

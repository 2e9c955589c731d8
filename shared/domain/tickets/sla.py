"""The deadlines of a ticket: promised, warned of, missed once each, and when it has to be looked at by itself (T1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.domain.tickets.routing import Deadlines, Route
from shared.domain.tickets.ticket import FIRST_RESPONSE, RESOLVE, Ticket, placed, reasoned, waits
from shared.domain.vietnam_time import stamp


def timed(ticket: Ticket, promised: Mapping[str, Deadlines], *, anew: bool = False) -> Ticket:
    """The ticket with its deadlines, by name. A promise is only ever made earlier, unless its clock begins `anew`."""
    said = {**ticket, "warn_at": dict(ticket["warn_at"])}
    for name, deadline in promised.items():
        due = stamp(deadline.due_at)
        known = said.get(f"{name}_due_at")
        if known and known <= due and not anew:
            continue
        said[f"{name}_due_at"] = due
        said["warn_at"][name] = stamp(deadline.warn_at)
    return said


def deadlines(ticket: Ticket) -> dict[str, str]:
    """The deadlines that are running now: none while it is the customer's turn."""
    if ticket["status"] != "open" or ticket["queue"] == "bot":
        return {}
    running = {RESOLVE: str(ticket["resolve_due_at"])}
    if "first_response_at" not in ticket:
        running[FIRST_RESPONSE] = str(ticket["first_response_due_at"])
    return running


def late(ticket: Ticket, now: str) -> list[str]:
    """Deadlines that have passed and were not escalated yet."""
    return sorted(n for n, due in deadlines(ticket).items() if due <= now and ticket["missed"].get(n) != due)


def nearly_late(ticket: Ticket, now: str) -> list[str]:
    """Deadlines that have to be warned of: near, not passed, and not warned of yet."""
    return sorted(
        name
        for name, due in deadlines(ticket).items()
        if ticket["warn_at"].get(name, due) <= now < due and ticket["warned"].get(name) != due
    )


def escalated(ticket: Ticket, names: list[str], move_to: str, now: str) -> Ticket:
    """After deadlines were missed: noted once each, and moved to another queue where the playbook wants that."""
    due = deadlines(ticket)
    said = {**ticket, "missed": {**ticket["missed"], **{name: due[name] for name in names}}}
    said |= {"escalated_at": now, "misses": ticket.get("misses", 0) + len(names)}
    missed = f"missed {', '.join(names)}"
    if move_to and said["queue"] != move_to:
        return placed(said, Route(move_to, said["priority"], missed))
    return reasoned(said, missed)


def warned(ticket: Ticket, names: list[str]) -> Ticket:
    due = deadlines(ticket)
    return {**ticket, "warned": {**ticket["warned"], **{name: due[name] for name in names}}}


def next_due(ticket: Ticket) -> str | None:
    """When a ticket has to be looked at by itself, or None."""
    if ticket["status"] == "resolved":
        return None
    moments = [str(ticket["pending_until"])] if ticket["status"] == "pending" else []
    for name, due in deadlines(ticket).items():
        if ticket["missed"].get(name) != due:
            warn = ticket["warn_at"].get(name, due)
            moments.append(warn if ticket["warned"].get(name) != due and warn < due else due)
    if waits(ticket) and "retry_at" in ticket:
        moments.append(str(ticket["retry_at"]))
    moments += [asked["due_at"] for asked in ticket.get("asks", {}).values() if _unanswered(asked)]
    return min(moments, default=None)


def asks_late(ticket: Ticket, now: str) -> list[str]:
    """The inner questions, by their tasks, that should have been answered by now and nobody was told of yet."""
    asks = ticket.get("asks", {})
    return sorted(task for task, asked in asks.items() if _unanswered(asked) and asked["due_at"] <= now)


def asks_told(ticket: Ticket, tasks: list[str]) -> Ticket:
    asks = ticket["asks"]
    return {**ticket, "asks": {**asks, **{task: {**asks[task], "late": True} for task in tasks}}}


def _unanswered(asked: Mapping[str, Any]) -> bool:
    return asked["status"] == "open" and not asked.get("late")


def urgency(ticket: Ticket) -> str:
    """Where it stands among its like in a list: the most urgent open ones first, the others by when something was."""
    if ticket["status"] == "open":
        due = min(deadlines(ticket).values(), default=ticket["resolve_due_at"])
        return f"{ticket['priority']}#{due}"
    return str(ticket["resolved_at"] if ticket["status"] == "resolved" else ticket["last_at"])

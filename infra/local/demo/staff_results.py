"""What the demo's staff did: tasks and tickets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.demo.api_client import Doors
from infra.local.demo.texts import Words
from shared.domain.tickets.ticket import STATUSES


@dataclass(frozen=True)
class TaskRow:
    """Tasks of one journey, or of one title where no journey opened them; `outcomes` of those that are done."""

    title: Words
    opened: int
    open: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True)
class TicketRow:
    """Tickets about one matter: how many the bot answered by itself, how many missed a deadline, and the median of
    what people took for their first answer, in minutes."""

    intent: str
    tickets: int
    bot: int
    missed: int
    minutes: int | None


def task_rows(tasks: Iterable[Mapping[str, Any]], titles: Mapping[str, Words]) -> list[TaskRow]:
    """By what they were for, the most frequent first."""
    found: defaultdict[Words, list[Mapping[str, Any]]] = defaultdict(list)
    for task in tasks:
        found[titles.get(task["journey"] or "") or Words(task["title"] or task["kind"], "")].append(task)
    rows = []
    for title, of in found.items():
        done = Counter(task["outcome"] or "withdrawn" for task in of if task["status"] == "done")
        rows.append(TaskRow(title, len(of), len(of) - done.total(), dict(done.most_common())))
    return sorted(rows, key=lambda row: (-row.opened, row.title))


def ticket_rows(doors: Doors) -> list[TicketRow]:
    """By what they are about, the most frequent first."""
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for status in STATUSES:
        for ticket in doors.pages("/v1/tickets", f"status={status}"):
            found[ticket["intent"]].append(ticket)
    rows = []
    for intent, of in found.items():
        waits = sorted(one["first_response_seconds"] for one in of if one["first_response_seconds"] is not None)
        minutes = waits[len(waits) // 2] // 60 if waits else None
        rows.append(TicketRow(intent, len(of), sum(one["queue"] == "bot" for one in of),
                              sum(bool(one["missed"]) for one in of), minutes))  # fmt: skip
    return sorted(rows, key=lambda row: (-row.tickets, row.intent))

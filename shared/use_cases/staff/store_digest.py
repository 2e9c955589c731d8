"""The daily digest of a store for its managers: calls, birthdays, complaints, orders waiting for pickup (R24).

It is read from lists that exist anyway, and each manager gets one digest a day, however often the door runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from shared.domain.customers.profile import fold_members
from shared.domain.staff.directory import Directory
from shared.domain.staff.staff_notification import notification_id
from shared.domain.tasks.task import TaskTexts
from shared.domain.tickets.routing import recipients
from shared.domain.tickets.ticket import Ticket
from shared.domain.vietnam_time import DAY, VIETNAM, day_start, local_day, moment, stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.staff_notifications import notify
from shared.repositories.tickets import case_code
from shared.repositories.unit_of_work import UnitOfWork

# How many entries of each kind are listed; the rest is a number.
NAMED = 10
# More open tickets than a chain has; a digest lists ten.
MOST_TICKETS = 2000


@dataclass(frozen=True)
class StoreDigests:
    """Sends the digests. `words` are the texts of tasks by reason, `complains` decides what is a complaint."""

    table: Table
    directory: Directory
    words: Mapping[str, TaskTexts]
    complains: Callable[[Ticket], bool]
    now: datetime
    _open: dict[str, list[Ticket]] = field(default_factory=dict)

    def send(self) -> int:
        """Notify the managers of every store with something to do, and return how many; idempotent per day."""
        return sum(self._notify(store) for store in self.directory.stores)

    def _notify(self, store: str) -> int:
        day = local_day(self.now).isoformat()
        key = f"{store} {day}"
        managers = recipients(self.directory, ("store_manager",), assignee="", store=store)
        notes = {person: table_keys.staff_note(notification_id(person, "store_digest", key)) for person in managers}

        def change(uow: UnitOfWork) -> int:
            uow.load(notes.values())
            left = [person for person, note in notes.items() if uow.get(note) is None]
            if not left:
                return 0
            waiting = self._waiting(uow, store, day)
            if not any(part["total"] for part in waiting.values()):
                return 0
            words = {"store": store, "day": day, **waiting}
            for person in left:
                notify(uow, person, "store_digest", words, key, self.now)
            return len(left)

        return committed(self.table, change)

    def _waiting(self, uow: UnitOfWork, store: str, today: str) -> dict[str, dict[str, Any]]:
        """What a store has to do today: the total of each kind, and its first entries."""
        return {
            "calls": self._calls(uow, store),
            "birthdays": self._people(uow, table_keys.birthdays(today, store), lambda row: row["sk"]),
            "complaints": self._complaints(store),
            "pickups": self._people(uow, table_keys.pickups(store), lambda row: row.get("customer_id", "")),
        }

    def _calls(self, uow: UnitOfWork, store: str) -> dict[str, Any]:
        """The store's tasks due today or overdue, the most urgent first; the win-back scan's calls are among them."""
        ends = day_start(local_day(self.now) + DAY)
        rows = list(self._rows(table_keys.task_list(store), "open#", f"open#{stamp(ends)}"))
        keys = [table_keys.task(row["task_id"]) for row in rows[:NAMED]]
        uow.load(keys)
        first = []
        for task in filter(None, map(uow.get, keys)):
            due = moment(task["due_at"]).astimezone(VIETNAM)
            known = self.words.get(task["reason"])
            first.append(
                {
                    "time": f"{due:%H:%M}" if due.date() == local_day(self.now) else f"{due:%d/%m}",
                    "name": _name(uow, task["customer_id"]),
                    "title": known.title if known else task.get("title", task["reason"]),
                }
            )
        return {"total": len(rows), "first": first}

    def _complaints(self, store: str) -> dict[str, Any]:
        tickets = self._complaints_by_store().get(store, [])
        first = [
            {
                "ticket": case_code(ticket),
                "priority": ticket["priority"],
                "intent": ticket["intent"],
                "assignee": ticket["assignee"],
            }
            for ticket in tickets[:NAMED]
        ]
        return {"total": len(tickets), "first": first}

    def _complaints_by_store(self) -> dict[str, list[Ticket]]:
        """The open complaints, the most urgent first; read once for all stores."""
        if not self._open:
            self._open[""] = []
            rows = []
            for status in ("open", "pending"):
                rows += list(self._rows(table_keys.ticket_list(), f"{status}#", f"{status}#~"))
            placed = [row for row in rows[:MOST_TICKETS] if row.get("store")]
            found = self.table.batch_get([table_keys.ticket(row["ticket_id"]) for row in placed]) if placed else {}
            for row in placed:
                ticket = cast(Ticket | None, found.get(table_keys.ticket(row["ticket_id"])))
                if ticket and self.complains(ticket):
                    self._open.setdefault(row["store"], []).append(ticket)
        return self._open

    def _people(self, uow: UnitOfWork, pk: str, whose: Callable[[Item], str]) -> dict[str, Any]:
        rows = list(self._rows(pk))
        uow.load(table_keys.profile(who) for row in rows[:NAMED] if (who := whose(row)))
        first = [
            {"name": _name(uow, whose(row)), **({"order": row["number"]} if "number" in row else {})}
            for row in rows[:NAMED]
        ]
        return {"total": len(rows), "first": first}

    def _rows(self, pk: str, low: str = "", high: str | None = None) -> Iterable[Item]:
        start = None
        while True:
            page = self.table.query(pk, low=low, high=high, start=start, consistent=False)
            yield from page.items
            start = page.next
            if start is None:
                return


def _name(uow: UnitOfWork, customer_id: str) -> str:
    """The customer's name as staff know it, or ""."""
    members = members_of(uow, customer_id) if customer_id else []
    return str(fold_members(members)["traits"].get("name") or "") if members else ""

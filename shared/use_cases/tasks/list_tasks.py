"""The list of staff tasks: open ones by urgency, done ones the latest first (X16)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from shared.domain.common.stored_item import picked
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.customers.reach import sees, stores_of
from shared.domain.tasks.review import decisions, described
from shared.domain.tasks.task import Status, Task, TaskTexts, status_of
from shared.domain.vietnam_time import stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.profiles import find, members_of
from shared.repositories.tasks import number_to_call
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.recommendations.suggest_products import Suggester

_PLACE = {"open": table_keys.task, "done": table_keys.task_done}
_SHOWN = (
    "script", "store", "assignee", "outcome", "note", "by", "done_at", "journey", "run", "step", "offer",
    "callable_from", "order_by",
)  # fmt: skip
# What journeys wrote for and about the customer.
_OF_CUSTOMER = ("script", "offer", "order_by")
# Zalo accounts have mobile numbers.
_LANDLINE = "+842"


@dataclass(frozen=True)
class TaskQuery:
    """The filter of a list: stores (none: all), role, person, kind, due until a moment; "" means any."""

    status: Status = "open"
    stores: Collection[str] = ()
    role: str = ""
    person: str = ""
    kind: str = ""
    due_until: datetime | None = None

    def fits(self, row: Item) -> bool:
        if self.person and self.stores and row.get("store", "") not in self.stores:
            return False
        return self.role in ("", row["role"]) and self.kind in ("", row.get("kind", ""))


def listed(
    table: Table,
    query: TaskQuery,
    words: Mapping[str, TaskTexts],
    *,
    limit: int,
    start: str | None,
    suggester: Suggester | None = None,
    reach: frozenset[str] = frozenset(),
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of tasks, open calls with the recommendations of the `suggester` (U1). `reach` are the stores
    of the key that asks (none: all). A page may be shorter than `limit` where a role, kind or person is filtered, or
    where a task moved meanwhile."""
    rows, after = _rows(table, query, limit, start)
    places = [_PLACE[query.status](row["task_id"]) for row in rows if query.fits(row)]
    found = table.batch_get(places, consistent=False) if places else {}
    uow = UnitOfWork(table)
    who = [task[name] for task in found.values() for name in ("customer_id", "with") if name in task]
    journeys = [task["customer_id"] for task in found.values() if task.get("journey")]
    uow.load([*map(table_keys.profile, who), *map(table_keys.journeys_of, journeys)])
    tasks = [cast(Task, found[place]) for place in places if place in found]
    people = {task["task_id"]: members_of(uow, task["customer_id"]) for task in tasks}
    calls = [
        one
        for task in tasks
        if task["kind"] == "call" and people[one := task["task_id"]] and sees(reach, stores_of(people[one]))
    ]
    offered: dict[str, list[dict[str, Any]]] = {}
    if suggester and query.status == "open":
        offered = dict(zip(calls, suggester.for_calls([people[one] for one in calls]), strict=True))
    bodies = [shown(task, people[task["task_id"]], words, uow, reach) for task in tasks]
    return [one | {"suggestions": offered.get(one["task_id"], [])} for one in bodies], after


def _rows(table: Table, query: TaskQuery, limit: int, start: str | None) -> tuple[list[Item], str | None]:
    """One page of rows merged from several lists, in order, and the sort key to continue from."""
    low, high = table_keys.task_range(query.status)
    latest_first = query.status == "done"
    if query.due_until and not latest_first:
        high = f"{low}{stamp(query.due_until)}"
    lists = (
        [table_keys.tasks_of(query.person)] if query.person else [table_keys.task_list(s) for s in sorted(query.stores)]
    )
    rows: list[Item] = []
    ends = []
    for pk in lists or [table_keys.task_list()]:
        page = table.query(
            pk, low=low, high=high, start=start, descending=latest_first, limit=limit, consistent=False
        )  # fmt: skip
        rows += page.items
        ends += [page.next] if page.next else []
    # A list's page may end early; rows of other stores behind that end wait for the next page.
    if ends and latest_first:
        rows = [row for row in rows if row["sk"] >= max(ends)]
    elif ends:
        rows = [row for row in rows if row["sk"] <= min(ends)]
    rows.sort(key=lambda row: row["sk"], reverse=latest_first)
    more = bool(ends) or len(rows) > limit
    return rows[:limit], rows[:limit][-1]["sk"] if more and rows else None


def shown(
    task: Task,
    members: list[Profile],
    words: Mapping[str, TaskTexts],
    uow: UnitOfWork,
    reach: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """A task as staff see it: customer, number, reason, the people of a review, the state of its journey's deal.

    A store can have work for a customer of others, such as a question about its goods; then only the work is shown
    (R44).
    """
    seen = sees(reach, stores_of(members))
    members = members if seen else []
    # A question of a ticket is put in the words of who asks; a journey's title and reason hold the customer's figures.
    told = seen or "ticket_id" in task
    known = words.get(task["reason"])
    view = fold_members(members) if members else None
    phone = number_to_call(members) if members else None
    return {
        "task_id": task["task_id"],
        "customer_id": (members[0]["customer_id"] if members else task["customer_id"]) if seen else None,
        "customer_name": view["traits"].get("name") if view else None,
        "phone": phone,
        "call_link": f"tel:{phone}" if phone else None,
        "zalo_link": f"https://zalo.me/{phone[1:]}" if phone and not phone.startswith(_LANDLINE) else None,
        "segments": _segments(members),
        "kind": task["kind"],
        "title": known.title if known else task.get("title") if told else None,
        "reason": known.reason if known else task["reason"] if told else "",
        "role": task["role"],
        "opened_at": task["at"],
        "due_at": task["due_at"],
        "status": status_of(task),
        "deal": _deal(task, members, uow),
        "review": described(task, _people(task, members, uow, reach), known) if decisions(task) and members else None,
        **dict.fromkeys(_SHOWN),
        **picked(task, _SHOWN if seen else [name for name in _SHOWN if name not in _OF_CUSTOMER]),
    }


def _people(task: Task, members: list[Profile], uow: UnitOfWork, reach: frozenset[str]) -> list[Profile | None]:
    """The people a review is about, the task's customer first; None is one of stores that the caller does not reach."""
    other = cast(Item, task).get("with")
    theirs = members_of(uow, other) if other else []
    if not other or not theirs:
        return [fold_members(members)]
    if theirs[0]["customer_id"] == members[0]["customer_id"]:
        # They are one by now: each as their own facts have it.
        return [find(uow, task["customer_id"]), find(uow, other)]
    view = fold_members(theirs)
    return [fold_members(members), view if not reach or reach & set(view.get("stores", ())) else None]


def _segments(members: list[Profile]) -> dict[str, Any] | None:
    """The customer's stored labels."""
    labels = list(members[0].get("labels", ())) if members else []
    if not labels:
        return None
    marks = sorted({mark for member in members for mark in member.get("marks", ())})
    return {"lifecycle": labels[0], "value": labels[1], "tags": labels[2:] + marks}


def _deal(task: Task, members: list[Profile], uow: UnitOfWork) -> str | None:
    """The state of the deal in the task's journey, while its run is active."""
    if not task.get("journey"):
        return None
    for member in members:
        runs = (uow.get(table_keys.journeys_of(member["customer_id"])) or {}).get("runs", {})
        if run := runs.get(f"{task['journey']}|{task.get('run', '')}"):
            return run["deal"] or None
    return None

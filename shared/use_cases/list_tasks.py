"""The list of staff tasks: what is to be done, the most urgent first, or what was done, the latest first (X16)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from shared.domain.customer import Profile, fold_members
from shared.domain.task import Status, Task, Words, status_of
from shared.ports import Item, Table
from shared.use_cases import layout
from shared.use_cases.draft import Draft
from shared.use_cases.sending_state import members_of
from shared.use_cases.tasks import number_to_call

_PLACE = {"open": layout.task, "done": layout.task_done}
_TOLD = ("script", "store", "outcome", "note", "by", "done_at", "journey", "run", "step", "offer")


def listed(
    table: Table,
    status: Status,
    words: Mapping[str, Words],
    *,
    stores: Collection[str],
    role: str,
    limit: int,
    start: str | None,
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of the tasks of these stores (none: of all), for a role or, with "", for everybody.

    A page may be shorter than `limit` where a role is named, or where a task moved while it was being read.
    """
    rows, after = _rows(table, status, stores, limit, start)
    places = [_PLACE[status](row["task_id"]) for row in rows if role in ("", row["role"])]
    found = table.batch_get(places, consistent=False) if places else {}
    draft = Draft(table)
    draft.load(layout.profile(task["customer_id"]) for task in found.values())
    tasks = [found[place] for place in places if place in found]
    return [shown(task, members_of(draft, task["customer_id"]), words) for task in tasks], after


def _rows(
    table: Table, status: Status, stores: Collection[str], limit: int, start: str | None
) -> tuple[list[Item], str | None]:
    """One page of list rows over several stores, in order, and the sort key to go on from."""
    low, high = layout.task_range(status)
    latest_first = status == "done"
    rows: list[Item] = []
    ends = []
    for pk in [layout.task_list(store) for store in sorted(stores)] or [layout.task_list()]:
        page = table.query(
            pk, low=low, high=high, start=start, descending=latest_first, limit=limit, consistent=False
        )  # fmt: skip
        rows += page.items
        ends += [page.next] if page.next else []
    # A page may end early; what other stores have from behind that end waits for the next page.
    if ends and latest_first:
        rows = [row for row in rows if row["sk"] >= max(ends)]
    elif ends:
        rows = [row for row in rows if row["sk"] <= min(ends)]
    rows.sort(key=lambda row: row["sk"], reverse=latest_first)
    more = bool(ends) or len(rows) > limit
    return rows[:limit], rows[:limit][-1]["sk"] if more and rows else None


def shown(task: Task, members: list[Profile], words: Mapping[str, Words]) -> dict[str, Any]:
    """A task as staff see it, in words, with whom to call."""
    known = words.get(task["reason"])
    view = fold_members(members) if members else None
    return {
        "task_id": task["task_id"],
        "customer_id": members[0]["customer_id"] if members else task["customer_id"],
        "customer_name": view["traits"].get("name") if view else None,
        "phone": number_to_call(members) if members else None,
        "kind": task["kind"],
        "title": known.title if known else task.get("title"),
        "reason": known.reason if known else task["reason"],
        "assignee": task["role"],
        "opened_at": task["at"],
        "due_at": task["due_at"],
        "status": status_of(task),
        **{name: task.get(name) or None for name in _TOLD},
    }

"""End a review of two customers with a person's decision: they are one and are merged, or are kept apart (X3)."""

from __future__ import annotations

from typing import cast

from shared.domain.customers.reach import stores_of
from shared.domain.errors import Conflict, Forbidden
from shared.domain.tasks.review import check_outcome
from shared.domain.tasks.task import Task, closed_otherwise, finished, status_of
from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.merges import keep_apart
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.tasks import find_task, finish
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.customers.merge import Merger, Pair, find_pair


def decide_review(merger: Merger, task_id: str, outcome: str, note: str, stores: frozenset[str]) -> Task:
    """Close a review as `merged` or `kept_apart`, its counterpart on the other side too, and return it. Idempotent.

    `stores` are those the caller may reach (none: all); both customers have to be within. A review is of no journey, so
    none hears of it. Raises NotFound, Forbidden, Invalid for a task that is no such review, Conflict where it was
    closed with another outcome or the customers are one already and cannot be kept apart, and Busy.
    """
    return committed(merger.table, lambda uow: _decide(uow, merger, task_id, outcome, note, stores))


def _decide(uow: UnitOfWork, merger: Merger, task_id: str, outcome: str, note: str, stores: frozenset[str]) -> Task:
    task = find_task(uow, task_id, stores)
    if status_of(task) == "done":
        if task["outcome"] != outcome:
            raise closed_otherwise(task)
        return task
    check_outcome(task, outcome)
    one, other = task["customer_id"], _other(task)
    mine, theirs = members_of(uow, one), members_of(uow, other)
    if not mine or not theirs:
        raise Conflict("one of the two customers is no longer there", final=True)
    if stores and not all(stores & stores_of(members) for members in (mine, theirs)):
        raise Forbidden("one of the two customers belongs to stores the key has no access to")
    one_by_now = mine[0]["customer_id"] == theirs[0]["customer_id"]
    if one_by_now and outcome == "kept_apart":
        raise Conflict("they are one customer by now; undo the merge to keep them apart", final=True)
    finish(uow, finished(task, outcome, merger.by, note, merger.now), merger.now)
    reviews = [task, *merger.end_reviews(uow, Pair(mine, theirs), outcome)]
    if outcome == "kept_apart":
        for review in reviews:
            keep_apart(uow, review["customer_id"], _other(review))
    elif not one_by_now:
        merger.join(uow, find_pair(uow, one, other))
    return cast(Task, uow.get(table_keys.task_done(task_id)))


def _other(review: Task) -> str:
    return str(cast(Item, review)["with"])

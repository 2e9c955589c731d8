"""End a review of two customers with a person's decision: they are one and are merged, or are kept apart (X3)."""

from __future__ import annotations

from typing import cast

from shared.domain.customers.profile import Profile
from shared.domain.errors import Conflict, Forbidden
from shared.domain.tasks.review import check_outcome
from shared.domain.tasks.task import Task, closed_otherwise, finished, status_of
from shared.ports import Check, Item, equals
from shared.repositories import table_keys
from shared.repositories.merges import keep_apart
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.tasks import find_task, finish
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.customers.merge import Merger, Pair, find_pair
from shared.use_cases.customers.view import stores_of


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
    finish(uow, finished(task, outcome, merger.by, note, merger.now), merger.now)
    if mine[0]["customer_id"] == theirs[0]["customer_id"]:
        if outcome != "merged":
            raise Conflict("they are one customer by now; undo the merge to keep them apart", final=True)
        merger.end_reviews(uow, Pair(mine, theirs), outcome)
    elif outcome == "merged":
        merger.join(uow, find_pair(uow, one, other))
    else:
        _keep_apart(uow, merger, task, Pair(mine, theirs))
    return cast(Task, uow.get(table_keys.task_done(task_id)))


def _keep_apart(uow: UnitOfWork, merger: Merger, task: Task, pair: Pair) -> None:
    """Mark those whom the reviews between two customers name; a merge of the two at the same moment collides."""
    named = set()
    for review in (task, *merger.end_reviews(uow, pair, "kept_apart")):
        keep_apart(uow, review["customer_id"], _other(review))
        named |= {review["customer_id"], _other(review)}
    for members in pair[:2]:
        if members[0]["customer_id"] not in named:
            uow.also(_unchanged(members[0]))


def _unchanged(profile: Profile) -> Check:
    return Check(table_keys.profile(profile["customer_id"]), (equals(("version",), profile["version"]),))


def _other(review: Task) -> str:
    return str(cast(Item, review)["with"])

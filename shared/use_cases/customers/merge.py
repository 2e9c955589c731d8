"""Merge two customers by hand, or show what that would mean; `unmerge` is the way back (X3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from shared.domain.customers.merge_comparison import Side, changes, compare_consent, compare_traits
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.errors import Conflict, FieldError, Invalid, NotFound
from shared.domain.orders.order import OrderRow
from shared.domain.segments.metrics import Metrics, measure, to_stored
from shared.domain.segments.segmentation import classify
from shared.domain.tasks.task import Task, finished
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Item, Table
from shared.repositories import merges, profiles, table_keys
from shared.repositories.orders import rows_of
from shared.repositories.profiles import RulesToday, load_members, members_of
from shared.repositories.retry import committed
from shared.repositories.segment_membership import relabel
from shared.repositories.tasks import finish
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.customers.view import describe

BY_HAND = "merged by hand"
# Reviews that end in the commit of their merge, which has to fit into one transaction; others stay for a person.
REVIEWS_AT_ONCE = 4


class Pair(NamedTuple):
    """The members of two customers, the leading profile of each first, and how a person merged them, if one has."""

    lead: list[Profile]
    absorbed: list[Profile]
    merged: dict[str, str] | None = None


@dataclass(frozen=True)
class Merger:
    """Merges customers for a caller, `by` by name."""

    table: Table
    rules_today: RulesToday
    by: str
    now: datetime

    def merge(self, one: str, other: str) -> dict[str, Any]:
        """Merge the customers that speak for two ids today; returns both sides and what changes.

        Idempotent: for two that a person has merged before it returns that merge. Raises Invalid where both ids are the
        same, NotFound, Conflict where a rule has made them one customer already, and Busy.
        """
        return committed(self.table, lambda uow: self._merge(uow, one, other))

    def preview(self, one: str, other: str) -> dict[str, Any]:
        """What `merge` would return, with nothing written."""
        uow = UnitOfWork(self.table)
        return self._compared(uow, find_pair(uow, one, other))[0]

    def join(self, uow: UnitOfWork, pair: Pair, metrics: Metrics | None = None) -> dict[str, str]:
        """Merge two customers in this unit of work; returns how and when."""
        lead, absorbed = merges.join(
            uow, pair.lead[0], pair.absorbed[0], because=BY_HAND, at=stamp(self.now), by=self.by
        )
        relabel(uow, load_members(uow, lead), metrics, self.rules_today)
        return absorbed["merged_into"]

    def end_reviews(self, uow: UnitOfWork, pair: Pair, outcome: str) -> list[Task]:
        """Close the open reviews that ask whether the two are one person, on both sides; returns them."""
        sides = ((pair.lead, pair.absorbed), (pair.absorbed, pair.lead))
        asking = [task for side, other in sides for task in _asking(_tasks(_open_items(uow, side)), other)]
        # Of two that are one by now, both sides are the same.
        ended = list({task["task_id"]: task for task in asking}.values())[:REVIEWS_AT_ONCE]
        for task in ended:
            finish(uow, finished(task, outcome, self.by, "", self.now), self.now)
        return ended

    def _merge(self, uow: UnitOfWork, one: str, other: str) -> dict[str, Any]:
        pair = find_pair(uow, one, other)
        if pair.merged:
            return self._compared(uow, pair)[0]
        # First, because orders that mature today take only what room they leave.
        self.end_reviews(uow, pair, "merged")
        body, metrics = self._compared(uow, pair)
        return body | _told(self.join(uow, pair, metrics))

    def _compared(self, uow: UnitOfWork, pair: Pair) -> tuple[dict[str, Any], Metrics]:
        """Both sides as of today and what becomes of them, and the metrics of the two together.

        A merge moves no facts, so this says the same before and after it.
        """
        lead, absorbed = (self._looked_at(uow, members) for members in (pair.lead, pair.absorbed))
        metrics = self._measured([*lead.rows, *absorbed.rows])
        result = self._described([*pair.lead, *pair.absorbed], metrics)
        noted = changes(
            lead.told(), absorbed.told(), kept_apart=_kept_apart(uow, pair), refused=result["refused"] or ""
        )
        body = {
            **_told(pair.merged or {}),
            "lead": self._side(lead, absorbed),
            "absorbed": self._side(absorbed, lead),
            "result": result,
            "traits": compare_traits(lead.view, absorbed.view),
            "consent": compare_consent(lead.view, absorbed.view),
            "changes": [change._asdict() for change in noted],
        }
        return body, metrics

    def _looked_at(self, uow: UnitOfWork, members: list[Profile]) -> _Side:
        return _Side(members, rows_of(uow, members, self.rules_today), _open_items(uow, members))

    def _side(self, side: _Side, other: _Side) -> dict[str, Any]:
        """One side as a customer of its own, with what is open for it but for the question that the merge answers."""
        asked = [task["task_id"] for task in _asking(side.tasks, other.members)]
        today = self.rules_today.today
        return self._described(side.members, self._measured(side.rows)) | {
            "open": {
                "journeys": side.journeys,
                "tasks": [task["task_id"] for task in side.tasks if task["task_id"] not in asked],
                "tickets": [item["ticket_id"] for item in side.items if item["sk"].startswith("OS#")],
                "appointments": [
                    item["appointment_id"]
                    for item in side.items
                    if item["sk"].startswith("OA#") and local_day(moment(item["starts_at"])) >= today
                ],
            }
        }

    def _measured(self, rows: Iterable[OrderRow]) -> Metrics:
        today = self.rules_today
        return measure(rows, today.today, today.rules, today.cutoffs)

    def _described(self, members: list[Profile], metrics: Metrics) -> dict[str, Any]:
        """Members as one customer of today, whatever labels and figures are stored."""
        today = self.rules_today
        labelled = classify(metrics, fold_members(members), today.today, today.rules, today.cutoffs)
        standing = {"metrics": to_stored(metrics), "labels": list(labelled.labels), "refused": labelled.refused or None}
        return describe([cast(Profile, {**members[0], **standing}), *members[1:]], today)


class _Side(NamedTuple):
    """One side of a merge as the table has it: its members, their orders and what is open for them."""

    members: list[Profile]
    rows: list[OrderRow]
    items: list[Item]

    @property
    def view(self) -> Profile:
        return fold_members(self.members)

    @property
    def tasks(self) -> list[Task]:
        return _tasks(self.items)

    @property
    def journeys(self) -> list[str]:
        return sorted(run["journey"] for item in self.items for run in item.get("runs", {}).values())

    def told(self) -> Side:
        keeper = next((member["keeper"] for member in self.members if "keeper" in member), "")
        return Side(self.view, self.journeys, [t["task_id"] for t in self.tasks if t["kind"] == "call"], keeper)


def find_pair(uow: UnitOfWork, one: str, other: str) -> Pair:
    """The customers that speak for two ids today; raises Invalid, NotFound, and Conflict where a rule has made them
    one."""
    if one == other:
        raise Invalid([FieldError("other", "must be another customer")])
    mine, theirs = members_of(uow, one), members_of(uow, other)
    if not mine or not theirs:
        raise NotFound("there is no such customer")
    if mine[0]["customer_id"] != theirs[0]["customer_id"]:
        leads = merges.by_precedence(mine[0], theirs[0])[0] == mine[0]
        return Pair(mine, theirs) if leads else Pair(theirs, mine)
    absorbed = _merged_by_hand(uow, one, other)
    if absorbed is None:
        raise Conflict("they are one customer already", final=True)
    below = load_members(uow, absorbed)
    lead = profiles.find(uow, absorbed["merged_into"]["customer_id"])
    assert lead is not None
    inside = {member["customer_id"] for member in below}
    above = [member for member in load_members(uow, lead) if member["customer_id"] not in inside]
    return Pair(above, below, absorbed["merged_into"])


def _merged_by_hand(uow: UnitOfWork, one: str, other: str) -> Profile | None:
    """The absorbed profile of the latest merge by a person that joined two ids; None where only rules did."""
    chains = [_chain(uow, one), _chain(uow, other)]
    between = [chains[n][i] for n in (0, 1) for i in chains[n].keys() - chains[1 - n].keys()]
    found = [profile for profile in between if "by" in profile["merged_into"]]
    return max(found, key=lambda p: (p["merged_into"]["at"], p["merged_into"]["merge_id"]), default=None)


def _chain(uow: UnitOfWork, customer_id: str) -> dict[str, Profile]:
    """A profile and those it was merged into, up to the leading one."""
    found: dict[str, Profile] = {}
    profile = profiles.find(uow, customer_id)
    while profile:
        found[profile["customer_id"]] = profile
        profile = profiles.find(uow, profile["merged_into"]["customer_id"]) if "merged_into" in profile else None
    return found


def _told(merged: dict[str, str]) -> dict[str, Any]:
    return {"merged": bool(merged)} | {name: merged.get(name) for name in ("merge_id", "at", "by")}


def _kept_apart(uow: UnitOfWork, pair: Pair) -> bool:
    """Whether a person had parted the two; a merge by hand takes that mark into its record."""
    if pair.merged is None:
        return merges.marked(pair.lead, pair.absorbed, "apart")
    key = table_keys.merge_record(pair.absorbed[0]["customer_id"], pair.merged["merge_id"])
    return bool((uow.get(key) or {}).get("marks"))


def _open_items(uow: UnitOfWork, members: list[Profile]) -> list[Item]:
    low, high = table_keys.OPEN_ITEMS
    pks = [table_keys.profile(member["customer_id"]).pk for member in members]
    return [item for pk in pks for item in uow.collection(pk, low, high)]


def _tasks(items: list[Item]) -> list[Task]:
    return [cast(Task, item) for item in items if item["sk"].startswith("OT#")]


def _asking(tasks: list[Task], others: list[Profile]) -> list[Task]:
    """Of open tasks the reviews that ask about another customer."""
    ids = {member["customer_id"] for member in others}
    return [task for task in tasks if cast(Item, task).get("with") in ids]

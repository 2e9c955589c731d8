"""Migrate the customers in a journey to another version of it, or count them first (X18).

A run stays on the version it entered with until an operator moves it. A run moves when the step it stands
at is in the other version too and does the same kind of thing; else it is over, for the reason `version_changed`. Each
customer is one commit, and who is there already stays, so a migration that was stopped is simply run again, and the way
back is a migration to the version before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from shared.domain.journeys.definition import Journey
from shared.domain.journeys.engine import Moved, Run
from shared.domain.vietnam_time import stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.customer_runs import CustomerRuns
from shared.use_cases.journeys.steps import Place

PAGE = 100
# What one run holds when it is over, messages and tasks among it, has to fit into one commit with the others'.
RUNS_A_COMMIT = 5
Fate = Literal["stays", "moves", "cancelled"]


class Version(NamedTuple):
    """A content that people entered a journey with, and when it was first there (a stamp)."""

    journey: Journey
    at: str


class Changes(NamedTuple):
    """How two versions of a journey differ: steps by id, and the names of its other fields."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    fields: tuple[str, ...]


@dataclass
class Counts:
    """How many runs move, are cancelled, and stay because they are there already."""

    moved: int = 0
    cancelled: int = 0
    stayed: int = 0

    def add(self, fate: Fate) -> None:
        self.moved += fate == "moves"
        self.cancelled += fate == "cancelled"
        self.stayed += fate == "stays"

    @property
    def seen(self) -> int:
        return self.moved + self.cancelled + self.stayed


def versions(table: Table, journey_id: str) -> dict[str, Version]:
    """Every version that a customer ever entered with."""
    found: dict[str, Version] = {}
    for items in _pages(table, table_keys.JOURNEY + journey_id, "V#", "V#~"):
        for item in items:
            kept = Version(Journey.model_validate_json(item["definition"]), item["at"])
            found[item["sk"].removeprefix("V#")] = kept
    return found


def compare(before: Journey, after: Journey) -> Changes:
    """The changes from one version to the other. Steps in another order are a changed field."""
    old, new = ({step.id: step for step in journey.steps} for journey in (before, after))
    both = [name for name in old if name in new]
    fields = [
        name for name in Journey.model_fields if name != "steps" and getattr(before, name) != getattr(after, name)
    ]
    if both != [name for name in new if name in old]:
        fields.append("order of the steps")
    return Changes(
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(name for name in both if old[name] != new[name]),
        tuple(fields),
    )


@dataclass(frozen=True)
class Migration:
    """Everybody inside a journey, to the version `target` of it."""

    journeys: JourneyContext
    target: Journey

    def count(self, on_done: Callable[[int], None] = lambda _: None) -> Counts:
        """What `run` would do now, with nothing written. `on_done` hears how many were looked at."""
        counts = Counts()
        for _, state, names in self._inside():
            for name in names:
                if run := state.get("runs", {}).get(name):
                    counts.add(self._fate(run))
            on_done(counts.seen)
        return counts

    def run(self, on_done: Callable[[int], None] = lambda _: None) -> Counts:
        """Migrate every run; safe to stop and to repeat. Raises Busy when too many writers change a customer."""
        self.journeys.publish(self.target)
        counts = Counts()
        for customer_id, _, names in self._inside():
            for start in range(0, len(names), RUNS_A_COMMIT):
                for fate in self._bring_over(customer_id, names[start : start + RUNS_A_COMMIT]):
                    counts.add(fate)
            on_done(counts.seen)
        return counts

    def _inside(self) -> Iterator[tuple[str, Item, list[str]]]:
        """Who is inside: the customer, the item of their runs as it was just now, and the names of their runs."""
        journey_id = self.target.id
        for rows in _pages(self.journeys.table, table_keys.INSIDE + journey_id):
            states = self.journeys.table.batch_get([table_keys.journeys_of(row["customer_id"]) for row in rows])
            for customer_id, own in groupby(rows, lambda row: str(row["customer_id"])):
                state = states.get(table_keys.journeys_of(customer_id), {})
                yield customer_id, state, [f"{journey_id}|{row['run']}" for row in own]

    def _fate(self, run: Run) -> Fate:
        if run["version"] == self.target.version:
            return "stays"
        step, same = self.journeys.definition(run).step(run["step"]), self.target.step(run["step"])
        return "moves" if step and same and step.kind == same.kind else "cancelled"

    def _bring_over(self, customer_id: str, names: list[str]) -> list[Fate]:
        def move(uow: UnitOfWork) -> list[Fate]:
            runs = CustomerRuns(self.journeys, uow, members_of(uow, customer_id))
            fates = []
            for place, run in runs.runs():
                if place.customer_id == customer_id and place.name in names:
                    fates.append(fate := self._fate(run))
                    self._settle(runs, place, run, fate)
            runs.save()
            return fates

        return committed(self.journeys.table, move)

    def _settle(self, runs: CustomerRuns, place: Place, run: Run, fate: Fate) -> None:
        if fate == "cancelled":
            over = Moved(run, ended="version_changed")
            runs.move(place, self.journeys.definition(run), over, withdrawn=True)
        elif fate == "moves":
            fresh: Run = {**run, "version": self.target.version}
            if "due_at" in run:
                # The next minute tick looks at it anew: the other version may wait for longer, or not so long.
                fresh["due_at"] = stamp(self.journeys.now)
            runs.steps.count(run, moved_out=1)
            runs.steps.count(fresh, moved_in=1)
            runs.steps.tell(run, "moved_out")
            runs.steps.tell(fresh, "moved_in")
            runs.move(place, self.target, Moved(fresh), withdrawn=False)


def _pages(table: Table, pk: str, low: str = "", high: str | None = None) -> Iterator[list[Item]]:
    start = None
    while True:
        page = table.query(pk, low=low, high=high, start=start, limit=PAGE)
        yield page.items
        start = page.next
        if start is None:
            return

"""Journeys at work: news lets customers in, moves them and takes them out; due runs go on by themselves (A1, X5, X18).

All runs of a customer stand in one item, which is due by itself. Whoever learns of something tells it in the same
draft in which it is written down, so news and what follows from it are one commit: told twice, it is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.customers.profile import Profile
from shared.domain.errors import Busy, Conflict
from shared.domain.journeys.definition import Journey
from shared.domain.journeys.engine import Run, Signal, hear
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import stamp
from shared.ports import NewId, Put, Table, Update, absent, present
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory, cached
from shared.repositories.products import Products
from shared.repositories.profiles import RulesToday, members_of
from shared.repositories.task_assignment import Roster
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.customer_runs import Desk, Planned
from shared.use_cases.journeys.definitions import Mode, World

ATTEMPTS = 6
# What failed for a reason of its own is tried again then, and the failure raised meanwhile.
PAUSE = timedelta(minutes=15)


@dataclass(frozen=True)
class Journeys:
    """Everything journeys need at one moment."""

    table: Table
    world: World
    rules_today: RulesToday
    sending: SendingRules
    new_id: NewId
    public_url: Callable[[], str]
    now: datetime
    memory: ProcessMemory
    roster: Callable[[], Roster]

    @property
    def products(self) -> Products:
        return Products(self.table, self.memory, self.now)

    # ---- news ----

    def tell(
        self,
        uow: UnitOfWork,
        members: list[Profile],
        signal: Signal,
        *,
        home: str = "",
        history: bool = False,
        act: bool = True,
        first_try: bool = False,
    ) -> Planned:
        """Tell what happened to a customer, the leading profile first; answers with the messages that were planned.

        `home` is the member whose own fact it is, the lead unless somebody else is named: what follows stays with it,
        also when a merge is undone (X3).
        History ends what it ends and lets nobody in (R1). Without `act`, whoever gets in is due at once instead. On the
        `first_try` of a draft what a run plans is taken as new; should it not be, the commit says so.
        """
        signal = self.world.trusted(signal)
        desk = Desk(self, uow, members, home=home, first_try=first_try)
        for place, run in desk.runs():
            try:
                journey = self.definition(run)
            except LookupError:
                # The news is true all the same; the next tick meets the run and says what is wrong.
                desk.set(place, {**run, "next_due": min(run["next_due"], stamp(self.now))})
                continue
            if signal.name == "Task Done" and _own(run, signal):
                done = {**run.get("outcomes", {}), str(signal.properties["step"]): signal.properties["outcome"]}
                run = {**run, "outcomes": done, "vars": _promised(run["vars"], signal)}
                if run.get("listens"):
                    run["next_due"] = min(run["next_due"], stamp(self.now))
                desk.set(place, run)
            if signal.name not in journey.hears or ("run" in signal.properties and not _own(run, signal)):
                continue
            moved = hear(journey, run, signal, desk.facts(run, signal.properties))
            if moved:
                if moved.run["anchor"] != run["anchor"]:
                    moved.run = desk.take_back(moved.run, "begun_anew")
                desk.move(place, journey, moved, withdrawn=True)
        if not history and not desk.refused:
            for journey in self.world.journeys.values():
                if signal.name in journey.trigger.event:
                    desk.let_in(journey, signal)
        if not history:
            desk.remember(signal)
        if act:
            desk.work()
        desk.save()
        return desk.planned

    def wake(self, customer_id: str) -> Planned:
        """Let the runs of a customer that are due go on; safe to repeat. Raises Busy when too many do so at once, and
        LookupError when one of them has a content nobody has any more, once the others went on."""
        for attempt in range(ATTEMPTS):
            uow = UnitOfWork(self.table)
            uow.load([table_keys.journeys_of(customer_id), table_keys.profile(customer_id)])
            if uow.get(table_keys.journeys_of(customer_id)) is None:
                return []
            members = members_of(uow, customer_id)
            if not members:
                return []
            desk = Desk(self, uow, members, first_try=attempt == 0)
            desk.work()
            desk.save()
            try:
                uow.commit()
            except (Conflict, Busy):
                continue
            if desk.failure:
                raise desk.failure
            return desk.planned
        raise Busy(f"the journeys of {customer_id} are being moved by too many at once")

    def put_off(self, customer_id: str) -> None:
        """Let a customer whose runs cannot go on stand back, so that they hold up nobody."""
        key, later = table_keys.journeys_of(customer_id), stamp(self.now + PAUSE)
        with suppress(Conflict):  # nothing of theirs is due any more
            self.table.write(Update(key, set={("due_at",): later}, add={("version",): 1}, when=(present("due_at"),)))

    # ---- definitions and modes ----

    def definition(self, run: Run) -> Journey:
        """The content a run entered with (X18); raises LookupError when nobody has it any more."""
        shipped = self.world.journeys.get(run["journey"])
        if shipped and shipped.version == run["version"]:
            return shipped
        known = self.memory.journey_versions
        name = (run["journey"], run["version"])
        if name not in known:
            item = self.table.get(table_keys.journey_version(*name))
            if item is None:
                raise LookupError(f"journey {name[0]} has no version {name[1]}")
            known[name] = Journey.model_validate_json(item["definition"])
        return known[name]

    def publish(self, journey: Journey) -> None:
        """Keep the content that people are about to enter with; once per process."""
        done = self.memory.journeys_published
        version = journey.version
        if (journey.id, version) not in done:
            key = table_keys.journey_version(journey.id, version)
            content = journey.model_dump_json(by_alias=True, exclude_unset=True)
            item = {"pk": key.pk, "sk": key.sk, "definition": content, "at": stamp(self.now)}
            with suppress(Conflict):  # somebody entered with it before
                self.table.write(Put(item, (absent(),)))
            done.add((journey.id, version))

    def mode(self, journey_id: str) -> Mode:
        """For whom a journey is live; what was set is known everywhere within a minute."""
        known = cached(
            self.memory.journey_modes,
            table_keys.JOURNEY_MODES,
            lambda: (self.table.get(table_keys.JOURNEY_MODES) or {}).get("modes", {}),
        )
        told_mode = known.get(journey_id)
        return Mode(*told_mode) if told_mode else Mode("all" if self.world.live else "shadow")

    def counts(self, journey_id: str) -> dict[str, dict[str, int]]:
        """What became of people by version: "entered", "holdout", "at <step>", "ended <why>", "holdout ended <why>";
        "shadow" counts what was decided and not sent."""
        found: dict[str, dict[str, int]] = {}
        start = None
        while True:
            page = self.table.query(
                table_keys.JOURNEY + journey_id, low="N#", high="N#~", start=start, consistent=False
            )
            for item in page.items:
                counts = found.setdefault(item["sk"].split("#")[1], {})
                for name, number in item.items():
                    if name not in ("pk", "sk"):
                        counts[name] = counts.get(name, 0) + number
            start = page.next
            if start is None:
                return found


def set_mode(table: Table, journey_id: str, mode: Mode) -> None:
    """Say for whom a journey is live from now on; raises Conflict when somebody else is saying so of another."""
    uow = UnitOfWork(table)
    known = uow.get(table_keys.JOURNEY_MODES) or {}
    uow.put(table_keys.JOURNEY_MODES, {"modes": {**known.get("modes", {}), journey_id: list(mode)}})
    uow.commit()


def _own(run: Run, signal: Signal) -> bool:
    """Whether news that names a run is about this one."""
    said = signal.properties
    return bool(said.get("journey") == run["journey"] and said.get("run") == run["run"])


def _promised(known: Mapping[str, Any], signal: Signal) -> dict[str, Any]:
    """What a run knows, with the moment by which the customer said they would order; the latest call counts."""
    said = {name: value for name, value in known.items() if name != "order_by"}
    return said | {name: value for name, value in signal.properties.items() if name == "order_by"}

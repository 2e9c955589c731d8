"""What journeys need at one moment: table, playbook, definitions by version, modes and counts (X18)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.errors import Conflict
from shared.domain.experiments.variants import Standing
from shared.domain.journeys.definition import Journey
from shared.domain.journeys.engine import Run
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import stamp
from shared.ports import NewId, Put, Table, absent
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory, cached
from shared.repositories.products import Products
from shared.repositories.profiles import RulesToday
from shared.repositories.task_assignment import Roster
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.definitions import JourneyPlaybook, Mode


@dataclass(frozen=True)
class JourneyContext:
    """Everything journeys need at one moment; `standings` says by journey and version what its variants reached."""

    table: Table
    playbook: JourneyPlaybook
    rules_today: RulesToday
    sending: SendingRules
    new_id: NewId
    public_url: Callable[[], str]
    now: datetime
    memory: ProcessMemory
    roster: Callable[[], Roster]
    standings: Mapping[tuple[str, str], Standing] = field(default_factory=dict)

    @property
    def products(self) -> Products:
        return Products(self.table, self.memory, self.now)

    def definition(self, run: Run) -> Journey:
        """The version of the journey that a run entered with (X18); raises LookupError when it is gone."""
        shipped = self.playbook.journeys.get(run["journey"])
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
        """Store the version that customers are about to enter with; once per process."""
        done = self.memory.journeys_published
        version = journey.version
        if (journey.id, version) not in done:
            key = table_keys.journey_version(journey.id, version)
            content = journey.model_dump_json(by_alias=True, exclude_unset=True)
            item = {"pk": key.pk, "sk": key.sk, "definition": content, "at": stamp(self.now)}
            with suppress(Conflict):  # it was stored before
                self.table.write(Put(item, (absent(),)))
            done.add((journey.id, version))

    def mode(self, journey_id: str) -> Mode:
        """For whom a journey is live; a change reaches every process within a minute."""
        known = cached(
            self.memory.journey_modes,
            table_keys.JOURNEY_MODES,
            lambda: (self.table.get(table_keys.JOURNEY_MODES) or {}).get("modes", {}),
        )
        stored = known.get(journey_id)
        return Mode(*stored) if stored else Mode("all" if self.playbook.live else "shadow")

    def counts(self, journey_id: str) -> dict[str, dict[str, int]]:
        """Counters by version: "entered", "holdout", "at <step>", "ended <why>", "holdout ended <why>"; "shadow" counts
        messages that were decided and not sent."""
        found: dict[str, dict[str, int]] = {}
        start = None
        while True:
            page = self.table.query(
                table_keys.JOURNEY + journey_id, low="N#", high="N#~", start=start, consistent=False
            )
            for item in page.items:
                counts = found.setdefault(item["sk"].removeprefix("N#"), {})
                for name, number in item.items():
                    if name not in ("pk", "sk"):
                        counts[name] = counts.get(name, 0) + number
            start = page.next
            if start is None:
                return found


def set_mode(table: Table, journey_id: str, mode: Mode) -> None:
    """Set for whom a journey is live; raises Conflict when another mode is set at the same moment."""
    uow = UnitOfWork(table)
    known = uow.get(table_keys.JOURNEY_MODES) or {}
    uow.put(table_keys.JOURNEY_MODES, {"modes": {**known.get("modes", {}), journey_id: list(mode)}})
    uow.commit()

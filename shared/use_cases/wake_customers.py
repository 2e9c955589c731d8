"""The lifecycle lane: on the day something about a customer changes by itself, look at the customer again (X4, G7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import Busy, Conflict
from shared.ports import Clock, DueRow, Item, Key, Table
from shared.use_cases import layout
from shared.use_cases.draft import Draft
from shared.use_cases.standing import LIFECYCLE_LANE, Ruling, figures, load_members, mature, settle
from shared.use_cases.sweep_due import Swept, sweep
from shared.use_cases.take_events import ATTEMPTS


@dataclass(frozen=True)
class Waker:
    """Everything a wake needs."""

    table: Table
    ruling: Ruling

    def sweep(self, until: datetime, *, clock: Clock, seconds: float) -> Swept:
        """Wake everybody who is due; a page of them is read with one request."""
        known: dict[Key, Item | None] = {}

        def read_ahead(rows: list[DueRow]) -> None:
            known.clear()
            Draft(self.table, known).load(row.key for row in rows)

        def work(row: DueRow) -> bool:
            return self.wake(row, known)

        return sweep(self.table, LIFECYCLE_LANE, until, work, clock=clock, seconds=seconds, read_ahead=read_ahead)

    def wake(self, row: DueRow, known: dict[Key, Item | None] | None = None) -> bool:
        """Bring a customer, or a walk-in's COD order, to where it stands today; False when that was done already."""
        for attempt in range(ATTEMPTS):
            # What was read ahead serves the first attempt; whoever lost a race reads again.
            draft = Draft(self.table, known if attempt == 0 else None)
            profile = draft.get(row.key)
            if profile is None or profile.get("due_at") != row.due_at:
                return False
            try:
                if row.key.pk.startswith(layout.ORDERS):
                    mature(draft, row.key.pk.removeprefix(layout.ORDERS), self.ruling)
                else:
                    self._settle(draft, profile)
                draft.commit()
                return True
            except (Conflict, Busy):
                continue
        raise Busy(f"customer {row.key.pk} is being changed by too many at once")

    def _settle(self, draft: Draft, profile: dict[str, object]) -> None:
        lead = dict(profile)
        # A wake always moves on, also when the next date falls on the moment that just passed.
        lead.pop("due_at")
        settle(draft, load_members(draft, lead), figures(lead), self.ruling)

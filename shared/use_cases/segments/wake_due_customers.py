"""The lifecycle lane: relabel customers on the day their labels change by time alone (X4, G7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from shared.domain.customers.key_dates import key_dates
from shared.domain.customers.profile import Profile, caring_store, fold_members
from shared.domain.errors import Busy, Conflict
from shared.domain.journeys.engine import Signal
from shared.domain.journeys.label_signals import label_signals
from shared.domain.vietnam_time import day_start, stamp
from shared.ports import Clock, DueRow, Item, Key, Table
from shared.repositories import table_keys
from shared.repositories.due_index import DAMAGED, OnFailure, Swept, put_off, sweep
from shared.repositories.orders import mature
from shared.repositories.profiles import RulesToday, load_members, metrics_of
from shared.repositories.retry import committed
from shared.repositories.segment_membership import LIFECYCLE_LANE, relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.journeys.context import JourneyContext

# The list of a day's birthdays is read on that day.
BIRTHDAY_KEPT = timedelta(days=3)


@dataclass(frozen=True)
class Waker:
    """Wakes the customers who are due in the lifecycle lane; `on_failure` is called for one who cannot be woken."""

    journeys: JourneyContext
    on_failure: OnFailure

    @property
    def table(self) -> Table:
        return self.journeys.table

    @property
    def rules_today(self) -> RulesToday:
        return self.journeys.rules_today

    def sweep(self, until: datetime, *, clock: Clock, seconds: float) -> Swept:
        """Wake all customers due; a page of them is read with one request."""
        known: dict[Key, Item | None] = {}

        def read_ahead(rows: list[DueRow]) -> None:
            known.clear()
            whose = [row.key.pk.removeprefix("C#") for row in rows if row.key.pk.startswith("C#")]
            UnitOfWork(self.table, known).load([*(row.key for row in rows), *map(table_keys.journeys_of, whose)])

        def work(row: DueRow) -> bool:
            try:
                return self.wake(row, known)
            except (Busy, Conflict):
                raise
            except DAMAGED as error:
                self.on_failure(row, error, put_off(self.table, row, self.journeys.now))
                return False

        return sweep(self.table, LIFECYCLE_LANE, until, work, clock=clock, seconds=seconds, read_ahead=read_ahead)

    def wake(self, row: DueRow, known: dict[Key, Item | None] | None = None) -> bool:
        """Bring a customer, or a walk-in's COD order, to today; False when that was done already."""
        # What was read ahead serves the first attempt only.
        return committed(self.table, lambda uow: self._wake(uow, row), known=known)

    def _wake(self, uow: UnitOfWork, row: DueRow) -> bool:
        item = uow.get(row.key)
        if item is None or item.get("due_at") != row.due_at:
            return False
        if row.key.pk.startswith(table_keys.ORDERS):
            mature(uow, row.key.pk.removeprefix(table_keys.ORDERS), self.rules_today)
        else:
            self._relabel(uow, cast(Profile, item))
        return True

    def _relabel(self, uow: UnitOfWork, profile: Profile) -> None:
        lead = profile.copy()
        # A wake always moves on, also when the next date falls on the moment that just passed.
        lead.pop("due_at")
        lead.pop("failed_wakes", None)
        after = relabel(uow, load_members(uow, lead), metrics_of(lead), self.rules_today, waking=True)
        # Signalled as of the day, so that a second wake on one day signals nothing new.
        day = stamp(day_start(self.rules_today.today))
        members = load_members(uow, after)
        heard = list(lead.get("labels", ()))
        if slipped_from := lead.get("slipped_from"):
            heard[0] = slipped_from
        for signal in [*label_signals(heard, after["labels"], day), *self._key_date_signals(members, day)]:
            if signal.name == "Birthday":
                self._list_birthday(uow, members)
            # The early hours only enter customers; the next minute tick runs their journeys.
            if self.journeys.playbook.heard(signal.name):
                handle_signal(self.journeys, uow, members, signal, act=False)

    def _list_birthday(self, uow: UnitOfWork, members: list[Profile]) -> None:
        """List the birthday for the morning digest of the customer's store (R24)."""
        if store := caring_store(fold_members(members)):
            today = self.rules_today.today
            key = table_keys.birthday(today.isoformat(), store, members[0]["customer_id"])
            uow.mark(key, {"ttl": int(day_start(today + BIRTHDAY_KEPT).timestamp())})

    def _key_date_signals(self, members: list[Profile], at: str) -> list[Signal]:
        """The signals of the key dates that fall on today: birthday, points about to expire (A3, R8)."""
        traits, today = fold_members(members)["traits"], self.rules_today.today
        signals = []
        for name, on in key_dates(traits, today).items():
            if on == today and name == "birthday":
                signals.append(Signal("Birthday", at, {"on": today.isoformat()}))
            elif on == today:
                points = {"points": str(traits["@points"]), "expires_on": str(traits["@points_expire_on"])}
                days = int(name.removeprefix("points_"))
                signals.append(Signal("Points Expiring", at, {"on": today.isoformat(), "days": days, **points}))
        return signals

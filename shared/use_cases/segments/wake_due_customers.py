"""The lifecycle lane: on the day something about a customer changes by itself, look at the customer again (X4, G7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.customers.key_dates import occasions
from shared.domain.customers.profile import Profile, caring_store, fold_members
from shared.domain.errors import Busy, Conflict
from shared.domain.journeys.engine import Signal
from shared.domain.journeys.label_signals import label_signals
from shared.domain.vietnam_time import day_start, stamp
from shared.ports import Clock, DueRow, Item, Key, Table
from shared.repositories import table_keys
from shared.repositories.due_index import Swept, sweep
from shared.repositories.orders import mature
from shared.repositories.profiles import RulesToday, load_members, metrics_of
from shared.repositories.segment_membership import LIFECYCLE_LANE, relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.events.ingest_events import ATTEMPTS
from shared.use_cases.journeys.context import Journeys

# The list of a day's birthdays is read on that day.
BIRTHDAY_KEPT = timedelta(days=3)


@dataclass(frozen=True)
class Waker:
    """Everything a wake needs."""

    journeys: Journeys

    @property
    def table(self) -> Table:
        return self.journeys.table

    @property
    def rules_today(self) -> RulesToday:
        return self.journeys.rules_today

    def sweep(self, until: datetime, *, clock: Clock, seconds: float) -> Swept:
        """Wake everybody who is due; a page of them is read with one request."""
        known: dict[Key, Item | None] = {}

        def read_ahead(rows: list[DueRow]) -> None:
            known.clear()
            whose = [row.key.pk.removeprefix("C#") for row in rows if row.key.pk.startswith("C#")]
            UnitOfWork(self.table, known).load([*(row.key for row in rows), *map(table_keys.journeys_of, whose)])

        def work(row: DueRow) -> bool:
            return self.wake(row, known)

        return sweep(self.table, LIFECYCLE_LANE, until, work, clock=clock, seconds=seconds, read_ahead=read_ahead)

    def wake(self, row: DueRow, known: dict[Key, Item | None] | None = None) -> bool:
        """Bring a customer, or a walk-in's COD order, to where it stands today; False when that was done already."""
        for attempt in range(ATTEMPTS):
            # What was read ahead serves the first attempt; whoever lost a race reads again.
            uow = UnitOfWork(self.table, known if attempt == 0 else None)
            profile = uow.get(row.key)
            if profile is None or profile.get("due_at") != row.due_at:
                return False
            try:
                if row.key.pk.startswith(table_keys.ORDERS):
                    mature(uow, row.key.pk.removeprefix(table_keys.ORDERS), self.rules_today)
                else:
                    self._settle(uow, profile)
                uow.commit()
                return True
            except (Conflict, Busy):
                continue
        raise Busy(f"customer {row.key.pk} is being changed by too many at once")

    def _settle(self, uow: UnitOfWork, profile: dict[str, object]) -> None:
        lead: Item = dict(profile)
        # A wake always moves on, also when the next date falls on the moment that just passed.
        lead.pop("due_at")
        after = relabel(uow, load_members(uow, lead), metrics_of(lead), self.rules_today, waking=True)
        # Told as of the day, so that a day on which somebody is woken twice is told once.
        day = stamp(day_start(self.rules_today.today))
        members = load_members(uow, after)
        heard = list(lead.get("labels", ()))
        if slipped_from := lead.get("slipped_from"):
            heard[0] = slipped_from
        for signal in [*label_signals(heard, after["labels"], day), *self._occasions(members, day)]:
            if signal.name == "Birthday":
                self._list_birthday(uow, members)
            # The early hours only let people in; the minute after goes on with them.
            if self.journeys.world.heard(signal.name):
                self.journeys.tell(uow, members, signal, act=False)

    def _list_birthday(self, uow: UnitOfWork, members: list[Profile]) -> None:
        """Let the store that cares for somebody read of their birthday in the morning (R24)."""
        if store := caring_store(fold_members(members)):
            today = self.rules_today.today
            key = table_keys.birthday(today.isoformat(), store, members[0]["customer_id"])
            uow.mark(key, {"ttl": int(day_start(today + BIRTHDAY_KEPT).timestamp())})

    def _occasions(self, members: list[Profile], at: str) -> list[Signal]:
        """What falls on today in this customer's life: the birthday, points about to expire (A3, R8)."""
        traits, today = fold_members(members)["traits"], self.rules_today.today
        news = []
        for name, on in occasions(traits, today).items():
            if on == today and name == "birthday":
                news.append(Signal("Birthday", at, {"on": today.isoformat()}))
            elif on == today:
                said = {"points": str(traits["@points"]), "expires_on": str(traits["@points_expire_on"])}
                days = int(name.removeprefix("points_"))
                news.append(Signal("Points Expiring", at, {"on": today.isoformat(), "days": days, **said}))
        return news

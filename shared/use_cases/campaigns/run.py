"""Run a campaign: each minute plan the messages of the next people, within its pace, its daily cap and sending hours.

People, their messages and how far the campaign is are one write, so at whatever point a run dies, the next one goes on
where it stopped and nobody is written to twice. The walk is repeated until it finds nobody new, since people move from
list to list while it is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.errors import Conflict
from shared.domain.messaging.policy import Decision
from shared.domain.vietnam_time import day_start, local_day, moment, stamp
from shared.ports import Item, Key, Queue, Table
from shared.repositories import table_keys
from shared.repositories.messages import enqueue, plan
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.campaigns.audience import ZNS, Cursor, People, Verdict, look

# Each page is some three requests: a tick looks at no more than this, also where hardly anybody fits.
PAGES_A_TICK = 100
# Two items a person and the campaign's own row fit into one transaction.
PEOPLE_A_WRITE = 45
# While Zalo has not said yet what is left of today's quota, so many a minute find out.
ZNS_PROBE = 50
MINUTE = timedelta(minutes=1)
# What holds for everybody: who stands behind could not go either.
FOR_ALL = frozenset(("quiet_hours", "season", "budget_spent"))
# The same, where what is waited for comes after the campaign's end.
TOO_LATE = frozenset(f"too_late_after_{reason}" for reason in FOR_ALL)
LOOKS_AGAIN = timedelta(minutes=15)
# The arm of those who get the message.
SENT = "campaign"


@dataclass
class _Tick:
    """One minute at work: the row as it is in the table and as it will be, the place in the walk, who is to be written
    down next (the customer, and their arm), what may still be planned, and what the rest waits for."""

    read: Item
    row: Item
    at: Cursor
    left: int
    zns_left: int
    zns_more_at: datetime
    money: int | None
    taken: list[tuple[str, str]] = field(default_factory=list)
    wait: Decision | None = None


@dataclass(frozen=True)
class CampaignRun:
    """Everything a run needs. `people_of` makes the judge of one campaign from its row."""

    table: Table
    queues: Mapping[str, Queue]
    people_of: Callable[[Item], People]
    now: datetime

    def run(self, campaign_id: str) -> None:
        """Plan what this minute may; safe to repeat at any time. The row says when it is due again."""
        row = self.table.get(table_keys.campaign(campaign_id))
        if row is None or row["state"] not in ("approved", "running"):
            return
        try:
            self._run(row, self.people_of(row))
        except Conflict:
            return  # somebody paused it, or another run is at it: what was written says how it goes on

    def _run(self, row: Item, people: People) -> None:
        tick = self._begin(row, people)
        if self.now >= moment(row["until"]):
            return self._end(tick, "until")
        everybody = people.situation(self.now)
        tick.money = everybody.budget_left
        if people.campaign.purpose == "marketing" and "*" in everybody.halted:
            tick.wait = Decision("defer", "halted", self.now + LOOKS_AGAIN)
        elif not people.ways():
            tick.wait = Decision("defer", "no_channel", self.now + LOOKS_AGAIN)
        for _ in range(people.pages(PAGES_A_TICK)):
            if tick.wait:
                break
            found, after = look(self.table, people.campaign, tick.at)
            judged = people.judge([one for one, _ in found], everybody, moment(row["until"]), anew=False)
            verdicts = {verdict.customer_id: verdict for verdict in judged}
            for customer_id, place in found:
                verdict = verdicts.get(customer_id)
                if verdict and verdict.decision.reason in TOO_LATE:
                    tick.wait = verdict.decision._replace(until=moment(row["until"]))
                    break
                if verdict and verdict.reachable and not self._admit(tick, people, verdict):
                    break
                tick.at = place
                if len(tick.taken) == PEOPLE_A_WRITE:
                    self._write(tick, people)
            else:
                tick.at = after or Cursor()
                if after is None:
                    if not tick.row["found"] and not tick.taken:
                        return self._end(tick, "everybody")
                    self._write(tick, people)
                    tick.row = {**tick.row, "found": 0}
            if tick.taken:
                self._write(tick, people)
        return self._write(tick, people)

    def _begin(self, read: Item, people: People) -> _Tick:
        """What this minute and this day leave, from what the row says was planned in them."""
        day, minute = local_day(self.now).isoformat(), stamp(self.now)[:16]
        row = {**read, "state": "running", "started_at": read.get("started_at") or stamp(self.now)}
        if row["day"][0] != day:
            row["day"] = [day, 0]
            if people.campaign.most_valuable_first:
                # The ranking has changed overnight: the day begins at its top.
                row |= {"cursor": [0, ""], "found": 0}
        if row["minute"][0] != minute:
            row["minute"] = [minute, 0]
        schedule = people.campaign.schedule
        left = schedule.per_minute - row["minute"][1]
        if schedule.per_day is not None:
            left = min(left, schedule.per_day - row["day"][1])
        return _Tick(read, row, Cursor(*row["cursor"]), left, *self._zns_left(people, day), None)

    def _zns_left(self, people: People, day: str) -> tuple[int, datetime]:
        """What advertisements may still take of Zalo's quota, and when more may be there."""
        tomorrow = self._tomorrow(people)
        if people.rules.zns_quota.new_oa:
            return 0, tomorrow
        left = (self.table.get(table_keys.quota(ZNS, day)) or {}).get("left")
        if left is None:
            return ZNS_PROBE, self._next_minute()
        return int(left) - people.rules.zns_quota.kept_for_orders, tomorrow

    def _admit(self, tick: _Tick, people: People, verdict: Verdict) -> bool:
        """Take somebody in, or say what everybody from here on waits for."""
        arm = people.arm(verdict.customer_id)
        if arm != SENT:
            tick.taken.append((verdict.customer_id, arm))
            return True
        decision = verdict.decision
        if decision.channel == ZNS and people.campaign.purpose == "marketing" and tick.zns_left <= 0:
            if verdict.instead is None or verdict.instead.outcome not in ("send", "defer"):
                tick.wait = Decision("defer", "quota_kept", tick.zns_more_at)
                return False
            decision = verdict.instead
        price = people.price(decision.channel)
        if decision.outcome == "defer" and decision.reason in FOR_ALL:
            tick.wait = decision
        elif tick.left <= 0:
            day_is_full = tick.row["day"][1] + self._going(tick) == people.campaign.schedule.per_day
            tick.wait = (
                Decision("defer", "daily_cap", self._tomorrow(people))
                if day_is_full
                else Decision("defer", "campaign_pace", self._next_minute())
            )
        elif tick.money is not None and price > tick.money:
            tick.wait = Decision("defer", "budget_spent", self._tomorrow(people))
        if tick.wait:
            return False
        if decision.outcome == "send":
            tick.money = None if tick.money is None else tick.money - price
            tick.zns_left -= decision.channel == ZNS
        tick.left -= 1
        tick.taken.append((verdict.customer_id, arm))
        return True

    def _write(self, tick: _Tick, people: People) -> None:
        """Write down who was taken, their messages and the place in the walk, then hand the messages over."""
        until, campaign_id = moment(tick.row["until"]), people.campaign_id
        intents = [people.intent(customer_id, until) for customer_id, arm in tick.taken if arm == SENT]
        persons = {table_keys.campaign_person(campaign_id, one): arm for one, arm in tick.taken}
        key = table_keys.campaign(campaign_id)
        # None of these was there when the page was judged, and the write holds only if that is still so.
        known: dict[Key, Item | None] = {key: tick.read, **dict.fromkeys(persons)}
        uow = UnitOfWork(self.table, known)
        for person, arm in persons.items():
            uow.put(person, {"arm": arm, "at": stamp(self.now)})
        for intent in intents:
            plan(uow, intent, self.now, people.rules, sure_new=True)
        uow.put(key, self._row(tick, people))
        uow.commit()
        tick.read = tick.row = uow.get(key) or {}
        tick.taken = []
        if intents:
            enqueue(self.queues[people.campaign.purpose], [intent.message_id for intent in intents])

    def _row(self, tick: _Tick, people: People) -> Item:
        """The campaign's row with what this write takes in; due again in a minute, or when the wait is over."""
        going, counts = self._going(tick), dict(tick.row["counts"])
        for _, arm in tick.taken:
            counts["planned" if arm == SENT else arm] += 1
        row = {**tick.row, "cursor": list(tick.at), "counts": counts}
        row |= {"found": row["found"] + len(tick.taken)}
        row |= {"day": [row["day"][0], row["day"][1] + going], "minute": [row["minute"][0], row["minute"][1] + going]}
        row.pop("waits", None)
        due_at = self._next_minute()
        if tick.wait:
            # What it waits for may come after its end.
            due_at = max(due_at, min(tick.wait.until or due_at, moment(row["until"])))
            row["waits"] = [tick.wait.reason, stamp(due_at)]
        return row | {"due": table_keys.timer_lane(people.campaign_id), "due_at": stamp(due_at)}

    def _end(self, tick: _Tick, why: str) -> None:
        key = table_keys.campaign(tick.row["campaign_id"])
        uow = UnitOfWork(self.table, {key: tick.read})
        uow.put(key, closed(tick.row, "done", why, self.now))
        uow.commit()

    def _going(self, tick: _Tick) -> int:
        return sum(arm == SENT for _, arm in tick.taken)

    def _next_minute(self) -> datetime:
        return self.now.replace(second=0, microsecond=0) + MINUTE

    def _tomorrow(self, people: People) -> datetime:
        return people.opens(day_start(local_day(self.now) + timedelta(days=1)))


def closed(row: Item, state: str, why: str, now: datetime) -> Item:
    """A campaign's row when nothing of it is left to do."""
    kept = {name: value for name, value in row.items() if name not in ("due", "due_at", "waits")}
    return kept | {"state": state, "ended_at": stamp(now), "ended": why}

"""Run a campaign: each minute plan messages for the next customers, within its pace, daily cap and sending hours.

Customers, their messages and the progress of the campaign are one write, so a run that dies at any point is continued
by the next and no customer gets the message twice. The walk is repeated until it adds no customer, because customers
change lists while it is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from shared.domain.campaigns.campaign import State, StoredCampaign
from shared.domain.common.stored_item import without
from shared.domain.errors import Conflict
from shared.domain.messaging.policy import Decision
from shared.domain.vietnam_time import day_start, local_day, moment, stamp
from shared.ports import Item, Key, Queue, Table
from shared.repositories import table_keys
from shared.repositories.messages import enqueue, plan
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.campaigns.audience import ZNS, AudienceJudge, Cursor, Verdict, next_page

# A page takes about three requests; also where hardly any customer fits, a tick judges no more pages than this.
PAGES_PER_TICK = 100
# Two items per customer and the campaign itself fit into one transaction of 100.
CUSTOMERS_PER_WRITE = 45
# Messages per minute until Zalo reports the remaining quota of the day.
ZNS_PROBE = 50
MINUTE = timedelta(minutes=1)
# Reasons that hold for all customers: those further down the list have to wait as well.
FOR_ALL = frozenset(("quiet_hours", "season", "budget_spent"))
# The same reasons, where the wait would last beyond the end of the campaign.
TOO_LATE = frozenset(f"too_late_after_{reason}" for reason in FOR_ALL)
RECHECK = timedelta(minutes=15)
# The arm of the customers who get the message.
SENT = "campaign"


@dataclass
class _Tick:
    """The state of one minute's run.

    `read` is the row as stored and `row` as it will be; `at` is the place in the walk; `left`, `zns_left` and `money`
    (VND, None: no budget) may still be planned; `added` are customers to be written next, with their arms; `wait` is
    what the rest of the audience waits for.
    """

    read: StoredCampaign
    row: StoredCampaign
    at: Cursor
    left: int
    zns_left: int
    zns_more_at: datetime
    money: int | None
    added: list[tuple[str, str]] = field(default_factory=list)
    wait: Decision | None = None


@dataclass(frozen=True)
class CampaignRun:
    """What a run needs. `judge_of` makes the judge of a campaign."""

    table: Table
    queues: Mapping[str, Queue]
    judge_of: Callable[[StoredCampaign], AudienceJudge]
    now: datetime

    def run(self, campaign_id: str) -> None:
        """Plan the messages of this minute and set when the campaign is due again; safe to repeat at any time."""
        row = cast(StoredCampaign | None, self.table.get(table_keys.campaign(campaign_id)))
        if row is None or row["state"] not in ("approved", "running"):
            return
        try:
            self._run(row, self.judge_of(row))
        except Conflict:
            return  # it was paused, or another run was faster: what was written says when it is due again

    def _run(self, row: StoredCampaign, judge: AudienceJudge) -> None:
        tick = self._begin(row, judge)
        if self.now >= moment(row["until"]):
            return self._end(tick, "until")
        common = judge.situation(self.now)
        tick.money = common.budget_left
        if judge.campaign.purpose == "marketing" and "*" in common.halted:
            tick.wait = Decision("defer", "halted", self.now + RECHECK)
        elif not judge.sendable_channels():
            tick.wait = Decision("defer", "no_channel", self.now + RECHECK)
        for _ in range(judge.pages(PAGES_PER_TICK)):
            if tick.wait:
                break
            found, after = next_page(self.table, judge.campaign, tick.at)
            judged = judge.judge([customer_id for customer_id, _ in found], common, moment(row["until"]), anew=False)
            verdicts = {verdict.customer_id: verdict for verdict in judged}
            for customer_id, place in found:
                verdict = verdicts.get(customer_id)
                if verdict and verdict.decision.reason in TOO_LATE:
                    tick.wait = verdict.decision._replace(until=moment(row["until"]))
                    break
                if verdict and verdict.reachable and not self._add(tick, judge, verdict):
                    break
                tick.at = place
                if len(tick.added) == CUSTOMERS_PER_WRITE:
                    self._write(tick, judge)
            else:
                tick.at = after or Cursor()
                if after is None:
                    if not tick.row["found"] and not tick.added:
                        return self._end(tick, "everybody")
                    self._write(tick, judge)
                    tick.row = {**tick.row, "found": 0}
            if tick.added:
                self._write(tick, judge)
        return self._write(tick, judge)

    def _begin(self, read: StoredCampaign, judge: AudienceJudge) -> _Tick:
        """The tick with what this minute and this day have left of the pace and the daily cap."""
        day, minute = local_day(self.now).isoformat(), stamp(self.now)[:16]
        row: StoredCampaign = {**read, "state": "running", "started_at": read.get("started_at") or stamp(self.now)}
        if row["day"][0] != day:
            row["day"] = [day, 0]
            if judge.campaign.most_valuable_first:
                # The ranking has changed overnight: start again from its top.
                row |= {"cursor": [0, ""], "found": 0}
        if row["minute"][0] != minute:
            row["minute"] = [minute, 0]
        schedule = judge.campaign.schedule
        left = schedule.per_minute - row["minute"][1]
        if schedule.per_day is not None:
            left = min(left, schedule.per_day - row["day"][1])
        return _Tick(read, row, Cursor(*row["cursor"]), left, *self._zns_left(judge, day), None)

    def _zns_left(self, judge: AudienceJudge, day: str) -> tuple[int, datetime]:
        """How many ZNS messages Zalo's quota leaves for marketing, and when to look for more."""
        tomorrow = self._tomorrow(judge)
        if judge.rules.zns_quota.new_oa:
            return 0, tomorrow
        left = (self.table.get(table_keys.quota(ZNS, day)) or {}).get("left")
        if left is None:
            return ZNS_PROBE, self._next_minute()
        return int(left) - judge.rules.zns_quota.kept_for_orders, tomorrow

    def _add(self, tick: _Tick, judge: AudienceJudge, verdict: Verdict) -> bool:
        """Add a customer; False, with `tick.wait` set, when the customer and all after them have to wait."""
        arm = judge.arm(verdict.customer_id)
        if arm != SENT:
            tick.added.append((verdict.customer_id, arm))
            return True
        decision = verdict.decision
        if decision.channel == ZNS and judge.campaign.purpose == "marketing" and tick.zns_left <= 0:
            if verdict.instead is None or verdict.instead.outcome not in ("send", "defer"):
                tick.wait = Decision("defer", "quota_kept", tick.zns_more_at)
                return False
            decision = verdict.instead
        price = judge.price(decision.channel)
        if decision.outcome == "defer" and decision.reason in FOR_ALL:
            tick.wait = decision
        elif tick.left <= 0:
            day_is_full = tick.row["day"][1] + self._going(tick) == judge.campaign.schedule.per_day
            tick.wait = (
                Decision("defer", "daily_cap", self._tomorrow(judge))
                if day_is_full
                else Decision("defer", "campaign_pace", self._next_minute())
            )
        elif tick.money is not None and price > tick.money:
            tick.wait = Decision("defer", "budget_spent", self._tomorrow(judge))
        if tick.wait:
            return False
        if decision.outcome == "send":
            tick.money = None if tick.money is None else tick.money - price
            tick.zns_left -= decision.channel == ZNS
        tick.left -= 1
        tick.added.append((verdict.customer_id, arm))
        return True

    def _write(self, tick: _Tick, judge: AudienceJudge) -> None:
        """Commit the added customers, their messages and the place in the walk, then enqueue the messages."""
        until, campaign_id = moment(tick.row["until"]), judge.campaign_id
        intents = [judge.intent(customer_id, until) for customer_id, arm in tick.added if arm == SENT]
        persons = {table_keys.campaign_person(campaign_id, customer_id): arm for customer_id, arm in tick.added}
        key = table_keys.campaign(campaign_id)
        # No customer here was known when the page was judged; the commit holds only if that is still so.
        known: dict[Key, Item | None] = {key: cast(Item, tick.read), **dict.fromkeys(persons)}
        uow = UnitOfWork(self.table, known)
        for person, arm in persons.items():
            uow.put(person, {"arm": arm, "at": stamp(self.now)})
        for intent in intents:
            plan(uow, intent, self.now, judge.rules, sure_new=True)
        uow.put(key, self._row(tick, judge))
        uow.commit()
        tick.read = tick.row = cast(StoredCampaign, uow.get(key))
        tick.added = []
        if intents:
            enqueue(self.queues[judge.campaign.purpose], [intent.message_id for intent in intents])

    def _row(self, tick: _Tick, judge: AudienceJudge) -> StoredCampaign:
        """The campaign after this write; due again in a minute, or when the wait is over."""
        going, counts = self._going(tick), dict(tick.row["counts"])
        for _, arm in tick.added:
            counts["planned" if arm == SENT else arm] += 1
        row: StoredCampaign = {**tick.row, "cursor": list(tick.at), "counts": counts}
        row["found"] += len(tick.added)
        row["day"] = [row["day"][0], row["day"][1] + going]
        row["minute"] = [row["minute"][0], row["minute"][1] + going]
        row.pop("waits", None)
        due_at = self._next_minute()
        if tick.wait:
            # The wait may last beyond the end of the campaign.
            due_at = max(due_at, min(tick.wait.until or due_at, moment(row["until"])))
            row["waits"] = [tick.wait.reason, stamp(due_at)]
        return {**row, "due": table_keys.timer_lane(judge.campaign_id), "due_at": stamp(due_at)}

    def _end(self, tick: _Tick, why: str) -> None:
        key = table_keys.campaign(tick.row["campaign_id"])
        uow = UnitOfWork(self.table, {key: cast(Item, tick.read)})
        uow.put(key, closed(tick.row, "done", why, self.now))
        uow.commit()

    def _going(self, tick: _Tick) -> int:
        return sum(arm == SENT for _, arm in tick.added)

    def _next_minute(self) -> datetime:
        return self.now.replace(second=0, microsecond=0) + MINUTE

    def _tomorrow(self, judge: AudienceJudge) -> datetime:
        return judge.opens(day_start(local_day(self.now) + timedelta(days=1)))


def closed(row: StoredCampaign, state: State, why: str, now: datetime) -> StoredCampaign:
    """The campaign after its end: no longer due."""
    return {**without(row, "due", "due_at", "waits"), "state": state, "ended_at": stamp(now), "ended": why}

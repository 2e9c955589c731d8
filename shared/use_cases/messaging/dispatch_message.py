"""Dispatch one message: ask the policy by the wall clock, claim, call the provider, write down what became of it.

The item is written before anything is sent and claimed before the provider is called, so at whatever point a sender
dies, the next one knows what may be repeated: a marketing message whose fate nobody can tell is not (X1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.campaigns.campaign import JOURNEY
from shared.domain.customers.profile import fold_members
from shared.domain.errors import Busy, Conflict
from shared.domain.messaging.channel_errors import ChannelError, ContentError
from shared.domain.messaging.message import FINAL, PROGRESS, Message, channels_for, told
from shared.domain.messaging.policy import ON_PHONE, Decision, Wish, choose
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.reply_windows import SPANS, closes
from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import (
    Channel,
    Check,
    Clock,
    Item,
    Outgoing,
    Rendered,
    Renderer,
    Sent,
    Table,
    Update,
    absent,
    absent_or_at_most,
)
from shared.repositories import table_keys
from shared.repositories.campaign_counters import tally
from shared.repositories.contact_ledger import forgotten, ledger_of, remembered, wait_no_more, waiting
from shared.repositories.identity_resolution import link_of_phone
from shared.repositories.policy_facts import person, situation, situation_keys
from shared.repositories.profiles import addresses, age, last_words, members_of
from shared.repositories.provider_status import ProviderLimits
from shared.repositories.rate_limits import Pace
from shared.repositories.task_assignment import Roster
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.tasks.planned_calls import CALLED_WITHIN

CLAIM = timedelta(minutes=10)
ATTEMPTS = 8
# After a channel failed, these say that no other leads to the person either.
NO_WAY = ("no_address", "no_channel", "window_closed", "unreachable", "bounced")
# Comments on the page are answered here.
COMMENTS = "messenger"
# What comes on these wakes nobody at night.
SILENT = ("zalo", "email")
# Back-off doubles from here up to the ceiling, with jitter so that a recovering provider is not hit by all at once.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=30)
# Messages of a campaign that somebody paused look again after this.
PAUSED_FOR = timedelta(minutes=15)
# A provider that has not taken a message for a day has had its chance, also where no other channel is left.
PATIENCE = timedelta(hours=24)


@dataclass(frozen=True)
class Dispatcher:
    """Everything a dispatch needs. `shuffle` gives numbers from 0 to 1 for the jitter."""

    table: Table
    secret: bytes
    rules: SendingRules
    channels: Mapping[str, Channel]
    renderer: Renderer
    clock: Clock
    pace: Pace
    limits: ProviderLimits
    shuffle: Callable[[], float]
    roster: Callable[[], Roster]

    def dispatch(self, message_id: str) -> str:
        """Bring one message as far as it goes now; answers with its status. Safe to repeat at any time."""
        for _ in range(ATTEMPTS):
            try:
                return self._dispatch(message_id)
            except Conflict:
                continue  # somebody else moved it, or a limit was reached meanwhile: look again
        raise Conflict(f"message {message_id} is being moved by too many at once")

    def _dispatch(self, message_id: str) -> str:
        now = self.clock()
        uow = UnitOfWork(self.table)
        key = table_keys.message(message_id)
        customer = table_keys.profile(message_id[:-20])
        uow.load([key, customer, table_keys.contacts(message_id[:-20]), *situation_keys(now, "*")[:3]])
        message = uow.get(key)
        if message is None or message["status"] in FINAL:
            return message["status"] if message else "gone"
        if message["status"] in PROGRESS:
            return self._unopened(uow, message, now)
        if message["status"] == "sending":
            if message["claimed_until"] > stamp(now):
                return "sending"
            return self._fate_unknown(uow, message, now)
        if max(message.get("send_after", ""), message.get("not_before", "")) > stamp(now):
            return str(message["status"])
        if self._is_stopped(uow, message):
            return self._stopped(uow, message, now)
        return self._decide(uow, message, now)

    # ---- before the provider ----

    def _is_stopped(self, uow: UnitOfWork, message: Message) -> bool:
        """Whether somebody stopped the message's campaign: then nothing more goes out, also of what was planned; or
        whether its journey was over while it was going out."""
        if "withdrawn" in message:
            return True
        if message["journey"] != JOURNEY:
            return False
        return (uow.get(table_keys.campaign(message["run"])) or {}).get("state") in ("paused", "cancelled")

    def _stopped(self, uow: UnitOfWork, message: Message, now: datetime) -> str:
        if "withdrawn" in message:
            return self._end(uow, message, "suppressed", message["withdrawn"], now)
        campaign = uow.get(table_keys.campaign(message["run"])) or {}
        if campaign["state"] == "cancelled":
            return self._end(uow, message, "suppressed", "campaign_cancelled", now)
        return self._later(uow, message, "campaign_paused", now + PAUSED_FOR, now)

    def _decide(self, uow: UnitOfWork, message: Message, now: datetime) -> str:
        members = members_of(uow, message["customer_id"])
        if not members:
            return self._end(uow, message, "suppressed", "no_address", now)
        left = self._channels_left(message, members, now)
        if not left and message.get("tried"):
            return self._hand_over(uow, message, "no_channel", now)
        prices = {name: self.rules.channels[name].price_vnd for name in left}  # type: ignore[index]
        decision = self._choose(uow, message, members, prices, now)
        if decision.outcome == "suppress" and decision.reason in NO_WAY and message.get("tried"):
            # What an earlier channel failed of says more than that the last one has no address.
            said = message["reason"] if message["status"] == "planned" else decision.reason
            return self._hand_over(uow, message, said, now)
        if decision.outcome == "suppress":
            return self._end(uow, message, "suppressed", decision.reason, now)
        if decision.outcome == "expire":
            return self._end(uow, message, "expired", decision.reason, now)
        if decision.outcome == "defer":
            return self._defer(uow, message, members, decision, now)
        margin = message.get("margin", 0)
        if message["purpose"] == "marketing" and not self.limits.may_advertise(decision.channel, margin, now):
            if left == [decision.channel]:
                return self._end(uow, {**message, "channel": left[0]}, "suppressed", "quota_kept", now)
            return self._next(uow, message, decision.channel, "quota_kept", now)
        return self._send(uow, message, members, decision.channel, prices[decision.channel], now)

    def _choose(
        self, uow: UnitOfWork, message: Message, members: list[Item], prices: dict[str, int], now: datetime
    ) -> Decision:
        """The policy's choice among the channels in order; one whose provider is left alone is passed over."""
        limits = {"*": self.rules.daily_budget_vnd, **self.rules.journey_budget_vnd}
        who = person(members, ledger_of(uow, members), message["message_id"], now, human=message.get("human", False))
        if comment := message.get("comment"):
            # It goes to the comment, whoever wrote it and wherever else they may be reached.
            windows = {**who.windows, COMMENTS: moment(comment["until"])}
            who = replace(who, reachable=who.reachable | {COMMENTS}, windows=windows)
        everybody = situation(uow, now, message["journey"], limits)
        wish = Wish(
            purpose=message["purpose"],
            journey=message["journey"],
            send_before=moment(message["send_before"]) if "send_before" in message else None,
            prices=prices,
            templated=frozenset(name for name in prices if self.renderer.provider_template(message["template"], name)),
        )
        left, resting = list(prices), dict[str, datetime]()
        while True:
            decision = choose(wish, left, who, everybody, self.rules)
            closed = self.pace.closed_until(decision.channel, now) if decision.outcome == "send" else None
            if closed is None:
                break
            left.remove(decision.channel)
            resting[decision.channel] = closed
        if decision.outcome == "send" or not resting:
            return decision
        channel = min(resting, key=lambda name: resting[name])
        return Decision("defer", "provider_trouble", resting[channel], channel)

    def _channels_left(self, message: Message, members: list[Item], now: datetime) -> list[str]:
        """The channels still to try, in order: named by the step, else by the playbook for this person (U9)."""
        wanted = message["channels"] or channels_for(
            message["purpose"], age(members, local_day(now)), _value(members[0]), self.rules
        )
        template, tried = message["template"], message.get("tried", ())
        able = self.renderer.channels(template)
        left = [name for name in wanted if name in able and name not in tried and name in self.channels]
        # What its provider has disabled meanwhile falls back to the next channel (R12).
        ours = self.renderer.provider_template
        return [name for name in left if self.limits.enabled(name, ours(template, name), now)]

    def _send(
        self, uow: UnitOfWork, message: Message, members: list[Item], channel: str, price: int, now: datetime
    ) -> str:
        # The person as they are known now, not as they were when the message was planned.
        variables = {**message["variables"], "customer": fold_members(members)["traits"]}
        try:
            content = self.renderer.render(message["template"], channel, variables, message_id=message["message_id"])
        except ContentError as error:
            return self._next(uow, {**message, "trouble": str(error)}, channel, "content_error", now)
        if not self.pace.take(channel, now):
            wait = Decision("defer", "provider_pace", self.pace.next_turn(channel, now), channel)
            return self._defer(uow, message, members, wait, now)
        message = self._claim(uow, message, members, channel, price, content, now)
        outgoing = Outgoing(
            tracking_id=message["message_id"],
            to=_address(message, members, channel),
            purpose=message["purpose"],
            text=content.text,
            subject=content.subject,
            html=content.html,
            template=content.template,
            parameters=content.parameters,
            unsubscribe=content.unsubscribe,
            beyond_window=bool(message.get("human")) and _is_late(members, channel, now),
            comment=channel == COMMENTS and "comment" in message,
        )
        try:
            sent = self.channels[channel].send(outgoing)
        except (ChannelError, Busy) as error:
            # A channel asks the table for its token before it calls anybody.
            trouble = error if isinstance(error, ChannelError) else ChannelError("back_off", "busy", str(error))
            return self._written(message, lambda known: self._trouble(known, channel, trouble))
        self.pace.worked(channel)
        status = self._written(message, lambda known: self._sent(known, channel, sent, self.clock()))
        self.limits.note_quota(channel, sent.quota_left, message["purpose"], now)
        return status

    def _claim(
        self,
        uow: UnitOfWork,
        message: Message,
        members: list[Item],
        channel: str,
        price: int,
        content: Rendered,
        now: datetime,
    ) -> Message:
        """Take the message, the person's slot and the money in one write; raises Conflict when one of them is gone."""
        lead = members[0]["customer_id"]
        until, day = stamp(now + CLAIM), local_day(now).isoformat()
        claimed = told(message, "sending", "ok", now, channel)
        claimed |= {"tries": message["tries"] + 1, "claimed_until": until, "due_at": until}
        claimed |= {"price": price, "paid_on": day}
        if content.links:
            claimed["links"] = list(content.links)
        uow.put(table_keys.message(message["message_id"]), claimed)
        wait_no_more(uow, members, message["message_id"])
        entry = [stamp(now), message["purpose"], channel, message["message_id"]]
        key = table_keys.contacts(lead)
        uow.put(key, remembered(uow.get(key) or {}, entry, now, self.rules.longest_memory))
        if message["purpose"] != "transactional" and price:
            limits = {"*": self.rules.daily_budget_vnd, **self.rules.journey_budget_vnd}
            for name in ("*", message["journey"]):
                if name in limits:
                    uow.also(
                        Update(
                            table_keys.budget(day, name),
                            add={("spent",): price},
                            when=(absent_or_at_most(("spent",), limits[name] - price),),
                        )
                    )
        if message["purpose"] == "marketing" and channel in ON_PHONE:
            # Somebody new may have been on the list before we knew them; then the claim fails and the flag is set.
            number = table_keys.do_not_call(link_of_phone(addresses(members)[channel], self.secret))
            if self.table.get(number):
                self._flag_do_not_call(members[0])
                raise Conflict("the number is on the do-not-call list")
            uow.also(Check(number, (absent(),)))
        uow.commit()
        return uow.get(table_keys.message(message["message_id"])) or claimed

    def _flag_do_not_call(self, lead: Item) -> None:
        self.table.write(
            Update(table_keys.profile(lead["customer_id"]), set={("do_not_call",): True}, add={("version",): 1})
        )

    # ---- after the provider ----

    def _written(self, message: Message, write: Callable[[Message], str]) -> str:
        """Write down what the provider said. Nobody else knows it, so a collision or a busy table is no reason to
        lose it; once somebody has taken the message further, or the write came through after all, look again."""
        known: Message | None = message
        for _ in range(ATTEMPTS):
            try:
                known = known or self.table.get(table_keys.message(message["message_id"]))
                if known is None or not _still_ours(known, message):
                    break
                return write(known)
            except (Conflict, Busy):
                known = None
        return self._dispatch(str(message["message_id"]))

    def _sent(self, message: Message, channel: str, sent: Sent, now: datetime) -> str:
        key = table_keys.message(message["message_id"])
        if message["status"] != "sending" and message.get("provider_id") == sent.provider_id:
            return str(message["status"])  # the answer of an earlier write was lost, not the write
        uow = UnitOfWork(self.table, {key: message})
        if message["status"] == "sending":
            message = told(message, "sent", "ok", now, channel)
        booked = self._booked({**message, "provider_id": sent.provider_id}, channel, sent.cost, now)
        tally(uow, uow.get(key) or {}, booked)
        uow.count(
            table_keys.sent(local_day(now).isoformat(), channel, message["message_id"]), messages=1, cost=sent.cost
        )
        uow.put(key, booked)
        if sent.provider_id:
            uow.mark(
                table_keys.message_by_provider_id(channel, sent.provider_id),
                {"message_id": message["message_id"], "ttl": int((now + timedelta(days=90)).timestamp())},
            )
        uow.commit()
        return str(message["status"])

    def _booked(self, message: Message, channel: str, cost: int, now: datetime) -> Message:
        """A message that the provider took, with its price; it is due again where an opening can be waited for."""
        done = {**message, "cost": message["cost"] + cost, "tries": 0}
        for gone in ("claimed_until", "troubled_since"):
            done.pop(gone, None)
        unread = message["status"] in ("sent", "delivered") and message["purpose"] != "transactional"
        unread = unread and "withdrawn" not in message
        if unread and message.get("until_opened", True) and self.rules.channels[channel].opens_count:  # type: ignore[index]
            patience = self.renderer.patience(message["template"]) or timedelta(hours=self.rules.open_after_hours)
            until = stamp(now + patience)
            return done | {"due": _lane(message), "due_at": until, "open_by": until}
        return _undue(done)

    def _trouble(self, message: Message, channel: str, trouble: ChannelError) -> str:
        now = self.clock()
        if message["status"] != "sending":
            return str(message["status"])  # the receipt was faster: it was taken after all
        uow = UnitOfWork(self.table, {table_keys.message(message["message_id"]): message})
        said = {**message, "trouble": f"{channel} {trouble.kind} {trouble.code}: {trouble.reason}"[:300]}
        if trouble.kind == "uncertain":
            self.pace.failed(channel, now)
            return self._fate_unknown(uow, said, now)
        # Everything else was surely not sent: the person's slot and the money are free again.
        self._give_back(uow, said)
        if trouble.kind == "back_off":
            self.pace.failed(channel, now)
            said.setdefault("troubled_since", stamp(now))
            elsewhere = self._elsewhere(uow, said, channel, now)
            worn_out = message["tries"] >= self.rules.attempts and elsewhere.outcome in ("send", "defer")
            if worn_out or moment(said["troubled_since"]) < now - PATIENCE:
                return self._next(uow, said, channel, "provider_trouble", now)
            until = trouble.until or now + self._pause(message["tries"])
            return self._later(uow, said, "provider_trouble", until, now)
        if trouble.kind == "wait_until":
            until = trouble.until or now + timedelta(hours=1)
            too_late = "send_before" in said and stamp(until) >= said["send_before"]
            # What somebody waits for need not wait for Zalo's morning where it can come without a sound (A4).
            other = self._elsewhere(uow, said, channel, now)
            at_once = said["purpose"] == "transactional" and other.outcome == "send" and other.channel in SILENT
            if too_late or at_once or message["tries"] >= self.rules.attempts:
                return self._next(uow, said, channel, "provider_hours", now)
            return self._later(uow, said, "provider_hours", until, now)
        if trouble.kind in ("refused", "unreachable") and "comment" not in message:
            self._close(uow, message["customer_id"], channel, trouble.kind)
        return self._next(uow, said, channel, trouble.kind, now)

    def _elsewhere(self, uow: UnitOfWork, message: Message, channel: str, now: datetime) -> Decision:
        """Whether another channel may still bring the message; where none may, this one's recovery is waited for."""
        members = members_of(uow, message["customer_id"])
        if not members:
            return Decision("suppress", "no_address")
        left = self._channels_left({**message, "tried": [*message.get("tried", ()), channel]}, members, now)
        prices = {name: self.rules.channels[name].price_vnd for name in left}  # type: ignore[index]
        return self._choose(uow, message, members, prices, now)

    def _pause(self, tries: int) -> timedelta:
        pause: timedelta = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries, 10))
        return pause * (0.5 + self.shuffle() / 2)

    def _give_back(self, uow: UnitOfWork, message: Message) -> None:
        members = members_of(uow, message["customer_id"])
        if members:
            key = table_keys.contacts(members[0]["customer_id"])
            uow.put(key, forgotten(uow.get(key) or {}, message["message_id"], message["channel"]))
        if message["purpose"] != "transactional" and message.get("price"):
            for name in ("*", message["journey"]):
                if name == "*" or name in self.rules.journey_budget_vnd:
                    uow.count(table_keys.budget(message["paid_on"], name), spent=-message["price"])

    def _close(self, uow: UnitOfWork, customer_id: str, channel: str, kind: str) -> None:
        """Remember that a channel does not reach this person, so that nobody pays for it again."""
        members = members_of(uow, customer_id)
        if members:
            lead = members[0]
            reason = "refused_by_customer" if kind == "refused" else "unreachable"
            closed = {**lead.get("closed", {}), channel: reason}
            uow.put(table_keys.profile(lead["customer_id"]), {**lead, "closed": closed})

    def _fate_unknown(self, uow: UnitOfWork, message: Message, now: datetime) -> str:
        """A sender died, or its answer was lost: ask the provider; where it cannot say, do not repeat marketing."""
        channel = message["channel"]
        try:
            taken = (
                self.channels[channel].was_taken(message["message_id"]) if channel in self.channels else "cannot_tell"
            )
        except ChannelError:
            # The provider cannot be asked right now; nothing is decided before it can.
            until = stamp(now + CLAIM)
            uow.put(table_keys.message(message["message_id"]), {**message, "claimed_until": until, "due_at": until})
            uow.commit()
            return "sending"
        if isinstance(taken, Sent):
            return self._sent(message, channel, taken, now)
        if taken is None:
            self._give_back(uow, message)
            return self._later(uow, message, "provider_trouble", now + self._pause(message["tries"]), now)
        if message["purpose"] == "transactional" and not message.get("repeated"):
            return self._later(uow, {**message, "repeated": True}, "provider_trouble", now + FIRST_PAUSE, now)
        return self._end(uow, message, "unknown", "nobody_knows", now)

    def _unopened(self, uow: UnitOfWork, message: Message, now: datetime) -> str:
        """Nobody has opened it for long enough: the next channel, where there is one (A13, A14)."""
        key, status, channel = (
            table_keys.message(message["message_id"]),
            str(message["status"]),
            message["channel"],
        )
        if "due_at" not in message:
            return status
        if "open_by" not in message:
            # Its receipt came, its sender died before it could write down that it was sent.
            booked = self._booked(message, channel, message.get("price", 0), now)
            tally(uow, message, booked)
            uow.put(key, booked)
            uow.commit()
            return status
        if status not in ("sent", "delivered") or message["open_by"] > stamp(now):
            return status
        members = members_of(uow, message["customer_id"])
        tried = [*message.get("tried", ()), channel]
        if not members or not self._channels_left({**message, "tried": tried}, members, now):
            uow.put(key, _undue(message))
            uow.commit()
            return status
        return self._next(uow, {**message, "reached": [status, channel]}, channel, "not_opened", now)

    # ---- where a message ends up ----

    def _next(self, uow: UnitOfWork, message: Message, channel: str, reason: str, now: datetime) -> str:
        """Give up this channel and go on with the next at once; without one, staff take over."""
        said = told(message, "planned", reason, now, channel)
        said |= {"tried": [*message.get("tried", ()), channel], "tries": 0, "due": _lane(message), "due_at": stamp(now)}
        for gone in ("claimed_until", "not_before", "open_by", "troubled_since"):
            said.pop(gone, None)
        members = members_of(uow, message["customer_id"])
        if not members or not self._channels_left(said, members, now):
            return self._hand_over(uow, said, reason, now)
        uow.put(table_keys.message(message["message_id"]), said)
        uow.commit()
        return self._dispatch(str(message["message_id"]))

    def _hand_over(self, uow: UnitOfWork, message: Message, reason: str, now: datetime) -> str:
        """No channel is left. What the person has to know goes to staff; an advertisement just ends."""
        if "withdrawn" in message:
            return self._end(uow, message, "suppressed", message["withdrawn"], now)
        # Whoever commented has a ticket as well; only what a person of ours wrote has to reach them some other way.
        first_word = "comment" in message and "human" not in message
        if message["purpose"] == "marketing" or "reached" in message or first_word:
            return self._end(uow, message, "failed", reason, now)
        members = members_of(uow, message["customer_id"])
        if members:
            about = {name: message[name] for name in ("journey", "run", "step")}
            told_of = {"template": message["template"], "message_id": message["message_id"]}
            name = f"call-{message['message_id']}"
            lead = members[0]["customer_id"]
            new = NewTask(lead, name, "call", "handed_to_staff", now + CALLED_WITHIN, **about, details=told_of)
            open_task(uow, new, now, self.roster())
        return self._end(uow, message, "failed", "handed_to_staff", now)

    def _defer(self, uow: UnitOfWork, message: Message, members: list[Item], decision: Decision, now: datetime) -> str:
        until = decision.until or now + timedelta(hours=1)
        if message["purpose"] == "marketing" and decision.reason in ("own_cap", "legal_cap", "more_important_first"):
            wait_no_more(uow, members, message["message_id"])
            key = table_keys.contacts(members[0]["customer_id"])
            priority = self.rules.priority(message["journey"])
            uow.put(key, waiting(uow.get(key) or {}, message["message_id"], [priority, stamp(until)]))
        return self._later(uow, message, decision.reason, until, now)

    def _later(self, uow: UnitOfWork, message: Message, reason: str, until: datetime, now: datetime) -> str:
        if "send_before" in message and stamp(until) >= message["send_before"]:
            return self._end(uow, message, "expired", f"too_late_after_{reason}", now)
        said = told(message, "deferred", reason, now, message.get("channel", ""))
        said |= {"due": _lane(message), "due_at": stamp(until), "not_before": stamp(until)}
        said.pop("claimed_until", None)
        uow.put(table_keys.message(message["message_id"]), said)
        uow.commit()
        return "deferred"

    def _end(self, uow: UnitOfWork, message: Message, status: str, reason: str, now: datetime) -> str:
        said = told(message, status, reason, now, message.get("channel", ""))
        if reached := message.get("reached"):
            # It went out on an earlier channel and was only not opened there: that stays what became of it.
            status, channel = reached
            said = told(said, status, "not_opened_no_other", now, channel)
        elif message.get("repeated") and status != "unknown":
            # An earlier try may have reached the person, whatever stops the next one.
            status = "unknown"
            said = told(said, status, "nobody_knows", now, message.get("channel", ""))
        said = _undue(said)
        said.pop("claimed_until", None)
        tally(uow, uow.get(table_keys.message(message["message_id"])) or {}, said)
        uow.put(table_keys.message(message["message_id"]), said)
        wait_no_more(uow, members_of(uow, message["customer_id"]), message["message_id"])
        uow.commit()
        return status


def _still_ours(known: Message, claimed: Message) -> bool:
    """Whether a message is as we claimed it, but for what receipts told meanwhile."""
    return known["status"] in PROGRESS or all(
        known.get(name) == claimed[name] for name in ("status", "channel", "claimed_until")
    )


def _address(message: Message, members: list[Item], channel: str) -> str:
    if channel == COMMENTS and "comment" in message:
        return str(message["comment"]["comment_id"])
    return addresses(members)[channel]


def _is_late(members: list[Item], channel: str, now: datetime) -> bool:
    """Whether a machine could no more answer on a channel."""
    last = last_words(members).get(channel, "")
    return bool(last) and channel in SPANS and closes(channel, moment(last), human=False) <= now


def _undue(message: Message) -> Message:
    return {name: value for name, value in message.items() if name not in ("due", "due_at")}


def _lane(message: Message) -> str:
    return str(message.get("due") or table_keys.timer_lane(message["message_id"]))


def _value(lead: Item) -> str:
    labels: list[Any] = lead.get("labels", [])
    return str(labels[1]) if len(labels) > 1 else "none"

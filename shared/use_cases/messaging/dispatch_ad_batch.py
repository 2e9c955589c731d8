"""Advertisements by SMS: people with the same text wait for each other, then go out as one batch (R11).

The gateway approves a text once and sends it to many. So an `sms_ad` is not sent when its turn comes: it waits in the
room of its text until there are enough, and each person keeps a message and an outcome of their own. A batch is claimed
person by person, then its call is written down, then the gateway is called: of a batch whose sender died before that
nobody is lost, of one whose fate nobody knows nothing is repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from shared.domain.customers.profile import Profile
from shared.domain.errors import Busy, Conflict
from shared.domain.messaging.channel_errors import AD_LEAST, ChannelError, ContentError, as_channel_error
from shared.domain.messaging.message import WAITING, Message
from shared.domain.vietnam_time import moment, stamp
from shared.ports import BatchChannel, Delete, Item, Outgoing, Put, Rendered, Sent, Update, absent
from shared.repositories import table_keys
from shared.repositories.messages import find, give_back, unit_of_work_on
from shared.repositories.policy_facts import situation_keys
from shared.repositories.profiles import addresses, members_of
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.messaging.dispatch_message import Dispatcher
from shared.use_cases.messaging.record_delivery import record

AD = "sms_ad"
# Claiming each person takes some 20 ms, and a worker has two minutes.
MOST = 500
# Who comes within this time goes along; a room that is not full looks again after that, a message after an hour.
GATHERS, LOOKS_AGAIN, ASKS_AGAIN = timedelta(minutes=2), timedelta(minutes=15), timedelta(hours=1)
# A text for which no batch comes together in a day goes by another channel.
PATIENCE = timedelta(hours=24)
# Approval takes hours; what the gateway does not know by then it never will.
REPORTS_WITHIN = timedelta(days=3)
_REMEMBERED = timedelta(days=90)

Ready = tuple[UnitOfWork, Message, list[Profile]]


@dataclass(frozen=True)
class AdDispatcher(Dispatcher):
    """A dispatcher that also forms batches."""

    def _send(self, uow: UnitOfWork, message: Message, members: list[Profile], channel: str, now: datetime) -> str:
        if channel != AD:
            return super()._send(uow, message, members, channel, now)
        try:
            content = self._content(message)
        except ContentError as error:
            return self._next(uow, {**message, "trouble": str(error)}, channel, "content_error", now)
        if not addresses(members)[AD].startswith("+84"):
            return self._next(uow, message, channel, "unreachable", now)
        message = {**message, "gathering_since": message.get("gathering_since") or stamp(now)}
        if moment(message["gathering_since"]) <= now - PATIENCE:
            return self._next(uow, message, channel, "waits_for_batch", now)
        room = room_of(message["template"], content.text)
        self._open(room, now + GATHERS)
        uow.mark(table_keys.ad_waiting(room, message["message_id"]), {"ttl": _until(now + PATIENCE * 2)})
        return self._back(uow, message, now)

    def _content(self, message: Message) -> Rendered:
        """One text for all: nothing of the person goes in, not even their language."""
        return self.renderer.render(message["template"], AD, message["variables"], message_id=message["message_id"])

    def _back(self, uow: UnitOfWork, message: Message, now: datetime) -> str:
        """Let a message wait for its batch, but never beyond its own time."""
        until = now + ASKS_AGAIN
        if "send_before" in message:
            until = max(now, min(until, moment(message["send_before"]) - timedelta(seconds=1)))
        return self._later(uow, message, "waits_for_batch", until, now)

    def _open(self, room: str, at: datetime) -> None:
        """Have a room looked into, unless it is due already."""
        due, due_at = table_keys.timer_lane(room), stamp(at)
        try:
            self.table.write(
                Update(table_keys.ad_room(room), set={("due",): due, ("due_at",): due_at}, when=(absent("due_at"),))
            )
        except Conflict:
            return

    # ---- a batch ----

    def dispatch_batch(self, room: str) -> int:
        """Send a room's batch when there are enough people in it; how many went. Safe to repeat at any time."""
        now = self.clock()
        page = self.table.query(table_keys.ad_room(room).pk, low="0", limit=MOST + AD_LEAST)
        # What would be left of a full page alone has to be enough for a batch of its own.
        rows = page.items if page.next is None else page.items[:MOST]
        ready = []
        for row in rows:
            if one := self._ready(row["sk"], now):
                ready.append(one)
            else:
                # Who may not go now leaves the room; their message has a date of its own.
                self.table.write(Delete(table_keys.ad_waiting(room, row["sk"])))
        phones = {addresses(members)[AD] for _, _, members in ready}
        closed = self.pace.closed_until(AD, now)
        sent = 0
        if len(phones) >= AD_LEAST and closed is None and self.pace.take(AD, now):
            sent = self._send_batch(room, ready, now)
        again = now + LOOKS_AGAIN if sent == 0 else now
        more = self.table.query(table_keys.ad_room(room).pk, low="0", limit=1).items
        self.table.write(Update(table_keys.ad_room(room), remove=(("due",), ("due_at",))))
        if more:
            self._open(room, max(again, closed or again))
        return sent

    def _ready(self, message_id: str, now: datetime) -> Ready | None:
        """A recipient who may get the batch now."""
        uow = UnitOfWork(self.table)
        customer_id = message_id[:-20]
        keys = [table_keys.message(message_id), table_keys.profile(customer_id), table_keys.contacts(customer_id)]
        uow.load([*keys, *situation_keys(now, "*")[:3]])
        message = find(uow, message_id)
        if message is None or message["status"] not in WAITING or "gathering_since" not in message:
            return None
        if self._is_stopped(uow, message):
            return None
        members = members_of(uow, customer_id)
        left = self._choice.left(message, members, now) if members else []
        if AD not in left:
            return None
        decision = self._choice.decide(uow, message, members, [AD], now)
        return (uow, message, members) if decision.outcome == "send" else None

    def _send_batch(self, room: str, ready: list[Ready], now: datetime) -> int:
        claimed: list[tuple[Message, Outgoing]] = []
        call = f"{room}-{stamp(now)}"
        for uow, message, members in ready:
            try:
                content = self._content(message)
                uow.delete(table_keys.ad_waiting(room, message["message_id"]))
                taken = self._claim(uow, {**message, "call": call}, members, AD, content, now)
            except (Conflict, Busy, ContentError):
                continue  # moved meanwhile, or the money is spent: its own date brings it back
            to = addresses(members)[AD]
            claimed.append((taken, Outgoing(taken["message_id"], to, taken["purpose"], text=content.text)))
        if len({outgoing.to for _, outgoing in claimed}) < AD_LEAST:
            self._each(claimed, lambda known: self._released(known, now))
            return 0
        channel, key = cast(BatchChannel, self.channels[AD]), table_keys.ad_call(call)
        self.table.write(Put({"pk": key.pk, "sk": key.sk, "ttl": _until(now + PATIENCE * 2)}))
        try:
            answers = channel.send_batch([outgoing for _, outgoing in claimed])
        except (ChannelError, Busy) as error:
            trouble = _of_all(error)
            self._each(claimed, lambda known: self._after_error(known, AD, trouble))
            return 0
        self.pace.worked(AD)
        self._note(answers[0].provider_id, [message["message_id"] for message, _ in claimed], now)
        for (message, _), answer in zip(claimed, answers, strict=True):
            self._written(message, self._as_sent(answer))
        return len(claimed)

    def _fate_unknown(self, uow: UnitOfWork, message: Message, now: datetime) -> str:
        """A claim whose sender died before the gateway was called surely led to nothing."""
        if message["channel"] == AD and not self.table.get(table_keys.ad_call(message.get("call", ""))):
            return self._released(message, now)
        return super()._fate_unknown(uow, message, now)

    def _each(self, claimed: list[tuple[Message, Outgoing]], write: Callable[[Message], str]) -> None:
        for message, _ in claimed:
            self._written(message, write)

    def _as_sent(self, answer: Sent) -> Callable[[Message], str]:
        # The batch's number stands for many; `_note` keeps whom it stands for.
        return lambda known: self._sent({**known, "batch": answer.provider_id}, AD, Sent("", answer.cost), self.clock())

    def _released(self, message: Message, now: datetime) -> str:
        """A claim that led to no batch: slot and money are free again."""
        uow = unit_of_work_on(self.table, message)
        give_back(uow, message, self.rules)
        return self._back(uow, message, now)

    def _note(self, batch: str, message_ids: list[str], now: datetime) -> None:
        """Keep whom a batch went to, and ask for its reports when they may be there."""
        key = table_keys.message_by_provider_id(AD, batch)
        body: Item = {"message_ids": message_ids, "sent_at": stamp(now), "ttl": _until(now + _REMEMBERED)}
        body |= {"due": table_keys.timer_lane(batch), "due_at": stamp(now + ASKS_AGAIN)}
        self.table.write(Put({**body, "pk": key.pk, "sk": key.sk}))

    # ---- what became of it ----

    def ask_reports(self, batch: str) -> int:
        """Ask the gateway what became of each number of a batch; how many are known. The callback only counts them."""
        now, key = self.clock(), table_keys.message_by_provider_id(AD, batch)
        item = self.table.get(key)
        if item is None or "message_ids" not in item:
            return 0
        fates = {one.phone: one.delivered for one in cast(BatchChannel, self.channels[AD]).receivers(batch)}
        known = 0
        for message_id in item["message_ids"]:
            delivered = fates.get(self._phone(message_id))
            if delivered is None:
                continue
            known += 1
            if delivered:
                record(self.table, message_id, "delivered", now)
            else:
                record(self.table, message_id, "", now, failed="next_channel", channel=AD)
        done = known == len(item["message_ids"]) or moment(item["sent_at"]) < now - REPORTS_WITHIN
        if done:
            self.table.write(Update(key, remove=(("due",), ("due_at",))))
        else:
            self.table.write(Update(key, set={("due_at",): stamp(now + ASKS_AGAIN)}))
        return known

    def _phone(self, message_id: str) -> str:
        members = members_of(UnitOfWork(self.table), message_id[:-20])
        return addresses(members).get(AD, "") if members else ""


def room_of(template: str, text: str) -> str:
    """The room in which everybody waits for the same text."""
    return hashlib.sha256(f"{template}\n{text}".encode()).hexdigest()[:20]


def _of_all(failure: ChannelError | Busy) -> ChannelError:
    """What went wrong with a batch. That one number cannot be reached says nothing about the others."""
    error = as_channel_error(failure)
    if error.kind in ("refused", "unreachable"):
        return ChannelError("misconfigured", error.code, f"one number of the batch: {error.reason}")
    return error


def _until(at: datetime) -> int:
    return int(at.timestamp())

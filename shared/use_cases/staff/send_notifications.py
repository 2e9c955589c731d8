"""Send notifications to staff by e-mail or Zalo: stored first, then sent at most once per channel.

A notification is stored in the unit of work of what it is about. It is due in the timer lane at once, which enqueues it
with the messages; there a worker claims it before it calls a provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from shared.domain.common.stored_item import without
from shared.domain.errors import Busy
from shared.domain.messaging.channel_errors import ChannelError, ContentError, as_channel_error
from shared.domain.messaging.provider_backoff import provider_pause
from shared.domain.staff.directory import Directory, Person
from shared.domain.staff.staff_notification import (
    ENDED,
    KEPT,
    Notification,
    channel_done,
    channels_left,
    released,
)
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Channel, Clock, Item, Outgoing, Sent, Table
from shared.repositories import table_keys
from shared.repositories.rate_limits import Pace
from shared.repositories.retry import retried
from shared.repositories.unit_of_work import UnitOfWork

CLAIM = timedelta(minutes=10)
# While every channel rests, a notification is looked at again after this pause; it is given up after PATIENCE.
PAUSE, PATIENCE = timedelta(minutes=1), timedelta(hours=24)
TROUBLE_LENGTH = 300
# The fields an ended notification no longer has.
OVER = ("due", "due_at", "claimed_until", "words", "rests")

# From a kind, a channel, a person and the notification's words to its subject and text. Raises ContentError.
Write = Callable[[str, str, Person, Mapping[str, Any]], tuple[str, str]]


@dataclass(frozen=True)
class NotificationSender:
    """Sends notifications; `wanted` names the channels of a kind, in order; `chance` gives numbers from 0 to 1."""

    table: Table
    directory: Directory
    channels: Mapping[str, Channel]
    wanted: Callable[[str], tuple[str, ...]]
    write: Write
    pace: Pace
    clock: Clock
    chance: Callable[[], float]

    def send(self, notification_id: str) -> str:
        """Advance one notification as far as it goes now and return its status; idempotent. Raises Busy."""
        return retried(self.table, lambda _: self._send(notification_id))

    def _send(self, notification_id: str) -> str:
        now = self.clock()
        notification = self._load(notification_id)
        if notification is None:
            return "gone"
        if notification["status"] in ENDED:
            return notification["status"]
        if notification["status"] == "sending":
            return self._fate_unknown(notification, now) if notification["claimed_until"] <= stamp(now) else "sending"
        person = self.directory.people.get(notification["person"])
        if person is None:
            return self._end(notification, "given_up", "no_such_person", now)
        addresses = {"zalo": person.zalo_user_id, "email": person.email}
        left = [
            name
            for name in channels_left(notification, self.wanted(notification["kind"]), addresses)
            if name in self.channels
        ]
        if not left:
            return self._end(
                notification, "given_up", notification["tried"][-1][1] if notification["tried"] else "no_address", now
            )
        if moment(notification["at"]) <= now - PATIENCE:
            return self._end(notification, "given_up", "provider_trouble", now)
        for channel in left:
            if notification["rests"].get(channel, "") <= stamp(now) and self.pace.closed_until(channel, now) is None:
                return self._through(notification, channel, person, addresses[channel], now)
        return self._put(
            notification,
            {**notification, "due_at": min(notification["rests"].get(name, stamp(now + PAUSE)) for name in left)},
        )

    def _through(self, notification: Notification, channel: str, person: Person, to: str, now: datetime) -> str:
        """Claim the notification and call one provider."""
        try:
            subject, text = self.write(notification["kind"], channel, person, notification["words"])
        except ContentError as error:
            return self._end({**notification, "trouble": str(error)[:TROUBLE_LENGTH]}, "given_up", "content_error", now)
        if not self.pace.take(channel, now):
            turn = stamp(self.pace.next_turn(channel, now))
            return self._put(
                notification, {**notification, "rests": {**notification["rests"], channel: turn}, "due_at": turn}
            )
        until = stamp(now + CLAIM)
        claimed: Notification = {
            **notification, "status": "sending", "channel": channel, "claimed_until": until, "due_at": until,
            "tries": notification["tries"] + 1,
        }  # fmt: skip
        self._put(notification, claimed)
        outgoing = Outgoing(notification["note_id"], to, "transactional", text=text, subject=subject)
        try:
            self.channels[channel].send(outgoing)
        except (ChannelError, Busy) as error:
            trouble = as_channel_error(error)
            return self._answered(notification["note_id"], until, lambda known: self._trouble(known, channel, trouble))
        self.pace.worked(channel)
        return self._answered(
            notification["note_id"], until, lambda known: self._end(known, "sent", "ok", self.clock())
        )

    def _answered(self, notification_id: str, claim: str, write: Callable[[Notification], str]) -> str:
        """Store the provider's answer; it is known nowhere else, so it is retried while the table is busy."""

        def attempt(_: int) -> str:
            known = self._load(notification_id)
            if known is None or known.get("claimed_until") != claim:
                return self._send(notification_id)  # the write came through after all
            return write(known)

        return retried(self.table, attempt)

    def _trouble(self, notification: Notification, channel: str, trouble: ChannelError) -> str:
        now = self.clock()
        notification = {
            **notification,
            "trouble": f"{channel} {trouble.kind} {trouble.code}: {trouble.reason}"[:TROUBLE_LENGTH],
        }
        if trouble.kind in ("uncertain", "back_off"):
            self.pace.failed(channel, now)
        if trouble.kind == "uncertain":
            return self._fate_unknown(notification, now)
        if trouble.kind in ("back_off", "wait_until"):
            pause = provider_pause(notification["tries"], self.chance())
            rests = {**notification["rests"], channel: stamp(trouble.until or now + pause)}
            return self._on(notification, {**released(notification), "rests": rests})
        return self._on(notification, channel_done(notification, channel, trouble.kind))

    def _fate_unknown(self, notification: Notification, now: datetime) -> str:
        """A worker died, or the provider's answer was lost: ask it; if it cannot tell, try the next channel."""
        channel = notification["channel"]
        try:
            able = self.channels.get(channel)
            taken = able.was_taken(notification["note_id"]) if able else "cannot_tell"
        except ChannelError:
            until = stamp(now + CLAIM)
            return self._put(notification, {**notification, "claimed_until": until, "due_at": until})
        if isinstance(taken, Sent):
            return self._end(notification, "sent", "ok", now)
        return self._on(
            notification,
            released(notification) if taken is None else channel_done(notification, channel, "nobody_knows"),
        )

    def _on(self, before: Notification, after: Notification) -> str:
        """Go on with the next channel at once."""
        self._put(before, {**after, "due_at": stamp(self.clock())})
        return self._send(before["note_id"])

    def _end(self, notification: Notification, status: Literal["sent", "given_up"], reason: str, now: datetime) -> str:
        """An ended notification is due no more, and its words are deleted: they may be about a customer."""
        ended: Notification = {
            **without(notification, *OVER), "status": status, "reason": reason, "ended_at": stamp(now),
            "ttl": int((now + KEPT).timestamp()),
        }  # fmt: skip
        return self._put(notification, ended)

    def _load(self, notification_id: str) -> Notification | None:
        return cast(Notification | None, self.table.get(table_keys.staff_note(notification_id)))

    def _put(self, before: Notification, after: Notification) -> str:
        """Raises Conflict where another worker changed the notification since."""
        key = table_keys.staff_note(before["note_id"])
        uow = UnitOfWork(self.table, {key: cast(Item, before)})
        uow.put(key, after)
        uow.commit()
        return after["status"]

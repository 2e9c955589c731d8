"""Dispatch one message: ask the policy by the wall clock, claim, call the provider, store the outcome.

The item is written before anything is sent and claimed before the provider is called, so at whatever point a sender
dies, the next one knows what may be repeated: a marketing message of unknown fate may not (X1). What each step makes of
the message is decided in `domain/messaging/delivery.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from shared.domain.campaigns.campaign import JOURNEY
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.errors import Busy, Conflict
from shared.domain.messaging import delivery
from shared.domain.messaging.channel_errors import ChannelError, ContentError, as_channel_error
from shared.domain.messaging.message import FINAL, PROGRESS, Message
from shared.domain.messaging.policy import ON_PHONE, Decision
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.provider_backoff import FIRST_PAUSE, provider_pause
from shared.domain.messaging.reply_windows import SPANS, closes
from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Channel, Clock, Outgoing, Rendered, Renderer, Sent, Table
from shared.repositories import table_keys
from shared.repositories.campaign_counters import tally
from shared.repositories.contact_ledger import wait_no_more, waiting
from shared.repositories.do_not_call import require_unlisted
from shared.repositories.messages import claim, find, give_back, release, reserve, store, unit_of_work_on
from shared.repositories.policy_facts import situation_keys
from shared.repositories.profiles import addresses, last_words, members_of
from shared.repositories.provider_status import ProviderLimits
from shared.repositories.rate_limits import Pace, next_hour
from shared.repositories.retry import retried
from shared.repositories.task_assignment import Roster
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.messaging.choose_channel import COMMENTS, ChannelChoice
from shared.use_cases.tasks.planned_calls import CALLED_WITHIN

# After a channel failed, these reasons say that no other leads to the customer either.
NO_WAY = ("no_address", "no_channel", "window_closed", "unreachable", "bounced")
# Messages of a paused campaign look again after this.
PAUSED_FOR = timedelta(minutes=15)


@dataclass(frozen=True)
class Dispatcher:
    """Everything a dispatch needs. `chance` gives numbers from 0 to 1 for the jitter; `on_key_cap` rings the alarm when
    a write key has used up its messages of an hour."""

    table: Table
    secret: bytes
    rules: SendingRules
    channels: Mapping[str, Channel]
    renderer: Renderer
    clock: Clock
    pace: Pace
    limits: ProviderLimits
    chance: Callable[[], float]
    roster: Callable[[], Roster]
    on_key_cap: Callable[[str], None]

    @property
    def _choice(self) -> ChannelChoice:
        return ChannelChoice(self.rules, self.channels, self.renderer, self.pace, self.limits)

    def dispatch(self, message_id: str) -> str:
        """Advance the message one step and answer with its status. Safe to repeat at any time."""
        # A claim lost to another sender, or to a limit reached meanwhile, is looked at again. What this
        # sender has claimed itself is "sending" by then, and is left alone.
        return retried(self.table, lambda _: self._dispatch(message_id))

    def _dispatch(self, message_id: str) -> str:
        now = self.clock()
        uow = UnitOfWork(self.table)
        key = table_keys.message(message_id)
        customer = table_keys.profile(message_id[:-20])
        uow.load([key, customer, table_keys.contacts(message_id[:-20]), *situation_keys(now, "*")[:3]])
        message = find(uow, message_id)
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
        """Whether the message's campaign is paused or cancelled: then nothing more goes out, also of what was planned;
        or whether its journey ended while it was going out."""
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
        left = self._choice.left(message, members, now)
        if not left and message.get("tried"):
            return self._out_of_channels(uow, message, "no_channel", now)
        decision = self._choice.decide(uow, message, members, left, now)
        if decision.outcome == "suppress" and decision.reason in NO_WAY and message.get("tried"):
            # Why an earlier channel failed says more than that the last one has no address.
            reason = message["reason"] if message["status"] == "planned" else decision.reason
            return self._out_of_channels(uow, message, reason, now)
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
        return self._send(uow, message, members, decision.channel, now)

    def _send(self, uow: UnitOfWork, message: Message, members: list[Profile], channel: str, now: datetime) -> str:
        # The customer as they are known now, not as they were when the message was planned.
        variables = {**message["variables"], "customer": fold_members(members)["traits"]}
        try:
            content = self.renderer.render(message["template"], channel, variables, message_id=message["message_id"])
        except ContentError as error:
            return self._next(uow, {**message, "trouble": str(error)}, channel, "content_error", now)
        if message["purpose"] == "transactional" and not self.pace.allows(message.get("sender_key", ""), now):
            self.on_key_cap(message["sender_key"])
            return self._later(uow, message, "key_cap", next_hour(now), now)
        if not self.pace.take(channel, now):
            wait = Decision("defer", "provider_pace", self.pace.next_turn(channel, now), channel)
            return self._defer(uow, message, members, wait, now)
        message = self._claim(uow, message, members, channel, content, now)
        outgoing = _outgoing(message, members, content, now)
        try:
            sent = self.channels[channel].send(outgoing)
        except (ChannelError, Busy) as error:
            trouble = as_channel_error(error)
            return self._written(message, lambda known: self._after_error(known, channel, trouble))
        self.pace.worked(channel)
        status = self._written(message, lambda known: self._sent(known, channel, sent, self.clock()))
        self.limits.note_quota(channel, sent.quota_left, message["purpose"], now)
        return status

    def _claim(
        self, uow: UnitOfWork, message: Message, members: list[Profile], channel: str, content: Rendered, now: datetime
    ) -> Message:
        """Claim the message and the customer's slot in one write, with the money; raises Conflict when one is gone."""
        price = self.rules.channel(channel).price_vnd
        claimed = delivery.claimed(message, channel, now, price=price, links=content.links)
        claim(uow, claimed, members, now, self.rules)
        if message["purpose"] == "marketing" and channel in ON_PHONE:
            to = addresses(members, message.get("placed_with", ()))[channel]
            require_unlisted(self.table, uow, members[0], to, self.secret)
        reserve(self.table, claimed, self.rules)
        try:
            uow.commit()
        except Conflict:
            # After Busy the claim may have come through all the same, so that its price stays reserved.
            release(self.table, claimed, self.rules)
            raise
        return find(uow, message["message_id"]) or claimed

    # ---- after the provider ----

    def _written(self, message: Message, write: Callable[[Message], str]) -> str:
        """Store the provider's answer. This sender alone knows it, so a collision or a busy table is no reason to lose
        it; once another has taken the message further, or the write came through after all, look again."""
        key = table_keys.message(message["message_id"])

        def attempt(number: int) -> str | None:
            known = cast("Message | None", self.table.get(key)) if number else message
            return write(known) if known and delivery.is_still_claimed(known, message) else None

        try:
            status = retried(self.table, attempt)
        except Busy:
            status = None
        return status or self._dispatch(str(message["message_id"]))

    def _sent(self, message: Message, channel: str, sent: Sent, now: datetime) -> str:
        if message["status"] != "sending" and message.get("provider_id") == sent.provider_id:
            return str(message["status"])  # the answer of an earlier write was lost, not the write
        uow = unit_of_work_on(self.table, message)
        patience = self._patience(message, channel)
        after = delivery.accepted(message, channel, sent.provider_id, sent.cost, now, patience)
        uow.count(table_keys.sent(local_day(now).isoformat(), channel), messages=1, cost=sent.cost)
        if sent.provider_id:
            uow.mark(
                table_keys.message_by_provider_id(channel, sent.provider_id),
                {"message_id": message["message_id"], "ttl": int((now + timedelta(days=90)).timestamp())},
            )
        return self._commit(uow, message, after)

    def _patience(self, message: Message, channel: str) -> timedelta | None:
        """Within which time a message should be opened on a channel; None where its provider reports no openings."""
        if not self.rules.channel(channel).opens_count:
            return None
        return self.renderer.patience(message["template"]) or timedelta(hours=self.rules.open_after_hours)

    def _after_error(self, message: Message, channel: str, error: ChannelError) -> str:
        now = self.clock()
        if message["status"] != "sending":
            return str(message["status"])  # the receipt was faster: the provider took it after all
        uow = unit_of_work_on(self.table, message)
        message = delivery.with_error(message, channel, error, now)
        if error.kind in ("uncertain", "back_off"):
            self.pace.failed(channel, now)
        if error.kind == "uncertain":
            return self._fate_unknown(uow, message, now)
        # Everything else was surely not sent: the customer's slot and the money are free again.
        give_back(uow, message, self.rules)
        if reason := delivery.WAITS.get(error.kind):
            elsewhere, pause = self._choice.elsewhere(uow, message, channel, now), self._pause(message["tries"])
            until = delivery.retry_at(message, error, elsewhere, pause, self.rules.attempts, now)
            if until is not None:
                return self._later(uow, message, reason, until, now)
            return self._next(uow, message, channel, reason, now)
        if error.kind in ("refused", "unreachable") and "comment" not in message:
            self._close(uow, message["customer_id"], channel, error.kind)
        return self._next(uow, message, channel, error.kind, now)

    def _pause(self, tries: int) -> timedelta:
        return provider_pause(tries, self.chance())

    def _close(self, uow: UnitOfWork, customer_id: str, channel: str, kind: str) -> None:
        """Remember that a channel does not reach this customer, so that it is not paid for again."""
        members = members_of(uow, customer_id)
        if members:
            lead = members[0]
            reason = "refused_by_customer" if kind == "refused" else "unreachable"
            closed = {**lead.get("closed", {}), channel: reason}
            uow.put(table_keys.profile(lead["customer_id"]), {**lead, "closed": closed})

    def _fate_unknown(self, uow: UnitOfWork, message: Message, now: datetime) -> str:
        """A sender died, or its answer was lost: ask the provider; where it cannot say, do not repeat marketing."""
        name = message["channel"]
        channel = self.channels.get(name)
        try:
            taken = channel.was_taken(message["message_id"]) if channel else "cannot_tell"
        except ChannelError:
            # The provider cannot be asked right now; nothing is decided before it can.
            return self._put(uow, delivery.claim_extended(message, now))
        if isinstance(taken, Sent):
            return self._sent(message, name, taken, now)
        if taken is None:
            give_back(uow, message, self.rules)
            return self._later(uow, message, "provider_trouble", now + self._pause(message["tries"]), now)
        if delivery.repeats_when_unknown(message):
            return self._later(uow, {**message, "repeated": True}, "provider_trouble", now + FIRST_PAUSE, now)
        return self._end(uow, message, "unknown", "nobody_knows", now)

    def _unopened(self, uow: UnitOfWork, message: Message, now: datetime) -> str:
        """Nobody has opened it for long enough: the next channel, where there is one (A13, A14)."""
        status, channel = str(message["status"]), message["channel"]
        if "due_at" not in message:
            return status
        if "open_by" not in message:
            # Its receipt came, its sender died before it could store that it was sent.
            patience = self._patience(message, channel)
            return self._commit(uow, message, delivery.booked(message, message.get("price", 0), now, patience))
        if status not in ("sent", "delivered") or message["open_by"] > stamp(now):
            return status
        members = members_of(uow, message["customer_id"])
        tried = [*message.get("tried", ()), channel]
        if not members or not self._choice.left({**message, "tried": tried}, members, now):
            return self._put(uow, delivery.without_due(message))
        return self._next(uow, {**message, "reached": [status, channel]}, channel, "not_opened", now)

    # ---- where a message ends up ----

    def _next(self, uow: UnitOfWork, message: Message, channel: str, reason: str, now: datetime) -> str:
        """Give up this channel and go on with the next at once; without one, staff take over."""
        after = delivery.on_next_channel(message, channel, reason, now)
        members = members_of(uow, message["customer_id"])
        if not members or not self._choice.left(after, members, now):
            return self._out_of_channels(uow, after, reason, now)
        self._put(uow, after)
        return self._dispatch(str(message["message_id"]))

    def _out_of_channels(self, uow: UnitOfWork, message: Message, reason: str, now: datetime) -> str:
        """No channel is left. What the customer has to know goes to staff; an advertisement just ends."""
        if "withdrawn" in message:
            return self._end(uow, message, "suppressed", message["withdrawn"], now)
        # A comment's author has a ticket as well; only what an agent wrote has to reach them some other way.
        automatic_answer = "comment" in message and "human" not in message
        if message["purpose"] == "marketing" or "reached" in message or automatic_answer:
            return self._end(uow, message, "failed", reason, now)
        members = members_of(uow, message["customer_id"])
        if members:
            details = {"template": message["template"], "message_id": message["message_id"]}
            name = f"call-{message['message_id']}"
            lead = members[0]["customer_id"]
            new = NewTask(
                lead, name, "call", "handed_to_staff", now + CALLED_WITHIN, details=details,
                journey=message["journey"], run=message["run"], step=message["step"],
            )  # fmt: skip
            open_task(uow, new, now, self.roster())
        return self._end(uow, message, "failed", "handed_to_staff", now)

    def _defer(
        self, uow: UnitOfWork, message: Message, members: list[Profile], decision: Decision, now: datetime
    ) -> str:
        until = decision.until or now + timedelta(hours=1)
        if message["purpose"] == "marketing" and decision.reason in ("own_cap", "legal_cap", "more_important_first"):
            wait_no_more(uow, members, message["message_id"])
            key = table_keys.contacts(members[0]["customer_id"])
            priority = self.rules.priority(message["journey"])
            uow.put(key, waiting(uow.get(key) or {}, message["message_id"], [priority, stamp(until)]))
        return self._later(uow, message, decision.reason, until, now)

    def _later(self, uow: UnitOfWork, message: Message, reason: str, until: datetime, now: datetime) -> str:
        if delivery.is_too_late(message, until):
            return self._end(uow, message, "expired", f"too_late_after_{reason}", now)
        return self._put(uow, delivery.deferred(message, reason, until, now))

    def _end(self, uow: UnitOfWork, message: Message, status: str, reason: str, now: datetime) -> str:
        before = find(uow, message["message_id"]) or {}
        wait_no_more(uow, members_of(uow, message["customer_id"]), message["message_id"])
        return self._commit(uow, before, delivery.ended(message, status, reason, now))

    def _commit(self, uow: UnitOfWork, before: Message, after: Message) -> str:
        """Store a message that reached another outcome or has cost more, counted for its campaign."""
        tally(uow, before, after)
        return self._put(uow, after)

    def _put(self, uow: UnitOfWork, after: Message) -> str:
        store(uow, after)
        uow.commit()
        return str(after["status"])


def _outgoing(message: Message, members: list[Profile], content: Rendered, now: datetime) -> Outgoing:
    """What the channel of a claimed message is given to send."""
    channel = message["channel"]
    to_comment = channel == COMMENTS and "comment" in message
    reached = addresses(members, message.get("placed_with", ()))
    return Outgoing(
        tracking_id=message["message_id"],
        to=str(message["comment"]["comment_id"]) if to_comment else reached[channel],
        purpose=message["purpose"],
        text=content.text,
        subject=content.subject,
        html=content.html,
        template=content.template,
        parameters=content.parameters,
        unsubscribe=content.unsubscribe,
        beyond_window=bool(message.get("human")) and _is_late(members, channel, now),
        comment=to_comment,
    )


def _is_late(members: list[Profile], channel: str, now: datetime) -> bool:
    """Whether a machine could no more answer on a channel."""
    last = last_words(members).get(channel, "")
    return bool(last) and channel in SPANS and closes(channel, moment(last), human=False) <= now

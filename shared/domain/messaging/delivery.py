"""The life of a message as pure transitions: (message, what happened, now) -> the message afterwards.

Nothing here reads or writes: `use_cases/messaging` asks the policy, claims, calls providers and stores what these
return. A message with `due_at` is looked at again then; one without has ended, or waits for receipts only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.common.stored_item import without
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.messaging.message import FINAL, PROGRESS, WAITING, Message, with_log_entry
from shared.domain.messaging.policy import Decision
from shared.domain.vietnam_time import local_day, moment, stamp

# How long a claim holds: within it a sender has called the provider and stored the answer, or has died.
CLAIM = timedelta(minutes=10)
# A provider that fails for this long is given up, also where no other channel is left.
PATIENCE = timedelta(hours=24)
# A provider that is closed without saying until when is asked again after this.
CLOSED_FOR = timedelta(hours=1)
# Messages on these make no sound, so they may come at night.
SILENT = ("zalo", "email")
# Under which reason a message waits for the same channel, by the kind of the provider's error.
WAITS = {"back_off": "provider_trouble", "wait_until": "provider_hours"}


# ---- claim and answer ----


def claimed(message: Message, channel: str, now: datetime, *, price: int, links: Sequence[str]) -> Message:
    """The message claimed for one call of a channel that costs up to `price` VND; `links` are its tracked targets."""
    until = stamp(now + CLAIM)
    after = with_log_entry(message, "sending", "ok", now, channel)
    after |= {"tries": message["tries"] + 1, "claimed_until": until, "due_at": until}
    after |= {"price": price, "paid_on": local_day(now).isoformat()}
    if links:
        after["links"] = list(links)
    return after


def claim_extended(message: Message, now: datetime) -> Message:
    """The message still claimed: its provider cannot be asked yet whether it took it."""
    until = stamp(now + CLAIM)
    return {**message, "claimed_until": until, "due_at": until}


def is_still_claimed(known: Message, claim: Message) -> bool:
    """Whether a stored message is as `claim` left it, apart from receipts that came meanwhile."""
    return known["status"] in PROGRESS or all(
        known.get(name) == claim[name] for name in ("status", "channel", "claimed_until")
    )


def accepted(
    message: Message, channel: str, provider_id: str, cost: int, now: datetime, patience: timedelta | None
) -> Message:
    """The message after the provider took it; `cost` and `patience` as of `booked`."""
    if message["status"] == "sending":
        message = with_log_entry(message, "sent", "ok", now, channel)
    return booked({**message, "provider_id": provider_id}, cost, now, patience)


def booked(message: Message, cost: int, now: datetime, patience: timedelta | None) -> Message:
    """A message that the provider took, with its `cost` in VND. It is due again after `patience`, the time within which
    it should be opened; None where the channel reports no openings."""
    paid: Message = {**message, "cost": message["cost"] + cost, "tries": 0}
    after = without(paid, "claimed_until", "troubled_since")
    unread = message["status"] in ("sent", "delivered") and message["purpose"] != "transactional"
    if patience is not None and unread and "withdrawn" not in message and message.get("until_opened", True):
        until = stamp(now + patience)
        return after | {"due_at": until, "open_by": until}
    return without_due(after)


# ---- errors ----


def with_error(message: Message, channel: str, error: ChannelError, now: datetime) -> Message:
    """The message with a provider's error noted, and since when its provider has been failing."""
    after: Message = {**message, "trouble": f"{channel} {error.kind} {error.code}: {error.reason}"[:300]}
    if error.kind == "back_off":
        after.setdefault("troubled_since", stamp(now))
    return after


def retry_at(
    message: Message, error: ChannelError, elsewhere: Decision, pause: timedelta, attempts: int, now: datetime
) -> datetime | None:
    """When to try the same channel again after an error of a kind in `WAITS`; None: go on with the next channel.

    `elsewhere` is what the policy decides about the other channels: where none may bring the message, this one's
    recovery is waited for. `pause` is the back-off, used where the provider names no time; `attempts` is the most.
    """
    worn_out = message["tries"] >= attempts
    if error.kind == "back_off":
        if worn_out and elsewhere.outcome in ("send", "defer"):
            return None
        return None if moment(message["troubled_since"]) < now - PATIENCE else error.until or now + pause
    until = error.until or now + CLOSED_FOR
    # A transactional message need not wait for the provider's morning where it can come without a sound (A4).
    at_once = message["purpose"] == "transactional" and elsewhere.outcome == "send" and elsewhere.channel in SILENT
    return None if is_too_late(message, until) or at_once or worn_out else until


def repeats_when_unknown(message: Message) -> bool:
    """Whether a message of unknown fate is sent once more: what the customer has to know is, an advertisement never."""
    return message["purpose"] == "transactional" and not message.get("repeated")


# ---- where a message ends up ----


def is_too_late(message: Message, until: datetime) -> bool:
    """Whether a message that waits until then misses its `send_before`."""
    return "send_before" in message and stamp(until) >= message["send_before"]


def deferred(message: Message, reason: str, until: datetime, now: datetime) -> Message:
    """The message waiting until a moment that is not too late for it."""
    after = with_log_entry(message, "deferred", reason, now, message.get("channel", ""))
    after |= {"due_at": stamp(until), "not_before": stamp(until)}
    return without(after, "claimed_until")


def on_next_channel(message: Message, channel: str, reason: str, now: datetime) -> Message:
    """The message due at once on the channels after `channel`, which is given up for this reason."""
    after = with_log_entry(message, "planned", reason, now, channel)
    after |= {"tried": [*message.get("tried", ()), channel], "tries": 0, "due_at": stamp(now)}
    return without(after, "claimed_until", "not_before", "open_by", "troubled_since")


def ended(message: Message, status: str, reason: str, now: datetime) -> Message:
    """The message with its last outcome, due no more."""
    after = with_log_entry(message, status, reason, now, message.get("channel", ""))
    if "reached" in message:
        after = _as_reached(after, now)
    elif message.get("repeated") and status != "unknown":
        # An earlier try may have reached the customer, whatever stops the next one.
        after = with_log_entry(after, "unknown", "nobody_knows", now, message.get("channel", ""))
    return without(without_due(after), "claimed_until")


def withdrawn(message: Message, reason: str, now: datetime) -> Message | None:
    """The message after its journey or campaign took it back; None where that comes too late to change anything.

    One that waits ends. What went out goes on to no other channel, and what is going out is not tried again.
    """
    if message["status"] in WAITING:
        after = with_log_entry(message, "suppressed", reason, now, message.get("channel", ""))
        if "reached" in message:
            after = _as_reached(after, now)
        return without(without_due(after), "not_before")
    if message["status"] not in ("sending", "sent", "delivered"):
        return None
    after = {**message, "withdrawn": reason}
    return without(without_due(after), "not_before") if "open_by" in message else after


def _as_reached(message: Message, now: datetime) -> Message:
    """A message that went out on an earlier channel and was only not opened there: that stays its outcome."""
    status, channel = message["reached"]
    return with_log_entry(message, status, "not_opened_no_other", now, channel)


# ---- receipts ----


def progressed(message: Message, status: str, at: datetime) -> Message | None:
    """The message after a receipt; None when it brings nothing new. Late and repeated receipts change nothing."""
    if status not in PROGRESS:
        raise ValueError(f"{status} is no progress of a message")
    before = message["status"]
    reached = PROGRESS.index(before) if before in PROGRESS else -1
    # A message of unknown fate, or one being sent, is known to be sent now.
    if reached >= PROGRESS.index(status) or before in ("suppressed", "expired"):
        return None
    after = with_log_entry(message, status, status if status != "sent" else "ok", at, message.get("channel", ""))
    # An opened message needs no other channel.
    return without(without_due(after) if is_read(status) else after, "claimed_until")


def is_read(status: str) -> bool:
    return status in ("opened", "clicked", "replied")


def failed_later(message: Message, channel: str, reason: str, at: datetime) -> Message | None:
    """The message after a receipt of failure, due at once on the next channel; None where it was read or has ended, or
    where the receipt is about a channel that it is no longer on."""
    if message["status"] in FINAL or message["status"] in PROGRESS[1:] or channel != message.get("channel"):
        return None
    if channel in message.get("tried", ()):
        return None
    after = with_log_entry(message, "deferred", reason, at, channel)
    after |= {"tried": [*message.get("tried", ()), channel], "tries": 0, "due_at": stamp(at)}
    return without(after, "claimed_until", "not_before", "open_by")


def without_due(message: Message) -> Message:
    return without(message, "due", "due_at")

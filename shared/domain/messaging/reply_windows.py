"""How long a chat takes answers after the customer's last word, and who may give them (R13).

Zalo takes an answer for 48 hours without charge and for seven days at a price; Messenger takes one for 24 hours from
any sender and for seven days from a person under the tag HUMAN_AGENT, which no machine may use; WhatsApp for 24 hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from shared.domain.vietnam_time import moment, stamp

State = Literal["open", "person_only", "paid", "closed"]


class Span(NamedTuple):
    """How long a channel takes answers: free of charge from any sender, and what is allowed after that."""

    free: timedelta
    longest: timedelta
    after: Literal["person_only", "paid", "closed"]


SPANS: Mapping[str, Span] = {
    "zalo": Span(timedelta(hours=48), timedelta(days=7), "paid"),
    "messenger": Span(timedelta(hours=24), timedelta(days=7), "person_only"),
    "whatsapp": Span(timedelta(hours=24), timedelta(hours=24), "closed"),
}
# A comment on the page takes one private answer within this time of being written.
COMMENT_ANSWER = timedelta(days=7)


class ReplyWindow(NamedTuple):
    """One chat's window: `free_until` for answers by any sender, `closes_at` for those of a person; stamps.

    `state` is "open", "person_only" (only what a person types), "paid" (it costs) or "closed"; `minutes_left` are those
    until a person's answer is no more taken.
    """

    state: State
    free_until: str
    closes_at: str
    minutes_left: int


def closes(channel: str, last: datetime, *, human: bool) -> datetime:
    """Until when a channel takes an answer to what was said at `last`; KeyError for a channel without a window.

    Automatic messages go only while answers are free for any sender; `human`: an agent typed it.
    """
    span = SPANS[channel]
    return last + (span.longest if human else span.free)


def windows(inbound: Mapping[str, str], now: datetime) -> dict[str, ReplyWindow]:
    """The windows of the chats a customer wrote on; `inbound` holds the stamp of their last word by channel."""
    return {
        channel: _window(SPANS[channel], moment(last), now) for channel, last in inbound.items() if channel in SPANS
    }


def _window(span: Span, last: datetime, now: datetime) -> ReplyWindow:
    free, longest = last + span.free, last + span.longest
    state: State = "open" if now < free else span.after if now < longest else "closed"
    left = max(timedelta(), longest - now)
    return ReplyWindow(state, stamp(free), stamp(longest), int(left.total_seconds()) // 60)

"""What a provider, a link or a person says about a message after it went out; late and repeated words do no harm."""

from __future__ import annotations

from datetime import datetime

from shared.domain.messaging.delivery import failed_later, is_read, progressed
from shared.domain.messaging.message import Message
from shared.domain.vietnam_time import local_day, stamp
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.campaign_counters import tally
from shared.repositories.messages import find, store
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork


def record(
    table: Table, message_id: str, status: str, at: datetime, *, failed: str = "", channel: str = ""
) -> Message | None:
    """Move a message forward to `status`, or tell that it `failed` on `channel` after it was taken.

    Answers with the message. A failure makes the message due at once, so that the next sweep takes it to the next
    channel; one of a channel that was already given up changes nothing. None when there is no such message or the word
    brought nothing new. Raises Busy.
    """

    def move(uow: UnitOfWork) -> Message | None:
        message = find(uow, message_id)
        if message is None:
            return None
        after = failed_later(message, channel, failed, at) if failed else progressed(message, status, at)
        if after is None:
            return None
        store(uow, after)
        tally(uow, message, after)
        if not failed and is_read(status):
            _engaged(uow, message["customer_id"], at)
            _nudge(uow, message, at)
        return after

    return committed(table, move)


def _engaged(uow: UnitOfWork, customer_id: str, at: datetime) -> None:
    key = table_keys.profile(customer_id)
    profile = uow.get(key)
    day = local_day(at).isoformat()
    if profile and day > profile.get("engaged_on", ""):
        uow.put(key, {**profile, "engaged_on": day})


def _nudge(uow: UnitOfWork, message: Message, at: datetime) -> None:
    """The run of a journey that waits for its message to be read looks again at once."""
    key = table_keys.journeys_of(message["customer_id"])
    state = uow.get(key)
    run = (state or {}).get("runs", {}).get(f"{message['journey']}|{message['run']}")
    if state and run and run.get("listens") and run["next_due"] > stamp(at):
        runs = {**state["runs"], f"{message['journey']}|{message['run']}": {**run, "next_due": stamp(at)}}
        uow.put(key, {**state, "runs": runs, "due_at": min(stamp(at), state["due_at"])})

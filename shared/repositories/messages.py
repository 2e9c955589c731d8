"""Plan a message: write the intent down first; whoever dies after that loses nothing (X1)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from shared.domain.messaging.message import WAITING, Intent, Message, planned, told
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import stamp
from shared.ports import Item, Queue
from shared.repositories import table_keys
from shared.repositories.contact_ledger import wait_no_more
from shared.repositories.unit_of_work import UnitOfWork


def plan(uow: UnitOfWork, intent: Intent, now: datetime, rules: SendingRules, *, sure_new: bool = False) -> bool:
    """Put the message into the draft; False when the same intent was planned before.

    Whoever is `sure_new` saves the look; should it be there after all, the commit raises Conflict.

    It is itself due later: at its time, or beyond the expected backlog of the queue, so that a lost queue message is
    found again. The caller enqueues after the commit.
    """
    key = table_keys.message(intent.message_id)
    if sure_new:
        uow.assume_absent(key)
    if uow.get(key):
        return False
    message = planned(intent, now)
    later = intent.send_after if intent.send_after and intent.send_after > now else None
    message["due"] = table_keys.timer_lane(intent.message_id)
    message["due_at"] = stamp(later or now + timedelta(minutes=rules.backlog_minutes))
    uow.put(key, message)
    return True


def withdraw(uow: UnitOfWork, members: list[Item], message_id: str, reason: str, now: datetime) -> bool:
    """Take back a message that only waits; False for one that went out, is going out, or has ended.

    What went out goes on to no other channel any more, and what is going out is not tried again.
    """
    key = table_keys.message(message_id)
    message = uow.get(key)
    if message is None:
        return False
    if message["status"] not in WAITING:
        if message["status"] in ("sending", "sent", "delivered"):
            over = {**message, "withdrawn": reason}
            if "open_by" in message:
                _undue(over)
            uow.put(key, over)
        return False
    ended = told(message, "suppressed", reason, now, message.get("channel", ""))
    if reached := message.get("reached"):
        # It went out on an earlier channel: that stays what became of it.
        status, channel = reached
        ended = told(ended, status, "not_opened_no_other", now, channel)
    _undue(ended)
    uow.put(key, ended)
    wait_no_more(uow, members, message_id)
    return True


def _undue(message: Message) -> None:
    for gone in ("due", "due_at", "not_before"):
        message.pop(gone, None)


def enqueue(queue: Queue, message_ids: list[str]) -> None:
    """Hand planned messages to the queue of their purpose."""
    queue.send([json.dumps({"message_id": message_id}) for message_id in message_ids])

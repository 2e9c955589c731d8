"""Messages in the table: planned, claimed together with their slot and money, given back, withdrawn, enqueued."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from shared.domain.customers.profile import Profile
from shared.domain.errors import Conflict, NotFound
from shared.domain.messaging import delivery
from shared.domain.messaging.message import WAITING, Intent, Message, planned
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import stamp
from shared.ports import Item, Key, Queue, Table, Update, absent_or_at_most
from shared.repositories import table_keys
from shared.repositories.contact_ledger import forgotten, remembered, wait_no_more
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork


def store(uow: UnitOfWork, message: Message) -> None:
    """Put a message; one with a `due_at` is in the due index."""
    due = {"due": table_keys.timer_lane(message["message_id"])} if "due_at" in message else {}
    uow.put(table_keys.message(message["message_id"]), message | due)


def plan(uow: UnitOfWork, intent: Intent, now: datetime, rules: SendingRules, *, sure_new: bool = False) -> bool:
    """Put the planned message into the unit of work; False when the same intent was planned before.

    A caller that is `sure_new` saves the read; should the message exist after all, the commit raises Conflict.

    It is itself due later: at its time, or beyond the expected backlog of the queue, so that a lost queue message is
    found again. The caller enqueues after the commit.
    """
    key = table_keys.message(intent.message_id)
    if sure_new:
        uow.assume_absent(key)
    if uow.get(key):
        return False
    later = intent.send_after if intent.send_after and intent.send_after > now else None
    store(uow, planned(intent, now) | {"due_at": stamp(later or now + timedelta(minutes=rules.backlog_minutes))})
    return True


def claim(uow: UnitOfWork, claimed: Message, members: list[Profile], now: datetime, rules: SendingRules) -> None:
    """Put a claimed message (see `delivery.claimed`) and the customer's slot into one unit of work, whose commit raises
    Conflict when one of them is gone. The money was reserved before, see `reserve`."""
    store(uow, claimed)
    wait_no_more(uow, members, claimed["message_id"])
    entry = [stamp(now), claimed["purpose"], claimed["channel"], claimed["message_id"]]
    key = table_keys.contacts(members[0]["customer_id"])
    uow.put(key, remembered(uow.get(key) or {}, entry, now, rules.longest_memory))


def reserve(table: Table, claimed: Message, rules: SendingRules) -> None:
    """Reserve the price of a message in the day's budgets; raises Conflict, with nothing reserved, when one is spent.

    It is no part of the customer's transaction, which would make the budget a row of everybody's. A sender that dies
    before its claim leaves the price reserved: a budget may be spent by a little less, never by more.
    """
    taken: list[Key] = []
    for name, most in _budgets(claimed, rules).items():
        key = table_keys.budget(claimed["paid_on"], name)
        left = (absent_or_at_most(("spent",), most - claimed["price"]),)
        try:
            table.write(Update(key, add={("spent",): claimed["price"]}, when=left))
        except Conflict:
            _refund(table, taken, claimed["price"])
            raise
        taken.append(key)


def release(table: Table, claimed: Message, rules: SendingRules) -> None:
    """Give the reserved price of a message back whose claim did not come about."""
    _refund(table, [table_keys.budget(claimed["paid_on"], name) for name in _budgets(claimed, rules)], claimed["price"])


def _refund(table: Table, keys: list[Key], price: int) -> None:
    for key in keys:
        table.write(Update(key, add={("spent",): -price}))


def give_back(uow: UnitOfWork, message: Message, rules: SendingRules) -> None:
    """Free the slot and the money of a claim that surely led to no message."""
    members = members_of(uow, message["customer_id"])
    if members:
        key = table_keys.contacts(members[0]["customer_id"])
        uow.put(key, forgotten(uow.get(key) or {}, message["message_id"], message["channel"]))
    for name in _budgets(message, rules):
        uow.count(table_keys.budget(message["paid_on"], name), spent=-message["price"])


def _budgets(message: Message, rules: SendingRules) -> dict[str, int]:
    """The day's budgets that a claimed message counts against, in VND; none for what the customer has to know."""
    if message["purpose"] == "transactional" or not message.get("price"):
        return {}
    return {name: most for name, most in rules.budgets_vnd.items() if name in ("*", message["journey"])}


def find(uow: UnitOfWork, message_id: str) -> Message | None:
    """The message as the table, or this unit of work, has it."""
    return cast("Message | None", uow.get(table_keys.message(message_id)))


def unit_of_work_on(table: Table, message: Message) -> UnitOfWork:
    """A unit of work that knows a message as it was last read, so that its commit holds only for that version."""
    return UnitOfWork(table, {table_keys.message(message["message_id"]): cast(Item, message)})


def withdraw(uow: UnitOfWork, members: list[Profile], message_id: str, reason: str, now: datetime) -> bool:
    """Take back a message that only waits; False for one that went out, is going out, or has ended.

    What went out goes on to no other channel any more, and what is going out is not tried again.
    """
    message = find(uow, message_id)
    after = delivery.withdrawn(message, reason, now) if message else None
    if message is None or after is None:
        return False
    store(uow, after)
    if message["status"] not in WAITING:
        return False
    wait_no_more(uow, members, message_id)
    return True


def change(table: Table, message_id: str, note: Callable[[UnitOfWork, Message], Message | None]) -> None:
    """Let `note` write about a message, again when another writer was faster; what it returns is the new message.

    Raises NotFound where the message is gone, and Busy.
    """

    def attempt(uow: UnitOfWork) -> None:
        message = find(uow, message_id)
        if message is None:
            raise NotFound("the message is gone")
        if after := note(uow, message):
            store(uow, after)

    committed(table, attempt)


def timeline_entry(message: Message, name: str, stage: str, at: datetime, **properties: Any) -> Item:
    """What the customer's timeline shows of something that they did with a message."""
    about = {"message_id": message["message_id"], "journey": message["journey"], "step": message["step"]}
    return {
        "type": "track",
        "name": name,
        "stage": stage,
        "source": message.get("channel", ""),
        "at": stamp(at),
        "properties": json.dumps({**about, **properties}, ensure_ascii=False),
    }


def enqueue(queue: Queue, message_ids: list[str]) -> None:
    """Put planned messages into the queue of their purpose."""
    queue.send([json.dumps({"message_id": message_id}) for message_id in message_ids])

"""What the policy has to know about a person and about everybody, from the items of the table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.domain.customers.profile import Profile
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork

# Longer than any cap on calls looks back.
CALLS_REMEMBERED = timedelta(days=7)


def ledger_of(uow: UnitOfWork, members: list[Profile]) -> Item:
    """What the person got and what waits for them, under whichever customer it was noted: merged people have had
    each other's messages."""
    keys = [table_keys.contacts(member["customer_id"]) for member in members]
    uow.load(keys)
    ledgers = [uow.get(key) or {} for key in keys]
    contacts = [contact for ledger in ledgers for contact in ledger.get("contacts", ())]
    calls = [call for ledger in ledgers for call in ledger.get("calls", ())]
    waits = {k: v for ledger in ledgers for k, v in ledger.get("waiting", {}).items()}
    return {"contacts": contacts, "calls": calls, "waiting": waits}


def last_selling_call(ledger: Item) -> datetime | None:
    """When the person was last called to be sold something, by whomever; `ledger` as `ledger_of` gives it."""
    staff = [at for at, _ in ledger.get("calls", ())]
    planned = [at for at, *how, _ in ledger.get("contacts", ()) if how == ["marketing", "call"]]
    return moment(max(staff + planned)) if staff or planned else None


def called(ledger: Item, task_id: str, now: datetime) -> Item:
    """The ledger with a call of staff that was to sell something; one task may be several calls."""
    since = stamp(now - CALLS_REMEMBERED)
    recent = [known for known in ledger.get("calls", ()) if known[0] > since]
    return {**ledger, "calls": [*recent, [stamp(now), task_id]]}


def remembered(ledger: Item, entry: list[str], now: datetime, memory: timedelta) -> Item:
    """The contacts with one more, those too old to matter dropped."""
    since = stamp(now - memory)
    contacts = [known for known in ledger.get("contacts", []) if known[0] > since]
    return {**ledger, "contacts": [*contacts, entry]}


def forgotten(ledger: Item, message_id: str, channel: str) -> Item:
    """The contacts without the last try of a message on a channel, which surely did not go out; what the person got
    of it on another channel stays."""
    contacts = list(ledger.get("contacts", []))
    tries = [place for place, known in enumerate(contacts) if known[2:] == [channel, message_id]]
    if tries:
        del contacts[tries[-1]]
    return {**ledger, "contacts": contacts}


def waiting(ledger: Item, message_id: str, entry: list[Any] | None) -> Item:
    """The contacts with a message noted as waiting for its slot, or no longer."""
    others = {name: known for name, known in ledger.get("waiting", {}).items() if name != message_id}
    return {**ledger, "waiting": others | ({message_id: entry} if entry else {})}


def wait_no_more(uow: UnitOfWork, members: list[Profile], message_id: str) -> None:
    """Take a message off the waiting list, which a customer who was merged meanwhile brought along."""
    for member in members:
        key = table_keys.contacts(member["customer_id"])
        ledger = uow.get(key) or {}
        if message_id in ledger.get("waiting", {}):
            uow.put(key, waiting(ledger, message_id, None))

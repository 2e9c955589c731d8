"""The facts that the sending policy decides by."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from shared.domain.customers.profile import Profile, fold_members
from shared.domain.messaging.policy import STAFF_CALL, Contact, Person, Situation
from shared.domain.messaging.reply_windows import SPANS, closes
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Item, Key
from shared.repositories import table_keys
from shared.repositories.profiles import addresses, last_words
from shared.repositories.unit_of_work import UnitOfWork

# The mark that journeys set after a low rating, until an agent has talked with the customer: a complaint (R17).
UNHAPPY = "unhappy"


def situation_keys(now: datetime, journey: str) -> list[Key]:
    day = local_day(now).isoformat()
    return [table_keys.HALT, table_keys.DO_NOT_CALL_STATE, table_keys.budget(day, "*"), table_keys.budget(day, journey)]


def situation(uow: UnitOfWork, now: datetime, journey: str, limits: dict[str, int]) -> Situation:
    """What holds for everybody; `limits` are the day's budgets by journey, "*" for all."""
    halt = uow.get(table_keys.HALT) or {}
    checked = (uow.get(table_keys.DO_NOT_CALL_STATE) or {}).get("checked_on")
    day = local_day(now).isoformat()
    left = [
        limit - (uow.get(table_keys.budget(day, name)) or {}).get("spent", 0)
        for name, limit in limits.items()
        if name in ("*", journey)
    ]
    return Situation(
        now=now,
        do_not_call_checked=date.fromisoformat(checked) if checked else None,
        halted=frozenset(halt.get("provinces", ())),
        budget_left=min(left, default=None),
    )


def person(members: list[Profile], ledger: Item, message_id: str, now: datetime, *, human: bool = False) -> Person:
    """The person as the policy sees them; `ledger` as `ledger_of` gives it, `human` as of the message's intent.

    An earlier try of the same message on another channel does not count against it: it is still one message (A13).
    """
    lead, view = members[0], fold_members(members)
    inbound, reached = last_words(members), addresses(members)
    closed: dict[str, str] = {}
    for member in members:
        closed |= member.get("closed", {})
    others = [
        priority
        for other, (priority, until) in ledger.get("waiting", {}).items()
        if other != message_id and until <= stamp(now + timedelta(hours=1))
    ]
    return Person(
        customer_id=lead["customer_id"],
        reachable=frozenset(reached),
        consent=_consent(members, view["consent"], reached),
        closed=closed,
        windows={c: closes(c, moment(at), human=human) for c, at in inbound.items() if c in SPANS},
        contacts=[
            Contact(moment(at), purpose, channel)
            for at, purpose, channel, of in ledger.get("contacts", ())
            if of != message_id
        ]
        + [Contact(moment(at), STAFF_CALL, "call") for at, _ in ledger.get("calls", ())],
        province=view["traits"].get("city", ""),
        complaint_open=any(member.get("complaints") or UNHAPPY in member.get("marks", ()) for member in members),
        do_not_call=any(member.get("do_not_call") for member in members),
        refused=bool(lead.get("refused")),
        waiting_priority=min(others, default=None),
    )


def _consent(members: list[Profile], latest: dict[str, Any], reached: dict[str, str]) -> dict[str, bool]:
    """What the person has agreed to and refused, by slot; a grant counts for the address that it was given for."""
    found = {}
    for slot, said in latest.items():
        channel = slot.partition(":")[0]
        at = reached.get("sms_care" if channel == "sms" else channel, "")
        given = [own for member in members if (own := member["consent"].get(slot)) and own["granted"]]
        if not said["granted"] or not at or any(own.get("address", at).partition(":")[2] in ("", at) for own in given):
            found[slot] = said["granted"]
    return found

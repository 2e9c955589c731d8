"""What the policy has to know about a person and about everybody, from the items of the table."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from shared.domain.customers.profile import Profile, fold_members
from shared.domain.messaging.policy import STAFF_CALL, Contact, Person, Situation
from shared.domain.messaging.reply_windows import SPANS, closes
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Item, Key
from shared.repositories import table_keys
from shared.repositories.segment_membership import load_members
from shared.repositories.unit_of_work import Draft

_LANDLINE = "phone:+842"
# Longer than any cap on calls looks back.
CALLS_REMEMBERED = timedelta(days=7)
# The mark that journeys put on who rated us low, until somebody has talked with them: a complaint all the same (R17).
UNHAPPY = "unhappy"


def situation_keys(now: datetime, journey: str) -> list[Key]:
    day = local_day(now).isoformat()
    return [table_keys.HALT, table_keys.DO_NOT_CALL_STATE, table_keys.budget(day, "*"), table_keys.budget(day, journey)]


def situation(draft: Draft, now: datetime, journey: str, limits: dict[str, int]) -> Situation:
    """What holds for everybody; `limits` are the day's budgets by journey, "*" for all."""
    halt = draft.get(table_keys.HALT) or {}
    checked = (draft.get(table_keys.DO_NOT_CALL_STATE) or {}).get("checked_on")
    day = local_day(now).isoformat()
    left = [
        limit - (draft.get(table_keys.budget(day, name)) or {}).get("spent", 0)
        for name, limit in limits.items()
        if name in ("*", journey)
    ]
    return Situation(
        now=now,
        do_not_call_checked=date.fromisoformat(checked) if checked else None,
        halted=frozenset(halt.get("provinces", ())),
        budget_left=min(left, default=None),
    )


def members_of(draft: Draft, customer_id: str) -> list[Profile]:
    """The profiles that speak for a customer today, the leading one first; empty when there is none."""
    profile = draft.get(table_keys.profile(customer_id))
    while profile and "merged_into" in profile:
        profile = draft.get(table_keys.profile(profile["merged_into"]["customer_id"]))
    return load_members(draft, profile) if profile else []


def addresses(members: list[Profile]) -> dict[str, str]:
    """Where each channel reaches the person; of several numbers the one that was named last. Hints do not count, but
    for the e-mail address that somebody wrote from."""
    found: dict[str, str] = {}
    links = fold_members(members)["identities"].items()
    for name, link in sorted(links, key=lambda entry: (entry[1]["at"], entry[0])):
        kind, _, value = name.partition(":")
        if link["certainty"] == "claimed":
            # Nobody vouches for the address, but somebody wrote from it: an answer goes back to where that came from.
            if kind == "email" and kind in last_words(members):
                found.setdefault(kind, value)
            continue
        if kind == "phone":
            found["call"] = value
            if not name.startswith(_LANDLINE):
                found |= dict.fromkeys(("zns", "sms_care", "sms_ad", "whatsapp"), value)
        elif kind == "email":
            found["email"] = value
        elif kind == "zalo_user_id":
            found["zalo"] = value
        elif kind == "messenger_psid":
            found["messenger"] = value
        elif kind in ("user", "anonymous"):
            found["web"] = value
    return found


def last_words(members: list[Profile]) -> dict[str, str]:
    """When the person last wrote on each channel, as stamps."""
    found: dict[str, str] = {}
    for member in members:
        for channel, at in member.get("inbound", {}).items():
            found[channel] = max(at, found.get(channel, ""))
    return found


def ledger_of(draft: Draft, members: list[Profile]) -> Item:
    """What the person got and what waits for them, under whichever customer it was noted: merged people have had
    each other's messages."""
    keys = [table_keys.contacts(member["customer_id"]) for member in members]
    draft.load(keys)
    ledgers = [draft.get(key) or {} for key in keys]
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


def person(members: list[Profile], ledger: Item, message_id: str, now: datetime, *, human: bool = False) -> Person:
    """The person as the policy sees them; `ledger` as `ledger_of` gives it, `human` as of the message's intent.

    An earlier try of the same message on another channel does not count against it: it is still one message (A13).
    """
    lead, view = members[0], fold_members(members)
    inbound = last_words(members)
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
        reachable=frozenset(addresses(members)),
        consent={slot: said["granted"] for slot, said in view["consent"].items()},
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


def wait_no_more(draft: Draft, members: list[Profile], message_id: str) -> None:
    """Take a message off the waiting list, which a customer who was merged meanwhile brought along."""
    for member in members:
        key = table_keys.contacts(member["customer_id"])
        ledger = draft.get(key) or {}
        if message_id in ledger.get("waiting", {}):
            draft.put(key, waiting(ledger, message_id, None))


def age(members: list[Profile], today: date) -> int | None:
    """Years, or None: a birthday on 1 January is a placeholder unless confirmed (R15)."""
    traits = fold_members(members)["traits"]
    birthday = traits.get("birthday")
    if not birthday or (birthday[5:] == "01-01" and traits.get("@birthday_confirmed") is not True):
        return None
    born = date.fromisoformat(birthday)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

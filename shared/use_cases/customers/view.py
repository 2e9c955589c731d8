"""Everything known about one customer: the 360° view, the timeline, and finding a customer by an identity (D1, D16)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from shared.domain.common.stored_item import without
from shared.domain.customers.identity import Identity, link_key
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.customers.reach import stores_of
from shared.domain.errors import NotFound
from shared.domain.recommendations.recommendation import Matter
from shared.domain.segments.segmentation import lifecycle, rfm, scores, silence
from shared.domain.tasks.appointment import Appointment
from shared.domain.vietnam_time import local_day, moment
from shared.ports import Item, Table
from shared.repositories import profiles, table_keys
from shared.repositories.news import NEWS
from shared.repositories.profiles import RulesToday, load_members, metrics_of
from shared.repositories.task_assignment import Roster
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.recommendations.suggest_products import Suggester
from shared.use_cases.tasks.appointments import brief

RECENT_ORDERS = 10
# The one answer to a search, whether the customer does not exist or is out of the key's reach.
NOBODY = "no customer goes by this identity"
# What is open stands before the orders, in the same query.
AT_ONCE = 100


def find(table: Table, who: Identity, secret: bytes) -> str:
    """The customer behind an identity; raises NotFound, also for one that unlike people share."""
    link = table.get(table_keys.link(link_key(who, secret)), consistent=False)
    if link is None or "shared" in link:
        raise NotFound(NOBODY)
    return str(link["customer"])


def view(
    table: Table,
    customer_id: str,
    rules_today: RulesToday,
    roster: Callable[[], Roster] | None = None,
    suggester: Suggester | None = None,
) -> Item:
    """The 360° view. One query reads the profile, what is open and the latest orders: they stand next to each other.

    With a `roster` the customer's salesperson is shown also before they are written down. What is suggested stands on
    an open ticket; where there is none a `suggester` reads what goes with what was bought, at most two requests more.
    """
    pk, top = table_keys.profile(customer_id)
    page = table.query(pk, low=table_keys.ORDER_ROWS[0], high=top, descending=True, limit=AT_ONCE, consistent=False)
    profile = page.items[0] if page.items and page.items[0]["sk"] == top else None
    if profile is None:
        raise NotFound("there is no such customer")
    if "merged_into" in profile:
        return view(table, profile["merged_into"]["customer_id"], rules_today, roster, suggester)
    items = page.items[1:]
    lead = cast(Profile, profile)
    members = [lead]
    if lead.get("absorbed"):
        members = load_members(UnitOfWork(table), lead)
        for member in members[1:]:
            below = table_keys.profile(member["customer_id"])
            more = table.query(
                below.pk, low=table_keys.ORDER_ROWS[0], high=below.sk, descending=True, limit=AT_ONCE,
                consistent=False,
            )  # fmt: skip
            items += [item for item in more.items if item["sk"] != below.sk]
    # By key: time, then order id, so that orders of one moment stand the same whichever member they came by.
    orders = sorted((i for i in items if i["sk"].startswith("O#")), key=lambda i: str(i["sk"]), reverse=True)
    open_items = [i for i in items if i["sk"].startswith("OT#")]
    return describe(members, rules_today) | {
        "keeper": _keeper(members, roster),
        "recent_orders": [_order(row) for row in orders[:RECENT_ORDERS]],
        "open_tickets": [_ticket(item) for item in items if item["sk"].startswith("OS#")],
        "appointments": [
            brief(cast(Appointment, item))
            for item in items
            if item["sk"].startswith("OA#") and _to_come(item, rules_today)
        ],
        "tasks": [_task(item, items) for item in open_items],
        "journeys": _journeys(items),
        "suggestions": _suggestions(members, items, orders, suggester),
    }


def _suggestions(
    members: list[Profile], items: list[Item], orders: list[Item], suggester: Suggester | None
) -> list[dict[str, Any]]:
    tickets = [item for item in items if item["sk"].startswith("OS#")]
    if tickets:
        latest = max(tickets, key=lambda ticket: str(ticket["last_at"]))
        complaints = {one for member in members for one in member.get("complaints", ())}
        if complaints - {latest["ticket_id"]}:
            return []  # nothing is sold beside an open complaint, whichever ticket was written to last (X14)
        return list(latest.get("suggestions", ()))
    return suggester.suggest_for(members, Matter(), rows=orders, by_rules=False) if suggester else []


def _keeper(members: list[Profile], roster: Callable[[], Roster] | None) -> str | None:
    """The customer's salesperson: the stored one, else the one that the rule assigns to a buyer."""
    known = next((member["keeper"] for member in members if "keeper" in member), None)
    if roster is None or not (known or metrics_of(members[0]).orders):
        return known
    return roster().keeper(members) or None


def describe(members: list[Profile], rules_today: RulesToday) -> dict[str, Any]:
    """What the profiles alone say, as the outside sees it."""
    profile = members[0]
    folded = fold_members(members)
    m = metrics_of(profile)
    known = list(profile.get("labels", []))
    return {
        "customer_id": profile["customer_id"],
        "created_at": folded["created_at"],
        "merged": [member["customer_id"] for member in members[1:]],
        "refused": profile.get("refused"),
        "identities": _identities(folded),
        "traits": _traits(folded),
        "consent": [
            dict(zip(("channel", "purpose"), slot.split(":"), strict=True)) | without(said, "address")
            for slot, said in sorted(folded["consent"].items())
        ],
        "segments": {
            "lifecycle": lifecycle(m, rules_today.today, rules_today.rules),
            "value": known[1] if len(known) > 1 else "none",
            "tags": known[2:] + sorted({mark for member in members for mark in member.get("marks", ())}),
            "rfm": rfm(m, rules_today.today, rules_today.rules, rules_today.cutoffs),
        },
        "scores": scores(m, rules_today.today, rules_today.rules.bg_nbd),
        "metrics": {
            "orders": m.orders,
            "revenue": m.revenue,
            "aov": m.revenue // m.orders if m.orders else 0,
            "visits": m.visits,
            "first_order_at": m.first_order_at or None,
            "last_order_at": m.last_order_at or None,
            "days_silent": silence(m, rules_today.today, rules_today.rules),
            "revenue_365d": m.window_spend,
            "visits_365d": m.window_visits,
            "cod_refusals": m.refusals,
        },
        "stores": sorted(stores_of(members)),
    }


def _identities(profile: Profile) -> dict[str, Any]:
    """The identities by kind, the latest of each first named, with how sure each link is."""
    shown: dict[str, Any] = {}
    links = []
    for name, link in sorted(profile["identities"].items(), key=lambda entry: (entry[1]["at"], entry[0])):
        kind, _, value = name.partition(":")
        if kind == "external":
            system, _, value = value.partition(":")
            kind = f"external:{system}"
        links.append({"kind": kind, "value": value, "certainty": link["certainty"], "since": link["at"]})
        if link["certainty"] == "claimed":
            continue
        if kind.startswith("external:"):
            shown.setdefault("external", {})[kind.partition(":")[2]] = value
        else:
            shown[kind] = value
    return shown | {"links": links}


def _traits(profile: Profile) -> dict[str, Any]:
    traits: dict[str, Any] = {name: value for name, value in profile["traits"].items() if not name.startswith("@")}
    attributes = {name[1:]: value for name, value in profile["traits"].items() if name.startswith("@")}
    return traits | {"attributes": attributes}


def _order(row: Item) -> dict[str, Any]:
    names = ("order_id", "placed_at", "total", "kept", "status", "store", "channel", "lines")
    return {name: row[name] for name in names if name in row}


def _to_come(appointment: Item, rules_today: RulesToday) -> bool:
    """Whether an appointment is today's or later."""
    return local_day(moment(appointment["starts_at"])) >= rules_today.today


def _task(item: Item, items: list[Item]) -> dict[str, Any]:
    """An open task, with how the deal of its journey stands."""
    shown = {name: value for name, value in item.items() if name not in ("pk", "sk", "version", NEWS)}
    name = f"{item.get('journey', '')}|{item.get('run', '')}"
    deals = [other["runs"][name].get("deal") for other in items if name in other.get("runs", {})]
    return shown | ({"deal": deals[0]} if deals and deals[0] else {})


def _ticket(item: Item) -> dict[str, Any]:
    names = (
        "ticket_id", "channel", "status", "queue", "assignee", "priority", "intent", "severity", "sentiment", "subject",
        "order_id", "opened_at", "last_at", "first_response_due_at", "resolve_due_at",
    )  # fmt: skip
    return {name: item.get(name) or None for name in names}


def _journeys(items: list[Item]) -> list[dict[str, Any]]:
    """The journeys a customer is in, the latest first."""
    names = ("journey", "version", "step", "since", "due_at", "deal", "variant", "arm")
    runs = [run for item in items if item["sk"] == "OJ" for run in item.get("runs", {}).values()]
    runs.sort(key=lambda run: (run["anchor"], run["journey"]), reverse=True)
    return [{name: run.get(name) or None for name in names} | {"entered_at": run["anchor"]} for run in runs]


def _members(uow: UnitOfWork, customer_id: str) -> list[Profile]:
    """The profile that speaks for a customer today and all that were merged into it; raises NotFound."""
    profile = profiles.find(uow, customer_id)
    while profile and "merged_into" in profile:
        profile = profiles.find(uow, profile["merged_into"]["customer_id"])
    if profile is None:
        raise NotFound("there is no such customer")
    return load_members(uow, profile)


def timeline(table: Table, customer_id: str, limit: int, start: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """What happened, latest first, one page; of all members where customers were merged."""
    uow = UnitOfWork(table)
    members = _members(uow, customer_id)
    low, high = table_keys.TIMELINE
    entries: list[Item] = []
    more, complete_from = False, ""
    for member in members:
        page = table.query(
            table_keys.profile(member["customer_id"]).pk, low=low, high=high, start=start, descending=True, limit=limit,
            consistent=False,
        )  # fmt: skip
        entries += page.items
        # A page may end early, at 1 MB; what the others have from before that end waits for the next page.
        more, complete_from = more or page.next is not None, max(complete_from, page.next or "")
    entries = [item for item in entries if item["sk"] >= complete_from]
    entries.sort(key=lambda item: item["sk"], reverse=True)
    more = more or len(entries) > limit
    page_items = entries[:limit]
    return [_entry(item) for item in page_items], page_items[-1]["sk"] if more and page_items else None


def _entry(item: Item) -> dict[str, Any]:
    shown = {name: value for name, value in item.items() if name not in ("pk", "sk", "version", NEWS)}
    return shown | ({"properties": json.loads(item["properties"])} if "properties" in item else {})


def messages(
    table: Table, customer_id: str, limit: int, start: str | None, reasons: Mapping[str, Mapping[str, str]]
) -> tuple[list[dict[str, Any]], str | None]:
    """Every message of a customer, sent or not, with its whole story in words a care agent understands (X7)."""
    uow = UnitOfWork(table)
    members = _members(uow, customer_id)
    low, high = table_keys.MESSAGES
    found = [item for m in members for item in uow.collection(table_keys.profile(m["customer_id"]).pk, low, high)]
    # A message's key tells nothing of its time, and one person has few: sorted here, paged by time and id.
    found.sort(key=lambda item: (item["created_at"], item["message_id"]), reverse=True)
    if start:
        found = [item for item in found if f"{item['created_at']}#{item['message_id']}" < start]
    page = found[:limit]
    after = f"{page[-1]['created_at']}#{page[-1]['message_id']}" if len(found) > limit else None
    return [_message(item, reasons) for item in page], after


def _message(item: Item, reasons: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    names = ("message_id", "purpose", "journey", "run", "step", "template", "channel", "status", "reason", "cost", "at")
    shown = {name: item.get(name) for name in (*names, "created_at", "send_after", "send_before", "not_before")}
    story = [
        {"at": at, "status": status, "reason": reason, "channel": channel or None, **told_as(reason, reasons)}
        for at, status, reason, channel in item.get("log", ())
    ]
    return {**shown, **told_as(item["reason"], reasons), "trouble": item.get("trouble"), "story": story}


def told_as(reason: str, reasons: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """A reason in words; one nobody has worded yet is shown as it is."""
    words = reasons.get(reason, {})
    return {"why": words.get("vi", reason), "why_en": words.get("en", reason)}

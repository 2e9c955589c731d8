"""Write where a customer stands: figures, labels, list membership, churn rank and the next day to look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.domain.common.playbook_rules import CutOffs, Rules
from shared.domain.customers.profile import Metrics, Profile, caring_store, fold_members, is_stale, measure
from shared.domain.orders.order import OrderRow, lines_shown, read
from shared.domain.segments.segmentation import due_at, lifecycle, stand
from shared.domain.vietnam_time import stamp
from shared.ports import Item, Key, Table
from shared.repositories import table_keys, ticket_revenue
from shared.repositories.co_purchase import basket, recount
from shared.repositories.unit_of_work import Draft

LIFECYCLE_LANE = "lifecycle#0"
# So many bring the order, its row and a day's totals each into one transaction, beside the customer's own items; fewer
# where the counts of their goods fill it.
MATURED_AT_ONCE = 25


@dataclass(frozen=True)
class Ruling:
    """The rules in force on one local day."""

    rules: Rules
    cutoffs: CutOffs
    today: date


def current_cutoffs(table: Table, rules: Rules, memory: dict[str, Any], now: float) -> CutOffs:
    """The cut-offs in force, remembered for a minute so that no event pays for reading them."""
    known = memory.get("cutoffs")
    if known and now - known[0] < 60:
        cutoffs: CutOffs = known[1]
        return cutoffs
    item = table.get(table_keys.CURRENT_CUTOFFS)
    cutoffs = CutOffs.model_validate(item["cutoffs"]) if item else rules.first_cutoffs
    memory["cutoffs"] = (now, cutoffs)
    return cutoffs


def figures(profile: Profile) -> Metrics:
    """The figures on a profile; stored as a plain list, new fields are appended at the end."""
    return Metrics(*profile.get("metrics", ()))


def load_members(draft: Draft, lead: Profile) -> list[Profile]:
    """The leading profile and all that were merged into it, however deep."""
    members, waiting = [lead], list(lead.get("absorbed", ()))
    draft.load([table_keys.profile(i) for i in waiting])
    while waiting:
        profile = draft.get(table_keys.profile(waiting.pop(0)))
        if profile:
            members.append(profile)
            waiting += profile.get("absorbed", ())
    return members


def row_item(row: OrderRow, content: dict[str, Any], lines: list[dict[str, Any]]) -> Item:
    """An order row as the table holds it."""
    body: Item = {**row._asdict(), "day": row.day.isoformat(), "matures": row.matures and row.matures.isoformat()}
    body |= {name: content[name] for name in ("store", "channel") if name in content}
    if lines:
        body["lines"] = lines
    return body


def row_of(item: Item) -> OrderRow:
    values = {name: item[name] for name in OrderRow._fields}
    values["day"] = date.fromisoformat(item["day"])
    values["matures"] = date.fromisoformat(item["matures"]) if item["matures"] else None
    return OrderRow(**values)


def rows_of(draft: Draft, members: list[Profile], ruling: Ruling) -> list[OrderRow]:
    """All order rows of a customer; COD orders that matured since they were written are brought to today."""
    low, high = table_keys.ORDER_ROWS
    rows = [
        row_of(item)
        for member in members
        for item in draft.collection(table_keys.profile(member["customer_id"]).pk, low, high)
    ]
    ripe = [row for row in rows if row.matures and row.matures <= ruling.today][:MATURED_AT_ONCE]
    draft.load(table_keys.order(row.order_id) for row in ripe)
    matured: dict[str, OrderRow | None] = {}
    for row in ripe:
        if draft.full:
            break
        matured[row.order_id] = mature(draft, row.order_id, ruling)
    return [matured.get(row.order_id) or row for row in rows]


def mature(draft: Draft, order_id: str, ruling: Ruling) -> OrderRow | None:
    """Bring a COD order that nobody has spoken of to today: in its row and in the shop's totals (R2)."""
    order = draft.get(table_keys.order(order_id))
    days = ruling.rules.orders.cod_matures_days
    before = read(order_id, order, date.fromisoformat(order["as_of"]), days) if order else None
    row = read(order_id, order, ruling.today, days) if order else None
    if order is None or before is None or row is None:
        return None
    content = order["content"]
    kept = {name: value for name, value in order.items() if name not in ("due", "due_at")}
    ticket_revenue.matured(draft, kept, row)
    draft.put(table_keys.order(order_id), {**kept, "as_of": ruling.today.isoformat()})
    if order["row"]:
        home, placed_at = order["row"]
        draft.mark(table_keys.order_row(home, placed_at, order_id), row_item(row, content, lines_shown(content)))
    draft.count(total_key(row, content), kept=row.kept - before.kept)
    orders = ruling.rules.orders
    recount(draft, order_id, basket(before, content, orders), basket(row, content, orders))
    return row


def total_key(row: OrderRow, content: dict[str, Any]) -> Key:
    """Where an order stands in the shop's totals of its day."""
    store, channel, cashier = (content.get(name, "") for name in ("store", "channel", "cashier"))
    return table_keys.day_total(row.day.isoformat(), store, channel, cashier, row.order_id)


def settle(
    draft: Draft,
    members: list[Profile],
    metrics: Metrics | None,
    ruling: Ruling,
    *,
    appoint_vip: bool = False,
    waking: bool = False,
) -> Profile:
    """Put the leading profile with its figures and standing; `metrics` None means: measure them from the orders.

    Only who is `waking` tells journeys what the days have done. Whoever is settled on such a day before that keeps the
    wake, and the label that was heard last as `slipped_from`.
    """
    lead = members[0]
    customer_id = lead["customer_id"]
    if metrics is None or is_stale(metrics, ruling.today, ruling.rules, ruling.cutoffs):
        metrics = measure(rows_of(draft, members, ruling), ruling.today, ruling.rules, ruling.cutoffs)
    view = fold_members(members)
    standing = stand(metrics, view, ruling.today, ruling.rules, ruling.cutoffs, appoint_vip=appoint_vip)
    _list(draft, customer_id, set(lead.get("labels", ())), set(standing.labels))
    risk = standing.risk if standing.labels else None
    store = caring_store(view)
    _rank(draft, customer_id, lead, risk, store)
    profile: Profile = {**lead, "metrics": list(metrics), "labels": list(standing.labels)}
    _set(profile, "risk", risk)
    _set(profile, "ranked_in", store if risk is not None and store else None)
    # An appointment stays with the profile that was appointed, so that parting gives it back.
    renewed = standing.vip_until > view.get("vip_until", "")
    vip_until = standing.vip_until if renewed else lead.get("vip_until", "")
    _set(profile, "vip_until", vip_until if vip_until > ruling.today.isoformat() else None)
    _set(profile, "refused", standing.refused or None)
    # Where more orders matured than one transaction holds, the rest is due at once.
    day = ruling.today if metrics.matures and metrics.matures <= ruling.today.isoformat() else standing.due_day
    slipped_from = None if waking else _slipped_from(lead, standing.lifecycle, ruling)
    _set(profile, "slipped_from", slipped_from)
    due = _due(lead, customer_id, day, ruling.today, to_tell=bool(standing.occasions or slipped_from))
    _set(profile, "due", LIFECYCLE_LANE if due else None)
    _set(profile, "due_at", due)
    draft.put(table_keys.profile(customer_id), profile)
    return profile


def _slipped_from(lead: Profile, now: str, ruling: Ruling) -> str | None:
    """The lifecycle label that journeys heard last, where the days alone have led from it to the one of now."""
    if not lead.get("labels"):
        return None
    heard = str(lead.get("slipped_from") or lead["labels"][0])
    alone = lifecycle(figures(lead), ruling.today, ruling.rules)
    return heard if heard != now and now == alone else None


def _due(lead: Profile, customer_id: str, day: date | None, today: date, *, to_tell: bool) -> str | None:
    """An early date need not move, the wake will: moving the index key is what costs. Nor must one move on which
    there is something still to be told."""
    wanted = stamp(due_at(customer_id, day)) if day else None
    standing: str = lead.get("due_at", "")
    if standing and stamp(due_at(customer_id, today)) >= standing:
        return standing if to_tell else wanted
    if standing and wanted and standing < wanted:
        return standing
    return wanted


def withdraw(draft: Draft, profile: Profile) -> Profile:
    """Take a profile that leads no longer out of every list; what arrived by its identities stays on it."""
    _list(draft, profile["customer_id"], set(profile.get("labels", ())), set())
    _rank(draft, profile["customer_id"], profile, None, "")
    derived = ("metrics", "labels", "risk", "ranked_in", "due", "due_at", "refused", "slipped_from")
    return {name: value for name, value in profile.items() if name not in derived}


def _set(profile: Profile, name: str, value: Any) -> None:
    if value is None:
        profile.pop(name, None)
    else:
        profile[name] = value


def _list(draft: Draft, customer_id: str, before: set[str], after: set[str]) -> None:
    for label in sorted(before - after):
        draft.delete(table_keys.member(label, customer_id))
        draft.count(table_keys.member_counts(customer_id), **{label: -1})
    for label in sorted(after - before):
        draft.mark(table_keys.member(label, customer_id), {})
        draft.count(table_keys.member_counts(customer_id), **{label: 1})


def _rank(draft: Draft, customer_id: str, lead: Profile, risk: int | None, store: str) -> None:
    before = lead.get("risk")
    if before is not None and before != risk:
        draft.delete(table_keys.risk(before, customer_id))
    if risk is not None and (before != risk or lead.get("ranked_in", "") != store):
        row: Item = {"customer_id": customer_id, "store": store}
        if listed := lead.get("listed_on"):
            row["listed_on"] = listed
        draft.mark(table_keys.risk(risk, customer_id), row)

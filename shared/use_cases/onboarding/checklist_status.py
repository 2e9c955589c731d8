"""The checks behind the thirty days' checklist: each reads what is live and says in numbers how far that is (R27)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from shared.domain.customers.names import clean_name
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.messaging.legal_limits import DO_NOT_CALL_LIST_DAYS
from shared.domain.onboarding.checklist import Found, Item, State, reached
from shared.domain.segments.segmentation import LIFECYCLE
from shared.domain.tasks.task import WITHDRAWN
from shared.domain.vietnam_time import local_day, moment
from shared.ports import Item as Row
from shared.ports import Table
from shared.repositories import event_sources, marketing_halt, table_keys
from shared.repositories.profiles import members_of
from shared.repositories.provider_status import ENABLED
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.migrate import versions
from shared.use_cases.segments import list_segments
from shared.use_cases.segments.scan_winback import listed
from shared.use_cases.vouchers.reconcile import Period, totals

LOOKED_BACK = 30
# Cash registers were asked for numbers for years; older fillers than these say nothing about today's cashiers.
DIRT_MONTHS = 24
SHADOW_DAYS = 7
# How far a journey has come, by its mode.
RUNGS = ("shadow", "staff", "store", "all")


class People(NamedTuple):
    """What the profiles of all known customers say: how many there are, and how many of them have what."""

    customers: int
    phone: int
    consent: int
    refused: int
    named: int
    stores: frozenset[str]


@dataclass(frozen=True)
class Look:
    """One look at a shop. `accounts` are the providers' accounts with what is missing of each, `zalo` how the Official
    Account is connected, `letters` how many dead letters there are; `on_customer` hears of profiles read."""

    table: Table
    journeys: JourneyContext
    accounts: Mapping[str, Sequence[str]]
    zalo: str
    letters: int
    on_customer: Callable[[int], None] = lambda _: None

    @property
    def now(self) -> datetime:
        return self.journeys.now

    @property
    def today(self) -> date:
        return local_day(self.now)

    @cached_property
    def seen(self) -> dict[str, event_sources.Seen]:
        return event_sources.seen(self.table)

    @cached_property
    def labels(self) -> dict[str, int]:
        return {row["label"]: row["customers"] for row in list_segments.counts(self.table)}

    @cached_property
    def people(self) -> People:
        tally: Counter[str] = Counter()
        stores: set[str] = set()
        for label in LIFECYCLE:
            for page in _pages(self.table, f"S#{label}"):
                uow = UnitOfWork(self.table)
                uow.load(table_keys.profile(row["sk"]) for row in page)
                for row in page:
                    if members := members_of(uow, row["sk"]):
                        tally.update(_person(members))
                        stores.update(*(member.get("stores", {}) for member in members))
                self.on_customer(len(page))
        return People(
            tally["all"], tally["phone"], tally["consent"], tally["refused"], tally["named"], frozenset(stores)
        )

    @cached_property
    def tasks(self) -> list[Row]:
        """Every task that is open, or was done lately and not withdrawn."""
        found: list[Row] = []
        for status, place in (("open", table_keys.task), ("done", table_keys.task_done)):
            low, high = table_keys.task_range(status)
            for page in _pages(self.table, table_keys.task_list(), low, high):
                found += self.table.batch_get([place(row["task_id"]) for row in page], consistent=False).values()
        return [task for task in found if task.get("outcome") != WITHDRAWN]

    @cached_property
    def month(self) -> list[str]:
        """The last local days, today first."""
        return [(self.today - timedelta(days=n)).isoformat() for n in range(LOOKED_BACK)]

    @cached_property
    def counts(self) -> dict[str, Counter[str]]:
        """What became of people in each journey."""
        names = self.journeys.playbook.journeys
        return {name: sum(map(Counter, self.journeys.counts(name).values()), Counter()) for name in names}

    def sending(self, templates: Sequence[str]) -> list[str]:
        """The journeys that say one of these templates; with none named, all of them."""
        return [
            journey.id
            for journey in self.journeys.playbook.journeys.values()
            if not templates or any(_says(step) in templates for step in journey.steps)
        ]


def first_day(look: Look) -> date | None:
    """The day the shop's thirty days began: when the first source told something."""
    return min((date.fromisoformat(seen.first_on) for seen in look.seen.values()), default=None)


# ---- layer 1: data ----


def source(look: Look, item: Item) -> Found:
    """Whether every kind of source named has told something."""
    here = [kind for kind in item.of if kind in look.seen]
    last = max((look.seen[kind].last_on for kind in here), default="")
    numbers = {"seen": here, "lacking": [kind for kind in item.of if kind not in here], "last_on": last}
    return Found("done" if len(here) == len(item.of) else "under_way" if here else "todo", numbers)


def customers(look: Look, item: Item) -> Found:
    """Whether enough customers are known by their phone."""
    p = look.people
    return Found(reached(p.phone, item.goal), {"customers": p.customers, "phone": p.phone, "named": p.named})


def consent(look: Look, item: Item) -> Found:
    """Whether `goal` percent of the customers agreed to advertising on at least one channel."""
    p = look.people
    percent = 100 * p.consent // p.customers if p.customers else 0
    state: State = "todo" if not p.consent else "done" if percent >= item.goal else "under_way"
    unknown = p.customers - p.consent - p.refused
    return Found(state, {"granted": p.consent, "refused": p.refused, "unknown": unknown, "percent": percent})


def dirt(look: Look, _: Item) -> Found:
    """What is wrong with the numbers: those that cannot be one, and those that people have to look at."""
    first = look.today.replace(day=1)
    bad: Counter[str] = Counter()
    for _month in range(DIRT_MONTHS):
        for page in _pages(look.table, table_keys.bad_phone(first.isoformat(), "").pk):
            bad.update(str(row.get("cashier") or "") for row in page)
        first = (first - timedelta(days=1)).replace(day=1)
    reviews = sum(task["kind"] == "review" and "done_at" not in task for task in look.tasks)
    typed = {name: number for name, number in bad.items() if name}
    worst = max(typed, key=lambda name: (typed[name], name), default="–")
    known = sum(look.labels[label] for label in LIFECYCLE)
    state: State = "todo" if not known else "under_way" if reviews else "done"
    return Found(state, {"bad_phones": bad.total(), "reviews": reviews, "cashier": worst})


def labels(look: Look, _: Item) -> Found:
    """Whether everybody has labels, by the shop's own cut-offs: those that ship are another shop's."""
    own = look.table.get(table_keys.CURRENT_CUTOFFS) is not None
    numbers: dict[str, Any] = {name: look.labels[name] for name in ("vip", "loyal", "promo_hunter", "at_risk")}
    known = sum(look.labels[label] for label in LIFECYCLE)
    return Found("done" if known and own else "under_way" if known else "todo", {"customers": known, **numbers})


# ---- permissions ----


def accounts(look: Look, item: Item) -> Found:
    """Whether the providers' accounts named are set up, one of those that stand behind a | being enough."""
    lacking = {}
    for names in item.of:
        missing = {name: list(look.accounts[name]) for name in names.split("|")}
        if all(missing.values()):
            name = min(missing, key=lambda name: len(missing[name]))
            lacking[name] = missing[name]
    if "zalo" in item.of and "zalo" not in lacking and look.zalo != "ok":
        lacking["zalo"] = [look.zalo]
    here = len(item.of) - len(lacking)
    told = [f"{name}: {', '.join(fields)}" for name, fields in lacking.items()]
    numbers = {"ready": here, "wanted": len(item.of), "lacking": told}
    return Found("done" if not lacking else "under_way" if here else "todo", numbers)


def zns_templates(look: Look, item: Item) -> Found:
    """How many ZNS templates are approved, by the playbook and by Zalo's own latest word where there is one.

    Without an account the playbook speaks of nobody's templates, so none is.
    """
    wanted = [template.zns for template in look.journeys.playbook.templates.values() if template.zns]
    told = {row["sk"]: row["status"].upper() for row in _rows(look.table, table_keys.provider_template("zns", "").pk)}
    confirmed = sum(told.get(zns.template_id) in ENABLED for zns in wanted)
    refused = [zns.name for zns in wanted if told.get(zns.template_id, "ENABLED") not in ENABLED]
    refused += [z.name for z in wanted if z.status in ("rejected", "disabled") and z.name not in refused]
    pending = sum(zns.status == "pending" and zns.name not in refused for zns in wanted)
    enabled = len(wanted) - pending - len(refused) if _has_account(look, item) else 0
    numbers = {"wanted": len(wanted), "enabled": enabled, "confirmed": confirmed, "pending": pending,
               "refused": refused}  # fmt: skip
    state: State = "done" if wanted and enabled == len(wanted) else "under_way" if enabled or pending else "todo"
    return Found(state, numbers)


def sms_templates(look: Look, item: Item) -> Found:
    """How many care texts are registered under the brandname, at a gateway there is an account with."""
    texts = [template.sms_care for template in look.journeys.playbook.templates.values() if template.sms_care]
    registered = sum(text.registered for text in texts) if _has_account(look, item) else 0
    return Found(reached(registered, len(texts) or 1), {"wanted": len(texts), "registered": registered})


def tagged_templates(look: Look, item: Item) -> Found:
    """Whether there are enough templates that carry one of Zalo's tags."""
    tags = Counter(template.zns.tag for template in look.journeys.playbook.templates.values() if template.zns)
    numbers = {"tagged": tags.total(), "transaction": tags[1], "care": tags[2], "promotion": tags[3]}
    return Found(reached(tags.total(), item.goal), numbers)


def do_not_call(look: Look, _: Item) -> Found:
    """Whether the do-not-call list is younger than the law allows."""
    checked = (look.table.get(table_keys.DO_NOT_CALL_STATE) or {}).get("checked_on")
    if not checked:
        return Found("todo", {"checked_on": "–", "days": "–", "allowed": DO_NOT_CALL_LIST_DAYS})
    days = (look.today - date.fromisoformat(checked)).days
    state: State = "done" if days <= DO_NOT_CALL_LIST_DAYS else "under_way"
    return Found(state, {"checked_on": checked, "days": days, "allowed": DO_NOT_CALL_LIST_DAYS})


# ---- layer 2: journeys and service ----


def shadow(look: Look, item: Item) -> Found:
    """Whether every journey has decided for a week without sending, or has gone further already."""
    ready, trying, decided = 0, 0, 0
    names = look.sending(item.of)
    for name in names:
        decided += look.counts[name]["shadow"]
        if look.journeys.mode(name).mode != "shadow":
            ready += 1
        elif began := [kept.at for kept in versions(look.table, name).values()]:
            ready += (look.now - moment(min(began))).days >= SHADOW_DAYS
            trying += (look.now - moment(min(began))).days < SHADOW_DAYS
    state: State = "done" if names and ready == len(names) else "under_way" if ready or trying else "todo"
    return Found(state, {"journeys": len(names), "ready": ready, "trying": trying, "decided": decided})


def live(look: Look, item: Item) -> Found:
    """Whether the journeys that say these templates are live for all."""
    modes = {name: look.journeys.mode(name).mode for name in look.sending(item.of)}
    by_mode = Counter(modes.values())
    further = sum(by_mode[rung] for rung in RUNGS[1:])
    entered = sum(look.counts[name]["entered"] for name in modes)
    done = bool(modes) and by_mode["all"] == len(modes)
    numbers = {"journeys": len(modes), "entered": entered, **{rung: by_mode[rung] for rung in RUNGS}}
    return Found("done" if done else "under_way" if further else "todo", numbers)


def complaints(look: Look, _: Item) -> Found:
    """Whether alarms have been answered: at least one, and none that is overdue."""
    alarms = [task for task in look.tasks if task["kind"] == "alarm"]
    done = sum("done_at" in task for task in alarms)
    overdue = sum("done_at" not in task and moment(task["due_at"]) < look.now for task in alarms)
    state: State = "todo" if not alarms else "done" if done and not overdue else "under_way"
    return Found(state, {"alarms": len(alarms), "answered": done, "overdue": overdue})


# ---- layer 3: growth ----


def calls(look: Look, item: Item) -> Found:
    """Whether every store has made `goal` calls."""
    made = Counter(task.get("store", "") for task in look.tasks if task["kind"] == "call" and "done_at" in task)
    stores = look.people.stores or frozenset(made)
    enough = sum(made[store] >= item.goal for store in stores)
    state: State = "done" if stores and enough == len(stores) else "under_way" if made else "todo"
    return Found(state, {"calls": made.total(), "goal": item.goal, "stores": len(stores), "enough": enough})


def winback_list(look: Look, _: Item) -> Found:
    """Whether a list of customers at risk was made within the last days."""
    for day in look.month[:7]:
        if rows := listed(look.table, date.fromisoformat(day)):
            vips = sum(row["value"] == "vip" for row in rows)
            return Found("done", {"listed": len(rows), "vip": vips, "on": day, "at_risk": look.labels["at_risk"]})
    return Found("todo", {"listed": 0, "vip": 0, "on": "–", "at_risk": look.labels["at_risk"]})


def campaign(look: Look, item: Item) -> Found:
    """Whether a campaign is running or over."""
    rows = _rows(look.table, table_keys.CAMPAIGNS)
    found = look.table.batch_get([table_keys.campaign(row["campaign_id"]) for row in rows]) if rows else {}
    states = Counter(row["state"] for row in found.values())
    out = states["running"] + states["paused"] + states["done"]
    state: State = "done" if out >= item.goal else "under_way" if states.total() - states["cancelled"] else "todo"
    return Found(state, {"campaigns": states.total(), "sent": out, "drafts": states["draft"] + states["approved"]})


def vouchers(look: Look, _: Item) -> Found:
    """Whether a voucher has come back to a till."""
    period = Period(look.today - timedelta(days=LOOKED_BACK - 1), look.today)
    sums = totals(look.table, period, (), look.now)
    state: State = "done" if sums["redeemed"] else "under_way" if sums["issued"] else "todo"
    return Found(state, {name: sums[name] for name in ("issued", "redeemed", "redeemed_value", "liability")})


def sent(look: Look, item: Item) -> Found:
    """Whether messages went out, and what they cost."""
    messages, cost = 0, 0
    channels: Counter[str] = Counter()
    for day in look.month:
        for row in _rows(look.table, table_keys.sent_on(day)):
            channels[row["sk"].partition("|")[2]] += row["messages"]
            messages, cost = messages + row["messages"], cost + row.get("cost", 0)
    told = [f"{name} {number}" for name, number in channels.most_common()]
    return Found(reached(messages, item.goal), {"messages": messages, "cost": cost, "channels": told})


def health(look: Look, _: Item) -> Found:
    """Whether anything stands in the way: dead letters, the red button, a lost connection where there is an account."""
    halted = marketing_halt.halted(look.table)
    numbers = {"letters": look.letters, "halted": halted, "zalo": look.zalo}
    if not look.seen:
        return Found("todo", numbers)
    cut_off = look.zalo != "ok" and not look.accounts["zalo"]
    return Found("under_way" if look.letters or halted or cut_off else "done", numbers)


Check = Callable[[Look, Item], Found]
CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        source, customers, consent, dirt, labels, accounts, zns_templates, sms_templates, tagged_templates,
        do_not_call, shadow, live, complaints, calls, winback_list, campaign, vouchers, sent, health,
    )
}  # fmt: skip


def _has_account(look: Look, item: Item) -> bool:
    return any(not look.accounts[name] for name in item.of)


def _person(members: list[Profile]) -> list[str]:
    """What there is of a customer, to be counted."""
    view = fold_members(members)
    said = [statement["granted"] for slot, statement in view["consent"].items() if slot.endswith(":marketing")]
    here = {
        "all": True,
        "phone": any(name.startswith("phone:") for name in view["identities"]),
        "consent": any(said),
        "refused": bool(said) and not any(said),
        "named": bool(clean_name(str(view["traits"].get("name") or ""))),
    }
    return [name for name, there in here.items() if there]


def _says(step: Any) -> str:
    wanted = step.send or step.survey
    return wanted.template if wanted else ""


def _pages(table: Table, pk: str, low: str = "", high: str | None = None) -> Iterator[list[Row]]:
    start = None
    while True:
        page = table.query(pk, low=low, high=high, start=start, limit=100, consistent=False)
        if page.items:
            yield page.items
        start = page.next
        if start is None:
            return


def _rows(table: Table, pk: str) -> list[Row]:
    return [row for page in _pages(table, pk) for row in page]

"""Journeys at work: news lets customers in, moves them and takes them out; due runs go on by themselves (A1, X5, X18).

All runs of a customer stand in one item, which is due by itself. Whoever learns of something tells it in the same
draft in which it is written down, so news and what follows from it are one commit: told twice, it is done once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zlib import crc32

from shared.domain.content import CUSTOMER, Lang, Template
from shared.domain.customer import Profile, fold_members
from shared.domain.errors import Busy, Conflict
from shared.domain.journey import Journey, Step, Task
from shared.domain.journey_engine import Action, Moved, Run, Signal, advance, enter, fits, hear, listens, next_due
from shared.domain.journey_words import NEWS
from shared.domain.message import Intent, planned, told
from shared.domain.sending_policy import in_holdout
from shared.domain.sending_rules import SendingRules
from shared.domain.task import WITHDRAWN, NewTask
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.domain.voucher import Book, new_code
from shared.ports import Item, NewId, Put, Table, Update, absent
from shared.use_cases import layout, vouchers
from shared.use_cases.draft import Draft
from shared.use_cases.journey_facts import RunFacts, dearest_with
from shared.use_cases.plan_message import plan, withdraw
from shared.use_cases.products import Products
from shared.use_cases.sending_state import members_of, person
from shared.use_cases.standing import Ruling, figures
from shared.use_cases.tasks import close, number_to_call, open_task

ATTEMPTS = 6
MODES_REMEMBERED = 60
# Of one journey, so many entries of a person are remembered; the same thing does not let them in twice.
ENTRIES_KEPT = 12
# Nobody is in more runs than fit one item; a run is one to four kilobytes. Beyond the half of it nobody is in more than
# so many of one journey: reminders that last for years leave room for today's receipt.
RUNS_AT_ONCE = 60
RUNS_OF_ONE = 6
# News that is told later than that is history, whatever it calls itself: an offline till needs hours.
STALE = timedelta(days=3)
# Properties of news that are as long as an order.
LONG_LISTS = ("items",)
# What failed for a reason of its own is tried again then, and the failure raised meanwhile.
PAUSE = timedelta(minutes=15)
COUNT_SHARDS = 16
_FACT = re.compile(r"\{([a-z]+\.[a-z0-9_]+)\}")

State = dict[str, Any]
Planned = list[tuple[str, str]]


class Mode(NamedTuple):
    """For whom a journey is live (R27): "shadow" nobody, "staff", one "store", or "all"."""

    mode: str
    store: str = ""


@dataclass(frozen=True)
class World:
    """The playbook as journeys use it. `pages` are addresses of the shop by name, `link_hosts` where messages may lead;
    `script` writes what a template says in a call, from its variables; `live` says what a journey's mode is until
    somebody sets one."""

    journeys: Mapping[str, Journey]
    templates: Mapping[str, Template]
    offers: Book
    pages: Mapping[str, str]
    link_hosts: frozenset[str]
    script: Callable[[str, Mapping[str, Any]], str]
    live: bool

    @cached_property
    def _heard(self) -> frozenset[str]:
        rare = NEWS.keys() - {"Product Viewed"}
        return frozenset(rare).union(*(journey.hears for journey in self.journeys.values()))

    @cached_property
    def goals(self) -> frozenset[str]:
        """News that is what some journey is for."""
        aims = [journey.goal for journey in self.journeys.values() if journey.goal and not journey.goal.same]
        return frozenset(name for goal in aims for name in goal.event)

    def trusted(self, signal: Signal) -> Signal:
        """The news without addresses that the shop does not know: the key that events come with stands in every
        browser, and a message in the shop's name leads nowhere else."""
        said = signal.properties
        strange = [name for name, value in said.items() if name.endswith("_url") and not self._known(str(value))]
        return signal._replace(properties={k: v for k, v in said.items() if k not in strange}) if strange else signal

    def _known(self, address: str) -> bool:
        host = (urlsplit(address).hostname or "").lower()
        return any(host == known or host.endswith(f".{known}") for known in self.link_hosts)

    def remembered(self, journey: Journey, said: Mapping[str, Any]) -> dict[str, Any]:
        """What a run keeps of the news that lets somebody in: all but long lists that nothing in it speaks of.

        Somebody who buys often is in many runs, and every step of one writes all of them.
        """
        return {
            name: value for name, value in said.items() if name not in LONG_LISTS or name in self._shown[journey.id]
        }

    @cached_property
    def _shown(self) -> dict[str, frozenset[str]]:
        """By journey, the long lists its messages show or its conditions and texts name."""
        shown = {}
        for journey in self.journeys.values():
            sends = [step.send or step.survey for step in journey.steps]
            words = {name for send in sends if send for name in self.templates[send.template].variables}
            text = journey.model_dump_json()
            shown[journey.id] = frozenset(name for name in LONG_LISTS if name in words or f"event.{name}" in text)
        return shown

    def heard(self, name: str) -> bool:
        """Whether journeys want to hear of this. All news is told, for who is in an older version may listen to what
        the shipped one does not; what comes with every step on a web page is told where somebody listens."""
        return name in self._heard


@dataclass(frozen=True)
class Journeys:
    """Everything journeys need at one moment; `memory` belongs to the process."""

    table: Table
    world: World
    ruling: Ruling
    sending: SendingRules
    new_id: NewId
    public_url: Callable[[], str]
    now: datetime
    memory: dict[str, Any]

    @property
    def products(self) -> Products:
        return Products(self.table, self.memory, self.now)

    # ---- news ----

    def tell(
        self,
        draft: Draft,
        members: list[Profile],
        signal: Signal,
        *,
        home: str = "",
        history: bool = False,
        act: bool = True,
        first_try: bool = False,
    ) -> Planned:
        """Tell what happened to a customer, the leading profile first; answers with the messages that were planned.

        `home` is the member whose own fact it is, the lead unless somebody else is named: what follows stays with it,
        also when a merge is undone (X3).
        History ends what it ends and lets nobody in (R1). Without `act`, whoever gets in is due at once instead. On the
        `first_try` of a draft what a new run plans is taken as new; should it not be, the commit says so.
        """
        signal = self.world.trusted(signal)
        desk = Desk(self, draft, members, home=home, first_try=first_try)
        for place, run in desk.runs():
            try:
                journey = self.definition(run)
            except LookupError:
                # The news is true all the same; the next tick meets the run and says what is wrong.
                desk.set(place, {**run, "next_due": min(run["next_due"], stamp(self.now))})
                continue
            if signal.name == "Task Done" and _own(run, signal):
                done = {**run.get("outcomes", {}), str(signal.properties["step"]): signal.properties["outcome"]}
                run = {**run, "outcomes": done}
                if run.get("listens"):
                    run["next_due"] = min(run["next_due"], stamp(self.now))
                desk.set(place, run)
            if signal.name not in journey.hears or ("run" in signal.properties and not _own(run, signal)):
                continue
            moved = hear(journey, run, signal, desk.facts(run, signal.properties))
            if moved:
                if moved.run["anchor"] != run["anchor"]:
                    moved.run = desk.take_back(moved.run, "begun_anew")
                desk.move(place, journey, moved, withdrawn=True)
        if not history and not desk.refused:
            for journey in self.world.journeys.values():
                if signal.name in journey.trigger.event:
                    desk.let_in(journey, signal)
        if not history:
            desk.remember(signal)
        if act:
            desk.work()
        desk.save()
        return desk.planned

    def wake(self, customer_id: str) -> Planned:
        """Let the runs of a customer that are due go on; safe to repeat. Raises Busy when too many do so at once, and
        LookupError when one of them has a content nobody has any more, once the others went on."""
        for _ in range(ATTEMPTS):
            draft = Draft(self.table)
            if draft.get(layout.journeys_of(customer_id)) is None:
                return []
            members = members_of(draft, customer_id)
            if not members:
                return []
            desk = Desk(self, draft, members)
            desk.work()
            desk.save()
            try:
                draft.commit()
            except (Conflict, Busy):
                continue
            if desk.failure:
                raise desk.failure
            return desk.planned
        raise Busy(f"the journeys of {customer_id} are being moved by too many at once")

    def put_off(self, customer_id: str) -> None:
        """Let a customer whose runs cannot go on stand back, so that they hold up nobody."""
        key = layout.journeys_of(customer_id)
        self.table.write(Update(key, set={("due_at",): stamp(self.now + PAUSE)}, add={("version",): 1}))

    # ---- definitions and modes ----

    def definition(self, run: Run) -> Journey:
        """The content a run entered with (X18); raises LookupError when nobody has it any more."""
        shipped = self.world.journeys.get(run["journey"])
        if shipped and shipped.version == run["version"]:
            return shipped
        known = self.memory.setdefault("journey_versions", {})
        name = (run["journey"], run["version"])
        if name not in known:
            item = self.table.get(layout.journey_version(*name))
            if item is None:
                raise LookupError(f"journey {name[0]} has no version {name[1]}")
            known[name] = Journey.model_validate_json(item["definition"])
        found: Journey = known[name]
        return found

    def publish(self, journey: Journey) -> None:
        """Keep the content that people are about to enter with; once per process."""
        done = self.memory.setdefault("journeys_published", set())
        version = journey.version
        if (journey.id, version) not in done:
            key = layout.journey_version(journey.id, version)
            content = journey.model_dump_json(by_alias=True, exclude_unset=True)
            item = {"pk": key.pk, "sk": key.sk, "definition": content, "at": stamp(self.now)}
            with suppress(Conflict):  # somebody entered with it before
                self.table.write(Put(item, (absent(),)))
            done.add((journey.id, version))

    def mode(self, journey_id: str) -> Mode:
        """For whom a journey is live; what was set is known everywhere within a minute."""
        known = self.memory.get("journey_modes")
        if known is None or self.now.timestamp() - known[0] >= MODES_REMEMBERED:
            item = self.table.get(layout.JOURNEY_MODES) or {}
            known = self.memory["journey_modes"] = (self.now.timestamp(), item.get("modes", {}))
        told_mode = known[1].get(journey_id)
        return Mode(*told_mode) if told_mode else Mode("all" if self.world.live else "shadow")

    def counts(self, journey_id: str) -> dict[str, dict[str, int]]:
        """What became of people by version: "entered", "holdout", "at <step>", "ended <why>", "holdout ended <why>";
        "shadow" counts what was decided and not sent."""
        found: dict[str, dict[str, int]] = {}
        start = None
        while True:
            page = self.table.query(layout.JOURNEY + journey_id, low="N#", high="N#~", start=start, consistent=False)
            for item in page.items:
                counts = found.setdefault(item["sk"].split("#")[1], {})
                for name, number in item.items():
                    if name not in ("pk", "sk"):
                        counts[name] = counts.get(name, 0) + number
            start = page.next
            if start is None:
                return found


def set_mode(table: Table, journey_id: str, mode: Mode) -> None:
    """Say for whom a journey is live from now on; raises Conflict when somebody else is saying so of another."""
    draft = Draft(table)
    known = draft.get(layout.JOURNEY_MODES) or {}
    draft.put(layout.JOURNEY_MODES, {"modes": {**known.get("modes", {}), journey_id: list(mode)}})
    draft.commit()


def label_news(before: Sequence[str], after: Sequence[str], at: str) -> list[Signal]:
    """What changed about a customer's labels (lifecycle, value, tags), as news; first labels are no change."""
    if not before or not after:
        return []
    on = {"on": local_day(moment(at)).isoformat()}
    news = []
    for name, place in (("Lifecycle Changed", 0), ("Value Changed", 1)):
        if before[place] != after[place]:
            news.append(Signal(name, at, {"to": after[place], "was": before[place], **on}))
    return news + [Signal("Tag Added", at, {"tag": tag, **on}) for tag in after[2:] if tag not in before[2:]]


def _own(run: Run, signal: Signal) -> bool:
    """Whether news that names a run is about this one."""
    said = signal.properties
    return bool(said.get("journey") == run["journey"] and said.get("run") == run["run"])


class Place(NamedTuple):
    """Whose item a run stands in, and under which name."""

    customer_id: str
    name: str


@dataclass
class Desk:
    """All runs of one customer, merged or not, inside one draft."""

    journeys: Journeys
    draft: Draft
    members: list[Profile]
    home: str = ""
    first_try: bool = False
    planned: Planned = field(default_factory=list)
    failure: LookupError | None = None

    def __post_init__(self) -> None:
        self.home = self.home or self.lead
        keys = [layout.journeys_of(member["customer_id"]) for member in self.members]
        self.draft.load(keys)
        self._states: dict[str, State] = {}
        for member, key in zip(self.members, keys, strict=True):
            item = self.draft.get(key)
            self._states[member["customer_id"]] = {
                name: dict((item or {}).get(name, {})) for name in ("runs", "entered", "last")
            }
        self._before = {who: _copy(state) for who, state in self._states.items()}

    @property
    def now(self) -> datetime:
        return self.journeys.now

    @property
    def lead(self) -> str:
        return str(self.members[0]["customer_id"])

    @property
    def refused(self) -> bool:
        """A number that cashiers type for walk-ins is in no journey (R4)."""
        return bool(self.members[0].get("refused"))

    def runs(self) -> list[tuple[Place, Run]]:
        return [(Place(who, name), run) for who, state in self._states.items() for name, run in state["runs"].items()]

    def set(self, place: Place, run: Run) -> None:
        self._states[place.customer_id]["runs"][place.name] = run

    def facts(self, run: Run, news: Mapping[str, Any] | None = None) -> RunFacts:
        j = self.journeys
        return RunFacts(self.draft, self.members, run, j.ruling, j.sending, j.products, j.world.pages, j.now, news)

    # ---- in ----

    def let_in(self, journey: Journey, signal: Signal) -> None:
        """Let the customer into a journey, unless its conditions, limits or what is known already say otherwise."""
        said = self.journeys.world.remembered(journey, signal.properties)
        if journey.trigger.product_with:
            product = self._product(journey.trigger.product_with, said.get("order_id"))
            if product is None:
                return
            said |= product
        trial = enter(journey, "", signal.at, said, holdout=False, customer_id=self.lead)
        if not fits(journey.trigger.where, self.facts(trial)):
            return
        key = str(trial["vars"].get(journey.trigger.key.partition(".")[2], "")) if journey.trigger.key else signal.at
        if not key or not self._may_enter(journey, key, signal):
            return
        self.journeys.publish(journey)
        held = in_holdout(self.lead, journey.id, journey.holdout_percent)
        run = enter(journey, key, signal.at, said, holdout=held, customer_id=self.lead)
        self._states[self.home]["runs"][f"{journey.id}|{key}"] = {**run, "next_due": run["due_at"]}
        entered = self._states[self.home]["entered"]
        if journey.limit or journey.trigger.key != "event.order_id":  # an order tells its news once
            entered[journey.id] = [*entered.get(journey.id, []), [key, signal.at]][-ENTRIES_KEPT:]
        self.count(run, **{"holdout" if held else "entered": 1})

    def _may_enter(self, journey: Journey, key: str, signal: Signal) -> bool:
        if self.now - moment(signal.at) > min(STALE, journey.ends_after):
            return False
        inside = [run for _, run in self.runs() if run["journey"] == journey.id]
        runs = len(self.runs())
        if runs >= RUNS_AT_ONCE or (runs >= RUNS_AT_ONCE // 2 and len(inside) >= RUNS_OF_ONE):
            return False
        if any(run["run"] == key for run in inside):
            return False
        if inside and not journey.trigger.key:
            return False
        entries = [entry for state in self._states.values() for entry in state["entered"].get(journey.id, ())]
        if any(name == key and (journey.trigger.again != "anew" or at >= signal.at) for name, at in entries):
            return False
        if journey.limit:
            span = timedelta(days=journey.limit.days)
            recent = [at for _, at in entries if abs(moment(signal.at) - moment(at)) < span]
            if len(recent) >= journey.limit.entries:
                return False
        goal = journey.goal
        if goal and not goal.same and not goal.where:
            # Late news: what the journey is for has happened since.
            since = [state["last"].get(name, "") for state in self._states.values() for name in goal.event]
            return max(since, default="") <= signal.at
        return True

    def _product(self, wanted: str, order_id: str | None) -> dict[str, Any] | None:
        order = self.draft.get(layout.order(order_id)) if order_id else None
        lines = (order or {}).get("content", {}).get("lines", [])
        known = self.journeys.products.load([line.get("sku", "") for line in lines])
        found = dearest_with(wanted, lines, known, self.journeys.sending.sensitive_categories)
        return {"sku": found.sku, "product": found.name} if found else None

    def remember(self, signal: Signal) -> None:
        """When what journeys are for happened last, so that late news of what came before lets nobody in."""
        last = self._states[self.home]["last"]
        if signal.name in self.journeys.world.goals and signal.at > last.get(signal.name, ""):
            last[signal.name] = signal.at

    # ---- on ----

    def work(self) -> None:
        """Let every run that is due go on as far as it goes; one whose content is gone holds up no other."""
        for place, run in self.runs():
            if run.get("next_due", "") > stamp(self.now) or self.draft.full:
                continue  # what would not fit into one commit is due still
            try:
                journey = self.journeys.definition(run)
            except LookupError as error:
                self.failure = self.failure or error
                continue
            self._go(place, journey, run)

    def _go(self, place: Place, journey: Journey, run: Run) -> None:
        while True:
            moved = advance(journey, run, self.now, self.facts(run))
            after = moved.run
            for action in moved.actions:
                if not self._has_content(action.step):
                    moved.ended = "content_gone"
                    break
                after = self._do(place, journey, after, action)
            moved.run = after
            self.move(place, journey, moved, withdrawn=moved.ended == "no_longer_true")
            # After an offer there is more to do at once: what it made had to be there first.
            if moved.ended or not moved.actions or after.get("due_at", "~") > stamp(self.now):
                return
            run = after

    def _has_content(self, step: Step) -> bool:
        """Whether the playbook of today still has what a step, maybe of an older version, says or gives."""
        world, says = self.journeys.world, step.send or step.survey
        templates = {says.template if says else "", (step.task.script if step.task else "") or ""} - {""}
        return templates <= world.templates.keys() and (not step.offer or step.offer in world.offers.offers)

    def move(self, place: Place, journey: Journey, moved: Moved, *, withdrawn: bool) -> None:
        """Put a run where it is now, or take it out; `withdrawn` takes back what it planned and was not sent yet."""
        run = moved.run
        if moved.ended:
            self._end(place, run, moved.ended, withdrawn=withdrawn)
            return
        run = {**run, "next_due": next_due(journey, run)}
        run.pop("listens", None)
        if listens(journey, run):
            run["listens"] = True
        self.set(place, run)

    def _end(self, place: Place, run: Run, why: str, *, withdrawn: bool) -> None:
        del self._states[place.customer_id]["runs"][place.name]
        said = "ended " if run["arm"] == "live" else "holdout ended "
        self.count(run, **{said + why: 1})
        if withdrawn:
            self.take_back(run, why)
        if not self._is_new(place):
            entry: Item = {"type": "journey", "name": "Journey Ended", "stage": "engagement", "source": "journey"}
            entry |= {"at": stamp(self.now), "journey": run["journey"], "run": run["run"], "why": why}
            entry |= {name: run[name] for name in ("deal", "goal_at") if run.get(name)}
            mark = f"journey-{crc32(place.name.encode()):08x}"
            self.draft.mark(layout.timeline(place.customer_id, stamp(self.now), mark), entry)

    def take_back(self, run: Run, why: str) -> Run:
        """Take back what a run planned and was not sent or done yet; answers with the run without it."""
        reason = "goal_reached" if why == "goal" else "journey_over"
        for message_id in run.get("messages", {}).values():
            withdraw(self.draft, self.members, message_id, reason, self.now)
        for task in run.get("tasks", {}).values():
            close(self.draft, task, why, self.now)
        return {name: value for name, value in run.items() if name not in ("messages", "tasks", "outcomes")}

    # ---- what steps do ----

    def _do(self, place: Place, journey: Journey, run: Run, action: Action) -> Run:
        step = action.step
        live = self._live(journey) and run["arm"] != "holdout"
        if step.send or step.survey:
            return self._send(place, run, action, live=live)
        if step.offer:
            return self._issue(place, run, action, live=live)
        if step.task and live:
            return self._task(place, run, action)
        if step.tag and live:
            self._tag(place, step)
        return run

    def _live(self, journey: Journey) -> bool:
        mode = self.journeys.mode(journey.id)
        if mode.mode == "staff":
            return any(member["traits"].get("@staff") is True for member in self.members)
        if mode.mode == "store":
            return any(mode.store in member.get("stores", {}) for member in self.members)
        return mode.mode == "all"

    def _send(self, place: Place, run: Run, action: Action, *, live: bool) -> Run:
        wanted = action.step.send or action.step.survey
        assert wanted is not None
        template = self.journeys.world.templates[wanted.template]
        facts = self.facts(run)
        variables: dict[str, Any] = {}
        for name in template.variables:
            path = wanted.variables.get(name)
            value = facts(path) if path else wanted.texts.get(name, run["vars"].get(name))
            if value not in (None, ""):
                variables[name] = value
        too_late = template.too_late_from(action.meant_at)
        if wanted.within is not None:
            sooner = action.meant_at + wanted.within
            too_late = min(too_late, sooner) if too_late else sooner
        intent = Intent(
            customer_id=place.customer_id,
            journey=run["journey"],
            run=run["run"],
            step=action.name,
            purpose=template.purpose,
            template=template.id,
            variables=variables,
            channels=wanted.channels,
            send_before=too_late,
            margin=self._margin() if template.purpose == "marketing" else 0,
        )
        missing = [name for name, v in template.variables.items() if v.required and name not in variables]
        held = run["arm"] == "holdout" or (live and template.purpose == "marketing" and self._held_out)
        if not live or missing or held:
            # Decided and not sent: the decision is kept with its reason all the same (X7).
            why = "holdout" if held else "shadow" if not live else "content_error"
            message = told(planned(intent, self.now), "suppressed", why, self.now)
            if why == "content_error":
                message["trouble"] = f"{template.id}: nobody knows {', '.join(missing)}"
            if why == "shadow":
                self.count(run, shadow=1)
            self.draft.put(layout.message_item(intent.message_id), message)
        elif plan(self.draft, intent, self.now, self.journeys.sending, sure_new=self.first_try and self._is_new(place)):
            self.planned.append((intent.purpose, intent.message_id))
        return {**run, "messages": {**run.get("messages", {}), action.step.id: intent.message_id}}

    def _is_new(self, place: Place) -> bool:
        return place.name not in self._before[place.customer_id]["runs"]

    def _margin(self) -> int:
        """What an advertisement may bring at best: what an order of this customer usually leaves."""
        m = figures(self.members[0])
        return m.revenue // m.orders * self.journeys.sending.margin_percent // 100 if m.orders else 0

    @property
    def _held_out(self) -> bool:
        """Whether this person gets no marketing at all, so that its effect can be seen (R26)."""
        return in_holdout(self.lead, "*", self.journeys.sending.holdout_percent)

    def _issue(self, place: Place, run: Run, action: Action, *, live: bool) -> Run:
        book = self.journeys.world.offers
        offer = book.offers[action.step.offer or ""]
        code = new_code(offer.prefix, self.journeys.new_id())
        if live and self._held_out:
            return run  # what is said of it will not be sent to them either
        if live:
            vouchers.issue(
                self.draft, book, action.step.offer or "", place.customer_id, code, self.now,
                journey=run["journey"], run=run["run"], step=action.name,
            )  # fmt: skip
        ends = offer.ends(self.now)
        # In the customer's language, as the message around it will be.
        lang: Lang = "en" if fold_members(self.members)["traits"].get("@language") == "en" else "vi"
        page = f"{self.journeys.public_url().rstrip('/')}/o/{code}"
        made = {
            "voucher": code,
            "gift": book.gift(offer).told(lang),
            "valid_until": local_day(ends - timedelta(seconds=1)).isoformat(),
            "offer_ends": stamp(ends),
            "offer_url": page,
            "voucher_url": page,
        }
        return {**run, "vars": {**run["vars"], **made}}

    def _task(self, place: Place, run: Run, action: Action) -> Run:
        wanted = action.step.task
        assert wanted is not None
        if wanted.kind == "call" and (never := self._not_to_be_called(wanted)):
            return {**run, "outcomes": {**run.get("outcomes", {}), action.step.id: never}}
        facts = self.facts(run)
        title, reason = (_FACT.sub(lambda m: _shown(facts(m[1])), text) for text in (wanted.title, wanted.reason))
        new = NewTask(
            customer_id=place.customer_id,
            name=f"journey {run['journey']} {run['run']} {action.name}",
            kind=wanted.kind,
            reason=reason,
            due_at=self.now + wanted.within,
            title=title,
            script=self._script(wanted.script, run) if wanted.script else "",
            store=str(run["vars"].get("store") or ""),
            role=wanted.role,
            journey=run["journey"],
            run=run["run"],
            step=action.step.id,
            offer=str(run["vars"].get("voucher") or ""),
        )
        task_id = open_task(self.draft, new, self.now)
        outcomes = {name: said for name, said in run.get("outcomes", {}).items() if name != action.step.id}
        return {**run, "tasks": {**run.get("tasks", {}), action.step.id: task_id}, "outcomes": outcomes}

    def _not_to_be_called(self, wanted: Task) -> str:
        """The outcome a journey goes on with where a call is not to be opened: as after a number that was wrong, or as
        after a call that was withdrawn, where the number is good but nothing may be sold on it now (R10, R17, R26)."""
        if number_to_call(self.members) is None:
            return "wrong_number"
        if not wanted.script or self.journeys.world.templates[wanted.script].purpose != "marketing":
            return ""
        known = person(self.members, {}, "", self.now)
        refused = known.consent.get("call:marketing") is False or known.do_not_call
        return WITHDRAWN if self._held_out or refused or known.complaint_open else ""

    def _script(self, template: str, run: Run) -> str:
        declared = self.journeys.world.templates[template].variables
        known = {name: run["vars"][name] for name in declared if run["vars"].get(name) not in (None, "")}
        return self.journeys.world.script(template, {**known, CUSTOMER: fold_members(self.members)["traits"]})

    def _tag(self, place: Place, step: Step) -> None:
        """A mark stays with whoever got it, also when a merge is undone; taken away it is gone from all of them."""
        assert step.tag is not None
        for member in self.members:
            who = member["customer_id"]
            key = layout.profile(who)
            profile = self.draft.get(key) or {}
            marks = set(profile.get("marks", ())) - {step.tag.remove}
            marks |= {step.tag.add} if step.tag.add and who == place.customer_id else set()
            if marks != set(profile.get("marks", ())):
                self.draft.put(key, {**profile, "marks": sorted(marks)})

    # ---- out ----

    def count(self, run: Run, **amounts: int) -> None:
        """Add to what became of people in the journey, in the version of this run."""
        shard = crc32(self.lead.encode()) % COUNT_SHARDS
        self.draft.count(layout.journey_counts(run["journey"], run["version"], shard), **amounts)

    def save(self) -> None:
        """Write down what changed: the runs, when they are due, who is inside, and the counts by step."""
        for who, state in self._states.items():
            before = self._before[who]
            if state == before:
                continue
            for name in sorted(before["runs"].keys() | state["runs"].keys()):
                old, new = before["runs"].get(name), state["runs"].get(name)
                if old is None or new is None:
                    self._inside(who, old, new)
                if _where(old) != _where(new):
                    for run, step in ((old, -1), (new, 1)):
                        if run:
                            self.count(run, **{f"at {_where(run)[1]}": step})
            key = layout.journeys_of(who)
            if not any(state.values()):
                self.draft.delete(key)
                continue
            item: Item = {name: value for name, value in state.items() if value}
            if state["runs"]:
                item |= {"due": layout.timer_lane(who), "due_at": min(r["next_due"] for r in state["runs"].values())}
            self.draft.put(key, item)

    def _inside(self, who: str, old: Run | None, new: Run | None) -> None:
        run = new or old
        assert run is not None
        key = layout.journey_inside(run["journey"], who, run["run"])
        if new:
            self.draft.mark(key, {"customer_id": who, "run": run["run"]})
        else:
            self.draft.delete(key)


def _where(run: Run | None) -> tuple[str, str]:
    """The version and the step people are counted at; "goal" for who only waits for it."""
    if run is None:
        return "", ""
    return run["version"], run["step"] if "due_at" in run else "goal"


def _copy(state: State) -> State:
    return {name: dict(value) for name, value in state.items()}


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000:
        return f"{value:,}".replace(",", ".") + " ₫"
    return "–" if value is None else ", ".join(value) if isinstance(value, tuple) else str(value)

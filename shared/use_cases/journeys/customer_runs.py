"""The runs of one customer inside one unit of work: enter, advance, act, end and save."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zlib import crc32

from shared.domain.common.localized_text import Lang
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.journeys.definition import Journey, Step
from shared.domain.journeys.engine import Action, Moved, Run, Signal, advance, enter, fits, listens, next_due
from shared.domain.messaging.message import Intent, planned, with_log_entry
from shared.domain.messaging.policy import in_holdout
from shared.domain.messaging.template import CUSTOMER
from shared.domain.tasks.task import WITHDRAWN, NewTask
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.domain.vouchers.voucher import new_code
from shared.ports import Item
from shared.repositories import table_keys, vouchers
from shared.repositories.messages import plan, withdraw
from shared.repositories.profiles import metrics_of
from shared.repositories.sales_call_policy import why_no_sales_call
from shared.repositories.tasks import close, number_to_call, open_calls, open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.run_facts import RunFacts, dearest_with

# Of one journey, so many entries of a person are remembered; the same thing does not let them in twice.
ENTRIES_KEPT = 12
# Nobody is in more runs than fit one item; a run is one to four kilobytes. Beyond the half of it nobody is in more than
# so many of one journey: reminders that last for years leave room for today's receipt.
RUNS_AT_ONCE = 60
RUNS_OF_ONE = 6
# News that is told later than that is history, whatever it calls itself: an offline till needs hours.
STALE = timedelta(days=3)
COUNT_SHARDS = 16
_FACT = re.compile(r"\{([a-z]+\.[a-z0-9_]+)\}")

State = dict[str, Any]
Planned = list[tuple[str, str]]


class Place(NamedTuple):
    """Whose item a run stands in, and under which name."""

    customer_id: str
    name: str


@dataclass
class CustomerRuns:
    """All runs of one customer, merged or not, inside one unit of work."""

    context: JourneyContext
    uow: UnitOfWork
    members: list[Profile]
    home: str = ""
    first_try: bool = False
    planned: Planned = field(default_factory=list)
    failure: LookupError | None = None

    def __post_init__(self) -> None:
        self.home = self.home or self.lead
        keys = [table_keys.journeys_of(member["customer_id"]) for member in self.members]
        self.uow.load(keys)
        self._facts: dict[str, Any] = {}
        self._states: dict[str, State] = {}
        for member, key in zip(self.members, keys, strict=True):
            item = self.uow.get(key)
            self._states[member["customer_id"]] = {
                name: dict((item or {}).get(name, {})) for name in ("runs", "entered", "last")
            }
        self._before = {who: _copy(state) for who, state in self._states.items()}

    @property
    def now(self) -> datetime:
        return self.context.now

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
        c = self.context
        return RunFacts(
            self.uow, self.members, run, c.rules_today, c.sending, c.products, c.world.pages, c.now, news, self._facts
        )

    # ---- in ----

    def let_in(self, journey: Journey, signal: Signal) -> None:
        """Let the customer into a journey, unless its conditions, limits or what is known already say otherwise."""
        said = self.context.world.remembered(journey, signal.properties)
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
        self.context.publish(journey)
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
        order = self.uow.get(table_keys.order(order_id)) if order_id else None
        lines = (order or {}).get("content", {}).get("lines", [])
        known = self.context.products.load([line.get("sku", "") for line in lines])
        found = dearest_with(wanted, lines, known, self.context.sending.sensitive_categories)
        return {"sku": found.sku, "product": found.name} if found else None

    def remember(self, signal: Signal) -> None:
        """When what journeys are for happened last, so that late news of what came before lets nobody in."""
        last = self._states[self.home]["last"]
        if signal.name in self.context.world.goals and signal.at > last.get(signal.name, ""):
            last[signal.name] = signal.at

    # ---- on ----

    def work(self) -> None:
        """Let every run that is due go on as far as it goes; one whose content is gone holds up no other."""
        for place, run in self.runs():
            if run.get("next_due", "") > stamp(self.now) or self.uow.full:
                continue  # what would not fit into one commit is due still
            try:
                journey = self.context.definition(run)
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
        world, says = self.context.world, step.send or step.survey
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
            self.uow.mark(table_keys.timeline(place.customer_id, stamp(self.now), mark), entry)

    def take_back(self, run: Run, why: str) -> Run:
        """Take back what a run planned and was not sent or done yet; answers with the run without it."""
        reason = "goal_reached" if why == "goal" else "journey_over"
        for message_id in run.get("messages", {}).values():
            withdraw(self.uow, self.members, message_id, reason, self.now)
        for task in run.get("tasks", {}).values():
            close(self.uow, task, why, self.now)
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
        mode = self.context.mode(journey.id)
        if mode.mode == "staff":
            return any(member["traits"].get("@staff") is True for member in self.members)
        if mode.mode == "store":
            return any(mode.store in member.get("stores", {}) for member in self.members)
        return mode.mode == "all"

    def _send(self, place: Place, run: Run, action: Action, *, live: bool) -> Run:
        wanted = action.step.send or action.step.survey
        assert wanted is not None
        template = self.context.world.templates[wanted.template]
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
            message = with_log_entry(planned(intent, self.now), "suppressed", why, self.now)
            if why == "content_error":
                message["trouble"] = f"{template.id}: nobody knows {', '.join(missing)}"
            if why == "shadow":
                self.count(run, shadow=1)
            self.uow.put(table_keys.message(intent.message_id), message)
        elif plan(self.uow, intent, self.now, self.context.sending, sure_new=self.first_try):
            self.planned.append((intent.purpose, intent.message_id))
        return {**run, "messages": {**run.get("messages", {}), action.step.id: intent.message_id}}

    def _is_new(self, place: Place) -> bool:
        return place.name not in self._before[place.customer_id]["runs"]

    def _margin(self) -> int:
        """What an advertisement may bring at best: what an order of this customer usually leaves."""
        m = metrics_of(self.members[0])
        return m.revenue // m.orders * self.context.sending.margin_percent // 100 if m.orders else 0

    @property
    def _held_out(self) -> bool:
        """Whether this person gets no marketing at all, so that its effect can be seen (R26)."""
        return in_holdout(self.lead, "*", self.context.sending.holdout_percent)

    def _issue(self, place: Place, run: Run, action: Action, *, live: bool) -> Run:
        book = self.context.world.offers
        offer = book.offers[action.step.offer or ""]
        code = new_code(offer.prefix, self.context.new_id())
        if live and self._held_out:
            return run  # what is said of it will not be sent to them either
        if live:
            vouchers.issue(
                self.uow, book, action.step.offer or "", place.customer_id, code, self.now,
                journey=run["journey"], run=run["run"], step=action.name,
            )  # fmt: skip
        ends = offer.ends(self.now)
        # In the customer's language, as the message around it will be.
        lang: Lang = "en" if fold_members(self.members)["traits"].get("@language") == "en" else "vi"
        page = f"{self.context.public_url().rstrip('/')}/o/{code}"
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
        sells = bool(wanted.script and self.context.world.templates[wanted.script].purpose == "marketing")
        if wanted.kind == "call" and (never := self._not_to_be_called(sells=sells)):
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
            offer=str(run["vars"].get("voucher") or run["vars"].get("gift") or ""),
            sells=sells and wanted.kind == "call",
            details={"offer_id": run["vars"]["offer"]} if run["vars"].get("offer") else {},
        )
        task_id = open_task(self.uow, new, self.now, self.context.roster())
        outcomes = {name: said for name, said in run.get("outcomes", {}).items() if name != action.step.id}
        return {**run, "tasks": {**run.get("tasks", {}), action.step.id: task_id}, "outcomes": outcomes}

    def _not_to_be_called(self, *, sells: bool) -> str:
        """The outcome a journey goes on with where a call is not to be opened: as after a number that was wrong, or as
        after a call that was withdrawn, where the number is good but nothing may be sold on it now."""
        if number_to_call(self.members) is None:
            return "wrong_number"
        if not sells:
            return ""
        blocked = why_no_sales_call(self.uow, self.members, self.context.sending, self.now)
        return WITHDRAWN if blocked or any(task.get("sells") for task in open_calls(self.uow, self.members)) else ""

    def _script(self, template: str, run: Run) -> str:
        declared = self.context.world.templates[template].variables
        known = {name: run["vars"][name] for name in declared if run["vars"].get(name) not in (None, "")}
        return self.context.world.script(template, {**known, CUSTOMER: fold_members(self.members)["traits"]})

    def _tag(self, place: Place, step: Step) -> None:
        """A mark stays with whoever got it, also when a merge is undone; taken away it is gone from all of them, unless
        another run that sets it is still under way."""
        assert step.tag is not None
        if step.tag.remove and any(other != place and self._marks(run, step.tag.remove) for other, run in self.runs()):
            return
        for member in self.members:
            who = member["customer_id"]
            key = table_keys.profile(who)
            profile = self.uow.get(key) or {}
            marks = set(profile.get("marks", ())) - {step.tag.remove}
            marks |= {step.tag.add} if step.tag.add and who == place.customer_id else set()
            if marks != set(profile.get("marks", ())):
                self.uow.put(key, {**profile, "marks": sorted(marks)})

    def _marks(self, run: Run, mark: str) -> bool:
        # As shipped: that a run's own version is gone must not stop the others.
        journey = self.context.world.journeys.get(run["journey"])
        return journey is not None and any(step.tag and step.tag.add == mark for step in journey.steps)

    # ---- out ----

    def count(self, run: Run, **amounts: int) -> None:
        """Add to what became of people in the journey, in the version of this run."""
        shard = crc32(self.lead.encode()) % COUNT_SHARDS
        self.uow.count(table_keys.journey_counts(run["journey"], run["version"], shard), **amounts)

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
            key = table_keys.journeys_of(who)
            if not any(state.values()):
                self.uow.delete(key)
                continue
            item: Item = {name: value for name, value in state.items() if value}
            if state["runs"]:
                item |= {
                    "due": table_keys.timer_lane(who),
                    "due_at": min(r["next_due"] for r in state["runs"].values()),
                }
            self.uow.put(key, item)

    def _inside(self, who: str, old: Run | None, new: Run | None) -> None:
        run = new or old
        assert run is not None
        key = table_keys.journey_inside(run["journey"], who, run["run"])
        if new:
            self.uow.mark(key, {"customer_id": who, "run": run["run"]})
        else:
            self.uow.delete(key)


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

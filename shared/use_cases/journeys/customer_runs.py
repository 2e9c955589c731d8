"""The runs of one customer inside one unit of work: enter, advance, act, end and save."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict, cast
from zlib import crc32

from shared.domain.common.stored_item import without
from shared.domain.customers.profile import Profile
from shared.domain.journeys.definition import Journey
from shared.domain.journeys.engine import UNKNOWN, Moved, Run, Signal, advance, enter, fits, listens, next_due
from shared.domain.messaging.policy import in_holdout
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Item
from shared.repositories import table_keys
from shared.repositories.messages import withdraw
from shared.repositories.tasks import close
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.run_facts import dearest_with
from shared.use_cases.journeys.steps import Place, StepRunner

# Entries remembered per customer and journey, so that the same thing does not start a second run.
ENTRIES_KEPT = 12
# Runs per customer: all have to fit into one item, at one to four kilobytes each. From half of it on, RUNS_OF_ONE is
# the limit per journey, so that reminders that last for years leave room for today's receipt.
RUNS_AT_ONCE = 60
RUNS_OF_ONE = 6
# A signal that arrives later than this starts no run; an offline POS needs hours.
STALE = timedelta(days=3)


class CustomerJourneys(TypedDict):
    """What is stored of one profile's journeys, beside `due` and `due_at`.

    runs     the runs by "journey|run"
    entered  the latest entries by journey, as [run, stamp]; the same thing does not start a second run
    last     when the event of some journey's goal happened last, by name of the signal
    """

    runs: dict[str, Run]
    entered: dict[str, list[list[str]]]
    last: dict[str, str]


@dataclass
class CustomerRuns:
    """All runs of one customer, merged or not, inside one unit of work."""

    context: JourneyContext
    uow: UnitOfWork
    members: list[Profile]
    home: str = ""
    first_try: bool = False
    failure: LookupError | None = None

    def __post_init__(self) -> None:
        self.home = self.home or self.lead
        keys = [table_keys.journeys_of(member["customer_id"]) for member in self.members]
        self.uow.load(keys)
        self.steps = StepRunner(self.context, self.uow, self.members, self.runs, self.first_try)
        self._states: dict[str, CustomerJourneys] = {}
        for member, key in zip(self.members, keys, strict=True):
            item = cast(CustomerJourneys, {"runs": {}, "entered": {}, "last": {}, **(self.uow.get(key) or {})})
            self._states[member["customer_id"]] = _copy(item)
        self._before = {who: _copy(state) for who, state in self._states.items()}

    @property
    def now(self) -> datetime:
        return self.context.now

    @property
    def lead(self) -> str:
        return str(self.members[0]["customer_id"])

    @property
    def refused(self) -> bool:
        """Whether the profile is a number that cashiers type for walk-ins, which enters no journey (R4)."""
        return bool(self.members[0].get("refused"))

    def runs(self) -> list[tuple[Place, Run]]:
        return [(Place(who, name), run) for who, state in self._states.items() for name, run in state["runs"].items()]

    def set(self, place: Place, run: Run) -> None:
        self._states[place.customer_id]["runs"][place.name] = run

    # ---- in ----

    def let_in(self, journey: Journey, signal: Signal) -> None:
        """Start a run for the customer, unless the journey's conditions or limits, or earlier signals, forbid it."""
        variables = self.context.playbook.remembered(journey, signal.properties)
        if journey.trigger.product_with:
            product = self._product(journey.trigger.product_with, variables.get("order_id"))
            if product is None:
                return
            variables |= product
        trial = enter(journey, "", signal.at, variables, holdout=False, customer_id=self.lead)
        if not fits(journey.trigger.where, self.steps.facts(trial)):
            return
        key = str(trial["vars"].get(journey.trigger.key.partition(".")[2], "")) if journey.trigger.key else signal.at
        if not key or not self._may_enter(journey, key, signal):
            return
        self.context.publish(journey)
        held = in_holdout(self.lead, journey.id, journey.holdout_percent)
        standing = self.context.standings.get((journey.id, journey.version), UNKNOWN)
        run = enter(journey, key, signal.at, variables, holdout=held, customer_id=self.lead, standing=standing)
        self._states[self.home]["runs"][f"{journey.id}|{key}"] = {**run, "next_due": run["due_at"]}
        entered = self._states[self.home]["entered"]
        if journey.limit or journey.trigger.key != "event.order_id":  # an order sends each signal once
            entered[journey.id] = [*entered.get(journey.id, []), [key, signal.at]][-ENTRIES_KEPT:]
        self.steps.count(run, **{"holdout" if held else "entered": 1})
        self.steps.tell(run, "entered")

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
            # A late signal: the journey's goal has been reached since.
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
        """Remember when the signal of a goal came last, so that late signals from before it start no run."""
        last = self._states[self.home]["last"]
        if signal.name in self.context.playbook.goals and signal.at > last.get(signal.name, ""):
            last[signal.name] = signal.at

    # ---- on ----

    def work(self) -> None:
        """Advance every due run as far as possible; one whose definition is missing does not block the others."""
        for place, run in self.runs():
            if run.get("next_due", "") > stamp(self.now) or self.uow.full:
                continue  # what does not fit into one commit stays due
            try:
                journey = self.context.definition(run)
            except LookupError as error:
                self.failure = self.failure or error
                continue
            self._go(place, journey, run)

    def _go(self, place: Place, journey: Journey, run: Run) -> None:
        while True:
            moved = advance(journey, run, self.now, self.steps.facts(run))
            after = moved.run
            for action in moved.actions:
                if not self.steps.has_content(action.step):
                    moved.ended = "content_gone"
                    break
                after = self.steps.carry_out(place, journey, after, action)
            moved.run = after
            self.move(place, journey, moved, withdrawn=moved.ended == "no_longer_true")
            # The steps after an offer use what it made, so they come in the next round.
            if moved.ended or not moved.actions or after.get("due_at", "~") > stamp(self.now):
                return
            run = after

    def move(self, place: Place, journey: Journey, moved: Moved, *, withdrawn: bool) -> None:
        """Save a run's progress, or end it; `withdrawn` then withdraws what it planned and is not sent yet."""
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
        prefix = "ended " if run["arm"] == "live" else "holdout ended "
        self.steps.count(run, **{prefix + why: 1})
        self.steps.tell(run, "ended", why)
        if withdrawn:
            self.take_back(run, why)
        if not self._is_new(place):
            entry: Item = {"type": "journey", "name": "Journey Ended", "stage": "engagement", "source": "journey"}
            entry |= {"at": stamp(self.now), "journey": run["journey"], "run": run["run"], "why": why}
            entry |= {name: run[name] for name in ("deal", "goal_at") if run.get(name)}
            mark = f"journey-{crc32(place.name.encode()):08x}"
            self.uow.mark(table_keys.timeline(place.customer_id, stamp(self.now), mark), entry)

    def take_back(self, run: Run, why: str) -> Run:
        """Withdraw the run's unsent messages and open tasks; returns the run without them."""
        reason = "goal_reached" if why == "goal" else "journey_over"
        for message_id in run.get("messages", {}).values():
            withdraw(self.uow, self.members, message_id, reason, self.now)
        for task in run.get("tasks", {}).values():
            close(self.uow, task, why, self.now)
        return without(run, "messages", "tasks", "outcomes")

    def _is_new(self, place: Place) -> bool:
        return place.name not in self._before[place.customer_id]["runs"]

    # ---- out ----

    def save(self) -> None:
        """Put what changed: the runs, when they are due, the list of customers inside, the counts by step."""
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
                            self.steps.count(run, **{f"at {_where(run)[1]}": step})
                    if old and new:
                        self.steps.tell(new, "step")
            key = table_keys.journeys_of(who)
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
    """The version and the step a run is counted at; "goal" while it only waits for its goal."""
    if run is None:
        return "", ""
    return run["version"], run["step"] if "due_at" in run else "goal"


def _copy(state: CustomerJourneys) -> CustomerJourneys:
    return {"runs": dict(state["runs"]), "entered": dict(state["entered"]), "last": dict(state["last"])}

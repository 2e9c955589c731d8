"""The runs of one customer inside one unit of work: enter, advance, act, end and save."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from shared.domain.customers.profile import Profile
from shared.domain.journeys.definition import Journey
from shared.domain.journeys.engine import Moved, Run, Signal, advance, enter, fits, listens, next_due
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

# Of one journey, so many entries of a person are remembered; the same thing does not let them in twice.
ENTRIES_KEPT = 12
# Nobody is in more runs than fit one item; a run is one to four kilobytes. Beyond the half of it nobody is in more than
# so many of one journey: reminders that last for years leave room for today's receipt.
RUNS_AT_ONCE = 60
RUNS_OF_ONE = 6
# News that is told later than that is history, whatever it calls itself: an offline till needs hours.
STALE = timedelta(days=3)

State = dict[str, Any]


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
        if not fits(journey.trigger.where, self.steps.facts(trial)):
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
        self.steps.count(run, **{"holdout" if held else "entered": 1})

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
            moved = advance(journey, run, self.now, self.steps.facts(run))
            after = moved.run
            for action in moved.actions:
                if not self.steps.has_content(action.step):
                    moved.ended = "content_gone"
                    break
                after = self.steps.carry_out(place, journey, after, action)
            moved.run = after
            self.move(place, journey, moved, withdrawn=moved.ended == "no_longer_true")
            # After an offer there is more to do at once: what it made had to be there first.
            if moved.ended or not moved.actions or after.get("due_at", "~") > stamp(self.now):
                return
            run = after

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
        self.steps.count(run, **{said + why: 1})
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

    def _is_new(self, place: Place) -> bool:
        return place.name not in self._before[place.customer_id]["runs"]

    # ---- out ----

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
                            self.steps.count(run, **{f"at {_where(run)[1]}": step})
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

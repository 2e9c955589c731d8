"""The engine of journeys: pure functions from a run and a signal, or the time, to the run after it (X5).

Every function returns a new run and leaves the given one unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple, TypedDict

from shared.domain.experiments.variants import Standing, variant_for
from shared.domain.journeys.definition import Conditions, Exit, Facts, Goal, Journey, Step, Wait, a_day
from shared.domain.messaging.message import WAITING
from shared.domain.vietnam_time import VIETNAM, local_day, moment, stamp


class Run(TypedDict, total=False):
    """The progress of one customer in one journey, as it is stored. Moments are stamps.

    journey, version  the journey, and the version of its content the customer entered with
    run               the natural key that tells this run from the customer's others in the journey
    step, since       the current step, and since when
    anchor            when the event happened that started the run
    due_at            when it advances by itself; absent while it only waits for its goal
    next_due          when to look at it again: at `due_at`, or at the end of the goal's time or of the journey
    meant_at          when it was planned to advance: a message may be too late by then (R14)
    arm, variant      "live" or "holdout", which takes the same steps and gets nothing (R26); the variant it gets
    vars              the properties of the signal that started it, and what steps made, such as a voucher
    deal              open, contacted, offered, won, lost or nurturing (W9)
    goal_at           when the goal was reached
    rounds            how often each step was reached
    acted             whether anything was sent, issued or assigned to staff
    listens           set while a condition could end its wait early
    messages, tasks   ids of planned messages and opened tasks, by step
    outcomes          how tasks ended, by step
    """

    journey: str
    version: str
    run: str
    step: str
    since: str
    anchor: str
    due_at: str
    meant_at: str
    next_due: str
    arm: str
    variant: str
    vars: dict[str, Any]
    deal: str
    goal_at: str
    rounds: dict[str, int]
    acted: bool
    listens: bool
    messages: dict[str, str]
    tasks: dict[str, str]
    outcomes: dict[str, str]


# Nothing is known of any variant yet.
UNKNOWN = Standing()
# A step reached more often than that goes round in circles.
ROUNDS = 60
# Steps in one go; a journey is checked for loops without a wait before it is live, this is the net below.
STEPS_AT_ONCE = 200


class Signal(NamedTuple):
    """Something that happened to a customer: its name, when (a stamp), and its flat properties."""

    name: str
    at: str
    properties: Mapping[str, Any] = {}


class Action(NamedTuple):
    """A step to be carried out; `name` is the step's id, with the round behind it when it comes again."""

    step: Step
    name: str
    meant_at: datetime


@dataclass
class Moved:
    """A run after a change: the actions to carry out, in order, and why it has ended ("" if it has not)."""

    run: Run
    actions: list[Action] = field(default_factory=list)
    ended: str = ""


def enter(
    journey: Journey, key: str, at: str, variables: Mapping[str, Any], *, holdout: bool, customer_id: str,
    standing: Standing = UNKNOWN,
) -> Run:  # fmt: skip
    """A new run at the first step, due at once. `standing` is what is known of the journey's variants."""
    return {
        "journey": journey.id,
        "version": journey.version,
        "run": key,
        "step": journey.steps[0].id,
        "since": at,
        "anchor": at,
        "meant_at": at,
        "due_at": at,
        "arm": "holdout" if holdout else "live",
        "variant": variant_of(journey, customer_id, key, standing),
        "vars": dict(variables),
        "deal": "",
        "rounds": {journey.steps[0].id: 1},
        "acted": False,
    }


def variant_of(journey: Journey, customer_id: str, key: str, standing: Standing) -> str:
    """The variant a run gets, "" in a journey without: by weight, or by what the variants reached so far."""
    if not journey.variants:
        return ""
    return variant_for(f"variant {journey.id} {customer_id} {key}", journey.variants, journey.choose, standing)


def hear(journey: Journey, run: Run, signal: Signal, facts: Facts) -> Moved | None:
    """The run after a signal: it reached its goal, left by an exit, restarted or stopped waiting; None: no effect.

    A signal older than the one that started the run has no effect, so the order of arrival does not matter.
    """
    if signal.at < run["anchor"]:
        return None
    goal = journey.goal
    if goal and signal.at <= stamp(moment(run["anchor"]) + goal.within) and _matches(goal, run, signal, facts):
        return Moved({**run, "deal": "won" if run["deal"] else "", "goal_at": signal.at}, ended="goal")
    for way_out in journey.exits:
        if _matches(way_out, run, signal, facts):
            return Moved(run, ended=way_out.because)
    trigger = journey.trigger
    if signal.name in trigger.event and trigger.again != "ignore" and _same_key(journey, run, signal):
        free = trigger.again == "anew" or not run["acted"] or _nothing_went_out(run, facts)
        moves = signal.at > run["anchor"] and free
        return Moved(_restarted(journey, run, signal)) if moves else None
    step = journey.step(run["step"])
    if step and step.wait and signal.name in step.wait.event and "due_at" in run and signal.at >= run["since"]:
        return _on_from(journey, run, step.wait.then or journey.following(step), signal.at)
    return None


def _matches(expected: Goal | Exit, run: Run, signal: Signal, facts: Facts) -> bool:
    if signal.name not in expected.event:
        return False
    if expected.same:
        values = signal.properties.get(f"{expected.same}s") or (signal.properties.get(expected.same),)
        if run["vars"].get(expected.same) not in values:
            return False
    return all(condition.holds(facts) for condition in expected.where)


def _same_key(journey: Journey, run: Run, signal: Signal) -> bool:
    key = journey.trigger.key
    return key is None or str(signal.properties.get(key.partition(".")[2], "")) == run["run"]


def _nothing_went_out(run: Run, facts: Facts) -> bool:
    """Whether all that a run did is to plan messages that are not sent yet, for example until the morning."""
    messages = run.get("messages", {})
    if not messages or run.get("tasks") or "voucher" in run["vars"]:
        return False
    return all(facts(f"message.{step}") in WAITING for step in messages)


def _restarted(journey: Journey, run: Run, signal: Signal) -> Run:
    """The run at its first step again. If it acted before, its rounds count on, so that the same step is a new
    message."""
    first = journey.steps[0].id
    fresh: Run = {"step": first, "since": signal.at, "anchor": signal.at, "meant_at": signal.at, "due_at": signal.at}
    rounds = {**run["rounds"], first: run["rounds"].get(first, 0) + 1} if run["acted"] else {first: 1}
    return {**run, **fresh, "vars": {**run["vars"], **signal.properties}, "rounds": rounds}


def advance(journey: Journey, run: Run, now: datetime, facts: Facts) -> Moved:
    """Advance the run as far as it goes now, with the actions on the way, each step once."""
    moved = Moved(run.copy())
    if now >= moment(run["anchor"]) + journey.ends_after:
        return Moved(run, ended="time_is_up")
    for _ in range(STEPS_AT_ONCE):
        run = moved.run
        if "due_at" not in run:  # its steps are done, its goal may still come
            if journey.goal and now < moment(run["anchor"]) + journey.goal.within:
                return moved
            return _over(moved, "done")
        step = journey.step(run["step"])
        if step is None:
            return _over(moved, "step_gone")
        if not all(condition.holds(facts) for condition in journey.keep_while):
            return _over(moved, "no_longer_true")
        if step.wait:
            due = _due(step.wait, run, facts)
            if due is None:
                return _over(moved, "no_date")
            if step.wait.missed and due < moment(run["since"]):
                onward = _on_from(journey, run, step.wait.missed, run["since"])
                moved.run = onward.run
                if onward.ended:
                    return _over(moved, onward.ended)
                continue
            early = bool(step.wait.until) and all(condition.holds(facts) for condition in step.wait.until)
            if not early and now < due:
                moved.run = {**run, "due_at": stamp(due)}
                return moved
            target = (step.wait.then if early else None) or journey.following(step)
            onward = _on_from(journey, run, target, stamp(now), meant_at=stamp(now if early else due))
        elif step.branch is not None:
            way = next((w for w in step.branch if all(c.holds(facts) for c in w.when)), None)
            onward = _on_from(journey, run, way.go if way else journey.following(step), run["since"])
        elif step.end:
            return _over(moved, step.end)
        else:
            if step.deal:
                moved.run = run = {**run, "deal": step.deal}
            else:
                name = step.id if run["rounds"][step.id] == 1 else f"{step.id}~{run['rounds'][step.id]}"
                moved.actions.append(Action(step, name, moment(run["meant_at"])))
                moved.run = run = {**run, "acted": run["acted"] or step.acts}
                if step.offer or (step.task and run["rounds"][step.id] > 1):
                    # What follows speaks of what the offer makes, or waits for the outcome of the new task and not of
                    # the one before, so it has to be made first.
                    onward = _on_from(journey, run, journey.following(step), run["since"])
                    moved.run = onward.run
                    if onward.ended:
                        moved.ended = onward.ended
                    return moved
            onward = _on_from(journey, run, journey.following(step), run["since"])
        moved.run = onward.run
        if onward.ended:
            return _over(moved, onward.ended)
    return _over(moved, "too_many_steps")


def unfinished(moved: Moved, now: datetime) -> bool:
    """Whether the run advances further at once, after its actions were carried out."""
    return not moved.ended and moved.run.get("due_at", "~") <= stamp(now) and bool(moved.actions)


def next_due(journey: Journey, run: Run) -> str:
    """When a run is due again without any signal."""
    ends = moment(run["anchor"]) + journey.ends_after
    if "due_at" not in run and journey.goal:
        ends = min(ends, moment(run["anchor"]) + journey.goal.within)
    return min(str(run.get("due_at", "~")), stamp(ends))


def listens(journey: Journey, run: Run) -> bool:
    """Whether a condition could end the run's wait early, for example that a message was opened."""
    step = journey.step(run["step"])
    return bool(step and step.wait and step.wait.until and "due_at" in run)


def _over(moved: Moved, why: str) -> Moved:
    moved.ended = why
    return moved


def _on_from(journey: Journey, run: Run, target: str, since: str, *, meant_at: str | None = None) -> Moved:
    """The run at the next step; at the end of the steps it waits for its goal, if it has one."""
    run = {**run, "since": max(since, run["since"]), "meant_at": meant_at or run["meant_at"]}
    if not target:
        run.pop("due_at")
        return Moved(run, ended="" if journey.goal else "done")
    rounds = run["rounds"].get(target, 0) + 1
    run |= {"step": target, "due_at": run["since"], "rounds": {**run["rounds"], target: rounds}}
    return Moved(run, ended="too_many_rounds" if rounds > ROUNDS else "")


def _due(wait: Wait, run: Run, facts: Facts) -> datetime | None:
    """When a wait is over by itself; None when the date it waits for is none."""
    if wait.for_ is not None:
        due = moment(run["since"]) + wait.for_
    elif wait.after is not None:
        due = moment(run["anchor"]) + wait.after
    else:
        date = facts(wait.date or "")
        try:
            due = moment(str(date))
        except ValueError:
            day = a_day(date)
            if day is None:
                return None
            due = datetime.combine(day, time(), VIETNAM).astimezone(UTC)
        due -= wait.before or timedelta()
    if wait.at is not None:
        opens = datetime.combine(local_day(due), wait.at, VIETNAM)
        due = (opens if opens >= due else opens + timedelta(days=1)).astimezone(UTC)
    return due


def fits(conditions: Conditions, facts: Facts) -> bool:
    return all(condition.holds(facts) for condition in conditions)

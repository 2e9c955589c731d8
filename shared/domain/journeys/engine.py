"""The engine of journeys: pure functions from a run and what happened, or what time it is, to the run after it (X5).

A run is where one customer stands in one journey, as the table holds it:

    journey, version, run   which journey, which content of it, and the natural key that tells this run from others
    step, since             the step it stands at and since when
    anchor                  when that happened which let the customer in
    due_at                  when it goes on by itself; absent while it only waits for its goal's time to run out
    meant_at                when it was meant to go on: what is sent may be too late by then (R14)
    arm, variant            "live" or "holdout", which goes the same way and gets nothing (R26); which variant it gets
    vars                    what let the customer in said, and what was made on the way, such as a voucher
    deal                    open, contacted, offered, won, lost or nurturing (W9)
    rounds                  how often each step was reached
    acted                   whether anything was sent, given or handed to staff
    messages, tasks         what it planned and opened, by step

Moments are stamps. Every function answers with a new run; what was given stays as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from shared.domain.journeys.definition import Conditions, Exit, Facts, Goal, Journey, Step, Wait, a_day
from shared.domain.messaging.message import WAITING
from shared.domain.vietnam_time import VIETNAM, local_day, moment, stamp

Run = dict[str, Any]

# A step reached more often than that goes round in circles.
ROUNDS = 60
# Steps in one go; a journey is checked for loops without a wait before it is live, this is the net below.
STEPS_AT_ONCE = 200


class Signal(NamedTuple):
    """News about a customer: its name, when it happened (a stamp), and its flat properties."""

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
    """A run after it went on: what is to be done, in order, and why it is over, if it is."""

    run: Run
    actions: list[Action] = field(default_factory=list)
    ended: str = ""


def enter(journey: Journey, key: str, at: str, variables: Mapping[str, Any], *, holdout: bool, customer_id: str) -> Run:
    """A new run at the first step, due at once."""
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
        "variant": variant_of(journey, customer_id, key),
        "vars": dict(variables),
        "deal": "",
        "rounds": {journey.steps[0].id: 1},
        "acted": False,
    }


def variant_of(journey: Journey, customer_id: str, key: str) -> str:
    """The variant a run gets: by weight, always the same for the same run."""
    if not journey.variants:
        return ""
    digest = hashlib.sha256(f"variant {journey.id} {customer_id} {key}".encode()).digest()
    place = int.from_bytes(digest[:4]) % sum(journey.variants.values())
    for name in sorted(journey.variants):
        place -= journey.variants[name]
        if place < 0:
            return name
    raise AssertionError("weights add up")


def hear(journey: Journey, run: Run, signal: Signal, facts: Facts) -> Moved | None:
    """What news does to a run: it reaches its goal, loses its reason, starts anew or stops waiting; None: nothing.

    News older than what let the customer in says nothing about this run, so late and early arrivals end the same way.
    """
    if signal.at < run["anchor"]:
        return None
    goal = journey.goal
    if goal and signal.at <= stamp(moment(run["anchor"]) + goal.within) and _meant(goal, run, signal, facts):
        return Moved({**run, "deal": "won" if run["deal"] else "", "goal_at": signal.at}, ended="goal")
    for way_out in journey.exits:
        if _meant(way_out, run, signal, facts):
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


def _meant(told: Goal | Exit, run: Run, signal: Signal, facts: Facts) -> bool:
    if signal.name not in told.event:
        return False
    if told.same:
        said = signal.properties.get(f"{told.same}s") or (signal.properties.get(told.same),)
        if run["vars"].get(told.same) not in said:
            return False
    return all(condition.holds(facts) for condition in told.where)


def _same_key(journey: Journey, run: Run, signal: Signal) -> bool:
    key = journey.trigger.key
    return key is None or str(signal.properties.get(key.partition(".")[2], "")) == run["run"]


def _nothing_went_out(run: Run, facts: Facts) -> bool:
    """Whether all that a run did is messages that still wait, such as for the morning."""
    messages = run.get("messages", {})
    if not messages or run.get("tasks") or "voucher" in run["vars"]:
        return False
    return all(facts(f"message.{step}") in WAITING for step in messages)


def _restarted(journey: Journey, run: Run, signal: Signal) -> Run:
    """The run at its first step again. What was done stays done: who did something counts the rounds on, so that the
    same step is a new message."""
    first = journey.steps[0].id
    fresh = {"step": first, "since": signal.at, "anchor": signal.at, "meant_at": signal.at, "due_at": signal.at}
    rounds = {**run["rounds"], first: run["rounds"].get(first, 0) + 1} if run["acted"] else {first: 1}
    return {**run, **fresh, "vars": {**run["vars"], **signal.properties}, "rounds": rounds}


def advance(journey: Journey, run: Run, now: datetime, facts: Facts) -> Moved:
    """The run as far as it goes at this moment, and what is to be done on the way, each step once."""
    moved = Moved(dict(run))
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
    """Whether the run goes on at once, after what it asked for was done."""
    return not moved.ended and moved.run.get("due_at", "~") <= stamp(now) and bool(moved.actions)


def next_due(journey: Journey, run: Run) -> str:
    """When a run has to be looked at again by itself."""
    ends = moment(run["anchor"]) + journey.ends_after
    if "due_at" not in run and journey.goal:
        ends = min(ends, moment(run["anchor"]) + journey.goal.within)
    return min(str(run.get("due_at", "~")), stamp(ends))


def listens(journey: Journey, run: Run) -> bool:
    """Whether the run would go on at once if something came true, such as that a message was opened."""
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
        told = facts(wait.date or "")
        try:
            due = moment(str(told))
        except ValueError:
            day = a_day(told)
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

"""Advance journeys: a signal starts, moves and ends runs; due runs advance by themselves (A1, X5).

All runs of a customer are one item with one due date. A use case that stores a fact handles its signal in the same unit
of work, so the fact and its consequences are one commit, and a repetition changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.domain.customers.profile import Profile
from shared.domain.journeys.engine import Run, Signal, hear
from shared.domain.vietnam_time import stamp
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.retry import retried
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.customer_runs import CustomerRuns
from shared.use_cases.journeys.steps import Planned

# Runs that failed for a reason of their own are tried again after this pause.
PAUSE = timedelta(minutes=15)


def handle_signal(
    context: JourneyContext,
    uow: UnitOfWork,
    members: list[Profile],
    signal: Signal,
    *,
    home: str = "",
    history: bool = False,
    act: bool = True,
    first_try: bool = False,
) -> Planned:
    """Hand a signal to the journeys of a customer; answers with the planned messages as (purpose, message id).

    `members` are the customer's profiles, the leading one first. `home` is the member whose own fact it is (the lead by
    default): what follows stays with that member, also when a merge is undone (X3). `history` ends runs and lets no
    customer in (R1). Without `act`, a new run is due at once instead of being worked here. On the `first_try` of a
    unit of work, items that a run plans are taken as new; where one exists, the commit raises Conflict.
    """
    signal = context.playbook.trusted(signal)
    runs = CustomerRuns(context, uow, members, home=home, first_try=first_try)
    for place, run in runs.runs():
        try:
            journey = context.definition(run)
        except LookupError:
            # The signal is true all the same; the next tick meets the run and reports what is wrong.
            runs.set(place, {**run, "next_due": min(run["next_due"], stamp(context.now))})
            continue
        if signal.name == "Task Done" and _own(run, signal):
            done = {**run.get("outcomes", {}), str(signal.properties["step"]): signal.properties["outcome"]}
            run = {**run, "outcomes": done, "vars": _promised(run["vars"], signal)}
            if run.get("listens"):
                run["next_due"] = min(run["next_due"], stamp(context.now))
            runs.set(place, run)
        if signal.name not in journey.hears or ("run" in signal.properties and not _own(run, signal)):
            continue
        moved = hear(journey, run, signal, runs.steps.facts(run, signal.properties))
        if moved:
            if moved.run["anchor"] != run["anchor"]:
                moved.run = runs.take_back(moved.run, "begun_anew")
            runs.move(place, journey, moved, withdrawn=True)
    if not history and not runs.refused:
        for journey in context.playbook.journeys.values():
            if signal.name in journey.trigger.event:
                runs.let_in(journey, signal)
    if not history:
        runs.remember(signal)
    if act:
        runs.work()
    runs.save()
    return runs.steps.planned


def wake(context: JourneyContext, customer_id: str) -> Planned:
    """Advance the due runs of a customer; safe to repeat.

    Raises Busy where too many writers do so at once, and LookupError, after the other runs advanced, where the content
    that a run entered with is gone.
    """

    def advance(attempt: int) -> Planned | CustomerRuns:
        uow = UnitOfWork(context.table)
        uow.load([table_keys.journeys_of(customer_id), table_keys.profile(customer_id)])
        if uow.get(table_keys.journeys_of(customer_id)) is None:
            return []
        members = members_of(uow, customer_id)
        if not members:
            return []
        runs = CustomerRuns(context, uow, members, first_try=attempt == 0)
        runs.work()
        runs.save()
        uow.commit()
        return runs

    runs = retried(context.table, advance)
    if not isinstance(runs, CustomerRuns):
        return runs
    if runs.failure:
        raise runs.failure
    return runs.steps.planned


def _own(run: Run, signal: Signal) -> bool:
    """Whether a signal that names a run is about this one."""
    properties = signal.properties
    return bool(properties.get("journey") == run["journey"] and properties.get("run") == run["run"])


def _promised(known: Mapping[str, Any], signal: Signal) -> dict[str, Any]:
    """The run's variables with the moment by which the customer promised to order; the latest call counts."""
    kept = {name: value for name, value in known.items() if name != "order_by"}
    return kept | {name: value for name, value in signal.properties.items() if name == "order_by"}

"""The weekly pass: take the cut-offs from the shop's own base, then bring everybody's labels over.

Both halves walk the value lists page by page and remember where they are, so that a pass that was stopped goes on.
Only customers whose labels really change, or who have to be woken sooner, are written. VIPs are appointed here (R8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from shared.domain.common.playbook_rules import CutOffs
from shared.domain.customers.profile import Profile
from shared.domain.journeys.label_signals import label_signals
from shared.domain.segments.metrics import is_stale
from shared.domain.segments.segmentation import VALUE, classify, due_at
from shared.domain.segments.thresholds import Base, compute
from shared.domain.vietnam_time import day_start, stamp
from shared.ports import Item, Key, Put, Table, Update
from shared.repositories import table_keys
from shared.repositories.profiles import RulesToday, load_members, metrics_of
from shared.repositories.retry import committed
from shared.repositories.segment_membership import relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.journeys.context import JourneyContext

PAGE = 100
LISTS = tuple(label for label in VALUE if label != "none")


@dataclass
class Pass:
    """What a pass did so far."""

    version: int
    seen: int = 0
    relabelled: int = 0
    done: bool = False


def publish(table: Table, rules_today: RulesToday, now: datetime) -> CutOffs:
    """Compute and store the next version of the cut-offs from all customers who ever bought."""
    base = Base()
    for profiles in _everybody(table, {"list": 0, "after": ""}):
        for profile in profiles[1]:
            m = metrics_of(cast(Profile, profile))
            base.add(m.window_spend, m.window_visits, m.largest_order)
    cutoffs = compute(base, rules_today.cutoffs, rules_today.rules)
    body = {"cutoffs": _plain(cutoffs)}
    state = {"version": cutoffs.version, "at": {"list": 0, "after": ""}, "seen": 0, "relabelled": 0}
    table.write(
        Put({**body, "pk": table_keys.cutoffs(cutoffs.version).pk, "sk": table_keys.cutoffs(cutoffs.version).sk}),
        # Beside the repurchase model in force, which stays.
        Update(table_keys.CURRENT_CUTOFFS, set={("cutoffs",): body["cutoffs"]}),
        _state(state, now),
    )
    return cutoffs


def _state(state: dict[str, Any], now: datetime) -> Put:
    """The pass as an item; while it runs it stands in the timer lane, so that a minute tick goes on with it."""
    item = {
        **state,
        "pk": table_keys.CUTOFFS_PASS.pk,
        "sk": table_keys.CUTOFFS_PASS.sk,
        "due": "timer#0",
        "due_at": stamp(now),
    }
    if state.get("done"):
        del item["due"], item["due_at"]
    return Put(item)


def relabel_pass(journeys: JourneyContext, *, pages: int) -> Pass | None:
    """Bring up to `pages` pages of customers over to the cut-offs in force; None when no pass is under way."""
    table, now = journeys.table, journeys.now
    state = table.get(table_keys.CUTOFFS_PASS)
    if state is None or state.get("done"):
        return None
    done = Pass(state["version"], state["seen"], state["relabelled"])
    for walked, (position, profiles) in enumerate(_everybody(table, state["at"]), start=1):
        for profile in profiles:
            done.seen += 1
            done.relabelled += _bring_over(journeys, profile)
        done.done = position is None
        state |= {"at": position or {}, "seen": done.seen, "relabelled": done.relabelled, "done": done.done}
        table.write(_state(state, now))
        if walked >= pages:
            break
    return done


def _bring_over(journeys: JourneyContext, known: Item) -> bool:
    """Relabel one customer, first from the page that has just been read, else from a fresh read."""
    table, rules_today = journeys.table, journeys.rules_today
    if _stands_as_before(cast(Profile, known), rules_today):
        return False
    key = Key(known["pk"], known["sk"])

    def change(uow: UnitOfWork) -> bool:
        profile = cast("Profile | None", uow.get(key))
        if profile is None or "merged_into" in profile:
            return False
        m = metrics_of(profile)
        stale = is_stale(m, rules_today.today, rules_today.rules, rules_today.cutoffs)
        after = relabel(uow, load_members(uow, profile), None if stale else m, rules_today, appoint_vip=True)
        relabelled: bool = after["labels"] != profile.get("labels")
        if not stale and all(after.get(name) == profile.get(name) for name in ("labels", "vip_until", "due_at")):
            uow.discard()  # a rank that merely drifted is not worth a write; the next wake or order refreshes it
            return False
        if relabelled and (uow.get(table_keys.journeys_of(after["customer_id"])) or {}).get("last"):
            # Journeys know who has bought since they listen; of the others there is nothing but history (R1).
            members, at = load_members(uow, after), stamp(day_start(rules_today.today))
            for signal in label_signals(profile.get("labels", ()), after["labels"], at):
                if signal.name != "Lifecycle Changed":  # the wake of the day tells that
                    handle_signal(journeys, uow, members, signal, act=False)
        return relabelled

    return committed(table, change, known={key: known})


def _stands_as_before(profile: Profile, rules_today: RulesToday) -> bool:
    """Whether one look at the profile tells that there is nothing to write: how the pass finds most of the base."""
    m = metrics_of(profile)
    if "absorbed" in profile or is_stale(m, rules_today.today, rules_today.rules, rules_today.cutoffs):
        return False
    labelled = classify(m, profile, rules_today.today, rules_today.rules, rules_today.cutoffs, appoint_vip=True)
    if labelled.vip_until or "vip_until" in profile or list(labelled.labels) != profile.get("labels"):
        return False
    # New rules may want a customer woken sooner than the old ones did.
    day = labelled.due_day
    return day is None or ("due_at" in profile and profile["due_at"] <= stamp(due_at(profile["customer_id"], day)))


def _everybody(table: Table, at: dict[str, Any]) -> Iterator[tuple[dict[str, Any] | None, list[Item]]]:
    """Pages of everybody in a value list, each with the position to go on from (None after the last).

    Who moves between lists during a pass has just been labelled under the cut-offs in force, so missing them, or
    seeing them twice, does no harm.
    """
    for number in range(at["list"], len(LISTS)):
        start = at["after"] or None if number == at["list"] else None
        while True:
            page = table.query(f"S#{LISTS[number]}", start=start, limit=PAGE, consistent=False)
            keys = [table_keys.profile(item["sk"]) for item in page.items]
            found = table.batch_get(keys, consistent=False) if keys else {}
            start = page.next
            last = start is None and number == len(LISTS) - 1
            position = None if last else {"list": number + (start is None), "after": start or ""}
            yield position, [found[key] for key in keys if key in found]
            if start is None:
                break


def _plain(cutoffs: CutOffs) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in cutoffs.model_dump().items()}

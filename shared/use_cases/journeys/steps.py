"""What the steps of a journey do for one customer: send, issue an offer, open a task, tag; and count."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.domain.common.localized_text import Lang
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.journeys.definition import Journey, Step
from shared.domain.journeys.engine import Action, Run
from shared.domain.messaging.message import Intent, planned, with_log_entry
from shared.domain.messaging.policy import in_holdout
from shared.domain.messaging.template import CUSTOMER
from shared.domain.tasks.task import WITHDRAWN, NewTask
from shared.domain.vietnam_time import local_day, stamp
from shared.domain.vouchers.voucher import new_code
from shared.repositories import table_keys, vouchers
from shared.repositories.messages import plan
from shared.repositories.profiles import metrics_of
from shared.repositories.sales_call_policy import why_no_sales_call
from shared.repositories.tasks import number_to_call, open_calls, open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.journeys.run_facts import RunFacts

_FACT = re.compile(r"\{([a-z]+\.[a-z0-9_]+)\}")

# Planned messages as (purpose, message id).
Planned = list[tuple[str, str]]


class Place(NamedTuple):
    """Where a run is stored: the profile's journeys item, and the name "journey|run" in it."""

    customer_id: str
    name: str


@dataclass
class StepRunner:
    """Carries out steps inside one unit of work.

    `runs` lists all runs of the customer; on the `first_try` of a unit of work, planned messages are taken as new.
    """

    context: JourneyContext
    uow: UnitOfWork
    members: list[Profile]
    runs: Callable[[], list[tuple[Place, Run]]]
    first_try: bool
    planned: Planned = field(default_factory=list)
    _facts: dict[str, Any] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.context.now

    @property
    def lead(self) -> str:
        return str(self.members[0]["customer_id"])

    def facts(self, run: Run, signal: Mapping[str, Any] | None = None) -> RunFacts:
        c = self.context
        return RunFacts(
            self.uow,
            self.members,
            run,
            c.rules_today,
            c.sending,
            c.products,
            c.playbook.pages,
            c.now,
            signal,
            self._facts,
        )

    def count(self, run: Run, **amounts: int) -> None:
        """Add to the counters of the run's journey and version."""
        self.uow.count(table_keys.journey_counts(run["journey"], run["version"]), **amounts)

    def tell(self, run: Run, event: str, why: str = "") -> None:
        """Report an event of a run: entered, step, ended, shadow, moved_in or moved_out (K13)."""
        about = {name: run[name] for name in ("journey", "version", "run", "arm", "variant", "step", "anchor")}
        self.uow.tell({"event": event, "why": why, "at": stamp(self.now), "customer_id": self.lead} | about)

    def has_content(self, step: Step) -> bool:
        """Whether today's playbook still has the template and offer of a step, which may be of an older version."""
        playbook, message = self.context.playbook, step.send or step.survey
        templates = {message.template if message else "", (step.task.script if step.task else "") or ""} - {""}
        return templates <= playbook.templates.keys() and (not step.offer or step.offer in playbook.offers.offers)

    def carry_out(self, place: Place, journey: Journey, run: Run, action: Action) -> Run:
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
        template = self.context.playbook.templates[wanted.template]
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
            placed_with=tuple(run["vars"].get("placed_with", ())),
            sender_key=run["vars"].get("sender_key", ""),
        )
        missing = [name for name, v in template.variables.items() if v.required and name not in variables]
        held = run["arm"] == "holdout" or (live and template.purpose == "marketing" and self._held_out)
        if not live or missing or held:
            # Decided and not sent: the decision is stored with its reason (X7).
            why = "holdout" if held else "shadow" if not live else "content_error"
            message = with_log_entry(planned(intent, self.now), "suppressed", why, self.now)
            if why == "content_error":
                message["trouble"] = f"{template.id}: nobody knows {', '.join(missing)}"
            if why == "shadow":
                self.count(run, shadow=1)
                self.tell(run, "shadow")
            self.uow.put(table_keys.message(intent.message_id), message)
        elif plan(self.uow, intent, self.now, self.context.sending, sure_new=self.first_try):
            self.planned.append((intent.purpose, intent.message_id))
        return {**run, "messages": {**run.get("messages", {}), action.step.id: intent.message_id}}

    def _margin(self) -> int:
        """The margin of the customer's average order in VND: the most that an advertisement may bring."""
        m = metrics_of(self.members[0])
        return m.revenue // m.orders * self.context.sending.margin_percent // 100 if m.orders else 0

    @property
    def _held_out(self) -> bool:
        """Whether the customer is in the global hold-out, which gets no marketing (R26)."""
        return in_holdout(self.lead, "*", self.context.sending.holdout_percent)

    def _issue(self, place: Place, run: Run, action: Action, *, live: bool) -> Run:
        book = self.context.playbook.offers
        offer = book.offers[action.step.offer or ""]
        code = new_code(offer.prefix, self.context.new_id())
        if live and self._held_out:
            return run  # messages about it are not sent to them either
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
            "gift": book.gift(offer).in_language(lang),
            "valid_until": local_day(ends - timedelta(seconds=1)).isoformat(),
            "offer_ends": stamp(ends),
            "offer_url": page,
            "voucher_url": page,
        }
        return {**run, "vars": {**run["vars"], **made}}

    def _task(self, place: Place, run: Run, action: Action) -> Run:
        wanted = action.step.task
        assert wanted is not None
        sells = bool(wanted.script and self.context.playbook.templates[wanted.script].purpose == "marketing")
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
        """The outcome that replaces a call which must not be opened: "wrong_number", or WITHDRAWN where the number is
        good but no sales call is allowed now; "" where the call may be opened."""
        if number_to_call(self.members) is None:
            return "wrong_number"
        if not sells:
            return ""
        blocked = why_no_sales_call(self.uow, self.members, self.context.sending, self.now)
        return WITHDRAWN if blocked or any(task.get("sells") for task in open_calls(self.uow, self.members)) else ""

    def _script(self, template: str, run: Run) -> str:
        declared = self.context.playbook.templates[template].variables
        known = {name: run["vars"][name] for name in declared if run["vars"].get(name) not in (None, "")}
        return self.context.playbook.script(template, {**known, CUSTOMER: fold_members(self.members)["traits"]})

    def _tag(self, place: Place, step: Step) -> None:
        """Add a mark to the run's own profile, also after an unmerge; remove it from all profiles, unless another run
        that sets it is still under way."""
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
        # The shipped version: a missing older one must not stop the others.
        journey = self.context.playbook.journeys.get(run["journey"])
        return journey is not None and any(step.tag and step.tag.add == mark for step in journey.steps)


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000:
        return f"{value:,}".replace(",", ".") + " ₫"
    return "–" if value is None else ", ".join(value) if isinstance(value, tuple) else str(value)

"""Lint a journey: unknown signals and facts, unreachable steps, unfilled template variables, no goal (A21).

Pure: the reader of the file maps the path of a finding to its line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from shared.domain.common.duration import span_text
from shared.domain.common.lint import Finding, Path
from shared.domain.journeys.definition import DEALS, KINDS, Condition, Exit, Goal, Journey, Send, Step, Task
from shared.domain.journeys.lint_graph import StepGraph, near
from shared.domain.journeys.vocabulary import BY_STEP, FACTS, SIGNALS
from shared.domain.messaging.template import Template
from shared.domain.segments.segmentation import LIFECYCLE, VALUE
from shared.domain.tasks.task import OUTCOMES, SKIPPED, WITHDRAWN


class Playbook(NamedTuple):
    """What a journey may name: templates and offers by id, the shop's own events, journeys ranked in `sending.yaml`."""

    templates: Mapping[str, Template]
    offers: Collection[str]
    events: Collection[str]
    priorities: Collection[str]


# What an offer step adds to what the run says.
OFFERED = frozenset(("voucher", "gift", "valid_until", "offer_ends", "offer_url", "voucher_url"))
# What `trigger.product_with` adds to the run.
PICKED = frozenset(("sku", "product"))

_NUMBERS = frozenset(
    (
        "customer.orders", "customer.visits", "customer.revenue", "customer.spend_365d", "customer.days_silent",
        "customer.age", "customer.points", "customer.refusals", "cart.items", "cart.total", "order.total",
        "order.kept", "shop.high_value_order", "event.total", "event.score", "event.rating", "event.price",
        "event.value", "event.days", "event.points", "run.days", "customer.days_since_contact",
    )
)  # fmt: skip
_LISTS = frozenset(("customer.tags", "customer.channels", "customer.open_windows", "event.skus"))
_TRUTHS = frozenset(
    ("order.delivered", "order.returned", "event.in_store", "bought.in_catalogue", "offer.open", "shop.resting")
)
# Told as a number by some callers and as words by others.
_EITHER = frozenset(("event.items",))
# How far a message came and how a task ended are asked by the step; so is the score of an answer.
_MADE_BY = {"message": ("send", "survey"), "answer": ("survey",), "task": ("task",), "round": KINDS}
_FACT = re.compile(r"[a-z]+\.[a-z][a-z0-9_]*")
_BRACES = re.compile(r"\{([^{}]*)\}")
_COMPARED = ("is", "is_not", "in", "not_in")


def lint(journey: Journey, playbook: Playbook) -> list[Finding]:
    """Everything wrong with one journey."""
    return list(dict.fromkeys(_Lint(journey, playbook).findings()))


class _Lint:
    def __init__(self, journey: Journey, playbook: Playbook) -> None:
        self.journey = journey
        self.playbook = playbook
        self.graph = StepGraph(journey)
        self.signals = frozenset(SIGNALS) | frozenset(playbook.events)

    def findings(self) -> Iterator[Finding]:
        yield from self.graph.findings()
        yield from self._trigger()
        for path, expected in self._signals():
            yield from self._events((*path, "event"), expected.event)
            yield from self._same(path, expected)
        for place, condition in self.journey.conditions():
            yield from self._condition(place, condition)
        for n, step in enumerate(self.journey.steps):
            yield from self._step(("steps", str(n)), n, step)
        yield from self._variants()
        yield from self._purpose()

    # ---- signals ----

    def _signals(self) -> Iterator[tuple[Path, Goal | Exit]]:
        if self.journey.goal:
            yield ("goal",), self.journey.goal
        for n, leaving in enumerate(self.journey.exits):
            yield ("exits", str(n)), leaving

    def _events(self, path: Path, names: Iterable[str]) -> Iterator[Finding]:
        for n, name in enumerate(names):
            if name not in self.signals:
                hint = near(name, self.signals) or "; the shop's own events are named in stages.yaml"
                yield Finding((*path, str(n)), f"nobody tells of {name}{hint}")

    def _trigger(self) -> Iterator[Finding]:
        trigger = self.journey.trigger
        yield from self._events(("trigger", "event"), trigger.event)
        if trigger.key and not trigger.key.startswith("event."):
            yield Finding(("trigger", "key"), "names the run, so it must be a property of the news: event.<property>")
        elif trigger.key:
            yield from self._fact(("trigger", "key"), trigger.key, ("trigger",))
        if trigger.product_with and (silent := _silent("order_id", trigger.event)):
            yield Finding(("trigger", "product_with"), f"{silent} is no order, so there is no product to pick")

    def _same(self, path: Path, expected: Goal | Exit) -> Iterator[Finding]:
        if expected.same is None:
            return
        silent = _silent(expected.same, expected.event)
        if not silent and expected.same not in PICKED | OFFERED:
            silent = _silent(expected.same, self.journey.trigger.event)
        if silent:
            yield Finding((*path, "same"), _says_no(silent, expected.same))

    # ---- facts ----

    def _condition(self, place: Path, condition: Condition) -> Iterator[Finding]:
        path, name = (*place, "fact"), condition.fact
        wrong = list(self._fact(path, name, place))
        yield from wrong
        operator = next(iter(condition.model_fields_set - {"fact"})).rstrip("_")
        value = getattr(condition, f"{operator}_" if operator in ("is", "in") else operator)
        if operator in ("at_least", "at_most") and isinstance(value, str):
            yield from self._fact((*place, operator), value, place)
            if self._kind(value, place) not in ("number", ""):
                yield Finding((*place, operator), f"{value} is no number")
        if not wrong:
            yield from self._question(place, name, operator, value)

    def _question(self, place: Path, name: str, operator: str, value: Any) -> Iterator[Finding]:
        """Whether what is asked suits the fact, and can be true at all."""
        kind, path = self._kind(name, place), (*place, operator)
        if operator == "reached" and not name.startswith("message."):
            yield Finding(path, f"asks how far a message came, and {name} is none; ask message.<step>")
        elif operator in ("at_least", "at_most") and kind not in ("number", ""):
            yield Finding(path, f"compares numbers, and {name} is a {kind}")
        elif operator in ("has", "lacks") and kind not in ("list", ""):
            yield Finding(path, f"looks into a list, and {name} is a {kind}; ask is or in")
        elif operator in _COMPARED and kind == "list":
            yield Finding(path, f"{name} is a list; ask has or lacks")
        elif operator in _COMPARED:
            known = self._values(name, place)
            for given in value if isinstance(value, tuple) else (value,):
                if kind == "number" and (isinstance(given, bool) or not isinstance(given, int)):
                    yield Finding(path, f"{name} is a number, and {given!r} is none")
                elif kind == "yes or no" and not isinstance(given, bool):
                    yield Finding(path, f"{name} is true or false, and never {given!r}")
                elif known is not None and given not in known:
                    hint = near(str(given), known) or f"; it is one of {', '.join(known)}" * bool(known)
                    yield Finding(path, f"{name} is never {given}{hint}")

    def _values(self, name: str, place: Path) -> Collection[str] | None:
        """The only values a fact may have, where they are known."""
        heard = set(self._heard(place))
        labels = LIFECYCLE if heard == {"Lifecycle Changed"} else VALUE if heard == {"Value Changed"} else None
        known: dict[str, Collection[str] | None] = {
            "customer.lifecycle": LIFECYCLE,
            "customer.value": VALUE,
            "run.variant": tuple(self.journey.variants),
            "run.deal": DEALS,
            "event.to": labels,
            "event.was": labels,
        }
        return (*OUTCOMES, SKIPPED, WITHDRAWN) if name.startswith("task.") else known.get(name)

    def _kind(self, name: str, place: Path) -> str:
        """What a fact is: number, list, yes or no, text, or "" where nobody knows."""
        subject, _, rest = name.partition(".")
        if name in _EITHER or (subject == "event" and not any(rest in SIGNALS.get(e, ()) for e in self._heard(place))):
            return ""
        if name in _NUMBERS or subject in ("answer", "round"):
            return "number"
        return "list" if name in _LISTS else "yes or no" if name in _TRUTHS else "text"

    def _heard(self, place: Path) -> tuple[str, ...]:
        """Whose properties `event` asks for: the news itself where it is weighed, else what let the customer in."""
        if place[0] == "goal" and self.journey.goal:
            return self.journey.goal.event
        return self.journey.exits[int(place[1])].event if place[0] == "exits" else self.journey.trigger.event

    def _fact(self, path: Path, fact: str, place: Path) -> Iterator[Finding]:
        """Whether a fact is one, and known where it is asked."""
        subject, _, name = fact.partition(".")
        step = int(place[1]) if place[0] == "steps" else None
        if subject == "event":
            yield from self._property(path, name, place, step)
        elif subject in BY_STEP:
            yield from self._by_step(path, subject, name, step)
        elif subject not in FACTS:
            subjects = ("event", *FACTS, *BY_STEP)
            close = get_close_matches(subject, subjects, 1)
            hint = f"; did you mean {close[0]}.{name}?" if close else f"; facts are of {', '.join(subjects)}"
            yield Finding(path, f"there is no fact {fact}{hint}")
        elif name not in FACTS[subject]:
            close = get_close_matches(name, FACTS[subject], 1)
            hint = f"; did you mean {subject}.{close[0]}?" if close else f"; {subject} has {', '.join(FACTS[subject])}"
            yield Finding(path, f"there is no fact {fact}{hint}")
        elif subject == "offer" and not (
            self.graph.offers & self.graph.before(step) if step is not None else self.graph.offers
        ):
            # Where staff issue the code, it comes with the news that they were asked to.
            if _silent("voucher", self.journey.trigger.event):
                yield Finding(path, f"{fact} is not known here: no offer is made before")
        elif subject in ("order", "bought", "product"):
            needed = "sku" if subject == "product" else "order_id"
            picked = subject == "product" and self.journey.trigger.product_with
            if not picked and (silent := _silent(needed, self.journey.trigger.event)):
                yield Finding(path, f"{fact} is not known here: {_says_no(silent, needed)}")

    def _property(self, path: Path, name: str, place: Path, step: int | None) -> Iterator[Finding]:
        picked = name in PICKED and self.journey.trigger.product_with and place[0] not in ("goal", "exits")
        offered = name in OFFERED and step is not None and self.graph.offers & self.graph.before(step)
        if picked or offered:
            return
        if silent := _silent(name, self._heard(place)):
            yield Finding(path, _says_no(silent, name))

    def _by_step(self, path: Path, subject: str, name: str, step: int | None) -> Iterator[Finding]:
        makers = _MADE_BY[subject]
        steps = [known.id for known in self.journey.steps if known.kind in makers]
        if name not in steps:
            what = f"{subject}.{name}: there is no {' or '.join(makers)} step {name}"
            yield Finding(path, what + (near(name, steps) or f"; there are {', '.join(steps)}" * bool(steps)))
        elif step is not None and self.graph.places[name] not in self.graph.before(step):
            yield Finding(path, f"{subject}.{name} is not known here: {name} does not come before")

    # ---- what steps do ----

    def _step(self, at: Path, n: int, step: Step) -> Iterator[Finding]:
        if step.wait:
            yield from self._events((*at, "wait", "event"), step.wait.event)
            if step.wait.date:
                yield from self._fact((*at, "wait", "date"), step.wait.date, at)
        if step.offer and step.offer not in self.playbook.offers:
            hint = near(step.offer, self.playbook.offers)
            yield Finding((*at, "offer"), f"there is no offer {step.offer} in offers.yaml{hint}")
        if step.task:
            yield from self._task(at, n, step.task)
        if message := step.send or step.survey:
            yield from self._message((*at, step.kind), n, message, at)

    def _template(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self.playbook.templates:
            yield Finding(path, f"there is no template {name}{near(name, self.playbook.templates)}")

    def _task(self, at: Path, n: int, task: Task) -> Iterator[Finding]:
        if task.script:
            path = (*at, "task", "script")
            yield from self._template(path, task.script)
            template = self.playbook.templates.get(task.script)
            if template and not template.call:
                yield Finding(path, f"{task.script} has no words for a call")
            elif template:
                yield from self._filled(path, template, Send(template=task.script), n)
        for part in ("title", "reason"):
            for name in _BRACES.findall(getattr(task, part)):
                path = (*at, "task", part)
                if _FACT.fullmatch(name):
                    yield from self._fact(path, name, at)
                else:
                    yield Finding(path, f"{{{name}}} is no fact; a fact is written {{customer.orders}}")

    def _message(self, path: Path, n: int, message: Send, at: Path) -> Iterator[Finding]:
        yield from self._template((*path, "template"), message.template)
        for name, fact in message.variables.items():
            yield from self._fact((*path, "variables", name), fact, at)
        template = self.playbook.templates.get(message.template)
        if template is None:
            return
        for k, channel in enumerate(message.channels):
            if channel not in template.channels:
                has = ", ".join(template.channels)
                yield Finding((*path, "channels", str(k)), f"{template.id} says nothing on {channel}; it has {has}")
        for part in ("variables", "texts"):
            for name in getattr(message, part):
                if name not in template.variables:
                    hint = near(name, template.variables) or "; it has " + (", ".join(template.variables) or "none")
                    yield Finding((*path, part, name), f"{template.id} has no variable {name}{hint}")
        for name in message.variables.keys() & message.texts.keys():
            yield Finding((*path, "texts", name), "is filled from variables already")
        yield from self._filled((*path, "template"), template, message, n)
        if self.journey.steps[n].survey and template.survey is None:
            yield Finding((*path, "template"), f"{template.id} asks nothing; a survey needs a template with a survey")

    def _filled(self, path: Path, template: Template, message: Send, n: int) -> Iterator[Finding]:
        if missing := [name for name in template.variables if self._empty(name, template, message, n)]:
            offer = "; make an offer before" if OFFERED.issuperset(missing) else ""
            yield Finding(path, f"{template.id} needs {', '.join(missing)}, and nothing fills it{offer}")

    def _empty(self, name: str, template: Template, message: Send, n: int) -> bool:
        """Whether a variable of the template stays empty."""
        if not template.variables[name].required or name in message.variables or name in message.texts:
            return False
        if name in OFFERED and self.graph.offer_made(n):
            return False
        if name in PICKED and self.journey.trigger.product_with:
            return False
        return bool(_silent(name, self.journey.trigger.event))

    # ---- what it is for ----

    def _variants(self) -> Iterator[Finding]:
        asked = any(condition.fact == "run.variant" for _, condition in self.journey.conditions())
        if self.journey.variants and not asked:
            yield Finding(("variants",), "no step asks run.variant, so all do the same")
        choose = self.journey.choose
        if choose != "fixed" and (len(self.journey.variants) < 2 or self.journey.goal is None):
            yield Finding(("choose",), f"{choose} needs two variants or more, and a goal to judge them by")

    def _purpose(self) -> Iterator[Finding]:
        journey = self.journey
        if journey.goal and journey.goal.within > journey.ends_after:
            yield Finding(
                ("goal", "within"),
                f"is longer than ends_after, so the run is over after {span_text(journey.ends_after)}",
            )
        advertising = [
            (n, message.template)
            for n, step in enumerate(journey.steps)
            if (message := step.send or step.survey)
            and (template := self.playbook.templates.get(message.template))
            and template.purpose == "marketing"
        ]
        if not advertising:
            sends = [message.template for step in journey.steps if (message := step.send or step.survey)]
            if journey.holdout_percent and all(name in self.playbook.templates for name in sends):
                yield Finding(("holdout_percent",), "there is no marketing in this journey to hold back")
            return
        if journey.goal is None:
            n, name = advertising[0]
            reason = f"{name} is marketing, and the journey has no goal; say what it is for"
            yield Finding(("steps", str(n), journey.steps[n].kind, "template"), reason)
        if journey.id not in self.playbook.priorities:
            yield Finding(
                ("id",), f"{journey.id} sends marketing and has no place among the priorities in sending.yaml"
            )


def _silent(name: str, events: Iterable[str]) -> str:
    """The first of these signals that never carries a property; what a shop's own events carry is unknown here."""
    return next((event for event in events if event in SIGNALS and name not in SIGNALS[event]), "")


def _says_no(event: str, name: str) -> str:
    hint = near(name, SIGNALS[event]) or f"; it says {', '.join(SIGNALS[event])}"
    return f"{event} says no {name}{hint}"

"""The steps of a journey as a graph: unknown targets, unreachable steps, loops without a wait, steps past its end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property

from shared.domain.common.duration import span_text
from shared.domain.common.lint import Finding, Path
from shared.domain.journeys.definition import Journey


class StepGraph:
    """The order in which the steps of a journey may come. Steps are named by their index; `places` is index by id."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.places = {step.id: n for n, step in reversed(list(enumerate(journey.steps)))}

    def findings(self) -> Iterator[Finding]:
        """Everything wrong with the graph."""
        unresolved = [*self._names(), *self._targets()]
        yield from unresolved
        if not unresolved:  # otherwise the same mistake is reported again as unreachable steps
            yield from self._unreached()
            yield from self._circles()
            yield from self._too_long()

    def _names(self) -> Iterator[Finding]:
        for n, step in enumerate(self.journey.steps):
            if (first := self.places[step.id]) != n:
                yield Finding(("steps", str(n), "id"), f"{step.id} is the name of step {first + 1} already")

    def _targets(self) -> Iterator[Finding]:
        for n, step in enumerate(self.journey.steps):
            at: Path = ("steps", str(n))
            named: list[tuple[Path, str]] = [((*at, "next"), step.next)] if step.next else []
            if step.wait:
                onward = ("then", step.wait.then), ("missed", step.wait.missed)
                named += [((*at, "wait", field), name) for field, name in onward if name]
            named += [((*at, "branch", str(k), "go"), way.go) for k, way in enumerate(step.branch or ())]
            for path, target in named:
                if target not in self.places:
                    hint = near(target, self.places) or f"; there are {', '.join(self.places)}"
                    yield Finding(path, f"there is no step {target}{hint}")

    @cached_property
    def _onward(self) -> list[list[int]]:
        """The steps that may come after each step; -1 is the end of the steps."""
        found = []
        for step in self.journey.steps:
            ahead = [way.go for way in step.branch or ()]
            if step.wait:
                ahead += [name for name in (step.wait.then, step.wait.missed) if name]
            if not step.end and all(way.when for way in step.branch or ()):
                ahead.append(self.journey.following(step))
            found.append([self.places.get(name, -1) for name in ahead])
        return found

    def _reached(self, start: int, without: Collection[int] = ()) -> set[int]:
        """The steps that may come after a step, itself only if it comes again; `without` stands in the way."""
        found: set[int] = set()
        ahead = list(self._onward[start])
        while ahead:
            n = ahead.pop()
            if n >= 0 and n not in found and n not in without:
                found.add(n)
                ahead += self._onward[n]
        return found

    def _unreached(self) -> Iterator[Finding]:
        reached = {0} | self._reached(0)
        for n, step in enumerate(self.journey.steps):
            if n not in reached:
                yield Finding(("steps", str(n), "id"), f"nothing leads to {step.id}")
            for k, way in enumerate(step.branch or ()):
                if not way.when and k + 1 < len(step.branch or ()):
                    yield Finding(
                        ("steps", str(n), "branch", str(k + 1)), "comes after the way without when, which takes all"
                    )
                    break

    def _circles(self) -> Iterator[Finding]:
        pauses = {n for n, step in enumerate(self.journey.steps) if step.wait and step.wait.for_}
        reported: set[int] = set()
        for n in range(len(self.journey.steps)):
            if n in pauses or n in reported or n not in (round_ := self._reached(n, pauses)):
                continue
            reported |= {k for k in round_ if n in self._reached(k, pauses)}
            yield Finding(("steps", str(n), "id"), f"{self.journey.steps[n].id} comes round again without a wait: for")

    def _too_long(self) -> Iterator[Finding]:
        """Steps that come only when the run is over. A wait that may end early counts where it leads elsewhere then."""
        if any(n in self._reached(n) for n in range(len(self.journey.steps))):
            return  # what goes round takes as long as it takes
        least: dict[int, timedelta] = {0: timedelta()}
        for n in self._in_order():
            step, entered = self.journey.steps[n], least[n]
            if entered >= self.journey.ends_after and not step.end:
                span = span_text(entered)
                yield Finding(("ends_after",), f"{step.id} comes after {span}, when the run is over; make it longer")
                return
            wait = step.wait
            lasts = wait and (wait.then or not (wait.until or wait.event))
            for k, ahead in enumerate(self._onward[n], start=1):
                left = entered
                if wait and lasts and k == len(self._onward[n]):  # before it stands where it leads that ends early
                    left = entered + wait.for_ if wait.for_ else max(entered, wait.after or entered)
                if ahead >= 0:
                    least[ahead] = max(least.get(ahead, timedelta()), left)

    def _in_order(self) -> list[int]:
        """The steps that are reached, each after all that lead to it."""
        done: list[int] = []

        def visit(n: int) -> None:
            for ahead in self._onward[n]:
                if ahead >= 0 and ahead not in done:
                    visit(ahead)
            if n not in done:
                done.append(n)

        visit(0)
        return done[::-1]

    def before(self, n: int) -> set[int]:
        """The steps that may come before a step."""
        return {k for k in range(len(self.journey.steps)) if n in self._reached(k)}

    @cached_property
    def offers(self) -> set[int]:
        return {n for n, step in enumerate(self.journey.steps) if step.offer}

    def offer_made(self, n: int) -> bool:
        """Whether every way to a step makes an offer before."""
        return n > 0 and (0 in self.offers or n not in self._reached(0, self.offers))


def near(name: str, known: Iterable[str]) -> str:
    """A hint at the most similar known name, to be put behind a finding; "" where none is similar."""
    close = get_close_matches(name, sorted(known), 1)
    return f"; did you mean {close[0]}?" if close else ""

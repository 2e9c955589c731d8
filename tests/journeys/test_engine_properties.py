"""The engine itself, for journeys of every shape: each step once, every run ends, a goal stops everything (X5)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.journeys.definition import Journey
from shared.domain.journeys.engine import Run, Signal, advance, enter, hear, next_due
from shared.domain.vietnam_time import moment, stamp

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
EVENTS = ("Order Completed", "Survey Answered", "Order Cancelled", "Cart Updated", "Task Done")
SPANS = ("0m", "20m", "1h", "3h", "1d", "2d")
DAYS = 20


@st.composite
def journeys(draw: st.DrawFn) -> Journey:
    """A valid journey: steps in any order, jumps to anywhere, with or without a goal."""
    names = [f"step_{n}" for n in range(draw(st.integers(1, 7)))]
    steps: list[dict[str, Any]] = []
    for name in names:
        kind = draw(st.sampled_from(("wait", "wait", "send", "send", "task", "offer", "branch", "deal", "end")))
        body: Any = {
            "wait": lambda: _wait(draw, names),
            "send": lambda: {"template": "cart_reminder"},
            "task": lambda: {"kind": "call", "title": "Gọi khách", "reason": "Chưa mua lại"},
            "offer": lambda: "birthday",
            "branch": lambda: _ways(draw, names),
            "deal": lambda: draw(st.sampled_from(("open", "contacted", "nurturing"))),
            "end": lambda: "told_all",
        }[kind]()
        step = {"id": name, kind: body}
        if kind not in ("branch", "end") and draw(st.integers(0, 4)) == 0:
            step["next"] = draw(st.sampled_from(names))
        steps.append(step)
    told = {"id": "any_shape", "title": "Thử", "aim": "Thử", "trigger": {"event": "Cart Updated", "again": "restart"},
            "ends_after": f"{DAYS}d", "steps": steps}  # fmt: skip
    if draw(st.booleans()):
        told["goal"] = {"event": "Order Completed", "within": draw(st.sampled_from(("1h", "3d", "10d")))}
    if draw(st.booleans()):
        told["exits"] = [{"event": "Order Cancelled", "because": "cancelled"}]
    return Journey.model_validate(told)


def _wait(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    wait: dict[str, Any] = {draw(st.sampled_from(("for", "after"))): draw(st.sampled_from(SPANS))}
    if draw(st.booleans()):
        wait["at"] = "09:00"
    if draw(st.integers(0, 2)) == 0:
        wait |= {"event": "Survey Answered", "then": draw(st.sampled_from(names))}
    if draw(st.integers(0, 3)) == 0:
        wait |= {"until": {"fact": "customer.orders", "at_least": 1}, "then": draw(st.sampled_from(names))}
    return wait


def _ways(draw: st.DrawFn, names: list[str]) -> list[dict[str, Any]]:
    ways: list[dict[str, Any]] = [
        {"when": {"fact": "customer.orders", "at_least": draw(st.integers(0, 2))}, "go": draw(st.sampled_from(names))}
    ]
    return [*ways, {"go": draw(st.sampled_from(names))}] if draw(st.booleans()) else ways


SIGNALS = st.lists(
    st.tuples(st.sampled_from(EVENTS), st.integers(-3 * 60, DAYS * 24 * 60)).map(
        lambda told: Signal(told[0], stamp(START + timedelta(minutes=told[1])), {})
    ),
    max_size=8,
)


class Life:
    """A run through time: news as it comes, timers when they are due, what was done in what order."""

    def __init__(self, journey: Journey, orders: int) -> None:
        self.journey = journey
        self.facts = {"customer.orders": orders}.get
        self.run: Run | None = enter(journey, "1", stamp(START), {}, holdout=False, customer_id="c")
        self.done: list[str] = []
        self.ended = ""

    def tick(self, now: datetime) -> None:
        while self.run is not None and next_due(self.journey, self.run) <= stamp(now):
            before = dict(self.run)
            moved = advance(self.journey, self.run, now, self.facts)
            assert self.run == before, "a run that was given stays as it was"
            self.done += [action.name for action in moved.actions]
            self._take(moved.run, moved.ended)
            if not moved.actions:
                break

    def hear(self, signal: Signal) -> None:
        if self.run is not None and (moved := hear(self.journey, self.run, signal, self.facts)):
            assert not moved.actions
            self._take(moved.run, moved.ended)

    def _take(self, run: Run, ended: str) -> None:
        self.run, self.ended = (None, ended) if ended else (run, "")


def live(journey: Journey, orders: int, told: list[tuple[datetime, Signal]], every: timedelta) -> Life:
    """Live through all of it, with a tick whenever something is due and one every `every`."""
    life = Life(journey, orders)
    life.tick(START)
    now = START
    for at, signal in sorted(told, key=lambda one: one[0]):
        while now + every < at:
            now += every
            life.tick(now)
        now = max(now, at)
        life.hear(signal)
        life.tick(now)
    end = START + timedelta(days=2 * DAYS + 1)
    while now < end:
        now += every
        life.tick(now)
    return life


@given(journeys(), st.integers(0, 2), SIGNALS, st.lists(st.integers(0, 300), max_size=8), st.integers(1, 40))
def test_x5_every_run_ends_and_every_step_is_done_once_however_news_and_timers_come(
    journey: Journey, orders: int, signals: list[Signal], delays: list[int], hours: int
) -> None:
    delays = (delays + [0] * len(signals))[: len(signals)]
    told = [(max(START, moment(s.at) + timedelta(minutes=late)), s) for s, late in zip(signals, delays, strict=True)]
    repeated = [*told, *((at + timedelta(minutes=7), signal) for at, signal in told[::2])]
    life = live(journey, orders, repeated, timedelta(hours=hours))
    assert life.run is None
    assert life.ended
    restarts = sum(signal.name == "Cart Updated" for _, signal in repeated)
    # A restart begins anew only while nothing was done, so that even then no step is carried out a second time.
    acting = {step.id for step in journey.steps if step.acts}
    assert all(times == 1 for name, times in Counter(life.done).items() if name.partition("~")[0] in acting), restarts


@given(journeys(), st.integers(0, 2), st.integers(1, 12 * 60), st.integers(1, 40))
def test_a_goal_stops_everything_that_was_still_to_come(journey: Journey, orders: int, after: int, hours: int) -> None:
    goal = Signal("Order Completed", stamp(START + timedelta(minutes=after)), {})
    life = Life(journey, orders)
    life.tick(START)
    inside = life.run is not None
    life.tick(moment(goal.at))
    still_inside = life.run is not None
    done = list(life.done)
    life.hear(goal)
    within = journey.goal is not None and timedelta(minutes=after) <= journey.goal.within
    if inside and still_inside and within:
        assert life.ended == "goal"
    if life.ended == "goal":
        for late in range(1, DAYS):
            life.tick(START + timedelta(days=late))
        assert life.done == done


@given(journeys(), SIGNALS, st.permutations(range(8)))
def test_news_from_before_a_run_began_says_nothing_about_it(
    journey: Journey, signals: list[Signal], order: list[int]
) -> None:
    early = [s._replace(at=stamp(START - timedelta(hours=1))) for s in signals]
    life = Life(journey, 0)
    life.tick(START)
    before = life.run, life.ended
    for place in order:
        if place < len(early):
            life.hear(early[place])
    assert (life.run, life.ended) == before


@given(journeys(), st.integers(0, 2))
def test_a_wake_too_many_changes_nothing(journey: Journey, orders: int) -> None:
    life = Life(journey, orders)
    life.tick(START)
    if life.run is None:
        return
    again = advance(journey, life.run, START, life.facts)
    assert not again.actions
    assert again.ended or again.run == life.run


def test_a_holdout_goes_the_same_way_as_everybody() -> None:
    journey = Journey.model_validate(
        {"id": "held", "title": "Thử", "aim": "Thử", "trigger": {"event": "Cart Updated"}, "ends_after": "5d",
         "goal": {"event": "Order Completed", "within": "3d"},
         "steps": [{"id": "remind", "send": {"template": "cart_reminder"}}]}
    )  # fmt: skip
    run = enter(journey, "1", stamp(START), {}, holdout=True, customer_id="c")
    moved = advance(journey, run, START, lambda _: None)
    assert [action.name for action in moved.actions] == ["remind"]
    assert "due_at" not in moved.run
    reached = hear(journey, moved.run, Signal("Order Completed", stamp(START), {}), lambda _: None)
    assert reached is not None
    assert reached.ended == "goal"


def test_variants_share_the_people_by_their_weight() -> None:
    journey = Journey.model_validate(
        {"id": "ways", "title": "Thử", "aim": "Thử", "trigger": {"event": "Cart Updated"}, "ends_after": "5d",
         "variants": {"short": 3, "long_text": 1}, "steps": [{"id": "over", "end": "done"}]}
    )  # fmt: skip
    got = Counter(
        enter(journey, "1", stamp(START), {}, holdout=False, customer_id=f"c{n}")["variant"] for n in range(2000)
    )
    assert 0.70 < got["short"] / 2000 < 0.80

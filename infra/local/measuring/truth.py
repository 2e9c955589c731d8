"""The truth about the time machine's customers, which no model is told: why they buy, answer, and have enough (X6).

Purchases follow BG/NBD (Fader, Hardie and Lee 2005, Marketing Science 24(2)) in days: whoever lives buys on a day with
chance 1 - exp(-rate), at most once, and leaves for good after a repeat purchase with chance `drop_out`. Rates are gamma
and drop-out chances beta distributed. Amounts follow Gamma-Gamma (Fader and Hardie 2013): the mean of a customer is
inverse gamma, the orders around it gamma distributed. A message multiplies the rate for some days, see `Effects`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import exp, log
from random import Random
from typing import Literal, NamedTuple

Band = Literal["young", "middle", "older"]

# Gamma: shape, and purchases a day on average. Chosen so that 2 % of the customers buy a day over a quarter.
RATE_SHAPE, RATE_MEAN = 0.9, 0.027
# Beta: of leaving after a repeat purchase.
DROP_OUT = (0.7, 9.0)
# Gamma-Gamma: p, q, and the scale in VND; the mean is p * scale / (q - 1), 680,000 VND.
SPEND_P, SPEND_Q, SPEND_SCALE = 6.0, 4.0, 340_000.0
SMALLEST = 10_000

BANDS: dict[Band, int] = {"young": 0, "middle": 35, "older": 55}
# The chance that somebody of an age answers a message, by channel: the young where they chat, others by SMS and calls.
TASTES: dict[Band, dict[str, float]] = {
    "young": {"zalo": 0.40, "messenger": 0.35, "zns": 0.22, "web": 0.15, "email": 0.12, "sms": 0.05, "call": 0.06},
    "middle": {"zalo": 0.14, "messenger": 0.10, "zns": 0.14, "web": 0.08, "email": 0.12, "sms": 0.24, "call": 0.36},
    "older": {"zalo": 0.10, "messenger": 0.05, "zns": 0.10, "web": 0.03, "email": 0.06, "sms": 0.16, "call": 0.40},
}
# Everybody has an hour at which they like to look; two hours from it they answer less.
HOURS = {"young": (12, 19, 20), "middle": (9, 12, 17), "older": (8, 9, 16)}
NEAR_HOURS, FAR = 2, 0.5
# How many advertisements in so many days somebody likes, and what each one more adds to the chance to have enough.
LIKED_IN_DAYS, MOST_LIKED = 30, 3
STOPS, LOSES = 0.12, 0.04


class Order(NamedTuple):
    """An order of a customer, in VND."""

    day: date
    amount: int


@dataclass(frozen=True, slots=True)
class Effects:
    """What advertisements do: each adds this share to the purchase rate, from the day after it came.

    `by_journey` goes before `usual`. Effects of several journeys add up, a journey's own messages prolong each other.
    With 0 a journey changes no purchase in either way: whom it annoys unsubscribes and buys on.
    """

    usual: float = 0.4
    by_journey: Mapping[str, float] = field(default_factory=dict)
    days: int = 14

    def of(self, journey: str) -> float:
        return self.by_journey.get(journey, self.usual)


@dataclass(frozen=True, slots=True)
class Truth:
    """One customer's hidden nature.

    `rate`: purchases a day; `drop_out`: chance to leave after a repeat purchase, and `leaves_after` the one that it is;
    `spend`: mean VND of an order; `tastes`: chance to answer by channel, best at the local `hour`; `likes`:
    advertisements in 30 days that do not annoy.
    """

    band: Band
    rate: float
    drop_out: float
    leaves_after: int
    spend: float
    tastes: Mapping[str, float]
    hour: int
    likes: int

    def answers(self, channel: str, hour: int) -> float:
        """The chance to answer a message that comes on a channel at a local hour; 0 where they are never found."""
        family = "sms" if channel.startswith("sms") else channel
        return self.tastes.get(family, 0.0) * (1.0 if abs(hour - self.hour) <= NEAR_HOURS else FAR)

    def amount(self, random: Random) -> int:
        """What an order comes to, in VND, rounded to 1,000."""
        thousands = random.gammavariate(SPEND_P, self.spend / SPEND_P) / 1000
        return max(SMALLEST, round(thousands) * 1000)

    def chance(self, lift: float = 0.0) -> float:
        """The chance to buy on a day while alive, with the rate lifted by a share."""
        return 1 - exp(-self.rate * (1 + lift))

    def conversion(self, days: int, lift: float = 0.0) -> float:
        """The chance that somebody who lives buys within so many days."""
        return 1 - (1 - self.chance(lift)) ** days

    def expected(self, days: int, *, bought: bool, lift: float = 0.0) -> float:
        """Purchases to expect within so many days of somebody who lives; the very first one is no reason to leave."""
        q, p = self.chance(lift), self.drop_out
        if bought:
            return _repeats(q, p, days)
        return sum(q * (1 - q) ** day * (1 + _repeats(q, p, days - day - 1)) for day in range(days))


def _repeats(chance: float, drop_out: float, days: int) -> float:
    """A sum of `days` terms: on each day the chance to buy times that of being there still."""
    return (1 - (1 - chance * drop_out) ** days) / drop_out


def drawn(random: Random, age: int) -> Truth:
    """The nature of somebody of an age in years."""
    band = max((band for band in BANDS if age >= BANDS[band]), key=BANDS.__getitem__)
    drop_out = min(max(random.betavariate(*DROP_OUT), 1e-6), 1 - 1e-6)
    own = random.gammavariate(6, 1 / 6)  # some answer to everything, others to nothing
    return Truth(
        band=band,
        rate=random.gammavariate(RATE_SHAPE, RATE_MEAN / RATE_SHAPE),
        drop_out=drop_out,
        leaves_after=1 + int(log(1 - random.random()) / log(1 - drop_out)),
        spend=SPEND_P / random.gammavariate(SPEND_Q, 1 / SPEND_SCALE),
        tastes={name: min(0.95, chance * own) for name, chance in TASTES[band].items()},
        hour=random.choice(HOURS[band]),
        likes=random.randrange(MOST_LIKED + 1),
    )


class Treatment(NamedTuple):
    """The day on which a journey's first advertisement came to somebody, and how that found them."""

    day: date
    alive: bool
    bought: bool


@dataclass(slots=True)
class Life:
    """A customer's life so far.

    `p_alive` is the chance of being alive still, for whoever knows the truth, the orders and what was read; `lost_on`
    the day since when they are not. `treated` is by journey, `stopped` how often they had enough.
    """

    truth: Truth
    orders: list[Order] = field(default_factory=list)
    lost_on: date | None = None
    p_alive: float = 1.0
    treated: dict[str, Treatment] = field(default_factory=dict)
    stopped: int = 0
    _lifted: dict[str, tuple[date, float]] = field(default_factory=dict)
    _adverts: list[date] = field(default_factory=list)

    def lift(self, day: date) -> float:
        """The share that advertisements add to the rate on a day."""
        return sum(share for until, share in self._lifted.values() if day <= until)

    def shops(self, day: date, luck: float) -> bool:
        """Live through a day; whether they buy something, for a number drawn evenly from [0, 1)."""
        buys = self.truth.chance(self.lift(day) if self._lifted else 0.0)
        if luck < buys and self.lost_on is None:
            return True
        if self.p_alive < 1:
            silent = self.p_alive * (1 - buys)
            self.p_alive = silent / (silent + 1 - self.p_alive)
        return False

    def buys(self, order: Order) -> None:
        """Note an order; after a repeat purchase some never come back."""
        repeats = len(self.orders)
        self.orders.append(order)
        self.p_alive = 1 - self.truth.drop_out if repeats else 1.0
        if repeats >= self.truth.leaves_after:
            self.lost_on = order.day

    def reads(self, journey: str, day: date, effects: Effects, random: Random) -> bool:
        """Read an advertisement that came on a day; whether they have enough and unsubscribe."""
        share = effects.of(journey)
        self.treated.setdefault(journey, Treatment(day, alive=self.lost_on is None, bought=bool(self.orders)))
        if share:
            self._lifted[journey] = (day + timedelta(days=effects.days), share)
        self._adverts = [at for at in self._adverts if (day - at).days < LIKED_IN_DAYS] + [day]
        beyond = max(0, len(self._adverts) - self.truth.likes)
        stops, leaves = random.random() < STOPS * beyond, random.random() < LOSES * beyond
        if share:
            self.p_alive *= 1 - min(1.0, LOSES * beyond)
            if leaves and self.lost_on is None:
                self.lost_on = day
        self.stopped += stops
        return stops

    def expected(self, days: int) -> float:
        """Purchases within the next days, without any message, for whoever knows the truth and the orders."""
        return self.p_alive * self.truth.expected(days, bought=bool(self.orders))


class JourneyTruth(NamedTuple):
    """What a journey's advertisements truly do to those who read one, within `days` of the first one, taken alone and
    but for those whom they annoy.

    `planned` customers had an advertisement decided on and not held out, `treated` of them read one, `held_out`
    customers are the control group. Conversion is the chance to buy at all; revenue is VND per treated customer.
    """

    journey: str
    effect: float
    days: int
    planned: int
    treated: int
    held_out: int
    conversion_without: float
    conversion_with: float
    revenue_without: float
    revenue_with: float


def journey_truth(journey: str, effects: Effects, planned: int, held_out: int, lives: Iterable[Life]) -> JourneyTruth:
    """Both potential outcomes, each the mean over those of `lives` who read something, gone or not."""
    treated = [life for life in lives if journey in life.treated]
    share, days = effects.of(journey), effects.days
    without, treatment = _outcome(treated, journey, days, 0.0), _outcome(treated, journey, days, share)
    return JourneyTruth(
        journey, share, days, planned, len(treated), held_out, without[0], treatment[0], without[1], treatment[1]
    )


def _outcome(treated: list[Life], journey: str, days: int, lift: float) -> tuple[float, float]:
    """Mean conversion and revenue within so many days of treatment with such a lift."""
    conversion = revenue = 0.0
    for truth, treatment in ((life.truth, life.treated[journey]) for life in treated):
        if treatment.alive:
            conversion += truth.conversion(days, lift)
            revenue += truth.spend * truth.expected(days, bought=treatment.bought, lift=lift)
    return conversion / max(1, len(treated)), revenue / max(1, len(treated))

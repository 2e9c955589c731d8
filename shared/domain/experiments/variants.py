"""Which variant of a journey the next customer gets, from what is known of the variants by now (U8)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from shared.domain.experiments.bandit import Uniform, thompson
from shared.domain.experiments.sequential import Tally, decide

Choose = Literal["fixed", "winner", "thompson"]


@dataclass(frozen=True)
class Standing:
    """What is known of one version of a journey: people by variant, the hold-out left out, and the winner or ""."""

    tallies: Mapping[str, Tally] = field(default_factory=dict)
    winner: str = ""


def judged(before: Standing, tallies: Mapping[str, Tally]) -> Standing:
    """The standing with newer figures. A winner stays: the others get nobody any more, so nothing new is learned."""
    return Standing(tallies, before.winner or decide(tallies) or "")


def variant_for(who: str, weights: Mapping[str, int], choose: Choose, standing: Standing) -> str:
    """The variant for `who` (journey, person and run in one text): always the same one with the same standing."""
    if choose == "winner" and standing.winner in weights:
        return standing.winner
    if choose == "thompson":
        return thompson({name: standing.tallies.get(name, Tally(0, 0)) for name in weights}, _chance(who))
    place = int.from_bytes(hashlib.sha256(who.encode()).digest()[:4]) % sum(weights.values())
    for name in sorted(weights):
        place -= weights[name]
        if place < 0:
            return name
    raise AssertionError("weights add up")


def _chance(who: str) -> Uniform:
    numbers = count()

    def uniform() -> float:
        digest = hashlib.sha256(f"{who} {next(numbers)}".encode()).digest()
        return (int.from_bytes(digest[:6]) + 0.5) / 2**48

    return uniform

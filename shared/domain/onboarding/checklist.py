"""The first thirty days as a checklist: what is done when, by whom, and which check ticks it (N1, R27)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, PositiveInt, model_validator

from shared.domain.common.localized_text import Text
from shared.domain.common.strict_model import StrictModel

State = Literal["todo", "under_way", "done"]
Who = Literal["store_staff", "store_manager", "marketing", "care", "manager", "admin"]
Days = tuple[PositiveInt, PositiveInt]


class Layer(StrictModel):
    """One layer of the model: its days and what it is for."""

    days: Days
    title: Text
    aim: Text


class Item(StrictModel):
    """One line of the checklist. `rows` are the requirements it stands for. `check` finds its state, with what it is
    asked about in `of` and how much of it is enough in `goal`; `evidence` and `missing` are filled with its numbers."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,39}$")
    layer: PositiveInt
    days: Days
    rows: tuple[str, ...] = Field(min_length=1)
    title: Text
    check: str
    of: tuple[str, ...] = ()
    goal: PositiveInt = 1
    evidence: Text
    missing: Text
    who: tuple[Who, ...] = Field(min_length=1)


class Blueprint(StrictModel):
    """The layers by number, the words for states, people and sources, and the lines."""

    title: Text
    layers: dict[PositiveInt, Layer]
    states: dict[State, Text]
    people: dict[Who, Text]
    sources: dict[str, Text]
    items: tuple[Item, ...]

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        names = [item.id for item in self.items]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"items: {min(twice)} stands there twice")
        for item in self.items:
            layer = self.layers.get(item.layer)
            if layer is None:
                raise ValueError(f"items: {item.id} is in layer {item.layer}, which is none")
            if not layer.days[0] <= item.days[0] <= item.days[1] <= layer.days[1]:
                raise ValueError(f"items: {item.id} lies outside the days of its layer")
        return self


class Found(NamedTuple):
    """What a check found: how far it is, and the numbers that say so."""

    state: State
    numbers: Mapping[str, Any]


def reached(amount: int, goal: int) -> State:
    """How far something is of which `goal` is enough."""
    return "done" if amount >= goal else "under_way" if amount else "todo"

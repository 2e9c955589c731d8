"""Stored items are plain dicts described by a TypedDict; what the type checker needs help with stands here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

S = TypeVar("S", bound=Mapping[str, Any])


def without(item: S, *names: str) -> S:
    """A copy of an item without these fields."""
    return cast(S, {name: value for name, value in item.items() if name not in names})


def picked(item: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Of these fields of an item those that say something."""
    return {name: item[name] for name in names if item.get(name)}

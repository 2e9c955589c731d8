"""DynamoDB's JSON, of the client and of the stream: a serialiser for the types that items may hold."""

from __future__ import annotations

from typing import Any

from shared.ports import Item

Wire = dict[str, Any]


def to_wire(value: Any) -> Wire:
    """One value as DynamoDB's JSON writes it; TypeError for anything but str, int, bool, None, list and dict."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(int(value))}
    if value is None:
        return {"NULL": True}
    if isinstance(value, dict):
        return {"M": attributes(value)}
    if isinstance(value, list):
        return {"L": [to_wire(inner) for inner in value]}
    raise TypeError(f"{type(value).__name__} cannot be stored, only str, int, bool, None, list and dict")


def attributes(item: Item) -> Wire:
    """A map of attributes; TypeError names the one that cannot be stored."""
    wire = {}
    for name, value in item.items():
        if not isinstance(name, str):
            raise TypeError(f"an attribute name must be a string, not {type(name).__name__}")
        try:
            wire[name] = to_wire(value)
        except TypeError as error:
            raise TypeError(f"attribute {name!r}: {error}") from None
    return wire


def from_wire(wire: Wire) -> Any:
    """The value behind DynamoDB's JSON; ValueError for sets, bytes and fractions, which this project never writes."""
    ((kind, value),) = wire.items()
    if kind in ("S", "BOOL"):
        return value
    if kind == "N":
        return int(value)
    if kind == "NULL":
        return None
    if kind == "M":
        return {name: from_wire(inner) for name, inner in value.items()}
    if kind == "L":
        return [from_wire(inner) for inner in value]
    raise ValueError(f"an attribute of type {kind} is none of ours")


def item_of(wire: Wire) -> Item:
    """The item behind a map of attributes."""
    return {name: from_wire(value) for name, value in wire.items()}

"""DynamoDB's JSON, of the client and of the stream: a serialiser for the types that items may hold."""

from __future__ import annotations

from typing import Any

from shared.ports import Item

Wire = dict[str, Any]


def to_wire(value: Any) -> Wire:
    """One value as DynamoDB's JSON writes it; TypeError for anything but str, int, bool, None, list and dict."""
    # By the exact type first: every change of the table passes here, value by value.
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is int:
        return {"N": str(value)}
    if kind is bool:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, dict):
        return {"M": attributes(value)}
    if isinstance(value, list):
        return {"L": [to_wire(inner) for inner in value]}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int):
        return {"N": str(int(value))}
    raise TypeError(f"{kind.__name__} cannot be stored, only str, int, bool, None, list and dict")


def attributes(item: Item) -> Wire:
    """A map of attributes; TypeError names the one that cannot be stored."""
    wire = {}
    name: Any = None
    try:
        for name, value in item.items():
            wire[name] = {"S": value} if type(value) is str else to_wire(value)
    except TypeError as error:
        raise TypeError(f"attribute {name!r}: {error}") from None
    for name in wire:
        if not isinstance(name, str):
            raise TypeError(f"an attribute name must be a string, not {type(name).__name__}")
    return wire


def from_wire(wire: Wire) -> Any:
    """The value behind DynamoDB's JSON; ValueError for sets, bytes and fractions, which this project never writes."""
    ((kind, value),) = wire.items()
    if kind == "S" or kind == "BOOL":
        return value
    if kind == "N":
        return int(value)
    if kind == "M":
        return item_of(value)
    if kind == "L":
        return [from_wire(inner) for inner in value]
    if kind == "NULL":
        return None
    raise ValueError(f"an attribute of type {kind} is none of ours")


def item_of(wire: Wire) -> Item:
    """The item behind a map of attributes."""
    return {name: inner["S"] if "S" in inner else from_wire(inner) for name, inner in wire.items()}

"""Records of the table's stream as Lambda brings them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from shared.adapters.dynamo_wire import item_of
from shared.ports import Item


def item_in(record: Mapping[str, Any], image: str, only: Collection[str] = ()) -> Item | None:
    """The item of a record's OldImage or NewImage, or `only` some of its attributes; None where there is no image."""
    wire = record.get(image)
    if wire is None:
        return None
    return item_of({name: wire[name] for name in only if name in wire} if only else wire)

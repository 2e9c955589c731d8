"""Records of the table's stream as Lambda brings them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.dynamo_wire import item_of
from shared.ports import Item


def item_in(record: Mapping[str, Any], image: str) -> Item | None:
    """The item of a record's Keys, OldImage or NewImage; None where the record has none."""
    wire = record.get(image)
    return item_of(wire) if wire else None

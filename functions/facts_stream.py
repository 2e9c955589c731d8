"""Door: changes of the table become counters, and facts of the lake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.domain.vietnam_time import stamp
from shared.ports import Key
from shared.repositories.item_facts import Change, needs_old
from shared.runtime import wiring
from shared.runtime.factories.facts import stream_reader
from shared.runtime.logs import logger
from shared.runtime.stream import item_in


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    wiring.keep_time(context)
    changes = [_change(record["dynamodb"]) for record in event.get("Records", ())]
    done = stream_reader(wiring.outside().clock()).apply(event["shardId"], changes)
    if done.failed:
        logger.error("changes that cannot be read", failed=done.failed)
    # A tumbling window hands its state from batch to batch; ours stands in the table.
    return {"state": {}, "batchItemFailures": []}


def _change(record: dict[str, Any]) -> Change:
    """A record of the stream; moments come in seconds since 1970. Of most items only the new state is wanted."""
    at = stamp(datetime.fromtimestamp(record["ApproximateCreationDateTime"], UTC))
    keys = record["Keys"]
    key = Key(keys["pk"]["S"], keys["sk"]["S"])
    old = item_in(record, "OldImage", () if needs_old(key) else ("version",))
    return Change(key, old, item_in(record, "NewImage"), at, record["SequenceNumber"])

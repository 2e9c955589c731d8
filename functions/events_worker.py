"""Door: customer events from the queue become profiles, orders, carts and a timeline."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from shared.domain.event import Event
from shared.domain.vietnam_time import stamp
from shared.runtime import settings, wiring
from shared.runtime.observability import logger
from shared.runtime.ruling import event_taker

SETTINGS = (settings.STAGE, settings.TABLE, settings.EVENTS_DLQ, settings.IDENTITY)


class Message(BaseModel):
    """One queue message: the events of one call of the tracking protocol, or a part of them."""

    events: list[Event]


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Take all records of a batch in together; answers with the messages that have to come again.

    What can never be taken in goes to the dead-letter queue at once, alone and with its reason; its message is done.
    """
    owner: dict[str, str] = {}
    events: list[Event] = []
    poison: list[dict[str, Any]] = []
    for record in event["Records"]:
        try:
            message = Message.model_validate_json(record["body"])
        except ValidationError as error:
            poison.append({"body": record["body"], "reason": f"not a message of this queue: {_first(error)}"})
            continue
        for one in message.events:
            owner[one.id] = record["messageId"]
            events.append(one)
    outside = wiring.outside()
    now = outside.clock()
    outcome = event_taker(now).take(events)
    poison += [{"event": p.event.model_dump(mode="json"), "reason": p.reason} for p in outcome.poison]
    if poison:
        about = {"door": "events_worker", "failed_at": stamp(now)}
        outside.events_dlq.send([json.dumps({**about, **entry}, ensure_ascii=False) for entry in poison])
        logger.error("events went to the dead-letter queue", count=len(poison))
    again = sorted({owner[one.id] for one in outcome.retry})
    if again:
        logger.warning("messages will come again", count=len(again))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _first(error: ValidationError) -> str:
    """Where it is wrong and why, without the value: that may be personal."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()

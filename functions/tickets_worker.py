"""Door: what customers said on their channels, from the queue, becomes tickets."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from shared.domain.errors import Busy, KhachQuenError
from shared.domain.tickets.ticket import CustomerMessage
from shared.domain.vietnam_time import stamp
from shared.runtime import settings, wiring
from shared.runtime.factories.tickets import tickets
from shared.runtime.logs import logger
from shared.use_cases.tickets.receive_message import receive

SETTINGS = (
    settings.STAGE,
    settings.TABLE,
    settings.TICKETS_DLQ,
    settings.IDENTITY,
    settings.MESSAGES,
    settings.PUBLIC,
    settings.SECOND_OPINION,
)


class Message(BaseModel):
    """One queue message: something that was said."""

    said: CustomerMessage


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Take every record in by itself; answers with those that have to come again.

    What can never be taken in goes to the dead-letter queue at once, alone and with its reason.
    """
    outside = wiring.outside()
    now = outside.clock()
    again: list[str] = []
    poison: list[dict[str, Any]] = []
    for record in event["Records"]:
        try:
            receive(tickets(now), Message.model_validate_json(record["body"]).said)
        except ValidationError as error:
            poison.append({"body": record["body"], "reason": f"not a message of this queue: {_first(error)}"})
        except Busy:
            again.append(record["messageId"])
        except (KhachQuenError, ValueError, LookupError, TypeError) as error:
            poison.append({"body": record["body"], "reason": f"{type(error).__name__}: {error}"})
    if poison:
        about = {"door": "tickets_worker", "failed_at": stamp(now)}
        outside.tickets_dlq.send([json.dumps({**about, **entry}, ensure_ascii=False) for entry in poison])
        logger.error("messages went to the dead-letter queue", count=len(poison))
    if again:
        logger.warning("messages will come again", count=len(again))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _first(error: ValidationError) -> str:
    """Where it is wrong and why, without the value: that may be personal."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()

"""Door: customer events from the queue become profiles, orders, carts and a timeline."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from shared.domain.errors import Busy, Conflict, KhachQuenError
from shared.domain.events.event import Event
from shared.domain.inbox.provider_event import Incoming
from shared.domain.vietnam_time import stamp
from shared.repositories.messages import enqueue
from shared.runtime import settings, wiring
from shared.runtime.factories.journeys import event_ingestion
from shared.runtime.logs import logger
from shared.runtime.playbook.triage import triager
from shared.use_cases.events.ingest_events import EventIngestion
from shared.use_cases.inbox.ingest_provider_events import IncomingTaker, Taken

SETTINGS = (
    settings.STAGE,
    settings.TABLE,
    settings.EVENTS_DLQ,
    settings.IDENTITY,
    settings.MESSAGES,
    settings.TICKETS,
    settings.PUBLIC,
)


class Message(BaseModel):
    """One queue message: the events of one call of the tracking protocol, or what a provider's callback told."""

    events: list[Event] = []
    incoming: list[Incoming] = []


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Take all records of a batch in together; answers with the messages that have to come again.

    What can never be taken in goes to the dead-letter queue at once, alone and with its reason; its message is done.
    """
    owner: dict[str, str] = {}
    events: list[Event] = []
    news: list[tuple[str, Incoming]] = []
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
        news += [(record["messageId"], one) for one in message.incoming]
    outside = wiring.outside()
    now = outside.clock()
    ingestion = event_ingestion(now)
    result = ingestion.ingest(events)
    for purpose in {purpose for purpose, _ in result.planned}:
        enqueue(outside.messages[purpose], [message_id for wanted, message_id in result.planned if wanted == purpose])
    late = _take_news(ingestion, news, poison, outside)
    poison += [{"event": p.event.model_dump(mode="json"), "reason": p.reason} for p in result.poison]
    if poison:
        about = {"door": "events_worker", "failed_at": stamp(now)}
        outside.events_dlq.send([json.dumps({**about, **entry}, ensure_ascii=False) for entry in poison])
        logger.error("events went to the dead-letter queue", count=len(poison))
    again = sorted({owner[one.id] for one in result.retry} | late)
    if again:
        logger.warning("messages will come again", count=len(again))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _take_news(
    ingestion: EventIngestion, news: list[tuple[str, Incoming]], poison: list[dict[str, Any]], outside: Any
) -> set[str]:
    """Take provider news in and hand on what was said; answers with the queue messages that have to come again.

    News that can never be taken in joins `poison`, so that it holds up none of its neighbours. Whoever dies before
    handing on is given the news again, and hands it on then; tickets know what they have heard.
    """
    late = set()
    todo: list[Taken] = []
    for message_id, one in news:
        try:
            todo.append(IncomingTaker(ingestion, lambda text: triager().read(text)).take(one))
        except (Busy, Conflict):
            late.add(message_id)
        except (KhachQuenError, ValueError, LookupError, TypeError) as error:
            body = json.dumps({"incoming": [one.model_dump(mode="json")]}, ensure_ascii=False)
            poison.append({"body": body, "reason": f"{type(error).__name__}: {error}"})
    if words := [{"said": one.said.model_dump(mode="json")} for one in todo if one.said]:
        outside.tickets.send([json.dumps(word, ensure_ascii=False) for word in words])
    if comments := [json.dumps({"comment": one.comment}) for one in todo if one.comment]:
        outside.messages["transactional"].send(comments)
    if answers := [one.message_id for one in todo if one.message_id]:
        enqueue(outside.messages["transactional"], answers)
    return late


def _first(error: ValidationError) -> str:
    """Where it is wrong and why, without the value: that may be personal."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()

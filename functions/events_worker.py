"""Door: customer events from the queue become profiles, orders, carts and a timeline."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import aws_lambda_powertools.utilities.batch  # noqa: F401 - before pydantic, see runtime/batch.py
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel

from shared.domain.errors import Busy, Conflict
from shared.domain.events.event import Event
from shared.domain.inbox.provider_event import Incoming
from shared.repositories.messages import enqueue
from shared.runtime import wiring
from shared.runtime.batch import UNPROCESSABLE, SqsBatch, Worked, parsed
from shared.runtime.factories.journeys import event_ingestion
from shared.runtime.playbook.triage import triager
from shared.use_cases.events.ingest_events import EventIngestion
from shared.use_cases.inbox.ingest_provider_events import IncomingTaker, Taken


class EventsRecord(BaseModel):
    """A queue message: the events of one call of the tracking protocol, or what a provider's callback reported."""

    events: list[Event] = []
    incoming: list[Incoming] = []


def handler(event: dict[str, Any], context: Any) -> Any:
    """Ingest all records of a batch together, grouped by customer; answers with those that come again."""
    batch = SqsBatch("events_worker", wiring.outside().events_dlq)
    return batch.run(event, context, _read, partial(_ingest, batch))


def _read(record: SQSRecord) -> EventsRecord:
    return parsed(EventsRecord, record.body)


def _ingest(batch: SqsBatch, messages: list[Worked[EventsRecord]]) -> set[str]:
    """Ingest events first, then what providers reported; returns the messages that come again."""
    # By object: a sender may have given two events one id.
    owner = {id(event): message_id for message_id, message in messages for event in message.events}
    outside = wiring.outside()
    ingestion = event_ingestion(outside.clock())
    result = ingestion.ingest([event for _, message in messages for event in message.events])
    for purpose in {purpose for purpose, _ in result.planned}:
        enqueue(outside.messages[purpose], [message_id for wanted, message_id in result.planned if wanted == purpose])
    late = _ingest_reports(batch, ingestion, [(of, one) for of, message in messages for one in message.incoming])
    for poison in result.poison:
        batch.poison({"event": poison.event.model_dump(mode="json")}, poison.reason)
    return {owner[id(event)] for event in result.retry} | late


def _ingest_reports(batch: SqsBatch, ingestion: EventIngestion, reports: list[tuple[str, Incoming]]) -> set[str]:
    """Ingest what providers reported and pass on what customers said; returns the messages that come again.

    Each report fails by itself. A worker that died before it passed something on gets the report again and passes it
    on then; tickets know which messages they have received.
    """
    outside = wiring.outside()
    late = set()
    todo: list[Taken] = []
    for message_id, one in reports:
        try:
            todo.append(IncomingTaker(ingestion, lambda text: triager().read(text)).take(one))
        except (Busy, Conflict):
            late.add(message_id)
        except UNPROCESSABLE as error:
            body = json.dumps({"incoming": [one.model_dump(mode="json")]}, ensure_ascii=False)
            batch.poison({"body": body}, f"{type(error).__name__}: {error}", error)
    if words := [{"said": one.said.model_dump(mode="json")} for one in todo if one.said]:
        outside.tickets.send([json.dumps(word, ensure_ascii=False) for word in words])
    if comments := [json.dumps({"comment": one.comment}) for one in todo if one.comment]:
        outside.messages["transactional"].send(comments)
    if answers := [one.message_id for one in todo if one.message_id]:
        enqueue(outside.messages["transactional"], answers)
    return late

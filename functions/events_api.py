"""Door: the Segment HTTP tracking protocol. Validates, enqueues, answers; existing SDKs only change the host."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import Reader
from shared.domain.errors import FieldError, Invalid, TooLarge
from shared.domain.events.event import Event
from shared.domain.events.segment_protocol import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_CALL_BYTES, TYPES, translate
from shared.runtime import wiring
from shared.runtime.http import HttpDoor, answer
from shared.runtime.playbook.rules import rules

# A queue message is billed per 64 KB, and takes 256 KB at most; a worker should not hold too many events at once.
MESSAGE_BYTES = 192 * 1024
MESSAGE_EVENTS = 100

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

handler = HttpDoor(max_body=MAX_BATCH_BYTES)


@handler.routes.post("/v1/batch")
def batch() -> Response[str]:
    body = handler.json()
    if not isinstance(body, dict) or not isinstance(body.get("batch"), list):
        raise Invalid([FieldError("batch", "must be a list of messages")])
    read = Reader("")
    read.only(body, ("batch", "context", "integrations", "sentAt", "writeKey", "messageId", "timestamp"))
    errors = read.errors
    messages, context = body["batch"], {} if body.get("context") is None else body["context"]
    if not messages or len(messages) > MAX_BATCH_EVENTS:
        errors.append(FieldError("batch", f"must have 1 to {MAX_BATCH_EVENTS} messages"))
    if not isinstance(context, dict):
        errors.append(FieldError("context", "must be an object"))
    elif _size(context) > MAX_CALL_BYTES:
        # It becomes part of every message.
        errors.append(FieldError("context", f"may have at most {MAX_CALL_BYTES // 1024} KB"))
    if errors:
        raise Invalid(errors)
    events = []
    for number, message in enumerate(messages):
        prefix = f"batch[{number}]."
        if _size(message) > MAX_CALL_BYTES:
            errors.append(FieldError(prefix[:-1], f"may have at most {MAX_CALL_BYTES // 1024} KB"))
            continue
        try:
            events.append(_read(message, None, body.get("sentAt"), prefix, context))
        except Invalid as error:
            errors += error.errors
    if errors:
        # All or nothing: a batch that was half stored could not be sent again safely by who cannot tell which half.
        raise Invalid(errors)
    _enqueue(events)
    return answer({"success": True})


def _single(kind: str) -> None:
    @handler.routes.post(f"/v1/{kind}")
    def call() -> Response[str]:
        message = handler.json(MAX_CALL_BYTES)
        sent_at = message.get("sentAt") if isinstance(message, dict) else None
        _enqueue([_read(message, kind, sent_at, "", {})])
        return answer({"success": True})


for _kind in TYPES:
    _single(_kind)


def _size(part: Any) -> int:
    """Bytes of a part of a call as it would stand alone, without the spaces a sender may have put in."""
    return len(_compact(part).encode())


def _read(message: Any, kind: str | None, sent_at: Any, prefix: str, context: dict[str, Any]) -> Event:
    outside = wiring.outside()
    return translate(
        message,
        kind=kind,
        received_at=outside.clock(),
        sent_at=sent_at,
        new_id=outside.new_id,
        rules=rules(),
        prefix=prefix,
        common_context=context,
    )


def _enqueue(events: list[Event]) -> None:
    """Pack events into as few queue messages as their limits allow."""
    bodies: list[list[str]] = []
    pack: list[str] = []
    size = 0
    for event in events:
        text = event.model_dump_json(exclude_defaults=True)
        length = len(text.encode())
        if length > MESSAGE_BYTES:
            raise TooLarge("an event grew too large when it was normalised")
        if pack and (size + length > MESSAGE_BYTES or len(pack) == MESSAGE_EVENTS):
            bodies.append(pack)
            pack, size = [], 0
        pack.append(text)
        size += length + 1
    bodies.append(pack)
    wiring.outside().events.send(['{"events":[' + ",".join(pack) + "]}" for pack in bodies])

"""Door: the Segment HTTP tracking protocol. Validates, enqueues, answers; existing SDKs only change the host.

Servers send with their write key and are believed. A page of a shop sends with a browser key, which every visitor of
the page can read: see `shared/domain/events/sender.py` for what it may say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import Reader
from shared.domain.errors import FieldError, Invalid, TooLarge
from shared.domain.events.event import Event
from shared.domain.events.segment_protocol import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_CALL_BYTES, translate
from shared.domain.events.sender import BROWSER_EVENTS, Sender
from shared.domain.vietnam_time import stamp
from shared.repositories.api_keys import proves, server_keys
from shared.repositories.cached import cached
from shared.runtime import wiring
from shared.runtime.auth import TRACKING
from shared.runtime.batch import DeadLetter
from shared.runtime.http import HttpDoor, answer
from shared.runtime.logs import logger
from shared.runtime.playbook.rules import rules

# A queue message is billed per 64 KB, and takes 256 KB at most; a worker should not hold too many events at once.
MESSAGE_BYTES = 192 * 1024
MESSAGE_EVENTS = 100
# Messages of browsers that one process sets aside a minute: anybody can send wrong ones.
BROWSER_LETTERS_A_MINUTE = 20

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

handler = HttpDoor(max_body=MAX_BATCH_BYTES)


@dataclass(frozen=True)
class Rejected:
    """A message of a call that is not taken: its place, the first wrong field and why, and the message itself."""

    index: int
    error: FieldError
    message: Any


def _batch() -> Response[str]:
    body = handler.json()
    if not isinstance(body, dict) or not isinstance(body.get("batch"), list):
        raise Invalid([FieldError("batch", "must be a list of messages")])
    read = Reader()
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
    return _take(messages, None, body.get("sentAt"), context)


def _single(kind: str) -> Response[str]:
    message = handler.json(MAX_CALL_BYTES)
    sent_at = message.get("sentAt") if isinstance(message, dict) else None
    if _sender().browser:
        return _take([message], kind, sent_at, {})
    # A server's single call is read by the program that made it, so it is refused as any call is.
    _enqueue([_read(message, kind, sent_at, {})])
    return answer({"success": True})


def _route(path: str, kind: str) -> None:
    @handler.routes.post(path)
    def call() -> Response[str]:
        return _batch() if kind == "batch" else _single(kind)


for _name, _kind in TRACKING.items():
    _route(f"/v1/{_name}", _kind)


def _take(messages: list[Any], kind: str | None, sent_at: Any, context: dict[str, Any]) -> Response[str]:
    """Take the good messages and set the bad ones aside with their reason: SDKs send a refused call never again."""
    events, rejected = [], []
    sender = _sender()
    for number, message in enumerate(messages):
        if _size(message) > MAX_CALL_BYTES:
            error = FieldError("message", f"may have at most {MAX_CALL_BYTES // 1024} KB")
        elif sender.browser and number >= BROWSER_EVENTS:
            error = FieldError("message", f"is not taken: a browser may send {BROWSER_EVENTS} in one call")
        else:
            try:
                events.append(_read(message, kind, sent_at, context))
                continue
            except Invalid as invalid:
                error = invalid.errors[0]
        rejected.append(Rejected(number, error, message))
    if events:
        _enqueue(events)
    if not rejected:
        return answer({"success": True})
    _set_aside(rejected)
    return answer({"success": True, "rejected": [{"index": one.index, **one.error._asdict()} for one in rejected]})


def _set_aside(rejected: list[Rejected]) -> None:
    """Keep rejected messages in the dead-letter queue, each with its reason, for the engineer who mends the sender."""
    outside, sender = wiring.outside(), _sender()
    now = stamp(outside.clock())
    if sender.browser:
        kept = outside.memory.browser_letters
        minute = now[:16]
        room = BROWSER_LETTERS_A_MINUTE - kept[minute]
        kept[minute] += len(rejected)
        for past in [one for one in kept if one < minute]:
            del kept[past]
        logger.warning("messages of a browser were rejected", count=len(rejected), key=sender.key)
        rejected = rejected[: max(0, room)]
    letters = [
        DeadLetter(
            door="events_api",
            failed_at=now,
            request_id=handler.event["requestContext"]["requestId"],
            reason=f"rejected: {one.error.field} {one.error.reason}",
            key=sender.key,
            rejected=one.message,
        )
        for one in rejected
    ]
    for letter in letters:
        text = json.dumps(letter, ensure_ascii=False)
        if len(text.encode()) > MESSAGE_BYTES:
            letter["rejected"] = f"{text[:MAX_CALL_BYTES]}… cut"
    if letters:
        outside.events_dlq.send([json.dumps(letter, ensure_ascii=False) for letter in letters])


def _size(part: Any) -> int:
    """Bytes of a part of a call as it would stand alone, without the spaces a sender may have put in."""
    return len(_compact(part).encode())


def _sender() -> Sender:
    caller = handler.caller
    assert caller is not None  # every route of this door takes a key
    return Sender(caller.id, caller.kind == "browser", caller.system, caller.stores, _proves)


def _proves(user_id: str, user_hash: str) -> bool:
    outside = wiring.outside()

    def in_use() -> Sequence[bytes]:
        return server_keys(outside.table, outside.identity_key, outside.clock())

    return proves(user_id, user_hash, cached(outside.memory.server_keys, "all", in_use))


def _read(message: Any, kind: str | None, sent_at: Any, context: dict[str, Any]) -> Event:
    outside = wiring.outside()
    return translate(
        message,
        kind=kind,
        received_at=outside.clock(),
        sent_at=sent_at,
        new_id=outside.new_id,
        rules=rules(),
        sender=_sender(),
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

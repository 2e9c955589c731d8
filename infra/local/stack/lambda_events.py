"""The shapes AWS speaks to a door in: HTTP API payload 2.0, SQS batches, Lambda's context, and what a door answers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote

from shared.adapters.dynamo_wire import attributes
from shared.adapters.local.sqlite_table import StreamRecord

REGION = "ap-southeast-1"
ACCOUNT = "000000000000"

# API Gateway hands only these on as text; everything else is base64, a missing content type and form data included.
_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})


class Answer(NamedTuple):
    """An HTTP response: status, headers with lower-case names, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Received(Protocol):
    """A message as a queue hands it out."""

    @property
    def id(self) -> str: ...
    @property
    def receipt(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def receives(self) -> int: ...
    @property
    def first_sent(self) -> datetime: ...


@dataclass
class Context:
    """What Lambda passes beside the event, as far as Powertools and a door that watches its time use it."""

    function_name: str
    memory_limit_in_mb: int
    timeout_seconds: int
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    _started: float = field(default_factory=time.monotonic)

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.timeout_seconds - (time.monotonic() - self._started)) * 1000))


def http_event(
    route: str,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    path_parameters: Mapping[str, str],
    now: datetime,
    *,
    always_base64: bool,
) -> dict[str, Any]:
    """One HTTP request as API Gateway's payload format 2.0: headers lower-cased, path decoded, query also raw."""
    lowered = {name.lower(): value for name, value in headers.items()}
    cookies = lowered.pop("cookie", None)
    decoded_path = unquote(path)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": decoded_path,
        "rawQueryString": query,
        "headers": lowered,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": lowered.get("host", "localhost"),
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": decoded_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": lowered.get("user-agent", ""),
            },
            "requestId": uuid.uuid4().hex,
            "routeKey": route,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": _epoch_ms(now),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if query:
        parameters: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
        event["queryStringParameters"] = parameters
    if path_parameters:
        event["pathParameters"] = dict(path_parameters)
    if body:
        text = None if always_base64 else _as_text(body, lowered)
        event["isBase64Encoded"] = text is None
        event["body"] = base64.b64encode(body).decode() if text is None else text
    return event


def _as_text(body: bytes, headers: Mapping[str, str]) -> str | None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "content-encoding" in headers or not (kind in _TEXT_TYPES or kind.startswith("text/")):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def http_answer(result: Any) -> Answer:
    """A door's return value as an HTTP response; raises ValueError where API Gateway would answer 500."""
    if not isinstance(result, dict) or "statusCode" not in result:
        # Payload format 2.0: whatever has no status code is itself the JSON body of a 200.
        return Answer(200, {"content-type": "application/json"}, json.dumps(result).encode())
    headers = {name.lower(): str(value) for name, value in (result.get("headers") or {}).items()}
    body = result.get("body") or ""
    if not isinstance(body, str):
        raise ValueError("the body of a door's answer is not a string")
    try:
        content = base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else body.encode()
    except binascii.Error as error:
        raise ValueError("the body of a door's answer is not base64") from error
    return Answer(int(result["statusCode"]), headers, content)


def problem(status: int, title: str, detail: str) -> Answer:
    """An RFC 9457 problem document, for what is refused before a door is reached."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Answer(status, {"content-type": "application/problem+json"}, json.dumps(document).encode())


def sqs_event(queue: str, messages: Sequence[Received]) -> dict[str, Any]:
    """A batch of messages as Lambda's event source mapping hands it to a door."""
    arn = queue_arn(queue)
    return {
        "Records": [
            {
                "messageId": message.id,
                "receiptHandle": message.receipt,
                "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": str(message.receives),
                    "SentTimestamp": (sent := str(_epoch_ms(message.first_sent))),
                    "SenderId": ACCOUNT,
                    "ApproximateFirstReceiveTimestamp": sent,
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": REGION,
            }
            for message in messages
        ]
    }


def stream_event(shard: str, records: Sequence[StreamRecord]) -> dict[str, Any]:
    """Changes of the table as Lambda hands them to a door in a tumbling window, which names the shard."""
    return {
        "Records": [
            {
                "eventID": f"{shard}-{record.seq}",
                "eventName": "INSERT" if record.old is None else "REMOVE" if record.new is None else "MODIFY",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": REGION,
                "dynamodb": {
                    "ApproximateCreationDateTime": record.at,
                    "Keys": attributes({"pk": record.key.pk, "sk": record.key.sk}),
                    **({} if record.new is None else {"NewImage": attributes(record.new)}),
                    **({} if record.old is None else {"OldImage": attributes(record.old)}),
                    "SequenceNumber": str(record.seq),
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
                "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/local/stream/1",
            }
            for record in records
        ],
        "shardId": shard,
        "state": {},
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
    }


def failed_messages(result: Any, sent: set[str]) -> set[str]:
    """The ids a worker reports as failed; as on AWS an answer that cannot be understood fails the whole batch."""
    if not result:
        return set()
    try:
        ids = {failure["itemIdentifier"] for failure in result.get("batchItemFailures") or ()}
    except (AttributeError, TypeError, KeyError):
        return sent
    return ids if ids <= sent else sent


def queue_arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:local-{queue}"


def tick_event(job: str, at: datetime) -> dict[str, str]:
    """The input of a schedule: what to do and the moment it was meant for, which a late tick keeps."""
    return {"job": job, "time": at.isoformat(timespec="seconds").replace("+00:00", "Z")}


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

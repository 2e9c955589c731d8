"""HTTP requests and responses: bodies within limits, errors as RFC 9457 problem details, the one table of statuses."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from shared.domain.errors import (
    Busy,
    Conflict,
    ExpiredCode,
    FieldError,
    Forbidden,
    Invalid,
    KhachQuenError,
    NotFound,
    Refused,
    TooLarge,
    Unauthenticated,
    UnknownCode,
    Unreadable,
)
from shared.repositories.api_keys import Caller
from shared.runtime import wiring
from shared.runtime.auth import authenticate, challenge
from shared.runtime.cors import cross_origin, preflight
from shared.runtime.logs import log_failure, logger
from shared.runtime.query_parameters import check_query

STATUS: dict[type[KhachQuenError], tuple[int, str]] = {
    Unreadable: (400, "Bad request"),
    Invalid: (400, "Validation failed"),
    Unauthenticated: (401, "Authentication required"),
    Forbidden: (403, "Forbidden"),
    NotFound: (404, "Not found"),
    UnknownCode: (404, "Not found"),
    Conflict: (409, "Conflict"),
    Refused: (409, "Conflict"),
    ExpiredCode: (410, "Gone"),
    TooLarge: (413, "Content too large"),
    Busy: (503, "Service unavailable"),
}
MAX_BODY_BYTES = 64 * 1024
DEFAULT_LIMIT, MAX_LIMIT = 50, 200
MAX_ERRORS = 100
# Longer than any id of this project, and within the length of a table key.
MAX_PARAMETER = 256
MAX_NEXT = 1024
MAX_FIELDS = 20
# Products in an order in a call are five levels; what is deeper is built to break a parser.
MAX_DEPTH = 32
# A word of the language, and not the name of a field, a door or a code.
_WORD = re.compile(r"[^\W\d_]+(?![\w.:/-])")
# JSON can encode what is no text: NUL, which ends a string in many programs, and halves of surrogate pairs.
_ESCAPED_NO_TEXT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def problem(error: KhachQuenError) -> Response[str]:
    """An error as a problem document."""
    status, title = STATUS[type(error)]
    body: dict[str, Any] = {
        "type": f"urn:khach-quen:{type(error).__name__.lower()}",
        "title": title,
        "status": status,
        "detail": _sentence(error.detail if isinstance(error, Invalid) else str(error)),
    }
    if isinstance(error, Invalid):
        # A batch can hold more mistakes than an answer may have bytes.
        body["errors"] = [field._asdict() for field in error.errors[:MAX_ERRORS]]
        if len(error.errors) > MAX_ERRORS:
            body["detail"] += f" {len(error.errors)} fields are wrong; the first {MAX_ERRORS} are named."
    if isinstance(error, Refused):
        body["errors"] = [FieldError("code", error.reason)._asdict()]
    headers = {"Retry-After": "1"} if status == 503 else {}
    return Response(status, "application/problem+json", json.dumps(body, ensure_ascii=False), headers=headers)


def _sentence(text: str) -> str:
    """An error's words as one sentence: a capital first letter, unless it begins with a name, and a full stop."""
    if _WORD.match(text):
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def answer(body: Any, status: int = 200) -> Response[str]:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(status, "application/json; charset=utf-8", text)


class HttpDoor:
    """A door behind the HTTP API: authenticates every call, then dispatches it to its route."""

    def __init__(
        self, max_body: int = MAX_BODY_BYTES, refusal: Callable[[KhachQuenError], Response[str]] | None = None
    ) -> None:
        """`refusal` makes the response to an error, where that is no problem document."""
        self.max_body = max_body
        self.refusal = refusal or problem
        self.routes = APIGatewayHttpResolver()
        self.routes.exception_handler(list(STATUS))(self.refusal)
        self.routes.not_found(lambda _: self.refusal(NotFound("there is no such address")))

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The Lambda entry point."""
        wiring.keep_time(context)
        logger.append_keys(request_id=event["requestContext"]["requestId"], route=event["routeKey"])
        origin = header(event, "origin")
        answered = (
            _preflight(event, origin) if event["routeKey"].startswith("OPTIONS ") else self._answer(event, context)
        )
        answered["headers"] |= cross_origin(event["routeKey"], origin)
        return answered

    def _answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            self.caller = authenticate(
                event["routeKey"],
                header(event, "authorization"),
                header(event, "origin"),
                lambda: _key_in_body(event, self.max_body),
                wiring.outside(),
            )
            if any(len(value) > MAX_PARAMETER for value in (event.get("pathParameters") or {}).values()):
                raise NotFound("there is no such address")
            check_query(event["routeKey"], event.get("queryStringParameters") or {})
            answered: dict[str, Any] = self.routes.resolve(event, context)
        except KhachQuenError as error:
            answered = _as_result(self.refusal(error))
            if isinstance(error, Unauthenticated):
                answered["headers"]["WWW-Authenticate"] = challenge(event["routeKey"])
        except Exception as error:  # noqa: BLE001 - the last resort: logged with its place, answered without internals
            log_failure("unexpected failure", error)
            answered = _as_result(_unexpected())
        return answered

    caller: Caller | None = None

    @property
    def event(self) -> dict[str, Any]:
        """The API Gateway event of the call being answered."""
        return self.routes.current_event.raw_event

    def json(self, limit: int | None = None) -> Any:
        return read_json(self.event, limit or self.max_body)

    def form(self) -> dict[str, str]:
        """The fields of an HTML form, the first of each; none in a body of another kind. Raises TooLarge."""
        return read_form(self.event, self.max_body)

    def page(self) -> tuple[int, str | None]:
        """`limit` and the opaque `next` of a list call; raises Invalid."""
        query = self.event.get("queryStringParameters") or {}
        raw = query.get("limit", str(DEFAULT_LIMIT))
        if not re.fullmatch("[0-9]{1,4}", raw) or not 1 <= int(raw) <= MAX_LIMIT:
            raise Invalid([FieldError("limit", f"must be a number from 1 to {MAX_LIMIT}")])
        token = query.get("next")
        if not token:
            return int(raw), None
        try:
            after = base64.urlsafe_b64decode(token.encode()).decode()
        except (binascii.Error, UnicodeDecodeError):
            after = ""
        if not 0 < len(after.encode()) <= MAX_NEXT:
            raise Invalid([FieldError("next", "is not a `next` of this list")])
        return int(raw), after


def listing(items: list[Any], after: str | None, **more: Any) -> Response[str]:
    token = base64.urlsafe_b64encode(after.encode()).decode() if after else None
    return answer({"items": items, "next": token, **more})


def header(event: dict[str, Any], name: str) -> str:
    """A header whatever its case; "" when absent."""
    for key, value in (event.get("headers") or {}).items():
        if key.lower() == name:
            return str(value)
    return ""


def _key_in_body(event: dict[str, Any], limit: int) -> str:
    """The write key as Segment's Node SDK sends it, in the body; "" where there is none to be read."""
    try:
        body = read_json(event, limit)
    except KhachQuenError:
        return ""
    key = body.get("writeKey") if isinstance(body, dict) else None
    return key if isinstance(key, str) else ""


def read_json(event: dict[str, Any], limit: int) -> Any:
    """The JSON body, from base64 and gzip where it came so; raises TooLarge or Unreadable.

    Gzip is unpacked up to the limit only, so that a small body cannot blow up in memory.
    """
    raw = _raw(event)
    if header(event, "content-encoding").lower() == "gzip":
        unpack = zlib.decompressobj(wbits=31)
        try:
            raw = unpack.decompress(raw, limit + 1)
        except zlib.error as error:
            raise Unreadable(f"the body is not gzip: {error}") from None
        if len(raw) <= limit and (not unpack.eof or unpack.unused_data):
            raise Unreadable("the body is not one whole gzip stream")
    if len(raw) > limit:
        raise TooLarge(f"the body may have at most {limit // 1024} KB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("the body is not UTF-8") from None
    try:
        body = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the body is not JSON: {error}") from None
    if _ESCAPED_NO_TEXT.search(text) or _too_deep(body):
        _refuse(body, "", 0)
    return body


def _raw(event: dict[str, Any]) -> bytes:
    raw = (event.get("body") or "").encode()
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(raw, validate=True)
        except binascii.Error:
            raise Unreadable("the body is not base64") from None
    return raw


def read_form(event: dict[str, Any], limit: int) -> dict[str, str]:
    """The fields of an urlencoded body, the first of each; a body of another kind has none. Raises TooLarge."""
    raw = _raw(event)
    if len(raw) > limit:
        raise TooLarge(f"the body may have at most {limit // 1024} KB")
    if not header(event, "content-type").lower().startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        pairs = parse_qsl(raw.decode("utf-8", "replace"), max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return {name: _NO_TEXT.sub("", value) for name, value in reversed(pairs)}


def _too_deep(body: Any) -> bool:
    level = [body]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _refuse(value: Any, path: str, depth: int) -> None:
    """Raises Invalid for the first field that is no text or nested too deep."""
    if isinstance(value, str) and _NO_TEXT.search(value):
        raise Invalid([FieldError(path or "body", "holds a NUL or half of a surrogate pair")])
    if not isinstance(value, dict | list):
        return
    if depth == MAX_DEPTH:
        raise Invalid([FieldError(path, f"is nested more than {MAX_DEPTH} levels deep")])
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(name, int):
            here = f"{path}[{name}]"
        elif _NO_TEXT.search(name):
            raise Invalid([FieldError(path or "body", "has a name with a NUL or half of a surrogate pair")])
        else:
            here = f"{path}.{name}" if path else name
        _refuse(inner, here, depth + 1)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is out of range")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unexpected() -> Response[str]:
    body = {"type": "urn:khach-quen:unexpected", "title": "Internal server error", "status": 500}
    return Response(500, "application/problem+json", json.dumps(body | {"detail": "It has been logged."}))


def _preflight(event: dict[str, Any], origin: str) -> dict[str, Any]:
    allowed = preflight(event["rawPath"], origin, header(event, "access-control-request-headers"))
    if allowed is None:
        return _as_result(problem(NotFound("pages of other origins have no such call")))
    return _as_result(Response(204, body="", headers=dict(allowed)))


def _as_result(response: Response[str]) -> dict[str, Any]:
    """A response in API Gateway's format, for what is answered before any route."""
    return {
        "statusCode": response.status_code,
        "headers": {
            **({"Content-Type": response.content_type} if response.content_type else {}),
            **{k: str(v) for k, v in response.headers.items()},
        },
        "body": response.body,
        "isBase64Encoded": False,
        "cookies": [],
    }

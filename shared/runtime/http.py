"""HTTP in and out: bodies read within limits, errors as RFC 9457 problem details, and the one table of codes."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from shared.domain.errors import (
    Busy,
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    KhachQuenError,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unreadable,
)
from shared.runtime import wiring
from shared.runtime.access import authenticate
from shared.runtime.observability import logger
from shared.use_cases.keys import Caller

STATUS: dict[type[KhachQuenError], tuple[int, str]] = {
    Unreadable: (400, "The body cannot be read"),
    Invalid: (400, "The input is not valid"),
    Unauthenticated: (401, "Who are you?"),
    Forbidden: (403, "This key may not do that"),
    NotFound: (404, "There is no such thing"),
    Conflict: (409, "The state does not allow this"),
    TooLarge: (413, "The body is too large"),
    Busy: (503, "Try again in a moment"),
}
MAX_BODY_BYTES = 64 * 1024
DEFAULT_LIMIT, MAX_LIMIT = 50, 200


def problem(error: KhachQuenError) -> Response[str]:
    """An error as a problem document."""
    status, title = STATUS[type(error)]
    body: dict[str, Any] = {
        "type": f"urn:khach-quen:{type(error).__name__.lower()}",
        "title": title,
        "status": status,
        "detail": error.detail if isinstance(error, Invalid) else str(error),
    }
    if isinstance(error, Invalid):
        body["errors"] = [field._asdict() for field in error.errors]
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="khach-quen"'
    if status == 503:
        headers["Retry-After"] = "1"
    return Response(status, "application/problem+json", json.dumps(body, ensure_ascii=False), headers=headers)


def answer(body: Any, status: int = 200) -> Response[str]:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(status, "application/json; charset=utf-8", text)


class HttpDoor:
    """A door behind the HTTP API: authenticates every call, then hands it to the routes."""

    def __init__(self) -> None:
        self.routes = APIGatewayHttpResolver()
        self.routes.exception_handler(list(STATUS))(problem)
        self.routes.not_found(lambda _: problem(NotFound("there is no such address")))

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The Lambda entry point."""
        logger.append_keys(request_id=event["requestContext"]["requestId"], route=event["routeKey"])
        try:
            self.caller = authenticate(event["routeKey"], header(event, "authorization"), wiring.outside())
            answered: dict[str, Any] = self.routes.resolve(event, context)
        except KhachQuenError as error:
            answered = _as_result(problem(error))
        except Exception:  # noqa: BLE001 - the last line: logged whole, answered without the inside story
            logger.exception("unexpected failure")
            answered = _as_result(_unexpected())
        return answered

    caller: Caller | None = None

    @property
    def event(self) -> dict[str, Any]:
        """The API Gateway event of the call being answered."""
        return self.routes.current_event.raw_event

    def json(self, limit: int = MAX_BODY_BYTES) -> Any:
        return read_json(self.event, limit)

    def page(self) -> tuple[int, str | None]:
        """`limit` and the opaque `next` of a list call; raises Invalid."""
        query = self.event.get("queryStringParameters") or {}
        raw = query.get("limit", str(DEFAULT_LIMIT))
        if not raw.isdigit() or not 1 <= int(raw) <= MAX_LIMIT:
            raise Invalid([FieldError("limit", f"must be a number from 1 to {MAX_LIMIT}")])
        token = query.get("next")
        if not token:
            return int(raw), None
        try:
            return int(raw), base64.urlsafe_b64decode(token.encode()).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Invalid([FieldError("next", "is not one of ours")]) from None


def listing(items: list[Any], after: str | None) -> Response[str]:
    token = base64.urlsafe_b64encode(after.encode()).decode() if after else None
    return answer({"items": items, "next": token})


def header(event: dict[str, Any], name: str) -> str:
    """A header whatever its case; "" when absent."""
    for key, value in (event.get("headers") or {}).items():
        if key.lower() == name:
            return str(value)
    return ""


def read_json(event: dict[str, Any], limit: int) -> Any:
    """The JSON body, from base64 and gzip where it came so; raises TooLarge or Unreadable.

    Gzip is unpacked up to the limit only, so that a small body cannot blow up in memory.
    """
    raw = (event.get("body") or "").encode()
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(raw, validate=True)
        except binascii.Error:
            raise Unreadable("the body is not base64") from None
    if header(event, "content-encoding").lower() == "gzip":
        unpack = zlib.decompressobj(wbits=31)
        try:
            raw = unpack.decompress(raw, limit + 1)
        except zlib.error as error:
            raise Unreadable(f"the body is not gzip: {error}") from None
    if len(raw) > limit:
        raise TooLarge(f"the body may have at most {limit // 1024} KB")
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise Unreadable("the body is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the body is not JSON: {error}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unexpected() -> Response[str]:
    body = {"type": "urn:khach-quen:unexpected", "title": "Something broke on our side", "status": 500}
    return Response(500, "application/problem+json", json.dumps(body | {"detail": "It has been logged."}))


def _as_result(response: Response[str]) -> dict[str, Any]:
    """A response in the shape API Gateway wants, for what is answered before the routes are asked."""
    return {
        "statusCode": response.status_code,
        "headers": {"Content-Type": "application/problem+json", **{k: str(v) for k, v in response.headers.items()}},
        "body": response.body,
        "isBase64Encoded": False,
        "cookies": [],
    }

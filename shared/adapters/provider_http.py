"""HTTP to providers: pooled connections, short time-outs, no retries, and every failure in the words of sending.

What decides is whether the provider can have seen the request. Before anything was written a failure is `back_off`;
afterwards nobody knows, and it is `uncertain`. Whatever was asked by GET changes nothing there, so it is `back_off`.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    SSLError,
    TimeoutError,
)

from shared.domain.messaging.channel_errors import ChannelError, TroubleKind
from shared.ports import Clock

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
# A provider that names no time or a silly one: the dispatcher's own back-off is used then.
LONGEST_RETRY_AFTER = timedelta(hours=24)

# At DEBUG urllib3 writes whole request lines, and with them tokens that providers want in the query.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class HttpAnswer(NamedTuple):
    """What a provider answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; ChannelError when it is none.

        Error pages of 3xx and 4xx come from something that did not understand the request, so it was not carried out;
        after 2xx and 5xx it may have been.
        """
        try:
            content = json.loads(self.body)
        except ValueError:
            content = None
        if isinstance(content, dict):
            return content
        kind: TroubleKind = "misconfigured" if 300 <= self.status < 500 and self.status != 408 else "uncertain"
        raise ChannelError(kind, f"http_{self.status}", "the answer is not a JSON object")


class HttpClient:
    """Calls to one provider below `base_url`; any thread may use it."""

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._clock = clock
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)

    def get(
        self, path: str, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        return self._call("GET", path, query, headers or {}, None)

    def post_json(
        self,
        path: str,
        content: Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        body = _encode(content).encode()
        return self._call("POST", path, query, {"Content-Type": "application/json", **(headers or {})}, body)

    def post_form(self, path: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._call("POST", path, None, {**kind, **(headers or {})}, urlencode(form).encode())

    def _call(
        self, method: str, path: str, query: Mapping[str, str] | None, headers: Mapping[str, str], body: bytes | None
    ) -> HttpAnswer:
        url = f"{self._base}{path}?{urlencode(query)}" if query else f"{self._base}{path}"
        try:
            answer = pool().request(
                method, url, body=body, headers=dict(headers), timeout=self._timeout, retries=False, redirect=False
            )
        except HTTPError as error:
            # The cause is left out: its text may hold the whole address, and with it a token.
            raise _trouble(error, method) from None
        found = HttpAnswer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)
        if found.status in (429, 503):
            raise ChannelError("back_off", f"http_{found.status}", "the provider asks for patience", self._later(found))
        return found

    def _later(self, answer: HttpAnswer) -> datetime | None:
        """When Retry-After lets us come again: seconds, or a date."""
        text = answer.headers.get("retry-after", "").strip()
        now = self._clock()
        try:
            wait = (
                timedelta(seconds=int(text)) if text.isdecimal() else parsedate_to_datetime(text).astimezone(UTC) - now
            )
        except (ValueError, OverflowError):
            return None
        return now + wait if timedelta() < wait <= LONGEST_RETRY_AFTER else None


def _trouble(error: HTTPError, method: str) -> ChannelError:
    name = type(error).__name__
    if isinstance(error, SSLError) and error.args and isinstance(error.args[0], ssl.SSLCertVerificationError):
        return ChannelError("misconfigured", "certificate", "the provider's certificate is not trusted")
    if isinstance(error, LocationValueError):
        return ChannelError("misconfigured", "address", "the provider's address cannot be one")
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return ChannelError("back_off", "connect", f"the provider cannot be reached ({name})")
    kind: TroubleKind = "back_off" if method == "GET" else "uncertain"
    if isinstance(error, TimeoutError):
        return ChannelError(kind, "timeout", "no answer in time")
    return ChannelError(kind, "broken_answer", f"the connection broke before an answer ({name})")


@cache
def pool() -> urllib3.PoolManager:
    """The connections of this process to all providers."""
    return urllib3.PoolManager(num_pools=16, maxsize=16)

"""The HTTP API in front of the doors, with API Gateway's routing and Lambda's size limits."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from infra.catalogue import Door, Http
from infra.local.providers.provider_set import ProviderSet
from infra.local.stack.lambda_events import Answer, http_answer, http_event, problem
from shared.ports import Clock
from shared.runtime.http import read_json

# API Gateway's limit for a request, and Lambda's for an invocation's event and for its answer.
API_LIMIT = 10 * 1024 * 1024
INVOKE_LIMIT = 6 * 1024 * 1024

log = logging.getLogger("khach_quen.local")


class ApiGateway:
    """Routes requests to the doors of the plan; `invoke` calls a door by name with its event.

    `always_base64`: bodies arrive as base64, as API Gateway may hand them over.
    """

    def __init__(
        self,
        doors: Sequence[Door],
        invoke: Callable[[str, Any], Any],
        providers: ProviderSet,
        clock: Clock,
        *,
        always_base64: bool,
    ) -> None:
        self._routes = _Routes(doors)
        self._invoke = invoke
        self._providers = providers
        self._clock = clock
        self._always_base64 = always_base64

    def request(
        self, method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """One request through the API: `path` as it stands in the URL, `query` without its question mark."""
        if len(body) > API_LIMIT:
            return problem(413, "Content Too Large", f"A request has at most {API_LIMIT} bytes.")
        found = self._routes.find(method, unquote(path))
        if found is None:
            return problem(404, "Not Found", "There is no such call.")
        route, parameters = found
        event = http_event(
            route.key,
            method,
            path,
            query,
            headers or {},
            body,
            parameters,
            self._clock(),
            always_base64=self._always_base64,
        )
        # JSON writes a byte as six characters at worst, so smaller bodies need no measuring.
        if len(body) > INVOKE_LIMIT // 6 and len(json.dumps(event)) > INVOKE_LIMIT:
            return problem(413, "Content Too Large", f"An event has at most {INVOKE_LIMIT} bytes.")
        try:
            answer = http_answer(self._invoke(route.door, event))
        except Exception:
            log.exception("%s failed on %s", route.door, route.key)
            return problem(500, "Internal Server Error", "The call failed; the log says why.")
        if route.key == "POST /v1/tickets" and answer.status == 201:
            self._providers.told_by_us(read_json(event, API_LIMIT))
        if len(answer.body) > INVOKE_LIMIT:
            log.error("%s answered %d bytes on %s, too many for a Lambda", route.door, len(answer.body), route.key)
            return problem(500, "Internal Server Error", "The answer is larger than a Lambda may give.")
        return answer


class _Route(NamedTuple):
    key: str
    door: str
    parts: tuple[str, ...]


class _Routes:
    """The HTTP API's routes, found as API Gateway does: the path must match in full, a literal before a parameter."""

    def __init__(self, doors: Sequence[Door]) -> None:
        self._by_shape: dict[tuple[str, int], list[_Route]] = {}
        for door in doors:
            for key in door.trigger.routes if isinstance(door.trigger, Http) else ():
                method, _, path = key.partition(" ")
                parts = tuple(path.split("/"))
                self._by_shape.setdefault((method, len(parts)), []).append(_Route(key, door.name, parts))
        for routes in self._by_shape.values():
            routes.sort(key=lambda route: [part.startswith("{") for part in route.parts])

    def find(self, method: str, path: str) -> tuple[_Route, dict[str, str]] | None:
        """The route and its path parameters, or None."""
        parts = path.split("/")
        for route in self._by_shape.get((method, len(parts)), ()):
            parameters: dict[str, str] = {}
            for pattern, part in zip(route.parts, parts, strict=True):
                if pattern.startswith("{") and part:
                    parameters[pattern[1:-1]] = part
                elif pattern != part:
                    break
            else:
                return route, parameters
        return None

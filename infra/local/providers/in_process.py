"""A way to the stand-ins past the network: calls of `HttpClient` as they are, answered in the caller's own thread.

For the time machine, where nine tenths of what a message costs on its way to a provider would be sockets.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from itertools import count
from typing import Any
from urllib.parse import parse_qsl
from weakref import WeakValueDictionary

from urllib3 import HTTPResponse
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ProtocolError

from infra.local.providers.base import Request, StandIn
from shared.adapters.provider_http import pool

SCHEME = "stand-in"

_stand_ins: WeakValueDictionary[str, StandIn] = WeakValueDictionary()
_numbers = count(1)


def address(stand_in: StandIn) -> str:
    """The base address under which this process reaches a stand-in, for as long as there is one."""
    connections = pool()
    if SCHEME not in connections.pool_classes_by_scheme:
        connections.pool_classes_by_scheme = {**connections.pool_classes_by_scheme, SCHEME: _Way}
        connections.key_fn_by_scheme[SCHEME] = connections.key_fn_by_scheme["http"]
    host = f"{stand_in.name}-{next(_numbers)}"
    _stand_ins[host] = stand_in
    return f"{SCHEME}://{host}"


class _Way(ConnectionPool):
    """What stands in the place of a pool of connections to one stand-in."""

    def __init__(self, host: str, port: int | None = None, **_options: Any) -> None:
        super().__init__(host, port)

    def urlopen(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_options: Any,
    ) -> HTTPResponse:
        path, _, query = url.partition("?")
        asked = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
        named = {name.lower(): value for name, value in (headers or {}).items()}
        reply = _stand_ins[self.host].serve(Request(method, path, asked, named, body or b""))
        if reply is None:
            raise ProtocolError("Connection aborted.")
        return HTTPResponse(BytesIO(reply.body), reply.headers, reply.status)

"""The HTTP/1.1 server of the laptop: threads, keep-alive, one write per answer, any free port of 127.0.0.1."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Serves from `start` until `stop`; port 0 takes any free one. Raises OSError when the port is taken."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler], *, port: int = 0, name: str, poll: float) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(poll,), name=name, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, drop_connections: bool = False) -> None:
        """Take no further connections and give the port back; those that are open end by themselves or are dropped."""
        self.shutdown()
        self.server_close()
        if drop_connections:
            for connection in list(self._open):
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # it is closed already
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hang up; anything else is a fault of ours and is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Hands every request of a method that HTTP knows to `serve`."""

    protocol_version = "HTTP/1.1"
    # TCP_NODELAY, and one write per answer: otherwise keep-alive clients wait for delayed acknowledgements.
    disable_nagle_algorithm = True
    wbufsize = -1

    def serve(self) -> None:
        raise NotImplementedError

    def _serve(self) -> None:
        self.serve()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = do_QUERY = _serve  # noqa: N815

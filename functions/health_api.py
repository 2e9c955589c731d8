"""Door: health check and OpenAPI description. Needs no key, no table and no AWS client."""

from __future__ import annotations

from pathlib import Path

from aws_lambda_powertools.event_handler import Response

from shared.runtime.http import HttpDoor, answer

OPENAPI = Path(__file__).parent.parent / "shared" / "openapi.json"

handler = HttpDoor()


@handler.routes.get("/health")
def health() -> Response[str]:
    return answer({"status": "ok"})


@handler.routes.get("/openapi.json")
def openapi() -> Response[str]:
    return Response(200, "application/json; charset=utf-8", OPENAPI.read_text(encoding="utf-8"))

"""Door: callbacks of providers. Verifies the raw bytes, translates, enqueues; a forgery stores nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator

from aws_lambda_powertools.event_handler import Response

from shared.domain.errors import TooLarge, Unauthenticated, Unreadable
from shared.domain.inbox.provider_event import Incoming
from shared.runtime import wiring
from shared.runtime.http import HttpDoor, answer
from shared.runtime.logs import logger
from shared.runtime.webhook_readers import READERS, Call, account_of, messenger_handshake

MAX_BYTES = 512 * 1024
# News per queue message, and their bytes; one piece of news has at most 200 KB (`domain/inbox/limits.py`).
PACK, PACK_BYTES = 50, 240 * 1024

handler = HttpDoor(max_body=MAX_BYTES)


@handler.routes.get("/webhooks/messenger")
def set_up_messenger() -> Response[str]:
    said = messenger_handshake(_query(), account_of(wiring.outside().channel_accounts, "messenger"))
    if said is None:
        raise Unauthenticated("the verify token is not ours")
    return Response(200, "text/plain; charset=utf-8", said)


@handler.routes.get("/webhooks/esms/<token>")
def from_esms(token: str) -> Response[str]:
    return _hear("esms", token)


@handler.routes.get("/webhooks/esms-short-code")
def from_esms_short_code() -> Response[str]:
    return _hear("esms-short-code")


def _posted(provider: str) -> None:
    @handler.routes.post(f"/webhooks/{provider}")
    def call() -> Response[str]:
        return _hear(provider)


for _provider in ("zalo", "messenger", "ses", "sms", "whatsapp"):
    _posted(_provider)


def _hear(provider: str, token: str = "") -> Response[str]:
    """Enqueue what a provider reports; a call without its signature, of another time or about another account is
    refused, and nothing of it is stored."""
    call = Call(_raw(), _headers(), _query(), token, wiring.outside().clock())
    variant, news = READERS[provider](call, wiring.outside().channel_accounts)
    if not variant:
        raise Unauthenticated(f"the call is not signed by {provider}")
    logger.info("callback", provider=provider, variant=variant, news=len(news))
    if news:
        wiring.outside().events.send(list(_packed(news)))
    return answer({"success": True})


def _packed(news: list[Incoming]) -> Iterator[str]:
    """Queue messages of at most `PACK` pieces of news and `PACK_BYTES`, in their order; ASCII, as SQS takes any."""
    pack: list[str] = []
    size = 0
    for one in (json.dumps(one.model_dump(mode="json")) for one in news):
        if pack and (len(pack) == PACK or size + len(one) > PACK_BYTES):
            yield _message(pack)
            pack, size = [], 0
        pack.append(one)
        size += len(one) + 1
    yield _message(pack)


def _message(pack: list[str]) -> str:
    return f'{{"incoming":[{",".join(pack)}]}}'


def _raw() -> bytes:
    """The exact bytes of the body: signatures are over these, never over JSON written anew."""
    event = handler.event
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise Unreadable("the body cannot be read") from None
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"a callback may have at most {MAX_BYTES // 1024} KB")
    return raw


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in (handler.event.get("headers") or {}).items()}


def _query() -> dict[str, str]:
    return dict(handler.event.get("queryStringParameters") or {})

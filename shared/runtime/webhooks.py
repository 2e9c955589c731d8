"""How each provider's callback is verified and read: the one place that knows which adapter speaks for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.adapters.webhooks import esms, messenger, zalo
from shared.adapters.webhooks.reading import load
from shared.domain.incoming import Incoming


@dataclass(frozen=True)
class Call:
    """A callback as it came: the exact bytes, headers in lower case, query, and the token in its path if it has one."""

    raw: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    token: str
    at: datetime


# The variant of the signature that fits and what was told; no variant: a forgery, and nothing is read from it.
Heard = tuple[str | None, list[Incoming]]


def _zalo(call: Call, account: Mapping[str, Any]) -> Heard:
    secrets = {"oa_secret_key": account.get("webhook_secret", ""), "app_secret": account.get("app_secret", "")}
    ids = {"app_id": account.get("app_id", ""), "oa_id": account.get("oa_id", "")}
    known = {name: key for name, key in secrets.items() if key}
    variant = zalo.verify(call.raw, call.headers, ids=ids, secrets=known)
    return variant, zalo.translate(load(call.raw)) if variant else []


def _messenger(call: Call, account: Mapping[str, Any]) -> Heard:
    variant = messenger.verify(call.raw, call.headers, app_secret=account.get("app_secret", ""))
    return variant, messenger.translate(load(call.raw)) if variant else []


def _esms(call: Call, account: Mapping[str, Any]) -> Heard:
    ours = esms.verify(call.token, [account.get("callback_token", "")])
    return ("token", esms.translate(call.query, call.at)) if ours else (None, [])


READERS: Mapping[str, Callable[[Call, Mapping[str, Any]], Heard]] = {
    "zalo": _zalo,
    "messenger": _messenger,
    "esms": _esms,
}


def messenger_handshake(query: Mapping[str, str], account: Mapping[str, Any]) -> str | None:
    """What to answer when the webhook is being set up at Meta, or None when it is not for us."""
    return messenger.challenge(query, verify_token=account.get("verify_token", ""))

"""How each provider's callback is verified and read: the one place that knows the adapter of each provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.adapters.webhooks import aws, esms, messenger, sns, zalo
from shared.adapters.webhooks.aws import AwsSecrets
from shared.adapters.webhooks.json_reading import load
from shared.domain.inbox.provider_event import Incoming
from shared.runtime.logs import logger
from shared.runtime.wiring import now


@dataclass(frozen=True)
class Call:
    """A callback as it came: the exact bytes, headers in lower case, query, and the token in its path if it has one."""

    raw: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    token: str
    at: datetime


# Certificates by which SNS signs, kept while this process lives.
_certificates = sns.CertificateStore(now)

# The variant of the signature that matched and the events reported; None: a forgery, and nothing is read from it.
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


def _aws(call: Call, account: Mapping[str, Any]) -> Heard:
    secrets = AwsSecrets(tuple(account.get("webhook_tokens", ())), frozenset(account.get("topics", ())))
    # Where a fake provider signs, its account holds the certificate.
    pinned: Mapping[str, str] = account.get("certificates", {})
    variant = aws.verify(call.raw, call.headers, secrets, lambda at: pinned[at] if at in pinned else _certificates(at))
    if variant is None:
        return None, []
    payload = load(call.raw)
    if why := aws.refusal(payload):
        logger.info("a mail to the shop is left out", reason=why)
    if variant == "sns" and (address := sns.subscription_to_confirm(payload)):
        sns.confirm(address, now)
    return variant, aws.translate(payload)


def _esms_short_code(call: Call, account: Mapping[str, Any]) -> Heard:
    """A customer's SMS to the gateway's short code: how the law lets them opt out by SMS."""
    ours = bool(account.get("short_code_key")) and esms.verify_short_code(call.query, account["short_code_key"])
    return ("md5", esms.translate_short_code(call.query, call.at)) if ours else (None, [])


READERS: Mapping[str, Callable[[Call, Mapping[str, Any]], Heard]] = {
    "zalo": _zalo,
    "messenger": _messenger,
    "esms": _esms,
    "esms-short-code": _esms_short_code,
    "ses": _aws,
    "sms": _aws,
    "whatsapp": _aws,
}


def messenger_handshake(query: Mapping[str, str], account: Mapping[str, Any]) -> str | None:
    """What to answer when the webhook is being set up at Meta, or None where the token is wrong."""
    return messenger.challenge(query, verify_token=account.get("verify_token", ""))

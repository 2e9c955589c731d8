"""How each provider's callback is verified and read: the one place that knows the adapter of each provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.adapters.webhooks import aws, esms, messenger, sns, zalo
from shared.adapters.webhooks.aws import AwsSecrets
from shared.adapters.webhooks.json_reading import load
from shared.domain.errors import Unauthenticated
from shared.domain.inbox import freshness
from shared.domain.inbox.limits import within_limits
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
# The accounts of all providers, as the secret of the channels has them.
Accounts = Mapping[str, Any]


def account_of(accounts: Accounts, name: str) -> dict[str, Any]:
    account: dict[str, Any] | None = accounts.get(name)
    if account is None:
        raise Unauthenticated(f"there is no account of {name} here")
    return account


def _zalo(call: Call, accounts: Accounts) -> Heard:
    account = account_of(accounts, "zalo")
    secrets = {"oa_secret_key": account.get("webhook_secret", ""), "app_secret": account.get("app_secret", "")}
    ids = {"app_id": account.get("app_id", ""), "oa_id": account.get("oa_id", "")}
    known = {name: key for name, key in secrets.items() if key}
    variant = zalo.verify(call.raw, call.headers, ids=ids, secrets=known)
    if variant is None:
        return None, []
    payload = load(call.raw)
    _need_ours("Zalo account", zalo.is_ours(payload, **ids))
    _need_now(call, zalo.told_at(payload), freshness.ZALO)
    return variant, _settled(call, zalo.translate(payload), freshness.ZALO)


def _messenger(call: Call, accounts: Accounts) -> Heard:
    account = account_of(accounts, "messenger")
    variant = messenger.verify(call.raw, call.headers, app_secret=account.get("app_secret", ""))
    if variant is None:
        return None, []
    payload = messenger.of_page(load(call.raw), account.get("page_id", ""))
    if payload is None:
        raise _not_ours("page")
    _need_now(call, messenger.told_at(payload), freshness.MESSENGER)
    return variant, _settled(call, messenger.translate(payload), freshness.MESSENGER)


def _esms(call: Call, accounts: Accounts) -> Heard:
    account = account_of(accounts, "esms")
    if not esms.verify(call.token, [account.get("callback_token", "")]):
        return None, []
    return "token", [within_limits(one) for one in esms.translate(call.query, call.at)]


def _aws(call: Call, accounts: Accounts) -> Heard:
    account = account_of(accounts, "aws")
    secrets = AwsSecrets(tuple(account.get("webhook_tokens", ())), frozenset(account.get("topics", ())))
    # Where a fake provider signs, its account holds the certificate.
    pinned: Mapping[str, str] = account.get("certificates", {})
    variant = aws.verify(call.raw, call.headers, secrets, lambda at: pinned[at] if at in pinned else _certificates(at))
    if variant is None:
        return None, []
    payload = load(call.raw)
    number = (accounts.get("whatsapp") or {}).get("phone_number_id", "")
    _need_ours("WhatsApp number", aws.is_ours(payload, phone_number_id=number))
    _need_now(call, aws.told_at(payload), freshness.AWS)
    if why := aws.refusal(payload):
        logger.info("a mail to the shop is left out", reason=why)
    if variant == "sns" and (address := sns.subscription_to_confirm(payload)):
        sns.confirm(address, now)
    return variant, _settled(call, aws.translate(payload), freshness.AWS)


def _esms_short_code(call: Call, accounts: Accounts) -> Heard:
    """A customer's SMS to the gateway's short code: how the law lets them opt out by SMS."""
    key = account_of(accounts, "esms").get("short_code_key", "")
    if not esms.verify_short_code(call.query, key):
        return None, []
    _need_now(call, esms.short_code_told_at(call.query), freshness.SHORT_CODE)
    news = esms.translate_short_code(call.query, esms.short_code_mark(call.query, key))
    return "md5", _settled(call, news, freshness.SHORT_CODE)


def _need_ours(what: str, ours: bool) -> None:
    if not ours:
        raise _not_ours(what)


def _not_ours(what: str) -> Unauthenticated:
    return Unauthenticated(f"the call is about another {what}")


def _need_now(call: Call, told_at: Sequence[str | None], window: freshness.Window) -> None:
    """A signature never ends, so who overheard a call could make it again in years."""
    if not all(freshness.is_of_now(at, call.at, window) for at in told_at):
        raise Unauthenticated("the call is too old, or its time is ahead of ours")


def _settled(call: Call, news: list[Incoming], window: freshness.Window) -> list[Incoming]:
    """What of the news has a time of now, within the limits of a queue message."""
    kept = [within_limits(found) for one in news if (found := freshness.settled(one, call.at, window))]
    if len(kept) < len(news):
        logger.warning("news of another time is left out", left_out=len(news) - len(kept))
    if news and not kept:
        raise Unauthenticated("what the call tells is too old, or its time is ahead of ours")
    return kept


READERS: Mapping[str, Callable[[Call, Accounts], Heard]] = {
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

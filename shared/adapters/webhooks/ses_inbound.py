"""E-mails that people write to the shop, as a receipt rule of SES hands them to SNS: verdicts, headers, the raw mail.

Who a mail is from is only sure where the sender's domain vouches for it. DMARC says so itself; where a domain has no
DMARC, SPF or DKIM count if they are about the very domain that stands in From.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

from shared.adapters.webhooks.json_reading import inner, rfc3339, text
from shared.domain.common.attachment import Attachment
from shared.domain.inbox.email_text import fresh, plain_of
from shared.domain.inbox.provider_event import Incoming

RECEIVED = "Received"

_AUTOMATIC = ("bulk", "junk", "list", "auto_reply")
# Headers that only machines and lists set.
_TELLTALE = ("x-auto-response-suppress", "x-autoreply", "x-autorespond", "list-id", "list-unsubscribe")
_NOBODY = ("mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply")
# Messages of ours come back in In-Reply-To under the id that SES gave them.
_SES_HOSTS = ("amazonses.com",)
_NAME_LENGTH, _SUBJECT_LENGTH = 120, 300


def refusal(event: Mapping[str, Any]) -> str:
    """Why a received mail is none of a person's: "virus", "spam", "automatic", "ours", "unreadable", or ""."""
    if _verdict(event, "virus") == "FAIL":
        return "virus"
    if _verdict(event, "spam") == "FAIL":
        return "spam"
    mail = _mail(event)
    if mail is None or not _sender(mail, event) or rfc3339(event, "mail", "timestamp") is None:
        return "unreadable"
    if _is_automatic(mail, event):
        return "automatic"
    recipients = inner(event, "receipt", "recipients")
    ours = {text(entry).lower() for entry in recipients} if isinstance(recipients, list) else set()
    return "ours" if _sender(mail, event) in ours else ""


def translate(event: Mapping[str, Any]) -> list[Incoming]:
    """The mail as something a person said; none for what `refusal` names."""
    mail, at = _mail(event), rfc3339(event, "mail", "timestamp")
    if mail is None or at is None or refusal(event):
        return []
    sender = _sender(mail, event)
    message_id = _header(mail, "message-id") or text(event, "mail", "messageId") or f"{sender} {at}"
    return [
        Incoming(
            kind="inbound_message",
            channel="email",
            dedup=message_id[:200],
            at=at,
            provider_id=_answers(mail),
            address=sender,
            text=_words(mail),
            attachments=tuple(_attachments(mail)),
            detail={
                "subject": " ".join(_header(mail, "subject").split())[:_SUBJECT_LENGTH],
                "authenticated": _vouched(mail, event, sender.rpartition("@")[2]),
            },
        )
    ]


def _mail(event: Mapping[str, Any]) -> EmailMessage | None:
    content = text(event, "content")
    try:
        encoded = text(event, "receipt", "action", "encoding").upper() == "BASE64"
        raw = base64.b64decode(content, validate=True) if encoded else content.encode()
    except ValueError:
        return None
    return message_from_bytes(raw, policy=policy.default) if raw.strip() else None


def _verdict(event: Mapping[str, Any], name: str) -> str:
    """PASS, FAIL, GRAY (nothing to go by), PROCESSING_FAILED or ""."""
    return text(event, "receipt", f"{name}Verdict", "status").upper()


def _header(mail: EmailMessage, name: str) -> str:
    """A header's first value; what cannot be read is "", for strangers write it."""
    try:
        found = mail.get(name)
    except (ValueError, IndexError, AttributeError, TypeError):
        return ""  # the library stumbles over some headers that break its grammar
    return str(found or "").encode("utf-8", "replace").decode().strip()


def _sender(mail: EmailMessage, event: Mapping[str, Any]) -> str:
    common = inner(event, "mail", "commonHeaders", "from")
    told = _header(mail, "from") or (text(common[0]) if isinstance(common, list) and common else "")
    address = parseaddr(told)[1].lower()
    return address if address.count("@") == 1 and address.isascii() else ""


def _is_automatic(mail: EmailMessage, event: Mapping[str, Any]) -> bool:
    if _header(mail, "auto-submitted").lower() not in ("", "no"):
        return True
    if _header(mail, "precedence").lower() in _AUTOMATIC or any(_header(mail, name) for name in _TELLTALE):
        return True
    # Reports of bounces have nobody behind them.
    if _header(mail, "return-path") == "<>" or text(event, "mail", "source") in ("", "<>"):
        return True
    return _sender(mail, event).partition("@")[0].startswith(_NOBODY)


def _vouched(mail: EmailMessage, event: Mapping[str, Any], domain: str) -> bool:
    if _verdict(event, "dmarc") in ("PASS", "FAIL"):
        return _verdict(event, "dmarc") == "PASS"
    if _verdict(event, "spf") == "PASS" and _aligned(text(event, "mail", "source").rpartition("@")[2], domain):
        return True
    signers = [_tag(str(value), "d") for value in mail.get_all("dkim-signature", [])]
    return _verdict(event, "dkim") == "PASS" and bool(signers) and all(_aligned(signer, domain) for signer in signers)


def _aligned(checked: str, claimed: str) -> bool:
    """Whether what was checked is the claimed domain, or stands below or above it; a bare "vn" is no domain."""
    one, other = checked.lower().strip("."), claimed.lower()
    return one == other or one.endswith(f".{other}") or ("." in one and other.endswith(f".{one}"))


def _tag(signature: str, name: str) -> str:
    tags = (part.partition("=") for part in signature.split(";"))
    return next((value.strip() for key, _, value in tags if key.strip() == name), "")


def _answers(mail: EmailMessage) -> str:
    """SES's id of the message of ours that this answers, or ""."""
    local, _, host = _header(mail, "in-reply-to").strip("<> ").partition("@")
    return local if host.endswith(_SES_HOSTS) else ""


def _words(mail: EmailMessage) -> str:
    plain = _body(mail, "plain")
    return fresh(plain) if plain.strip() else fresh(plain_of(_body(mail, "html")))


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    if not isinstance(payload, bytes):
        return ""
    try:
        # Who names no charset, or the smallest, writes UTF-8 today.
        return payload.decode("utf-8" if charset == "us-ascii" else charset, "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def _attachments(mail: EmailMessage) -> Iterator[Attachment]:
    """What came with the mail, by kind and name; the files themselves stay in it."""
    for part in mail.walk():
        name = part.get_filename() or ""
        if part.is_multipart() or (part.get_content_maintype() == "text" and not name):
            continue
        kind = part.get_content_maintype()
        told = " ".join(str(name).encode("utf-8", "replace").decode().split())[:_NAME_LENGTH]
        yield Attachment(kind=kind if kind in ("image", "audio", "video") else "file", name=told)

"""The envelope and signature of Amazon SNS, for topics that post to our door.

SNS signs some fields of each message with RSA, by a certificate that it serves itself. Verifying takes a public key out
of that certificate and one power: thirty lines here instead of a cryptography library, whose 15 MB would make the layer
of every function half as large again for this one call. No secret is handled; the signed block is not parsed but built
anew and compared whole, so malformed padding finds no reader. That the certificate is Amazon's says TLS: it is fetched
from an SNS host of AWS and from nowhere else, over a connection whose own certificate was checked.

Every AWS account can have SNS sign anything, so a message counts only from a topic of ours. Only signature
version 2 (SHA-256) is taken; the topic's attribute SignatureVersion has to be 2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import ssl
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from shared.adapters.provider_http import HttpClient
from shared.adapters.webhooks.json_reading import load, text
from shared.domain.errors import Busy, Invalid
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Clock

# The PEM text behind the address of a certificate; ValueError when there is none, Busy when it cannot be had now.
Certificates = Callable[[str], str]

NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"

_NOTIFICATION_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION_FIELDS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Mapping[str, tuple[str, ...]] = {
    NOTIFICATION: _NOTIFICATION_FIELDS,
    CONFIRMATION: _CONFIRMATION_FIELDS,
    "UnsubscribeConfirmation": _CONFIRMATION_FIELDS,
}
_HOST = r"https://sns\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(rf"{_HOST}/[A-Za-z0-9_-]+\.pem")
_SUBSCRIBE = re.compile(rf"{_HOST}/\?\S+")
# DigestInfo of SHA-256, RFC 8017 section 9.2.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
# In a certificate: the tag of its version, and the identifier of rsaEncryption.
_VERSION = 0xA0
_RSA = bytes.fromhex("2a864886f70d010101")


class PublicKey(NamedTuple):
    """An RSA public key."""

    modulus: int
    exponent: int


def verify(raw: bytes, topics: Collection[str], certificates: Certificates) -> bool:
    """Whether SNS signed this message and it comes from one of `topics` (ARNs)."""
    try:
        message = load(raw)
    except Invalid:
        return False
    fields = _SIGNED.get(text(message, "Type"), ())
    if not fields or text(message, "TopicArn") not in topics or text(message, "SignatureVersion") != "2":
        return False
    address = text(message, "SigningCertURL")
    if not _CERTIFICATE.fullmatch(address):
        return False
    try:
        signature = base64.b64decode(text(message, "Signature"), validate=True)
        key = public_key(certificates(address))
    except (binascii.Error, ValueError, IndexError):
        return False
    return signed_by(key, signature, _signed_text(message, fields))


def subscription_to_confirm(message: Mapping[str, Any]) -> str | None:
    """The address that a verified SubscriptionConfirmation wants called once by GET; None for other messages."""
    address = text(message, "SubscribeURL")
    return address if text(message, "Type") == CONFIRMATION and _SUBSCRIBE.fullmatch(address) else None


def signed_by(key: PublicKey, signature: bytes, content: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 with SHA-256, RFC 8017 section 8.2.2."""
    size = (key.modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature)
    if size < 256 or key.exponent < 3 or len(signature) != size or number >= key.modulus:
        return False
    digest = _SHA256 + hashlib.sha256(content).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(number, key.exponent, key.modulus).to_bytes(size), expected)


def public_key(pem: str) -> PublicKey:
    """The RSA key of an X.509 certificate (RFC 5280 section 4.1); ValueError or IndexError when there is none."""
    [certificate] = _elements(ssl.PEM_cert_to_DER_cert(pem))
    signed = _elements(_elements(certificate.content)[0].content)
    # A version may come first; then serial, algorithm, issuer, validity, subject, key.
    fields = signed[1:] if signed[0].tag == _VERSION else signed
    algorithm, key = _elements(fields[5].content)
    if _elements(algorithm.content)[0].content != _RSA or key.content[:1] != b"\x00":
        raise ValueError("the certificate's key is not RSA")
    [numbers] = _elements(key.content[1:])
    modulus, exponent = _elements(numbers.content)
    return PublicKey(int.from_bytes(modulus.content), int.from_bytes(exponent.content))


class _Element(NamedTuple):
    tag: int
    content: bytes


def _elements(der: bytes) -> list[_Element]:
    """The elements that stand side by side in a piece of DER; at least one."""
    found, at = [], 0
    while at < len(der):
        tag, length, at = der[at], int.from_bytes(der[at + 1 : at + 2]), at + 2
        if length & 0x80:
            more = length & 0x7F
            length, at = int.from_bytes(der[at : at + more]), at + more
        if at + length > len(der):
            raise ValueError("the certificate is cut off")
        found.append(_Element(tag, der[at : at + length]))
        at += length
    if not found:
        raise ValueError("the certificate lacks a part")
    return found


def _signed_text(message: Mapping[str, Any], fields: tuple[str, ...]) -> bytes:
    given = ((name, message.get(name)) for name in fields)
    return "".join(f"{name}\n{value}\n" for name, value in given if isinstance(value, str)).encode("utf-8", "replace")


def confirm(address: str, clock: Clock) -> None:
    """Call a confirmation's address, which is one of SNS's own; raises Busy so that SNS asks again."""
    parts = urlsplit(address)
    try:
        answer = HttpClient(f"{parts.scheme}://{parts.netloc}", clock=clock).get(f"{parts.path}?{parts.query}")
    except ChannelError as error:
        raise Busy(f"the subscription cannot be confirmed: {error.reason}") from error
    if answer.status != 200:
        raise Busy(f"the subscription cannot be confirmed: HTTP {answer.status}")


class CertificateStore:
    """Certificates of SNS by HTTPS, kept for as long as the function lives: they change about once a year."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, str] = {}

    def __call__(self, address: str) -> str:
        if address not in self._known:
            self._known[address] = self._fetched(address)
        return self._known[address]

    def _fetched(self, address: str) -> str:
        host, _, path = address.rpartition("/")
        try:
            answer = HttpClient(host, clock=self._clock).get(f"/{path}")
        except ChannelError as error:
            raise Busy(f"the certificate cannot be fetched: {error.reason}") from error
        if answer.status >= 500:
            raise Busy(f"the certificate cannot be fetched: HTTP {answer.status}")
        if answer.status != 200:
            raise ValueError("SNS has no such certificate")
        return answer.body.decode("ascii", "replace")

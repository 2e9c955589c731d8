"""Links in messages: click-through, unsubscribe and survey, as short tokens that need no table and name nobody.

A token is 48 characters of URL-safe base64: the customer's id (16 bytes), the rest of the message's id (10), what the
link is for (1), and 72 bits of HMAC-SHA256 over all of it. At a million
tries a second, guessing one takes tens of millions of years; and it carries random ids, never a name or a number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

from shared.domain.errors import NotFound

LinkKind = Literal["click", "unsubscribe", "survey"]

# The query parameter by which a click on a link in a message tells the shop's page who came, once.
VISITOR_PARAMETER = "kq_v"

_MESSAGE_ID = re.compile(r"[0-9a-z]{24}[0-9a-f]{20}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{48}")
_PATHS: dict[LinkKind, str] = {"click": "r", "unsubscribe": "u", "survey": "s"}
_PURPOSES: dict[LinkKind, int] = {"click": 0, "unsubscribe": 254, "survey": 255}
_MAC_BYTES = 9
MAX_LINKS = 64


class Link(NamedTuple):
    """What a token leads to; `number` counts the links of a message from 0."""

    message_id: str
    number: int


class MessageLinks(NamedTuple):
    """The links of one message, under the address where people reach us."""

    base: str
    key: bytes
    message_id: str

    def click(self, index: int) -> str:
        return self._url("click", index)

    @property
    def unsubscribe(self) -> str:
        return self._url("unsubscribe", 0)

    @property
    def survey(self) -> str:
        return self._url("survey", 0)

    def _url(self, kind: LinkKind, index: int) -> str:
        return f"{self.base.rstrip('/')}/{_PATHS[kind]}/{token(kind, self.message_id, self.key, index)}"


def link_key(secret: bytes) -> bytes:
    """The key of all links, from the shop's secret; no other use of that secret can make or read one."""
    return hmac.digest(secret, b"links in messages, version 1", hashlib.sha256)


def token(kind: LinkKind, message_id: str, key: bytes, index: int = 0) -> str:
    """Raises ValueError for what is no message id of ours, or more links than a message has."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("is not 24 letters and digits and 20 hexadecimal digits")
    if not 0 <= index < MAX_LINKS:
        raise ValueError(f"a message has at most {MAX_LINKS} links")
    said = int(message_id[:24], 36).to_bytes(16) + bytes.fromhex(message_id[24:]) + bytes([_PURPOSES[kind] + index])
    return base64.urlsafe_b64encode(said + _mac(said, key)).decode()


def read(text: str, kind: LinkKind, key: bytes) -> Link:
    """Where a token leads; raises NotFound for one that is forged, torn or made for another purpose."""
    raw = base64.urlsafe_b64decode(text) if _TOKEN.fullmatch(text) else b""
    said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    index = said[-1] - _PURPOSES[kind] if said else -1
    if not hmac.compare_digest(mac, _mac(said, key)) or not 0 <= index < (MAX_LINKS if kind == "click" else 1):
        raise NotFound("the link is not one of ours")
    return Link(_base36(int.from_bytes(said[:16])) + said[16:26].hex(), index)


def _mac(said: bytes, key: bytes) -> bytes:
    return hmac.digest(key, said, hashlib.sha256)[:_MAC_BYTES]


def _base36(number: int) -> str:
    digits = ""
    for _ in range(24):
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def leads_to(url: str, hosts: Collection[str]) -> bool:
    """Whether an address is on one of these hosts or below one."""
    try:
        host = (urlsplit(web_address(url)).hostname or "").lower()
    except ValueError:
        return False
    return any(host == known or host.endswith(f".{known}") for known in hosts)


def web_address(url: str) -> str:
    """A target as a header may carry it: absolute, on the web, ASCII. Raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\x00-\x20\x7f\\]", url):
        raise ValueError("is not an absolute web address")
    if parts.username is not None or not parts.netloc.isascii():
        # What reads like one shop and leads to another is the oldest trick there is.
        raise ValueError("is not a plain host name")
    return quote(url, safe="!#$%&'()*+,/:;=?@[]~")

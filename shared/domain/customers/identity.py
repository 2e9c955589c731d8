"""Who a customer is: identities, how sure each link is, and which identities may join customers (R5, X2, X3)."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal, NamedTuple

from shared.domain.common.playbook_rules import IdentityRules
from shared.domain.customers.phone import parse_phone

Certainty = Literal["verified", "staff_confirmed", "claimed"]

# Strongest first. A fact that arrives by several identities belongs to the strongest one it names.
KINDS = ("phone", "loyalty_id", "zalo_user_id", "messenger_psid", "email", "external", "user", "anonymous")

# Who has none of these is an anonymous visitor.
KNOWN_BY = frozenset(KINDS) - {"anonymous"}

# No colon: it parts the system from its id.
_SYSTEM = re.compile(r"[\w.-]{1,40}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}")


class Identity(NamedTuple):
    """One name a person goes by: `kind` is one of KINDS or "external:<system>", `value` is normalised."""

    kind: str
    value: str
    certainty: Certainty = "staff_confirmed"

    @property
    def name(self) -> str:
        """Kind and value in one text, the key of a profile's identity map."""
        return f"{self.kind}:{self.value}"

    @property
    def joins(self) -> bool:
        """A claimed identity is a hint for staff: it joins nobody and opens nothing."""
        return self.certainty != "claimed"

    @property
    def strength(self) -> int:
        return KINDS.index(self.kind.partition(":")[0])


def normalise(kind: str, raw: str) -> str:
    """The one spelling of an identity's value; raises ValueError (BadPhone for phones) with the reason."""
    if kind == "phone":
        return parse_phone(raw).e164
    if kind.startswith("external:") and not _SYSTEM.fullmatch(kind.removeprefix("external:")):
        raise ValueError("needs a system named in 1 to 40 letters, digits, dots, dashes or underscores")
    value = unicodedata.normalize("NFC", raw).strip()
    if kind == "email":
        value = value.lower()
        if not _EMAIL.fullmatch(value):
            raise ValueError("is not an e-mail address")
    if not value or len(value) > 256:
        raise ValueError("must be 1 to 256 characters long")
    return value


def is_placeholder(kind: str, raw: str, rules: IdentityRules) -> bool:
    """Whether a value stands for nobody: what programs write where they know no user, and platforms' guest addresses.

    An e-mail address is one by its whole text or by what stands before its @ (R34).
    """
    value = unicodedata.normalize("NFKC", raw).strip().strip("\"'").casefold()
    if value in rules.placeholders or (value and not value.strip("0-")):
        return True
    if kind == "email" or "@" in value:
        local = value.partition("@")[0]
        return local in rules.placeholders or any(
            fnmatchcase(value, pattern.casefold()) for pattern in (*rules.guest_addresses, *rules.own_addresses)
        )
    return False


def identity(kind: str, raw: str, certainty: Certainty = "staff_confirmed") -> Identity:
    return Identity(kind, normalise(kind, raw), certainty)


# One event asks for the same link several times, and an HMAC is the dearest step of its way.
@lru_cache(maxsize=4096)
def link_key(who: Identity, secret: bytes) -> str:
    """Partition key of the identity's link: an HMAC, so that no raw number stands in a key, an index or a log.

    Claimed identities have a name space of their own: a phone typed into a chat can never reach the owner's link.
    """
    space = "" if who.joins else "claimed:"
    digest = hmac.new(secret, f"{space}{who.name}".encode(), hashlib.sha256).hexdigest()[:40]
    return f"L#{digest}"


def strongest(identities: list[Identity]) -> Identity:
    """The identity a fact belongs to; certain ones before claimed ones."""
    return min(identities, key=lambda i: (not i.joins, i.strength, i.name))

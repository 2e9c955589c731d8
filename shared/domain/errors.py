"""What can go wrong, in the words of the trade; HTTP codes for these live in `runtime/http.py` only."""

from __future__ import annotations

from typing import NamedTuple


class FieldError(NamedTuple):
    """One wrong field of an input: its path, such as `batch[3].timestamp`, and what is wrong with it."""

    field: str
    reason: str


class KhachQuenError(Exception):
    """Anything the product itself has to say no to."""


class Invalid(KhachQuenError):
    """The input is wrong; `errors` names every wrong field."""

    def __init__(self, errors: list[FieldError], detail: str = "The input is not valid.") -> None:
        super().__init__(f"{detail} " + "; ".join(f"{e.field}: {e.reason}" for e in errors))
        self.detail = detail
        self.errors = errors


class Unreadable(KhachQuenError):
    """The body is not JSON, not gzip or not UTF-8."""


class TooLarge(KhachQuenError):
    """The body is over its limit."""


class Unauthenticated(KhachQuenError):
    """No key, or a key nobody issued."""


class Forbidden(KhachQuenError):
    """The key is known, but its roles or stores do not reach this."""


class NotFound(KhachQuenError):
    """There is no such thing."""


class Conflict(KhachQuenError):
    """A condition did not hold: another writer was faster, or the state does not allow it; then it is `final`, and a
    retry would not help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Busy(KhachQuenError):
    """The outside is throttled or collided with another writer; the same call may be repeated."""


class Refused(KhachQuenError):
    """A voucher that is not good for what it is shown for; `reason` is a code, the words are the playbook's."""

    def __init__(self, reason: str, why: str, why_en: str) -> None:
        super().__init__(f"{why}\n{why_en}")
        self.reason = reason
        self.why = why
        self.why_en = why_en


class UnknownCode(Refused):
    """A code that no voucher has."""


class ExpiredCode(Refused):
    """A code whose time is over."""

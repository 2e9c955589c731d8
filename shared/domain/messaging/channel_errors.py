"""Why a provider did not take a message, and what to do about it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.domain.errors import Busy, KhachQuenError

# The gateway approves an advertisement by SMS as one text for at least so many numbers, and at most so many (R11).
AD_LEAST, AD_MOST = 30, 5000


TroubleKind = Literal["back_off", "wait_until", "refused", "unreachable", "misconfigured", "uncertain"]


class ChannelError(KhachQuenError):
    """A provider did not take a message.

    `kind` says what to do: `back_off` try later (rate, outage: surely not sent); `wait_until` not before `until`
    (night, quota); `refused` this person refused this channel: remember it and take the next one; `unreachable` this
    person cannot be reached there (no account, bad number): the next channel; `misconfigured` a human has to mend the
    account, the template or the balance: next channel and an alert; `uncertain` nobody knows whether it was sent.
    `code` is the provider's own.
    """

    def __init__(self, kind: TroubleKind, code: str, reason: str, until: datetime | None = None) -> None:
        super().__init__(f"{kind} ({code}): {reason}")
        self.kind = kind
        self.code = code
        self.reason = reason
        self.until = until


def as_channel_error(error: ChannelError | Busy) -> ChannelError:
    """What to do about an error of a channel's call: a table that is busy, which a channel reads its token from before
    it calls the provider, is a provider to try later."""
    return error if isinstance(error, ChannelError) else ChannelError("back_off", "busy", str(error))


class ContentError(KhachQuenError):
    """A template that cannot be filled in: it names the template, the channel and what is missing or too long."""

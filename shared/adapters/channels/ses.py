"""E-mail through Amazon SES v2: one-click unsubscribe in every advertisement, our id in the tags, events by rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from shared.adapters.channels.aws_sender import AwsSender
from shared.adapters.channels.error_table import Trouble
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Clock, Outgoing, Sent

ERRORS: Mapping[str, Trouble] = {
    "TooManyRequestsException": Trouble("back_off", "the sending rate is used up"),
    # A quota of rolling 24 hours: some of it comes back all the time.
    "LimitExceededException": Trouble("wait_until", "the daily quota is used up"),
    "AccountSuspendedException": Trouble("misconfigured", "the account is suspended"),
    "SendingPausedException": Trouble("misconfigured", "sending is paused for the account or the configuration set"),
    "MessageRejected": Trouble("misconfigured", "the message or its sender is not accepted"),
    "MailFromDomainNotVerifiedException": Trouble("misconfigured", "the sender's domain is not verified"),
    "NotFoundException": Trouble("misconfigured", "the configuration set does not exist"),
    "BadRequestException": Trouble("misconfigured", "a parameter is not accepted"),
}

QUOTA_WAIT = timedelta(hours=1)
TRACKING_TAG = "tracking_id"

# One address as SES takes it; whatever else it would answer like a mistake of ours.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{0,62}")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
# Mail clients press the button over HTTPS only; on the laptop nobody but a test does.
LOOPBACK = ("http://localhost", "http://127.0.0.1")
_HEADER_MOST = 995


class Ses:
    """`email`. `sender` is "Khách Quen <cskh@shop.example>"; `price` VND per message."""

    def __init__(
        self,
        *,
        sender: str,
        clock: Clock,
        region: str,
        configuration_set: str = "",
        reply_to: str = "",
        unsubscribe_mailto: str = "",
        price: int = 0,
        endpoint_url: str = "",
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self._aws = AwsSender("sesv2", ERRORS, region=region, endpoint_url=endpoint_url, credentials=credentials)
        self._clock = clock
        self._price = price
        self._mailto = unsubscribe_mailto
        self._common: dict[str, Any] = {"FromEmailAddress": sender}
        if configuration_set:
            self._common["ConfigurationSetName"] = configuration_set
        if reply_to:
            self._common["ReplyToAddresses"] = [reply_to]

    def send(self, message: Outgoing) -> Sent:
        if not _ADDRESS.fullmatch(message.to):
            raise ChannelError("unreachable", "address", "is no e-mail address")
        if message.purpose == "marketing" and not message.unsubscribe:
            raise ChannelError("misconfigured", "unsubscribe", "an advertisement needs its one-click unsubscribe")
        simple: dict[str, Any] = {"Subject": _utf8(message.subject), "Body": _body(message)}
        if message.unsubscribe:
            simple["Headers"] = self._unsubscribe(message.unsubscribe)
        try:
            provider_id = self._aws.send(
                "send_email",
                "MessageId",
                **self._common,
                Destination={"ToAddresses": [message.to]},
                Content={"Simple": simple},
                EmailTags=[_tag(TRACKING_TAG, message.tracking_id), _tag("purpose", message.purpose)],
            )
        except ChannelError as error:
            if error.kind == "wait_until":
                raise ChannelError(error.kind, error.code, error.reason, self._clock() + QUOTA_WAIT) from None
            raise
        return Sent(provider_id, self._price)

    def was_taken(self, tracking_id: str) -> Sent | Literal["cannot_tell"] | None:  # noqa: ARG002
        """SES finds no message by its tags; the event of its sending tells us, or nothing does."""
        return "cannot_tell"

    def _unsubscribe(self, link: str) -> list[dict[str, str]]:
        """RFC 8058: a POST to the link is enough, which mail programs offer as a button."""
        value = f"<{link}>, <mailto:{self._mailto}>" if self._mailto else f"<{link}>"
        secure = link.startswith(("https://", *LOOPBACK))
        if not (secure and value.isascii() and value.isprintable() and len(value) <= _HEADER_MOST):
            raise ChannelError("misconfigured", "unsubscribe", "the link is not one that fits a header")
        return [
            {"Name": "List-Unsubscribe", "Value": value},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
        ]


def _body(message: Outgoing) -> dict[str, Any]:
    body = {"Text": _utf8(message.text)} if message.text else {}
    return {**body, "Html": _utf8(message.html)} if message.html else body


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _tag(name: str, value: str) -> dict[str, str]:
    if not _TAG.fullmatch(value):
        raise ChannelError("misconfigured", "tag", f"the {name} holds what a tag cannot")
    return {"Name": name, "Value": value}

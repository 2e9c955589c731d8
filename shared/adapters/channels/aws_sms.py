"""SMS through AWS End User Messaging: a registered sender name, one way only in Vietnam.

Nobody can answer such a message, so it carries care; an advertisement needs a refusal by SMS or by call, and a gateway
with a short code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from shared.adapters.channels.aws_sender import AwsSender
from shared.adapters.channels.error_table import Trouble
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.messaging.sms_encoding import measured
from shared.ports import Outgoing, Sent

ERRORS: Mapping[str, Trouble] = {
    "ConflictException.DESTINATION_PHONE_NUMBER_OPTED_OUT": Trouble("refused", "the person opted out of our SMS"),
    "ConflictException.DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE": Trouble(
        "unreachable", "the number is blocked in our protect configuration"
    ),
    "ConflictException": Trouble("misconfigured", "the sender name or its registration does not allow it"),
    "ServiceQuotaExceededException": Trouble("misconfigured", "the spending limit or another quota is used up"),
    "ValidationException.DESTINATION_COUNTRY_BLOCKED": Trouble("unreachable", "the number's country is not served"),
    "ValidationException.COUNTRY_NOT_ENABLED": Trouble("unreachable", "the number's country is not served"),
    "ValidationException.INVALID_IDENTITY_FOR_DESTINATION_COUNTRY": Trouble(
        "unreachable", "the sender name is not valid in the number's country"
    ),
    "ValidationException.PRICE_OVER_THRESHOLD": Trouble("unreachable", "the message costs more than allowed there"),
    "ValidationException": Trouble("misconfigured", "a parameter is not accepted"),
    "AccessDeniedException": Trouble("misconfigured", "the account may not send"),
    "ResourceNotFoundException": Trouble("misconfigured", "the sender name or configuration set does not exist"),
}

TRACKING_KEY = "tracking_id"
TEXT_MOST = 1600


class AwsSms:
    """`sms_care`. `time_to_live` seconds (5 to 259200) end AWS's own tries; `max_price` is USD per part, as "0.05"."""

    def __init__(
        self,
        *,
        sender_id: str,
        region: str,
        configuration_set: str = "",
        time_to_live: int | None = None,
        max_price: str = "",
        price_per_part: int = 0,
        endpoint_url: str = "",
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self._aws = AwsSender(
            "pinpoint-sms-voice-v2", ERRORS, region=region, endpoint_url=endpoint_url, credentials=credentials
        )
        self._price = price_per_part
        self._common: dict[str, Any] = {"OriginationIdentity": sender_id, "MessageType": "TRANSACTIONAL"}
        if configuration_set:
            self._common["ConfigurationSetName"] = configuration_set
        if time_to_live is not None:
            self._common["TimeToLive"] = time_to_live
        if max_price:
            self._common["MaxPrice"] = max_price

    def send(self, message: Outgoing) -> Sent:
        if message.purpose == "marketing":
            raise ChannelError("misconfigured", "one_way", "nobody can refuse an advertisement by answering here")
        if not 0 < len(message.text) <= TEXT_MOST:
            raise ChannelError("misconfigured", "length", f"an SMS has 1 to {TEXT_MOST} characters")
        provider_id = self._aws.send(
            "send_text_message",
            "MessageId",
            **self._common,
            DestinationPhoneNumber=message.to,
            MessageBody=message.text,
            Context={TRACKING_KEY: message.tracking_id},
        )
        return Sent(provider_id, measured(message.text, self._price).price)

    def was_taken(self, tracking_id: str) -> Sent | Literal["cannot_tell"] | None:  # noqa: ARG002
        """AWS finds no message by its context; the event of its sending tells us, or nothing does."""
        return "cannot_tell"

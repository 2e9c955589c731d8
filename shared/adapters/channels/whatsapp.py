"""WhatsApp through AWS End User Messaging Social, which carries Meta's own JSON.

Within 24 hours of a person's word any text may answer it; outside only an approved template may be sent. Which of the
two it is says the message: with a template's name, or with text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from shared.adapters.channels.aws_sender import AwsSender
from shared.adapters.channels.error_table import Trouble
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Outgoing, Sent

ERRORS: Mapping[str, Trouble] = {
    "ThrottledRequestException": Trouble("back_off", "too many calls per second"),
    # Meta did not answer AWS: it may have the message.
    "DependencyException": Trouble("uncertain", "Meta did not answer"),
    "InvalidParametersException": Trouble("misconfigured", "Meta does not accept the message"),
    "AccessDeniedException": Trouble("misconfigured", "our role or the WhatsApp account may not send"),
    "ResourceNotFoundException": Trouble("misconfigured", "the sender's phone number id does not exist"),
    "LimitExceededException": Trouble("misconfigured", "a limit of the account is used up"),
}

META_API_VERSION = "v20.0"
TEXT_MOST = 4096


class WhatsApp:
    """`whatsapp`. `price` VND per template message; answers within the window are free."""

    def __init__(
        self,
        *,
        phone_number_id: str,
        region: str,
        language: str = "vi",
        meta_api_version: str = META_API_VERSION,
        price: int = 0,
        endpoint_url: str = "",
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self._aws = AwsSender(
            "socialmessaging", ERRORS, region=region, endpoint_url=endpoint_url, credentials=credentials
        )
        self._sender = {"originationPhoneNumberId": phone_number_id, "metaApiVersion": meta_api_version}
        self._language = language
        self._price = price

    def send(self, message: Outgoing) -> Sent:
        content = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.to,
            # Comes back with every status of this message.
            "biz_opaque_callback_data": message.tracking_id,
            **(self._template(message) if message.template else _text(message)),
        }
        encoded = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        provider_id = self._aws.send("send_whatsapp_message", "messageId", **self._sender, message=encoded)
        return Sent(provider_id, self._price if message.template else 0)

    def was_taken(self, tracking_id: str) -> Sent | Literal["cannot_tell"] | None:  # noqa: ARG002
        """Neither AWS nor Meta finds a message by our id; the event of its sending tells us, or nothing does."""
        return "cannot_tell"

    def _template(self, message: Outgoing) -> dict[str, Any]:
        """The parameters fill {{1}}, {{2}} … of the template in their order."""
        template: dict[str, Any] = {"name": message.template, "language": {"code": self._language}}
        if message.parameters:
            parameters = [{"type": "text", "text": value} for value in message.parameters.values()]
            template["components"] = [{"type": "body", "parameters": parameters}]
        return {"type": "template", "template": template}


def _text(message: Outgoing) -> dict[str, Any]:
    if not 0 < len(message.text) <= TEXT_MOST:
        raise ChannelError("misconfigured", "length", f"a WhatsApp text has 1 to {TEXT_MOST} characters")
    return {"type": "text", "text": {"body": message.text}}

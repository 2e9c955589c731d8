"""Messages of a Zalo Official Account to a user id: free text inside the conversation's window, templates outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from shared.adapters.channels import zalo_zns
from shared.adapters.channels.error_table import DEFAULT_HOURS, Hours, Trouble
from shared.adapters.channels.zalo_api import ZaloApi, ZaloTemplate, number, template_data
from shared.adapters.channels.zalo_token import ZaloTokens
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Clock, Outgoing, Sent

OPENAPI_URL = "https://openapi.zalo.me"
LONGEST_TEXT = 2000

# This host's own table (integrations.md 1.10), over that of templates, which can be sent here as well.
ERRORS: dict[int, Trouble] = zalo_zns.ERRORS | {
    -100: Trouble("misconfigured", "an attachment has expired and must be uploaded again"),
    -200: Trouble("back_off", "Zalo could not send it"),
    -201: Trouble("misconfigured", "a parameter is invalid"),
    -202: Trouble("misconfigured", "the signature is invalid"),
    -204: Trouble("misconfigured", "the Official Account was disabled or deleted"),
    -205: Trouble("misconfigured", "the Official Account does not exist"),
    -207: Trouble("misconfigured", "the Official Account is not registered as a third party"),
    -208: Trouble("misconfigured", "the Official Account has no secret key"),
    -209: Trouble("misconfigured", "the app is not active for this call"),
    -210: Trouble("misconfigured", "a parameter is over its limit"),
    -211: Trouble("back_off", "the quota is used up"),
    -212: Trouble("misconfigured", "the call is not registered"),
    -213: Trouble("unreachable", "the person does not follow the Official Account"),
    -214: Trouble("back_off", "the article is still being worked on"),
    -215: Trouble("misconfigured", "the id of the app is invalid"),
    -217: Trouble("refused", "the person blocked invitations"),
    -218: Trouble("unreachable", "the person got as many messages as are allowed"),
    -219: Trouble("misconfigured", "the app was removed or disabled"),
    -221: Trouble("misconfigured", "the Official Account must be verified"),
    -222: Trouble("unreachable", "the person is banned or long inactive"),
    -223: Trouble("misconfigured", "the Official Account did not authorise this call"),
    -224: Trouble("misconfigured", "the Official Account needs a larger package"),
    -227: Trouble("unreachable", "the person is banned or inactive for more than 45 days"),
    -230: Trouble("unreachable", "no interaction for 7 days: the window is closed"),
    -232: Trouble("unreachable", "no interaction, or it has expired: the window is closed"),
    -233: Trouble("misconfigured", "the type of message is invalid"),
    -235: Trouble("misconfigured", "this kind of Official Account is not supported"),
    -237: Trouble("misconfigured", "the group or the asset is disabled or used up"),
    -238: Trouble("misconfigured", "the group or the asset is disabled or used up"),
    -240: Trouble("misconfigured", "this way of sending was shut down"),
    -241: Trouble("misconfigured", "the group or the asset is disabled or used up"),
    -242: Trouble("misconfigured", "the proof of the app's secret is invalid"),
    -244: Trouble("refused", "the person restricts this type of message"),
    -248: Trouble("misconfigured", "the content is against Zalo's policy"),
    -249: Trouble("misconfigured", "the template may not be sent by user id"),
    -305: Trouble("unreachable", "more than 48 hours since the last interaction"),
    -311: Trouble("unreachable", "the replies of this conversation are used up"),
    -320: Trouble("misconfigured", "a billing account is needed"),
    -321: Trouble("misconfigured", "there is no money on the account"),
}


class ZaloOa:
    """`ports.Channel` for user ids: a consultation message, or, when `template` is named, a template by user id.

    `templates` holds the prices by user id (`price_uid`). A consultation message counts as free, as it is for 48 hours
    after the last interaction; what it costs from then to the 7th day is not published, and only the caller knows when
    that was.
    """

    def __init__(
        self,
        tokens: ZaloTokens,
        templates: Mapping[str, ZaloTemplate],
        *,
        clock: Clock,
        base_url: str = OPENAPI_URL,
        hours: Hours = DEFAULT_HOURS,
    ) -> None:
        self._api = ZaloApi(base_url, tokens, ERRORS, clock=clock, hours=hours)
        self._templates = templates

    def send(self, message: Outgoing) -> Sent:
        if message.template:
            return self._send_template(message)
        if not message.text or len(message.text) > LONGEST_TEXT:
            raise ChannelError("misconfigured", "text_length", f"a text has 1 to {LONGEST_TEXT} characters")
        content = {"recipient": {"user_id": message.to}, "message": {"text": message.text}}
        answer = self._api.post("/v3.0/oa/message/cs", content)
        return Sent(str(answer.get("message_id") or ""), 0)

    def _send_template(self, message: Outgoing) -> Sent:
        data = template_data(self._templates, message.template, message.parameters)
        content = {"user_id": message.to, "template_id": message.template, "template_data": data}
        answer = self._api.post("/v3.0/oa/message/template", content)
        quota = answer.get("quota")
        left = number(quota.get("remain")) if isinstance(quota, dict) else None
        return Sent(str(answer.get("message_id") or ""), self._templates[message.template].price, left)

    def was_taken(self, tracking_id: str) -> Literal["cannot_tell"]:  # noqa: ARG002
        """These calls take no tracking id at all: nothing but the message id of the lost answer names the message."""
        return "cannot_tell"

"""Zalo template messages by phone number (ZNS, now "ZBS template message")."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

from shared.adapters.channels.error_table import DEFAULT_HOURS, Hours, Trouble
from shared.adapters.channels.zalo_api import ZaloApi, ZaloTemplate, number, template_data
from shared.adapters.channels.zalo_token import ZaloTokens
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Clock, Outgoing, Sent

BUSINESS_URL = "https://business.openapi.zalo.me"

# Zalo's table of 2026 (integrations.md 1.9). The codes of a refused token are in zalo_api: here they mean that even
# a new token was refused.
ERRORS: dict[int, Trouble] = {
    -32: Trouble("back_off", "the rate of the app or the account is used up", "next_minute"),
    -100: Trouble("back_off", "Zalo does not know what went wrong"),
    -101: Trouble("misconfigured", "the app is invalid"),
    -102: Trouble("misconfigured", "the app does not exist"),
    -103: Trouble("misconfigured", "the app is not active"),
    -104: Trouble("misconfigured", "the secret of the app is invalid"),
    -105: Trouble("misconfigured", "the app is not linked to the Official Account"),
    -106: Trouble("misconfigured", "the HTTP method is not supported"),
    -107: Trouble("misconfigured", "the message id is invalid"),
    -108: Trouble("unreachable", "the phone number is invalid"),
    -109: Trouble("misconfigured", "the template id is invalid"),
    -1091: Trouble("misconfigured", "the template cannot be edited"),
    -110: Trouble("unreachable", "their version of Zalo cannot show it"),
    -111: Trouble("misconfigured", "the template data is empty"),
    -112: Trouble("misconfigured", "the type of a parameter is undefined"),
    -1121: Trouble("misconfigured", "a parameter is too long"),
    -1122: Trouble("misconfigured", "a parameter is missing"),
    -1123: Trouble("misconfigured", "the QR code could not be made"),
    -1124: Trouble("misconfigured", "a parameter has the wrong format"),
    -113: Trouble("misconfigured", "a button is invalid"),
    -1131: Trouble("misconfigured", "a button is invalid"),
    -114: Trouble("unreachable", "the person cannot receive it: inactive, refusing, or an old version"),
    -115: Trouble("misconfigured", "the balance or quota of the account is used up"),
    -116: Trouble("misconfigured", "the text is invalid"),
    -117: Trouble("misconfigured", "the account may not use this template"),
    -118: Trouble("unreachable", "the phone number has no Zalo account"),
    -119: Trouble("unreachable", "the account of this person cannot receive"),
    -120: Trouble("misconfigured", "the Official Account may not do this"),
    -1201: Trouble("misconfigured", "the Official Account may not do this"),
    -1202: Trouble("misconfigured", "the Official Account may not do this"),
    -121: Trouble("misconfigured", "the body is empty"),
    -122: Trouble("misconfigured", "the body is not JSON"),
    -123: Trouble("misconfigured", "the encrypted data cannot be read"),
    -124: Trouble("misconfigured", "the access token is refused, even a new one"),
    -216: Trouble("misconfigured", "the access token is refused, even a new one"),
    -220: Trouble("misconfigured", "the access token is refused, even a new one"),
    -1241: Trouble("misconfigured", "the proof of the app's secret is invalid"),
    -125: Trouble("misconfigured", "the id of the Official Account is invalid"),
    -126: Trouble("misconfigured", "the wallet for development is empty"),
    -127: Trouble("misconfigured", "a test template reaches administrators only"),
    -128: Trouble("misconfigured", "the encoding key is missing"),
    -129: Trouble("misconfigured", "the RSA key could not be made"),
    -130: Trouble("misconfigured", "the content is too large"),
    -131: Trouble("misconfigured", "the template is not approved"),
    -132: Trouble("misconfigured", "a parameter is invalid"),
    -133: Trouble("wait_until", "this template is not delivered at night", "morning"),
    -134: Trouble("unreachable", "the person has not answered the question for consent"),
    -135: Trouble("misconfigured", "the Official Account may not send this"),
    -1351: Trouble("misconfigured", "the Official Account is blocked"),
    -136: Trouble("misconfigured", "the account has no billing account"),
    -137: Trouble("misconfigured", "the charge failed"),
    -138: Trouble("misconfigured", "the app lacks a permission"),
    -1381: Trouble("misconfigured", "the Official Account has not granted the billing extension"),
    -139: Trouble("refused", "the person refuses this kind of message"),
    -140: Trouble("unreachable", "the person is not eligible under Zalo's policy"),
    -141: Trouble("refused", "the person refuses messages of this Official Account"),
    -142: Trouble("misconfigured", "the RSA key is missing"),
    -143: Trouble("misconfigured", "the RSA key exists already"),
    -144: Trouble("wait_until", "the account's messages of today are used up", "next_day"),
    -1441: Trouble("wait_until", "the account's promotions of this month are used up", "next_month"),
    -145: Trouble("misconfigured", "the Official Account may not send this type"),
    -146: Trouble("misconfigured", "the template was disabled for its quality"),
    -147: Trouble("wait_until", "the template's messages of today are used up", "next_day"),
    -1471: Trouble("unreachable", "the person got this month's follow-ups"),
    -1472: Trouble("wait_until", "the person got today's promotions", "next_day"),
    -148: Trouble("misconfigured", "the journey token was not found"),
    -149: Trouble("misconfigured", "the journey token is invalid"),
    -1491: Trouble("misconfigured", "the journey token has the wrong type"),
    -150: Trouble("misconfigured", "the journey token has expired"),
    -151: Trouble("misconfigured", "the template is not end-to-end encrypted"),
    -152: Trouble("misconfigured", "the key for end-to-end encryption failed"),
    -153: Trouble("misconfigured", "the data violates the specification"),
    -158: Trouble("misconfigured", "the upload is too large"),
    -159: Trouble("misconfigured", "the format of the upload is not allowed"),
    -160: Trouble("misconfigured", "the uploads or edits of today are used up"),
    -161: Trouble("misconfigured", "the sending mode is not allowed"),
    -162: Trouble("misconfigured", "the sending mode does not go with this tag"),
    -201: Trouble("misconfigured", "a parameter is invalid"),
    -234: Trouble("wait_until", "promotions rest at night", "morning"),
}

_STATES: dict[str, Literal["unknown", "on_its_way", "delivered"]] = {"0": "on_its_way", "1": "delivered"}


class ZaloZns:
    """`ports.Channel` for templates by phone number.

    `templates` says what each approved template costs and takes. `hashed` sends the SHA-256 of the number instead of
    the number. `development` reaches only administrators of the app or the account.
    """

    def __init__(
        self,
        tokens: ZaloTokens,
        templates: Mapping[str, ZaloTemplate],
        *,
        clock: Clock,
        base_url: str = BUSINESS_URL,
        hashed: bool = False,
        development: bool = False,
        hours: Hours = DEFAULT_HOURS,
    ) -> None:
        self._api = ZaloApi(base_url, tokens, ERRORS, clock=clock, hours=hours)
        self._templates = templates
        self._hashed = hashed
        self._development = development

    def send(self, message: Outgoing) -> Sent:
        data = template_data(self._templates, message.template, message.parameters)
        phone = message.to.removeprefix("+")
        if not phone.startswith("84"):
            raise ChannelError("unreachable", "foreign_phone", "Zalo templates reach Vietnamese numbers only")
        content: dict[str, Any] = (
            {"hash_phone": sha256(phone.encode()).hexdigest()} if self._hashed else {"phone": phone}
        )
        content |= {"template_id": message.template, "template_data": data, "tracking_id": message.tracking_id}
        if self._development:
            content["mode"] = "development"
        answer = self._api.post("/message/template/hashphone" if self._hashed else "/message/template", content)
        quota = answer.get("quota")
        left = number(quota.get("remainingQuota")) if isinstance(quota, dict) else None
        return Sent(str(answer.get("msg_id") or ""), self._templates[message.template].price, left)

    def was_taken(self, tracking_id: str) -> Literal["cannot_tell"]:  # noqa: ARG002
        """Zalo can be asked by its own message id only, which is what a lost answer lost; and it takes a tracking id
        twice. What may still come is the delivery callback, which carries the tracking id."""
        return "cannot_tell"

    def delivery(self, provider_id: str) -> Literal["unknown", "on_its_way", "delivered"]:
        """What became of a message, for the time when no delivery callback came."""
        answer = self._api.get("/message/status", {"message_id": provider_id})
        return _STATES.get(str(answer.get("status")), "unknown")

    def quota(self) -> dict[str, int]:
        """What is allowed and left today and this month, by Zalo's names; what it does not say is left out."""
        found = {name: number(value) for name, value in self._api.get("/message/quota").items()}
        return {name: value for name, value in found.items() if value is not None}

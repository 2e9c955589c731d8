"""Facebook Messenger: answers inside the 24-hour window, approved utility templates outside of it, private answers to
comments.

The tag HUMAN_AGENT is for what a person writes with their own hands, up to seven days after the customer did; the app
needs a permission for it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from shared.adapters.channels.error_table import Trouble
from shared.adapters.provider_http import HttpAnswer, HttpClient
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Clock, Outgoing, Sent

GRAPH_URL = "https://graph.facebook.com"
VERSION = "v25.0"

# By code and sub-code, then by code alone (integrations.md 3).
ERRORS: dict[tuple[int, int], Trouble] = {
    (2, 0): Trouble("back_off", "Messenger is out of order for a moment"),
    (1200, 0): Trouble("back_off", "Messenger is out of order for a moment"),
    (4, 0): Trouble("back_off", "the rate of the app is used up"),
    (613, 0): Trouble("back_off", "the rate of the page is used up"),
    (80004, 0): Trouble("back_off", "the rate of the page is used up"),
    (10, 2018278): Trouble("unreachable", "more than 24 hours since they wrote: the window is closed"),
    (10, 1893063): Trouble("misconfigured", "the page is restricted"),
    (10, 0): Trouble("misconfigured", "the app lacks a permission"),
    (10900, 0): Trouble("unreachable", "the comment has its private answer already"),
    (10903, 0): Trouble("unreachable", "the comment takes no private answer"),
    (551, 0): Trouble("unreachable", "the person cannot be reached on Messenger"),
    (190, 0): Trouble("misconfigured", "the access token of the page is refused"),
    (200, 0): Trouble("misconfigured", "the app lacks a permission"),
    (100, 0): Trouble("misconfigured", "a parameter, a tag or a template is not accepted"),
}


def appsecret_proof(token: str, app_secret: str) -> str:
    """Proof that who calls with a token also has the app's secret: the hex HMAC-SHA256 of the token."""
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def signed_query(token: str, app_secret: str) -> dict[str, str]:
    """What a call carries to be let in."""
    query = {"access_token": token}
    return query | {"appsecret_proof": appsecret_proof(token, app_secret)} if app_secret else query


class Messenger:
    """`ports.Channel` for page-scoped user ids.

    `templates` names the approved utility templates and the order of their parameters. With an `app_secret` every call
    carries its proof.
    """

    def __init__(
        self,
        page_id: str,
        page_token: str,
        templates: Mapping[str, Sequence[str]],
        *,
        clock: Clock,
        app_secret: str = "",
        base_url: str = GRAPH_URL,
        version: str = VERSION,
        language: str = "vi",
    ) -> None:
        self._http = HttpClient(base_url, clock=clock)
        self._path = f"/{version}/{page_id}/messages"
        self._query = signed_query(page_token, app_secret)
        self._templates = templates
        self._language = language

    def send(self, message: Outgoing) -> Sent:
        kind: dict[str, Any] = {"messaging_type": "RESPONSE"}
        body: dict[str, Any] = {"text": message.text}
        if message.template:
            kind, body = {"messaging_type": "UTILITY"}, self._template(message)
        elif message.beyond_window:
            kind = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        # Messenger has no tracking id; it gives `metadata` back with the echo of what the page said.
        body["metadata"] = message.tracking_id
        recipient = {"comment_id" if message.comment else "id": message.to}
        content = {"recipient": recipient, **kind, "message": body}
        answer = self._http.post_json(self._path, content, query=self._query)
        return Sent(_message_id(answer), 0)

    def was_taken(self, tracking_id: str) -> Literal["cannot_tell"]:  # noqa: ARG002
        """No call finds a message by our id; the echo that carries it, where it is subscribed to, may still come."""
        return "cannot_tell"

    def _template(self, message: Outgoing) -> dict[str, Any]:
        order = self._templates.get(message.template)
        if order is None:
            raise ChannelError(
                "misconfigured", "template_unknown", f"template {message.template!r} is not in the playbook"
            )
        if wrong := sorted(set(order) ^ message.parameters.keys()):
            raise ChannelError("misconfigured", "parameters", f"missing or not of this template: {', '.join(wrong)}")
        payload: dict[str, Any] = {
            "template_type": "utility_messages",
            "name": message.template,
            "language": {"code": self._language},
        }
        if order:
            texts = [{"type": "text", "text": message.parameters[name]} for name in order]
            payload["components"] = [{"type": "body", "parameters": texts}]
        return {"attachment": {"type": "template", "payload": payload}}


def content_of(answer: HttpAnswer, errors: Mapping[tuple[int, int], Trouble]) -> dict[str, Any]:
    """What the Graph API answered; raises ChannelError where it is an error, by code and sub-code, then by code."""
    content = answer.json()
    error = content.get("error")
    if isinstance(error, dict):
        code, detail = _number(error.get("code")), _number(error.get("error_subcode"))
        trouble = errors.get((code, detail)) or errors.get((code, 0))
        if trouble is None and answer.status >= 500:
            raise ChannelError("uncertain", str(code), "Facebook failed without saying where")
        kind, reason, _ = trouble or Trouble("misconfigured", "an error code that is not in our table")
        raise ChannelError(kind, f"{code}/{detail}" if detail else str(code), reason)
    return content


def _message_id(answer: HttpAnswer) -> str:
    message_id = content_of(answer, ERRORS).get("message_id")
    if not isinstance(message_id, str):
        raise ChannelError("uncertain", f"http_{answer.status}", "the answer has neither a message id nor an error")
    return message_id


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0

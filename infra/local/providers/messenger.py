"""A stand-in for a page on Facebook: Messenger with its windows, utility templates, echoes and receipts, and the
comments under the page's posts, all signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from infra.local.providers.base import Callback, Received, Reply, Request, StandIn, json_reply, milliseconds
from shared.ports import Clock

VERSION = "v25.0"
WINDOW, HUMAN_WINDOW = timedelta(hours=24), timedelta(days=7)
COMMENT_WINDOW = timedelta(days=7)


@dataclass
class PageComment:
    """A comment under a post of the page. `replies` are what the page said below it, `private` what it told its author
    alone."""

    author: str
    text: str
    at: datetime
    hidden: bool = False
    private: str = ""
    replies: list[str] = field(default_factory=list)


class Messenger(StandIn):
    """Messenger with one page.

    Knobs: `templates` (approved utility templates: name → text with {{1}}, {{2}} …), `user_errors` (PSID or comment →
    code and sub-code), `human_agent` (whether the app has that permission), and those of every stand-in. `comments`
    shows what became of each.
    """

    name = "messenger"

    def __init__(
        self,
        *,
        clock: Clock,
        page_id: str = "300000000000003",
        page_token: str = "local-page-token",  # noqa: S107 - it guards nothing
        app_secret: str = "local-meta-secret",  # noqa: S107
        verify_token: str = "local-verify-token",  # noqa: S107
        templates: Mapping[str, str] | None = None,
        human_agent: bool = True,
        delivery_after: timedelta = timedelta(seconds=3),
        seed: int = 0,
    ) -> None:
        self.page_id, self.page_token = page_id, page_token
        self.app_secret, self.verify_token = app_secret, verify_token
        self.templates = dict(templates or {})
        self.delivery_after = delivery_after
        self.human_agent = human_agent
        self.user_errors: dict[str, tuple[int, int]] = {}
        self.comments: dict[str, PageComment] = {}
        self.path = f"/{VERSION}/{page_id}/messages"
        self.sends = {self.path: "messenger"}
        self._last_words: dict[str, datetime] = {}
        self._count = 0
        super().__init__(clock=clock, seed=seed)

    # What people and administrators do

    def say(self, psid: str, text: str, *, photo: str = "") -> None:
        """A person writes to the page, which opens the window for answers; `photo` is an address of Meta's own."""
        self._last_words[psid] = self.clock()
        message: dict[str, Any] = {"mid": self._id()}
        message |= {"text": text} if text else {}
        message |= {"attachments": [{"type": "image", "payload": {"url": photo}}]} if photo else {}
        self._event(self.clock(), self._from(psid) | {"message": message})

    def wrote(self, psid: str) -> None:
        """A person wrote, and the shop's own integration tells of it, so nothing is called back."""
        self._last_words[psid] = self.clock()

    def comment(self, author: str, text: str, *, name: str = "Nguyễn Thị Lan", verb: str = "add", of: str = "") -> str:
        """A person, or the page itself, comments on a post, or changes the comment `of`; the id of the comment."""
        now, post = self.clock(), f"{self.page_id}_900000000000001"
        comment_id = of or f"900000000000001_{self._id().removeprefix('m_')}"
        self.comments[comment_id] = PageComment(author, text, now)
        value = {
            "from": {"id": author, "name": name},
            "post": {"status_type": "added_photos", "is_published": True, "id": post, "promotion_status": "inactive"},
            "message": text,
            "post_id": post,
            "comment_id": comment_id,
            "created_time": milliseconds(now) // 1000,
            "item": "comment",
            "parent_id": post,
            "verb": verb,
        }
        entry = {"id": self.page_id, "time": milliseconds(now) // 1000, "changes": [{"value": value, "field": "feed"}]}
        self._deliver(now, entry)
        return comment_id

    def tap(self, psid: str, title: str, payload: str) -> None:
        """A person taps a button."""
        self._last_words[psid] = self.clock()
        postback = {"mid": self._id(), "title": title, "payload": payload}
        self._event(self.clock(), self._from(psid) | {"postback": postback})

    def read(self, psid: str) -> None:
        """A person has read everything up to now."""
        self._event(self.clock(), self._from(psid) | {"read": {"watermark": milliseconds(self.clock())}})

    def subscribe(self, challenge: str) -> None:
        """An administrator sets up the webhook: Meta asks whether it is ours."""
        query = {"hub.mode": "subscribe", "hub.verify_token": self.verify_token, "hub.challenge": challenge}
        self.call_back(Callback("GET", f"/webhooks/messenger?{urlencode(query)}", {}, b"", self.clock()))

    # What the app calls

    def handle(self, request: Request) -> Reply:
        comment_id, _, edge = request.path.removeprefix(f"/{VERSION}/").partition("/")
        if request.path != self.path and comment_id not in self.comments:
            return _error(100, 33, "Unsupported post request")
        token = request.query.get("access_token", "")
        if token != self.page_token:
            return _error(190, 0, "Invalid OAuth access token")
        proof = request.query.get("appsecret_proof")
        if proof is not None and proof != hmac.new(self.app_secret.encode(), token.encode(), "sha256").hexdigest():
            return _error(100, 0, "Invalid appsecret_proof provided in the API argument")
        content = request.json()
        if comment_id in self.comments:
            return self._moderate(comment_id, edge, content)
        recipient, message = content.get("recipient"), content.get("message")
        if not isinstance(recipient, dict) or not isinstance(message, dict):
            return _error(100, 0, "recipient and message are required")
        if "comment_id" in recipient:
            return self._answer_comment(str(recipient["comment_id"]), message)
        psid = str(recipient.get("id", ""))
        if psid in self.user_errors:
            return _error(*self.user_errors[psid], "This person isn't available right now")
        if psid not in self._last_words:
            return _error(551, 1545041, "This person isn't available right now")
        text = self._text(psid, content, message)
        return text if isinstance(text, Reply) else self._take(psid, text, message)

    def error_reply(self, request: Request) -> Reply:  # noqa: ARG002
        return _error(2, 0, "Service temporarily unavailable", status=500)

    def rate_limit_reply(self, request: Request) -> Reply:  # noqa: ARG002
        return _error(613, 0, "Calls to this api have exceeded the rate limit")

    def _text(self, psid: str, content: Mapping[str, Any], message: Mapping[str, Any]) -> str | Reply:
        """What the person will see, or why not."""
        kind = content.get("messaging_type")
        if kind == "UTILITY":
            return self._template(message)
        if kind == "MESSAGE_TAG":
            # All others were retired on 2026-04-27; this one needs a permission.
            if content.get("tag") != "HUMAN_AGENT":
                return _error(100, 0, "This message tag is no longer supported")
            if not self.human_agent:
                return _error(200, 0, "The app has no permission for this message tag")
        elif kind not in ("RESPONSE", "UPDATE"):
            return _error(100, 0, "messaging_type is invalid")
        if self.clock() - self._last_words[psid] > (HUMAN_WINDOW if kind == "MESSAGE_TAG" else WINDOW):
            return _error(10, 2018278, "This message is sent outside of allowed window")
        text = message.get("text")
        return text if isinstance(text, str) and text else _error(100, 0, "The message is empty")

    def _answer_comment(self, comment_id: str, message: Mapping[str, Any]) -> Reply:
        """The one private answer that a comment takes; it reaches the author and opens no window."""
        comment, text = self.comments.get(comment_id), str(message.get("text", ""))
        if comment is None:
            return _error(100, 33, "The comment does not exist")
        if comment_id in self.user_errors:
            return _error(*self.user_errors[comment_id], "This user can't reply to this activity")
        if comment.private:
            return _error(10900, 0, "Activity already replied to")
        if comment.author == self.page_id or self.clock() - comment.at > COMMENT_WINDOW:
            return _error(10903, 0, "This user can't reply to this activity")
        comment.private = text
        return self._take(comment.author, text, message)

    def _moderate(self, comment_id: str, edge: str, content: Mapping[str, Any]) -> Reply:
        """What the page does with a comment: hide it, or say something below it."""
        comment = self.comments[comment_id]
        if edge == "comments" and content.get("message"):
            comment.replies.append(str(content["message"]))
            return json_reply({"id": f"900000000000001_{self._id().removeprefix('m_')}"})
        if edge or "is_hidden" not in content:
            return _error(100, 0, "Unsupported post request")
        comment.hidden = bool(content["is_hidden"])
        return json_reply({"success": True})

    def _template(self, message: Mapping[str, Any]) -> str | Reply:
        try:
            payload = message["attachment"]["payload"]
            text = self.templates[payload["name"]]
            body = payload.get("components", [{"parameters": []}])[0]
            values = [str(parameter["text"]) for parameter in body["parameters"]]
        except (KeyError, IndexError, TypeError):
            return _error(100, 0, "The template does not exist or its components are malformed")
        for index, value in enumerate(values, 1):
            if f"{{{{{index}}}}}" not in text:
                return _error(100, 0, "The number of parameters does not match the template")
            text = text.replace(f"{{{{{index}}}}}", value)
        return _error(100, 0, "A parameter is missing") if "{{" in text else text

    def _take(self, psid: str, text: str, message: Mapping[str, Any]) -> Reply:
        mid, now = self._id(), self.clock()
        tracking_id = str(message.get("metadata", ""))
        self.received.append(Received(now, "messenger", psid, text, tracking_id, mid))
        echo = {"mid": mid, "text": text, "is_echo": True, "app_id": 1, "metadata": tracking_id}
        self._event(now, {"sender": {"id": self.page_id}, "recipient": {"id": psid}, "message": echo})
        at = now + self.delivery_after
        self._event(at, self._from(psid) | {"delivery": {"mids": [mid], "watermark": milliseconds(at)}})
        return json_reply({"recipient_id": psid, "message_id": mid})

    # How it tells us

    def _event(self, at: datetime, event: Mapping[str, Any]) -> None:
        stamped = {**event, "timestamp": milliseconds(at)}
        self._deliver(at, {"id": self.page_id, "time": milliseconds(at), "messaging": [stamped]})

    def _deliver(self, at: datetime, entry: Mapping[str, Any]) -> None:
        payload = {"object": "page", "entry": [entry]}
        body = json.dumps(payload, ensure_ascii=True, separators=(",", ":")).encode()
        mac = hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={mac}"}
        self.call_back(Callback("POST", "/webhooks/messenger", headers, body, at))

    def _from(self, psid: str) -> dict[str, Any]:
        return {"sender": {"id": psid}, "recipient": {"id": self.page_id}}

    def _id(self) -> str:
        with self.lock:
            self._count += 1
            return f"m_{self._count:012d}"


def _error(code: int, detail: int, message: str, *, status: int = 400) -> Reply:
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "local"}
    if detail:
        error["error_subcode"] = detail
    return json_reply({"error": error}, status)

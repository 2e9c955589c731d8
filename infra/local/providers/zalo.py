"""A stand-in for Zalo: sign-in with rotating tokens, templates by phone and user id, chat messages, signed callbacks.

It plays Zalo's three hosts on one port; their paths do not meet. Errors come with HTTP 200, as Zalo's do.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from infra.local.providers.base import Callback, Received, Reply, Request, StandIn, json_reply, milliseconds
from shared.domain.common.money import vnd
from shared.domain.vietnam_time import VIETNAM, local_day
from shared.ports import Clock

ACCESS_LIFE = timedelta(seconds=90_000)
CODE_LIFE = timedelta(minutes=10)
REPLY_FREE, REPLY_LAST = timedelta(hours=48), timedelta(days=7)
NIGHT_FROM, NIGHT_TO = 22, 6

SENDS = {
    "/message/template": "zns",
    "/message/template/hashphone": "zns",
    "/v3.0/oa/message/cs": "zalo",
    "/v3.0/oa/message/template": "zalo",
}

# A phone that ends so is one with this trouble; the longest ending counts. Tests may add to a stand-in's own copy.
PHONE_ERRORS = {
    "108": -108,
    "110": -110,
    "114": -114,
    "118": -118,
    "119": -119,
    "139": -139,
    "140": -140,
    "141": -141,
    "1471": -1471,
    "1472": -1472,
}

_MESSAGES = {
    0: "Success",
    -32: "Rate limit of the app exceeded",
    -100: "Unknown exception, please try again later",
    -108: "Phone number is invalid",
    -109: "Template id is invalid",
    -118: "Zalo account does not exist",
    -124: "Access token is invalid",
    -131: "Template is not approved",
    -133: "Message is not allowed to be sent at night",
    -144: "OA exceeded daily quota",
    -146: "Template is disabled due to low quality",
    -213: "User has not followed OA",
    -216: "Access token is invalid",
    -230: "User has not interacted with the OA in the past 7 days",
}


@dataclass(frozen=True, slots=True)
class ZaloTemplate:
    """An approved template: its text with <names> of parameters, and the most characters of each.

    `money` are the parameters that Zalo shows as amounts of VND, with points between the thousands.
    """

    text: str
    limits: Mapping[str, int] = field(default_factory=dict)
    tag: str = "TRANSACTION"
    status: str = "ENABLE"
    price: int = 300
    price_uid: int = 210
    at_night: bool = False
    money: frozenset[str] = frozenset()


@dataclass(slots=True)
class _User:
    follows: bool = False
    last_interaction: datetime | None = None


class Zalo(StandIn):
    """Zalo with one app and one Official Account.

    Knobs: `phone_errors` and `user_errors` (address → code), `never_delivered` (addresses that get no receipt),
    `quota_left`, `rate_per_minute`, `templates`, and those of every stand-in. `token_requests` lists the grant types in
    the order they were asked for.
    """

    name = "zalo"
    sends = SENDS
    retry_after = (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(minutes=30),
        timedelta(hours=1),
    )

    def __init__(
        self,
        *,
        clock: Clock,
        app_id: str = "1000000000000000001",
        app_secret: str = "local-app-secret",  # noqa: S107 - it guards nothing
        oa_id: str = "2000000000000000002",
        oa_secret: str = "local-oa-secret",  # noqa: S107
        templates: Mapping[str, ZaloTemplate] | None = None,
        daily_quota: int = 500,
        rate_per_minute: int = 4000,
        delivery_after: timedelta = timedelta(seconds=5),
        seed: int = 0,
    ) -> None:
        self.app_id, self.app_secret = app_id, app_secret
        self.oa_id, self.oa_secret = oa_id, oa_secret
        self.templates = dict(templates or {})
        self.daily_quota = self.quota_left = daily_quota
        self.rate_per_minute = rate_per_minute
        self.delivery_after = delivery_after
        self.phone_errors = dict(PHONE_ERRORS)
        self.user_errors: dict[str, int] = {}
        self.never_delivered: set[str] = set()
        self.token_requests: list[str] = []
        self._users: dict[str, _User] = {}
        self._codes: dict[str, tuple[str, datetime]] = {}
        self._access: dict[str, datetime] = {}
        self._refresh = ""
        self._count = 0
        self._quota_day = local_day(clock())
        self._minute = (clock(), 0)
        self._delivery_times: dict[str, datetime | None] = {}
        super().__init__(clock=clock, seed=seed)

    # What people and administrators do

    def permit(self, permission_url: str) -> str:
        """An administrator follows the link and lets the app in: the code that comes back."""
        asked = parse_qs(urlsplit(permission_url).query)
        if asked["app_id"] != [self.app_id]:
            raise ValueError("the link is for another app")
        with self.lock:
            code = self._id("code")
            self._codes[code] = (asked["code_challenge"][0], self.clock() + CODE_LIFE)
        return code

    def expire_tokens(self) -> None:
        """From now on no access token that was given out is accepted."""
        with self.lock:
            self._access.clear()

    def say(self, user_id: str, text: str, *, at: datetime | None = None) -> None:
        """A user writes to the account, which opens the window for answers."""
        self._say("user_send_text", user_id, {"text": text}, at)

    def wrote(self, user_id: str) -> None:
        """A user wrote, and the shop's own integration tells of it, so nothing is called back."""
        self._user(user_id).last_interaction = self.clock()

    def show(self, user_id: str, kind: str, url: str, *, text: str = "", at: datetime | None = None) -> None:
        """A user sends an image, a sticker or another file, which lies at an address of Zalo's."""
        attachment = {"type": kind, "payload": {"url": url, "thumbnail": url}}
        self._say(f"user_send_{kind}", user_id, {"text": text, "attachments": [attachment]}, at)

    def _say(self, name: str, user_id: str, message: Mapping[str, Any], at: datetime | None) -> None:
        at = at or self.clock()
        self._user(user_id).last_interaction = at
        self._event(name, at, self._from(user_id) | {"message": {**message, "msg_id": self._id("msg")}})

    def follow(self, user_id: str) -> None:
        self._user(user_id).follows = True
        self._user(user_id).last_interaction = self.clock()
        self._event("follow", self.clock(), self._follower(user_id))

    def unfollow(self, user_id: str) -> None:
        self._user(user_id).follows = False
        self._event("unfollow", self.clock(), self._follower(user_id))

    def submit_info(self, user_id: str, phone: str, name: str) -> None:
        """A user fills in the form that asks for name and phone."""
        self._user(user_id).last_interaction = self.clock()
        info = {"name": name, "phone": phone, "user_dob": "", "gender": "", "full_address": {}}
        self._event("user_submit_info", self.clock(), self._from(user_id) | {"info": info})

    def see(self, user_id: str, message_id: str) -> None:
        """A user opens a chat message of the account."""
        message = {"msg_ids": [message_id]}
        self._event("user_seen_message", self.clock(), self._to(user_id) | {"message": message})

    def rate(self, message_id: str, tracking_id: str, score: int, note: str = "") -> None:
        """A customer answers a rating template."""
        message = {
            "msg_id": message_id,
            "tracking_id": tracking_id,
            "rate": score,
            "note": note,
            "feedbacks": [],
            "submit_time": _ms(self.clock()),
        }
        self._event("user_feedback", self.clock(), {"oa_id": self.oa_id, "message": message}, template=True)

    def decide_on_template(self, template_id: str, status: str, reason: str = "") -> None:
        """Zalo approves, refuses or disables a template."""
        with self.lock:
            before = self.templates[template_id]
            self.templates[template_id] = replace(before, status=status)
        change = {"prev_status": before.status, "new_status": status}
        fields = {"oa_id": self.oa_id, "template_id": template_id, "status": change, "reason": reason}
        self._event("change_template_status", self.clock(), fields, template=True)

    # What the app calls

    def handle(self, request: Request) -> Reply:
        if request.path == "/v4/oa/access_token":
            return self._token(request)
        call = {
            "/message/template": self._send_template,
            "/message/template/hashphone": self._send_template,
            "/message/status": self._status,
            "/message/quota": self._quota,
            "/v3.0/oa/message/cs": self._send_chat,
            "/v3.0/oa/message/template": self._send_template_to_user,
        }.get(request.path)
        if call is None:
            return Reply(404)
        limited, headers = self._pace()
        if limited:
            return self._error(-32, headers)
        valid_until = self._access.get(request.headers.get("access_token", ""))
        if valid_until is None or valid_until <= self.clock():
            return self._error(-216 if request.path.startswith("/v3.0/") else -124, headers)
        return call(request, headers)

    def error_reply(self, request: Request) -> Reply:
        return self._error(-200 if request.path.startswith("/v3.0/") else -100, {})

    def rate_limit_reply(self, request: Request) -> Reply:  # noqa: ARG002
        return self._error(-32, {"X-RateLimit-Limit": str(self.rate_per_minute), "X-RateLimit-Remain": "0"})

    def _token(self, request: Request) -> Reply:
        form = request.form()
        self.token_requests.append(form.get("grant_type", ""))
        if form.get("app_id") != self.app_id:
            return _oauth_error(-14002, "Invalid app id")
        if request.headers.get("secret_key") != self.app_secret:
            return _oauth_error(-14004, "Invalid secret key")
        if form.get("grant_type") == "authorization_code":
            challenge, until = self._codes.pop(form.get("code", ""), ("", self.clock()))
            if until <= self.clock() or challenge != _challenge(form.get("code_verifier", "")):
                return _oauth_error(-14019, "Invalid authorization code")
        elif not self._refresh or form.get("refresh_token") != self._refresh:
            return _oauth_error(-14014, "Invalid refresh token")
        access, self._refresh = self._id("access"), self._id("refresh")
        self._access[access] = self.clock() + ACCESS_LIFE
        lives = str(int(ACCESS_LIFE.total_seconds()))
        return json_reply({"access_token": access, "refresh_token": self._refresh, "expires_in": lives})

    def _send_template(self, request: Request, headers: Mapping[str, str]) -> Reply:
        content = request.json()
        hashed = "hash_phone" in content
        to = str(content.get("hash_phone" if hashed else "phone", ""))
        tracking_id, template_id = str(content.get("tracking_id", "")), str(content.get("template_id", ""))
        if not hashed and not re.fullmatch(r"84\d{9}", to):
            return self._error(-108, headers)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,48}", tracking_id):
            return self._error(-132, headers)
        code = self._refusal(template_id, content, self.phone_errors, to) or self._spend()
        if code:
            return self._error(code, headers)
        template = self.templates[template_id]
        message_id = self._id("zns")
        address = to if hashed else f"+{to}"
        self._take("zns", address, message_id, tracking_id, template_id, template, content)
        self._deliver(to, address, message_id, {"tracking_id": tracking_id}, self.clock() + self.delivery_after)
        quota = {"dailyQuota": str(self.daily_quota), "remainingQuota": str(self.quota_left)}
        data = {"msg_id": message_id, "sent_time": _ms(self.clock()), "sending_mode": "1", "quota": quota}
        return _success(data, headers)

    def _send_template_to_user(self, request: Request, headers: Mapping[str, str]) -> Reply:
        content = request.json()
        user_id, template_id = str(content.get("user_id", "")), str(content.get("template_id", ""))
        if user_id not in self._users:
            return self._error(-213, headers)
        code = self._refusal(template_id, content, {}, user_id)
        # By user id a template is taken at night and shown in the morning; a promotion is not even taken.
        if code == -133:
            code = -234 if self.templates[template_id].tag == "PROMOTION" else 0
        if code:
            return self._error(code, headers)
        message_id = self._id("uid")
        self._take("zalo", user_id, message_id, "", template_id, self.templates[template_id], content)
        self._deliver(user_id, user_id, message_id, {}, _daytime(self.clock() + self.delivery_after))
        quota = {"quota_type": "purchase_quota", "remain": str(self.quota_left)}
        data = {"message_id": message_id, "user_id": user_id, "sent_time": _ms(self.clock()), "quota": quota}
        return _success(data, headers)

    def _send_chat(self, request: Request, headers: Mapping[str, str]) -> Reply:
        content = request.json()
        user_id, text = _at(content, "recipient", "user_id"), _at(content, "message", "text")
        user = self._users.get(user_id)
        now = self.clock()
        if user_id in self.user_errors:
            return self._error(self.user_errors[user_id], headers)
        if user is None or (user.last_interaction is None and not user.follows):
            return self._error(-213, headers)
        if user.last_interaction is None or now - user.last_interaction > REPLY_LAST:
            return self._error(-230, headers)
        if not text:
            return self._error(-201, headers)
        if len(text) > 2000:
            return self._error(-210, headers)
        message_id = self._id("cs")
        billed = now - user.last_interaction > REPLY_FREE
        self.received.append(Received(now, "zalo", user_id, text, provider_id=message_id, detail={"billed": billed}))
        if user_id not in self.never_delivered:
            fields = self._to(user_id) | {"message": {"msg_id": message_id}}
            self._event("user_received_message", now + self.delivery_after, fields)
        return _success({"message_id": message_id, "user_id": user_id}, headers)

    def _status(self, request: Request, headers: Mapping[str, str]) -> Reply:
        message_id = request.query.get("message_id", "")
        at = self._delivery_times.get(message_id)
        if at is not None and at <= self.clock():
            return _success({"delivery_time": _ms(at), "message": "Delivered", "status": 1}, headers)
        status = 0 if message_id in self._delivery_times else -1
        return _success({"delivery_time": "", "message": "", "status": status}, headers)

    def _quota(self, request: Request, headers: Mapping[str, str]) -> Reply:  # noqa: ARG002
        self._new_day()
        data = {"dailyQuota": self.daily_quota, "remainingQuota": self.quota_left, "dailyQuotaPromotion": None}
        return _success(data, headers)

    # How it decides

    def _refusal(self, template_id: str, content: Mapping[str, Any], errors: Mapping[str, int], to: str) -> int:
        template = self.templates.get(template_id)
        if template is None:
            return -109
        if template.status != "ENABLE":
            return -146 if template.status == "DISABLE" else -131
        data = content.get("template_data")
        if not isinstance(data, dict) or template.limits.keys() - data.keys():
            return -1122
        if any(len(str(data[name])) > limit for name, limit in template.limits.items()):
            return -1121
        if to in self.user_errors:
            return self.user_errors[to]
        for ending in sorted(errors, key=len, reverse=True):
            if to.endswith(ending):
                return errors[ending]
        return -133 if not template.at_night and _is_night(self.clock()) else 0

    def _spend(self) -> int:
        """Take one message off the day's quota."""
        self._new_day()
        if self.quota_left <= 0:
            return -144
        self.quota_left -= 1
        return 0

    def _new_day(self) -> None:
        if (today := local_day(self.clock())) != self._quota_day:
            self._quota_day, self.quota_left = today, self.daily_quota

    def _pace(self) -> tuple[bool, dict[str, str]]:
        """Whether this call is one too many in its minute, and the headers that say how many are left."""
        minute = self.clock().replace(second=0, microsecond=0)
        count = self._minute[1] + 1 if self._minute[0] == minute else 1
        self._minute = (minute, count)
        left = max(0, self.rate_per_minute - count)
        headers = {"X-RateLimit-Limit": str(self.rate_per_minute), "X-RateLimit-Remain": str(left)}
        return count > self.rate_per_minute, headers

    def _take(
        self,
        channel: str,
        to: str,
        message_id: str,
        tracking_id: str,
        template_id: str,
        template: ZaloTemplate,
        content: Mapping[str, Any],
    ) -> None:
        data = dict(content["template_data"])
        data |= {name: vnd(int(data[name])) for name in template.money if str(data.get(name)).isdecimal()}
        text = re.sub(r"<(\w+)>", lambda found: str(data.get(found[1], found[0])), template.text)
        detail = {"template_id": template_id}
        self.received.append(Received(self.clock(), channel, to, text, tracking_id, message_id, detail))

    def _deliver(self, recipient: str, address: str, message_id: str, ours: dict[str, str], at: datetime) -> None:
        self._delivery_times[message_id] = None if address in self.never_delivered else at
        if address in self.never_delivered:
            return
        message = {"delivery_time": _ms(at), "msg_id": message_id, **ours}
        fields = {"sender": {"id": self.oa_id}, "recipient": {"id": recipient}, "message": message}
        self._event("user_received_message", at, fields, template=True)

    def _error(self, code: int, headers: Mapping[str, str]) -> Reply:
        return json_reply({"error": code, "message": _MESSAGES.get(code, "Request was refused")}, headers=headers)

    # How it tells us

    def _event(self, name: str, at: datetime, fields: Mapping[str, Any], *, template: bool = False) -> None:
        timestamp = _ms(at)
        payload = {"event_name": name, "app_id": self.app_id, **fields, "timestamp": timestamp}
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        mac = hashlib.sha256(self.app_id.encode() + body + timestamp.encode() + self.oa_secret.encode()).hexdigest()
        headers = {"Content-Type": "application/json", "X-ZEvent-Signature": f"mac={mac}"}
        if template:
            headers["X-ZEvent-Server"] = "ZNS"
        self.call_back(Callback("POST", "/webhooks/zalo", headers, body, at))

    def accepted(self, status: int) -> bool:
        return status == 200

    def retried(self, callback: Callback) -> Callback:
        return replace(callback, headers={**callback.headers, "num_retry": str(callback.attempt)})

    def _user(self, user_id: str) -> _User:
        with self.lock:
            return self._users.setdefault(user_id, _User())

    def _from(self, user_id: str) -> dict[str, Any]:
        return {"sender": {"id": user_id}, "recipient": {"id": self.oa_id}, "user_id_by_app": f"app-{user_id}"}

    def _to(self, user_id: str) -> dict[str, Any]:
        return {"sender": {"id": self.oa_id}, "recipient": {"id": user_id}, "user_id_by_app": f"app-{user_id}"}

    def _follower(self, user_id: str) -> dict[str, Any]:
        person = {"follower": {"id": user_id}, "user_id_by_app": f"app-{user_id}"}
        return {"oa_id": self.oa_id, "source": "oa_profile", **person}

    def _id(self, kind: str) -> str:
        with self.lock:
            self._count += 1
            return f"{kind}-{self._count:09d}"


def _success(data: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
    return json_reply({"error": 0, "message": "Success", "data": data}, headers=headers)


def _oauth_error(code: int, reason: str) -> Reply:
    return json_reply({"error": code, "error_name": reason, "error_reason": reason, "ref_doc": ""})


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _ms(at: datetime) -> str:
    return str(milliseconds(at))


def _is_night(at: datetime) -> bool:
    hour = at.astimezone(VIETNAM).hour
    return hour >= NIGHT_FROM or hour < NIGHT_TO


def _daytime(at: datetime) -> datetime:
    """The moment itself, or the end of the night it falls into."""
    local = at.astimezone(VIETNAM)
    if not _is_night(at):
        return at
    day = local.date() + timedelta(days=1 if local.hour >= NIGHT_FROM else 0)
    return datetime(day.year, day.month, day.day, NIGHT_TO, tzinfo=VIETNAM).astimezone(UTC)


def _at(content: Mapping[str, Any], outer: str, name: str) -> str:
    found = content.get(outer)
    return str(found.get(name, "")) if isinstance(found, dict) else ""

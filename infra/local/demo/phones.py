"""What people can do with a message that a provider's stand-in received: open it, tap, answer a survey, unsubscribe."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from infra.local.demo.api_client import BROWSER, Doors
from infra.local.demo.dataset import Draw
from infra.local.providers.base import Received
from shared.domain.messaging.tracked_links import MessageLinks, link_key
from shared.runtime.playbook.templates import templates

SURVEYS = {"csat": {"5": 46, "4": 30, "3": 12, "2": 7, "1": 5}, "nps": {"10": 30, "9": 25, "8": 20, "6": 15, "3": 10}}
WORDS = {
    "good": ("Hàng đẹp, gói cẩn thận.", "Nhân viên nhiệt tình.", ""),
    "bad": ("Hộp bị móp khi nhận.", "Giao thiếu một món, gọi chưa ai nghe máy.", "Màu khác hình."),
}
# Letters and digits of our own tracking ids.
MESSAGE_ID = 44
_LINK = re.compile(r"https?://\S+?(/[rsu]/[\w-]{48})")


class Phones:
    """The hands that hold the phones; every deed goes through the providers or the pages behind links."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def open(self, got: Received) -> None:
        """Open an e-mail or a chat; no other channel tells."""
        providers = self._doors.stack.providers.stand_ins
        if got.channel == "email":
            providers.aws.open(got.provider_id, user_agent=BROWSER)
        elif got.channel == "zalo":
            providers.zalo.see(got.to, got.provider_id)

    def survey(self, got: Received) -> str:
        """Which survey a message is: csat, nps, or "" for none."""
        template = self._template(got)
        return str(template.survey or "") if template else "csat" if _first_link(got).startswith("/s/") else ""

    def answer(self, got: Received, draw: Draw) -> None:
        """Answer the survey that a message is."""
        kind = self.survey(got)
        score = draw.of("score", SURVEYS[kind])
        low = int(score) <= (2 if kind == "csat" else 6)
        words = WORDS["bad" if low else "good"]
        note = words[draw.number("words", len(words))]
        if got.channel == "zns" and kind == "csat":
            zalo = self._doors.stack.providers.stand_ins.zalo
            zalo.rate(got.provider_id, got.tracking_id, int(score), note)
        else:
            self._doors.fill_in(_first_link(got) or self._links(got).survey, {"score": score, "comment": note})

    def tap(self, got: Received) -> None:
        """Follow the message's link, where it has one."""
        link, template = _first_link(got), self._template(got)
        # An advertisement's button always leads somewhere.
        if not link and template and template.purpose == "marketing" and template.links:
            link = self._links(got).click(0)
        if link.startswith("/r/"):
            self._doors.follow(link)

    def unsubscribe_link(self, got: Received) -> str:
        """The way out that a message shows, or ""."""
        return next((path for path in _LINK.findall(got.text) if path.startswith("/u/")), "")

    def unsubscribe(self, got: Received) -> None:
        """Have enough of the message's channel: on the page behind its link, or in words where there is none."""
        stand_ins = self._doors.stack.providers.stand_ins
        link = self.unsubscribe_link(got) or (len(got.tracking_id) == MESSAGE_ID and self._links(got).unsubscribe)
        if link:
            self._doors.fill_in(link, {"scope": "channel"})
        elif got.channel == "zalo":
            stand_ins.zalo.say(got.to, "Từ chối nhận tin")
        else:
            stand_ins.esms.write(got.to, "TC")

    def _template(self, got: Received) -> Any:
        return self._zns.get(str(got.detail.get("template_id", "")))

    def _links(self, got: Received) -> MessageLinks:
        """What the button of a Zalo template leads to, which its text does not show."""
        return MessageLinks("", link_key(self._doors.stack.outside.identity_key), got.tracking_id)

    @cached_property
    def _zns(self) -> dict[str, Any]:
        return {template.zns.template_id: template for template in templates().values() if template.zns}


def _first_link(got: Received) -> str:
    return next(iter(_LINK.findall(got.text)), "")

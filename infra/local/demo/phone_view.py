"""One customer's whole year as their phone shows it: what came, what was kept from them and why, and what they did."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.local.demo.api_client import Doors
from infra.local.demo.texts import Words, vnd_sum
from shared.domain.messaging.message import PROGRESS, Message
from shared.domain.vietnam_time import VIETNAM, moment, stamp
from shared.repositories import table_keys

# The phone on show belongs to somebody with a rich year that can still be read.
SHOWN_OF_PHONE = 40
# What of a timeline is shown between the messages, and the key of its words.
DEEDS = {
    "Order Completed": "did_buy",
    "Voucher Redeemed": "did_redeem",
    "Cart Updated": "did_cart",
    "Signed Up": "did_sign_up",
    "followed": "did_follow",
    "inbound_message": "did_write",
    "Survey Answered": "did_answer",
    "rating": "did_rate",
}
# Of a link so much is shown that one sees what it is: the rest is a seal, another for every house.
_LINK = re.compile(r"(https?://[^\s/]+/[rsu]/[\w-]{4})[\w-]{44}")


@dataclass(frozen=True)
class Bubble:
    """One message as its receiver sees it, or, without a text, one that was kept from them. `at` is when it was sent,
    the text is what the provider received, `voucher` a code in it that was used later."""

    at: datetime
    channel: str
    status: str
    reason: str
    text: str
    cost: int
    journey: Words
    voucher: str = ""


@dataclass(frozen=True)
class Deed:
    """Something the customer did in between: `what` is a key of the demo's texts, `figures` fill it in."""

    at: datetime
    what: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Phone:
    """One customer's phone at the end of the year."""

    name: str
    shown: list[Bubble | Deed]

    @property
    def bubbles(self) -> list[Bubble]:
        return [one for one in self.shown if isinstance(one, Bubble)]


def phone(doors: Doors, sent: Iterable[Message], titles: Mapping[str, Words], redeemed: Set[str]) -> Phone | None:
    """The phone of whoever has most to show, with a `redeemed` voucher where there is one; None without messages."""
    of: defaultdict[str, list[Message]] = defaultdict(list)
    for message in sent:
        of[message["customer_id"]].append(message)
    few = {who: got for who, got in of.items() if len(got) <= SHOWN_OF_PHONE}
    if not few:
        return None
    who = max(few, key=lambda who: (_brought(few[who], redeemed), _richness(few[who]), len(few[who]), who))
    deeds = _deeds(doors.pages(f"/v1/customers/{who}/timeline"))
    used = {str(deed.figures.get("code", "")) for deed in deeds} - {""}
    profile = doors.stack.table.get(table_keys.profile(who)) or {}
    texts = _texts(doors, {name.partition(":")[2] for name in profile["identities"]})
    bubbles = [_bubble(one, texts, titles, used) for one in few[who]]
    shown: list[Bubble | Deed] = [*bubbles, *deeds]
    return Phone(profile.get("traits", {}).get("name", ""), sorted(shown, key=lambda one: one.at))


def _brought(got: list[Message], redeemed: Set[str]) -> bool:
    """Whether a voucher that reached somebody was used."""
    return any(one["status"] in PROGRESS and one["variables"].get("voucher") in redeemed for one in got)


def _richness(got: list[Message]) -> int:
    """How much there is to see: journeys and channels that reached them, answers, and reasons why others did not."""
    there = [one for one in got if one["status"] in PROGRESS]
    journeys = {one["journey"] for one in there}
    kept = {one["reason"] for one in got if one["status"] not in PROGRESS}
    answered = any("answer" in one for one in got)
    variety = 3 * len(journeys) + 8 * len({one.get("channel") for one in there}) + 2 * min(3, len(kept)) + 3 * answered
    # What was kept from somebody is worth showing, but not most of the year.
    return variety - max(0, 2 * (len(got) - len(there)) - len(there))


def _texts(doors: Doors, addresses: Set[str]) -> dict[tuple[str, str], str]:
    """What the providers took for somebody, by channel and moment."""
    received = (one for provider in doors.stack.providers.stand_ins for one in provider.received)
    return {(one.channel, stamp(one.at)): one.text for one in received if one.to in addresses}


def _bubble(
    message: Message, texts: Mapping[tuple[str, str], str], titles: Mapping[str, Words], used: Set[str]
) -> Bubble:
    sent = next((at for at, status, *_ in reversed(message["log"]) if status == "sent"), message["at"])
    channel = str(message.get("channel", ""))
    text = _LINK.sub(r"\1…", texts.get((channel, sent), "")) if message["status"] in PROGRESS else ""
    return Bubble(
        at=moment(sent).astimezone(VIETNAM),
        channel=channel,
        status=message["status"],
        reason=message["reason"],
        text=text,
        cost=message["cost"],
        journey=titles.get(message["journey"], Words(message["journey"], "")),
        voucher=next((code for code in sorted(used) if code in text), ""),
    )


def _deeds(events: Iterable[Mapping[str, Any]]) -> list[Deed]:
    """What the customer did, as far as the owner of a phone would remember it."""
    found = []
    for event in events:
        said = {"text": event.get("text", ""), "score": event.get("score", ""), **event.get("properties", {})}
        at_home = said.get("total", 0) < 0 or (event["name"] == "Cart Updated" and not said.get("products"))
        if event["name"] in DEEDS and not at_home:
            figures = {name: said.get(name, "") for name in ("code", "store", "text", "score", "comment")}
            figures["amount"] = vnd_sum(said.get("total", said.get("value") or 0))
            figures["lines"] = len(said.get("products", ()))
            found.append(Deed(moment(event["at"]).astimezone(VIETNAM), DEEDS[event["name"]], figures))
    return found

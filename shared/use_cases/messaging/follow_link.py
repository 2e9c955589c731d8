"""Links in messages: clicks are counted and lead on, surveys are answered, advertising is refused (R10, X12)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.common.channels import CONSENT_CHANNELS
from shared.domain.customers.profile import agree
from shared.domain.errors import Busy, Conflict, FieldError, Invalid, NotFound
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.machine_opens import Touch, judge
from shared.domain.messaging.message import PROGRESS, Message
from shared.domain.messaging.template import SurveyKind
from shared.domain.messaging.tracked_links import Link, web_address
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.tickets import keep_rating
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import Journeys
from shared.use_cases.messaging.record_delivery import record

ATTEMPTS = 8
COMMENT_LENGTH = 1000
# An answer that comes later speaks of something else; the page says so kindly.
SURVEY_OPEN = timedelta(days=60)
# What the templates ask, by their ids.
Kinds = Mapping[str, SurveyKind]
SCORES: Mapping[SurveyKind, range] = {"csat": range(1, 6), "nps": range(11)}
# What people call one channel: who refuses a Zalo message means the Official Account and the notices alike.
_FAMILIES = (("zalo", "zns"), ("sms", "sms_care", "sms_ad"))


@dataclass(frozen=True)
class Survey:
    """What a survey page shows: what is asked, and what was answered before."""

    kind: SurveyKind
    score: int | None
    comment: str


def message_of(table: Table, link: Link) -> Message:
    """The message a link came with; raises NotFound when it is gone."""
    message = table.get(table_keys.message(link.message_id))
    if message is None:
        raise NotFound("the message is gone")
    return message


def target(message: Message, link: Link) -> str:
    """The address that was written down when the message was sent; raises NotFound where there was none."""
    targets = message.get("links", ())
    if link.number >= len(targets) or not targets[link.number]:
        raise NotFound("the message has no such link")
    return web_address(targets[link.number])


def count_click(table: Table, message: Message, link: Link, touch: Touch) -> None:
    """A person's first click on a link is a fact; a machine's is nothing. Raises Busy or Conflict."""
    if not judge(touch, delivered_at=_delivered_at(message)).machine:
        _clicked(table, link, touch.at)


def _delivered_at(message: Message) -> datetime | None:
    told = [at for at, status, *_ in message.get("log", ()) if status == "delivered"]
    return moment(told[0]) if told else None


def _clicked(table: Table, link: Link, at: datetime) -> None:
    def note(uow: UnitOfWork, message: Message) -> Item | None:
        number = str(link.number)
        if number in message.get("clicks", {}):
            return None
        entry = _entry(message, "Message Clicked", "engagement", at, link=link.number)
        place = f"click-{message['message_id'][-20:]}-{number}"
        uow.mark(table_keys.timeline(message["customer_id"], stamp(at), place), entry)
        return {**message, "clicks": {**message.get("clicks", {}), number: stamp(at)}}

    _change(table, link, note)
    _reached(table, link, "clicked", at)


def survey_of(message: Message, kinds: Kinds, now: datetime) -> Survey:
    """What to ask; raises NotFound for a message that asks nothing, or long ago."""
    kind = kinds.get(message["template"])
    if kind is None or now - moment(message["created_at"]) > SURVEY_OPEN:
        raise NotFound("the survey is closed")
    given = message.get("answer", {})
    return Survey(kind, given.get("score"), given.get("comment", ""))


def answer_survey(journeys: Journeys, link: Link, score: str, comment: str, kinds: Kinds, now: datetime) -> Survey:
    """Keep a customer's answer, in the place of an earlier one; raises NotFound, or Invalid without a score."""
    comment = comment.strip()[:COMMENT_LENGTH]
    answered: list[Survey] = []

    def note(uow: UnitOfWork, message: Message) -> Item | None:
        kind = survey_of(message, kinds, now).kind
        if not (score.isascii() and score.isdigit() and int(score[:3]) in SCORES[kind]):
            raise Invalid([FieldError("score", f"must be {SCORES[kind][0]} to {SCORES[kind][-1]}")])
        answered.append(Survey(kind, int(score), comment))
        return _answered(journeys, uow, message, kind, int(score), comment, now)

    _change(journeys.table, link, note)
    _reached(journeys.table, link, "replied", now)
    return answered[-1]


def take_rating(
    journeys: Journeys, message_id: str, score: int, comment: str, at: datetime, *, kind: SurveyKind = "csat"
) -> None:
    """Keep a score of the survey's kind that was given at the provider itself, as one on our own page; NotFound for no
    message of ours."""
    link = Link(message_id, 0)
    said = comment.strip()[:COMMENT_LENGTH]
    _change(journeys.table, link, lambda uow, message: _answered(journeys, uow, message, kind, score, said, at))
    _reached(journeys.table, link, "replied", at)


def _answered(
    journeys: Journeys, uow: UnitOfWork, message: Message, kind: SurveyKind, score: int, comment: str, at: datetime
) -> Item:
    before = message.get("answer", {})
    given = {"score": score, "comment": comment, "at": before.get("at", stamp(at)), "changed_at": stamp(at)}
    # One answer is one event: a change of mind stands where the first answer stood.
    entry = _entry(
        message, "Survey Answered", "after_sales", moment(given["at"]), survey=kind, score=score, comment=comment
    )
    uow.mark(table_keys.timeline(message["customer_id"], given["at"], f"survey-{message['message_id'][-20:]}"), entry)
    if before.get("score") != score:
        members = members_of(uow, message["customer_id"])
        news = _answered_news(message, kind, score, comment, at)
        journeys.tell(uow, members, news, home=message["customer_id"], act=False)
    if kind == "csat" and len(message["run"]) == table_keys.TICKET_ID:
        # A survey about a ticket runs under its number.
        keep_rating(uow, message["run"], score, comment, given["at"])
    return {**message, "answer": given}


def _answered_news(message: Message, kind: str, score: int, comment: str, at: datetime) -> Signal:
    """That a customer answered a survey, as journeys hear of it (A10)."""
    said = {name: message[name] for name in ("journey", "step", "run")}
    asked = {"survey": kind, "score": score, "comment": comment, "asked": message["message_id"][-20:]}
    return Signal("Survey Answered", stamp(at), {**said, **asked})


def stop_marketing(table: Table, link: Link, *, everywhere: bool, how: str, now: datetime) -> None:
    """Withdraw the consent to advertising, on the message's channel or on all; the proof stays on the timeline.

    `how` says what the person did, such as "one_click". Saying it again changes nothing. Raises NotFound.
    """

    def note(uow: UnitOfWork, message: Message) -> Item | None:
        key = table_keys.profile(message["customer_id"])
        profile = uow.get(key)
        if profile is None:
            raise NotFound("the customer is gone")
        said = [
            {
                "channel": channel,
                "purpose": "marketing",
                "granted": False,
                "at": stamp(now),
                "proof": f"{how} by the link in message {message['message_id']}",
                "source": "unsubscribe_page",
            }
            for channel in (_everywhere() if everywhere else family(message.get("channel", "email")))
            if profile["consent"].get(f"{channel}:marketing", {}).get("granted") is not False
        ]
        for statement in said:
            entry = {"type": "consent", "name": "Consent Withdrawn", "stage": "engagement",
                     "source": "unsubscribe_page", "at": stamp(now), "consent": statement}  # fmt: skip
            place = f"consent-{statement['channel']}-marketing-{message['message_id'][-20:]}"
            uow.mark(table_keys.timeline(message["customer_id"], stamp(now), place), entry)
        if said:
            uow.put(key, agree(profile, said))
        return None

    _change(table, link, note)


def family(channel: str) -> tuple[str, ...]:
    """The channels that people call by one name."""
    return next((names for names in _FAMILIES if channel in names), (channel,))


def _everywhere() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for channel in CONSENT_CHANNELS for name in family(channel)))


def _entry(message: Message, name: str, stage: str, at: datetime, **said: Any) -> Item:
    about = {"message_id": message["message_id"], "journey": message["journey"], "step": message["step"]}
    return {
        "type": "track",
        "name": name,
        "stage": stage,
        "source": message.get("channel", ""),
        "at": stamp(at),
        "properties": json.dumps({**about, **said}, ensure_ascii=False),
    }


def _change(table: Table, link: Link, note: Callable[[UnitOfWork, Message], Item | None]) -> None:
    """Let `note` write about the message, again when somebody else was faster; what it returns is the new message."""
    for _ in range(ATTEMPTS):
        uow = UnitOfWork(table)
        key = table_keys.message(link.message_id)
        message = uow.get(key)
        if message is None:
            raise NotFound("the message is gone")
        after = note(uow, message)
        if after is not None:
            uow.put(key, after)
        try:
            uow.commit()
            return
        except (Conflict, Busy):
            continue
    raise Busy("this message is being changed by too many at once")


def _reached(table: Table, link: Link, status: str, at: datetime) -> None:
    message = table.get(table_keys.message(link.message_id))
    if message and (message["status"] not in PROGRESS or PROGRESS.index(message["status"]) < PROGRESS.index(status)):
        record(table, link.message_id, status, at)

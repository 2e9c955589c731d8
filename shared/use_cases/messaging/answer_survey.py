"""Surveys in messages: what one asks, and the customer's answer on our page, at the provider or in a chat (A10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import FieldError, Invalid, NotFound
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.message import Message
from shared.domain.messaging.template import SurveyKind
from shared.domain.messaging.tracked_links import Link
from shared.domain.vietnam_time import moment, stamp
from shared.repositories import table_keys
from shared.repositories.messages import change, timeline_entry
from shared.repositories.profiles import members_of
from shared.repositories.tickets import keep_rating
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.messaging.record_delivery import record

COMMENT_LENGTH = 1000
# A later answer speaks of something else; the page says so kindly.
SURVEY_OPEN = timedelta(days=60)
# What the templates ask, by their ids.
Kinds = Mapping[str, SurveyKind]
SCORES: Mapping[SurveyKind, range] = {"csat": range(1, 6), "nps": range(11)}


@dataclass(frozen=True)
class Survey:
    """What a survey page shows: what is asked, and what was answered before."""

    kind: SurveyKind
    score: int | None
    comment: str


def survey_of(message: Message, kinds: Kinds, now: datetime) -> Survey:
    """What to ask; raises NotFound for a message that asks nothing, or long ago."""
    kind = kinds.get(message["template"])
    if kind is None or now - moment(message["created_at"]) > SURVEY_OPEN:
        raise NotFound("the survey is closed")
    given = message.get("answer", {})
    return Survey(kind, given.get("score"), given.get("comment", ""))


def record_answer(
    journeys: JourneyContext, link: Link, score: str, comment: str, kinds: Kinds, now: datetime
) -> Survey:
    """Keep a customer's answer, in the place of an earlier one; raises NotFound, Busy, or Invalid without a score."""
    comment = comment.strip()[:COMMENT_LENGTH]
    answered: list[Survey] = []

    def note(uow: UnitOfWork, message: Message) -> Message:
        kind = survey_of(message, kinds, now).kind
        if not (score.isascii() and score.isdigit() and int(score[:3]) in SCORES[kind]):
            raise Invalid([FieldError("score", f"must be {SCORES[kind][0]} to {SCORES[kind][-1]}")])
        answered.append(Survey(kind, int(score), comment))
        return _answered(journeys, uow, message, kind, int(score), comment, now)

    change(journeys.table, link.message_id, note)
    record(journeys.table, link.message_id, "replied", now)
    return answered[-1]


def record_rating(
    journeys: JourneyContext, message_id: str, score: int, comment: str, at: datetime, *, kind: SurveyKind = "csat"
) -> None:
    """Keep a score of the survey's kind that was given at the provider itself or in a chat, as one on our own page;
    raises Busy, and NotFound where the message is gone."""
    comment = comment.strip()[:COMMENT_LENGTH]
    change(journeys.table, message_id, lambda uow, m: _answered(journeys, uow, m, kind, score, comment, at))
    record(journeys.table, message_id, "replied", at)


def _answered(
    journeys: JourneyContext,
    uow: UnitOfWork,
    message: Message,
    kind: SurveyKind,
    score: int,
    comment: str,
    at: datetime,
) -> Message:
    before = message.get("answer", {})
    if stamp(at) < before.get("changed_at", ""):
        return message  # an earlier answer that is told late, or again: the later one stands
    first_at = before.get("at", stamp(at))
    given = {"survey": kind, "score": score, "comment": comment, "at": first_at, "changed_at": stamp(at)}
    # One answer is one event: a changed answer stands where the first one stood.
    entry = timeline_entry(
        message, "Survey Answered", "after_sales", moment(first_at), survey=kind, score=score, comment=comment
    )
    uow.mark(table_keys.timeline(message["customer_id"], first_at, f"survey-{message['message_id'][-20:]}"), entry)
    if before.get("score") != score:
        members = members_of(uow, message["customer_id"])
        signal = _signal(message, kind, score, comment, at)
        handle_signal(journeys, uow, members, signal, home=message["customer_id"], act=False)
    if kind == "csat" and len(message["run"]) == table_keys.TICKET_ID:
        # A survey about a ticket runs under the ticket's id.
        keep_rating(uow, message["run"], score, comment, first_at)
    return {**message, "answer": given}


def _signal(message: Message, kind: str, score: int, comment: str, at: datetime) -> Signal:
    """The answer as the signal that journeys react to (A10)."""
    about = {name: message[name] for name in ("journey", "step", "run")}
    answer = {"survey": kind, "score": score, "comment": comment, "asked": message["message_id"][-20:]}
    return Signal("Survey Answered", stamp(at), {**about, **answer})

"""A bare number in a chat, where the last thing we said was a survey, is its score: nobody has to answer it (A10)."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

from shared.domain.errors import NotFound
from shared.domain.inbox.provider_event import Incoming
from shared.domain.messaging.message import PROGRESS
from shared.domain.vietnam_time import moment
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.context import JourneyContext
from shared.use_cases.messaging.answer_survey import SCORES, record_rating

# Who answers later than this speaks of something else.
ANSWERED_WITHIN = timedelta(days=7)
_SCORE = re.compile(
    r"\s*(10|\d)\s*(?:/\s*(?:5|10)|điểm|diem|đ|sao|stars?|⭐|\*)?\s*(?:ạ|nha|nhé|shop)?\s*[.!]*\s*", re.IGNORECASE
)


def score_of(text: str) -> int | None:
    """The score that a message is, if it is nothing else."""
    found = _SCORE.fullmatch(text)
    return int(found[1]) if found else None


def answers_survey(journeys: JourneyContext, customer_id: str, news: Incoming) -> bool:
    """Keep a score as the answer to the survey that it follows; False where there is none. Safe to repeat."""
    score = score_of(news.text)
    if score is None or news.attachments:
        return False
    uow, at = UnitOfWork(journeys.table), min(moment(news.at), journeys.now)
    sent = [
        message
        for member in members_of(uow, customer_id)
        for message in uow.collection(table_keys.profile(member["customer_id"]).pk, *table_keys.MESSAGES)
        if message.get("channel") == news.channel and message["status"] in PROGRESS and message["created_at"] <= news.at
    ]
    last = max(sent, key=lambda message: message["created_at"], default=None)
    template = journeys.playbook.templates.get(last["template"]) if last else None
    if last is None or template is None or template.survey is None or score not in SCORES[template.survey]:
        return False
    if at - moment(last["created_at"]) > ANSWERED_WITHIN:
        return False
    with suppress(NotFound):
        given = last.get("answer", {}).get("comment", "")
        record_rating(journeys, last["message_id"], score, given, at, kind=template.survey)
    return True

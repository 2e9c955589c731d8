"""The bot's answer to a customer's message, or the reason for a handover to an agent (T2, T5, T6, R5, R6, R23).

Every sentence is the playbook's or a fact of the customer's own orders; nothing is generated. An unverified sender
learns nothing of orders, not even whether there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self, get_args

from pydantic import Field, model_validator

from shared.domain.bot import guardrails, order_status
from shared.domain.bot.faq import FOR_PEOPLE, OWN_ORDERS, BilingualText, Entry, Faq, FaqMatch
from shared.domain.bot.order_status import Limits
from shared.domain.common.language import Language
from shared.domain.common.strict_model import StrictModel
from shared.domain.common.text_folding import fold
from shared.domain.customers.opt_out_phrases import asks_to_stop
from shared.domain.customers.salutation import greet
from shared.domain.triage.triage import INTENTS, Triage
from shared.domain.vietnam_time import local_day

Reason = Literal[
    "critical", "high_severity", "negative", "asked_for_person", "sarcasm", "picture", "transfer_picture",
    "not_understood", "same_matter", "low_confidence", "not_for_bot", "to_do", "not_found", "ambiguous",
    "order_unknown", "order_late", "order_trouble", "no_order", "opt_out_more", "window_closed",
]  # fmt: skip
ReplyLine = Literal["hello", "hello_nobody", "again", "more", "person", "verify", "opt_out"]
# What answers can be about, besides FAQ entries and OWN_ORDERS.
OPT_OUT = "opt_out"
# The least confidence of triage, in percent, for a refusal of advertising.
_SURE_TO_STOP = 50


class BotRequest(NamedTuple):
    """A customer's message, and what is known of the customer.

    `traits` are the profile's (see `salutation.greet`), `verified` whether the sender surely is that customer, `value`
    the value segment. `orders` are the customer's recent ones (see `recent_orders`), latest first. `turns` are the
    topics of the bot's answers in this thread since it was opened or since an agent last answered; `attachments` are
    kinds such as "image". `window_open`: the channel's reply window is open.
    """

    text: str
    triage: Triage
    now: datetime
    language: Language = "vi"
    value: str = "none"
    channel: str = ""
    verified: bool = False
    traits: Mapping[str, Any] = {}
    orders: Sequence[Mapping[str, Any]] = ()
    turns: Sequence[str] = ()
    attachments: Sequence[str] = ()
    window_open: bool = True


class Answer(NamedTuple):
    """What the bot says. `sources` are the FAQ entries ("faq:return_window") and orders ("order:DH1") it rests on,
    `matter` is what the answer is about (to be handed back in `BotRequest.turns`), `confidence` is in percent."""

    text: str
    sources: tuple[str, ...]
    matter: str
    confidence: int


class HandOver(NamedTuple):
    """An agent has to answer. `text` goes to the customer meanwhile, "" for nothing; `words` give staff the reason."""

    reason: Reason
    text: str
    words: Mapping[str, str]


class HandOverTexts(StrictModel):
    """A reason for a handover as staff read it, and the customer's text where it is not the usual one."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)
    customer: BilingualText | None = None


class BotRules(StrictModel):
    """`bot.yaml`: when the bot may answer and what it says beside the FAQ. Floors and margins are percent.

    `triage_floor`: the least confidence of triage; `find_floor`: the least similarity to a FAQ question; `find_lead`:
    the least lead over the next entry. A question with `sure_floor` similarity and `sure_lead` lead is answered even if
    triage is unsure or would leave it to agents, unless its intent is one of `never_by_likeness`. After `same_matter`
    answers on one topic the bot hands over. `orders_shown`, `recent_days`, `late_days`: see `order_status.Limits`.
    `lines` may contain {you}, {You} and {called}; `order_lines` are by the order's state, without the lines whose field
    an order lacks. `order_questions` ask for the sender's own orders, `for_people` only resemble the FAQ; `small_talk`
    are entries that are on no page.
    """

    triage_floor: int = Field(ge=0, le=100)
    find_floor: int = Field(ge=0, le=100)
    find_lead: int = Field(ge=0, le=100)
    sure_floor: int = Field(ge=0, le=100)
    sure_lead: int = Field(ge=0, le=100)
    never_by_likeness: tuple[str, ...]
    same_matter: int = Field(ge=1)
    orders_shown: int = Field(ge=1)
    recent_days: int = Field(ge=1)
    late_days: int = Field(ge=1)
    intents: tuple[str, ...]
    lines: dict[ReplyLine, BilingualText]
    order_lines: dict[str, BilingualText]
    order_questions: tuple[str, ...]
    for_people: tuple[str, ...]
    small_talk: tuple[Entry, ...]
    reasons: dict[Reason, HandOverTexts]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for field, given, needed in (
            ("lines", self.lines, get_args(ReplyLine)),
            ("order_lines", self.order_lines, order_status.ANSWERED_STATES),
            ("reasons", self.reasons, get_args(Reason)),
        ):
            if missing := [name for name in needed if name not in given]:
                raise ValueError(f"{field}.{missing[0]}: is missing")
        for field, intents in (("intents", self.intents), ("never_by_likeness", self.never_by_likeness)):
            for number, intent in enumerate(intents):
                if intent not in INTENTS:
                    raise ValueError(f"{field}.{number}: must be one of {', '.join(INTENTS)}")
        return self


def reply(request: BotRequest, faq: Faq, rules: BotRules) -> Answer | HandOver:
    """The bot's answer to a message, or the reason for a handover.

    `faq` holds the entries of the page, the small talk and `rules.order_questions`.
    """
    plain_text = guardrails.plain(request.text)
    if reason := _for_people_at_once(request, plain_text):
        return _hand_over(reason, request, rules)
    if refuses_marketing(request.text, request.triage):
        if request.triage.severity == "normal" and not asks_to_stop(request.text):
            return _hand_over("opt_out_more", request, rules)
        return _answer(
            rules.lines["opt_out"].in_language(request.language), request, rules, (), OPT_OUT, request.triage.confidence
        )
    found = faq.find(request.text, request.triage.intent)
    asks = found.id == OWN_ORDERS or guardrails.asks_something(request.text)
    if reason := _kept_for_people(request, plain_text):
        return _hand_over(reason, request, rules)
    if request.triage.confidence >= rules.triage_floor and (
        small := _small_talk(request, plain_text, found, faq, rules)
    ):
        return _answer(
            small.answer.in_language(request.language), request, rules, (), small.id, request.triage.confidence
        )
    if reason := _unsure(request.triage, found, faq.intent(found.id), rules, asks=asks):
        return _hand_over(reason, request, rules)
    sure = found.id != FOR_PEOPLE and found.percent >= rules.find_floor and found.lead >= rules.find_lead
    if _means_own_orders(request, found, sure=sure):
        return _own_orders(request, rules)
    if not sure:
        return _hand_over("not_found" if found.percent < rules.find_floor else "ambiguous", request, rules)
    sources = (f"faq:{found.id}",)
    confidence = min(found.percent, request.triage.confidence)
    return _answer(
        faq.entries[found.id].answer.in_language(request.language), request, rules, sources, found.id, confidence
    )


def refuses_marketing(text: str, triage: Triage) -> bool:
    """Whether a message refuses advertising: by a legal keyword, or by triage with enough confidence (R10)."""
    return asks_to_stop(text) or (triage.intent == "opt_out" and triage.confidence >= _SURE_TO_STOP)


def _for_people_at_once(request: BotRequest, plain_text: str) -> Reason | None:
    """Reasons that come before everything else: severity and pictures. The most serious first, as staff read it."""
    severity = request.triage.severity
    pictured = guardrails.needs_looking_at(request.attachments)
    if severity == "critical":
        return "critical"
    if pictured and guardrails.shows_a_transfer(plain_text, request.triage.intent, _payments(request)):
        return "transfer_picture"
    if severity == "high":
        return "high_severity"
    return "picture" if pictured else None


def _payments(request: BotRequest) -> list[str]:
    """The payment methods of the customer's orders; none for an unverified sender."""
    return [str(order.get("payment", "")) for order in request.orders] if request.verified else []


def _kept_for_people(request: BotRequest, plain_text: str) -> Reason | None:
    if request.triage.sentiment == "negative":
        return "negative"
    if request.triage.intent == "human_request" or guardrails.asks_for_person(plain_text):
        return "asked_for_person"
    if request.turns and guardrails.was_misunderstood(plain_text):
        return "not_understood"
    if request.triage.intent == "feedback_praise" and request.triage.sentiment != "positive":
        return "sarcasm"
    if guardrails.wants_something_done(plain_text):
        return "to_do"
    return None if request.window_open else "window_closed"


def _unsure(triage: Triage, found: FaqMatch, intent: str, rules: BotRules, *, asks: bool) -> Reason | None:
    if triage.intent not in rules.intents:
        return "not_for_bot"
    if asks and _known_question(triage, found, intent, rules):
        return None
    if triage.confidence < rules.triage_floor:
        return "low_confidence"
    return None if triage.bot else "to_do"


def _known_question(triage: Triage, found: FaqMatch, intent: str, rules: BotRules) -> bool:
    """Whether a message of low severity is similar enough to a FAQ question to be answered whatever its intent;
    `intent` is the question's."""
    light = triage.severity == "low" and intent not in rules.never_by_likeness
    alike = found.id != FOR_PEOPLE and found.percent >= rules.sure_floor and found.lead >= rules.sure_lead
    return light and alike


def _small_talk(request: BotRequest, plain_text: str, found: FaqMatch, faq: Faq, rules: BotRules) -> Entry | None:
    """The answer to praise, and to a greeting without a question."""
    intent = request.triage.intent
    greets = found.id in {entry.id for entry in rules.small_talk} and found.percent >= rules.sure_floor
    if intent == "feedback_praise" or (intent == "other" and plain_text and (greets or not faq.terms(request.text))):
        return next((entry for entry in rules.small_talk if entry.intent == intent), None)
    return None


def _means_own_orders(request: BotRequest, found: FaqMatch, *, sure: bool) -> bool:
    """Whether the message asks for the sender's own orders; the intent order_status needs less similarity."""
    if request.triage.intent != "order_status":
        return sure and found.id == OWN_ORDERS
    return found.id == OWN_ORDERS or (not sure and bool(order_status.codes_in(fold(request.text))))


def _own_orders(request: BotRequest, rules: BotRules) -> Answer | HandOver:
    """The state of the customer's own orders; an unverified sender only learns how to verify."""
    lang, confidence = request.language, request.triage.confidence
    if not request.verified:
        return _answer(rules.lines["verify"].in_language(lang), request, rules, (), OWN_ORDERS, confidence)
    limits = Limits(rules.orders_shown, rules.recent_days, rules.late_days)
    orders = order_status.orders_meant(fold(request.text), request.orders, local_day(request.now), limits)
    if isinstance(orders, str):
        return _hand_over(orders, request, rules)
    text = "\n\n".join(
        order_status.order_text(order, rules.order_lines[order["state"]].in_language(lang), lang) for order in orders
    )
    sources = tuple(f"order:{order['order_id']}" for order in orders)
    return _answer(text, request, rules, sources, OWN_ORDERS, confidence)


def _answer(
    words: str, request: BotRequest, rules: BotRules, sources: tuple[str, ...], matter: str, confidence: int
) -> Answer | HandOver:
    """An answer with its greeting, or a handover after too many answers on one topic."""
    if request.turns.count(matter) >= rules.same_matter:
        return _hand_over("same_matter", request, rules)
    known = request.verified and greet(request.traits, request.language) != greet({}, request.language)
    opening: ReplyLine = "again" if request.turns else "hello" if known else "hello_nobody"
    parts = [rules.lines[opening].in_language(request.language), words]
    if not request.turns:
        parts.append(rules.lines["more"].in_language(request.language))
    return Answer(_addressed("\n".join(parts), request), sources, matter, confidence)


def _hand_over(reason: Reason, request: BotRequest, rules: BotRules) -> HandOver:
    """The handover; in a critical case the customer gets no automatic text."""
    words = rules.reasons[reason]
    text = "" if reason == "critical" else (words.customer or rules.lines["person"]).in_language(request.language)
    return HandOver(reason, _addressed(text, request), {"vi": words.vi, "en": words.en})


def _addressed(text: str, request: BotRequest) -> str:
    """The text with the customer's form of address; by name only to a verified sender (R5, R6)."""
    greeting = greet(request.traits if request.verified else {}, request.language)
    you = greeting.address
    text = text.replace("{called}", greeting.called)
    return text.replace("{you}", you).replace("{You}", you[:1].upper() + you[1:])

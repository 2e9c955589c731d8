"""What the bot says to a customer by itself, or why a person has to answer (T2, T5, T6, R5, R6, R23).

Every sentence is the playbook's or a fact of the customer's own orders: nothing is made up. Whoever is not surely the
customer learns nothing of orders, not even whether there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self, get_args

from pydantic import Field, model_validator

from shared.domain.bot import guardrails, order_status
from shared.domain.bot.faq import FOR_PEOPLE, OWN_ORDERS, Both, Entry, Faq, Found
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
Line = Literal["hello", "hello_nobody", "again", "more", "person", "verify", "opt_out"]
# What the bot's answers are about beside the entries of the FAQ and OWN_ORDERS.
OPT_OUT = "opt_out"
# As sure triage must be, in percent, that somebody refuses advertising.
_SURE_TO_STOP = 50


class BotRequest(NamedTuple):
    """What a customer wrote, and what is known of them.

    `traits` are the profile's (see `greeting.greet`), `verified` whether the writer surely is that customer, `value`
    the value segment. `orders` are the customer's recent ones (see `bot_orders.recent_orders`), latest first. `turns`
    are the matters of the bot's answers in this thread since it was opened or since a person last answered;
    `attachments` are kinds such as "image". `window_open`: the channel still takes an answer.
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
    """A person answers. `text` is what the customer is told meanwhile, "" for nothing; `words` say why to staff."""

    reason: Reason
    text: str
    words: Mapping[str, str]


class ReasonWords(StrictModel):
    """Why a person has to answer, as staff read it, and what the customer is told where it is not the usual."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)
    customer: Both | None = None


class BotRules(StrictModel):
    """`bot.yaml`: when the bot may answer and what it says beside the FAQ. Floors and margins are percent.

    `triage_floor`: how sure triage must be; `find_floor`: how alike a question of the FAQ must be; `find_lead`: how
    much better than the next entry. What is `sure_floor` and `sure_lead` alike is answered although triage is unsure or
    would leave it to people, unless that entry's intent is one of `never_by_likeness`. After `same_matter` answers
    about one matter a person takes over. `orders_shown`, `recent_days`, `late_days`: see `bot_orders.Limits`. `lines`
    may say {you}, {You} and {called}; `order_lines` are by the order's state, and a line with a field that an order
    does not have is left out. `order_questions` ask for the writer's own orders, `for_people` only look like the FAQ;
    `small_talk` are entries that stand on no page.
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
    lines: dict[Line, Both]
    order_lines: dict[str, Both]
    order_questions: tuple[str, ...]
    for_people: tuple[str, ...]
    small_talk: tuple[Entry, ...]
    reasons: dict[Reason, ReasonWords]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for field, given, needed in (
            ("lines", self.lines, get_args(Line)),
            ("order_lines", self.order_lines, order_status.TOLD),
            ("reasons", self.reasons, get_args(Reason)),
        ):
            if missing := [name for name in needed if name not in given]:
                raise ValueError(f"{field}.{missing[0]}: is missing")
        for field, intents in (("intents", self.intents), ("never_by_likeness", self.never_by_likeness)):
            for number, intent in enumerate(intents):
                if intent not in INTENTS:
                    raise ValueError(f"{field}.{number}: must be one of {', '.join(INTENTS)}")
        return self


def reply(asked: BotRequest, faq: Faq, rules: BotRules) -> Answer | HandOver:
    """The bot's answer to a message, or why a person has to give it.

    `faq` holds the entries of the page, the small talk and `rules.order_questions`.
    """
    said = guardrails.plain(asked.text)
    if reason := _for_people_at_once(asked, said):
        return _hand_over(reason, asked, rules)
    if refuses_marketing(asked.text, asked.triage):
        if asked.triage.severity == "normal" and not asks_to_stop(asked.text):
            return _hand_over("opt_out_more", asked, rules)
        return _answer(rules.lines["opt_out"].told(asked.language), asked, rules, (), OPT_OUT, asked.triage.confidence)
    found = faq.find(asked.text, asked.triage.intent)
    asks = found.id == OWN_ORDERS or guardrails.asks_something(asked.text)
    if reason := _kept_for_people(asked, said):
        return _hand_over(reason, asked, rules)
    if asked.triage.confidence >= rules.triage_floor and (small := _small_talk(asked, said, found, faq, rules)):
        return _answer(small.answer.told(asked.language), asked, rules, (), small.id, asked.triage.confidence)
    if reason := _unsure(asked.triage, found, faq.intent(found.id), rules, asks=asks):
        return _hand_over(reason, asked, rules)
    sure = found.id != FOR_PEOPLE and found.percent >= rules.find_floor and found.lead >= rules.find_lead
    if _means_own_orders(asked, found, sure=sure):
        return _own_orders(asked, rules)
    if not sure:
        return _hand_over("not_found" if found.percent < rules.find_floor else "ambiguous", asked, rules)
    sources = (f"faq:{found.id}",)
    confidence = min(found.percent, asked.triage.confidence)
    return _answer(faq.entries[found.id].answer.told(asked.language), asked, rules, sources, found.id, confidence)


def refuses_marketing(text: str, triage: Triage) -> bool:
    """Whether somebody refuses advertising: in the words the law gives them, or surely in their own (R10)."""
    return asks_to_stop(text) or (triage.intent == "opt_out" and triage.confidence >= _SURE_TO_STOP)


def _for_people_at_once(asked: BotRequest, said: str) -> Reason | None:
    """What no machine may meddle with, and pictures. The most serious first, as it is what staff read."""
    severity = asked.triage.severity
    pictured = guardrails.shows_something(asked.attachments)
    if severity == "critical":
        return "critical"
    if pictured and guardrails.shows_a_transfer(said, asked.triage.intent, _payments(asked)):
        return "transfer_picture"
    if severity == "high":
        return "high_severity"
    return "picture" if pictured else None


def _payments(asked: BotRequest) -> list[str]:
    """How the customer's orders are paid; whoever may be another has none."""
    return [str(order.get("payment", "")) for order in asked.orders] if asked.verified else []


def _kept_for_people(asked: BotRequest, said: str) -> Reason | None:
    if asked.triage.sentiment == "negative":
        return "negative"
    if asked.triage.intent == "human_request" or guardrails.asks_for_person(said):
        return "asked_for_person"
    if asked.turns and guardrails.was_misunderstood(said):
        return "not_understood"
    if asked.triage.intent == "feedback_praise" and asked.triage.sentiment != "positive":
        return "sarcasm"
    if guardrails.wants_something_done(said):
        return "to_do"
    return None if asked.window_open else "window_closed"


def _unsure(triage: Triage, found: Found, intent: str, rules: BotRules, *, asks: bool) -> Reason | None:
    if triage.intent not in rules.intents:
        return "not_for_bot"
    if asks and _known_question(triage, found, intent, rules):
        return None
    if triage.confidence < rules.triage_floor:
        return "low_confidence"
    return None if triage.bot else "to_do"


def _known_question(triage: Triage, found: Found, intent: str, rules: BotRules) -> bool:
    """Whether a light message is so much like a question of the FAQ that it need not be read otherwise; `intent` is
    that question's own."""
    light = triage.severity == "low" and intent not in rules.never_by_likeness
    asked = found.id != FOR_PEOPLE and found.percent >= rules.sure_floor and found.lead >= rules.sure_lead
    return light and asked


def _small_talk(asked: BotRequest, said: str, found: Found, faq: Faq, rules: BotRules) -> Entry | None:
    """What to say to praise, and to a greeting that asks nothing."""
    intent = asked.triage.intent
    greets = found.id in {entry.id for entry in rules.small_talk} and found.percent >= rules.sure_floor
    if intent == "feedback_praise" or (intent == "other" and said and (greets or not faq.terms(asked.text))):
        return next((entry for entry in rules.small_talk if entry.intent == intent), None)
    return None


def _means_own_orders(asked: BotRequest, found: Found, *, sure: bool) -> bool:
    """Whether the writer's own orders are asked for; what triage reads as an order's status needs less to be sure."""
    if asked.triage.intent != "order_status":
        return sure and found.id == OWN_ORDERS
    return found.id == OWN_ORDERS or (not sure and bool(order_status.codes_in(fold(asked.text))))


def _own_orders(asked: BotRequest, rules: BotRules) -> Answer | HandOver:
    """The state of the customer's own orders; to somebody who may be another, only how to be sure."""
    lang, confidence = asked.language, asked.triage.confidence
    if not asked.verified:
        return _answer(rules.lines["verify"].told(lang), asked, rules, (), OWN_ORDERS, confidence)
    limits = Limits(rules.orders_shown, rules.recent_days, rules.late_days)
    orders = order_status.meant(fold(asked.text), asked.orders, local_day(asked.now), limits)
    if isinstance(orders, str):
        return _hand_over(orders, asked, rules)
    told = "\n\n".join(order_status.told(order, rules.order_lines[order["state"]].told(lang), lang) for order in orders)
    sources = tuple(f"order:{order['order_id']}" for order in orders)
    return _answer(told, asked, rules, sources, OWN_ORDERS, confidence)


def _answer(
    words: str, asked: BotRequest, rules: BotRules, sources: tuple[str, ...], matter: str, confidence: int
) -> Answer | HandOver:
    """An answer with its greeting, unless the customer has had enough of them on the matter."""
    if asked.turns.count(matter) >= rules.same_matter:
        return _hand_over("same_matter", asked, rules)
    known = asked.verified and greet(asked.traits, asked.language) != greet({}, asked.language)
    opening: Line = "again" if asked.turns else "hello" if known else "hello_nobody"
    parts = [rules.lines[opening].told(asked.language), words]
    if not asked.turns:
        parts.append(rules.lines["more"].told(asked.language))
    return Answer(_addressed("\n".join(parts), asked), sources, matter, confidence)


def _hand_over(reason: Reason, asked: BotRequest, rules: BotRules) -> HandOver:
    """Nothing is said by a machine where it is critical: a person speaks first."""
    words = rules.reasons[reason]
    told = "" if reason == "critical" else (words.customer or rules.lines["person"]).told(asked.language)
    return HandOver(reason, _addressed(told, asked), {"vi": words.vi, "en": words.en})


def _addressed(text: str, asked: BotRequest) -> str:
    """The text with the customer's form of address, by name only to who surely is the customer (R5, R6)."""
    greeting = greet(asked.traits if asked.verified else {}, asked.language)
    you = greeting.address
    text = text.replace("{called}", greeting.called)
    return text.replace("{you}", you).replace("{You}", you[:1].upper() + you[1:])

"""What the bot says to a customer by itself, or why a person has to answer (T2, T5, T6, R5, R6, R23).

Every sentence is the playbook's or a fact of the customer's own orders: nothing is made up. Whoever is not surely the
customer learns nothing of orders, not even whether there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.faq import Both, Entry, Faq, Lang
from shared.domain.triage import INTENTS, Triage

Reason = Literal[
    "critical", "high_severity", "negative", "asked_for_person", "sarcasm", "picture", "transfer_picture",
    "not_understood", "same_matter", "low_confidence", "not_for_bot", "to_do", "not_found", "ambiguous",
    "order_unknown", "order_late", "order_trouble", "no_order", "window_closed",
]  # fmt: skip
Line = Literal["hello", "hello_nobody", "again", "person", "verify", "opt_out", "praise"]


class Asked(NamedTuple):
    """What a customer wrote, and what is known of them.

    `traits` are the profile's (see `greeting.greet`), `verified` whether the writer surely is that customer, `value`
    the value segment. `orders` are the customer's recent ones (see `bot_orders.recent_orders`), latest first. `turns`
    are the matters of the bot's answers in this thread since it was opened or since a person last answered;
    `attachments` are kinds such as "image". `window_open`: the channel still takes an answer.
    """

    text: str
    triage: Triage
    now: datetime
    language: Lang = "vi"
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
    `matter` is what the answer is about (to be handed back in `Asked.turns`), `confidence` is in percent."""

    text: str
    sources: tuple[str, ...]
    matter: str
    confidence: int


class HandOver(NamedTuple):
    """A person answers. `text` is what the customer is told meanwhile, "" for nothing; `words` say why to staff."""

    reason: Reason
    text: str
    words: Mapping[str, str]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReasonWords(_Part):
    """Why a person has to answer, as staff read it, and what the customer is told where it is not the usual."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)
    customer: Both | None = None


class BotRules(_Part):
    """`bot.yaml`: when the bot may answer and what it says beside the FAQ. Floors and margins are percent.

    `triage_floor`: how sure triage must be; `find_floor`: how alike a question of the FAQ must be; `find_lead`: how
    much better than the next entry. After `same_matter` answers about one matter a person takes over. `recent_days`:
    how long a finished order is spoken of. `order_lines` are by the order's state; a line with a field that an order
    does not have is left out.
    """

    triage_floor: int = Field(ge=0, le=100)
    find_floor: int = Field(ge=0, le=100)
    find_lead: int = Field(ge=0, le=100)
    same_matter: int = Field(ge=1)
    recent_days: int = Field(ge=1)
    orders_shown: int = Field(ge=1)
    intents: tuple[str, ...]
    lines: dict[Line, Both]
    order_lines: dict[str, Both]
    order_questions: tuple[str, ...]
    small_talk: tuple[Entry, ...] = ()
    reasons: dict[Reason, ReasonWords]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for field, given, needed in (
            ("lines", self.lines, get_args(Line)),
            ("reasons", self.reasons, get_args(Reason)),
        ):
            if missing := [name for name in needed if name not in given]:
                raise ValueError(f"{field}.{missing[0]}: is missing")
        for number, intent in enumerate(self.intents):
            if intent not in INTENTS:
                raise ValueError(f"intents.{number}: must be one of {', '.join(INTENTS)}")
        return self


def reply(asked: Asked, faq: Faq, rules: BotRules) -> Answer | HandOver:
    """The bot's answer to a message, or why a person has to give it."""
    if asked.triage.severity == "critical":
        return _hand_over("critical", asked, rules)
    found = faq.find(asked.text, asked.triage.intent)
    if found.percent < rules.find_floor:
        return _hand_over("not_found", asked, rules)
    text = faq.entries[found.id].answer.told(asked.language)
    return Answer(text, (f"faq:{found.id}",), found.id, min(found.percent, asked.triage.confidence))


def _hand_over(reason: Reason, asked: Asked, rules: BotRules) -> HandOver:
    words = rules.reasons[reason]
    told = words.customer or rules.lines["person"]
    return HandOver(reason, told.told(asked.language), {"vi": words.vi, "en": words.en})

"""What a comment under a post of the page calls for: a phone number to hide, a private word, or nothing (T7, R25)."""

from __future__ import annotations

from typing import Literal, NamedTuple

from shared.domain.common.localized_text import Text
from shared.domain.common.strict_model import StrictModel
from shared.domain.customers.phone_in_text import typed_phones
from shared.domain.inbox.purchase_intent import asks_to_buy
from shared.domain.triage.triage import Triage

# What nobody has to answer, said kindly or without feeling.
_IDLE = frozenset(("feedback_praise", "other"))


class CommentRules(StrictModel):
    """`comments.yaml`: what the page says under a comment once its author got a private word; None: nothing."""

    public_word: Text | None


class Calls(NamedTuple):
    """`hide`: it shows a phone number to everybody. `answer`: "machine" for a quick private word, "person" where it is
    too serious for one, "" for none; an answered author has a ticket."""

    hide: bool
    answer: Literal["machine", "person", ""]


def calls_for(text: str, triage: Triage) -> Calls:
    """A number is left to be called back, so its author is answered as well."""
    hide = bool(typed_phones(text))
    if triage.severity == "critical":
        return Calls(hide, "person")
    idle = triage.intent in _IDLE and triage.sentiment != "negative" and triage.severity != "high"
    asks = "?" in text or bool(asks_to_buy(text))
    return Calls(hide, "machine" if hide or asks or not idle else "")

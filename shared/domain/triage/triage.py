"""Triage: intent, severity and sentiment of a customer's message, and whether the bot may answer it.

Pure and fast: lexicon, thresholds and the weights of the linear model are data, and one message takes well under a
millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from shared.domain.triage.linear_model import Lexicon, Model, Reading
from shared.domain.triage.text_normalizer import Words

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

# How many deciding words and phrases are named.
MOST_WORDS = 4
LONGEST_WHOLE = 6
_CROSS = frozenset(("#angry", "#sad", "#wry"))


class Triage(NamedTuple):
    """The result of triage.

    `confidence` is the chance in percent that intent and severity are right. `bot`: a fixed policy, the FAQ or an
    order look-up fully satisfies the sender. `words` are the deciding ones, as the customer wrote them.
    """

    intent: str
    severity: str
    sentiment: str
    confidence: int
    bot: bool
    words: tuple[str, ...]


class BotThresholds(NamedTuple):
    """When the bot may answer: `bot_intents` are the intents it may answer at all, `bot_from` is the least probability
    (0 to 1) of the intent, of low severity, and of the bot label, each."""

    bot_from: float
    bot_intents: frozenset[str]


class MessageClassifier(Protocol):
    """Classifies messages; never raises."""

    def read(self, text: str, subject: str = "") -> Triage: ...


class Triager:
    """Classifies messages with one lexicon and one model.

    `whole` are complete messages with known labels ("tc", "alo"), in the spelling of the lexicon.
    """

    def __init__(
        self, lexicon: Lexicon, model: Model, manner: BotThresholds, whole: Mapping[str, tuple[str, str, str, bool]]
    ) -> None:
        self._lexicon = lexicon
        self._model = model
        self._manner = manner
        self._whole = whole

    def read(self, text: str, subject: str = "") -> Triage:
        """Never raises, whatever the text; a message without words is `other` and low."""
        words = self._lexicon.speller.words(f"{subject}\n{text}" if subject else text)
        if len(words.plain) <= LONGEST_WHOLE:
            known = self._whole.get(" ".join(words.plain).replace("?", ""))
            if known is not None:
                return Triage(*known[:3], 99, known[3], tuple(dict.fromkeys(words.written))[:MOST_WORDS])
        if not words.plain:
            return _wordless(words.signs)
        reading = self._model.read(self._lexicon, words)
        chances = self._model.chances(reading)
        intent, how_intent = _best(chances["intent"])
        severity, how_severe = _best(chances["severity"])
        sentiment, _ = _best(chances["sentiment"])
        answer = Triage(
            INTENTS[intent],
            SEVERITIES[severity],
            SENTIMENTS[sentiment],
            int(100 * min(how_intent, how_severe)),
            False,
            self._why(words, reading, intent, severity),
        )
        able = (
            answer.severity == "low"
            and answer.sentiment != "negative"
            and answer.intent in self._manner.bot_intents
            and min(how_intent, how_severe, chances["bot"][1]) >= self._manner.bot_from
        )
        return answer._replace(bot=able)

    def _why(self, words: Words, reading: Reading, intent: int, severity: int) -> tuple[str, ...]:
        """The words with the most weight for the labels, as written, in the order of the text."""
        taken: list[tuple[int, int]] = []
        for first, last in self._model.reasons(reading, intent, severity):
            if all(last < other[0] or first > other[1] for other in taken):
                taken.append((first, last))
                if len(taken) == MOST_WORDS:
                    break
        return tuple(" ".join(dict.fromkeys(words.written[first : last + 1])) for first, last in sorted(taken))


def _wordless(signs: list[str]) -> Triage:
    """Emoji and punctuation only: small talk, also with angry emoji."""
    return Triage("other", "low", "neutral" if _CROSS.isdisjoint(signs) else "negative", 99, False, ())


def _best(chances: list[float]) -> tuple[int, float]:
    highest = max(chances)
    return chances.index(highest), highest

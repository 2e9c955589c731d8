"""What a customer's message is about, how much it matters, how they feel, and whether the bot may answer it.

Pure and quick: the words' meanings, the rules and the linear model's weights come as data, and one message costs well
under a millisecond without a network.
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

# At most so many words and phrases are named as those that decided.
MOST_WORDS = 4
LONGEST_WHOLE = 6
_CROSS = frozenset(("#angry", "#sad", "#wry"))


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


class BotThresholds(NamedTuple):
    """When a message may be left to the bot: `bot_intents` are what it may speak of at all, `bot_from` is the least
    chance (0 to 1) of the intent, of low severity, and of the bot's fully satisfying the sender, each."""

    bot_from: float
    bot_intents: frozenset[str]


class MessageClassifier(Protocol):
    """Whoever says what a message is about; never raises."""

    def read(self, text: str, subject: str = "") -> Triage: ...


class Triager:
    """Reads messages by one lexicon and one model.

    `whole` are messages that are known as a whole ("tc", "alo"), in the spelling of the lexicon, with their labels.
    """

    def __init__(
        self, lexicon: Lexicon, model: Model, manner: BotThresholds, whole: Mapping[str, tuple[str, str, str, bool]]
    ) -> None:
        self._lexicon = lexicon
        self._model = model
        self._manner = manner
        self._whole = whole

    def read(self, text: str, subject: str = "") -> Triage:
        """Never raises, whatever the text; a message of no words is `other` and low."""
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
        """The words that speak most for the answer, as they were written, in the order of the text."""
        taken: list[tuple[int, int]] = []
        for first, last in self._model.reasons(reading, intent, severity):
            if all(last < other[0] or first > other[1] for other in taken):
                taken.append((first, last))
                if len(taken) == MOST_WORDS:
                    break
        return tuple(" ".join(dict.fromkeys(words.written[first : last + 1])) for first, last in sorted(taken))


def _wordless(signs: list[str]) -> Triage:
    """Faces and dots: small talk, also where the faces are angry."""
    return Triage("other", "low", "neutral" if _CROSS.isdisjoint(signs) else "negative", 99, False, ())


def _best(chances: list[float]) -> tuple[int, float]:
    highest = max(chances)
    return chances.index(highest), highest

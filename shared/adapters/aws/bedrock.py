"""The second opinion on a message by a model of Amazon Bedrock: one call within a short time limit."""

from __future__ import annotations

import logging
from typing import Any

from shared.adapters.aws.converse import Converse, NoAnswer, json_of
from shared.domain.triage.triage import INTENTS, SENTIMENTS, SEVERITIES, Triage

# Together the time by which a second opinion may delay a message.
CONNECT_SECONDS = 0.5
READ_SECONDS = 1.5
MOST_TOKENS = 120
# Enough to understand a request; a longer mail costs more than its answer is worth.
MOST_CHARACTERS = 4_000

_LABELS: dict[str, tuple[Any, ...]] = {
    "intent": INTENTS,
    "severity": SEVERITIES,
    "sentiment": SENTIMENTS,
    "bot": (True, False),
}
_log = logging.getLogger("khach-quen.bedrock")


class BedrockReader:
    """One model with its instructions; `account` (region, endpoint_url, credentials) is as of `Converse`."""

    def __init__(self, model: str, instructions: str, **account: Any) -> None:
        self._model = Converse(
            model,
            instructions,
            most_tokens=MOST_TOKENS,
            temperature=0.0,
            connect_seconds=CONNECT_SECONDS,
            read_seconds=READ_SECONDS,
            **account,
        )

    def read(self, text: str) -> Triage | None:
        """The labels the model gives a text; None, with the reason in the log, where it gives none in time."""
        try:
            return _triage(self._model.ask(text[:MOST_CHARACTERS]).text)
        except NoAnswer as why:
            _log.warning("no second opinion: %s", why)
            return None


def _triage(answer: str) -> Triage:
    labels = json_of(answer)
    wrong = [name for name, values in _LABELS.items() if not isinstance(labels, dict) or labels.get(name) not in values]
    if wrong:
        raise NoAnswer(f"unknown labels: {', '.join(wrong)}")
    return Triage(labels["intent"], labels["severity"], labels["sentiment"], 0, bool(labels["bot"]), ())

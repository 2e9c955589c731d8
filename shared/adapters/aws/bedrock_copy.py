"""Drafts of messages by a model of Amazon Bedrock: one call, and every answer that is none is told apart."""

from __future__ import annotations

import json
import logging
from typing import Any

from pydantic import ValidationError

from shared.adapters.aws.converse import Converse, NoAnswer, json_of
from shared.domain.errors import Busy
from shared.domain.messaging.wording import Wording
from shared.ports import Copy, CopyBrief

CONNECT_SECONDS = 1.0
# Five drafts of an e-mail take some ten seconds; the HTTP API gives up after thirty.
READ_SECONDS = 22.0
MOST_TOKENS = 4_000
# Variants are to differ from each other.
TEMPERATURE = 0.7

_log = logging.getLogger("khach-quen.bedrock")


class BedrockCopyWriter:
    """One model with its instructions; `account` (region, endpoint_url, credentials) is as of `Converse`."""

    def __init__(self, model: str, instructions: str, *, read_seconds: float = READ_SECONDS, **account: Any) -> None:
        self._model = Converse(
            model,
            instructions,
            most_tokens=MOST_TOKENS,
            temperature=TEMPERATURE,
            connect_seconds=CONNECT_SECONDS,
            read_seconds=read_seconds,
            **account,
        )

    def draft(self, brief: CopyBrief) -> Copy:
        """The drafts the model gives; raises Busy, with the reason in the log, where it gives none in time."""
        asked = json.dumps({**brief.told, "count": brief.count, "parts": brief.parts}, ensure_ascii=False)
        try:
            answer = self._model.ask(asked)
            drafts = _drafts(json_of(answer.text))[: brief.count]
        except NoAnswer as why:
            _log.warning("no drafts: %s", why)
            raise Busy(f"the model gave no drafts: {why}") from None
        return Copy(drafts, self._model.model, answer.input_tokens, answer.output_tokens)


def _drafts(answer: Any) -> list[Wording]:
    found = answer.get("drafts") if isinstance(answer, dict) else None
    if not isinstance(found, list) or not found:
        raise NoAnswer("the answer has no drafts")
    try:
        # A part that a channel has not is left out by some models and null with others.
        return [Wording.model_validate({part: text for part, text in one.items() if text is not None}) for one in found]
    except (ValidationError, AttributeError):
        raise NoAnswer("a draft of the answer has other parts than were asked for") from None

"""The second opinion on a message by a model of Amazon Bedrock: one call within a short time limit."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shared.adapters.aws.clients import session
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
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_log = logging.getLogger("khach-quen.bedrock")


class _NoOpinion(Exception):
    """Why there is no second opinion, in words that quote nothing of the message."""


class BedrockReader:
    """One model with its instructions. `credentials` (access_key, secret_key), `region` and `endpoint_url` come from
    the environment where they are empty."""

    def __init__(
        self,
        model: str,
        instructions: str,
        *,
        region: str = "",
        endpoint_url: str = "",
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self._model = model
        self._instructions = instructions
        self._region = region
        self._endpoint_url = endpoint_url
        self._credentials = credentials or {}

    def read(self, text: str) -> Triage | None:
        """The labels the model gives a text; None, with the reason in the log, where it gives none in time."""
        try:
            return _triage(self._answer(text))
        except _NoOpinion as why:
            _log.warning("no second opinion: %s", why)
            return None

    def _answer(self, text: str) -> str:
        try:
            answer = self._client.converse(
                modelId=self._model,
                system=[{"text": self._instructions}],
                messages=[{"role": "user", "content": [{"text": text[:MOST_CHARACTERS]}]}],
                inferenceConfig={"maxTokens": MOST_TOKENS, "temperature": 0.0},
            )
        except ClientError as error:
            raise _NoOpinion(str(error.response.get("Error", {}).get("Code", "")) or "refused") from None
        except (BotoCoreError, ResponseParserError) as error:
            # Its text may quote what was sent.
            raise _NoOpinion(type(error).__name__) from None
        try:
            return "".join(part.get("text", "") for part in answer["output"]["message"]["content"])
        except (KeyError, TypeError, AttributeError):
            raise _NoOpinion("the answer is no message") from None

    @cached_property
    def _client(self) -> Any:
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        return session().client(
            "bedrock-runtime",
            region_name=self._region or None,
            endpoint_url=self._endpoint_url or None,
            aws_access_key_id=self._credentials.get("access_key"),
            aws_secret_access_key=self._credentials.get("secret_key"),
            config=config,
        )


def _triage(answer: str) -> Triage:
    found = _OBJECT.search(answer)
    try:
        labels = json.loads(found.group() if found else answer)
    except ValueError:
        raise _NoOpinion("the answer is no JSON") from None
    wrong = [name for name, values in _LABELS.items() if not isinstance(labels, dict) or labels.get(name) not in values]
    if wrong:
        raise _NoOpinion(f"unknown labels: {', '.join(wrong)}")
    return Triage(labels["intent"], labels["severity"], labels["sentiment"], 0, bool(labels["bot"]), ())

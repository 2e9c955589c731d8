"""A second reader of messages: a model of Amazon Bedrock, asked once and briefly."""

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

# Together they are the time somebody's message may wait for it.
CONNECT_SECONDS = 0.5
READ_SECONDS = 1.5
MOST_TOKENS = 120
# Long enough for what people want; a long mail costs more than its answer is worth.
MOST_CHARACTERS = 4_000

_LABELS: dict[str, tuple[Any, ...]] = {
    "intent": INTENTS,
    "severity": SEVERITIES,
    "sentiment": SENTIMENTS,
    "bot": (True, False),
}
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_log = logging.getLogger("khach-quen.bedrock")


class _Nothing(Exception):
    """Why there is no second opinion, in words that hold nothing of the message."""


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
        """What the model says of a text; None, with the reason in the log, when it says nothing usable in time."""
        try:
            return _triage(self._said(text))
        except _Nothing as why:
            _log.warning("no second opinion: %s", why)
            return None

    def _said(self, text: str) -> str:
        try:
            answer = self._client.converse(
                modelId=self._model,
                system=[{"text": self._instructions}],
                messages=[{"role": "user", "content": [{"text": text[:MOST_CHARACTERS]}]}],
                inferenceConfig={"maxTokens": MOST_TOKENS, "temperature": 0.0},
            )
        except ClientError as error:
            raise _Nothing(str(error.response.get("Error", {}).get("Code", "")) or "refused") from None
        except (BotoCoreError, ResponseParserError) as error:
            # Its words may hold what was sent.
            raise _Nothing(type(error).__name__) from None
        try:
            return "".join(part.get("text", "") for part in answer["output"]["message"]["content"])
        except (KeyError, TypeError, AttributeError):
            raise _Nothing("the answer is no message") from None

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


def _triage(said: str) -> Triage:
    found = _OBJECT.search(said)
    try:
        labels = json.loads(found.group() if found else said)
    except ValueError:
        raise _Nothing("the answer is no JSON") from None
    wrong = [name for name, values in _LABELS.items() if not isinstance(labels, dict) or labels.get(name) not in values]
    if wrong:
        raise _Nothing(f"no label of ours: {', '.join(wrong)}")
    return Triage(labels["intent"], labels["severity"], labels["sentiment"], 0, bool(labels["bot"]), ())

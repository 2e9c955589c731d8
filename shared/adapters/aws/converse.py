"""One question to a model of Amazon Bedrock by its Converse call, within a time limit and never repeated."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shared.adapters.aws.clients import session

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


class NoAnswer(Exception):
    """Why there is no usable answer, in words that quote nothing of what was asked."""


class Answer(NamedTuple):
    """What a model said, and what it was paid for in tokens, where it says so."""

    text: str
    input_tokens: int
    output_tokens: int


class Converse:
    """One model with its instructions, `system`. `credentials` (access_key, secret_key), `region` and `endpoint_url`
    come from the environment where they are empty."""

    def __init__(
        self,
        model: str,
        system: str,
        *,
        most_tokens: int,
        temperature: float,
        connect_seconds: float,
        read_seconds: float,
        region: str = "",
        endpoint_url: str = "",
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self._system = system
        self._inference = {"maxTokens": most_tokens, "temperature": temperature}
        # Nothing is tried twice: each try is paid for, and the caller waits.
        self._config = Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        self._region = region
        self._endpoint_url = endpoint_url
        self._credentials = credentials or {}

    def ask(self, text: str) -> Answer:
        """The model's answer to one message; raises NoAnswer."""
        try:
            answer = self._client.converse(
                modelId=self.model,
                system=[{"text": self._system}],
                messages=[{"role": "user", "content": [{"text": text}]}],
                inferenceConfig=self._inference,
            )
        except ClientError as error:
            raise NoAnswer(str(error.response.get("Error", {}).get("Code", "")) or "refused") from None
        except (BotoCoreError, ResponseParserError) as error:
            # Its text may quote what was sent.
            raise NoAnswer(type(error).__name__) from None
        try:
            said = "".join(part.get("text", "") for part in answer["output"]["message"]["content"])
        except (KeyError, TypeError, AttributeError):
            raise NoAnswer("the answer is no message") from None
        used = answer.get("usage") or {}
        return Answer(said, int(used.get("inputTokens", 0)), int(used.get("outputTokens", 0)))

    @cached_property
    def _client(self) -> Any:
        return session().client(
            "bedrock-runtime",
            region_name=self._region or None,
            endpoint_url=self._endpoint_url or None,
            aws_access_key_id=self._credentials.get("access_key"),
            aws_secret_access_key=self._credentials.get("secret_key"),
            config=self._config,
        )


def json_of(said: str) -> Any:
    """The JSON object in an answer, whatever words stand around it; raises NoAnswer."""
    found = _OBJECT.search(said)
    try:
        return json.loads(found.group() if found else said)
    except ValueError:
        raise NoAnswer("the answer is no JSON") from None

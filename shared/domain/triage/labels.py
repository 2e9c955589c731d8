"""The fixed labels of triage."""

from __future__ import annotations

from typing import Literal

from shared.domain.triage.triage import INTENTS, SENTIMENTS, SEVERITIES

Intent = Literal[INTENTS]  # type: ignore[valid-type]


Severity = Literal[SEVERITIES]  # type: ignore[valid-type]


Sentiment = Literal[SENTIMENTS]  # type: ignore[valid-type]

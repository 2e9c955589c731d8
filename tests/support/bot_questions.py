"""The questions the bot is held to, each with what it is about."""

from __future__ import annotations

import json
from pathlib import Path

_FILE = Path(__file__).parents[1] / "bot" / "questions.jsonl"
QUESTIONS = [json.loads(line) for line in _FILE.read_text("utf-8").splitlines() if line]

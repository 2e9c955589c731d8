"""Classifies a message with the own model, and escalates unsure ones to a second one within a daily budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.triage.redaction import redacted
from shared.domain.triage.second_opinion import EscalationRules, merged
from shared.domain.triage.triage import MessageClassifier, Triage
from shared.ports import SecondOpinion, Table
from shared.repositories.model_calls import may_call

BUDGET = "second_opinion"


@dataclass(frozen=True)
class EscalatingClassifier:
    """Classifies as `own` does, or with `other` where `own` is unsure. Answers of `other` are cached, since a
    transaction may be retried and every call costs money."""

    own: MessageClassifier
    other: SecondOpinion
    table: Table
    asking: EscalationRules
    now: datetime
    _answers: dict[tuple[str, str], Triage] = field(default_factory=dict)

    def read(self, text: str, subject: str = "") -> Triage:
        """Never raises: without an answer of the second model, or without budget, the own result stands."""
        first = self.own.read(text, subject)
        if first.confidence >= self.asking.floor:
            return first
        key = (text, subject)
        if key not in self._answers:
            second = self.other.read(redacted(f"{subject}\n{text}".strip())) if self._may_ask() else None
            self._answers[key] = merged(first, second) if second else first
        return self._answers[key]

    def _may_ask(self) -> bool:
        return may_call(self.table, BUDGET, self.asking.calls_a_day, self.now)

"""Classifies a message with the own model, and escalates unsure ones to a second one within a daily budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.errors import Busy, Conflict
from shared.domain.triage.redaction import redacted
from shared.domain.triage.second_opinion import EscalationRules, merged
from shared.domain.triage.triage import MessageClassifier, Triage
from shared.domain.vietnam_time import local_day
from shared.ports import SecondOpinion, Table, Update, absent_or_at_most
from shared.repositories import table_keys

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
            second = self.other.read(redacted(f"{subject}\n{text}".strip())) if self._affordable() else None
            self._answers[key] = merged(first, second) if second else first
        return self._answers[key]

    def _affordable(self) -> bool:
        """Count one call against the daily budget before it is made: a failed call is paid for too."""
        if not self.asking.calls_a_day:
            return False
        try:
            self.table.write(
                Update(
                    table_keys.budget(str(local_day(self.now)), BUDGET),
                    add={("calls",): 1},
                    when=(absent_or_at_most(("calls",), self.asking.calls_a_day - 1),),
                )
            )
        except (Conflict, Busy):
            return False
        return True

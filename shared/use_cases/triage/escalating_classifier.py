"""Reading a message twice: by our own reader, and where that is unsure by another one, within a day's budget."""

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
    """Reads as our own reader does. What was asked of the other one is remembered, since work on a ticket may begin
    anew, and a question costs money."""

    own: MessageClassifier
    other: SecondOpinion
    table: Table
    asking: EscalationRules
    now: datetime
    _answers: dict[tuple[str, str], Triage] = field(default_factory=dict)

    def read(self, text: str, subject: str = "") -> Triage:
        """Never raises: what the other one does not say, or is too dear today, stays as our own reader has it."""
        first = self.own.read(text, subject)
        if first.confidence >= self.asking.floor:
            return first
        key = (text, subject)
        if key not in self._answers:
            second = self.other.read(redacted(f"{subject}\n{text}".strip())) if self._affordable() else None
            self._answers[key] = merged(first, second) if second else first
        return self._answers[key]

    def _affordable(self) -> bool:
        """Takes one call of the day's, before it is made: a call that fails has been paid for."""
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

"""The message classifier of this deployment: the own model, with escalation to a second one if it is configured."""

from __future__ import annotations

from datetime import datetime

from shared.domain.triage.triage import MessageClassifier
from shared.runtime import wiring
from shared.runtime.playbook.triage import asking, triager
from shared.use_cases.triage.escalating_classifier import EscalatingClassifier


def classifier(now: datetime) -> MessageClassifier:
    """The classifier at this moment."""
    outside = wiring.outside()
    if outside.second_opinion is None:
        return triager()
    return EscalatingClassifier(triager(), outside.second_opinion, outside.table, asking(), now)

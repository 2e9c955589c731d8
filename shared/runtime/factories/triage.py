"""The reader of customers' messages, made once per process from the playbook's words and the trained weights."""

from __future__ import annotations

from datetime import datetime

from shared.domain.triage.triage import MessageClassifier
from shared.runtime import wiring
from shared.runtime.playbook.triage import asking, triager
from shared.use_cases.triage.escalating_classifier import EscalatingClassifier


def classifier(now: datetime) -> MessageClassifier:
    """What reads messages at this moment: our own reader, and another one beside it where this deployment has one."""
    outside = wiring.outside()
    if outside.second_opinion is None:
        return triager()
    return EscalatingClassifier(triager(), outside.second_opinion, outside.table, asking(), now)

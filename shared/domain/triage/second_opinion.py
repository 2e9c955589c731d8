"""When a message is escalated to a second classifier, and how its result is merged."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.triage.triage import INTENTS, SENTIMENTS, SEVERITIES, Triage

# The least confidence where both classifiers agree, in percent.
AGREED = 90


class EscalationRules(BaseModel):
    """The playbook's rules: escalate below `floor` percent of confidence, at most `calls_a_day` times, with
    `instructions`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    floor: int = Field(ge=0, le=100)
    calls_a_day: int = Field(ge=0)
    instructions: str = Field(min_length=1)

    def system(self) -> str:
        """The system prompt of the second classifier."""
        labels = {"intent": INTENTS, "severity": SEVERITIES, "sentiment": SENTIMENTS}
        fields = ", ".join(f'"{name}": one of {"|".join(values)}' for name, values in labels.items())
        return (
            f"{self.instructions.strip()}\n\nAnswer with one JSON object and nothing else: "
            f'{{{fields}, "bot": true|false}}'
        )


def merged(first: Triage, second: Triage) -> Triage:
    """Both results merged: the labels of the second, but critical stays critical, and the bot answers only if both
    allow it."""
    severity = "critical" if first.severity == "critical" else second.severity
    agreed = (first.intent, first.severity) == (second.intent, second.severity)
    return first._replace(
        intent=second.intent,
        severity=severity,
        sentiment=second.sentiment,
        confidence=max(first.confidence, AGREED) if agreed else first.confidence,
        bot=first.bot and second.bot and severity == "low" and second.sentiment != "negative",
    )

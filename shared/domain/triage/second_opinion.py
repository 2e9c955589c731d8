"""When another reader is asked what a message is about, and what its word counts for."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.triage.triage import INTENTS, SENTIMENTS, SEVERITIES, Triage

# What two readers agree on is at least this sure, in percent.
AGREED = 90


class EscalationRules(BaseModel):
    """The playbook's words on it: asked below `floor` percent of confidence, at most `calls_a_day` times, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    floor: int = Field(ge=0, le=100)
    calls_a_day: int = Field(ge=0)
    instructions: str = Field(min_length=1)

    def system(self) -> str:
        """What the other reader is told before it sees a message."""
        labels = {"intent": INTENTS, "severity": SEVERITIES, "sentiment": SENTIMENTS}
        fields = ", ".join(f'"{name}": one of {"|".join(values)}' for name, values in labels.items())
        return (
            f"{self.instructions.strip()}\n\nAnswer with one JSON object and nothing else: "
            f'{{{fields}, "bot": true|false}}'
        )


def merged(first: Triage, second: Triage) -> Triage:
    """What both say together: the second names the labels, but critical stays critical, and where the first would not
    let the bot answer nobody does."""
    severity = "critical" if first.severity == "critical" else second.severity
    agreed = (first.intent, first.severity) == (second.intent, second.severity)
    return first._replace(
        intent=second.intent,
        severity=severity,
        sentiment=second.sentiment,
        confidence=max(first.confidence, AGREED) if agreed else first.confidence,
        bot=first.bot and second.bot and severity == "low" and second.sentiment != "negative",
    )

"""Ticket rules: joining, waiting times, locks, internal questions, compensation. `tickets.yaml` in the playbook."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, Self, get_args

from pydantic import Field, PositiveInt, model_validator

from shared.domain.common.localized_text import Text
from shared.domain.common.strict_model import StrictModel
from shared.domain.staff.roles import Role
from shared.domain.triage.labels import Intent, Severity


class Complaints(StrictModel):
    """What counts as a complaint, besides every negative sentiment."""

    intents: tuple[Intent, ...] = ()
    severities: tuple[Severity, ...] = ()


class AskTarget(StrictModel):
    """The recipient of an internal question: the role whose task it becomes, and the title of that task."""

    role: Role
    title: Text


class Transfer(StrictModel):
    """The internal question whether the money of a transfer picture arrived: one of the `asks`, its text, and its
    deadline in minutes."""

    to: str
    text: Text
    minutes: PositiveInt


class Compensation(StrictModel):
    """What agents may give without approval, in VND; above that a manager decides."""

    without_approval_vnd: int = Field(ge=0)
    most_vnd: PositiveInt
    title: Text


ThreadLine = Literal[
    "asked",
    "asked_answered",
    "given",
    "given_waits",
    "given_refused",
    "voucher",
    "escalated",
    "silence",
    "received",
    "first_response",
    "resolve",
]


class TicketRules(StrictModel):
    """The durations of a ticket's life; deadlines and escalation are in the routing table. `lines` are the automatic
    lines of the thread."""

    join_minutes: PositiveInt
    repeat_seconds: PositiveInt
    reopen_days: PositiveInt
    pending_hours: PositiveInt
    bot_pending_hours: PositiveInt
    lock_minutes: PositiveInt
    retry_minutes: PositiveInt
    complaints: Complaints
    asks: dict[str, AskTarget] = Field(min_length=1)
    transfer: Transfer
    compensation: Compensation
    lines: dict[ThreadLine, Text]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [name for name in get_args(ThreadLine) if name not in self.lines]:
            raise ValueError(f"lines: {missing[0]} is missing")
        if self.transfer.to not in self.asks:
            raise ValueError(f"transfer.to: must be one of {', '.join(self.asks)}")
        return self

    @property
    def retry(self) -> timedelta:
        return timedelta(minutes=self.retry_minutes)

    def pending_until(self, answered_at: datetime, by: str) -> datetime:
        """When a ticket that waits for the customer is closed automatically."""
        return answered_at + timedelta(hours=self.bot_pending_hours if by == "bot" else self.pending_hours)

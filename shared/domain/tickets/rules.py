"""How tickets live: what joins what, how long they wait, who decides on money. `tickets.yaml` in the playbook."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, Self, get_args

from pydantic import Field, PositiveInt, model_validator

from shared.domain.common.localized_text import Text
from shared.domain.common.strict_model import StrictModel
from shared.domain.staff.roles import Role
from shared.domain.triage.labels import Intent, Severity


class Complaints(StrictModel):
    """What counts as a complaint, besides everything that sounds displeased."""

    intents: tuple[Intent, ...] = ()
    severities: tuple[Severity, ...] = ()


class AskOf(StrictModel):
    """Whom an inner question goes to: the role whose task it becomes, and what they read above it."""

    role: Role
    title: Text


class Transfer(StrictModel):
    """Who looks whether the money of a bank transfer's picture came: one of the `asks`, what they are asked, and how
    long they have."""

    to: str
    text: Text
    minutes: PositiveInt


class Compensation(StrictModel):
    """What staff may give by themselves, in VND; beyond it a manager decides."""

    without_approval_vnd: int = Field(ge=0)
    most_vnd: PositiveInt
    title: Text


Line = Literal[
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
    """Spans of a ticket's life; deadlines and what follows them are the routing table's. `lines` are what the thread
    tells staff of what happened."""

    join_minutes: PositiveInt
    repeat_seconds: PositiveInt
    reopen_days: PositiveInt
    pending_hours: PositiveInt
    bot_pending_hours: PositiveInt
    lock_minutes: PositiveInt
    retry_minutes: PositiveInt
    complaints: Complaints
    asks: dict[str, AskOf] = Field(min_length=1)
    transfer: Transfer
    compensation: Compensation
    lines: dict[Line, Text]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [name for name in get_args(Line) if name not in self.lines]:
            raise ValueError(f"lines: {missing[0]} is missing")
        if self.transfer.to not in self.asks:
            raise ValueError(f"transfer.to: must be one of {', '.join(self.asks)}")
        return self

    @property
    def retry(self) -> timedelta:
        return timedelta(minutes=self.retry_minutes)

    def pending_until(self, answered_at: datetime, by: str) -> datetime:
        """When a ticket that waits for the customer is done by itself."""
        return answered_at + timedelta(hours=self.bot_pending_hours if by == "bot" else self.pending_hours)

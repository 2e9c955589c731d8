"""An appointment in a store: within its open hours, as many in an hour as it has places for (T11, A15)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict

from pydantic import Field, PositiveInt

from shared.domain.common.strict_model import StrictModel
from shared.domain.staff.business_hours import Hours
from shared.domain.vietnam_time import VIETNAM, stamp

ID_TAIL = 20
# Somebody who comes for less is served without an appointment.
LASTS = timedelta(minutes=30)


class Appointment(TypedDict, total=False):
    """An appointment as it is stored; `at` and `by` are those of its last change. Moments are stamps."""

    pk: str
    sk: str
    version: int
    ttl: int
    appointment_id: str
    customer_id: str
    store: str
    service: str
    note: str
    starts_at: str
    status: Literal["booked", "cancelled"]
    at: str
    by: str


class Place(StrictModel):
    """A store that takes appointments: where it is, and how many people it can see in an hour."""

    address: str = Field(min_length=3)
    an_hour: PositiveInt


class AppointmentRules(StrictModel):
    """Everything in `appointments.yaml`; `stores` are named as in `staff.yaml`."""

    days_ahead: PositiveInt = Field(le=365)
    stores: dict[str, Place]


def appointment_id(customer_id: str, store: str, starts_at: datetime, service: str, number: int) -> str:
    """The customer and 20 hexadecimal digits of what was booked, so that booked twice it is one appointment; `number`
    tells it from one that was booked so and has moved since."""
    booked = f"{store}\n{stamp(starts_at)}\n{service}\n{number}"
    return customer_id + hashlib.sha256(booked.encode()).hexdigest()[:ID_TAIL]


def hour_of(starts_at: datetime) -> str:
    """The local hour in which an appointment takes a place, as a stamp."""
    local = starts_at.astimezone(VIETNAM).replace(minute=0, second=0, microsecond=0)
    return stamp(local.astimezone(UTC))


def why_not(starts_at: datetime, now: datetime, hours: Hours, rules: AppointmentRules) -> str:
    """Why nobody can come then, whatever is free, or ""."""
    if starts_at <= now:
        return "is past"
    if starts_at > now + timedelta(days=rules.days_ahead):
        return f"is more than {rules.days_ahead} days ahead"
    minutes = int(LASTS.total_seconds()) // 60
    if hours.add(starts_at, minutes) != starts_at + LASTS:
        return "is outside the store's open hours"
    return ""

"""An appointment in a store: within its open hours, up to its capacity per hour (T11, A15)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict

from pydantic import Field, PositiveInt

from shared.domain.common.strict_model import StrictModel
from shared.domain.staff.business_hours import Hours
from shared.domain.vietnam_time import VIETNAM, stamp

ID_TAIL = 20
# Anything shorter is served without an appointment.
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
    """A store that takes appointments: its address, and its capacity per hour."""

    address: str = Field(min_length=3)
    an_hour: PositiveInt


class AppointmentRules(StrictModel):
    """Everything in `appointments.yaml`; `stores` are named as in `staff.yaml`."""

    days_ahead: PositiveInt = Field(le=365)
    stores: dict[str, Place]


def appointment_id(customer_id: str, store: str, starts_at: datetime, service: str, number: int) -> str:
    """The customer and 20 hexadecimal digits of the booking, so that the same booking is one appointment; `number`
    distinguishes it from an equal booking that was moved since."""
    booked = f"{store}\n{stamp(starts_at)}\n{service}\n{number}"
    return customer_id + hashlib.sha256(booked.encode()).hexdigest()[:ID_TAIL]


def hour_of(starts_at: datetime) -> str:
    """The local hour whose capacity an appointment uses, as a stamp."""
    local = starts_at.astimezone(VIETNAM).replace(minute=0, second=0, microsecond=0)
    return stamp(local.astimezone(UTC))


def why_not(starts_at: datetime, now: datetime, hours: Hours, rules: AppointmentRules) -> str:
    """Why there are no appointments at that time, whatever the capacity, or ""."""
    if starts_at <= now:
        return "is past"
    if starts_at > now + timedelta(days=rules.days_ahead):
        return f"is more than {rules.days_ahead} days ahead"
    minutes = int(LASTS.total_seconds()) // 60
    if hours.add(starts_at, minutes) != starts_at + LASTS:
        return "is outside the store's open hours"
    return ""

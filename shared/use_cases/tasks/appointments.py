"""Appointments: booked within capacity, moved, cancelled; signalled to journeys in the same commit (T11, A15)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, cast

from shared.domain.customers.profile import Profile, fold_members
from shared.domain.customers.reach import sees, stores_of
from shared.domain.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.domain.journeys.engine import Signal
from shared.domain.staff.directory import Directory
from shared.domain.tasks.appointment import Appointment, AppointmentRules, appointment_id, hour_of, why_not
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.tasks import number_to_call
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.journeys.context import JourneyContext

KEPT = timedelta(days=90)
BOOKED: Final = "booked"
CANCELLED: Final = "cancelled"


@dataclass(frozen=True)
class Booking:
    """The appointment a customer wants."""

    customer_id: str
    store: str
    starts_at: datetime
    service: str
    note: str = ""


@dataclass(frozen=True)
class AppointmentBook:
    """Books, moves and cancels appointments for a caller: `by` is its key, `stores` those it may reach (none: all)."""

    journeys: JourneyContext
    rules: AppointmentRules
    directory: Directory
    by: str
    stores: frozenset[str]

    @property
    def table(self) -> Table:
        return self.journeys.table

    @property
    def now(self) -> datetime:
        return self.journeys.now

    def book(self, wanted: Booking) -> Appointment:
        """Book an appointment; idempotent.

        Raises Invalid for a time without appointments, NotFound for an unknown customer, Forbidden for another store,
        Conflict when the hour is full, and Busy.
        """
        self.check(wanted.store, wanted.starts_at)

        def change(uow: UnitOfWork) -> Appointment:
            members = members_of(uow, wanted.customer_id)
            if not members:
                raise NotFound("there is no such customer")
            known, name = self._named(uow, wanted, members[0]["customer_id"])
            if known and known["status"] == BOOKED:
                return known
            made: Appointment = {
                "appointment_id": name, "customer_id": members[0]["customer_id"], "store": wanted.store,
                "service": wanted.service, "note": wanted.note, "starts_at": stamp(wanted.starts_at),
                "status": BOOKED, "at": stamp(self.now), "by": self.by,
            }  # fmt: skip
            return self._put(uow, None, made, members)

        return committed(self.table, change)

    def move(self, name: str, starts_at: datetime) -> Appointment:
        """Move an appointment to another time; idempotent. Raises as `book` does."""

        def change(uow: UnitOfWork) -> Appointment:
            known = self._find(uow, name)
            if known["status"] != BOOKED:
                raise Conflict("the appointment was cancelled", final=True)
            if known["starts_at"] == stamp(starts_at):
                return known
            self.check(known["store"], starts_at)
            moved: Appointment = {**known, "starts_at": stamp(starts_at), "at": stamp(self.now), "by": self.by}
            return self._put(uow, known, moved, members_of(uow, known["customer_id"]))

        return committed(self.table, change)

    def cancel(self, name: str) -> Appointment:
        """Cancel an appointment; idempotent. Raises NotFound, Forbidden and Busy."""

        def change(uow: UnitOfWork) -> Appointment:
            known = self._find(uow, name)
            if known["status"] == CANCELLED:
                return known
            over: Appointment = {**known, "status": CANCELLED, "at": stamp(self.now), "by": self.by}
            self._release(uow, known)
            uow.delete(table_keys.appointment(name))
            uow.put(table_keys.appointment_over(name), {**over, "ttl": int((self.now + KEPT).timestamp())})
            self._signal(uow, over, members_of(uow, known["customer_id"]), "Appointment Cancelled")
            return over

        return committed(self.table, change)

    # ---- one change ----

    def check(self, store: str, starts_at: datetime) -> None:
        """Validate store and time; raises Invalid and Forbidden."""
        if store not in self.rules.stores:
            raise Invalid([FieldError("store", f"takes appointments in {', '.join(sorted(self.rules.stores))} only")])
        if self.stores and store not in self.stores:
            raise Forbidden(f"the key has no access to store {store}")
        if reason := why_not(starts_at, self.now, self.directory.hours, self.rules):
            raise Invalid([FieldError("starts_at", reason)])

    def _named(self, uow: UnitOfWork, wanted: Booking, customer_id: str) -> tuple[Appointment | None, str]:
        """The appointment of an equal booking that was not moved since, and its id; else None and an unused id."""
        for number in count():
            name = appointment_id(customer_id, wanted.store, wanted.starts_at, wanted.service, number)
            known = self._load(uow, name)
            if known is None or known["starts_at"] == stamp(wanted.starts_at):
                return known, name
        raise AssertionError("numbers have no end")

    def _load(self, uow: UnitOfWork, name: str) -> Appointment | None:
        keys = [table_keys.appointment(name), table_keys.appointment_over(name)]
        uow.load(keys)
        return cast(Appointment | None, uow.get(keys[0]) or uow.get(keys[1]))

    def _find(self, uow: UnitOfWork, name: str) -> Appointment:
        known = self._load(uow, name)
        if known is None:
            raise NotFound("there is no such appointment")
        if self.stores and known["store"] not in self.stores:
            raise Forbidden("this appointment is in a store the key has no access to")
        return known

    def _put(
        self, uow: UnitOfWork, before: Appointment | None, after: Appointment, members: list[Profile]
    ) -> Appointment:
        """Reserve capacity for an appointment, release what it had, and signal journeys."""
        name, starts_at = after["appointment_id"], moment(after["starts_at"])
        if before:
            self._release(uow, before)
        key = table_keys.appointment_hour(after["store"], hour_of(starts_at))
        taken = list((uow.get(key) or {}).get("taken", ()))
        if len(taken) >= self.rules.stores[after["store"]].an_hour:
            raise Conflict("every place in this hour is taken", final=True)
        ttl = int((starts_at + KEPT).timestamp())
        uow.put(key, {"taken": [*taken, name], "ttl": ttl})
        uow.put(table_keys.appointment(name), {**after, "ttl": ttl})
        uow.delete(table_keys.appointment_over(name))
        row: Item = {"appointment_id": name, "ttl": ttl}
        uow.mark(table_keys.appointment_row(after["store"], after["starts_at"], name), row)
        self._signal(uow, after, members, "Appointment Booked")
        return after

    def _release(self, uow: UnitOfWork, known: Appointment) -> None:
        name = known["appointment_id"]
        key = table_keys.appointment_hour(known["store"], hour_of(moment(known["starts_at"])))
        held = uow.get(key)
        if held:
            uow.put(key, {**held, "taken": [one for one in held["taken"] if one != name]})
        uow.delete(table_keys.appointment_row(known["store"], known["starts_at"], name))

    def _signal(self, uow: UnitOfWork, known: Appointment, members: list[Profile], name: str) -> None:
        store = known["store"]
        properties: dict[str, Any] = {"appointment_id": known["appointment_id"]}
        if name == "Appointment Booked":
            title, place = self.directory.stores.get(store), self.rules.stores[store]
            properties |= {"starts_at": known["starts_at"], "service": known["service"]}
            properties |= {"store": title.in_language("vi") if title else store, "store_address": place.address}
        entry: Item = {"type": "track", "name": name, "stage": "engagement", "source": "staff", "at": stamp(self.now)}
        entry["properties"] = json.dumps(properties, ensure_ascii=False)
        mark = f"appointment-{known['appointment_id'][-20:]}-{known['status']}"
        uow.mark(table_keys.timeline(known["customer_id"], stamp(self.now), mark), entry)
        if members:
            handle_signal(self.journeys, uow, members, Signal(name, stamp(self.now), properties), act=False)


def listed(
    table: Table,
    store: str,
    since: datetime,
    until: datetime,
    *,
    stores: frozenset[str],
    limit: int,
    start: str | None,
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of a store's appointments between two moments, in order of time. `stores` are those of the key that asks
    (none: all)."""
    low, high = (stamp(at) for at in (since, until))
    page = table.query(
        table_keys.appointments_in(store), low=low, high=high, start=start, limit=limit, consistent=False
    )  # fmt: skip
    places = [table_keys.appointment(row["appointment_id"]) for row in page.items]
    found = table.batch_get(places, consistent=False) if places else {}
    uow = UnitOfWork(table)
    uow.load(table_keys.profile(one["customer_id"]) for one in found.values())
    return [shown(uow, cast(Appointment, found[place]), stores) for place in places if place in found], page.next


def shown(
    uow: UnitOfWork, known: Appointment, stores: frozenset[str], *, reads_customers: bool = True
) -> dict[str, Any]:
    """An appointment as staff see it: the customer, and the number to call; without them for a key that may not see the
    customer (R44)."""
    members = members_of(uow, known["customer_id"])
    if not (reads_customers and sees(stores, stores_of(members))):
        return brief(known) | dict.fromkeys(("customer_id", "customer_name", "phone"))
    return brief(known) | {
        "customer_id": members[0]["customer_id"] if members else known["customer_id"],
        "customer_name": fold_members(members)["traits"].get("name") if members else None,
        "phone": number_to_call(members) if members else None,
    }


def brief(known: Appointment) -> dict[str, Any]:
    """An appointment without its customer."""
    return {
        "appointment_id": known["appointment_id"],
        "store": known["store"],
        "service": known["service"],
        "starts_at": known["starts_at"],
        "status": known["status"],
        "by": known["by"],
        "note": known["note"] or None,
        "booked_at": known["at"],
    }

"""Door: appointments of customers in a store: book, move, cancel, list."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import Reader, fields, parse_moment
from shared.domain.customers.reach import stores_of
from shared.domain.errors import Forbidden, Invalid
from shared.domain.tasks.appointment import Appointment
from shared.domain.vietnam_time import day_start, local_day, read_day
from shared.repositories.api_keys import Caller
from shared.repositories.profiles import members_of
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.auth import reads_customers
from shared.runtime.factories.journeys import event_ingestion, journeys
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.playbook.appointments import appointment_rules
from shared.runtime.playbook.rules import rules
from shared.runtime.playbook.staff import directory
from shared.use_cases.customers.input import read_upsert
from shared.use_cases.customers.written_by_key import visitor
from shared.use_cases.tasks.appointments import AppointmentBook, Booking, listed, shown

NOTE_LENGTH = 500
SHOWN_DAYS = timedelta(days=6)

handler = HttpDoor()


@handler.routes.post("/v1/appointments")
def post_appointment() -> Response[str]:
    now = wiring.outside().clock()
    body = handler.json()
    read = fields(body, ("customer", "customer_id", "starts_at", "service", "store", "note"))
    store, service = read.text(body, "store"), read.text(body, "service", limit=120)
    note, customer_id = read.text(body, "note", limit=NOTE_LENGTH), read.text(body, "customer_id")
    for name, value in (("store", store), ("service", service), ("starts_at", body.get("starts_at"))):
        if not value and not any(error.field == name for error in read.errors):
            read.wrong(name, "is needed")
    starts_at = parse_moment(read, "starts_at", body["starts_at"]) if body.get("starts_at") else None
    if bool(customer_id) == ("customer" in body):
        read.wrong("customer_id", "is needed, or customer with their identities, not both")
    if read.errors or starts_at is None:
        raise Invalid(read.errors)
    book = _book(now)
    book.check(store, starts_at)
    if customer_id:
        _check_reach(customer_id)
    else:
        wanted = read_upsert(body["customer"], now, rules())
        customer_id = visitor(event_ingestion(now), wanted, _stores(), store, reads=reads_customers(_caller()))
    booked = book.book(Booking(customer_id, store, starts_at, service, note))
    if not reads_customers(_caller()):
        # Asked for again it is the appointment that is there, with a note that others may have written.
        booked = {**booked, "note": note}
    return _shown(booked, 201)


def _check_reach(customer_id: str) -> None:
    """Raises Forbidden for a customer the caller's stores do not reach."""
    members = members_of(UnitOfWork(wiring.outside().table), customer_id) if _stores() else []
    if members and not _caller().may_see(stores_of(members)):
        raise Forbidden("this customer belongs to stores the key has no access to")


@handler.routes.get("/v1/appointments")
def get_appointments() -> Response[str]:
    limit, start = handler.page()
    query = handler.event.get("queryStringParameters") or {}
    read = Reader()
    store = read.text(query, "store")
    if not store and not read.errors:
        read.wrong("store", "is needed")
    first = _day(read, "from", query.get("from", "")) or local_day(wiring.outside().clock())
    last = _day(read, "to", query.get("to", "")) or first + SHOWN_DAYS
    if read.errors:
        raise Invalid(read.errors)
    since, until = day_start(first), day_start(last + timedelta(days=1))
    stores = _stores()
    if stores and store not in stores:
        raise Forbidden(f"the key has no access to store {store}")
    return listing(*listed(wiring.outside().table, store, since, until, stores=stores, limit=limit, start=start))


@handler.routes.post("/v1/appointments/<appointment_id>/cancel")
def post_cancel(appointment_id: str) -> Response[str]:
    return _shown(_book(wiring.outside().clock()).cancel(appointment_id))


@handler.routes.post("/v1/appointments/<appointment_id>/move")
def post_move(appointment_id: str) -> Response[str]:
    body = handler.json()
    read = fields(body, ("starts_at",))
    starts_at = parse_moment(read, "starts_at", body.get("starts_at"))
    if read.errors or starts_at is None:
        raise Invalid(read.errors)
    return _shown(_book(wiring.outside().clock()).move(appointment_id, starts_at))


def _day(read: Reader, name: str, text: str) -> date | None:
    """A local day, or None if the query has none."""
    try:
        return read_day(text) if text else None
    except ValueError:
        read.wrong(name, "must be a day such as 2026-11-21")
        return None


def _book(now: datetime) -> AppointmentBook:
    return AppointmentBook(journeys(now), appointment_rules(), directory(), _caller().name, _stores())


def _caller() -> Caller:
    caller = handler.caller
    assert caller is not None  # every route of this door takes a key
    return caller


def _stores() -> frozenset[str]:
    return _caller().stores


def _shown(appointment: Appointment, status: int = 200) -> Response[str]:
    uow = UnitOfWork(wiring.outside().table)
    return answer(shown(uow, appointment, _stores(), reads_customers=reads_customers(_caller())), status)

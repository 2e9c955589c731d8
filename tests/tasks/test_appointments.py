"""T11, A15: appointments in the store: booked where there is a place, moved, cancelled, reminded of, seen by staff."""

from __future__ import annotations

import threading

import pytest

from shared.repositories import table_keys
from shared.runtime.playbook.appointments import FILE, appointment_rules
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK
from tests.support.call_lists import STORE, Floor
from tests.support.journeys import Guest
from tests.support.openapi import holds_to_it

THURSDAY = "2026-03-05T10:00:00+07:00"


def book(floor: Floor, guest: Guest, starts_at: str = THURSDAY, *, store: str = STORE, key: str = "", **more):
    body = {
        "customer_id": guest.id,
        "store": store,
        "service": "thử và chỉnh sửa áo dài",
        "starts_at": starts_at,
        **more,
    }
    return holds_to_it("POST /v1/appointments", floor.ask("POST", "/v1/appointments", body, key=key))


def at(floor: Floor, query: str = "", key: str = ""):
    answer = floor.ask("GET", "/v1/appointments", query=f"store={STORE}{query}", key=key)
    assert holds_to_it("GET /v1/appointments", answer).status == 200, answer
    return answer.json["items"]


def change(floor: Floor, appointment: dict, what: str, body=None, key: str = ""):
    answer = floor.ask("POST", f"/v1/appointments/{appointment['appointment_id']}/{what}", body, key=key)
    return holds_to_it(f"POST /v1/appointments/{{appointment_id}}/{what}", answer)


def reminders(floor: Floor, guest: Guest) -> list[str]:
    return [f"{floor.local(message):%d/%m %H:%M}" for message in floor.of("appointment", guest)
            if any(line[1] == "sent" for line in message["log"])]  # fmt: skip


def test_t11_an_appointment_is_booked_listed_shown_and_reminded_of(floor: Floor):
    lan = floor.guest()
    answer = book(floor, lan, note="Cần gửi xe")
    assert answer.status == 201
    assert (answer.json["status"], answer.json["starts_at"]) == ("booked", "2026-03-05T03:00:00.000Z")

    (listed,) = at(floor)
    assert listed == answer.json
    assert (listed["customer_name"], listed["phone"][:3], listed["note"]) == ("Nguyễn Thị Lan", "+84", "Cần gửi xe")
    (seen,) = floor.view(lan)["appointments"]
    assert seen["appointment_id"] == listed["appointment_id"]
    assert at(floor, "&from=2026-03-06") == at(floor, "&to=2026-03-04") == []

    floor.until(12, days=3)
    assert reminders(floor, lan) == ["04/03 10:00", "05/03 08:00"]
    sent = floor.got("appointment", lan)[0]
    assert "78 Cầu Giấy" in str(sent)
    assert floor.view(lan)["appointments"] != []
    floor.until(8, days=1)
    assert floor.view(lan)["appointments"] == []


def test_t11_the_same_booked_twice_is_one_and_whom_nobody_knows_yet_becomes_a_customer(floor: Floor):
    body = {
        "customer": {"identities": {"phone": "0987654118"}, "traits": {"name": "Lê Thị Mai"}},
        "store": STORE, "service": "cắt may", "starts_at": THURSDAY,
    }  # fmt: skip
    first, again = (floor.ask("POST", "/v1/appointments", body) for _ in range(2))
    assert first.json == again.json
    (listed,) = at(floor)
    assert (listed["customer_name"], listed["phone"]) == ("Lê Thị Mai", "+84987654118")


def test_t11_a_moved_appointment_is_reminded_of_at_its_new_time_and_a_cancelled_one_never(floor: Floor):
    lan, mai = floor.guest(), floor.guest()
    of_lan, of_mai = book(floor, lan).json, book(floor, mai).json
    floor.later(minutes=1)

    moved = change(floor, of_lan, "move", {"starts_at": "2026-03-06T15:00:00+07:00"})
    assert (moved.status, moved.json["starts_at"]) == (200, "2026-03-06T08:00:00.000Z")
    assert change(floor, of_lan, "move", {"starts_at": "2026-03-06T15:00:00+07:00"}).json == moved.json
    over = change(floor, of_mai, "cancel")
    assert (over.status, over.json["status"]) == (200, "cancelled")
    assert change(floor, of_mai, "cancel").json == over.json
    assert change(floor, of_mai, "move", {"starts_at": "2026-03-06T15:00:00+07:00"}).status == 409
    assert [one["appointment_id"] for one in at(floor)] == [of_lan["appointment_id"]]
    assert floor.view(mai)["appointments"] == []

    floor.until(16, days=4)
    assert reminders(floor, lan) == ["05/03 15:00", "06/03 13:00"]
    assert reminders(floor, mai) == []
    # What was cancelled may be booked again, and what moved away leaves its own place free.
    again = book(floor, lan, "2026-03-12T10:00:00+07:00")
    assert again.json["appointment_id"] != of_lan["appointment_id"]


def test_t11_a_cancelled_appointment_booked_again_is_reminded_of(floor: Floor):
    lan = floor.guest()
    first = book(floor, lan).json
    floor.later(minutes=5)
    change(floor, first, "cancel")
    floor.later(minutes=5)
    again = book(floor, lan)
    assert (again.status, again.json["status"]) == (201, "booked")
    assert [one["appointment_id"] for one in at(floor)] == [first["appointment_id"]]
    floor.until(12, days=3)
    assert reminders(floor, lan) == ["04/03 10:00", "05/03 08:00"]


def test_t11_an_hour_takes_as_many_as_it_has_places_and_a_place_given_back_is_free(floor: Floor):
    places = appointment_rules().stores[STORE].an_hour
    guests = [floor.guest() for _ in range(places + 1)]
    booked = [book(floor, guest, f"2026-03-05T10:{10 * n:02d}:00+07:00") for n, guest in enumerate(guests)]
    assert [answer.status for answer in booked] == [201] * places + [409]
    assert "Every place" in booked[-1].json["detail"]
    assert book(floor, guests[-1], "2026-03-05T11:00:00+07:00").status == 201

    change(floor, booked[0].json, "cancel")
    assert book(floor, guests[-1]).status == 201
    assert change(floor, booked[1].json, "move", {"starts_at": "2026-03-05T10:30:00+07:00"}).status == 200


def test_t11_the_last_place_raced_for_by_many_goes_to_one(floor: Floor):
    places = appointment_rules().stores[STORE].an_hour
    guests = [floor.guest() for _ in range(places + 3)]
    for guest in guests[: places - 1]:
        book(floor, guest)
    answers = {}

    def run(guest: Guest) -> None:
        body = {"customer_id": guest.id, "store": STORE, "service": "cắt may", "starts_at": THURSDAY}
        answers[guest] = floor.ask("POST", "/v1/appointments", body)

    key = floor.key("admin")
    racers = [threading.Thread(target=run, args=(guest,)) for guest in guests[places - 1 :]]
    for one in racers:
        one.start()
    for one in racers:
        one.join()
    assert key
    assert sorted(answer.status for answer in answers.values()) == [201, 409, 409, 409]
    assert len(at(floor)) == places
    held = floor.stack.table.get(table_keys.appointment_hour(STORE, "2026-03-05T03:00:00.000Z"))
    assert len(held["taken"]) == places


@pytest.mark.parametrize(
    ("starts_at", "why"),
    [
        ("2026-03-05T07:00:00+07:00", "open hours"),
        ("2026-03-05T20:45:00+07:00", "open hours"),
        ("2026-03-08T08:30:00+07:00", "open hours"),  # Sundays open at nine
        ("2026-03-01T10:00:00+07:00", "past"),
        ("2026-09-01T10:00:00+07:00", "days ahead"),
    ],
)
def test_t11_nobody_is_booked_when_nobody_is_there(floor: Floor, starts_at: str, why: str):
    answer = book(floor, floor.guest(), starts_at)
    assert (answer.status, answer.fields) == (400, ["starts_at"])
    assert why in answer.json["errors"][0]["reason"]


def test_t11_every_wrong_field_is_named(floor: Floor):
    answer = floor.ask("POST", "/v1/appointments", {"when": "mai", "starts_at": "10h", "service": ["x"]})
    assert answer.status == 400
    assert answer.fields == ["when", "service", "store", "starts_at", "customer_id"]
    assert floor.ask("GET", "/v1/appointments").fields == ["store"]
    assert floor.ask("GET", "/v1/appointments", query="store=Q1&from=nay&to=mai").fields == ["from", "to"]
    ends_of_the_calendar = "store=Q1&from=0001-01-01&to=9999-12-31"
    assert floor.ask("GET", "/v1/appointments", query=ends_of_the_calendar).fields == ["from", "to"]
    nobody = {"customer_id": "a" * 24, "store": STORE, "service": "x", "starts_at": THURSDAY}
    assert floor.ask("POST", "/v1/appointments", nobody).status == 404
    assert floor.ask("POST", "/v1/appointments/unknown/cancel").status == 404


def test_r7_a_store_books_and_sees_its_own_appointments_only(floor: Floor):
    lan = floor.guest(traits={"home_store": STORE})
    theirs = book(floor, lan, store="Quận 1").json
    own = floor.key("store_cg_lead", "store_manager", stores=(STORE,))
    assert book(floor, lan, store="Quận 1", key=own).status == 403
    assert change(floor, theirs, "cancel", key=own).status == 403
    assert floor.ask("GET", "/v1/appointments", query="store=Qu%E1%BA%ADn+1", key=own).status == 403
    assert book(floor, lan, key=own).status == 201
    assert [one["by"] for one in at(floor, key=own)] == ["store_cg_lead"]


def test_the_playbooks_appointments_are_of_stores_that_are_there(tmp_path):
    assert check(PLAYBOOK, FILE) == []
    (tmp_path / "staff.yaml").write_bytes((PLAYBOOK / "staff.yaml").read_bytes())
    (tmp_path / "appointments.yaml").write_text("days_ahead: 30\nstores:\n  Quận 9: {address: xyz, an_hour: 1}\n")
    assert [str(mistake) for mistake in check(tmp_path, FILE)] == [
        "appointments.yaml:3: stores.Quận 9: is no store of staff.yaml"
    ]

"""`/v1/journeys`: what each does, for whom it is live, who stands where, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.domain.messaging.policy import in_holdout
from shared.runtime.playbook.journeys import load_journeys
from shared.runtime.playbook.loader import PLAYBOOK
from tests.support.journey_playbooks import OwnPlaybook, playbook  # noqa: F401
from tests.support.journeys import Shop
from tests.support.shop import Shop as Doors

HALF = """\
id: thanks
title: {vi: Cảm ơn, en: Thanks}
aim: Khách vui
trigger: {event: Order Completed, key: event.order_id}
goal: {event: Product Reviewed, within: 9d}
holdout_percent: 50
ends_after: 9d
steps:
  - {id: pause, wait: {for: 2d}}
  - {id: call, task: {kind: call, title: Gọi cảm ơn, reason: Vừa mua hàng}}
"""


@pytest.fixture
def doors() -> Iterator[Doors]:
    doors = Doors()
    yield doors
    doors.stack.close()


def test_the_list_has_every_journey_that_ships(doors: Doors):
    answer = doors.call("GET", "/v1/journeys")

    assert answer.status == 200
    assert answer.json["next"] is None
    shipped = load_journeys(PLAYBOOK)
    assert [(item["id"], item["version"]) for item in answer.json["items"]] == [
        (name, shipped[name].version) for name in sorted(shipped)
    ]
    assert {item["mode"] for item in answer.json["items"]} == {"all"}


def test_one_journey_is_shown_as_the_playbook_has_it(doors: Doors):
    shown = doors.call("GET", "/v1/journeys/order").json

    assert shown["definition"]["trigger"] == {"event": ["Order Completed"], "key": "event.order_id"}
    assert [(step["step"], step["kind"]) for step in shown["steps"]] == [
        (step.id, step.kind) for step in load_journeys(PLAYBOOK)["order"].steps
    ]
    assert shown["versions"] == []


def test_what_does_not_exist_is_not_found(doors: Doors):
    answer = doors.call("GET", "/v1/journeys/nothing")

    assert (answer.status, answer.json["detail"]) == (404, "There is no journey nothing.")


@pytest.mark.parametrize(("role", "status"), [("marketing", 200), ("care", 200), ("pos", 403)])
def test_staff_and_marketing_may_look(doors: Doors, role: str, status: int):
    key = doors.key("api", role)

    assert doors.call("GET", "/v1/journeys", key=key).status == status
    assert doors.call("GET", "/v1/journeys/order", key=key).status == status


def test_r26_people_stand_at_steps_and_the_hold_out_is_counted_apart(shop: Shop, playbook: OwnPlaybook):  # noqa: F811
    version = playbook.write("thanks", HALF)
    guests = [shop.guest() for _ in range(8)]
    held = [guest for guest in guests if in_holdout(guest.id, "thanks", 50)]
    live = [guest for guest in guests if guest not in held]
    assert held
    assert len(live) > 1
    for number, guest in enumerate(guests):
        shop.order(guest, f"DH{number}")
    shown = shop.call("GET", "/v1/journeys/thanks")

    assert (shown["entered"], shown["holdout"]["entered"], shown["people"]) == (len(live), len(held), 8)
    assert shown["steps"][0] == {"step": "pause", "kind": "wait", "people": 8}
    assert [(v["version"], v["current"], v["at"]) for v in shown["versions"]] == [(version, True, {"pause": 8})]
    shop.later(days=3)
    assert shop.call("GET", "/v1/journeys/thanks")["waiting_for_goal"] == 8
    for guest in (live[0], held[0]):
        shop.tell("Product Reviewed", guest, product_id="AO-LINEN", rating=5)
    shop.later(days=7)
    done = shop.call("GET", "/v1/journeys/thanks")
    assert (done["people"], done["waiting_for_goal"]) == (0, 0)
    assert (done["results"]["goal"], done["holdout"]["results"]["goal"]) == (1, 1)
    assert sum(done["results"].values()) == len(live)
    assert sum(done["holdout"]["results"].values()) == len(held)

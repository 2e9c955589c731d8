"""Behaviour alone moves customers through flows, and every scenario has its goal (A1, A21)."""

from __future__ import annotations

import pytest

from tests.support.journey_customers import buys, silent
from tests.support.journeys import Shop


def test_a1_each_behaviour_starts_and_ends_its_own_flow_and_nobody_lifts_a_hand(shop: Shop) -> None:
    """«Automation Flow dựa trên hành vi»: events come in and time passes, nothing else is called. Who does nothing
    gets nothing."""
    guest, idle = shop.guest(), shop.guest()
    seen: list[str] = []

    def told() -> list[str]:
        """What the customer was sent since the last look."""
        sent = [message["template"] for message in shop.messages() if message["customer_id"] == guest.id]
        new = sent[len(seen) :]
        seen.extend(new)
        return new

    shop.cart(guest, "ao")
    shop.later(minutes=59)
    assert told() == []
    shop.later(minutes=2)
    assert told() == ["cart_reminder"]
    shop.order(guest, "DH1")
    assert told() == ["order_thanks"]
    assert shop.ends(guest, "abandoned_cart") == [("abandoned_cart", "goal")]
    shop.parcel("Order Shipped", "DH1")
    assert told() == ["parcel_sent"]
    shop.parcel("Order Delivered", "DH1")
    shop.later(days=8)
    assert told() == ["delivered", "guide_day3", "survey_day7"]
    assert not shop.tasks(guest)
    [survey] = [message for message in shop.of("post_purchase", guest) if message["template"] == "survey_day7"]
    shop.answer(survey, 2, "Giao nhầm màu")
    assert told() == ["rating_apology"]
    assert [(task["kind"], task["journey"]) for task in shop.tasks(guest)] == [("alarm", "low_rating")]
    shop.later(days=24)
    assert told() == ["winback_30"]

    assert not [message for message in shop.messages() if message["customer_id"] == idle.id]
    assert not shop.inside(idle)
    assert not shop.tasks(idle)


def test_a21_every_scenario_says_its_goal_and_no_two_say_the_same_of_one_thing(shop: Shop) -> None:
    """«Xác định mục tiêu của từng kịch bản», in both languages, where marketing looks at it."""
    shown = [shop.call("GET", f"/v1/journeys/{item['id']}") for item in shop.call("GET", "/v1/journeys")["items"]]
    assert len(shown) > 30
    for journey in shown:
        assert journey["aim"]["vi"], journey["id"]
        assert journey["aim"]["en"], journey["id"]
        assert journey["aim"]["vi"] != journey["title"]["vi"]
    aims = {journey["id"]: journey["aim"]["vi"] for journey in shown}
    # Thanks, guide, feedback, selling on, buying again: the seed's five, each with what is wanted of it.
    assert aims["order"] == "Khách biết đơn đã được nhận và yên tâm chờ hàng"
    assert aims["post_purchase"] == "Khách dùng đúng, được hỏi ý kiến và biết món đi kèm"
    assert aims["feedback_thanks"] == "Khách biết góp ý của mình có người đọc"
    assert aims["post_purchase_offer"] == "Khách quay lại mua lần tiếp theo"
    assert aims["repurchase"] == "Khách mua lại món dùng hằng ngày đúng lúc sắp hết"


@pytest.mark.parametrize(("reaches", "why"), [(True, "goal"), (False, "silent_for_longer")])
def test_a21_a_goal_that_is_reached_ends_the_scenario_and_is_counted_as_its_result(
    shop: Shop, reaches: bool, why: str
) -> None:
    guest = shop.guest()
    buys(shop, guest)
    silent(shop, 30)
    assert "winback_30" in shop.inside(guest)
    if reaches:
        shop.order(guest, "DH-VE")
    shop.later(days=31)
    assert shop.ends(guest, "winback_30")[0] == ("winback_30", why)
    results = shop.call("GET", "/v1/journeys/winback_30")["results"]
    assert results == {why: 1}

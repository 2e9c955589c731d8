"""What the product does, row by row of the mission and of the trade's rules, over HTTP and under a moving clock.

Each test bears the id of the row it shows.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.domain.customers.phone import RETIRED_PREFIXES
from shared.domain.vietnam_time import local_day, stamp
from shared.runtime.playbook.rules import rules
from shared.use_cases.segments.scan_winback import listed as on_the_list
from tests.support.shop import PHONE, Shop

LAN, HUNG = PHONE, "0912345678"


@pytest.fixture
def counter():
    return iter(range(10**6))


class Days:
    """The shop fixture with words for what happens in a shop."""

    def __init__(self, shop: Shop, counter) -> None:
        self.shop, self._counter = shop, counter

    def say(self, kind, user=None, *, ago=0, traits=None, source=None, **more):
        """One message of the tracking protocol, `ago` days old, taken in."""
        said = {"type": kind, "messageId": f"n{next(self._counter)}", **more}
        said["timestamp"] = stamp(self.shop.now - timedelta(days=ago))
        if user:
            said["userId"] = user
        context = dict(said.pop("context", {}))
        if source:
            context["source"] = source
        if traits and kind == "identify":
            said["traits"] = traits
        elif traits:
            context["traits"] = traits
        said["context"] = context
        answer = self.shop.call("POST", "/v1/batch", {"batch": [said]})
        assert (answer.status, answer.json) == (200, {"success": True}), answer.json
        self.shop.stack.drain()
        assert self.shop.dead_letters == []

    def sale(self, order, user=LAN, *, total=500_000, ago=0, traits=None, source="pos", event="Order Completed",
             context=None, **more):  # fmt: skip
        self.say("track", user, ago=ago, traits=traits, source=source, event=event, context=context or {},
                 properties={"order_id": order, "total": total, **more})  # fmt: skip

    def about(self, event, order, *, ago=0, **more):
        self.say("track", ago=ago, event=event, properties={"order_id": order, **more})

    def find(self, key="", **who):
        answer = self.shop.call("POST", "/v1/customers/search", who or {"phone": LAN}, key=key)
        assert answer.status == 200, answer.json
        return answer.json

    def get(self, path, key="", query="", status=200):
        answer = self.shop.call("GET", path, key=key, query=query)
        assert answer.status == status, answer.json
        return answer.json

    def put(self, body, status=None, key=""):
        answer = self.shop.call("PUT", "/v1/customers", body, key=key)
        assert answer.status in ((status,) if status else (200, 201)), answer.json
        return answer.json

    def timeline(self, **who):
        return self.get(f"/v1/customers/{self.find(**who)['customer_id']}/timeline")["items"]

    def later(self, days):
        self.shop.stack.advance(self.shop.now + timedelta(days=days))

    def counts(self):
        self.shop.stack.read_stream()
        return {item["label"]: item["customers"] for item in self.get("/v1/segments")["items"]}

    def members(self, label):
        return [item["customer_id"] for item in self.get(f"/v1/segments/{label}/customers")["items"]]

    def segments(self, **who):
        return self.find(**who)["segments"]

    def day_total(self, name):
        self.shop.stack.read_stream()
        rows = self.shop.stack.store.db.execute("SELECT body FROM items WHERE pk LIKE 'DAY#%'").fetchall()
        return sum(json.loads(body).get(name, 0) for (body,) in rows)


@pytest.fixture
def days(shop, counter):
    return Days(shop, counter)


# ---- 1B: data, identity, single customer view ----


def test_d1_the_360_view_has_all_a_customer_is(days):
    days.put({
        "identities": {"phone": LAN, "email": "lan@example.vn", "loyalty_id": "KH001"},
        "traits": {"name": "Nguyễn Thị Lan", "birthday": "1990-05-21", "gender": "female", "city": "Huế",
                   "home_store": "Q1", "attributes": {"points": 1200}},
        "consent": [{"channel": "zalo", "purpose": "marketing", "granted": True, "proof": "QR quầy Q1"}],
        "source": "pos",
    })  # fmt: skip
    days.sale("HD1", store="Q1", products=[{"sku": "SM-M", "name": "Áo sơ mi size M", "price": 500_000}])
    seen = days.find()
    assert {
        "customer_id", "identities", "traits", "consent", "segments", "scores", "metrics", "recent_orders",
        "open_tickets", "tasks", "journeys", "suggestions",
    } <= seen.keys()  # fmt: skip
    assert seen["identities"]["phone"] == "+84901234567"
    assert seen["traits"]["attributes"]["points"] == 1200
    assert (seen["metrics"]["orders"], seen["metrics"]["revenue"], seen["metrics"]["aov"]) == (1, 500_000, 500_000)
    assert (seen["segments"]["lifecycle"], seen["segments"]["value"]) == ("new", "one_time")
    assert seen["recent_orders"][0]["lines"][0]["name"] == "Áo sơ mi size M"


def test_d2_d5_d6_till_social_website_and_marketplace_meet_in_one_customer(days):
    days.sale("HD1", LAN, source="pos", channel="store")
    days.sale("FB1", LAN, traits={"messenger_psid": "PSID9"}, source="facebook", channel="facebook")
    days.sale("WEB1", "+84 901 234 567", traits={"email": "lan@example.vn"}, source="web", channel="web")
    days.sale("SP1", LAN, traits={"external": {"shopee": "lan99"}}, source="shopee", channel="shopee")
    seen = days.find(email="lan@example.vn")
    assert seen["metrics"]["orders"] == 4
    assert {order["channel"] for order in seen["recent_orders"]} == {"store", "facebook", "web", "shopee"}
    assert seen["customer_id"] == days.find(external={"shopee": "lan99"})["customer_id"]


WRITTEN = ["0{n}", "84{n}", "+84{n}", "0084{n}", "+84 (0) {n}", "ĐT: 0{n}", "０{n}"]


@pytest.mark.parametrize("written", WRITTEN)
def test_d3_x2_the_phone_is_the_master_key_however_it_is_written(days, written):
    days.sale("HD1", LAN)
    days.put({"identities": {"phone": written.format(n="901234567")}}, status=200)
    assert days.find(phone=written.format(n="901234567"))["metrics"]["orders"] == 1


def test_x2_all_retired_prefixes_in_all_written_forms_are_one_customer_each(days):
    for number, (old, new) in enumerate(RETIRED_PREFIXES.items()):
        tail = f"{3456701 + number}"
        first = days.put({"identities": {"phone": f"0{old}{tail}"}}, status=201)["customer_id"]
        for form in WRITTEN:
            for prefix in (old, new):
                again = days.put({"identities": {"phone": form.format(n=prefix + tail)}}, status=200)
                assert again["customer_id"] == first
    assert days.counts()["prospect"] == len(RETIRED_PREFIXES)


def test_d4_yesterdays_shirt_in_the_store_is_seen_when_the_customer_writes_on_the_fanpage(days):
    days.sale("HD1", ago=1, store="Q1", traits={"messenger_psid": "PSID1"},
              products=[{"name": "Áo sơ mi size M", "price": 350_000}])  # fmt: skip
    seen = days.find(messenger_psid="PSID1")
    assert seen["recent_orders"][0]["lines"][0]["name"] == "Áo sơ mi size M"
    assert seen["metrics"]["days_silent"] == 1


def test_d7_d8_purchases_engagement_and_needs_are_kept(days):
    days.sale("HD1", products=[{"sku": "A", "name": "Kem chống nắng", "category": "mỹ phẩm", "quantity": 2}])
    days.say("track", LAN, event="Product Reviewed", properties={"rating": 5, "review_body": "Rất thích"})
    days.say("identify", LAN, traits={"nhu_cau": "da dầu"})
    assert days.find()["traits"]["attributes"]["nhu_cau"] == "da dầu"
    reviewed = next(e for e in days.timeline() if e["name"] == "Product Reviewed")
    assert reviewed["properties"] == {"rating": 5, "review_body": "Rất thích"}


def test_d9_duplicates_gaps_and_formats_are_cleaned(days):
    days.put({"identities": {"phone": "0901.234.567", "email": " Lan@Example.VN "}, "traits": {"name": " Lan  Anh "}})
    days.put({"identities": {"phone": "+84901234567"}, "traits": {"gender": "Nữ"}})
    seen = days.find(email="LAN@example.vn")
    assert seen["traits"] | {"attributes": {}} == {"name": "Lan Anh", "gender": "female", "attributes": {}}
    assert days.counts()["prospect"] == 1


def test_d10_what_breaks_the_rules_is_refused_by_name_and_not_stored(shop, refused):
    answer = refused(400, "PUT", "/v1/customers", {"identities": {"phone": LAN}, "traits": {"birthday": "21/5/90"}})
    assert answer.fields == ["traits.birthday"]


def test_d11_the_latest_statement_stands_whatever_comes_late(days):
    days.say("identify", LAN, ago=1, traits={"city": "Đà Nẵng"})
    days.say("identify", LAN, ago=9, traits={"city": "Huế", "gender": "nam"})
    assert days.find()["traits"] == {"city": "Đà Nẵng", "gender": "male", "attributes": {}}


def test_d11_what_is_brought_again_every_week_corrects_the_profile_and_figures_renew_themselves(days):
    """«Cập nhật định kỳ»: the till's weekly file, one of them read too late, and what only time changes."""
    weeks = [("Huế", "Q1"), ("Đà Nẵng", "Q1"), ("Đà Nẵng", "Q7")]
    days.sale("HD1")
    for city, store in weeks:
        days.say("identify", LAN, traits={"name": "Nguyễn Thị Lan", "city": city, "home_store": store})
        traits = days.find()["traits"]
        assert (traits["city"], traits["home_store"]) == (city, store)
        days.later(7)
    days.say("identify", LAN, ago=21, traits={"city": "Huế", "home_store": "Q1"})
    traits = days.find()["traits"]
    assert (traits["city"], traits["home_store"]) == ("Đà Nẵng", "Q7")
    assert sum(days.counts()[label] for label in ("prospect", "new", "active")) == 1  # and nobody is there twice

    before = days.find()
    days.later(30)
    after = days.find()
    assert (before["metrics"]["days_silent"], after["metrics"]["days_silent"]) == (21, 51)
    assert (before["segments"]["lifecycle"], after["segments"]["lifecycle"]) == ("new", "lapsed_30")
    assert before["segments"]["rfm"]["r"] > after["segments"]["rfm"]["r"]


def test_d12_d16_any_department_finds_the_customer_by_any_identity_at_once(days):
    days.put({"identities": {"phone": LAN, "zalo_user_id": "Z1", "loyalty_id": "KH1", "external": {"haravan": "77"}}})
    for who in ({"phone": LAN}, {"zalo_user_id": "Z1"}, {"loyalty_id": "KH1"}, {"external": {"haravan": "77"}}):
        for role in ("care", "sales", "store_manager", "manager"):
            key = days.shop.key("api", role, stores=("Q1",) if role == "store_manager" else ())
            status = days.shop.call("POST", "/v1/customers/search", who, key=key).status
            assert status == (404 if role == "store_manager" else 200)


def test_d13_d15_every_interaction_of_every_channel_is_on_one_timeline(days):
    days.say("page", LAN, ago=3, name="Trang chủ", source="web")
    days.say("screen", LAN, ago=3, name="Ứng dụng", source="app")
    days.say("track", LAN, ago=2, event="Call Answered", source="hotline", properties={"giây": 95})
    days.say("track", LAN, ago=2, event="Message Received", source="zalo", traits={"zalo_user_id": "Z1"})
    days.sale("HD1", ago=1, source="pos")
    days.say("group", LAN, groupId="câu lạc bộ")
    happened = days.timeline()
    assert [e["at"] for e in happened] == sorted((e["at"] for e in happened), reverse=True)
    assert {e["source"] for e in happened if "source" in e} == {"web", "app", "hotline", "zalo", "pos"}
    assert len(happened) == 6


def test_d17_the_journey_from_awareness_to_after_sales_stands_as_stages(days):
    days.say("page", LAN, ago=9, name="Trang chủ")
    days.say("track", LAN, ago=8, event="Spin The Wheel")
    days.say("track", LAN, ago=7, event="Product Added", properties={"sku": "A", "price": 1})
    days.sale("HD1", ago=6)
    days.about("Order Delivered", "HD1", ago=4)
    days.about("Order Refunded", "HD1", ago=1, refund_id="R1", total=1)
    stages = [entry["stage"] for entry in reversed(days.timeline())]
    assert stages == ["awareness", "engagement", "consideration", "purchase", "delivery", "after_sales"]


# ---- 1C: segments ----


def test_g1_g2_promo_hunters_and_vips_are_tagged_by_themselves(days):
    for n in range(3):
        days.sale(f"P{n}", LAN, ago=n * 5 + 1, total=100_000, coupon="SALE50")
        days.sale(f"V{n}", HUNG, ago=n * 5 + 1, total=9_000_000)
    assert days.segments()["tags"] == ["promo_hunter"]
    assert days.segments(phone=HUNG)["value"] == "vip"
    assert days.members("promo_hunter") == [days.find()["customer_id"]]
    assert days.members("vip") == [days.find(phone=HUNG)["customer_id"]]


def test_g3_value_frequency_and_recency_are_scored_one_to_five(days):
    days.sale("HD1", ago=40, total=100_000)
    assert days.segments()["rfm"] == {"r": 4, "f": 1, "m": 1}
    for n in range(8):
        days.sale(f"X{n}", ago=n + 1, total=2_000_000)
    assert days.segments()["rfm"] == {"r": 5, "f": 5, "m": 5}


def test_g4_g5_new_one_time_loyal_potential_and_at_risk(days):
    days.put({"identities": {"phone": "0909999888"}})
    days.sale("HD1", LAN)
    for n in range(4):
        days.sale(f"L{n}", HUNG, ago=31 + n)
    assert days.segments(phone="0909999888")["lifecycle"] == "prospect"
    assert (days.segments()["lifecycle"], days.segments()["value"]) == ("new", "one_time")
    loyal = days.segments(phone=HUNG)
    assert (loyal["value"], "at_risk" in loyal["tags"]) == ("loyal", True)


def test_g6_value_so_far_engagement_and_needs_stand_beside_the_labels(days):
    days.sale("HD1", total=700_000)
    days.put({"identities": {"phone": LAN}, "traits": {"attributes": {"ngành": "thời trang"}}})
    seen = days.find()
    assert seen["scores"]["clv"] == 700_000
    assert seen["traits"]["attributes"] == {"ngành": "thời trang"}


def test_g6_people_are_told_apart_by_lifetime_value_engagement_and_behaviour(days):
    """«Giá trị vòng đời (CLV)», «mức độ tương tác», behaviour: each alike in all but one of them."""
    rich, poor, quiet, hunter = "0901000001", "0901000002", "0901000003", "0901000004"
    for number, (who, total) in enumerate(((rich, 9_000_000), (poor, 300_000), (quiet, 300_000), (hunter, 300_000))):
        for n in range(3):
            coupon = {"coupon": "SALE50"} if who == hunter else {}
            days.sale(f"H{number}-{n}", who, ago=n * 5 + 1, total=total, **coupon)
        days.say("page", who, name="Trang chủ")
    days.later(20)
    for who in (rich, poor, hunter):
        days.say("page", who, name="Trang chủ")
    days.later(41)
    seen = {who: days.find(phone=who) for who in (rich, poor, quiet, hunter)}

    assert [seen[who]["scores"]["clv"] for who in (rich, poor)] == [27_000_000, 900_000]
    assert [seen[who]["segments"]["value"] for who in (rich, poor)] == ["vip", "regular"]
    ids = {who: view["customer_id"] for who, view in seen.items()}
    assert days.members("vip") == [ids[rich]]
    assert days.members("low_engagement") == [ids[quiet]]
    assert days.members("promo_hunter") == [ids[hunter]]
    listed = {row["customer_id"]: row["value_at_risk"] for row in days.get("/v1/churn-risk")["items"]}
    assert listed[ids[rich]] > listed[ids[poor]] > 0


def test_g7_x4_thirty_sixty_ninety_days_pass_without_a_hand_on_anything(days):
    # From 21 November; the eight days of the rest at Tết, 4 to 11 February 2027, count against nobody (R15).
    days.sale("HD1")
    said = []
    for _ in range(190):
        days.later(1)
        label = days.segments()["lifecycle"]
        assert days.counts()[label] == 1
        assert days.members(label) == [days.find()["customer_id"]]
        said.append(label)
    assert [said.index(label) + 1 for label in ("lapsed_30", "lapsed_60", "lapsed_90", "lost")] == [30, 60, 98, 188]


def test_g11_w1_the_churn_risk_is_ranked_by_what_is_at_stake_with_the_reason_in_words(days):
    for n in range(3):
        days.sale(f"A{n}", LAN, ago=n * 7 + 1, total=3_000_000, traits={"name": "Nguyễn Thị Lan"})
        days.sale(f"B{n}", HUNG, ago=n * 7 + 1, total=100_000)
    days.later(45)
    first, second = days.get("/v1/churn-risk")["items"]
    assert first["customer_id"] == days.find()["customer_id"]
    assert first["value_at_risk"] > second["value_at_risk"] > 0
    assert {"customer_id", "lifecycle", "days_silent", "p_alive", "value_at_risk", "action", "reason"} <= first.keys()
    assert (first["days_silent"], first["lifecycle"]) == (46, "lapsed_30")
    assert "46 ngày" in first["reason"]


def test_r15_the_view_the_ranking_and_its_reason_tell_the_same_days_of_silence(days):
    days.sale("HD1")
    # 98 days by the calendar, eight of them the rest at Tết.
    days.later(98)
    seen, (listed,) = days.find(), days.get("/v1/churn-risk")["items"]
    assert seen["metrics"]["days_silent"] == listed["days_silent"] == 90
    assert seen["segments"]["rfm"]["r"] == 2
    assert "90 ngày" in listed["reason"]


def test_w1_the_morning_list_keeps_to_what_the_store_can_call_and_lets_people_rest(days):
    for n in range(60):
        days.sale(f"HD{n}", f"09012345{n:02d}", total=100_000 * (n + 1), traits={"home_store": "Q1"})
    days.later(31)
    day = local_day(days.shop.now)

    def listed(after):
        return len(on_the_list(days.shop.stack.table, day + timedelta(days=after)))

    # All sixty lapsed on one day; the store calls fifty, and the rest the morning after.
    assert (listed(-1), listed(0)) == (50, 10)
    days.later(12)
    assert [listed(after) for after in range(1, 13)] == [0] * 12
    days.later(1)
    assert listed(13) == 50


def test_w1_a_second_scan_of_one_morning_leaves_out_who_bought_since_and_names_nobody_twice(days):
    for n in range(3):
        days.sale(f"HD{n}", f"09012345{n:02d}", total=100_000 * (n + 1))
    days.later(30)
    table, day = days.shop.stack.table, local_day(days.shop.now)
    before = [entry["customer_id"] for entry in on_the_list(table, day)]
    bought = days.find(phone="0901234502")["customer_id"]
    days.sale("HD9", "0901234502")

    days.shop.stack.invoke("winback_schedule", {"job": "winback", "time": stamp(days.shop.now)})

    assert len(before) == 3
    assert [entry["customer_id"] for entry in on_the_list(table, day)] == [one for one in before if one != bought]


def test_g12_who_gives_no_sign_for_sixty_days_is_of_low_engagement(days):
    days.say("page", LAN, name="Trang chủ")
    days.later(59)
    assert days.counts()["low_engagement"] == 0
    days.later(1)
    assert days.members("low_engagement") == [days.find()["customer_id"]]
    days.say("page", LAN, name="Trang chủ")
    assert days.counts()["low_engagement"] == 0


def test_g13_each_value_has_its_own_way_of_being_won_back(days):
    actions = rules().winback.actions
    assert len({actions[tier] for tier in ("vip", "regular", "one_time")}) == 3
    days.sale("HD1", LAN)
    for n in range(4):
        days.sale(f"L{n}", HUNG, ago=n)
    days.later(60)
    by_customer = {row["customer_id"]: row["action"] for row in days.get("/v1/churn-risk")["items"]}
    assert by_customer[days.find()["customer_id"]] == actions["one_time"]
    assert by_customer[days.find(phone=HUNG)["customer_id"]] == actions["loyal"]


def test_g14_a_customer_who_comes_back_is_classified_anew_at_once(days):
    days.sale("HD1")
    days.later(100)
    assert days.members("lapsed_90") == [days.find()["customer_id"]]
    days.sale("HD2")
    assert (days.counts()["lapsed_90"], days.counts()["active"], days.counts()["at_risk"]) == (0, 1, 0)
    assert days.get("/v1/churn-risk")["items"] == []


# ---- 1J and the promises beyond the peers ----


def test_o4_a_quarter_passes_with_no_call_and_no_message_is_stuck(days):
    days.sale("HD1", payment="cod")
    days.later(100)
    assert days.segments()["lifecycle"] == "lapsed_90"
    assert days.shop.dead_letters == []


def test_o5_a_page_at_a_time_shows_every_member_once(days):
    batch = [{"type": "identify", "messageId": f"i{n}", "userId": f"0901{n:06d}", "timestamp": stamp(days.shop.now)}
             for n in range(230, 480)]  # fmt: skip
    assert days.shop.call("POST", "/v1/batch", {"batch": batch}).status == 200
    days.shop.stack.drain()
    assert days.counts()["prospect"] == 250
    found, after = [], ""
    while True:
        page = days.get("/v1/segments/prospect/customers", query=f"limit=100{after}")
        found += [item["customer_id"] for item in page["items"]]
        if not page["next"]:
            break
        after = f"&next={page['next']}"
    assert len(found) == len(set(found)) == 250


def test_o7_an_existing_segment_sdk_only_changes_the_host(days):
    sent = {"batch": [{
        "type": "track", "event": "Order Completed", "userId": LAN, "messageId": "sdk-1", "anonymousId": "a1",
        "integrations": {}, "context": {"library": {"name": "analytics-python", "version": "2.3"}},
        "timestamp": stamp(days.shop.now), "originalTimestamp": stamp(days.shop.now), "sentAt": stamp(days.shop.now),
        "properties": {"order_id": "HD1", "revenue": 25.5, "currency": "USD", "products": [{"product_id": "1"}]},
    }], "sentAt": stamp(days.shop.now)}  # fmt: skip
    assert days.shop.call("POST", "/v1/batch", sent).json == {"success": True}
    days.shop.stack.drain()
    assert days.find()["metrics"]["revenue"] == 663_000


def test_x3_a_wrong_merge_is_undone_over_http(days):
    days.sale("HD1", LAN, total=100_000)
    days.sale("HD2", HUNG, total=200_000)
    for user in (LAN, HUNG):
        days.say("identify", user, traits={"loyalty_id": "KH1"})
    joined = days.find()
    assert joined["metrics"]["revenue"] == 300_000
    days.sale("HD3", HUNG, total=50_000)
    answer = days.shop.call("POST", f"/v1/customers/{joined['customer_id']}/unmerge", {})
    assert answer.status == 200
    assert sorted(seen["metrics"]["revenue"] for seen in answer.json["customers"]) == [100_000, 250_000]
    assert days.find()["metrics"]["revenue"] == 100_000


def test_x15_a_till_that_was_offline_for_six_hours_moves_the_clock_of_thirty_days(days):
    days.sale("HD1", ago=29)
    days.later(1)
    assert days.counts()["lapsed_30"] == 1
    days.sale("HD2", ago=0.25)
    assert (days.counts()["lapsed_30"], days.counts()["active"]) == (0, 1)


def test_x20_the_same_event_five_times_is_one(days):
    message = {"type": "track", "event": "Order Completed", "messageId": "same", "userId": LAN,
               "timestamp": stamp(days.shop.now), "properties": {"order_id": "HD1", "total": 500_000}}  # fmt: skip
    for _ in range(5):
        assert days.shop.call("POST", "/v1/batch", {"batch": [message, message]}).status == 200
    days.shop.stack.drain()
    assert days.find()["metrics"]["orders"] == 1
    assert len(days.timeline()) == 1


# ---- the trade's rules ----


def test_r1_history_is_facts_only_and_two_years_of_it_are_labelled_right(days):
    for n in range(8):
        days.sale(f"HD{n}", ago=90 * n + 200, context={"backfill": True}, source="import")
    assert days.segments()["lifecycle"] == "lost"
    days.later(2)
    waiting = {name: state for name, state in days.shop.stack.queue_state().items() if state.get("messages")}
    assert waiting == {}
    outbox = days.shop.stack.store.db.execute("SELECT COUNT(*) FROM items WHERE sk LIKE 'X#%'").fetchone()
    assert outbox == (0,)


def test_r2_cash_on_delivery_counts_when_it_is_delivered_or_fourteen_days_old(days):
    days.sale("HD1", LAN, payment="cod")
    days.sale("HD2", HUNG, payment="cod")
    assert days.find()["metrics"]["orders"] == 0
    days.about("Order Delivered", "HD1")
    assert days.find()["metrics"]["orders"] == 1
    days.later(13)
    assert days.find(phone=HUNG)["metrics"]["orders"] == 0
    days.later(1)
    assert days.find(phone=HUNG)["metrics"]["orders"] == 1
    assert days.day_total("kept") == 1_000_000


def test_r2_two_refused_parcels_are_a_cod_risk_and_no_revenue(days):
    for n in range(2):
        days.sale(f"HD{n}", payment="cod")
        days.about("Delivery Failed", f"HD{n}")
    seen = days.find()
    assert (seen["segments"]["tags"], seen["metrics"]["revenue"], seen["metrics"]["cod_refusals"]) == (
        ["cod_risk"],
        0,
        2,
    )
    days.about("Returned To Sender", "HD0")
    assert days.find()["metrics"]["cod_refusals"] == 2


def test_r3_an_order_and_its_invoice_exchanges_and_same_day_invoices_are_counted_right(days):
    days.sale("DH1", total=500_000, system="kiotviet")
    days.sale("HDB1", total=500_000, system="kiotviet", invoice_of="DH1")
    days.sale("DH2", total=200_000, system="kiotviet")
    days.sale("DT1", total=-100_000, exchange_of="DH1", system="kiotviet")
    metrics = days.find()["metrics"]
    assert (metrics["orders"], metrics["visits"], metrics["revenue"]) == (2, 1, 600_000)
    assert days.segments()["value"] == "one_time"


@pytest.mark.parametrize("bad", ["0900000000", "0123456789", "khách lẻ", "09012"])
def test_r4_a_bad_phone_never_loses_a_sale(days, bad):
    days.sale("HD1", None, total=300_000, traits={"phone": bad}, store="Q1", cashier="Hoa")
    days.sale("HD2", None, total=200_000, store="Q1")
    assert days.day_total("gross") == 500_000
    assert (days.day_total("identified"), days.day_total("bad_phones")) == (0, 1)
    assert days.counts()["new"] == 0


def test_r5_a_phone_typed_into_a_chat_shows_the_chatter_nothing(days):
    days.sale("HD1", LAN, total=900_000)
    days.say("track", source="chat", event="Message Received", traits={"messenger_psid": "P1", "phone": LAN})
    chatter = days.find(messenger_psid="P1")
    assert chatter["customer_id"] != days.find()["customer_id"]
    assert (chatter["metrics"]["orders"], chatter["recent_orders"]) == (0, [])


def test_r5_what_a_browser_did_before_joins_when_its_owner_logs_in(days):
    days.say("page", anonymousId="b1", name="Áo dài", ago=2)
    days.say("track", anonymousId="b1", event="Product Added", properties={"sku": "A", "price": 1}, ago=1)
    days.say("identify", LAN, anonymousId="b1")
    assert len(days.timeline()) == 2
    assert days.counts()["prospect"] == 1


def test_r6_notes_behind_a_name_join_nobody_and_clash_with_nobody(days):
    days.put({"identities": {"phone": LAN}, "traits": {"name": "Nguyễn Thị Lan"}})
    days.put({"identities": {"phone": LAN}, "traits": {"name": "chị Lan Q7 bom hàng"}})
    assert days.find()["tasks"] == []


def test_r7_store_staff_see_their_own_stores_customers(days):
    days.sale("HD1", LAN, store="Q1")
    days.sale("HD2", HUNG, store="Q7")
    key = days.shop.key("api", "store_staff", stores=("Q7",))
    assert days.find(key, phone=HUNG)["stores"] == ["Q7"]
    assert days.shop.call("POST", "/v1/customers/search", {"phone": LAN}, key=key).status == 404
    assert len(days.get("/v1/segments/new/customers", key)["items"]) == 1


def test_r8_points_and_tier_of_the_till_are_mirrored(days):
    points = {"points": 1200, "points_tier": "Vàng", "points_expire": "2026-12-31"}
    days.put({"identities": {"phone": LAN}, "traits": {"attributes": points}})
    assert days.find()["traits"]["attributes"] == points


def test_r8_wholesale_buyers_and_staff_are_no_vips(days):
    for n in range(2):
        days.sale(f"HD{n}", LAN, ago=n, total=30_000_000)
    assert days.segments()["value"] == "vip"
    days.put({"identities": {"phone": LAN}, "traits": {"attributes": {"wholesale": True}}})
    assert days.segments()["value"] == "regular"
    assert days.members("vip") == []


def test_r10_consent_is_by_channel_and_purpose_and_every_proof_is_kept(days):
    def agree(granted, proof, ago):
        when = stamp(days.shop.now - timedelta(days=ago))
        return {"channel": "zalo", "purpose": "marketing", "granted": granted, "at": when, "proof": proof}

    assert days.put({"identities": {"phone": LAN}})["customer"]["consent"] == []
    days.put({"identities": {"phone": LAN}, "consent": [agree(True, "QR quầy Q1, chị Hoa", 5)], "source": "pos"})
    days.say("identify", LAN, context={"consent": [agree(False, "nhắn TỪ CHỐI", 2)]}, source="zalo")
    days.put({"identities": {"phone": LAN}, "consent": [agree(True, "phiếu cũ", 9)]})
    (stands,) = days.find()["consent"]
    assert (stands["granted"], stands["proof"], stands["source"]) == (False, "nhắn TỪ CHỐI", "zalo")
    proofs = {e["consent"]["proof"] for e in days.timeline() if e["type"] == "consent"}
    assert proofs == {"QR quầy Q1, chị Hoa", "nhắn TỪ CHỐI", "phiếu cũ"}

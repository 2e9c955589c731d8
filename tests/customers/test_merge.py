"""X3, R4, R5: who is joined, who is not, and how a join is undone, also for what came later."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.customers.identity import identity
from shared.domain.errors import Conflict, NotFound
from shared.domain.vietnam_time import stamp
from shared.ports import Put
from shared.repositories import table_keys
from shared.repositories.identity_resolution import IdentityResolver
from shared.repositories.profiles import load_members
from shared.repositories.segment_membership import relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.customers.merge import Merger
from shared.use_cases.customers.unmerge import unmerge
from shared.use_cases.customers.upsert import Upsert, upsert
from shared.use_cases.customers.view import find, timeline, view
from tests.support.engine import MADE_BY_JOURNEYS, SECRET, START, Engine, identify, message, on, sale, track
from tests.support.max_examples import max_examples

PEOPLE = {"a": "0901234501", "b": "0901234502", "c": "0901234503", "d": "0901234504"}


def shop(day=45):
    return Engine(START + timedelta(days=day))


def customer(engine, phone):
    return view(engine.table, find(engine.table, identity("phone", phone), SECRET), engine.rules_today)


def reasons(seen):
    return sorted(task["reason"] for task in seen["tasks"])


def upserted(engine, **identities):
    who = tuple(identity(kind, raw) for kind, raw in identities.items())
    return upsert(engine.ingestion(), Upsert(who, {}, (), "pos"))


def own(engine, customer_id):
    """Everything under one customer, free of what a merge that was undone leaves on purpose."""
    found = {}
    for item in engine.items(f"C#{customer_id}"):
        # What is said to people and done about them is not taken back.
        if item["sk"].startswith(("M#", "OT#", "X#", "W", "OJ")) or item.get("name") in MADE_BY_JOURNEYS:
            continue
        body = {k: v for k, v in item.items() if k not in ("version", "apart", "due_at", "news")}
        found[item["sk"]] = body
    return json.dumps(found, sort_keys=True)


# ---- merge and un-merge ----


def two_then_joined():
    engine = shop()
    engine.take(sale("HD1", on(1), PEOPLE["a"], total=300_000, store="Q1"))
    engine.take(sale("HD2", on(2), PEOPLE["b"], total=200_000, store="Q7"))
    engine.take(identify(on(2), PEOPLE["b"], email="lan@example.vn"))
    engine.take(identify(on(3), PEOPLE["a"], email="lan@example.vn"))
    return engine


@pytest.mark.parametrize("first", ["a", "b"])
def test_x15_orders_of_one_moment_stand_the_same_whichever_member_they_came_by(first):
    engine = shop()
    second = "b" if first == "a" else "a"
    engine.take(sale("HD1", on(1), PEOPLE[first]), sale("HD2", on(1), PEOPLE[second]))
    for phone in (PEOPLE["a"], PEOPLE["b"]):
        engine.take(identify(on(2), phone, email="lan@example.vn"))
    seen = customer(engine, PEOPLE["a"])
    assert [order["order_id"] for order in seen["recent_orders"]] == ["HD2", "HD1"]


def test_x3_a_merge_shows_one_customer_from_either_side():
    engine = two_then_joined()
    assert customer(engine, PEOPLE["a"]) == customer(engine, PEOPLE["b"])
    seen = customer(engine, PEOPLE["a"])
    assert (seen["metrics"]["orders"], seen["metrics"]["revenue"], seen["stores"]) == (2, 500_000, ["Q1", "Q7"])
    assert len(engine.leads()) == 1
    engine.picture()


def test_x3_a_merge_leaves_a_record_on_both_sides():
    engine = two_then_joined()
    records = [item for item in engine.items("C#") if item["sk"].startswith("M#")]
    assert sorted(record["side"] for record in records) == ["absorbed", "lead"]
    assert {record["because"] for record in records} == {"one event named both, by email"}


def test_x3_un_merge_gives_back_both_sides_and_later_facts_go_with_their_own_identity():
    engine = two_then_joined()
    engine.take(sale("HD3", on(10), PEOPLE["b"], total=50_000))
    engine.take(sale("HD4", on(11), PEOPLE["a"], total=70_000))
    seen = customer(engine, PEOPLE["a"])
    assert seen["metrics"]["revenue"] == 620_000
    unmerge(engine.ingestion(), seen["customer_id"], None, "quản lý")
    assert customer(engine, PEOPLE["a"])["metrics"]["revenue"] == 370_000
    assert customer(engine, PEOPLE["b"])["metrics"]["revenue"] == 250_000
    engine.picture()


def test_x3_un_merge_answers_from_the_absorbed_side_too_and_only_once():
    engine = two_then_joined()
    absorbed = next(p["customer_id"] for p in engine.profiles().values() if "merged_into" in p)
    unmerge(engine.ingestion(), absorbed, None, "quản lý")
    assert len(engine.leads()) == 2
    for customer_id in engine.profiles():
        with pytest.raises(NotFound):
            unmerge(engine.ingestion(), customer_id, None, "quản lý")
    with pytest.raises(NotFound):
        unmerge(engine.ingestion(), "nobody", None, "quản lý")


def test_x3_who_was_parted_by_a_person_is_not_joined_again_but_asked_about():
    engine = two_then_joined()
    unmerge(engine.ingestion(), customer(engine, PEOPLE["a"])["customer_id"], None, "quản lý")
    engine.take(identify(on(12), PEOPLE["a"], email="lan@example.vn"))
    assert len(engine.leads()) == 2
    assert reasons(customer(engine, PEOPLE["a"])) == reasons(customer(engine, PEOPLE["b"])) == ["parted_before"]
    done = upserted(engine, phone=PEOPLE["a"], email="lan@example.vn")
    assert done.merged == []


def test_r8_a_vip_that_was_absorbed_keeps_the_appointment_and_takes_it_back():
    engine = shop()
    engine.take(sale("HD1", on(1), PEOPLE["a"]))
    engine.take(sale("HD2", on(2), PEOPLE["b"]))
    b = customer(engine, PEOPLE["b"])["customer_id"]
    profile = engine.table.get(table_keys.profile(b))
    engine.table.write(Put(profile | {"vip_until": "2026-12-31"}))
    done = upserted(engine, phone=PEOPLE["a"], email="x@y.vn")
    assert done.merged == []
    engine.take(identify(on(3), PEOPLE["a"], loyalty_id="KH1"), identify(on(3), PEOPLE["b"], loyalty_id="KH1"))
    assert customer(engine, PEOPLE["a"])["segments"]["value"] == "vip"
    lead, other = unmerge(engine.ingestion(), b, None, "quản lý")
    values = {i: view(engine.table, i, engine.rules_today)["segments"]["value"] for i in (lead, other)}
    assert values[b] == "vip"
    assert sorted(values.values()) == ["one_time", "vip"]


# ---- random sequences (show 4) ----

deeds = st.lists(
    st.one_of(
        st.tuples(st.just("sale"), st.sampled_from("abcd"), st.integers(0, 6)),
        st.tuples(st.just("learn"), st.sampled_from("abcd"), st.sampled_from(["Huế", "Vinh"])),
        st.tuples(st.just("view"), st.sampled_from("abcd"), st.just(0)),
        st.tuples(st.just("join"), st.sampled_from("abcd"), st.sampled_from("abcd")),
        st.tuples(st.just("by hand"), st.sampled_from("abcd"), st.sampled_from("abcd")),
        st.tuples(st.just("part"), st.sampled_from("abcd"), st.integers(0, 9)),
        st.tuples(st.just("day"), st.just("a"), st.integers(1, 40)),
    ),
    max_size=14,
)


@max_examples(40)
@given(deeds)
def test_x3_any_sequence_of_merges_parted_in_any_order_gives_back_every_side_byte_for_byte(said):
    """The twin shop lives the same days without any merge; at the end both hold the same, item by item."""
    merged, twin = shop(0), shop(0)
    ids = {}
    for one in (merged, twin):
        for who, phone in PEOPLE.items():
            one.new_id = lambda who=who: f"customer-{who}"
            one.take(message("identify", on(0), user=phone, traits={}, message_id=f"first-{who}"))
            ids[who] = f"customer-{who}"
    for number, (deed, who, what) in enumerate(said):
        at = merged.now
        told = None
        if deed == "sale":
            told = sale(f"HD{what}", stamp(at), PEOPLE[who], total=100_000 * (what + 1), store=f"Q{what}",
                        payment="cod" if what % 2 else "cash")  # fmt: skip
        elif deed == "learn":
            told = identify(stamp(at), PEOPLE[who], city=what)
        elif deed == "view":
            told = track("Product Viewed", stamp(at), PEOPLE[who], sku="ao")
        elif deed == "day":
            merged.pass_days(what)
            twin.pass_days(what)
        elif deed == "join" and who != what:
            _join(merged, ids[who], ids[what])
        elif deed == "by hand" and who != what:
            with suppress(Conflict):  # one customer already
                Merger(merged.table, merged.rules_today, "quản lý", merged.now).merge(ids[who], ids[what])
        elif deed == "part":
            _part(merged, ids[who], what)
        if told:
            told["messageId"] = f"e{number}"
            merged.take(told)
            twin.take(told)
        merged.check_lists()
    for _ in range(len(PEOPLE)):
        for customer_id in ids.values():
            _part(merged, customer_id, 0)
    assert all("merged_into" not in p and "absorbed" not in p for p in merged.profiles().values())
    merged.check_lists()
    for one in (merged, twin):
        _look_at_everybody(one)
    for customer_id in ids.values():
        assert own(merged, customer_id) == own(twin, customer_id)
    one, other = merged.picture(), twin.picture()
    assert (one["lists"], one["days"], one["risk"]) == (other["lists"], other["days"], other["risk"])


def _look_at_everybody(engine):
    """The value at risk is as of the day somebody was last looked at: let that be today for all."""
    for lead in engine.leads():
        uow = UnitOfWork(engine.table)
        relabel(uow, load_members(uow, lead), None, engine.rules_today)
        uow.commit()


def _join(engine, one, other):
    """As when one event names both: through the registry, so that no identity is left behind by the joining itself."""
    uow = UnitOfWork(engine.table)
    registry = IdentityResolver(uow, SECRET, engine.new_id, engine.now)
    a, b = registry.lead_of(one), registry.lead_of(other)
    if a["customer_id"] != b["customer_id"]:
        lead = registry.merge(a, b, because="test", at=stamp(engine.now))
        relabel(uow, load_members(uow, lead), None, engine.rules_today)
        uow.commit()


def _part(engine, customer_id, which):
    """Undo one of the merges the customer takes part in, or none."""
    profiles = engine.profiles()
    mine = profiles[customer_id]
    sides = [mine, *(profiles[i] for i in mine.get("absorbed", ()))]
    records = sorted(p["merged_into"]["merge_id"] for p in sides if "merged_into" in p)
    if records:
        unmerge(engine.ingestion(), customer_id, records[which % len(records)], "quản lý")


# ---- who is not joined ----


@pytest.mark.parametrize("order", [0, 1])
def test_x3_names_that_clash_raise_a_review_and_no_merge(order):
    engine = shop()
    lan = identify(on(1), PEOPLE["a"], name="Nguyễn Thị Lan")
    hung = identify(on(1, 4), PEOPLE["b"], name="Trần Văn Hùng", email="chung@example.vn")
    both = identify(on(2), PEOPLE["a"], email="chung@example.vn")
    engine.take(*([lan, hung] if order else [hung, lan]))
    engine.take(both)
    assert len(engine.leads()) == 2
    assert reasons(customer(engine, PEOPLE["a"])) == reasons(customer(engine, PEOPLE["b"])) == ["different_names"]
    engine.picture()


def test_r5_names_never_join_anyone():
    engine = shop()
    engine.take(
        identify(on(1), PEOPLE["a"], name="Nguyễn Thị Lan"), identify(on(1), PEOPLE["b"], name="Nguyễn Thị Lan")
    )
    assert len(engine.leads()) == 2


def test_x3_one_phone_with_two_names_stays_one_customer_and_raises_a_review():
    engine = shop()
    engine.take(identify(on(1), PEOPLE["a"], name="Nguyễn Thị Lan"))
    engine.take(identify(on(2), PEOPLE["a"], name="Trần Văn Hùng"))
    seen = customer(engine, PEOPLE["a"])
    assert reasons(seen) == ["shared_phone"]
    assert sorted(seen["tasks"][0]["names"]) == ["nguyen thi lan", "tran van hung"]


def test_x3_two_ways_to_write_one_name_raise_nothing():
    engine = shop()
    engine.take(identify(on(1), PEOPLE["a"], name="Nguyễn Thị Lan"), identify(on(2), PEOPLE["a"], name="chị Lan Q7"))
    assert reasons(customer(engine, PEOPLE["a"])) == []


def test_a_changed_number_stays_the_same_customer_by_loyalty_card():
    engine = shop()
    engine.take(sale("HD1", on(1), PEOPLE["a"], traits={"loyalty_id": "KH001"}))
    engine.take(sale("HD2", on(2), PEOPLE["b"], traits={"loyalty_id": "KH001"}))
    seen = customer(engine, PEOPLE["b"])
    assert seen["metrics"]["orders"] == 2
    assert seen["identities"]["phone"] == "+84901234502"
    assert {link["value"] for link in seen["identities"]["links"]} >= {"+84901234501", "+84901234502"}
    assert customer(engine, PEOPLE["a"])["customer_id"] == seen["customer_id"]


def test_a_device_handed_over_speaks_for_whoever_used_it_last_and_joins_nobody():
    engine = shop()
    engine.take(track("Product Viewed", on(1), PEOPLE["a"], visitor="máy-1", sku="ao"))
    engine.take(track("Product Viewed", on(2), PEOPLE["b"], visitor="máy-1", sku="vay"))
    engine.take(track("Product Viewed", on(3), visitor="máy-1", sku="non"))
    assert len(engine.leads()) == 2
    seen = engine.picture()["customers"]
    by_phone = {name.split("phone:")[1]: len(c["timeline"]) for name, c in seen.items()}
    assert by_phone == {"+84901234501": 1, "+84901234502": 2}


# ---- claimed identities (R5) ----


def test_r5_a_phone_typed_into_a_chat_joins_nobody_and_opens_nothing():
    engine = shop()
    engine.take(sale("HD1", on(1), PEOPLE["a"], total=900_000))
    engine.take(message("track", on(2), traits={"messenger_psid": "PSID1", "phone": PEOPLE["a"]},
                        context={"source": "chat"}, event="Message Received", properties={}))  # fmt: skip
    chatter = view(engine.table, find(engine.table, identity("messenger_psid", "PSID1"), SECRET), engine.rules_today)
    owner = customer(engine, PEOPLE["a"])
    assert chatter["customer_id"] != owner["customer_id"]
    assert chatter["recent_orders"] == []
    assert "phone" not in chatter["identities"]
    hints = [link for link in chatter["identities"]["links"] if link["kind"] == "phone"]
    assert [(h["value"], h["certainty"]) for h in hints] == [("+84901234501", "claimed")]
    assert [link["kind"] for link in owner["identities"]["links"]] == ["phone"]


def test_r5_an_alias_from_a_chat_joins_nobody_either():
    engine = shop()
    engine.take(sale("HD1", on(1), PEOPLE["a"]))
    engine.take(message("alias", on(2), user="chatter-7", previousId=PEOPLE["a"], context={"source": "chat"}))
    assert len(engine.leads()) == 2
    assert customer(engine, PEOPLE["a"])["merged"] == []


def test_r5_a_phone_zalo_shares_is_sure_and_joins():
    engine = shop()
    engine.take(sale("HD1", on(1), PEOPLE["a"]))
    engine.take(message("track", on(2), user=PEOPLE["a"], traits={"zalo_user_id": "Z1"}, context={"source": "zalo"},
                        event="Message Received", properties={}))  # fmt: skip
    seen = view(engine.table, find(engine.table, identity("zalo_user_id", "Z1"), SECRET), engine.rules_today)
    assert seen["customer_id"] == customer(engine, PEOPLE["a"])["customer_id"]
    certainty = {link["kind"]: link["certainty"] for link in seen["identities"]["links"]}
    assert certainty == {"phone": "staff_confirmed", "zalo_user_id": "verified"}


def test_a_claim_that_is_confirmed_later_joins_then():
    engine = shop()
    engine.take(sale("HD1", on(1), PEOPLE["a"]))
    chat = {"messenger_psid": "PSID1", "phone": PEOPLE["a"]}
    engine.take(message("track", on(2), traits=chat, context={"source": "chat"}, event="Message Received"))
    engine.take(message("identify", on(3), traits=chat, context={"source": "pos"}))
    assert len(engine.leads()) == 1


def test_r4_masked_marketplace_buyers_are_external_ids():
    engine = shop()
    engine.take(sale("S1", on(1), traits={"external": {"shopee": "buyer-1"}, "phone": "******67"}, channel="shopee"))
    engine.take(sale("S2", on(2), traits={"external": {"shopee": "buyer-2"}, "phone": "******67"}, channel="shopee"))
    names = sorted(engine.picture()["customers"])
    assert names == ["external:shopee:buyer-1", "external:shopee:buyer-2"]


# ---- numbers cashiers type for walk-ins (R4) ----


def test_r4_a_number_with_four_different_names_is_in_no_list_and_its_sales_count():
    engine = shop()
    names = ["Nguyễn Thị Lan", "Trần Văn Hùng", "Lê Thị Hoa", "Phạm Đức Minh"]
    engine.take(*(sale(f"HD{n}", on(n), PEOPLE["a"], traits={"name": name}) for n, name in enumerate(names)))
    assert customer(engine, PEOPLE["a"])["refused"] == "names"
    assert engine.lists() == {}
    assert sum(total["gross"] for total in engine.days().values()) == 2_000_000
    engine.pass_days(40)
    engine.picture()


def test_r4_a_number_with_twenty_orders_a_day_is_in_no_list():
    engine = shop()
    engine.take(*(sale(f"HD{n}", on(1, 2, n), PEOPLE["a"], total=10_000) for n in range(20)))
    assert customer(engine, PEOPLE["a"])["refused"] == "rate"
    assert engine.lists() == {}
    assert Counter(i["sk"] for i in engine.items("RISK")) == {}
    engine.picture()


def test_the_timeline_of_merged_customers_misses_nothing_where_pages_end_at_a_megabyte():
    engine = shop()
    long = "x" * 30_000
    for n in range(60):
        engine.take(track(f"Long {n:02d}", on(1, minute=n % 60), PEOPLE["a"], note=long))
    for n in range(30):
        engine.take(track(f"Short {n:02d}", on(0, minute=n), PEOPLE["b"]))
    engine.take(message("identify", on(2), user=PEOPLE["a"], traits={"email": "ab@vidu.vn"}))
    engine.take(message("identify", on(2), user=PEOPLE["b"], traits={"email": "ab@vidu.vn"}))
    lead = customer(engine, PEOPLE["a"])
    assert lead["merged"]

    names, start = [], None
    while True:
        page, start = timeline(engine.table, lead["customer_id"], 50, start)
        names += [entry["name"] for entry in page]
        if start is None:
            break

    assert Counter(names) == Counter([f"Long {n:02d}" for n in range(60)] + [f"Short {n:02d}" for n in range(30)])

"""X3: a person merges two customers, sees before what it means, and can take it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.customers.identity import identity
from shared.domain.errors import Busy
from shared.domain.tasks.task import NewTask
from shared.repositories import table_keys, tasks
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.customers.merge import Merger
from shared.use_cases.customers.unmerge import unmerge
from shared.use_cases.customers.view import find
from tests.support.engine import LATER, SECRET, Engine, identify, on, sale
from tests.support.openapi import holds_to_it
from tests.support.races import Killed, everywhere, raising
from tests.support.shop import PHONE, Answer, Shop

OTHER = "0912345678"
MERGE = "POST /v1/customers/{customer_id}/merge"


def put(shop: Shop, *, name: str = "", store: str = "", **identities: str) -> str:
    traits = {key: value for key, value in (("name", name), ("home_store", store)) if value}
    answer = shop.call("PUT", "/v1/customers", {"identities": identities, "traits": traits})
    return str(answer.json["customer_id"])


def merge(shop: Shop, one: str, other: str, key: str = "", **more: Any) -> Answer:
    return holds_to_it(MERGE, shop.call("POST", f"/v1/customers/{one}/merge", {"other": other, **more}, key=key))


def profile(shop: Shop, customer: str) -> dict[str, Any]:
    """A customer's own profile, without what a merge that was undone leaves on purpose."""
    found = shop.stack.table.get(table_keys.profile(customer)) or {}
    return {name: value for name, value in found.items() if name not in ("version", "apart", "due_at", "news")}


@pytest.fixture
def two(shop: Shop) -> tuple[str, str]:
    """Lan buys in the store and asks on Zalo, where nobody knows her number: two customers."""
    lan = put(shop, phone=PHONE, name="Nguyễn Thị Lan", store="Q1")
    shop.sell("HD1", days_ago=20, store="Q1", total=300_000)
    shop.stack.advance(shop.now + timedelta(minutes=1))
    zalo = put(shop, email="lan@vidu.vn", name="Lan Nguyễn")
    body = {
        "identities": {"email": "lan@vidu.vn"},
        "traits": {"city": "Huế", "attributes": {"points": 12}},
        "consent": [{"channel": "email", "purpose": "marketing", "granted": False, "proof": "Khách nhắn dừng"}],
    }
    assert shop.call("PUT", "/v1/customers", body).status == 200
    shop.sell("HD2", "lan@vidu.vn", days_ago=10, store="Q7", total=200_000)
    return lan, zalo


# ---- what the preview says ----


def test_x3_a_preview_shows_both_sides_and_changes_nothing(shop: Shop, two: tuple[str, str]):
    lan, zalo = two
    before = shop.holdings()

    seen = merge(shop, zalo, lan, preview=True)

    assert seen.status == 200
    assert shop.holdings() == before
    body = seen.json
    assert (body["merged"], body["merge_id"], body["by"]) == (False, None, None)
    assert (body["lead"]["customer_id"], body["absorbed"]["customer_id"]) == (lan, zalo)
    assert [side["metrics"]["revenue"] for side in (body["lead"], body["absorbed"], body["result"])] == [
        300_000, 200_000, 500_000,
    ]  # fmt: skip
    assert body["result"]["metrics"]["orders"] == 2
    assert (body["lead"]["identities"]["phone"], body["absorbed"]["identities"]["email"]) == (
        "+84901234567", "lan@vidu.vn",
    )  # fmt: skip
    wins = {row["trait"]: (row["lead"], row["absorbed"], row["wins"]) for row in body["traits"]}
    assert wins["name"] == ("Nguyễn Thị Lan", "Lan Nguyễn", "absorbed")
    assert wins["home_store"] == ("Q1", None, "lead")
    assert wins["attributes.points"] == (None, 12, "absorbed")
    (consent,) = body["consent"]
    assert (consent["channel"], consent["granted"], consent["wins"]) == ("email", False, "absorbed")


def test_x3_a_preview_is_what_the_merge_then_answers(shop: Shop, two: tuple[str, str]):
    seen, done = merge(shop, *two, preview=True).json, merge(shop, *two).json

    told = ("merged", "merge_id", "at", "by")
    assert {k: v for k, v in done.items() if k not in told} == {k: v for k, v in seen.items() if k not in told}


def test_x3_what_goes_on_twice_or_speaks_against_it_is_said_in_words(shop: Shop):
    lan = put(shop, phone=PHONE, name="Nguyễn Thị Lan")
    shop.stack.advance(shop.now + timedelta(minutes=1))
    hung = put(shop, phone=OTHER, name="Trần Văn Hùng")
    for customer, granted in ((lan, True), (hung, False)):
        who = PHONE if customer == lan else OTHER
        consent = [{"channel": "sms", "purpose": "marketing", "granted": granted, "proof": "Ký tại quầy"}]
        shop.call("PUT", "/v1/customers", {"identities": {"phone": who}, "consent": consent})
        uow = UnitOfWork(shop.stack.table)
        tasks.open_task(uow, NewTask(customer, "call-1", "call", "Gọi lại", shop.now), shop.now)
        uow.commit()
        shop.stack.advance(shop.now + timedelta(minutes=1))

    found = {change["code"]: change for change in merge(shop, lan, hung, preview=True).json["changes"]}

    assert found.keys() == {"different_names", "consent", "calls_twice"}
    assert "Nguyễn Thị Lan và Trần Văn Hùng" in found["different_names"]["why"]
    assert "different people" in found["different_names"]["why_en"]
    assert "từ chối" in found["consent"]["why"]
    assert all(side["open"]["tasks"] for side in _sides(merge(shop, lan, hung, preview=True)))


def _sides(answer: Answer) -> list[dict[str, Any]]:
    return [answer.json["lead"], answer.json["absorbed"]]


# ---- the merge ----


def test_x3_a_merge_by_hand_shows_one_customer_and_who_did_it(shop: Shop, two: tuple[str, str]):
    lan, zalo = two
    done = merge(shop, lan, zalo).json

    assert (done["merged"], done["by"]) == (True, "test")
    views = [shop.call("GET", f"/v1/customers/{customer}").json for customer in two]
    assert views[0] == views[1]
    assert (views[0]["customer_id"], views[0]["merged"]) == (lan, [zalo])
    assert views[0]["metrics"] == done["result"]["metrics"]
    records = [shop.stack.table.get(table_keys.merge_record(customer, done["merge_id"])) for customer in two]
    assert [(r["side"], r["by"], r["at"]) for r in records if r] == [
        ("lead", "test", done["at"]), ("absorbed", "test", done["at"]),
    ]  # fmt: skip


def test_x3_a_merge_by_hand_is_undone_exactly(shop: Shop, two: tuple[str, str]):
    lan, zalo = two
    before = [profile(shop, customer) for customer in two]
    done = merge(shop, lan, zalo).json

    answer = shop.call("POST", f"/v1/customers/{zalo}/unmerge", {"merge_id": done["merge_id"]})

    assert [seen["customer_id"] for seen in answer.json["customers"]] == [lan, zalo]
    assert [profile(shop, customer) for customer in two] == before


def test_x3_the_same_call_again_answers_the_same_whichever_side_it_names(shop: Shop, two: tuple[str, str]):
    first = merge(shop, *two)
    shop.stack.advance(shop.now + timedelta(hours=1))
    before = shop.holdings()

    assert merge(shop, *two).json == merge(shop, *reversed(two)).json == merge(shop, *two, preview=True).json
    assert merge(shop, *two).json == first.json
    assert shop.holdings() == before


def test_x3_members_of_merges_stand_for_the_customer_they_belong_to(shop: Shop, two: tuple[str, str]):
    lan, zalo = two
    merge(shop, lan, zalo)
    card = put(shop, loyalty_id="KH1")

    done = merge(shop, card, zalo).json

    assert (done["lead"]["customer_id"], done["lead"]["merged"], done["absorbed"]["customer_id"]) == (lan, [zalo], card)
    assert shop.call("GET", f"/v1/customers/{card}").json["merged"] == [zalo, card]
    assert merge(shop, lan, zalo).json["absorbed"]["customer_id"] == zalo


def test_x3_whom_a_rule_has_merged_already_cannot_be_merged_again(shop: Shop, refused: Callable[..., Answer]):
    lan = put(shop, phone=PHONE)
    card = put(shop, loyalty_id="KH1")
    assert put(shop, phone=PHONE, loyalty_id="KH1") == lan

    answer = refused(409, "POST", f"/v1/customers/{lan}/merge", {"other": card})

    assert "one customer already" in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["other"]),
        ({"other": ""}, ["other"]),
        ({"other": ["x"]}, ["other"]),
        ({"other": "x", "preview": "yes", "colour": 1}, ["colour", "preview"]),
        ([], ["body"]),
    ],
)
def test_a_wrong_merge_is_named(shop: Shop, refused: Callable[..., Answer], body: Any, named: list[str]):
    lan = put(shop, phone=PHONE)
    assert refused(400, "POST", f"/v1/customers/{lan}/merge", body).fields == named


def test_nobody_is_merged_with_themselves_or_with_nobody(shop: Shop, refused: Callable[..., Answer]):
    lan = put(shop, phone=PHONE)

    assert refused(400, "POST", f"/v1/customers/{lan}/merge", {"other": lan}).fields == ["other"]
    refused(404, "POST", f"/v1/customers/{lan}/merge", {"other": "nobody"})
    refused(404, "POST", "/v1/customers/nobody/merge", {"other": lan, "preview": True})


# ---- whom a person had parted ----


def test_x3_a_person_s_word_stands_above_an_earlier_one_and_is_put_back_with_it(shop: Shop, two: tuple[str, str]):
    lan, zalo = two
    first = merge(shop, lan, zalo).json
    shop.call("POST", f"/v1/customers/{lan}/unmerge", {"merge_id": first["merge_id"]})
    apart = [(shop.stack.table.get(table_keys.profile(customer)) or {})["apart"] for customer in two]
    shop.stack.advance(shop.now + timedelta(hours=1))

    again = merge(shop, lan, zalo).json

    assert [change["code"] for change in again["changes"]] == ["kept_apart"]
    assert merge(shop, lan, zalo).json == again
    assert not any("apart" in (shop.stack.table.get(table_keys.profile(customer)) or {}) for customer in two)
    assert shop.call("POST", f"/v1/customers/{lan}/unmerge").status == 200
    assert [(shop.stack.table.get(table_keys.profile(customer)) or {})["apart"] for customer in two] == apart


def test_x3_a_mark_between_two_members_comes_back_when_their_customers_are_parted(shop: Shop):
    """A card was parted from a number; the card joins an older e-mail address, and that the number again."""
    lan, mail = put(shop, phone=PHONE), put(shop, email="lan@vidu.vn")
    shop.stack.advance(shop.now + timedelta(minutes=1))
    card = put(shop, loyalty_id="KH1")
    merge(shop, lan, card)
    shop.call("POST", f"/v1/customers/{lan}/unmerge")
    assert merge(shop, card, mail).json["absorbed"]["customer_id"] == card
    done = merge(shop, lan, mail).json
    marks = {customer: profile_marks(shop, customer) for customer in (lan, card, mail)}
    assert marks == {lan: [], card: [], mail: []}

    shop.call("POST", f"/v1/customers/{lan}/unmerge", {"merge_id": done["merge_id"]})

    assert profile_marks(shop, lan) == sorted((card, mail))
    assert profile_marks(shop, card) == [lan]


def profile_marks(shop: Shop, customer: str) -> list[str]:
    return list((shop.stack.table.get(table_keys.profile(customer)) or {}).get("apart", []))


# ---- stores and roles (R7, R44) ----


def test_r44_a_store_s_key_merges_its_own_customers_only(shop: Shop, refused: Callable[..., Answer]):
    ours, also_ours = put(shop, phone=PHONE, store="Q1"), put(shop, email="lan@vidu.vn", store="Q1")
    theirs = put(shop, phone=OTHER, store="Q7")
    care = shop.key("api", "care", stores=("Q1",))

    for pair in ((ours, theirs), (theirs, ours)):
        for preview in (True, False):
            answer = refused(
                403, "POST", f"/v1/customers/{pair[0]}/merge", {"other": pair[1], "preview": preview}, key=care
            )
            assert "Q7" not in str(answer.json)
    assert merge(shop, ours, also_ours, key=care).status == 200


def test_x3_store_staff_do_not_merge(shop: Shop, two: tuple[str, str], refused: Callable[..., Answer]):
    for role in ("store_staff", "store_manager", "sales", "marketing", "pos", "web"):
        key = shop.key("api", role, stores=("Q1", "Q7"))
        refused(403, "POST", f"/v1/customers/{two[0]}/merge", {"other": two[1], "preview": True}, key=key)


# ---- two at once, and killed half-way ----


def strangers() -> Engine:
    engine = Engine(LATER)
    engine.take(sale("HD1", on(1), PHONE, total=100_000), sale("HD2", on(40), OTHER, payment="cod", total=90_000))
    return engine


def ids(engine: Engine) -> list[str]:
    return [find(engine.table, identity("phone", phone), SECRET) for phone in (PHONE, OTHER)]


def by_hand(engine: Engine, table: Any = None) -> dict[str, Any]:
    merger = Merger(table or engine.table, engine.rules_today, "chăm sóc", engine.now)
    return merger.merge(*ids(engine))


def test_x3_two_who_merge_the_same_two_at_once_get_one_merge():
    for engine in everywhere(strangers, by_hand, competitor=by_hand):
        (lead,) = engine.leads()
        assert len(lead["absorbed"]) == 1
        assert len([item for item in engine.items("C#") if item["sk"].startswith("M#")]) == 2
        assert by_hand(engine) == by_hand(engine)
        engine.picture()


def test_x3_a_merge_by_hand_killed_or_unanswered_anywhere_and_repeated_is_one_merge():
    for failure in (Killed(), Busy("lost")):
        for engine in everywhere(strangers, by_hand, failure=raising(failure), writes_only=True):
            assert len(engine.leads()) == 1
            engine.picture()


@pytest.mark.parametrize(
    "meanwhile",
    [
        sale("HD3", on(41), OTHER, total=70_000),
        identify(on(41), PHONE, city="Huế"),
        identify(on(41), PHONE, loyalty_id="KH1"),
    ],
)
def test_x3_what_happens_during_a_merge_by_hand_is_not_lost(meanwhile: dict[str, Any]):
    expected = strangers()
    by_hand(expected)
    expected.take(meanwhile)
    for engine in everywhere(strangers, by_hand, competitor=lambda engine: engine.take(meanwhile)):
        assert engine.picture() == expected.picture()


def test_x3_a_merge_by_hand_racing_with_its_undoing_ends_whole():
    def undo(engine: Engine) -> None:
        (lead,) = engine.leads()
        unmerge(engine.ingestion(), lead["customer_id"], None, "quản lý")

    def merged() -> Engine:
        engine = strangers()
        by_hand(engine)
        return engine

    for engine in everywhere(merged, by_hand, competitor=undo):
        assert len(engine.leads()) in (1, 2)
        engine.picture()

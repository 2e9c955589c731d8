"""Who may call what: keys, roles and stores, over HTTP (R7)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from infra.local.commands.openapi import routes
from shared.repositories.api_keys import ROLES as ALL_ROLES
from shared.repositories.api_keys import STORE_ROLES, KeyGrant, issue_key
from shared.runtime.auth import BY_LINK, OPEN, ROLES, SIGNED, WRITE_KEY
from tests.support.shop import PHONE, Answer, Shop, basic, bearer

Refused = Callable[..., Answer]

CLOSED = [route for route in routes() if route not in OPEN | SIGNED | BY_LINK]
MESSAGE = {"event": "Rang The Bell", "userId": PHONE, "previousId": "d1"}


def path_of(route: str) -> tuple[str, str]:
    method, _, path = route.partition(" ")
    return method, path.replace("{customer_id}", "nobody").replace("{label}", "vip")


# ---- keys ----


def test_every_route_is_open_or_proved_in_itself_or_takes_a_write_key_or_names_roles():
    ways = (OPEN, SIGNED, BY_LINK, WRITE_KEY, ROLES.keys())

    assert set().union(*ways) == set(routes())
    assert sum(map(len, ways)) == len(routes())


@pytest.mark.parametrize("route", sorted(OPEN))
def test_open_routes_need_no_key_and_mind_no_wrong_one(shop: Shop, route: str):
    for key in (None, "kq_api_nobody"):
        assert shop.call(*path_of(route), key=key).status == 200


@pytest.mark.parametrize("route", CLOSED)
def test_a_call_without_a_known_key_is_told_what_to_bring(shop: Shop, refused: Refused, route: str):
    method, path = path_of(route)
    wanted, other = (basic, bearer) if route in WRITE_KEY else (bearer, basic)
    right, wrong = (shop.write_key, shop.admin_key) if route in WRITE_KEY else (shop.admin_key, shop.write_key)
    tried = [
        "",
        wanted("kq_api_nobody"),
        wanted(""),
        wanted(wrong),  # a key of the other kind
        other(right),  # the right key in the other scheme
        right,
        f"Digest {right}",
        "Basic",
        "Basic !!!",
        "Basic dấu",
        "Basic " + base64.b64encode(b"\xff\xfe:").decode(),
    ]
    for authorization in tried:
        answer = refused(401, method, path, MESSAGE, key=None, authorization=authorization)
        scheme = "Basic" if route in WRITE_KEY else "Bearer"
        assert answer.headers["www-authenticate"] == f'{scheme} realm="khach-quen"'
        assert right not in str(answer.json)


def test_schemes_are_read_in_any_case(shop: Shop):
    for spelled in ("bearer", "BEARER"):
        assert shop.call("GET", "/v1/segments", key=None, authorization=f"{spelled} {shop.admin_key}").status == 200
    lowered = basic(shop.write_key).replace("Basic", "basic")
    assert shop.call("POST", "/v1/track", MESSAGE, key=None, authorization=lowered).status == 200


def test_a_write_key_may_stand_in_the_body_unless_a_header_says_otherwise(shop: Shop, refused: Refused):
    assert shop.call("POST", "/v1/track", MESSAGE | {"writeKey": shop.write_key}, key=None).status == 200
    for wrong in ("nobody", shop.admin_key, 5, None, [shop.write_key]):
        refused(401, "POST", "/v1/track", MESSAGE | {"writeKey": wrong}, key=None)
    refused(401, "POST", "/v1/track", MESSAGE | {"writeKey": shop.write_key}, key=None, authorization=basic("nobody"))
    refused(401, "POST", "/v1/track", b"{", key=None)


def test_a_key_is_stored_as_its_hash_only(shop: Shop):
    assert shop.call("GET", "/v1/segments").status == 200
    assert shop.call("POST", "/v1/track", MESSAGE).status == 200
    held = str(shop.holdings()) + str(vars(shop.stack.outside.memory))

    for key in (shop.write_key, shop.admin_key):
        assert key.rpartition("_")[2] not in held
        assert hashlib.sha256(key.encode()).hexdigest() in held


def test_a_revoked_key_stops_within_a_minute(shop: Shop, refused: Refused):
    assert shop.call("GET", "/v1/segments").status == 200
    shop.revoke(shop.admin_key)

    shop.stack.advance(shop.now + timedelta(seconds=59))
    assert shop.call("GET", "/v1/segments").status == 200
    shop.stack.advance(shop.now + timedelta(seconds=1))
    refused(401, "GET", "/v1/segments")


def test_a_stranger_who_was_refused_is_let_in_within_a_minute_of_getting_a_key(shop: Shop):
    key = "kq_api_" + "0" * 24
    assert shop.call("GET", "/v1/segments", key=key).status == 401
    issue_key(
        shop.stack.table, KeyGrant("api", "late", ["admin"]), identity_key=b"k", now=shop.now, new_id=lambda: "0" * 24
    )
    shop.stack.advance(shop.now + timedelta(seconds=60))
    assert shop.call("GET", "/v1/segments", key=key).status == 200


def test_guessed_keys_do_not_fill_the_memory(shop: Shop):
    cache = shop.stack.outside.memory.api_keys
    for number in range(int(cache.maxsize) + 5):
        shop.call("GET", "/v1/segments", key=f"guess-{number}")

    assert len(cache) == cache.maxsize == 1000


def test_keys_are_issued_for_known_roles_and_with_the_stores_a_store_role_needs(shop: Shop):
    for kind, roles in (("api", ["king"]), ("api", ["store_staff"]), ("api", ["admin", "store_manager"])):
        before = shop.holdings()
        with pytest.raises(ValueError, match="role"):
            shop.key(kind, *roles)
        assert shop.holdings() == before


# ---- roles ----


@pytest.mark.parametrize("role", ALL_ROLES)
def test_a_role_reaches_exactly_its_routes(shop: Shop, role: str):
    key = shop.key("api", role, stores=("Q1",) if role in STORE_ROLES else ())
    reached, refused = set(), set()
    for route in ROLES:
        answer = shop.call(*path_of(route), {} if route.startswith("P") else None, key=key)
        (refused if answer.status == 403 else reached).add(route)
        assert answer.status in (200, 400, 403, 404), (route, answer)

    assert reached == {route for route, roles in ROLES.items() if role in roles}
    assert refused == ROLES.keys() - reached


def test_a_key_of_several_roles_reaches_what_any_of_them_does(shop: Shop):
    key = shop.key("api", "web", "marketing")

    assert shop.call("GET", "/v1/segments", key=key).status == 200
    assert shop.call("PUT", "/v1/customers", {"identities": {"phone": PHONE}}, key=key).status == 201
    assert shop.call("POST", "/v1/customers/search", {"phone": PHONE}, key=key).status == 403


# ---- stores ----

THEIRS, OURS = "0912345678", "0977123456"


@pytest.fixture
def staff(shop: Shop) -> str:
    """A key of store Q1's staff, in a chain where one customer buys at Q1 and another at Q7."""
    shop.sell("T1", THEIRS, days_ago=45, store="Q7")
    shop.sell("O1", OURS, days_ago=45, store="Q1")
    shop.call("PUT", "/v1/customers", {"identities": {"phone": OURS}, "traits": {"name": "Lan"}})
    shop.stack.advance(shop.now + timedelta(days=1))
    return shop.key("api", "store_staff", stores=("Q1",))


def customer(shop: Shop, phone: str) -> str:
    found: str = shop.call("POST", "/v1/customers/search", {"phone": phone}).json["customer_id"]
    return found


def test_staff_see_the_customers_of_their_store_and_no_others(shop: Shop, staff: str, refused: Refused):
    ours, theirs = customer(shop, OURS), customer(shop, THEIRS)

    assert shop.call("POST", "/v1/customers/search", {"phone": OURS}, key=staff).status == 200
    assert shop.call("GET", f"/v1/customers/{ours}", key=staff).status == 200
    assert shop.call("GET", f"/v1/customers/{ours}/timeline", key=staff).status == 200
    nobody = refused(404, "POST", "/v1/customers/search", {"phone": "0933333444"}, key=staff)
    found = refused(404, "POST", "/v1/customers/search", {"phone": THEIRS}, key=staff)
    assert (found.status, found.json) == (nobody.status, nobody.json)
    for answer in (
        refused(403, "GET", f"/v1/customers/{theirs}", key=staff),
        refused(403, "GET", f"/v1/customers/{theirs}/timeline", key=staff),
    ):
        assert theirs not in str(answer.json)
        assert "Q7" not in str(answer.json)


@pytest.mark.parametrize(
    "path", ["/v1/segments/one_time/customers", "/v1/segments/lapsed_30/customers", "/v1/churn-risk"]
)
def test_lists_show_staff_their_own_customers(shop: Shop, staff: str, path: str):
    everybody = {entry["customer_id"] for entry in shop.call("GET", path).json["items"]}
    seen = {entry["customer_id"] for entry in shop.call("GET", path, key=staff).json["items"]}

    assert everybody == {customer(shop, OURS), customer(shop, THEIRS)}
    assert seen == {customer(shop, OURS)}


def test_other_roles_are_kept_to_their_stores_where_their_key_names_any(shop: Shop, staff: str, refused: Refused):
    care = shop.key("api", "care", stores=("Q1",))
    theirs = customer(shop, THEIRS)

    refused(403, "GET", f"/v1/customers/{theirs}", key=care)
    refused(403, "POST", f"/v1/customers/{theirs}/unmerge", key=care)
    assert shop.call("GET", f"/v1/customers/{theirs}", key=shop.key("api", "care")).status == 200


def test_staff_put_customers_into_their_own_store_only(shop: Shop, staff: str, refused: Refused):
    def body(phone: str, **traits: str) -> dict[str, dict[str, str]]:
        return {"identities": {"phone": phone}, "traits": traits}

    refused(403, "PUT", "/v1/customers", body("0933333444", home_store="Q7"), key=staff)
    refused(403, "PUT", "/v1/customers", body(OURS, home_store="Q7"), key=staff)
    assert shop.call("PUT", "/v1/customers", body(OURS, city="Huế"), key=staff).status == 200
    assert shop.call("PUT", "/v1/customers", body("0933333444", home_store="Q1"), key=staff).status == 201
    # Theirs now, and seen as such.
    assert shop.call("POST", "/v1/customers/search", {"phone": "0933333444"}, key=staff).status == 200


def test_staff_learn_nothing_about_other_stores_by_putting(shop: Shop, staff: str, refused: Refused):
    strange, theirs = (
        refused(400, "PUT", "/v1/customers", {"identities": {"phone": phone}, "traits": {"name": "X"}}, key=staff)
        for phone in ("0933333445", THEIRS)
    )
    assert strange == theirs
    assert theirs.fields == ["traits.home_store"]
    both = {"phone": OURS, "email": "theirs@vidu.vn"}
    assert shop.put(email="theirs@vidu.vn").status == 201
    refused(400, "PUT", "/v1/customers", {"identities": both}, key=staff)
    # A customer of theirs may be given an identity nobody has.
    assert shop.put(staff, phone=OURS, email="lan@vidu.vn").status == 200


def test_staff_do_not_take_over_another_store_s_customer_by_writing_them_down(shop: Shop, staff: str, refused: Refused):
    theirs = customer(shop, THEIRS)
    taking = {"identities": {"phone": THEIRS}, "traits": {"home_store": "Q1"}}

    refused(403, "PUT", "/v1/customers", taking, key=staff)

    refused(403, "GET", f"/v1/customers/{theirs}", key=staff)

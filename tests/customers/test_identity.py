"""R5, X2: identities in one spelling, how sure each is, and links that give nothing away."""

from __future__ import annotations

import pytest

from shared.domain.customers.identity import KINDS, Identity, identity, link_key, normalise, strongest
from shared.domain.customers.phone import BadPhone

SECRET = b"s" * 32


def test_x2_every_way_of_writing_a_phone_is_one_link():
    written = ["0901234567", "84901234567", "+84 901 234 567", "0084901234567", "(+84) 090.123.4567", "0901234567"]
    assert len({link_key(identity("phone", raw), SECRET) for raw in written}) == 1


def test_x2_a_retired_prefix_and_its_successor_are_one_link():
    assert link_key(identity("phone", "01201234567"), SECRET) == link_key(identity("phone", "0701234567"), SECRET)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("email", "  Lan.Nguyen@Example.VN ", "lan.nguyen@example.vn"),
        ("loyalty_id", " KH001 ", "KH001"),
        ("external:shopee", "e\u0301", "é"),
        ("user", "Ab12", "Ab12"),
    ],
)
def test_d9_one_spelling_for_each_value(kind, raw, value):
    assert normalise(kind, raw) == value


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("email", "lan"),
        ("email", "lan@x"),
        ("email", "a b@x.vn"),
        ("email", ""),
        ("user", ""),
        ("user", "   "),
        ("user", "x" * 257),
    ],
)
def test_what_cannot_be_an_identity_says_why(kind, raw):
    with pytest.raises(ValueError, match=r"must be 1 to 256|is not"):
        normalise(kind, raw)


def test_r4_a_phone_that_cannot_be_one_says_why():
    with pytest.raises(BadPhone) as refused:
        normalise("phone", "0900000000")
    assert refused.value.code == "pattern"


def test_a_link_shows_no_number_and_depends_on_the_secret():
    phone = identity("phone", "0901234567")
    assert "901234567" not in link_key(phone, SECRET)
    assert link_key(phone, SECRET) != link_key(phone, b"t" * 32)


def test_kinds_do_not_collide():
    keys = {link_key(Identity(kind, "same"), SECRET) for kind in (*KINDS, "external:shopee", "external:tiktok")}
    assert len(keys) == len(KINDS) + 2


def test_r5_a_claimed_phone_never_reaches_the_owners_link():
    owner, claimed = identity("phone", "0901234567"), identity("phone", "0901234567", "claimed")
    assert not claimed.joins
    assert link_key(owner, SECRET) != link_key(claimed, SECRET)


@pytest.mark.parametrize("certainty", ["verified", "staff_confirmed"])
def test_r5_verified_and_staff_confirmed_links_are_one_and_join(certainty):
    who = identity("phone", "0901234567", certainty)
    assert who.joins
    assert link_key(who, SECRET) == link_key(identity("phone", "0901234567"), SECRET)


def test_d3_the_phone_is_the_master_key_and_certainty_goes_before_it():
    phone, email, visitor = identity("phone", "0901234567"), identity("email", "a@b.vn"), Identity("anonymous", "x")
    assert strongest([visitor, email, phone]) == phone
    assert strongest([visitor, email]) == email
    assert strongest([phone._replace(certainty="claimed"), visitor]) == visitor


def test_the_strongest_does_not_depend_on_the_order():
    one, two = Identity("external:shopee", "1"), Identity("external:tiktok", "1")
    assert strongest([one, two]).kind == strongest([two, one]).kind

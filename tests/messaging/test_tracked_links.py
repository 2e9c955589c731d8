"""Tokens of links: short, of one purpose, impossible to make without the key, and silent about people."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import NotFound
from shared.domain.messaging.tracked_links import MAX_LINKS, LinkKind, MessageLinks, link_key, read, token, web_address

KEY = link_key(b"secret")
KINDS: tuple[LinkKind, ...] = get_args(LinkKind)
message_ids = st.from_regex(r"[0-9a-z]{24}[0-9a-f]{20}", fullmatch=True)


@given(message_ids, st.sampled_from(KINDS), st.integers(0, MAX_LINKS - 1))
def test_a_token_leads_back_to_its_message_for_its_purpose_only(message_id: str, kind: LinkKind, number: int):
    number = number if kind == "click" else 0
    made = token(kind, message_id, KEY, number)

    assert re.fullmatch(r"[A-Za-z0-9_-]{48}", made)
    assert read(made, kind, KEY) == (message_id, number)
    for other in KINDS:
        if other != kind:
            with pytest.raises(NotFound):
                read(made, other, KEY)


@given(message_ids, st.integers(0, 47), st.sampled_from("AZaz09-_"))
def test_a_changed_token_is_none(message_id: str, at: int, char: str):
    made = token("click", message_id, KEY)
    changed = made[:at] + char + made[at + 1 :]
    if changed != made:
        with pytest.raises(NotFound):
            read(changed, "click", KEY)


@given(st.text())
def test_nothing_else_is_a_token(text: str):
    with pytest.raises(NotFound):
        read(text, "click", KEY)


@pytest.mark.parametrize("text", ["", "A" * 47, "A" * 49, "A" * 48, "A" * 47 + "=", "A" * 47 + "\n", "Ậ" * 48])
def test_torn_tokens_are_none(text: str):
    with pytest.raises(NotFound):
        read(text, "click", KEY)


def test_another_key_makes_other_tokens_and_the_secret_itself_is_no_key():
    made = token("unsubscribe", "a" * 24 + "0" * 20, KEY)
    for key in (link_key(b"another"), b"secret"):
        with pytest.raises(NotFound):
            read(made, "unsubscribe", key)


@pytest.mark.parametrize("message_id", ["", "z" * 44, "A" * 24 + "0" * 20, "+84901234567", "a" * 23 + "0" * 20])
def test_only_ids_of_messages_get_links(message_id: str):
    with pytest.raises(ValueError, match="24 letters"):
        token("click", message_id, KEY)


def test_a_message_has_so_many_links():
    with pytest.raises(ValueError, match="at most 64"):
        token("click", "a" * 24 + "0" * 20, KEY, MAX_LINKS)


def test_the_links_of_a_message_stand_under_our_address():
    links = MessageLinks("https://kq.example/", KEY, "a" * 24 + "0" * 20)

    assert re.fullmatch(r"https://kq\.example/r/[\w-]{48}", links.click(0))
    assert re.fullmatch(r"https://kq\.example/u/[\w-]{48}", links.unsubscribe)
    assert re.fullmatch(r"https://kq\.example/s/[\w-]{48}", links.survey)
    assert len({links.click(0), links.click(1)}) == 2


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://nhamay.example/áo?màu=đỏ#size", "https://nhamay.example/%C3%A1o?m%C3%A0u=%C4%91%E1%BB%8F#size"),
        ("https://nhamay.example/a%20b?x=1&y=[2]", "https://nhamay.example/a%20b?x=1&y=[2]"),
        ("http://localhost:8000/x", "http://localhost:8000/x"),
    ],
)
def test_an_address_fits_a_header(url: str, address: str):
    assert web_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "", "/gio-hang", "//evil.example", "javascript:alert(1)", "data:text/html,x", "ftp://a.example/", "https://",
        "https://nhamay.example@evil.example/", "https://a.example/\r\nSet-Cookie: x", "https://a.example/ b",
        "https://evil.example\\@nhamay.example", "https://nhàmây.example/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url: str):
    with pytest.raises(ValueError, match="is not"):
        web_address(url)

"""X24, R6: nothing that a sender writes into an order leaves under the shop's name as a link, a host or a number."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from shared.domain.common.outgoing_values import is_code, is_plain
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.templates import sandbox
from shared.runtime.wiring import new_id
from tests.support.max_examples import max_examples
from tests.support.shop import Shop, shop

__all__ = ["shop"]

GOODS = [
    "Áo thun cotton 100% (size M/L)", "Kem chống nắng SPF50+ PA++++ 50ml", "Bộ 3 quần lót nam", "Vòng tay No.5",
    "iPhone 15 Pro Max 256GB", "Sữa TH true MILK 4x180ml", "Áo T-Shirt St.Louis", "Bỉm Huggies size 36 37 38",
    "Áo len. Co giãn tốt", "Combo 2 áo + 1 quần", "Pin AA 1.5V", "Cáp USB-C 3.0", "Trà sữa T.P.HCM",
    "Sách: Nhà giả kim",
    "Kệ 120x60x30cm", "Tã 0-3 tháng", "Quà 8/3 - 20/10", "Nước hoa Chanel N°5", "Giày Biti's Hunter X", "Gối 2.0",
]  # fmt: skip
BAD = [
    "bit.ly/x", "evil.com", "evil . com", "evil。com", "ｅｖｉｌ．ｃｏｍ", "hxxp://a.b", "http://x.y/z",
    "gọi 0901234567",
    "0901 234 567", "0901.234.567", "+84 901 234 567", "1900 1234", "a@b.vn", "www.abc.vn", "evil[.]com",
    "evil(dot)com",
    "trúng thưởng tại qua-tang.vn nhé", "Nhận quà\nngay", "x\u200by", "zalo.me/0901234567", "84901234567", "t.me/abc",
    "<a href=//evil.com>", "xn--80ak6aa92e", "x" * 121,
]  # fmt: skip


@pytest.mark.parametrize("text", GOODS)
def test_names_of_goods_are_shown(text: str):
    assert is_plain(text)


@pytest.mark.parametrize("text", BAD)
def test_links_hosts_addresses_and_numbers_are_not(text: str):
    assert not is_plain(text)


@pytest.mark.parametrize(("code", "fits"), [
    ("DH10234", True), ("#1024", True), ("kiotviet:HD1", True), ("SON-2026/11", True), ("A_1.2", True),
    ("evil.com", False), ("0901234567", False), ("DH1\nevil", False), ("<b>", False), ("x" * 41, False),
])  # fmt: skip
def test_an_order_code_is_letters_digits_and_a_few_marks(code: str, fits: bool):
    assert is_code(code) is fits


# ---- through the doors ----

HOSTS = ("evil.com", "bit.ly/qua", "qua-tang.xyz", "http://evil.vn/a", "zalo.me/0912000111")
NUMBERS = ("0912000111", "0912 000 111", "+84912000111", "1900 9999")
WORDS = st.sampled_from(["Áo lụa", "Nhận quà tại", "gọi ngay", "{{ 7 * 7 }}", "<b>", "Đơn", "&", "\u200b", "x" * 60])
attack = st.lists(st.one_of(WORDS, st.sampled_from(HOSTS), st.sampled_from(NUMBERS)), min_size=1, max_size=4).map(
    " ".join
)
FOREIGN = re.compile(r"evil|bit\.ly|qua-tang|zalo\.me|912.?000.?111|1900.?9999|(?<!\d)49(?!\d)", re.IGNORECASE)


@pytest.fixture(scope="module")
def one_shop():
    house = Shop()
    yield house
    house.stack.close()


@max_examples(40)
@given(order=attack, name=attack, product=attack, store=attack, carrier=attack, city=attack)
def test_x24_no_channel_carries_what_a_sender_wrote_as_a_link_a_host_or_a_number(
    one_shop: Shop, order: str, name: str, product: str, store: str, carrier: str, city: str
):
    number = f"0977{len(one_shop.items):06}"
    user = {"userId": number, "context": {"traits": {"name": name, "email": f"k{new_id()}@vidu.vn", "city": city}}}
    goods = {"products": [{"name": product, "price": 100_000, "quantity": 1}]}
    about = {"order_id": order[:90] + new_id()[:6], "store": store[:80], "channel": "online"}
    messages: list[dict[str, Any]] = [
        {"event": "Order Completed", "properties": {**about, **goods, "total": 100_000, "payment": carrier[:80]}},
        {"event": "Order Shipped", "properties": {**about, "carrier": carrier[:80], "tracking_code": order[:80],
                                                  "tracking_url": "https://evil.com/track"}},
        {"event": "Order Delivered", "properties": about},
    ]  # fmt: skip
    batch = [{"type": "track", "messageId": new_id(), **user, **message} for message in messages]
    seen = len(one_shop.stack.providers.outbox())

    for message in batch:
        assert one_shop.call("POST", "/v1/batch", {"batch": [message]}).status == 200
        one_shop.stack.drain()

    for sent in one_shop.stack.providers.outbox()[seen:]:
        told = re.sub(
            r"https?://(localhost|127\.0\.0\.1)\S*|nhamay\.example\S*", "", f"{sent.get('subject')} {sent['text']}"
        )
        assert not FOREIGN.search(told.replace("1900 0000", "")), told


# ---- templates ----


@pytest.mark.parametrize("source", [
    "{{ shop.parse_raw('{}') }}", "{{ shop.model_dump() }}", "{{ shop.__class__ }}", "{{ text.upper() }}",
    "{{ text.center(10) }}", "{{ text * 1000000000 }}", "{{ '%1000000000d' % 1 }}", "{{ 2 ** 100000000 }}",
    "{{ text | center(1000000000) }}", "{{ text | format(1) }}", "{% for a in text %}{{ text }}{% endfor %}",
])  # fmt: skip
def test_a_text_calls_nothing_and_grows_only_so_far(source: str):
    from shared.runtime.playbook.shop import shop as facts

    with pytest.raises((TemplateError, TypeError)):
        sandbox(PLAYBOOK).text(source, {"shop": facts(), "text": "x" * 200})


def test_only_our_own_addresses_become_links():
    own = ["https://nhamay.example/r/abc"]
    said = "Xem https://nhamay.example/r/abc hay https://evil.com/x & <b>, https://nhamay.example/r/abcdef"

    html = sandbox(PLAYBOOK).text("{{ said | linked(own) }}", {"said": said, "own": own})

    assert html.count("<a ") == 1
    assert 'href="https://nhamay.example/r/abc"' in html
    assert "&lt;b&gt;" in html

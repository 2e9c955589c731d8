"""X24, R6: nothing that a sender writes into an order leaves under the shop's name as a link, a host or a number."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from shared.domain.common.outgoing_values import is_code, is_plain, without_links
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.templates import sandbox
from shared.runtime.wiring import new_id
from tests.support.max_examples import max_examples
from tests.support.shop import Shop, shop

__all__ = ["shop"]

PRODUCTS = Path(__file__).parents[2] / "events" / "history" / "products.csv"

GOODS = """
Áo thun cotton 100% (size M/L)|Kem chống nắng SPF50+ PA++++ 50ml|Bộ 3 quần lót nam|iPhone 15 Pro Max 256GB
Giày Nike Air Max 270 React|Sữa TH true MILK 4x180ml|Vòng tay No.5|Áo T-Shirt St.Louis|Dr.Martens 1460|Áo A.P.C. trắng
Áo polo U.S.Polo Assn.|Giày size 35-36-37-38-39|Bàn 1800x2000 mm|Tủ 120/60/75 cm|Son 3CE #Taupe|Pin AA 1.5V|Dây 2.5m
Nước mắm 40°N 500ml|Combo 2+1|Bình giữ nhiệt 1.2L|Váy hoa nhí, cổ vuông|Cà phê G7 3in1 (hộp 21 gói)
Sữa chua Vinamilk 4 x 100g|Bỉm Bobby M 76+8|Ram DDR4 8GB/3200MHz|Laptop Dell XPS 13 9310|Tai nghe Sony WH-1000XM5
Màn hình 27" 2K 144Hz|Ốp lưng iPhone 12/13/14|Túi L'Oréal x Balmain|Đèn LED 12W - 6500K|Áo dài lụa Hà Đông
Dầu gội Head & Shoulders 650ml|Nồi cơm 1.8L|Thẻ nhớ SanDisk 128GB U3|Keo 502|Vitamin B.Complex|Vở 200 trang (lốc 5)
Kính áp tròng -3.25|Áo sơ mi nam. Vải lụa|Giày Converse 1970s|Samsung Galaxy S24 Ultra 12GB/512GB|USB 3.0
Bia 333 lon 330ml x 24|Sạc 20W Type-C (PD 3.0)|Nước hoa Chanel N°5|Bút Thiên Long TL-027|Xe đẩy 0-36 tháng
Máy sấy 1800W|Bộ ga 1m6 x 2m|Rượu vang 13.5% vol|Lọ 30.000 IU|Áo khoác <3|Đồng hồ Casio MTP-1374L-1AVDF
Đồ chơi Lego 42096|Truyện Conan tập 84|Khăn 30 × 50 cm|Vải kate 84 86 88|Áo thun · Trắng|Mũ 2 lớp – chống nắng
Áo thun và 2 sản phẩm khác|sản phẩm đã mua|Sách "Nhà giả kim" – 0,5 kg|Serum 10% + Zinc 1%|Quần 501® Original™
"""
LINKS = """
bit.ly/x|xem evil.com|EVIL.COM|evil。com|evil．com|evil․com|evil . com|evil .com|evil. com|evil[.]com|evil (dot) com
evil chấm com|evil·com|e​vil.com|hxxp://a|https://x|http:evil|www.a|t.me/abc|zalo.me/84|evil.shop|cửahàng.vn|пример.рф
a.中国|1.2.3.4|a@b.vn|a @ b|@evil|tel:113|evil.unknowntld/win|xn--e1afmkfd|javascript:alert
"""
NUMBERS = """
gọi 0901234567|0901.234.567|0901 234 567|0901-234-567|0901–234–567|0901,234,567|(090) 123-4567|+84 90 123 4567
84901234567|0084901234567|o901234567|0 9 0 1 2 3 4 5 6 7|０９０１２３４５６７|٠٩٠١٢٣٤٥٦٧|02838123456|1900 1234
19001234|+1 415 555 2671|Áo0901234567
"""
CODES = """
DH10234 HD001 #1001 PH-3F20A1 HD.001 2026/11/21-01 576461413038785752 A_1 DH-2026-000123 SPX048123456789 1732171234
ORD-09-2026-00123 GHN7X2K91 0000123456 HD000123.01 HD1.v2
"""
NO_CODES = ["", "#", "..", "a.vn", "evil.shop", "bit.ly/x", "0901234567", "DH0901234567", "090-123-4567", "1900-1234",
            "84901234567", "x y", "é1", "D" * 41, "DH1\n", "DH\u200b1", "<b>1", "{{x}}", "ＤＨ1",
            "evil.comrmstm2", "evil.com01KBC", "HD1.abc"]  # fmt: skip


def listed(text: str) -> list[str]:
    return [one for line in text.strip().splitlines() for one in line.split("|")]


@pytest.mark.parametrize("text", listed(GOODS))
def test_names_of_goods_are_shown(text: str):
    assert is_plain(text)


@pytest.mark.parametrize("text", [*listed(LINKS), *listed(NUMBERS), "a\nb", "a\x00b", "a\u200bb", "<b>a", "á" * 201])
def test_links_hosts_addresses_and_numbers_are_not(text: str):
    assert not is_plain(text)
    assert not is_plain(f"Áo thun {text}")


def test_no_name_of_a_real_catalogue_is_refused():
    with PRODUCTS.open(encoding="utf-8") as rows:
        names = [row["Tên hàng"] for row in csv.DictReader(rows)]
    assert len(names) > 300
    assert [name for name in names if not is_plain(name)] == []


def test_staff_read_names_and_numbers_and_never_a_link():
    said = "Chị Lan 0901234567 gửi evil.com/x,\nhỏi đơn DH1"
    assert without_links(said) == "Chị Lan 0901234567 gửi […]\nhỏi đơn DH1"
    assert without_links("chị Lan Q7 bom hàng") == "chị Lan Q7 bom hàng"


@pytest.mark.parametrize("code", [*CODES.split(), "kiotviet:HD1", "SON-2026/11"])
def test_an_order_code_is_letters_digits_and_a_few_marks(code: str):
    assert is_code(code)


@pytest.mark.parametrize("code", NO_CODES)
def test_what_is_no_code_is_not_shown_as_one(code: str):
    assert not is_code(code)


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

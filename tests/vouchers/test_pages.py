"""W10, the landing page of an offer, and the cashier's page; in a real browser where there is one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.stack.http_server import HttpServer
from tests.support.chromium import Browser, needs_chromium
from tests.support.shop import PHONE
from tests.support.vouchers import Till


def page(till: Till, path: str) -> tuple[int, dict[str, str], str]:
    status, headers, content = till.stack.http("GET", path, "", {}, b"")
    return status, headers, content.decode()


def words(html: str) -> str:
    body = re.sub(r"<(style|script).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_w10_a_voucher_has_a_landing_page_that_greets_nobody(till: Till):
    till.call("PUT", "/v1/customers", {"identities": {"phone": PHONE}, "traits": {"name": "Nguyễn Thị Lan"}})
    given = till.give(till.customer(), "winback_90")
    till.later(hours=12, minutes=30)
    before = till.holdings()
    status, headers, html = page(till, f"/o/{given.code}")

    assert (status, headers["x-robots-tag"]) == (200, "noindex, nofollow")
    said = words(html)
    for told in ("Giảm 25 %, tối đa 400.000 ₫", given.code, "Còn 1 ngày 11 giờ", "10:00 23/11/2026"):
        assert told in said
    assert "Lan" not in said
    assert PHONE[-4:] not in said
    assert till.holdings() == before


def test_w10_the_landing_page_says_when_it_is_too_late(till: Till):
    customer = till.customer()
    used, over = till.give(customer, "winback_90"), till.give(customer, "winback_90")
    till.redeem(used.code)
    till.later(days=2)

    assert "Mã này đã được dùng" in words(page(till, f"/o/{used.code}")[2])
    assert "Ưu đãi này đã hết hạn" in words(page(till, f"/o/{over.code.lower()}")[2])
    for unknown in ("SN-22222222", "gì-đó", "x" * 300):
        status, _, html = page(till, f"/o/{unknown}")
        assert status == 404
        assert "Liên kết này không còn dùng được" in words(html)


def test_w10_the_last_hour_is_told_in_minutes_and_conditions_are_named(till: Till):
    given = till.give(till.customer(), valid="1h", stores=("Huế",), categories=("Áo",))
    till.later(minutes=18)
    said = words(page(till, f"/o/{given.code}")[2])

    for told in ("Còn 42 phút", "Cho đơn từ 300.000 ₫", "Tại Huế", "Cho Áo", "số điện thoại của bạn"):
        assert told in said


def test_the_cashiers_page_loads_nothing_and_holds_no_key(till: Till):
    status, headers, html = page(till, "/till")

    assert status == 200
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        r"script-src 'sha256-[^']+'; connect-src 'self'",
        headers["content-security-policy"],
    )
    assert "script-src" not in page(till, "/o/SN-22222222")[1]["content-security-policy"]
    assert not re.search(r"(?:src|href)=\"(?!tel:)", html)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def url(till: Till) -> Iterator[str]:
    server = HttpServer(till.stack)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: KQ_SHOTS, for whoever wants to look at them."""
    return Path(os.environ.get("KQ_SHOTS", tmp_path))


@pytest.mark.browser
@needs_chromium
def test_r21_a_cashier_checks_and_redeems_on_a_phone(till: Till, url: str, browser: Browser, pictures: Path):
    customer = till.customer()
    given, dead = till.give(customer), till.give(customer, "winback_90")
    till.later(days=3)
    browser.open(f"{url}/till")
    assert browser.run("document.getElementById('use').hidden")
    browser.fill(key=till.key("api", "store_staff", stores=("Q1",)), home="Q1")
    browser.run("document.getElementById('login').requestSubmit(); 0")
    shown = "document.getElementById('result').className !== 'waiting' && document.getElementById('result').innerText"

    def told(code: str, *, then: str) -> str:
        browser.fill(code=code)
        browser.run("document.getElementById('result').className = 'waiting'; 0")
        browser.run(f"{then}; 0")
        said: str = browser.until(shown)
        return said

    check = "document.getElementById('check').click()"
    assert "− 100.000 ₫" in told(given.code.lower(), then=check)
    browser.shot(pictures / "till_open.png")
    assert "HẾT HẠN" in told(f"{url}/o/{dead.code}", then=check)
    browser.fill(order="HD1", phone=PHONE, total="650.000")
    redeem = "document.getElementById('use').requestSubmit()"
    assert "− 100.000 ₫" in told(given.code, then=redeem)
    browser.shot(pictures / "till_done.png")
    assert till.look(given.code)["redeemed"]["order_id"] == "HD1"
    assert browser.run("document.getElementById('phone').value") == ""
    browser.fill(order="HD2", phone=PHONE)
    refused = told(given.code, then=redeem)
    assert "KHÔNG DÙNG ĐƯỢC" in refused
    assert "đã dùng lúc 10:00 24/11/2026, cửa hàng Q1, đơn HD1" in refused
    browser.shot(pictures / "till_refused.png")
    assert "ĐÃ DÙNG" in told(given.code, then=check)
    assert "Không có mã này" in told("SN-22222222", then=check)

    # The key does not stand in the page, and one that nobody issued is asked for again.
    assert "kq_api" not in browser.run("document.documentElement.outerHTML")
    browser.run("sessionStorage.setItem('kq_key', 'kq_api_nobodys'); 0")
    browser.fill(code=given.code)
    browser.run(f"{check}; 0")
    browser.until("!document.getElementById('login').hidden")


@pytest.mark.browser
@needs_chromium
def test_w10_the_landing_page_fits_a_phone(till: Till, url: str, browser: Browser, pictures: Path):
    given = till.give(till.customer(), "winback_90")
    browser.open(f"{url}/o/{given.code}")
    browser.shot(pictures / "offer.png")

    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.errors == []

"""A7: the FAQ as a public page, kept by the same file that the bot answers from."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
import yaml

from shared.runtime.playbook.bot import load_bot
from shared.runtime.playbook.loader import PLAYBOOK
from tests.support.shop import Shop

FORM = {"content-type": "application/x-www-form-urlencoded"}


def page(shop: Shop, question: str | None = None) -> tuple[dict[str, str], str]:
    method, body = ("GET", b"") if question is None else ("POST", urlencode({"q": question}).encode())
    status, headers, content = shop.stack.http(method, "/faq", "", FORM, body)
    assert status == 200
    return headers, content.decode()


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", " ", html, flags=re.DOTALL)).split())


def found(html: str) -> list[str]:
    """The entries that stand in the box of what was found."""
    box = re.search(r'<section class="found".*?</section>', html, re.DOTALL)
    return re.findall(r'href="#(\w+)"', box[0]) if box else []


def test_a7_the_faq_is_a_page_for_everybody_with_every_entry_and_its_day(shop: Shop):
    headers, html = page(shop)
    said = words(html)

    for entry in load_bot(PLAYBOOK)[2].entries:
        assert f'<h3 id="{entry.id}">' in html
        assert f"Cập nhật ngày {entry.updated_on:%d/%m/%Y}" in said
    # Vietnamese first, English behind it, and figures instead of their names.
    assert said.index("Đổi hàng có mất phí không?") < said.index("Does an exchange cost anything?")
    assert "{" not in said
    assert "Bạn đổi được trong 7 ngày" in said
    assert "noindex" not in html
    assert headers["cache-control"].startswith("public")
    assert "script-src" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("question", "entry"),
    [("phi ship bn v shop", "delivery_fee"), ("Mất bill rồi có đổi được không?", "exchange_no_receipt"),
     ("are you open on Sunday", "hours"), ("áo linen giặt sao", "wash_linen")],
)  # fmt: skip
def test_a7_the_search_box_understands_questions_as_people_type_them(shop: Shop, question: str, entry: str):
    headers, html = page(shop, question)

    assert found(html)[0] == entry
    assert headers["cache-control"] == "no-store"


def test_a7_what_is_typed_into_the_search_box_does_no_harm(shop: Shop):
    before = shop.holdings()
    _, html = page(shop, '"><script>alert(document)</script> zzzz ' + "x" * 3000)

    assert "<script" not in html
    assert "Chưa có câu trả lời" in words(html)
    assert found(page(shop, "")[1]) == []
    assert shop.holdings() == before


def test_a7_the_page_changes_with_the_playbook(tmp_path):
    """Whoever edits faq.yaml edits the page and the bot; a figure is written once, where it belongs."""
    for path in PLAYBOOK.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pages").mkdir()
    rules = yaml.safe_load((PLAYBOOK / "sending.yaml").read_text("utf-8")) | {"exchange_days": 30}
    (tmp_path / "sending.yaml").write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")

    entries = {entry.id: entry for entry in load_bot(tmp_path)[2].entries}
    assert "trong 30 ngày" in entries["exchange_window"].answer.vi

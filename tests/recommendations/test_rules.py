"""The playbook's suggestions: what words tell, which size is meant, and mistakes named with file, line and field."""

from __future__ import annotations

import shutil

import pytest

from shared.domain.catalogue.product import Product
from shared.domain.recommendations.purchase_history import focus, purchases
from shared.domain.recommendations.recommendation import Matter, size_of
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.suggestions import FILE, suggestion_rules

RULES = suggestion_rules()


def row(order_id, day, *lines, status="placed", total=1):
    said = [{"sku": sku, "name": name, **more} for sku, name, more in lines]
    return {"order_id": order_id, "placed_at": day, "day": day, "status": status, "total": total, "lines": said}


SHOE, SHIRT = ("G", "Giày Chạy Bộ Nhẹ", {"variant": "Đen / 39"}), ("S", "Áo sơ mi trắng", {"size": "M"})
BOUGHT = purchases([row("1", "2026-11-01", SHOE), row("2", "2026-11-20", SHIRT)])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Lót giày êm chân", "insoles"),
        ("doi size giay giup em", "shoes"),
        ("VỚ thể thao", "socks"),
        ("em co vo hang khong", ""),  # "vo" without marks may be anything
        ("my shoes are too small", "shoes"),
        ("Máy lọc nước RO", "water_purifier"),
        ("", ""),
    ],
)
def test_u3_a_kind_of_goods_is_told_by_its_longest_word(text, kind):
    assert RULES.kind_of(text) == kind


@pytest.mark.parametrize(
    ("text", "sku", "named"),
    [
        ("Em muốn đổi size giày", "G", True),
        ("doi ao so mi sang size L", "S", True),
        ("đôi Chạy Bộ Nhẹ bị chật", "G", True),  # by the words of its name
        ("shop ơi", "S", True),  # the only thing in the latest order
        ("Váy này còn size S không", "S", False),
    ],
)
def test_u2_a_message_is_about_what_the_customer_bought(text, sku, named):
    meant = focus(BOUGHT, RULES, text=text)
    assert ([line.sku for line in meant.lines], meant.named) == ([sku], named)


def test_u1_what_came_back_is_not_had_any_more_and_what_was_bought_again_is():
    rows = [
        row("1", "2026-11-01", SHOE, SHIRT),
        row("2", "2026-11-02", SHOE, total=-1),
        row("3", "2026-11-03", SHIRT, status="returned"),
    ]
    bought = purchases(rows)
    assert ([line.sku for line in bought.lines], bought.given_back) == (["S"], {"G", "S"})
    assert purchases([*rows, row("4", "2026-11-04", SHIRT)]).given_back == {"G"}


@pytest.mark.parametrize(
    ("text", "size"), [("đổi 39 sang 40 giúp em", "40"), ("đổi size giúp em", "39"), ("sang 44 nhé", "39")]
)
def test_r9_the_size_is_the_one_that_is_asked_for_else_the_one_they_bought(text, size):
    socks = Product(sku="V", name="Vớ", stock={"Q1": {"39": 1, "40": 1}})
    shoe = BOUGHT.lines[-1]
    assert size_of(socks, Matter(text=text), shoe) == size
    assert size_of(Product(sku="V", name="Vớ", stock={"Q1": {"": 1}}), Matter(text=text), shoe) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "field"),
    [
        ("offer: vip}", "offer: vjp}", "offers.first_of.0.offer"),
        ("{bought: shoes, offer: [insoles", "{bought: shoos, offer: [insoles", "rules.0.bought"),
        ("{percent} % khách", "{share} % khách", "reasons.together"),
        ("chances: {complement: 15, ", "chances: {", "chances.complement"),
        ("severities: [critical]", "severities: [terrible]", "silent.severities"),
    ],
)
def test_a_mistake_is_named_with_its_file_line_and_field(tmp_path, right, wrong, field):
    folder = tmp_path / "playbook"
    shutil.copytree(PLAYBOOK, folder)
    path = folder / FILE
    text = path.read_text(encoding="utf-8")
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong), encoding="utf-8")

    (mistake,) = check(folder, FILE)
    assert (mistake.file, mistake.field.startswith(field)) == (FILE, True)
    assert 1 < mistake.line <= len(text.splitlines())
    assert str(mistake) in map(str, check(folder))


def test_the_shipped_file_has_no_mistake():
    assert check(PLAYBOOK, FILE) == []

"""The playbook's offers: what ships, what a mistake is told as, what somebody should look at twice, and the codes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.vouchers.voucher import ALPHABET, new_code, read_code
from shared.runtime.playbook.check import cautions, check
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError
from shared.runtime.playbook.offers import FILE, load_offers, offers

Changed = Callable[[str, str], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """A playbook with one text of its offers replaced."""

    def change(before: str, after: str) -> Path:
        text = (PLAYBOOK / "offers.yaml").read_text(encoding="utf-8")
        assert before in text
        shutil.copy(PLAYBOOK / "offers.yaml", tmp_path)
        (tmp_path / "offers.yaml").write_text(text.replace(before, after, 1), encoding="utf-8")
        return tmp_path

    return change


def test_what_ships_is_right_and_needs_no_second_look():
    assert check(PLAYBOOK, FILE) == []
    assert cautions(PLAYBOOK) == []
    assert {"birthday", "winback_60", "winback_90", "first_visit", "post_purchase", "vip", "referral",
            "referral_friend", "trial"} == offers().offers.keys()  # fmt: skip


def test_a_gift_is_told_from_kind_and_value_unless_it_has_words_of_its_own():
    book = offers()
    told = {name: book.gift(offer).vi for name, offer in book.offers.items()}

    assert told["birthday"] == "giảm 100.000 ₫"
    assert told["winback_90"] == "giảm 25 %, tối đa 400.000 ₫"
    assert told["trial"] == "tặng 1 sản phẩm cỡ nhỏ"
    assert book.gift(book.offers["birthday"]).en == "100.000 ₫ off"


@pytest.mark.parametrize(
    ("before", "after", "field", "reason"),
    [
        ("    value: 15\n", "    value: 150\n", "offers.winback_60.value", "must be 1 to 100 percent"),
        ("    max_value: 200000\n", "", "offers.winback_60.max_value", "is needed"),
        ("    valid: 48h\n", "    valid: 2 ngày\n", "offers.winback_90.valid", "14d or 48h"),
        ("    prefix: SN\n", "    prefix: sn\n", "offers.birthday.prefix", "two to four capital letters"),
        ("kind: gift", "kind: present", "offers.trial.kind", "'amount', 'percent' or 'gift'"),
        ("    min_order: 300000\n", "    min_ordr: 300000\n", "offers.birthday.min_ordr", "min_order"),
        ("dùng cho đơn từ {amount}", "dùng cho đơn từ {money}", "reasons.below_minimum", "{amount}"),
        ("  expired:", "  over:", "reasons.over", ""),
        ("  amount: {vi:", "  amounts: {vi:", "gifts.amounts", ""),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_was_expected(changed: Changed, before, after, field, reason):
    folder = changed(before, after)
    lines = (folder / "offers.yaml").read_text(encoding="utf-8").splitlines()
    wrong = check(folder, FILE)

    (mistake,) = [one for one in wrong if one.field.startswith(field)]
    assert reason in mistake.reason
    assert mistake.file == "offers.yaml"
    assert field.split(".")[0] in lines[mistake.line - 1] or mistake.line > 1
    with pytest.raises(PlaybookError):
        load_offers(folder)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("    value: 25\n", "    value: 51\n", "offers.winback_90.value"),
        ("    value: 50000\n", "    value: 100001\n", "offers.first_visit.min_order"),
    ],
)
def test_r21_more_than_half_off_is_a_warning_and_no_mistake(changed: Changed, before: str, after: str, field: str):
    folder = changed(before, after)

    assert check(folder, FILE) == []
    (caution,) = cautions(folder)
    assert caution.field == field
    assert caution.line > 1
    assert "50 %" in caution.reason
    assert load_offers(folder)


@given(st.text(min_size=1), st.sampled_from(["SN", "QL", "OIL", "VIP"]))
def test_a_code_has_only_letters_nobody_mistakes_and_is_read_back_however_it_is_typed(randomness: str, prefix: str):
    code = new_code(prefix, randomness)

    assert code.startswith(f"{prefix}-")
    assert len(code) == len(prefix) + 9
    assert set(code.split("-")[1]) <= set(ALPHABET)
    tight = read_code(code)
    assert tight is not None
    for typed in (code.lower(), code.replace("-", " "), f" {code} ", ".".join(code), tight,
                  code.replace("O", "0").replace("I", "1").replace("L", "l")):  # fmt: skip
        assert read_code(typed) == tight


@given(st.text())
def test_any_text_is_a_code_or_none(text: str):
    tight = read_code(text)

    assert tight is None or read_code(tight) == tight

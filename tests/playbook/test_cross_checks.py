"""What two files of the playbook say of the same thing has one source, or is held to each other by the check."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from shared.domain.bot.faq import BilingualText
from shared.domain.bot.opening_hours import closed_days, opening_hours
from shared.domain.staff.business_hours import Hours
from shared.runtime.playbook.bot import load_bot
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """What ships, in a folder of the test's own."""
    return Path(shutil.copytree(PLAYBOOK, tmp_path / "playbook"))


def change(playbook: Path, file: str, before: str, after: str) -> None:
    text = (playbook / file).read_text(encoding="utf-8")
    assert before in text
    (playbook / file).write_text(text.replace(before, after, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        ("shop.yaml", "gọi 19000000", "gọi 1900 0001", "opt_out_sms: names 1900 0001, and the hotline is 1900 0000"),
        ("shop.yaml", "address: 12 Nguyễn Trãi", "address: 14 Nguyễn Trãi",
         "address: is written otherwise in appointments.yaml: 12 Nguyễn Trãi, Quận 1, TP. Hồ Chí Minh"),
        ("shop.yaml", "presets: []", "presets: [day_16]",
         "presets.0: there is no preset day_16; there are: day_15, new_oa"),
        ("offers.yaml", "    valid: 48h", "    valid: 72h",
         "offers.winback_90.title.vi: says 48h, and the offer is valid 72h"),
        ("journeys/winback_90.yaml", "Ưu đãi 48 giờ: {offer", "Ưu đãi 24 giờ: {offer",
         "task.reason: says Ưu đãi 24 giờ, and the offer is valid 48h"),
        ("winback.yaml", "loyal: winback_90", "loyal: winback_9",
         "offers.loyal: there is no offer winback_9; did you mean winback_90? in offers.yaml"),
        ("winback.yaml", "{vip: call_by_manager", "{vips: call_by_manager",
         "actions.vips: there is no value tier vips; did you mean vip?"),
        ("winback.yaml", "  lapsed_60:", "  lapsed_65:", "reasons.lapsed_65: there is no reason lapsed_65; did you"),
        ("winback.yaml", "{days} ngày chưa mua", "{day} ngày chưa mua",
         "reasons.lapsed_30: may not say {day}; it may say amount, days, visits"),
        ("winback.yaml", "  personal:", "  # personal:", "reasons.personal: is missing"),
        ("segments.yaml", "lapsed_60: 60", "lapsed_60: 30",
         "lifecycle.lapsed_60: must be more than 30, the days before it, and is 30"),
        ("segments.yaml", "visits: [2, 3, 5, 8]", "visits: [2, 5, 3, 8]",
         "first_cutoffs.visits: must rise from bound to bound"),
        ("sending.yaml", "winback_30: 40", "winback_31: 40",
         "priorities.winback_31: there is no journey winback_31; did you mean winback_30?"),
        ("sending.yaml", "journey_budget_vnd: {}", "journey_budget_vnd: {birthdays: 5}",
         "journey_budget_vnd.birthdays: there is no journey birthdays; did you mean birthday?"),
        ("sending.yaml", "other: đã thanh toán", "others: đã thanh toán", "payment_words.other: is missing"),
        ("sending.yaml", 'en: "Sent"', 'eng: "Sent"', "reasons.ok: must be said in vi and en, and in nothing else"),
        ("tasks.yaml", "parted_before:", "parted_befor:", "parted_befor: must be 'different_names', 'parted_before'"),
        ("tasks.yaml", "{one} và {other} được", "{ai} và {other} được",
         "different_names.people: {ai} is none of names, one, other, shared"),
        ("routing.yaml", "bot_intents: [order_status,", "bot_intents: [human_request,", "bot_intents.0: "),
        ("bot.yaml", "intents: [order_status, delivery_problem,", "intents: [delivery_problem,", ""),
        ("blueprint.yaml", "    check: dirt\n", "    check: dirty\n",
         "items.1.check: there is no check dirty; did you mean dirt?"),
        ("blueprint.yaml", "of: [order_thanks, receipt]", "of: [order_thank, receipt]",
         "there is no template order_thank; did you mean order_thanks?"),
        ("blueprint.yaml", "    of: [history]", "    of: [histories]", "items.0.of.0: there is no source histories"),
        ("blueprint.yaml", "came in: {seen};", "came in: {many};",
         "items.0.evidence: says {many}, {seen} in one language only"),
        ("appointments.yaml", "  Cầu Giấy:", "  Cầu Giây:", "stores.Cầu Giây: is no store of staff.yaml"),
        ("faq.yaml", "  gift_wrap: 15000", "  gift_wrap: 15000\n  gift_card: 1",
         "facts.gift_card: no answer speaks of it"),
        ("faq.yaml", "orders placed before 16:00", "orders placed before 15:00",
         "answer: says 15, 16 in one language only"),
        ("faq.yaml", "  sun: {vi: Chủ nhật, en: Sunday}\n", "", "weekdays.sun: is missing"),
        ("triage/second_opinion.yaml", "staff_complaint (", "staff_complain (",
         "instructions: do not speak of the intent staff_complaint"),
    ],
)  # fmt: skip
def test_what_contradicts_another_file_is_named(playbook: Path, file: str, before: str, after: str, told: str):
    change(playbook, file, before, after)
    if not told:  # the other file is the one to say it
        file, told = "routing.yaml", "bot_intents.0: order_status is not among the intents of bot.yaml"
    found = [str(mistake) for mistake in check(playbook, file)]

    assert any(re.match(rf"{re.escape(file)}:\d+: ", mistake) and told in mistake for mistake in found), found


def test_a_preset_is_told_of_its_own_mistake_whether_the_shop_takes_it_or_not(playbook: Path):
    preset = playbook / "presets" / "new_oa" / "sending.yaml"
    end = preset.read_text(encoding="utf-8").count("\n") + 1
    change(playbook, "presets/new_oa/sending.yaml", "zns_quota: {new_oa: true}", "zns_quota: {new_oa: maybe}")
    with preset.open("a", encoding="utf-8") as more:
        more.write("attempts: 0\n")
    first = preset.read_text(encoding="utf-8").split("zns_quota")[0].count("\n") + 1
    wrong = [
        f'presets/new_oa/sending.yaml:{first}: zns_quota.new_oa: must be true or false, and is "maybe"',
        f"presets/new_oa/sending.yaml:{end}: attempts: must be more than 0, and is 0",
    ]

    assert [str(mistake) for mistake in check(playbook, "*sending.yaml")] == wrong
    change(playbook, "shop.yaml", "presets: []", "presets: [new_oa]")
    assert [str(mistake) for mistake in check(playbook, "*sending.yaml")] == wrong


# ---- one source: opening hours and days off are the directory's ----


def answer(playbook: Path, entry_id: str) -> BilingualText:
    return next(entry.answer for entry in load_bot(playbook)[2].entries if entry.id == entry_id)


def test_the_faq_tells_the_hours_by_which_tickets_and_appointments_go(playbook: Path):
    assert answer(playbook, "hours") == BilingualText(
        vi="Cửa hàng mở cửa thứ Hai–thứ Bảy 08:00–21:00, Chủ nhật 09:00–21:00.",
        en="The store is open Monday–Saturday 08:00–21:00, Sunday 09:00–21:00.",
    )
    change(playbook, "staff.yaml", 'sun: [{from: "09:00"', 'sun: [{from: "08:00"')
    assert answer(playbook, "hours").vi == "Cửa hàng mở cửa mỗi ngày 08:00–21:00."


def test_the_faq_tells_the_days_off_by_which_tickets_and_appointments_go(playbook: Path):
    assert answer(playbook, "hours_holidays") == BilingualText(
        vi="Ngày lễ cửa hàng vẫn mở như thường. Tết Nguyên đán nghỉ từ 29 tháng Chạp đến hết mùng 3, "
        "đơn online trong dịp này giao từ mùng 4.",
        en="On public holidays we are open as usual. Over Tết we are closed from day 29 of the last lunar month to "
        "day 3 of the first; online orders go out from day 4.",
    )
    change(playbook, "staff.yaml", "    tet: [[29, 3]]", '    yearly: ["09-02"]\n    lunar: ["03-10"]')
    assert answer(playbook, "hours_holidays") == BilingualText(
        vi="Cửa hàng nghỉ ngày 2/9, 10/3 âm lịch; các ngày lễ khác vẫn mở như thường.",
        en="We are closed on 2/9, 10/3 of the lunar calendar (day/month) and open as usual on other holidays.",
    )


def test_vip_terms_are_those_that_segments_go_by(playbook: Path):
    before = answer(playbook, "vip").vi
    assert "trong 12 tháng, tự động xét và giữ ít nhất 12 tháng" in before
    change(playbook, "segments.yaml", "vip_kept_days: 365", "vip_kept_days: 182")
    assert "giữ ít nhất 6 tháng" in answer(playbook, "vip").vi


def test_hours_with_a_break_and_a_closed_day_are_told_as_they_are():
    span = [{"from": "08:00", "to": "12:00"}, {"from": "13:30", "to": "18:00"}]
    hours = Hours.model_validate({"week": {"mon": span, "tue": span, "thu": span}})
    words = {day: BilingualText(vi=day, en=day) for day in ("every", "mon", "tue", "wed", "thu", "fri", "sat", "sun")}

    assert opening_hours(hours, words).en == "mon–tue 08:00–12:00 / 13:30–18:00, thu 08:00–12:00 / 13:30–18:00"
    assert closed_days(hours) == {"yearly": [], "lunar": [], "tet": None}

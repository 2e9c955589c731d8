"""Staff and routing are checked before they are live: every mistake is named with file, line and field."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError
from shared.runtime.playbook.staff import ROUTING, STAFF, load_staff
from shared.runtime.playbook.staff_notes import FILE as NOTES

Changed = Callable[[str, str, str], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """A playbook with one text of one file replaced."""
    folder = tmp_path / "playbook"
    shutil.copytree(PLAYBOOK, folder)

    def change(file: str, before: str, after: str) -> Path:
        text = (folder / file).read_text(encoding="utf-8")
        assert before in text
        (folder / file).write_text(text.replace(before, after, 1), encoding="utf-8")
        return folder

    return change


def test_what_ships_is_right():
    assert check(PLAYBOOK, STAFF, ROUTING) == []
    assert check(PLAYBOOK, NOTES) == []


CARE_4 = "    skills: [payment_problem, refund, account, promotion, order_status]\n    shifts: [office]"
LAST = "  - {rule: everything_else, queue: care, priority: P4}"


@pytest.mark.parametrize(
    ("file", "before", "after", "line_says", "field", "reason"),
    [
        # 1 a skill that is no intent
        ("staff.yaml", "[payment_problem, refund,", "[payment_problems, refund,", "skills:",
         "people.care_4.skills.0", "did you mean payment_problem?"),
        # 2 a shift nobody described
        ("staff.yaml", CARE_4, CARE_4.replace("office", "offce"), "shifts: [offce]",
         "people.care_4.shifts.0", "there is no shift offce; did you mean office?"),
        # 3 a store no till knows
        ("staff.yaml", "stores: [Thủ Đức]", "stores: [Thủ Dầu Một]", "Thủ Dầu Một",
         "people.store_td_lead.stores.0", "there is no store Thủ Dầu Một"),
        # 4 nobody for what cannot wait
        ("staff.yaml", "role: manager\n    senior: true\n    capacity: 10\n    shifts: [office]",
         "role: manager\n    capacity: 10\n    shifts: [office]", "", "", ""),
        # 5 nobody could be told
        ("staff.yaml", "    email: care_4@nhamay.example.vn\n", "", "care_4:",
         "people.care_4.email", "notifications cannot reach them"),
        # 6 a queue there is not
        ("routing.yaml", LAST, LAST.replace("care", "cares"), "everything_else",
         "table.13.queue", "'bot', 'care', 'sales' or 'senior_manager'"),
        # 7 a table that does not take everything
        ("routing.yaml", LAST, LAST.replace("queue:", "channel: zalo, queue:"), "table:",
         "table", "has to end with a line without conditions"),
        # 8 a line that the lines before it take all of
        ("routing.yaml", LAST, "  - {rule: too_late, severity: high, queue: sales, priority: P3}\n" + LAST, "too_late",
         "table.13.rule", "too_late never fits, earlier lines cover all of it"),
        # 9 a line of the bot's that the bot is never asked
        ("routing.yaml", "bot_answers, severity: [normal, low],", "bot_answers, severity: high,",
         "bot_answers", "table.6.rule", "the bot may answer none of it"),
        # 10 an intent nobody heard of
        ("routing.yaml", "intent: human_request", "intent: human_reqest", "asks_for_a_person",
         "table.10.intent", "there is no human_reqest; did you mean human_request?"),
        # 11 the bot may do what it must not
        ("routing.yaml", "bot_intents: [order_status,", "bot_intents: [payment_problem,", "bot_intents",
         "bot_intents.0", "there is no payment_problem"),
        # 12 somebody to be told who is not here
        ("routing.yaml", "warn: [assignee, care_lead]", "warn: [assignee, care_led]", "warn: [assignee, care_led]",
         "targets.P1.warn.1", "there is no person care_led; did you mean care_lead?"),
        # 13 a priority without its target
        ("routing.yaml", "  P4:\n", "  P5:\n", "P5", "targets.P5", "'P1', 'P2', 'P3' or 'P4'"),
        # 14 two lines of one name
        ("routing.yaml", "rule: urgent", "rule: critical", "severity: high", "table.5.rule",
         "already the name of an earlier line"),
        # 15 a store's person without a store
        ("staff.yaml", "    stores: [Cầu Giấy]\n    calls_a_day: 10", "    calls_a_day: 10", "store_cg_lead",
         "people.store_cg_lead.stores", "a store_manager works in a store"),
        # 16 hours without quotes, which YAML reads as a number
        ("staff.yaml", 'sun: [{from: "09:00"', "sun: [{from: 9:00", "sun:", "hours.week.sun.0.from", ""),
        # 17 solved before it is answered
        ("routing.yaml", "resolve_minutes: 480", "resolve_minutes: 20", "resolve_minutes: 20",
         "targets.P1.resolve_minutes", "is before the first response"),
        # 18 a shift nobody works
        ("staff.yaml", "  morning:", '  dawn: [{days: [mon], from: "04:00", to: "08:00"}]\n  morning:',
         "dawn", "shifts.dawn", "is not used by anybody"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(changed: Changed, file, before, after, line_says, field, reason):
    folder = changed(file, before, after)
    if not field:  # one of the two senior managers is left
        assert check(folder, STAFF, ROUTING) == []
        folder = changed(file, "    senior: true\n    capacity: 10\n    shifts: [on_call]", "    shifts: [on_call]")
        line_says, field, reason = "people:", "people", "nobody is a senior manager"
    mistakes = check(folder, STAFF, ROUTING)
    lines = (folder / file).read_text(encoding="utf-8").splitlines()

    (mistake,) = [one for one in mistakes if one.field == field]
    assert mistake.file == file
    assert reason in mistake.reason
    assert line_says in lines[mistake.line - 1]
    with pytest.raises(PlaybookError):
        load_staff(folder)


def test_a_skill_that_the_table_needs_and_nobody_has_is_a_mistake(changed: Changed):
    folder = changed("staff.yaml", "    role: sales\n    capacity: 30\n", "    role: care\n    capacity: 30\n")
    text = (folder / "staff.yaml").read_text(encoding="utf-8")
    for role in ("sales", "store_staff"):
        text = text.replace(f"    role: {role}\n", f"    role: {role}\n    skills: [promotion]\n")
    (folder / "staff.yaml").write_text(text, encoding="utf-8")
    (mistake,) = check(folder, STAFF, ROUTING)
    assert str(mistake).endswith("table: sends product_question to sales, where no one has the skill")


@pytest.mark.parametrize(
    ("before", "after", "field", "reason"),
    [
        ("nhắc bạn trong phiếu {{ ticket }}\"", "nhắc bạn về {{ customer }}\"", "notes.mention.subject.vi",
         "may not say customer"),
        ("Phiếu {{ ticket }} vừa", "Phiếu {{ tiket }} vừa", "notes.ticket_assigned.text.vi", "may not say tiket"),
        ("Phiếu {{ ticket }} vừa", "Phiếu {{ ticket vừa", "notes.ticket_assigned.text.vi", "cannot be read"),
        ("  refund: {vi: hoàn tiền, en: refund}\n", "", "intents", "refund is missing"),
        ("channels: [zalo, email]", "channels: [fax]", "notes.ticket_assigned.channels.0", "'zalo' or 'email'"),
    ],
)  # fmt: skip
def test_a_note_that_cannot_be_written_or_says_too_much_is_a_mistake(changed: Changed, before, after, field, reason):
    mistakes = check(changed("staff_notes.yaml", before, after), NOTES)
    assert any(one.field == field and reason in one.reason for one in mistakes), mistakes


def test_kq_journeys_check_speaks_of_staff_too(changed: Changed):
    folder = changed("staff.yaml", "[payment_problem, refund,", "[payment_problems, refund,")
    answer = CliRunner().invoke(app, ["journeys", "check", "--playbook", str(folder)])
    assert answer.exit_code != 0
    assert "staff.yaml:" in answer.output
    assert "payment_problems" in answer.output

"""`kq playbook check` reads every file of a playbook and names every mistake with file, line and field, all at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.local.cli import app
from shared.runtime.playbook import loader
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK

SHIPPED = sorted(path.relative_to(PLAYBOOK).as_posix() for path in PLAYBOOK.glob("**/*") if path.is_file())
END = ""  # what is changed is the end of the file
# By file: what stands there, what stands there instead, the field, and what is said of it.
ONE_MISTAKE_EACH: dict[str, tuple[str, str, str, str]] = {
    "shop.yaml": ("hotline: 1900", "hotlin: 1900", "hotlin", "there is no such field; did you mean hotline?"),
    "segments.yaml": ("{lapsed_30: 30", "{lapsed_30: zero", "lifecycle.lapsed_30",
                      'must be a whole number, and is "zero"'),
    "identity.yaml": ("names_until_refused: 4", "names_until_refused: 0", "names_until_refused", "must be more than 0"),
    "winback.yaml": ("vip: call_by_manager", "vip: call_by_boss", "actions.vip", "must be 'call_by_manager', 'call'"),
    "stages.yaml": ("page: awareness", "page: aware", "page", "must be 'awareness', 'consideration'"),
    "carriers.yaml": ("picked: shipped", "picked: sent", "ghn.statuses.picked", "must be 'shipped'"),
    "sending.yaml": ("holdout_percent: 5 ", "holdout_percent: 80 ", "holdout_percent", "must be at most 50, and is 80"),
    "tasks.yaml": ("  title: Kiểm tra khách trùng", "  titel: Kiểm tra khách trùng", "different_names.titel",
                   "there is no such field; did you mean title?"),
    "offers.yaml": ("    kind: amount", "    kind: amout", "offers.birthday.kind", "must be 'amount', 'percent'"),
    "suggestions.yaml": ("at_most: 3", "at_most: three", "at_most", "must be a whole number"),
    "staff.yaml": ("    role: manager", "    role: boss", "people.senior_1.role", "must be 'store_staff'"),
    "routing.yaml": ("    clock: always", "    clock: never", "targets.P1.clock", "must be 'open' or 'always'"),
    "staff_notes.yaml": ("    channels: [zalo, email]", "    channels: [zalo, fax]", "notes.ticket_assigned.channels.1",
                         "must be 'zalo' or 'email'"),
    "appointments.yaml": ("days_ahead: 90", "days_ahead: 900", "days_ahead", "must be at most 365, and is 900"),
    "tickets.yaml": ("join_minutes: 10", "join_minutes: 0", "join_minutes", "must be more than 0, and is 0"),
    "comments.yaml": ("public_word:", "public_words:", "public_words", "there is no such field"),
    "content_help.yaml": ("calls_a_day: 40", "calls_a_day: -1", "calls_a_day", "must be at least 0, and is -1"),
    "faq.yaml": ("    updated_on: 2026-10-05", "    updated_on: soon", "entries.0.updated_on", "must be a day such as"),
    "faq_words.yaml": ("empty: >-", "empti: >-", "empti", "there is no such field; did you mean empty?"),
    "bot.yaml": ("find_floor: 45", "find_floor: 450", "find_floor", "must be at most 100, and is 450"),
    "triage/words.yaml": ("small: >-", "smal: >-", "smal", "there is no such field; did you mean small?"),
    "triage/second_opinion.yaml": ("floor: 60", "floor: 160", "floor", "must be at most 100, and is 160"),
    "triage/model.json": ('"bot_from": 0.63', '"bot_from": 63', "bot_from", "must be at most 1.0, and is 63"),
    "blueprint.yaml": ("    layer: 1", "    layer: first", "items.0.layer", "must be a whole number"),
    "presets/new_oa/sending.yaml": (END, "holdout_percent: 80\n", "holdout_percent", "must be at most 50, and is 80"),
}  # fmt: skip
for name in SHIPPED:
    if name.startswith(("journeys/", "templates/", "presets/day_15/journeys/")):
        ONE_MISTAKE_EACH[name] = END, "colour: red\n", "colour", "there is no such field"
    elif name.endswith((".html", ".txt")):
        ONE_MISTAKE_EACH[name] = END, "{% if %}", "", "cannot be read: Expected an expression"


def spoil(folder: Path, file: str, before: str, after: str) -> int:
    """Change the first place of a file; the line at which the change stands."""
    text = (folder / file).read_text(encoding="utf-8")
    if before == END:
        text = text if text.endswith("\n") else f"{text}\n"
    assert before in text
    at = text.index(before) if before != END else len(text)
    (folder / file).write_text(text[:at] + after + text[at + len(before) :], encoding="utf-8")
    return text.count("\n", 0, at) + after.count("\n", 0, len(after) - len(after.lstrip("\n"))) + 1


def run(folder: Path) -> Result:
    return CliRunner().invoke(app, ["playbook", "check", "--playbook", str(folder)])


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """What ships, in a folder of the test's own."""
    return Path(shutil.copytree(PLAYBOOK, tmp_path / "playbook"))


@pytest.fixture
def said(playbook: Path) -> Callable[[str, str], list[str]]:
    """What is said of a file once another text stands in it."""

    def of(file: str, text: str | bytes) -> list[str]:
        (playbook / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        return [str(mistake) for mistake in check(playbook, file)]

    return of


# ---- every file ----


def test_what_ships_is_clean():
    ran = CliRunner().invoke(app, ["playbook", "check"])

    assert (ran.exit_code, ran.output) == (0, f"{len(SHIPPED)} files, nothing to mend\n")


@pytest.fixture(scope="module")
def all_spoiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, int], int]:
    """One mistake in every file and one run of the command: what it says, where the mistakes are, its exit code."""
    folder = Path(shutil.copytree(PLAYBOOK, tmp_path_factory.mktemp("spoiled") / "playbook"))
    lines = {name: spoil(folder, name, before, after) for name, (before, after, *_) in ONE_MISTAKE_EACH.items()}
    for name in ("pages/style.css", "pages/till.js"):
        (folder / name).write_bytes((folder / name).read_bytes() + b"\xff\n")
    ran = run(folder)
    return ran.output.splitlines(), lines, ran.exit_code


def test_no_file_is_read_by_no_check():
    assert set(ONE_MISTAKE_EACH) | {"pages/style.css", "pages/till.js"} == set(SHIPPED)


@pytest.mark.parametrize("file", ONE_MISTAKE_EACH)
def test_a_mistake_in_any_file_is_named_with_its_line_and_field(all_spoiled, file: str):
    output, lines, _ = all_spoiled
    *_, field, reason = ONE_MISTAKE_EACH[file]
    place = f"{file}:{lines[file]}: {f'{field}: ' if field else ''}{reason}"

    assert [line for line in output if line.startswith(place)], [line for line in output if line.startswith(file)]


def test_mistakes_in_several_files_are_told_together(all_spoiled):
    output, _, exit_code = all_spoiled

    assert exit_code == 1
    assert {line.split(":")[0] for line in output[:-1]} == set(SHIPPED)
    assert output[-1] == f"{len(SHIPPED)} files, {len(output) - 1} mistakes"
    for name in ("pages/style.css", "pages/till.js"):
        end = (PLAYBOOK / name).read_bytes().count(b"\n") + 1
        assert f"{name}:{end}: is not UTF-8" in output


def test_nothing_is_said_in_another_voice_than_ours(all_spoiled):
    output, _, _ = all_spoiled

    for line in output:
        assert not any(words in line for words in ("Input should be", "Field required", "Extra inputs", "Value error"))


# ---- what keeps a file from being read ----


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: is empty"),
        ("# nothing yet\n", ":1: is empty"),
        ("- 1\n- 2\n", ":1: must be fields with their values, and is [1, 2]"),
        ("names: [1, 2\n", ":2: is no YAML: "),
        ("a: 1\n---\nb: 2\n", ":2: is no YAML: "),
        ("a: &x [*x]\n", ":1: a: there is no such field"),
        ("a: 1\nb: \x07\n", ":2: "),
        ("a: 2026-13-45\nb: 1\n", ":1: 2026-13-45 is no day; a text stands in quotes"),
        ("names_until_refused: 4\nown_numbers: []\nnames_until_refused: 5\n", ":3: names_until_refused: stands here a"),
        ("own_numbers: []\nclaiming_sources: [chat, 4]\n", ":2: claiming_sources.1: must be a text, and is 4"),
        ("own_numbers:\n  - 0901234567\n  - 12\n", ":3: own_numbers.1: "),
        ("own_numbers: []\nnames_until_refused: \"b\xe9\"\n".encode("latin-1"), ":2: is not UTF-8"),
        ("[" * 3000 + "]" * 3000, ":1: "),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_gets_a_sentence_with_its_place(said, text: str | bytes, told: str):
    (mistake, *_) = said("identity.yaml", text)

    assert mistake.startswith(f"identity.yaml{told}")


def test_a_sending_file_that_is_empty_or_no_table_is_told_once(said):
    assert said("sending.yaml", "") == ["sending.yaml:1: is empty"]
    assert said("sending.yaml", "- a\n") == ['sending.yaml:1: must be fields with their values, and is ["a"]']


def test_weights_that_are_cut_off_are_no_model(said):
    assert said("triage/model.json", "{\n") == [
        "triage/model.json:2: is no JSON: Expecting property name enclosed in double quotes"
    ]
    whole = (PLAYBOOK / "triage" / "model.json").read_text(encoding="utf-8")
    shorter = whole.rstrip().removesuffix('"}')[:-8] + '"}'
    assert said("triage/model.json", shorter) == [
        "triage/model.json:1: weights: do not fit the heads and the features; train again"
    ]


def test_a_missing_file_and_a_misspelt_one_are_named(playbook: Path):
    (playbook / "segments.yaml").rename(playbook / "segment.yaml")
    (playbook / "pages" / "gone.html").unlink()
    (playbook / ".hidden").write_text("", encoding="utf-8")

    ran = run(playbook)
    assert ran.exit_code == 1
    assert "segments.yaml:1: is missing\n" in ran.output
    assert "segment.yaml:1: is no file of a playbook; did you mean segments.yaml?\n" in ran.output
    assert "pages/gone.html:1: is missing\n" in ran.output
    assert "hidden" not in ran.output


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path):
    ran = run(tmp_path / "nowhere")

    assert ran.exit_code != 0
    assert "there is no folder" in str(ran.exception)


# ---- the commands that hold to it ----


def test_deploy_refuses_a_playbook_with_a_mistake(playbook: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("infra.aws.synth.deploy", lambda _: pytest.fail("was deployed"))
    monkeypatch.setattr("infra.local.commands.playbook.PLAYBOOK", playbook)
    spoil(playbook, "segments.yaml", "{lapsed_30: 30", "{lapsed_30: zero")

    ran = CliRunner().invoke(app, ["deploy", "--stage", "dev"])
    assert ran.exit_code == 1
    assert "segments.yaml:2: lifecycle.lapsed_30: must be a whole number" in str(ran.exception)


def test_doctor_names_the_first_mistake(playbook: Path, monkeypatch: pytest.MonkeyPatch):
    from infra.local.commands import doctor

    monkeypatch.setattr(doctor, "PLAYBOOK", playbook)
    assert doctor._playbook().fine
    spoil(playbook, "winback.yaml", "rest_days: 14", "rest_days: 0")
    spoil(playbook, "tasks.yaml", "parted_before:", "parted_befor:")

    finding = doctor._playbook()
    assert (finding.fine, finding.needed) == (False, True)
    assert finding.detail.startswith("winback.yaml:3: rest_days: must be more than 0, and is 0 (and ")


def test_a_door_does_not_start_with_a_file_that_the_check_refuses(playbook: Path):
    spoil(playbook, "identity.yaml", "names_until_refused: 4", "names_until_refused: four")

    from shared.runtime.playbook.rules import IdentityFile

    with pytest.raises(loader.PlaybookError, match=r"identity\.yaml:4: names_until_refused: must be a whole number"):
        loader.load(playbook, "identity.yaml", IdentityFile)

"""X11, K16: `kq experiment` evaluates a randomised file."""

from __future__ import annotations

import csv
import gzip
import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.errors import Trouble

HILLSTROM = Path(__file__).resolve().parents[3] / "shared" / "data" / "hillstrom" / "hillstrom_half_a.csv.gz"


def experiment(file: Path, *options: str, arm: str = "arm", control: str = "none") -> dict[str, Any]:
    answer = CliRunner().invoke(
        app, ["experiment", str(file), "--arm", arm, "--control", control, *options], catch_exceptions=False
    )
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def by_hand(treated: list[float], control: list[float]) -> tuple[float, float, float, float]:
    """Lift, ends of its 95 % interval and p, by the formula for large samples."""
    lift = statistics.fmean(treated) - statistics.fmean(control)
    error = math.sqrt(statistics.variance(treated) / len(treated) + statistics.variance(control) / len(control))
    return lift, lift - 1.959964 * error, lift + 1.959964 * error, math.erfc(abs(lift) / error / math.sqrt(2))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4,000 people in three arms: history drives what they spend, `mail` adds 20, `sms` nothing; stores differ."""
    rng = np.random.default_rng(11)
    rows = []
    for n in range(4000):
        arm = ("none", "mail", "sms")[rng.choice(3, p=[0.5, 0.25, 0.25])]
        history, store = rng.gamma(2, 100), ("Huế", "Hà Nội", "Đà Lạt")[n % 3]
        spend = history * (1.2 if store == "Huế" else 0.8) + rng.normal(0, 30) + 20 * (arm == "mail")
        rows.append(f"{arm},{spend:.2f},{int(rng.random() < 0.2)},{int(n % 200 == 0)},{history:.2f},{store}")
    return write(tmp_path_factory.mktemp("made") / "made.csv", "arm,spend,came,rare,history,store", rows)


# ---- figures ----


@pytest.mark.skipif(not HILLSTROM.exists(), reason="needs the Hillstrom half beside the repository")
def test_x11_show_3_hillstrom_conversion_and_spend_agree_with_the_plain_formula(tmp_path: Path):
    file = tmp_path / "hillstrom.csv"
    file.write_bytes(gzip.decompress(HILLSTROM.read_bytes()))
    with file.open(encoding="utf-8") as lines:
        people = list(csv.DictReader(lines))

    told = experiment(
        file, "--outcome", "conversion", "--outcome", "spend", "--outcome", "visit", arm="segment", control="No E-Mail"
    )

    assert told["rows"]["used"] == len(people) == 32_001
    assert not told["sample_ratio"]["mismatch"]
    for outcome in ("conversion", "spend", "visit"):
        arms = {
            arm: [float(person[outcome]) for person in people if person["segment"] == arm]
            for arm in ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
        }
        for arm, values in arms.items():
            shown = told["outcomes"][outcome]["arms"][arm]
            assert (shown["n"], shown["mean"]) == (len(values), pytest.approx(statistics.fmean(values)))
            if arm == "No E-Mail":
                continue
            lift, low, high, p = by_hand(values, arms["No E-Mail"])
            assert shown["lift"] == pytest.approx(lift)
            assert shown["interval"] == pytest.approx([low, high], rel=1e-3)
            assert shown["p"] == pytest.approx(p, rel=1e-2)


def test_x11_a_file_of_several_arms_and_outcomes_agrees_with_the_plain_formula(made: Path):
    told = experiment(made, "--outcome", "spend", "--outcome", "came")
    with made.open(encoding="utf-8") as lines:
        people = list(csv.DictReader(lines))

    assert {name: outcome["kind"] for name, outcome in told["outcomes"].items()} == {
        "spend": "continuous", "came": "binary",
    }  # fmt: skip
    for outcome in ("spend", "came"):
        values = {a: [float(p[outcome]) for p in people if p["arm"] == a] for a in ("none", "mail", "sms")}
        for arm in ("mail", "sms"):
            shown = told["outcomes"][outcome]["arms"][arm]
            lift, low, high, p = by_hand(values[arm], values["none"])
            assert [shown["lift"], *shown["interval"]] == pytest.approx([lift, low, high], rel=5e-3)
            assert shown["p"] == pytest.approx(p, rel=0.05)
            assert shown["relative_lift"] == pytest.approx(lift / statistics.fmean(values["none"]))


def test_x11_covariates_make_the_interval_narrower_and_it_holds_the_truth(made: Path):
    plain = experiment(made, "--outcome", "spend")["outcomes"]["spend"]["arms"]
    told = experiment(made, "--outcome", "spend", "--covariate", "history", "--covariate", "store")
    arms = told["outcomes"]["spend"]["arms"]

    for arm, truth in (("mail", 20), ("sms", 0)):
        low, high = arms[arm]["interval"]
        assert low <= truth <= high
        assert arms[arm]["method"] == "lin"
        assert arms[arm]["variance_reduction"] > 0.8
        assert high - low < 0.45 * (plain[arm]["interval"][1] - plain[arm]["interval"][0])
    assert arms["mail"]["p_holm"] < 1e-6


def test_x11_the_regression_is_lins_with_hc2_errors(made: Path):
    """Against the textbook's one big regression with products and a sandwich, written out."""
    with made.open(encoding="utf-8") as lines:
        people = [row for row in csv.DictReader(lines) if row["arm"] in ("none", "mail")]
    y = np.array([float(row["spend"]) for row in people])
    drawn = np.array([float(row["arm"] == "mail") for row in people])
    x = np.array([[float(p["history"]), p["store"] == "Hà Nội", p["store"] == "Huế"] for p in people], float)
    x = x - x.mean(axis=0)
    design = np.column_stack([np.ones(len(y)), drawn, x, x * drawn[:, None]])
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ y
    leverage = np.einsum("ij,jk,ik->i", design, bread, design)
    meat = (design * ((y - design @ beta) ** 2 / (1 - leverage))[:, None]).T @ design
    error = math.sqrt((bread @ meat @ bread)[1, 1])

    shown = experiment(made, "--outcome", "spend", "--covariate", "history", "--covariate", "store")
    mail = shown["outcomes"]["spend"]["arms"]["mail"]

    assert mail["lift"] == pytest.approx(beta[1])
    assert mail["interval"] == pytest.approx([beta[1] - 1.96 * error, beta[1] + 1.96 * error], rel=1e-3)


def test_x11_a_covariate_that_says_nothing_new_changes_nothing(tmp_path: Path, made: Path):
    lines = made.read_text(encoding="utf-8").splitlines()
    twice = write(
        tmp_path / "twice.csv", lines[0] + ",again,same", [f"{line},{line.split(',')[4]},7" for line in lines[1:]]
    )
    once = experiment(made, "--outcome", "spend", "--covariate", "history")
    more = experiment(
        twice, "--outcome", "spend", "--covariate", "history", "--covariate", "again", "--covariate", "same"
    )

    shown, expected = (told["outcomes"]["spend"]["arms"]["mail"] for told in (more, once))
    assert [shown["lift"], *shown["interval"]] == pytest.approx([expected["lift"], *expected["interval"]])


def test_x11_few_conversions_have_newcombes_interval_and_several_comparisons_holms_p(made: Path):
    told = experiment(made, "--outcome", "rare", "--outcome", "came")
    shown = [told["outcomes"][outcome]["arms"][arm] for outcome in ("rare", "came") for arm in ("mail", "sms")]

    assert [entry["method"] for entry in shown] == ["newcombe", "newcombe", "welch", "welch"]
    by_p = sorted(shown, key=lambda entry: entry["p"])
    assert by_p[0]["p_holm"] == pytest.approx(min(1, 4 * by_p[0]["p"]))
    assert all(entry["p_holm"] >= entry["p"] for entry in shown)
    assert any("4 comparisons" in note for note in told["notes"])


# ---- is it what it says it is? ----


def test_x11_arms_without_their_share_of_people_are_told(made: Path):
    assumed = experiment(made, "--outcome", "spend")
    said = experiment(made, "--outcome", "spend", "--shares", "none=50,mail=25,sms=25")

    assert assumed["sample_ratio"]["assumed"]
    assert assumed["sample_ratio"]["mismatch"]
    assert any("sample ratio mismatch" in note for note in assumed["notes"])
    assert not said["sample_ratio"]["mismatch"]
    assert said["sample_ratio"]["p"] > 0.05


def test_x11_rows_that_cannot_be_read_are_told_with_their_line(tmp_path: Path):
    rows = [f"{arm},{n}" for n in range(10) for arm in ("a", "none")]
    rows[3:3] = ["a,many", ",5", "a", "none,nan", "", "a,"]
    told = experiment(write(tmp_path / "f.csv", "arm,spend", rows), "--outcome", "spend")["rows"]

    assert told["used"] == 20
    assert {bad["line"]: bad["why"] for bad in told["bad_lines"]} == {
        5: "spend is 'many', not a number",
        6: "arm is empty",
        7: "has 1 fields, the header 2",
        8: "spend is 'nan', not a number",
        10: "spend is '', not a number",
    }
    assert told["bad_by_arm"] == {"a": 2, "none": 1}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--outcome", "profit"], "has no column 'profit'; its columns are 'arm', 'spend', 'came'"),
        (["--outcome", "spend", "--control", "nobody"], "has no 'nobody', but 'mail', 'none', 'sms'"),
        (["--outcome", "spend", "--outcome", "spend"], "column 'spend' is named twice"),
        (["--outcome", "spend", "--shares", "none=1,post=1"], "the shares name 'none', 'post'"),
        (["--outcome", "spend", "--shares", "none"], "is not an arm and its weight"),
        (["--outcome", "spend", "--shares", "none=1,mail=0,sms=1"], "greater than zero"),
        (["--outcome", "came", "--arm", "spend"], "has no 'none'"),
    ],
)
def test_x11_what_makes_no_sense_is_said(made: Path, options: list[str], says: str):
    with pytest.raises(Trouble, match=says):
        experiment(made, *options)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has no column"),
        ("arm,spend\n", "has no 'none', but none at all"),
        ("arm,spend\nnone,1\nnone,2\n", "nothing to compare"),
        ("arm,spend\nnone,1\na,2\na,3\n", "arm 'none' has 1 rows"),
        ("arm,spend\nnone,1\nnone,2\na,x\n", "arm 'a' has 0 rows"),
    ],
)
def test_x11_a_file_without_two_arms_is_refused(tmp_path: Path, content: str, says: str):
    file = tmp_path / "f.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(Trouble, match=says):
        experiment(file, "--outcome", "spend")


def test_x11_a_file_that_is_no_text_is_refused(tmp_path: Path):
    file = tmp_path / "f.csv"
    file.write_bytes(gzip.compress(b"arm,spend\nnone,1\n"))
    with pytest.raises(Trouble, match="is not UTF-8 text"):
        experiment(file, "--outcome", "spend")

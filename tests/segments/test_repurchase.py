"""G8, X23: the repurchase model: published figures, known parameters found again, and fits that may not be used."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from shared.analytics import bg_nbd, gamma_gamma
from shared.analytics.bg_nbd import BgNbd, Summary
from shared.analytics.repurchase import Purchases, history, judge
from shared.domain.vietnam_time import local_day, stamp
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory
from shared.repositories.profiles import current_rules
from shared.repositories.repurchase_model import fitted
from shared.runtime.playbook.rules import rules
from shared.use_cases.facts.write_facts import write
from shared.use_cases.segments.weekly_cutoffs import publish
from tests.support.shop import Shop

ROOT = Path(__file__).parents[2]
CDNOW = ROOT.parent / "shared" / "data" / "cdnow" / "cdnow_sample.csv.gz"
SLICE = ROOT / "events" / "history" / "online_retail_slice.csv.gz"
PAPER = BgNbd(0.243, 4.414, 0.793, 2.426, 0)


def made_up(people: int, weeks: int, seed: int, model: BgNbd = PAPER) -> Purchases:
    """Purchases of a shop whose customers live by a model, from day 1 on."""
    random = np.random.default_rng(seed)
    customer, day, amount = [], [], []
    for who in range(people):
        rate, leaves = random.gamma(model.r, 1 / model.alpha), random.beta(model.a, model.b)
        level = random.gamma(6, 1) / 4
        at = float(random.uniform(0, 12))
        while at < weeks:
            customer.append(who)
            day.append(1 + int(at * 7))
            amount.append(100_000 * level * random.gamma(5, 0.2))
            if len(customer) > 1 and customer[-2] == who and random.random() < leaves:
                break
            at += random.exponential(1 / rate) if rate > 1e-12 else weeks
    return Purchases.of(np.array(customer), np.array(day), np.array(amount))


def orders_file(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("customer_id", "date", "amount"), *rows])
    return path


def kq_fit(path: Path, until: str, *more: str, code: int = 0):
    ran = CliRunner().invoke(app, ["fit", str(path), "--until", until, *more])
    assert ran.exit_code == code, ran.output
    return json.loads(ran.stdout) if code == 0 else ran


def test_the_papers_example_of_one_customer():
    two = Summary(np.array([2.0]), np.array([30.43]), np.array([38.86]))

    assert PAPER.expected(two, 39)[0] == pytest.approx(1.226, abs=5e-4)
    assert PAPER.p_alive(two)[0] == pytest.approx(0.7266, abs=5e-5)


def test_the_gradient_is_that_of_the_likelihood():
    seen = history(made_up(300, 40, 1), 280).seen
    weights = np.ones(len(seen.x))
    for start in (np.log([0.3, 4, 0.8, 2.4]), np.log([2, 20, 0.3, 5.0])):
        _, gradient = bg_nbd._loss(start, *seen, weights)
        for place in range(4):
            step = np.eye(4)[place] * 1e-6
            slope = (
                bg_nbd._loss(start + step, *seen, weights)[0] - bg_nbd._loss(start - step, *seen, weights)[0]
            ) / 2e-6
            assert gradient[place] == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_known_parameters_are_found_again_and_the_model_is_used():
    bought = made_up(6000, 78, 3)
    found = judge(bought, 39 * 7)

    assert found.model is not None
    assert found.model.r == pytest.approx(PAPER.r, rel=0.15)
    assert found.model.alpha == pytest.approx(PAPER.alpha, rel=0.25)
    assert found.usable, found.why
    assert found.held_out["error"] < found.held_out["simple_rule_error"]


def test_after_one_purchase_p_alive_is_not_known():
    known = history(made_up(500, 39, 5), 39 * 7)

    alive = PAPER.p_alive(known.seen)
    assert np.isnan(alive[known.seen.x == 0]).all()
    assert ((alive[known.seen.x > 0] > 0) & (alive[known.seen.x > 0] <= 1)).all()


def test_spend_is_drawn_to_that_of_all_the_more_the_less_is_known():
    model = gamma_gamma.GammaGamma(6.25, 3.74, 15.44)
    few, many = model.expected_spend(np.array([1.0, 50.0]), np.array([100.0, 100.0]))

    assert 15.44 * 6.25 / 2.74 < few < many < 100


def test_a_shop_where_nobody_comes_back_has_no_model():
    bought = Purchases.of(np.arange(50), np.arange(50), np.ones(50))

    found = judge(bought, 100)
    assert (found.usable, found.model, found.why) == (False, None, "nobody has bought twice")


def test_few_regulars_are_no_distribution():
    found = judge(made_up(120, 60, 2), 60 * 7)

    assert not found.usable
    assert "at least 100" in found.why or "degenerate" in found.why


def test_customers_who_never_stop_make_a_degenerate_fit_that_is_found_and_said():
    found = judge(made_up(2500, 60, 4, BgNbd(1.2, 8.0, 1e-9, 1.0, 0)), 60 * 7)

    assert not found.usable
    assert "degenerate" in found.why


def test_x23_the_real_shops_fit_is_degenerate_said_and_not_used(tmp_path: Path):
    spent: dict[tuple[str, str], float] = defaultdict(float)
    with gzip.open(SLICE, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["CustomerID"]:
                spent[row["CustomerID"], row["InvoiceDate"][:10]] += float(row["Quantity"]) * float(row["UnitPrice"])
    path = orders_file(tmp_path / "shop.csv", [(who, day, f"{amount:.2f}") for (who, day), amount in spent.items()])
    scores = tmp_path / "scores.csv"

    found = kq_fit(path, "2010-12-09", "--score", str(scores))
    assert not found["usable"]
    assert "degenerate" in found["why"]
    with scores.open(encoding="utf-8") as lines:
        assert {row["p_alive"] for row in csv.DictReader(lines)} == {""}


def test_bad_rows_are_named_and_good_ones_used(tmp_path: Path):
    rows = [(f"c{n % 40}", f"2026-0{1 + n % 6}-{1 + n % 28:02}", str(100_000 + n)) for n in range(400)]
    rows[3], rows[7], rows[9] = ("", "2026-01-01", "5"), ("c1", "soon", "5"), ("c1", "20260102", "much")
    rows.append(("c1", "2026-03-03", "-90000"))

    found = kq_fit(orders_file(tmp_path / "orders.csv", rows), "2026-06-30")
    assert found["rejected"]["first"] == [
        {"line": 5, "reason": "customer_id is empty"},
        {"line": 9, "reason": "date is none"},
        {"line": 11, "reason": "amount is no number"},
    ]
    assert (found["rejected"]["rows"], found["rejected"]["negative_amounts"]) == (3, 1)
    assert found["customers"] == 40


@pytest.mark.parametrize("content", ["who,when\n1,2\n", "", "customer_id,date,amount\n"])
def test_a_file_that_holds_no_orders_is_a_clear_error(tmp_path: Path, content: str):
    path = tmp_path / "none.csv"
    path.write_text(content, encoding="utf-8")

    ran = CliRunner().invoke(app, ["fit", str(path), "--until", "2026-06-30"])
    assert ran.exit_code != 0
    assert "none.csv" in str(ran.exception)


@pytest.mark.skipif(not CDNOW.exists(), reason="the paper's data are not here")
def test_the_published_fit_of_the_papers_sample(tmp_path: Path):
    with gzip.open(CDNOW, "rt") as lines:
        rows = [(row["master_id"], row["date"], row["dollar_value"]) for row in csv.DictReader(lines)]

    found = kq_fit(orders_file(tmp_path / "cdnow.csv", rows), "1997-09-30")
    fitted = found["bg_nbd"]
    assert [round(fitted[name], 3) for name in ("r", "alpha", "a", "b")] == [0.243, 4.414, 0.793, 2.426]
    assert fitted["log_likelihood"] == pytest.approx(-9582.4, abs=0.05)
    assert [round(found["gamma_gamma"][name], 2) for name in ("p", "q", "v")] == [6.25, 3.74, 15.44]
    assert found["held_out"]["correlation"] == pytest.approx(0.626, abs=5e-4)
    assert (found["usable"], found["customers"]) == (True, 2357)
    assert date(1997, 9, 30).toordinal() + found["held_out"]["days"] == date(1998, 6, 30).toordinal()


# ---- by night ----


def shop_that_lived(people: int) -> Shop:
    """A shop with the purchases of a made-up base in its lake, on the morning after."""
    shop = Shop(datetime(2026, 12, 1, 3, 0, tzinfo=UTC))
    begins = date(2026, 12, 1).toordinal() - 60 * 7 - 1
    bought = made_up(people, 60, 3)
    facts = []
    for number, (who, day, amount) in enumerate(zip(bought.customer, bought.day, bought.amount, strict=True)):
        at = datetime.combine(date.fromordinal(begins + int(day)), time(5), UTC)
        facts.append({
            "kind": "order", "fact_id": f"o{number}", "version": "1", "deleted": False, "at": stamp(at),
            "day": local_day(at).isoformat(), "customer_id": f"c{who}", "kept": int(amount), "total": int(amount),
            "counts": True, "status": "placed",
        })  # fmt: skip
    write(shop.stack.outside.lake, facts, "made-up")
    return shop


def test_g8_a_model_that_beats_the_simple_rule_is_in_force_the_next_morning():
    shop = shop_that_lived(4000)

    shop.stack.recompute(compacting=True)
    item = shop.stack.table.get(table_keys.CURRENT_CUTOFFS) or {}
    own = fitted(item)
    assert item["model"]["usable"], item["model"]["why"]
    assert own is not None
    assert own.r == pytest.approx(PAPER.r, rel=0.2)
    card = shop.stack.outside.lake.get(item["model"]["card"])
    assert card is not None
    assert json.loads(card.body)["held_out"]["error"] < json.loads(card.body)["held_out"]["simple_rule_error"]
    memory = ProcessMemory(lambda: shop.now)
    assert current_rules(shop.stack.table, rules(), memory, local_day(shop.now)).rules.bg_nbd == own


def test_g8_a_model_that_may_not_be_used_is_kept_with_its_reason_and_the_shipped_one_stays():
    shop = shop_that_lived(60)

    shop.stack.recompute(compacting=True)
    item = shop.stack.table.get(table_keys.CURRENT_CUTOFFS) or {}
    assert (item["model"]["usable"], item["model"]["bg_nbd"]) == (False, {})
    assert item["model"]["why"]
    memory = ProcessMemory(lambda: shop.now)
    in_force = current_rules(shop.stack.table, rules(), memory, local_day(shop.now))
    assert in_force.rules.bg_nbd == rules().bg_nbd
    assert in_force.cutoffs == rules().first_cutoffs
    publish(shop.stack.table, in_force, shop.now)
    assert (shop.stack.table.get(table_keys.CURRENT_CUTOFFS) or {})["model"] == item["model"]

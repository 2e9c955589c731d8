"""An import through the real doors: what it leaves behind, that it may be repeated or cut off, and sends nothing."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from infra.local.importing.command import Result, import_file, run_import
from infra.local.importing.targets import InHouse, Stopped
from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import Keys, local_keys
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.session import opened
from tests.imports.exports import KIOTVIET, NOW, read_rejects, write_csv

ROOT = Path(__file__).parents[2]


class Shop:
    """A house in memory on a still clock, and imports into it."""

    def __init__(self) -> None:
        self.stack = LocalStack(None, LocalClock(NOW, frozen=True))
        self.keys: Keys = local_keys(self.stack, None)

    def run(self, path: Path, *, system: str = "") -> Result:
        return run_import(path, InHouse(self.stack, self.keys.write_key), self.stack.clock.now, system=system)

    def counts(self) -> dict[str, int]:
        """Messages of any state, dead letters included, by queue."""
        return {
            f"{name} {state}": count
            for name, counts in self.stack.queue_state().items()
            for state, count in counts.items()
            if isinstance(count, int)
        }

    def customer(self, phone: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.keys.api_key}", "content-type": "application/json"}
        body = json.dumps({"phone": phone}).encode()
        answer = self.stack.http("POST", "/v1/customers/search", headers=headers, body=body)
        return json.loads(answer.body) if answer.status == 200 else {}


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.stack.close()


def items(database: sqlite3.Connection) -> dict[tuple[str, str], str]:
    return {(pk, sk): body for pk, sk, body in database.execute("SELECT pk, sk, body FROM items")}


def test_orders_become_customers_with_figures_and_totals(tmp_path: Path, shop: Shop) -> None:
    result = shop.run(
        write_csv(
            tmp_path / "orders.csv",
            KIOTVIET,
            ("1", "01/10/2025 10:00", "Nguyễn Thị Lan", "0901234567", "1.000.000", "Quận 1", "Hoa", "Hoàn thành"),
            ("2", "01/11/2025 10:00", "Nguyễn Thị Lan", "+84 901 234 567", "500.000", "Quận 1", "Hoa", "Hoàn thành"),
            ("3", "02/11/2025 10:00", "Nguyễn Thị Lan", "84901234567", "300.000", "Quận 1", "Hoa", "Đã hủy"),
            ("4", "02/11/2025 11:00", "Khách lẻ", "0900000000", "200.000", "Quận 1", "Hoa", "Hoàn thành"),
        )
    )

    lan = shop.customer("0901234567")
    assert (lan["metrics"]["orders"], lan["metrics"]["revenue"]) == (2, 1_500_000)
    assert lan["traits"]["name"] == "Nguyễn Thị Lan"
    assert (result.units, result.events, result.rejected_rows) == (4, 5, 0)
    totals = [json.loads(body) for (pk, _), body in items(shop.stack.store.db).items() if pk == "DAY#2025-11-02"]
    assert sum(total["gross"] for total in totals) == 200_000


def test_customers_become_profiles_with_consent_and_points(tmp_path: Path, shop: Shop) -> None:
    shop.run(
        write_csv(
            tmp_path / "customers.csv",
            ("Mã khách hàng", "Tên", "SĐT", "Ngày sinh", "Điểm", "Hạng", "consent_zalo_marketing"),
            ("KH1", "Nguyễn Thị Lan", "0901234567", "21/05/1990", "1.250", "Vàng", "không"),
        ),
        system="kiotviet",
    )

    lan = shop.customer("0901234567")
    assert lan["traits"]["birthday"] == "1990-05-21"
    assert lan["traits"]["attributes"] == {"points": 1250, "tier": "Vàng"}
    assert [(c["channel"], c["purpose"], c["granted"]) for c in lan["consent"]] == [("zalo", "marketing", False)]


def history(path: Path, orders: int) -> Path:
    """24 months of a shop: regulars, walk-ins, cash on delivery, cancellations and returns."""
    start = NOW - timedelta(days=730)
    rows = []
    for number in range(orders):
        at = start + timedelta(days=729) * number / orders
        phone = "0900000000" if number % 11 == 0 else f"09{number * 7 % 90:02}{number * 7 % 90:06}"
        status = ("Hoàn thành", "Hoàn thành", "Đang giao", "Đã hủy", "Trả hàng", "Chuyển hoàn")[number % 6]
        payment = "COD" if number % 2 else "Tiền mặt"
        amount = f"{50_000 * (1 + number % 9):,}"
        rows.append(
            (
                f"HD{number}",
                f"{at:%d/%m/%Y %H:%M}",
                f"Khách {number % 90}",
                phone,
                amount,
                "Quận 1",
                "Hoa",
                status,
                payment,
            )
        )
    return write_csv(path, (*KIOTVIET, "Thanh toán"), *rows)


def test_a_second_run_changes_nothing(tmp_path: Path, shop: Shop) -> None:
    orders = history(tmp_path / "orders.csv", 300)
    customers = write_csv(
        tmp_path / "customers.csv", ("Tên", "SĐT", "Điểm"), *((f"Lan {n}", f"09012345{n:02}", n) for n in range(50))
    )
    first = [shop.run(orders), shop.run(customers)]
    before = items(shop.stack.store.db)

    second = [shop.run(orders), shop.run(customers)]

    assert items(shop.stack.store.db) == before
    assert [(r.units, r.events) for r in first] == [(r.units, r.events) for r in second]


def test_24_months_of_history_leave_nothing_to_send(tmp_path: Path, shop: Shop) -> None:
    """R1: history starts nothing, and who lapses later has agreed to no advertising."""
    shop.run(history(tmp_path / "orders.csv", 500))

    assert shop.stack.table.next_due(("timer",)) is None
    shop.stack.advance(NOW + timedelta(days=120))
    assert shop.stack.providers.outbox() == []
    said = shop.stack.store.db.execute("SELECT body FROM items WHERE sk LIKE 'X#%'").fetchall()
    assert {json.loads(body)["reason"] for (body,) in said} <= {"no_consent", "holdout"}
    assert all(count == 0 for count in shop.counts().values())


def test_what_the_door_refuses_is_rejected_and_the_rest_of_the_batch_goes_in(tmp_path: Path, shop: Shop) -> None:
    rows = [(f"HD{n}", "01/10/2025", "Lan", "0901234567", "1000", "Quận 1", "Hoa", "Hoàn thành") for n in range(5)]
    rows[2] = (*rows[2][:2], "Lan " * 100, *rows[2][3:])
    path = write_csv(tmp_path / "orders.csv", KIOTVIET, *rows)

    result = shop.run(path)

    assert result.units == 4
    assert shop.customer("0901234567")["metrics"]["orders"] == 4
    (reject,) = read_rejects(path)
    assert (reject["line"], reject["field"]) == ("4", "context.traits.name")
    assert "at most 256 characters" in reject["reason"]


def test_a_wrong_write_key_stops_before_anything_is_stored(tmp_path: Path, shop: Shop) -> None:
    path = history(tmp_path / "orders.csv", 3)

    with pytest.raises(Stopped, match="write key is not accepted") as stopped:
        run_import(path, InHouse(shop.stack, "kq_write_nobody"), shop.stack.clock.now)

    assert stopped.value.unusable
    assert not any(pk.startswith("ORDER#") for pk, _ in items(shop.stack.store.db))


# ---------------------------------------------------------------- as a command


def kq(*arguments: str | Path, dies_at: tuple[str, str, int] | None = None) -> tuple[int, str]:
    """`kq import` in a process of its own, killed at the n-th call of one method; exit code and standard output."""
    script = "from infra.local.cli import main"
    if dies_at:
        owner, method, call = dies_at
        module, _, name = owner.rpartition(".")
        script += f"""
import os, signal
from itertools import count
from {module} import {name}
calls, real = count(1), {name}.{method}

def deadly(*arguments, **options):
    if next(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

{name}.{method} = deadly"""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nmain()", "import", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout


def run_here(*arguments: str | Path) -> tuple[int, str, str]:
    """The command in this process: exit code, standard output, standard error."""
    app = typer.Typer()
    app.command()(import_file)
    done = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "160"})
    return done.exit_code, done.stdout, done.stderr


def figures(data: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shop's totals by day, and each customer's figures by phone."""
    with opened(data) as stack:
        everything = items(stack.store.db)
        totals = {f"{pk} {sk}": json.loads(body) for (pk, sk), body in everything.items() if pk.startswith("DAY#")}
        people = {}
        for (_, sk), body in everything.items():
            profile = json.loads(body)
            if sk == "P":
                people[min(profile["identities"])] = (profile["metrics"], profile["traits"])
        return totals, people


def test_killed_in_the_middle_and_run_again_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    path = history(tmp_path / "orders.csv", 500)
    once, cut_off = tmp_path / "once", tmp_path / "cut-off"
    assert kq(path, "--data", once)[0] == 0

    for moment in (
        ("infra.local.importing.targets.InHouse", "post", 3),  # before the door has heard of it
        ("infra.local.stack.local_stack.LocalStack", "drain", 4),  # after the door has taken it, before the worker has
        ("shared.adapters.local.sqlite_table.SqliteTable", "write", 150),  # half-way through a batch
        ("shared.adapters.local.sqlite_queue.SqliteQueue", "delete", 4),  # worked off, but still in the queue
    ):
        assert kq(path, "--data", cut_off, dies_at=moment)[0] == -signal.SIGKILL
    assert figures(cut_off) != figures(once)

    assert kq(path, "--data", cut_off)[0] == 0
    assert figures(cut_off) == figures(once)


def test_the_summary_says_what_was_imported_and_what_was_not(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "orders.csv",
        KIOTVIET,
        ("1", "01/10/2025", "Lan", "0901234567", "1.000.000", "Quận 1", "Hoa", "Hoàn thành"),
        ("2", "10/13/2025", "Lan", "0901234567", "1.000.000", "Quận 1", "Hoa", "Hoàn thành"),
    )

    code, out = kq(path, "--data", tmp_path / "data")

    assert code == 0
    assert "sends nothing" in out
    assert "there is no such month" in out
    assert (tmp_path / "orders.csv.rejects.csv").exists()


def test_a_dry_run_reports_and_writes_rejects_and_touches_no_data(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "orders.csv", KIOTVIET, ("1", "??", "Lan", "1", "1.000", "Quận 1", "Hoa", "Hoàn thành"))

    code, out, _ = run_here(path, "--dry-run", "--data", tmp_path / "data")

    assert code == 0
    assert "nothing sent" in out
    assert len(read_rejects(path)) == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("content", "arguments", "told"),
    [
        (b"a,b\n1,2\n", (), "lacks"),
        (b"order_id,date,total\n1,01/10/2025,1000\n", ("--url", "http://127.0.0.1:1"), "needs the write key"),
        (b"order_id,date,total\n1,01/10/2025,1000\n", ("--url", "nowhere", "--key", "k"), "not an address"),
        (b"order_id,date,total\n1,01/10/2025,1000\n", ("--as-of", "soon"), "--as-of"),
    ],
)
def test_unusable_input_is_one_clear_line_and_exit_code_2(
    tmp_path: Path, content: bytes, arguments: tuple[str, ...], told: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)

    code, out, err = run_here(path, "--data", tmp_path / "data", *arguments)

    assert code == 2
    assert told in err
    assert out == ""

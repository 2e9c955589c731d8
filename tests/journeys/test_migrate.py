"""Live edit without fear (X18): who is inside stays on their version; a migration counts first, and can go back."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.stack.clock import LocalClock
from infra.local.stack.keys import local_keys
from infra.local.stack.local_stack import LocalStack
from shared.domain.errors import Busy
from shared.domain.vietnam_time import stamp
from shared.runtime import wiring
from shared.runtime.factories import journeys as runtime_journeys
from shared.use_cases.journeys.migrate import Counts, Migration, versions
from tests.support.journey_playbooks import OwnPlaybook, playbook  # noqa: F401
from tests.support.journeys import Guest, Shop

FIRST = """\
id: visit
title: Hỏi thăm
aim: Khách thấy được chăm sóc
trigger: {event: Order Completed, key: event.order_id}
ends_after: 60d
steps:
  - {id: pause, wait: {for: 3d}}
  - {id: call, task: {kind: call, title: Gọi hỏi thăm, reason: Mua được ba ngày}}
  - {id: later, wait: {for: 10d}}
  - {id: asked, tag: {add: asked}}
"""
# The pause is longer, and what came after the call is gone.
SECOND = FIRST.replace("for: 3d", "for: 5d").replace("  - {id: later, wait: {for: 10d}}\n", "")


def migration(shop: Shop, version: str = "") -> Migration:
    """To the playbook's version, or to another that somebody entered with."""
    token = wiring.install(shop.stack.outside)
    try:
        journeys = runtime_journeys.journeys(shop.now)
    finally:
        wiring.uninstall(token)
    target = versions(shop.stack.table, "visit")[version].journey if version else journeys.playbook.journeys["visit"]
    return Migration(journeys, target)


def written(shop: Shop) -> list[Any]:
    """Everything in the table."""
    with shop.stack.store.transaction() as db:
        return [tuple(row) for row in db.execute("SELECT * FROM items ORDER BY 1, 2").fetchall()]


def buyers(shop: Shop, number: int, day: str) -> list[Guest]:
    guests = [shop.guest() for _ in range(number)]
    for n, guest in enumerate(guests):
        shop.order(guest, f"{day}-{n}")
    return guests


def where(shop: Shop, guests: list[Guest]) -> list[tuple[str, str] | None]:
    """The version and the step each stands at."""
    found = [shop.inside(guest).get("visit") for guest in guests]
    return [run and (run["version"], run["step"]) for run in found]


@pytest.fixture
def edited(shop: Shop, playbook: OwnPlaybook) -> tuple[list[Guest], list[Guest], str, str]:  # noqa: F811
    """Two customers who were called, three who wait for the call, and a journey that was edited meanwhile."""
    first = playbook.write("visit", FIRST)
    called = buyers(shop, 2, "early")
    shop.later(days=3, hours=1)
    waiting = buyers(shop, 3, "late")
    return called, waiting, first, playbook.write("visit", SECOND)


Edited = tuple[list[Guest], list[Guest], str, str]


def test_x18_who_is_inside_finishes_on_their_version(shop: Shop, edited: Edited):
    called, waiting, first, second = edited
    (newcomer,) = buyers(shop, 1, "new")

    assert where(shop, [*called, *waiting, newcomer]) == [(first, "later")] * 2 + [(first, "pause")] * 3 + [
        (second, "pause")
    ]
    shop.later(days=3, hours=1)
    assert [len(shop.tasks(guest, "visit")) for guest in waiting] == [1, 1, 1]
    assert shop.tasks(newcomer, "visit") == []
    shop.later(days=2)
    assert len(shop.tasks(newcomer, "visit")) == 1
    shop.later(days=8)
    assert [shop.ends(guest) for guest in (*called, *waiting, newcomer)] == [[("visit", "done")]] * 6


def test_x18_the_dry_run_writes_nothing_and_counts_what_the_migration_moves(shop: Shop, edited: Edited):
    called, waiting, _, second = edited
    before = written(shop)
    counted = migration(shop).count()

    assert counted == Counts(moved=3, cancelled=2)
    assert written(shop) == before
    assert migration(shop).run() == counted
    assert where(shop, waiting) == [(second, "pause")] * 3
    # What was planned on the old version is taken back with the run.
    assert [shop.ends(guest) for guest in called] == [[("visit", "version_changed")]] * 2
    assert [shop.tasks(guest, "visit") for guest in called] == [[], []]
    # They wait as long as the new version says, from when they began to.
    shop.later(days=4)
    assert [shop.tasks(guest, "visit") for guest in waiting] == [[], [], []]
    shop.later(days=1, hours=1)
    assert [len(shop.tasks(guest, "visit")) for guest in waiting] == [1, 1, 1]
    assert migration(shop).run() == Counts()


def test_x18_a_migration_is_rolled_back_to_the_version_before(shop: Shop, edited: Edited):
    _, waiting, first, second = edited
    migration(shop).run()
    back = migration(shop, first)

    assert back.count() == Counts(moved=3)
    assert back.run() == Counts(moved=3)
    assert where(shop, waiting) == [(first, "pause")] * 3
    shop.later(days=3)
    assert [len(shop.tasks(guest, "visit")) for guest in waiting] == [1, 1, 1]
    # Who comes in still enters with the playbook's.
    assert where(shop, buyers(shop, 1, "new")) == [(second, "pause")]


def test_a_migration_that_was_stopped_goes_on_where_it_was(shop: Shop, edited: Edited, monkeypatch: pytest.MonkeyPatch):
    counted = migration(shop).count()
    running, commits = migration(shop), []
    write = type(shop.stack.table).write

    def dies(table: Any, *actions: Any) -> Any:
        commits.append(actions)
        if len(commits) > 3:  # the target itself and two customers are written
            raise Busy("somebody pulled the plug")
        return write(table, *actions)

    with monkeypatch.context() as plug:
        plug.setattr(type(shop.stack.table), "write", dies)
        with pytest.raises(Busy):
            running.run()
    rest = migration(shop).run()

    assert 0 < rest.moved + rest.cancelled < counted.moved + counted.cancelled
    assert rest.seen + 2 - rest.stayed == counted.seen
    assert migration(shop).count().moved == migration(shop).count().cancelled == 0


def test_the_figures_follow_a_migration(shop: Shop, edited: Edited):
    _, _, first, second = edited
    before = shop.call("GET", "/v1/journeys/visit")

    assert (before["people"], before["version"], before["mode"]) == (5, second, "all")
    assert before["steps"] == [
        {"step": "pause", "kind": "wait", "people": 3},
        {"step": "call", "kind": "task", "people": 0},
        {"step": "asked", "kind": "tag", "people": 0},
    ]
    assert [(v["version"], v["current"], v["at"]) for v in before["versions"]] == [
        (first, False, {"later": 2, "pause": 3})
    ]
    migration(shop).run()
    shop.stack.read_stream()
    after = shop.call("GET", "/v1/journeys/visit")
    assert (after["people"], after["results"]) == (3, {"version_changed": 2})
    old, new = after["versions"]
    assert (old["people"], old["moved_out"], new["people"], new["moved_in"], new["current"]) == (0, 3, 3, 3, True)
    shop.later(days=5)
    done = shop.call("GET", "/v1/journeys/visit")
    assert (done["people"], done["results"], done["entered"]) == (0, {"done": 3, "version_changed": 2}, 5)


# ---- the command line ----


class Folder:
    """A laptop's data folder, lived in until a time that is ahead of this machine's clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = datetime(2096, 3, 5, 3, 0, tzinfo=UTC)

    def sell(self, *orders: str, days_ago: int) -> None:
        stack = LocalStack(self.path, LocalClock(self.now - timedelta(days=days_ago), frozen=True))
        key = base64.b64encode(f"{local_keys(stack, self.path).write_key}:".encode()).decode()
        for n, order in enumerate(orders):
            properties = {"order_id": order, "total": 500_000}
            event = {"type": "track", "event": "Order Completed", "messageId": order, "timestamp": stamp(stack.now),
                     "userId": f"09351{days_ago:02d}{n:03d}", "properties": properties}  # fmt: skip
            headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
            stack.http("POST", "/v1/batch", "", headers, json.dumps({"batch": [event]}).encode())
        stack.drain()
        stack.close()

    def kq(self, *words: str, code: int = 0) -> str:
        """What `kq journeys …` prints about this folder."""
        ran = CliRunner().invoke(app, ["journeys", *words, "--data", str(self.path)])
        assert ran.exit_code == code, ran.output
        return ran.stdout


def test_x18_the_command_line_shows_counts_and_moves(playbook: OwnPlaybook, tmp_path: Path):  # noqa: F811
    folder = Folder(tmp_path / "data")
    first = playbook.write("visit", FIRST)
    folder.sell("A1", "A2", days_ago=4)
    assert folder.kq("diff") == f"visit\n  {first}  2 people, as in the playbook\n"
    second = playbook.write("visit", SECOND)
    folder.sell("B1", days_ago=0)

    assert folder.kq("diff").splitlines() == [
        "visit",
        f"  {second}  1 person, as in the playbook",
        f"  {first}  2 people, since 2096-03-01",
        "    removed: later",
        "    changed: pause",
    ]
    counted = f"2 people move, 0 cancelled, 1 there already ({second})\n"
    assert folder.kq("migrate", "visit", "--dry-run") == counted + "nothing was changed\n"
    assert folder.kq("migrate", "visit") == counted + "done: 2 people move, 0 cancelled, 1 there already\n"
    assert folder.kq("diff") == f"visit\n  {second}  3 people, as in the playbook\n"
    assert "3 people move" in folder.kq("migrate", "visit", "--to", first)


def test_r27_a_journey_goes_live_step_by_step(playbook: OwnPlaybook, tmp_path: Path):  # noqa: F811
    playbook.write("visit", FIRST)
    folder = Folder(tmp_path / "data")
    folder.sell(days_ago=0)

    for mode in ("shadow", "staff", "store:Quận 1", "all"):
        assert json.loads(folder.kq("mode", "visit", mode)) == {"journey": "visit", "mode": mode}
        stack = LocalStack(folder.path, LocalClock(folder.now, frozen=True))
        headers = {"authorization": f"Bearer {local_keys(stack, folder.path).api_key}"}
        _, _, content = stack.http("GET", "/v1/journeys", "", headers)
        stack.close()
        assert [item["mode"] for item in json.loads(content)["items"]] == [mode]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mode", "visit", "store"), "store must be shadow, staff, store:<name> or all"),
        (("mode", "vist", "all"), "there is no journey vist; there are visit"),
        (("migrate", "visit", "--to", "abc"), "nobody ever entered visit with version abc; there are none"),
    ],
)
def test_the_command_line_says_what_it_cannot_do(
    playbook: OwnPlaybook,  # noqa: F811
    tmp_path: Path,
    words: tuple[str, ...],
    told: str,
):
    playbook.write("visit", FIRST)
    folder = Folder(tmp_path / "data")
    folder.sell(days_ago=0)
    ran = CliRunner().invoke(app, ["journeys", *words, "--data", str(folder.path)])

    assert told in str(ran.exception)

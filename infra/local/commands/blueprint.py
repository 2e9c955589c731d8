"""`kq blueprint`: the first thirty days as a checklist that ticks itself from what is live."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from infra.local.commands.journeys import journeys_at
from infra.local.commands.ops import SHOWN, zalo_state
from infra.local.errors import Trouble
from infra.local.stack.session import Place, place
from shared.domain.common.localized_text import Text as Words
from shared.domain.onboarding.checklist import Blueprint, Found, Item
from shared.domain.segments.segmentation import LIFECYCLE
from shared.runtime.factories.channels import account_states
from shared.runtime.playbook.checklist import blueprint
from shared.use_cases.onboarding.checklist_status import CHECKS, Look, first_day

MARKS = {"done": ("✓", "green"), "under_way": ("…", "yellow"), "todo": ("○", "dim")}
BAR = 24
# Where `kq import` puts data by default.
IMPORTED = Path(".kq")


class Line(NamedTuple):
    """An item with what its check found."""

    item: Item
    found: Found


class Standing(NamedTuple):
    """Where a shop stands: the day its thirty days began, which day today is, and every line."""

    plan: Blueprint
    began: date | None
    day: int | None
    lines: Sequence[Line]


@contextmanager
def shop(data: Path | None, stage: str | None) -> Iterator[Place]:
    """The place to look at; with none named the folder of `kq import`, or a shop on its first morning."""
    if data is None and stage is None and not IMPORTED.is_dir():
        with TemporaryDirectory() as empty, place(Path(empty), None) as where:
            yield where
        return
    with place(data or (IMPORTED if stage is None else None), stage) as where:
        yield where


def look(where: Place, *, deployed: bool) -> Standing:
    """Run every check on a place, with a progress bar while customers are read."""
    accounts = where.accounts()
    missing = {state.account: state.missing for state in account_states(accounts)}
    letters = sum(len(dead.peek(SHOWN)) for dead, _ in where.queues.values())
    journeys = journeys_at(where, deployed=deployed)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("customers")
        seen = Look(
            where.table, journeys, missing, _zalo(where), letters, on_customer=lambda number: bar.advance(task, number)
        )
        bar.update(task, total=sum(seen.labels[label] for label in LIFECYCLE))
        plan = blueprint()
        lines = [Line(item, CHECKS[item.check](seen, item)) for item in plan.items]
        began = first_day(seen)
    return Standing(plan, began, (seen.today - began).days + 1 if began else None, lines)


def _zalo(where: Place) -> str:
    try:
        return zalo_state(where)
    except Trouble:
        return "unconnected"


def as_json(standing: Standing) -> str:
    """Everything for machines."""
    plan = standing.plan
    layers = {
        str(number): {
            **layer.model_dump(mode="json"),
            "done": _done(standing, number),
            "items": len(_of(standing, number)),
        }
        for number, layer in plan.layers.items()
    }
    items = [
        {
            "id": item.id,
            "layer": item.layer,
            "days": list(item.days),
            "rows": list(item.rows),
            "title": item.title.model_dump(),
            "state": found.state,
            "numbers": dict(found.numbers),
            "evidence": {lang: _filled(plan, item.evidence, found, lang) for lang in ("vi", "en")},
            "missing": None if found.state == "done" else item.missing.model_dump(),
            "who": list(item.who),
        }
        for item, found in standing.lines
    ]
    began = standing.began.isoformat() if standing.began else None
    told = {"began_on": began, "day": standing.day, "layers": layers, "items": items}
    return json.dumps(told, ensure_ascii=False, indent=2)


def show(standing: Standing, console: Console) -> None:
    """The checklist, layer by layer, in Vietnamese with the English behind."""
    plan = standing.plan
    today = f"ngày {standing.day}/30 · day {standing.day}" if standing.day else "chưa bắt đầu · not begun"
    console.print(Text.assemble((plan.title.vi, "bold"), f"  {plan.title.en}  ", (today, "cyan")))
    for number, layer in plan.layers.items():
        table = Table(box=box.SIMPLE, show_header=False, expand=True, padding=(0, 1))
        table.add_column(width=1)
        table.add_column(width=7, no_wrap=True, style="dim")
        table.add_column(ratio=3)
        table.add_column(ratio=5)
        for line in _of(standing, number):
            table.add_row(*_row(plan, line))
        head = Text.assemble((layer.aim.vi, "italic"), (f"  {layer.aim.en}", "dim italic"), "\n")
        head.append_text(_bar(_done(standing, number), len(_of(standing, number))))
        title = f"[bold]{layer.title.vi}[/] · {layer.title.en} · {layer.days[0]}–{layer.days[1]}"
        console.print(Panel(Group(head, table), title=title, title_align="left"))


def _row(plan: Blueprint, line: Line) -> tuple[RenderableType, ...]:
    item, found = line
    mark, color = MARKS[found.state]
    first, last = item.days
    days = f"{first}" if first == last else f"{first}–{last}"
    title = Text.assemble((item.title.vi, color if found.state == "done" else ""), (f"\n{item.title.en}", "dim"))
    said = Text(_filled(plan, item.evidence, found, "vi"))
    if found.state != "done":
        who = ", ".join(plan.people[name].vi for name in item.who)
        said.append_text(Text.assemble(("\ncòn thiếu: ", "yellow"), item.missing.vi, (f" ({who})", "cyan")))
        who = ", ".join(plan.people[name].en for name in item.who)
        said.append_text(Text(f"\nmissing: {item.missing.en} ({who})", "dim"))
    return Text(mark, color), days, title, said


def _bar(done: int, of: int) -> Text:
    filled = BAR * done // of
    return Text.assemble(("█" * filled, "green"), ("░" * (BAR - filled), "dim"), f" {done}/{of}")


def _of(standing: Standing, layer: int) -> list[Line]:
    return sorted((line for line in standing.lines if line.item.layer == layer), key=lambda line: line.item.days)


def _done(standing: Standing, layer: int) -> int:
    return sum(line.found.state == "done" for line in _of(standing, layer))


def _filled(plan: Blueprint, words: Words, found: Found, lang: Any) -> str:
    """Evidence in words; lists as comma-separated names, amounts in groups of three."""
    said: Mapping[str, Any] = {name: _shown(plan, value, lang) for name, value in found.numbers.items()}
    return words.in_language(lang).format(**said)


def _shown(plan: Blueprint, value: Any, lang: Any) -> str:
    if isinstance(value, list):
        named = [plan.sources[name].in_language(lang) if name in plan.sources else str(name) for name in value]
        return ", ".join(named) or "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", ".") if lang == "vi" else f"{value:,}"
    return str(value) or "–"

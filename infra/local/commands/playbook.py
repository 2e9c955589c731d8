"""`kq playbook check`: every mistake in a playbook; `kq journeys check` and `kq templates check` are parts of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from infra.local.errors import Trouble
from shared.runtime.playbook import check as playbook_check
from shared.runtime.playbook import journeys, templates
from shared.runtime.playbook.loader import PLAYBOOK, Mistake


def check(playbook: Path | None) -> bool:
    """Print every mistake in the playbook with file, line and field; True when there is none."""
    folder = _folder(playbook)
    count = _number(sum(path.is_file() for path in folder.glob("**/*")), "file")
    return _told(count, playbook_check.check(folder), playbook_check.cautions(folder))


def check_journeys(playbook: Path | None) -> bool:
    """Print every mistake in the journeys and what they lean on, but for the templates; True when there is none."""
    folder = _folder(playbook)
    patterns = [pattern for pattern in playbook_check.FILES if pattern != templates.FILES]
    mistakes = playbook_check.check(folder, *patterns, *playbook_check.OVERLAYS)
    count = _number(len(list(folder.glob(journeys.FILES))), "journey")
    return _told(count, mistakes, playbook_check.cautions(folder))


def check_templates(playbook: Path | None) -> bool:
    """Print every mistake in the templates; True when there is none."""
    folder = _folder(playbook)
    count = _number(len(list(folder.glob(templates.FILES))), "template")
    return _told(count, playbook_check.check(folder, templates.FILES), ())


def require_no_mistakes() -> None:
    """Raise Trouble with every mistake of the shipped playbook: doors would not start with one."""
    if mistakes := playbook_check.check(PLAYBOOK):
        listed = "\n".join(map(str, mistakes))
        raise Trouble(f"the playbook has {_number(len(mistakes), 'mistake')}; nothing is deployed\n{listed}")


def _folder(playbook: Path | None) -> Path:
    folder = playbook or PLAYBOOK
    if not folder.is_dir():
        raise Trouble(f"there is no folder {folder}")
    return folder


def _told(count: str, mistakes: Sequence[Mistake], doubtful: Sequence[Mistake]) -> bool:
    console = Console(soft_wrap=True, highlight=False)
    for mistake in mistakes:
        console.print(Text(str(mistake)))
    for warning in doubtful:
        console.print(Text(f"{warning} (warning)"))
    console.print(f"{count}, {_number(len(mistakes), 'mistake') if mistakes else 'nothing to mend'}")
    return not mistakes


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"

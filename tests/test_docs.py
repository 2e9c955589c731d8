"""The documents name only what exists: files, links and commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "events/README.md", ROOT / "infra/triage/README.md", *(ROOT / "docs").glob("*.md")]
)
TOPS = ("shared", "functions", "infra", "tests", "events", "docs")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_files_that_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(rf"`((?:{'|'.join(TOPS)})/[\w./-]+\.\w+)`", text))
    linked = {
        str((page.parent / link).resolve().relative_to(ROOT)) for link in re.findall(r"\]\((?!http)([\w./-]+)\)", text)
    }

    assert [path for path in sorted(named | linked) if not (ROOT / path).exists()] == []


def test_every_command_of_the_pages_is_known_to_the_command_line():
    """As in `kq ops dlq list`: the words up to the first that is no plain lower-case word."""
    from typer.main import get_command

    from infra.local.cli import app

    root = get_command(app)
    unknown = []
    for page in PAGES:
        for line in re.findall(r"\bkq ((?:[a-z]+ ?)+)", page.read_text(encoding="utf-8")):
            group, words = root, line.split()
            while words and hasattr(group, "commands"):
                word = words.pop(0)
                if word not in group.commands:
                    unknown.append(f"{page.name}: kq {line}")
                    break
                group = group.commands[word]
    assert unknown == []


def test_the_readme_stays_short():
    assert len((ROOT / "README.md").read_bytes()) <= 7_000


def test_every_threat_names_a_test_that_exists():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text(encoding="utf-8")))
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))

    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in written} == set()

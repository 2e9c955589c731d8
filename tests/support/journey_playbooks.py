"""A playbook folder of a test's own, whose journeys the doors run as long as the test lasts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runtime.factories import journeys as runtime_journeys
from shared.runtime.playbook import journeys
from shared.runtime.playbook.loader import PLAYBOOK


class OwnPlaybook:
    """Journeys that a marketer writes and edits while people are inside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "journeys").mkdir(parents=True)
        shutil.copy(PLAYBOOK / "shop.yaml", folder)

    def write(self, journey: str, text: str) -> str:
        """Write or edit a journey; every door knows it from now on. Its version."""
        (self.folder / "journeys" / f"{journey}.yaml").write_text(text, encoding="utf-8")
        self.forget()
        return journeys.journeys()[journey].version

    @staticmethod
    def forget() -> None:
        journeys.journeys.cache_clear()
        runtime_journeys.journey_playbook.cache_clear()


@pytest.fixture
def playbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnPlaybook]:
    own = OwnPlaybook(tmp_path / "playbook")
    monkeypatch.setattr(journeys, "PLAYBOOK", own.folder)
    own.forget()
    yield own
    monkeypatch.undo()
    own.forget()

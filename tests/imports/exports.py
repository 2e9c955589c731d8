"""Small exports of a made-up shop, and what the import says about them without sending anything."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.importing.columns import Kind
from infra.local.importing.command import Result, run_import
from infra.local.importing.targets import Reply

NOW = datetime(2025, 11, 21, 5, tzinfo=UTC)

KIOTVIET = (
    "Mã hóa đơn",
    "Thời gian",
    "Tên khách hàng",
    "Điện thoại",
    "Khách cần trả",
    "Chi nhánh",
    "Người bán",
    "Trạng thái",
)


class Collector:
    """A target that keeps what it is sent and refuses nothing."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        import json

        return [event for body in self.bodies for event in json.loads(body)["batch"]]

    def post(self, body: bytes) -> Reply:
        self.bodies.append(body)
        return Reply(200, {"success": True})

    def unfinished(self) -> int:
        return 0


@dataclass
class Imported:
    """The events an import sent, the rows of its rejects file, and its result."""

    events: list[dict[str, Any]]
    rejects: list[dict[str, str]]
    result: Result


def import_path(path: Path, *, kind: Kind | None = None, system: str = "", as_of: datetime | None = None) -> Imported:
    target = Collector()
    result = run_import(path, target, lambda: NOW, kind=kind, system=system, as_of=as_of)
    return Imported(target.events, read_rejects(path), result)


def read_rejects(path: Path) -> list[dict[str, str]]:
    rejects = path.with_name(path.name + ".rejects.csv")
    if not rejects.exists():
        return []
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(
    path: Path, *rows: Sequence[object], encoding: str = "utf-8", delimiter: str = ",", newline: str = "\r\n"
) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return path


def write_excel(path: Path, *rows: Sequence[Any]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path

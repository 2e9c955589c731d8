"""What the contract tests of the table share."""

from __future__ import annotations

from typing import Any

from shared.ports import Key, Table

PROFILE = Key("C#1", "P")


def item(key: Key = PROFILE, **attributes: Any) -> dict[str, Any]:
    return {"pk": key.pk, "sk": key.sk, **attributes}


def walk(table: Table, pk: str, **bounds: Any) -> tuple[list[str], int]:
    """All sort keys of a query, page by page, and how many pages it took."""
    found: list[str] = []
    pages = 0
    start = None
    while True:
        page = table.query(pk, start=start, **bounds)
        found += [row["sk"] for row in page.items]
        pages += 1
        if page.next is None:
            return found, pages
        start = page.next

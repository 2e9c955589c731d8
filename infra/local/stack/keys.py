"""The laptop's own two keys: issued once for a data folder and kept there, so that a restart does not change them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from infra.local.stack.local_stack import LocalStack, write_private
from shared.repositories.api_keys import Kind, issue_key


class Keys(NamedTuple):
    """A write key for the tracking protocol and an API key with role admin."""

    write_key: str
    api_key: str


def local_keys(stack: LocalStack, data: Path | None) -> Keys:
    """The keys of this data folder; new ones for a house in memory."""
    path = None if data is None else data / "keys.json"
    if path is not None and path.exists():
        return Keys(**json.loads(path.read_text()))

    def issue(kind: Kind, roles: list[str]) -> str:
        return issue_key(
            stack.table, kind=kind, roles=roles, stores=[], name="laptop", now=stack.now, new_id=stack.outside.new_id
        )

    keys = Keys(issue("write", []), issue("api", ["admin"]))
    if path is not None:
        write_private(path, json.dumps(keys._asdict()).encode())
    return keys

"""The laptop's own keys: issued once for a data folder and kept there, so that a restart does not change them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from infra.local.stack.local_stack import LocalStack, write_private
from shared.repositories.api_keys import ANY_ORIGIN, KeyGrant, issue_key


class Keys(NamedTuple):
    """A server's write key, a browser's write key that pages of every origin may use, and an API key of role admin."""

    write_key: str
    browser_key: str
    api_key: str


def issue(stack: LocalStack, grant: KeyGrant) -> str:
    """A new key of this stack, in clear."""
    outside = stack.outside
    return issue_key(stack.table, grant, identity_key=outside.identity_key, now=stack.now, new_id=outside.new_id)


def local_keys(stack: LocalStack, data: Path | None) -> Keys:
    """The keys of this data folder; new ones for a house in memory, and for a folder from before a kind existed."""
    path = None if data is None else data / "keys.json"
    kept = json.loads(path.read_text()) if path is not None and path.exists() else {}
    if not kept.keys() >= set(Keys._fields):
        made = Keys(
            issue(stack, KeyGrant("write", "laptop")),
            issue(stack, KeyGrant("browser", "laptop", origins=[ANY_ORIGIN])),
            issue(stack, KeyGrant("api", "laptop", roles=["admin"])),
        )
        kept = made._asdict() | kept
        if path is not None:
            write_private(path, json.dumps(kept).encode())
    return Keys(**kept)

"""Reads the playbook of content help."""

from __future__ import annotations

from functools import cache

from shared.domain.campaigns.content_brief import ContentHelp
from shared.runtime.playbook.loader import PLAYBOOK, load

FILE = "content_help.yaml"


@cache
def content_help() -> ContentHelp:
    """The rules that ship with this deployment; raises PlaybookError with the first thing wrong."""
    return load(PLAYBOOK, FILE, ContentHelp)

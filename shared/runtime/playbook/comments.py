"""Reads what the page says under comments."""

from __future__ import annotations

from functools import cache

from shared.domain.inbox.comment import CommentRules
from shared.runtime.playbook.loader import PLAYBOOK, load

FILE = "comments.yaml"


@cache
def comment_rules() -> CommentRules:
    """The rules that ship with this deployment; raises PlaybookError."""
    return load(PLAYBOOK, FILE, CommentRules)

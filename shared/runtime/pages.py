"""Answers with a page of the playbook instead of JSON: for people, on a phone, from a link that is nobody else's."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.runtime.playbook import PLAYBOOK
from shared.runtime.templates import page

STYLE = PLAYBOOK / "pages" / "style.css"

# A link that came in a message is a key: it is kept out of caches, search engines and the next site's log.
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}


def page_answer(name: str, status: int = 200, **values: Any) -> Response[str]:
    """A page as an answer; nothing in it runs, and nothing is loaded from anywhere."""
    style, policy = _style(STYLE)
    body = page(name, style=style, **values)
    return Response(status, "text/html; charset=utf-8", body, headers={**PRIVATE, "Content-Security-Policy": policy})


@cache
def _style(path: Path) -> tuple[str, str]:
    """The style sheet as it stands in every page, and the policy that allows it and nothing else."""
    style = path.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    allowed = f"style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return style, f"default-src 'none'; {allowed}"

"""Responses with an HTML page of the playbook instead of JSON, for customers and cashiers on a phone."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.templates import page

STYLE = PLAYBOOK / "pages" / "style.css"

# A link from a message is a credential: it is kept out of caches, search engines and the logs of other sites.
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}


# A public page may be indexed, and cached for a while.
PUBLIC = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}


def page_answer(
    name: str, status: int = 200, *, script: str = "", public: bool = False, **values: Any
) -> Response[str]:
    """A page as a response; its policy lets it load nothing, and run nothing but the named `script`."""
    style, policy = _allowed("style-src", STYLE)
    policy = f"default-src 'none'; {policy}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    if script:
        values["script"], allowed = _allowed("script-src", STYLE.with_name(script))
        policy += f"; {allowed}; connect-src 'self'"
    body = page(name, style=style, **values)
    return Response(
        status,
        "text/html; charset=utf-8",
        body,
        headers={**(PUBLIC if public else PRIVATE), "Content-Security-Policy": policy},
    )


@cache
def _allowed(what: str, path: Path) -> tuple[str, str]:
    """A style sheet or a script as it is inlined in the page, and the policy that allows it alone."""
    content = path.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return content, f"{what} 'sha256-{digest}'"

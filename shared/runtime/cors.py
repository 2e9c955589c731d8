"""Cross-origin requests: which calls a page of another origin may make, and the headers that let its browser do so."""

from __future__ import annotations

import re

from shared.runtime.auth import BY_LINK, WRITE_KEY

# Browsers keep a preflight's answer for two hours at most.
PREFLIGHT_SECONDS = "7200"
_METHODS = ("GET", "POST")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")


def cross_origin(route: str, origin: str) -> dict[str, str]:
    """The headers of an answer to a page of `origin`; none where pages of other origins may not read the answer.

    No call takes cookies, so an answer shows a page nothing that its key does not.
    """
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if origin and route in WRITE_KEY | BY_LINK else {}


def preflight(path: str, origin: str, asked: str) -> dict[str, str] | None:
    """The headers that answer a browser's preflight of a path; None for a path that is not for other origins.

    `asked` is Access-Control-Request-Headers. A preflight carries no key, so a browser key's origins are looked at when
    the call itself comes.
    """
    open_to_all = [method for method in _METHODS if _opens(f"{method} {path}")]
    if not open_to_all or not origin:
        return None
    names = [name for name in re.split(r"[,\s]+", asked) if _HEADER.fullmatch(name)]
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ", ".join(open_to_all),
        "Access-Control-Allow-Headers": ", ".join(names),
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        "Vary": "Origin",
    }


def _opens(call: str) -> bool:
    """Whether a call, such as GET /s/abc, is one of a route that pages of other origins may make."""
    return any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), call) for route in WRITE_KEY | BY_LINK)

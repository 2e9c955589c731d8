"""Which openings and clicks no person made: mail proxies that fetch every picture, scanners that try every link.

A branch "not opened" would take a machine for the customer, so whatever a proxy fetched or came at once does not count
(X12). A real reader behind a proxy is then taken for one who did not open: the order, the click and the reply, which
branches may use as well, are not so easily lost. User agents: those the providers publish or are known by.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

TouchKind = Literal["opened", "clicked"]


class Touch(NamedTuple):
    """An opening or a click as the provider reports it; `link` only for clicks, `ip` and `method` where known."""

    kind: TouchKind
    at: datetime
    user_agent: str = ""
    ip: str = ""
    link: str = ""
    method: str = "GET"


class Verdict(NamedTuple):
    """Whether a machine did it, and why we think so (a word for counting, empty for a person)."""

    machine: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast no person is: seconds from delivery, and seconds within which all links of a message were clicked."""

    open_seconds: int = 10
    click_seconds: int = 5
    sweep_seconds: int = 10
    # This many links or more make a sweep: a person may well click both of two.
    sweep_links: int = 3


PERSON = Verdict(False, "")

# Apple's privacy proxy says nothing but this; no browser does.
_APPLE_PRIVACY = "Mozilla/5.0"
# Gmail fetches pictures ahead of display with a browser that nobody has had since 2015.
_GMAIL_PREFETCH = "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246"
_IMAGE_PROXY = re.compile(r"GoogleImageProxy|YahooMailProxy|YahooCacheSystem|BingPreview|OutlookImageProxy", re.I)
_SCANNER = re.compile(
    r"barracuda|proofpoint|mimecast|safelinks|ms-office|Microsoft Office Existence|symantec|messagelabs|fireeye|"
    r"trend ?micro|sophos|forcepoint|\bcisco|ironport|zscaler|cloudmark|urlscan|virustotal|checkpoint|avanan|\bvade",
    re.I,
)
# Programs that fetch pages. Messengers put their own name into the browser inside them, so a bare "Zalo" is a person.
_PROGRAM = re.compile(
    r"\b(?:(?!cubot)\w*bot\b|\w*crawler|\w*spider|facebookexternalhit|skypeuripreview|slackbot|headlesschrome|phantomjs|"
    r"python-requests|python-urllib|aiohttp|curl|wget|libwww-perl|go-http-client|java|okhttp|axios|node-fetch|ruby)\b"
    r"|^whatsapp/",
    re.I,
)

# Where proxies live: Apple's own network, and Google's range of image proxies and crawlers. Settings may name more.
NETWORKS: Mapping[str, str] = {"17.0.0.0/8": "apple_privacy", "66.249.64.0/19": "google_proxy"}


def judge(
    touch: Touch,
    *,
    delivered_at: datetime | None,
    limits: Limits | None = None,
    networks: Mapping[str, str] = NETWORKS,
) -> Verdict:
    """Whether one opening or click is a machine's; without `delivered_at` the clock says nothing."""
    limits = limits or Limits()
    if touch.method == "HEAD":
        return Verdict(True, "head_request")
    if reason := _by_agent(touch) or _by_network(touch.ip, networks):
        return Verdict(True, reason)
    seconds = limits.open_seconds if touch.kind == "opened" else limits.click_seconds
    if delivered_at is not None and touch.at < delivered_at + timedelta(seconds=seconds):
        return Verdict(True, "too_soon")
    return PERSON


def swept(clicks: Iterable[Touch], links: Sequence[str], limits: Limits | None = None) -> bool:
    """Whether all links of a message were clicked at nearly the same time, as scanners do and people do not.

    Ask again with every click: the last one tells about the first ones.
    """
    limits = limits or Limits()
    wanted = set(links)
    if len(wanted) < limits.sweep_links:
        return False
    within = timedelta(seconds=limits.sweep_seconds)
    seen = sorted((click for click in clicks if click.link in wanted), key=lambda click: click.at)
    return any(
        {other.link for other in seen[start:] if other.at - first.at <= within} == wanted
        for start, first in enumerate(seen)
    )


def _by_agent(touch: Touch) -> str:
    agent = touch.user_agent.strip()
    if not agent:
        return "no_user_agent"
    if agent == _APPLE_PRIVACY:
        return "apple_privacy"
    if _GMAIL_PREFETCH in agent:
        return "gmail_prefetch"
    for pattern, reason in ((_IMAGE_PROXY, "image_proxy"), (_SCANNER, "security_scanner"), (_PROGRAM, "program")):
        if pattern.search(agent):
            return reason
    return ""


def _by_network(ip: str, networks: Mapping[str, str]) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    return next((reason for network, reason in networks.items() if address in ipaddress.ip_network(network)), "")

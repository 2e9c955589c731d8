"""The text of an e-mail without its quotes, its signature and its layout.

Mail programs mark quotes in their own ways: by ">", by a line that says who wrote when, by a block of headers, or by an
element of HTML. What cannot be told apart is kept: a word too many is better than one too few.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

LONGEST = 10_000
# A line that says who wrote when may be broken over so many lines.
_BROKEN_OVER = 3
# So near the end a line such as "Sent from my phone" is a signature.
_SIGNATURE_LINES = 6

_ATTRIBUTION = re.compile(
    r"^(?:on|vào|ngày|lúc|at|am|le)\b.{4,250}\b(?:wrote|đã viết|viết|writes)\s*:\s*$", re.IGNORECASE | re.DOTALL
)
_ORIGINAL = re.compile(r"^\s*-{2,}\s*(?:original message|tin nhắn gốc|thư gốc|tin gốc)\s*-{2,}\s*$", re.IGNORECASE)
_RULE = re.compile(r"^\s*_{10,}\s*$")
_FROM = re.compile(r"^\s*\*?(?:from|từ)\s*:\*?\s*\S", re.IGNORECASE)
_HEADER = re.compile(
    r"^\s*\*?(?:sent|date|to|cc|subject|đã gửi|ngày|tới|đến|chủ đề|tiêu đề|thời gian)\s*:\*?\s*\S", re.IGNORECASE
)
_DASHES = re.compile(r"^-- ?$")
_FROM_PHONE = re.compile(
    r"^\s*(?:sent from|get outlook for|sent via|(?:đã |được )?gửi từ|tải outlook|xem thêm tại outlook)\b.{0,80}$",
    re.IGNORECASE,
)

_BLOCKS = frozenset(("address", "article", "div", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "p", "pre", "section",
                     "table", "tr", "ul", "ol", "li", "br"))  # fmt: skip
_UNSEEN = frozenset(("head", "script", "style", "title", "template"))
_QUOTES = frozenset(
    ("gmail_quote", "gmail_extra", "yahoo_quoted", "moz-cite-prefix", "zmail_extra", "protonmail_quote")
)
_SIGNATURES = frozenset(("gmail_signature", "moz-signature"))
# From here on everything is the earlier mail.
_ENDS = frozenset(("divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container"))
_VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"))


def fresh(text: str) -> str:
    """What the writer added, or "" when they only quoted."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").split("\n")
    end = next((at for at in range(len(lines)) if _quote_begins(lines, at)), len(lines))
    kept = [line.rstrip() for line in lines[:end] if not line.startswith(">")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_unsigned(kept))).strip()[:LONGEST]


def _quote_begins(lines: list[str], at: int) -> bool:
    line = lines[at]
    if _ORIGINAL.match(line):
        return True
    if _RULE.match(line):
        return any(_FROM.match(after) for after in lines[at + 1 : at + 3])
    if _FROM.match(line):
        return sum(bool(_HEADER.match(after)) for after in lines[at + 1 : at + 5]) >= 2
    if not line.strip():
        return False
    return any(_ATTRIBUTION.match("\n".join(lines[at : at + more])) for more in range(1, _BROKEN_OVER + 1))


def _unsigned(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    for at, line in enumerate(lines):
        if _DASHES.match(line) or (_FROM_PHONE.match(line) and at >= len(lines) - _SIGNATURE_LINES):
            return lines[:at]
    return lines


def plain_of(html: str) -> str:
    """The words of an HTML mail as lines, without what it quotes and how it looks."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = ("".join(reader.found)).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(" ".join(line.split()) for line in lines)).strip()


class _Reader(HTMLParser):
    """Collects what a person sees and wrote. `_skipping` is how deep we are inside of what is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._skipping = 0
        self._over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if (given.get("id") or "").lower() in _ENDS:
            self._over = True
        if tag not in _VOID and (self._skipping or self._left_out(tag, given)):
            self._skipping += 1
        if tag in _BLOCKS:
            self._add("\n")
        if tag == "li":
            self._add("- ")

    @staticmethod
    def _left_out(tag: str, given: dict[str, str | None]) -> bool:
        classes = set((given.get("class") or "").lower().split())
        return tag in _UNSEEN or tag == "blockquote" or bool(classes & (_QUOTES | _SIGNATURES))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._skipping and tag not in _VOID:
            self._skipping -= 1
        if tag in _BLOCKS:
            self._add("\n")

    def handle_data(self, data: str) -> None:
        self._add(data.replace("\n", " "))

    def _add(self, text: str) -> None:
        if not self._skipping and not self._over:
            self.found.append(text)

"""Jinja2 as the playbook's texts may use it: sandboxed, without globals, with our filters; and tidying what it wrote.

Texts come out composed (NFC); what goes into HTML is escaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, meta, select_autoescape
from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape
from pydantic import BaseModel

from shared.domain.common.money import vnd
from shared.domain.vietnam_time import VIETNAM, moment

# Errors that a text of the playbook can raise while it is rendered.
TEXT_ERRORS = (TemplateError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError)


# Characters of a message's text and of a page; a playbook's loop in a loop ends here.
LONGEST_TEXT, LONGEST_PAGE = 20_000, 500_000
# Filters that make a long text of a short one, or a link of a text.
_UNBOUNDED = ("center", "format", "indent", "batch", "slice", "urlize")


class InvalidValue(ValueError):
    """A value that a filter cannot show; the message says why."""


def money(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue("is no amount in whole VND")
    return vnd(value)


def date_or_moment(value: Any) -> datetime | date:
    try:
        text = str(value)
        return date.fromisoformat(text) if len(text) == 10 else moment(text).astimezone(VIETNAM)
    except ValueError:
        raise InvalidValue("is neither a date nor a moment with its time zone") from None


def _date(value: Any) -> str:
    return f"{date_or_moment(value):%d/%m/%Y}"


def _time(value: Any) -> str:
    when = date_or_moment(value)
    if not isinstance(when, datetime):
        raise InvalidValue("is a day without a time")
    return f"{when:%H:%M}"


def _short(value: Any, most: int = 40) -> str:
    """At most `most` characters, cut between words, with an ellipsis where something is left out."""
    text = tidy_line(str(value))
    return text if len(text) <= most else cut(text, most - 1) + "…"


def _capital(value: Any) -> str:
    """The first letter large and nothing else changed, unlike Jinja's own: brands keep their spelling."""
    text = str(value)
    return text[:1].upper() + text[1:]


def cut(text: str, most: int) -> str:
    """At most `most` characters, cut between words where there are any."""
    if len(text) <= most:
        return text
    head = text[: most + 1]
    return head.rsplit(None, 1)[0].rstrip(" ,;:-–") if any(char.isspace() for char in head) else text[:most]


def tidy(text: str) -> str:
    """Composed, without control characters, trailing spaces and more than one empty line in a row."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    lines = text.split("\n")
    # Printable text has no control characters; this check is fast and nearly always enough.
    if not all(map(str.isprintable, lines)):
        lines = ["".join(char for char in line if unicodedata.category(char) not in ("Cc", "Cs")) for line in lines]
    lines = [" ".join(line.split()) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def tidy_line(text: str) -> str:
    return " ".join(tidy(text).split())


def _linked(text: Any, own: Iterable[str]) -> Markup:
    """The text for HTML, in which our own addresses, and no others, are links."""
    shown = str(escape(text))
    for address in sorted({str(one) for one in own if one}, key=len, reverse=True):
        written = re.escape(str(escape(address)))
        link = f'<a href="{escape(address)}" rel="noopener" target="_blank">{escape(address)}</a>'
        # Not within a longer address, nor one that is a link already.
        shown = re.sub(rf'(?<![\w/">]){written}(?![\w/?#=&-])', link.replace("\\", "\\\\"), shown)
    return Markup(shown)  # noqa: S704 - everything but the tags above is escaped


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox in which no method of a value can be called, and no text can be multiplied."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def is_safe_callable(self, obj: Any) -> bool:
        """Macros and blocks of the page itself, and what dates and dictionaries answer."""
        if isinstance(obj, Macro | BlockReference):
            return True
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        return (isinstance(owner, dict) and name == "get") or (isinstance(owner, date) and name == "isoformat")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise SecurityError(f"{operator} is for numbers")
        return super().call_binop(context, operator, left, right)


def _plain(value: Any) -> Any:
    """Values for a text: models as dictionaries, so that a text sees their fields and nothing else of them."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if type(value) in (list, tuple):
        return [_plain(inner) for inner in value]
    return value


class Sandbox:
    """Jinja's sandbox with our filters; texts are compiled once."""

    def __init__(self, pages: Path) -> None:
        self._texts = self._environment(autoescape=False)
        self._pages = self._environment(autoescape=select_autoescape(), loader=FileSystemLoader(pages))
        self._compiled: dict[str, Compiled] = {}

    @staticmethod
    def _environment(**options: Any) -> _Environment:
        made = _Environment(
            undefined=StrictUndefined, auto_reload=False, trim_blocks=True, lstrip_blocks=True, **options
        )
        # No `range` of a billion rounds: a text has its variables and nothing else.
        made.globals.clear()
        for name in _UNBOUNDED:
            made.filters.pop(name)
        made.filters.update(
            {"vnd": money, "date": _date, "time": _time, "short": _short, "capitalize": _capital, "linked": _linked}
        )
        return made

    def text(self, source: str, values: Mapping[str, Any]) -> str:
        """Raises TemplateError or Wrong."""
        if source not in self._compiled:
            self._compiled[source] = self._texts.from_string(source)
        return _bounded(self._compiled[source], values, LONGEST_TEXT)

    def page(self, name: str, values: Mapping[str, Any]) -> str:
        return _bounded(self._pages.get_template(name), values, LONGEST_PAGE)

    def variables(self, source: str) -> set[str]:
        """The variables a text uses; raises TemplateError where it cannot be read."""
        return meta.find_undeclared_variables(self._texts.parse(source))


def _bounded(compiled: Compiled, values: Mapping[str, Any], most: int) -> str:
    """What a text says with these values; raises TemplateError where it grows beyond all use."""
    parts, length = [], 0
    for part in compiled.generate({name: _plain(value) for name, value in values.items()}):
        parts.append(part)
        length += len(part)
        if length > most:
            raise TemplateError(f"says more than {most} characters")
    return "".join(parts)

"""Reads the playbook's templates and pages, and shows each template with its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from shared.adapters.jinja_sandbox import Sandbox
from shared.adapters.template_rendering import Renderer
from shared.domain.common.lint import Finding
from shared.domain.common.localized_text import Lang
from shared.domain.messaging.template import CUSTOMER, CannotRender, Shop, Template
from shared.domain.messaging.template_lint import lint as lint_template
from shared.domain.messaging.template_lint import sources
from shared.ports import Rendered
from shared.runtime.logs import logger
from shared.runtime.playbook.loader import PLAYBOOK, SHOP, Book, Mistake, load
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.staff import directory

FILES = "templates/*.yaml"
# Samples are shown to a customer with a clean name, and to one whom nothing is known of.
SAMPLE_CUSTOMER = {"name": "Nguyễn Thị Lan", "gender": "female"}
SAMPLE_MESSAGE = "0" * 44
_SAMPLE_KEY = b"samples lead nowhere"


def load_templates(folder: Path) -> dict[str, Template]:
    """The templates of a playbook folder by id; raises PlaybookError with the first file that cannot be one."""
    found: dict[str, Template] = {}
    for name in Book(folder).names(FILES):
        template = load(folder, name, Template)
        found[template.id] = template
    return found


def sandbox(folder: Path) -> Sandbox:
    return Sandbox(folder / "pages")


@cache
def _shipped() -> tuple[dict[str, Template], Sandbox]:
    return load_templates(PLAYBOOK), sandbox(PLAYBOOK)


def templates() -> dict[str, Template]:
    """The templates that ship with this deployment."""
    return _shipped()[0]


def renderer(base: str, link_key: bytes) -> Renderer:
    """Writes this deployment's messages; `base` is where people reach its links."""
    return Renderer(templates(), shop(), _shipped()[1], base=base, link_key=link_key, stores=directory().store_names)


def script(template_id: str, variables: Mapping[str, Any]) -> str:
    """What staff say in a call, or "" where it cannot be written: a call is worth making without its words. That a
    journey fills what its scripts need is held to by `kq journeys check`."""
    try:
        return preview(templates()[template_id], "call", dict(variables), shop(), _shipped()[1]).text
    except CannotRender as error:
        logger.warning("a call has no script", extra={"reason": str(error)})
        return ""


@cache
def _pages() -> Sandbox:
    return sandbox(PLAYBOOK)


def page(name: str, **values: Any) -> str:
    """A page of the playbook as HTML."""
    return _pages().page(name, {"shop": shop(), **values})


# ---- checking ----


def lint(book: Book) -> Iterator[Mistake]:
    """Templates that say what they may not, or cannot be written with their samples."""
    facts, texts = book.get(SHOP, Shop), sandbox(book.folder)
    seen: dict[str, str] = {}
    for name in book.names(FILES):
        template = book.get(name, Template)
        if template is None:
            continue
        marks = book.marks(name)
        if other := seen.get(template.id):
            yield marks.mistake(("id",), f"is taken by {other}")
        seen[template.id] = name
        if facts:
            yield from marks.mistakes(findings(template, facts, texts))


def findings(template: Template, facts: Shop, texts: Sandbox) -> list[Finding]:
    """What the lint says of one template, filled in with its samples."""
    used: dict[tuple[str, ...], set[str]] = {}
    unreadable = []
    for source in sources(template):
        try:
            used[source.path] = texts.variables(source.text)
        except TemplateError as error:
            unreadable.append(Finding(source.path, f"cannot be read: {error}"))
    if unreadable:
        return unreadable
    return lint_template(
        template, used, {channel: list(samples(template, channel, facts, texts)) for channel in template.channels}
    )


def samples(template: Template, channel: str, facts: Shop, texts: Sandbox) -> Iterator[Rendered | CannotRender]:
    """A template's output: with and without a known name, in both languages, with and without optional variables."""
    least = {name: value for name, value in template.samples.items() if template.variables[name].required}
    langs: Sequence[Lang] = ("vi", "en")
    for variables in ({**template.samples, CUSTOMER: SAMPLE_CUSTOMER}, least):
        for lang in langs:
            try:
                yield preview(template, channel, variables, facts, texts, lang)
            except CannotRender as error:
                yield error


def preview(
    template: Template, channel: str, variables: dict[str, Any], facts: Shop, texts: Sandbox, lang: Lang = "vi"
) -> Rendered:
    """One message as it would go out, with links that lead nowhere; raises CannotRender."""
    stores = frozenset(str(value) for value in variables.values())  # whatever is shown as an example is one
    writer = Renderer({template.id: template}, facts, texts, base=facts.website, link_key=_SAMPLE_KEY, stores=stores)
    return writer.render(template.id, channel, variables, message_id=SAMPLE_MESSAGE, lang=lang)

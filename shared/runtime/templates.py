"""Reads the playbook's templates, pages and shop facts; a wrong file is named with line and field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jinja2 import TemplateError
from pydantic import ValidationError

from shared.adapters.rendering import Renderer, Sandbox
from shared.domain.content import CUSTOMER, CannotRender, Lang, Shop, Template
from shared.domain.template_lint import Finding, lint, sources
from shared.ports import Rendered
from shared.runtime.playbook import PLAYBOOK, PlaybookError, load_yaml

# Samples are shown to a customer with a clean name, and to one whom nothing is known of.
SAMPLE_CUSTOMER = {"name": "Nguyễn Thị Lan", "gender": "female"}
SAMPLE_MESSAGE = "0" * 44
_SAMPLE_KEY = b"samples lead nowhere"


class Mistake(NamedTuple):
    """A finding with its place: file, line counted from 1, field, what is wrong and what was expected."""

    file: str
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.line}: {self.field}: {self.reason}"
            if self.field
            else f"{self.file}:{self.line}: {self.reason}"
        )


def load_shop(folder: Path) -> Shop:
    """The shop's facts; raises PlaybookError."""
    try:
        return Shop.model_validate(load_yaml(folder / "shop.yaml"))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PlaybookError(f"shop.yaml: {wrong}") from error


def load_templates(folder: Path) -> dict[str, Template]:
    """The templates of a playbook folder by id; raises PlaybookError with the first file that cannot be one."""
    found: dict[str, Template] = {}
    for path in sorted((folder / "templates").glob("*.yaml")):
        template, mistakes = _read(path)
        if template is None:
            raise PlaybookError(str(mistakes[0]))
        found[template.id] = template
    return found


def sandbox(folder: Path) -> Sandbox:
    return Sandbox(folder / "pages")


@cache
def shop() -> Shop:
    return load_shop(PLAYBOOK)


@cache
def _shipped() -> tuple[dict[str, Template], Sandbox]:
    return load_templates(PLAYBOOK), sandbox(PLAYBOOK)


def templates() -> dict[str, Template]:
    """The templates that ship with this deployment."""
    return _shipped()[0]


def renderer(base: str, link_key: bytes) -> Renderer:
    """Writes this deployment's messages; `base` is where people reach its links."""
    return Renderer(templates(), shop(), _shipped()[1], base=base, link_key=link_key)


@cache
def _pages() -> Sandbox:
    return sandbox(PLAYBOOK)


def page(name: str, **values: Any) -> str:
    """A page of the playbook as HTML."""
    return _pages().page(name, {"shop": shop(), **values})


# ---- checking ----


def check(folder: Path) -> list[Mistake]:
    """Everything wrong with the templates of a playbook folder."""
    facts, texts = load_shop(folder), sandbox(folder)
    mistakes: list[Mistake] = []
    seen: dict[str, str] = {}
    for path in sorted((folder / "templates").glob("*.yaml")):
        template, wrong = _read(path)
        mistakes += wrong
        if template is None:
            continue
        marks = _Marks(path)
        if other := seen.get(template.id):
            mistakes.append(Mistake(path.name, marks.line(("id",)), "id", f"is taken by {other}"))
        seen[template.id] = path.name
        mistakes += [
            Mistake(path.name, marks.line(finding.path), ".".join(finding.path), finding.reason)
            for finding in findings(template, facts, texts)
        ]
    return mistakes


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
    return lint(
        template, used, {channel: list(samples(template, channel, facts, texts)) for channel in template.channels}
    )


def samples(template: Template, channel: str, facts: Shop, texts: Sandbox) -> Iterator[Rendered | CannotRender]:
    """What a channel says: to somebody known and to nobody, in both languages, with and without what is optional."""
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
    writer = Renderer({template.id: template}, facts, texts, base=facts.website, link_key=_SAMPLE_KEY)
    return writer.render(template.id, channel, variables, message_id=SAMPLE_MESSAGE, lang=lang)


def _read(path: Path) -> tuple[Template | None, list[Mistake]]:
    try:
        marks = _Marks(path)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [Mistake(path.name, line, "", f"is no YAML: {error.problem}")]
    if marks.twice:
        return None, [Mistake(path.name, line, name, "stands here a second time") for name, line in marks.twice]
    try:
        return Template.model_validate(load_yaml(path)), []
    except ValidationError as error:
        return None, [_mistake(path, marks, wrong["loc"], wrong["type"], wrong["msg"]) for wrong in error.errors()]


def _mistake(path: Path, marks: _Marks, loc: tuple[str | int, ...], kind: str, message: str) -> Mistake:
    # Our own checks of a whole template name the field in their words.
    reason = message.removeprefix("Value error, ")
    field = tuple(map(str, loc))
    if kind == "value_error" and not field and ": " in reason:
        named, _, reason = reason.partition(": ")
        field = tuple(named.split("."))
    if kind == "extra_forbidden":
        reason = f"there is no such field; fields are {_fields(loc)}"
    return Mistake(path.name, marks.line(field), ".".join(field), reason)


def _fields(loc: tuple[str | int, ...]) -> str:
    """The fields that may stand where an unknown one does."""
    model: Any = Template
    for step in loc[:-1]:
        field = getattr(model, "model_fields", {}).get(step)
        inner = _models(field.annotation) if field else []
        model = inner[0] if inner else model
    return ", ".join(model.model_fields)


def _models(annotation: Any) -> list[Any]:
    if hasattr(annotation, "model_fields"):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]


class _Marks:
    """On which line of a YAML file each field stands."""

    def __init__(self, path: Path) -> None:
        self.twice: list[tuple[str, int]] = []
        self._lines: dict[tuple[str, ...], int] = {(): 1}
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=loader)
        if root is not None:
            self._walk(root, ())

    def _walk(self, node: yaml.Node, at: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*at, str(key.value))
                if here in self._lines:
                    self.twice.append((".".join(here), key.start_mark.line + 1))
                self._lines[here] = key.start_mark.line + 1
                self._walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._lines[(*at, str(number))] = value.start_mark.line + 1
                self._walk(value, (*at, str(number)))

    def line(self, path: tuple[str, ...]) -> int:
        """The line of a field, or of what it would stand in."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

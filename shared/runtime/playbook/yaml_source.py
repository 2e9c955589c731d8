"""Reads a playbook file into its model and names every mistake in it with file, line and field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shared.runtime.playbook.loader import PlaybookError

Model = TypeVar("Model", bound=BaseModel)
# The C parser is ten times faster and part of every wheel.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Mistake(NamedTuple):
    """Something to mend and its place: file, line counted from 1, field, what is wrong and what was expected."""

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


class Marks:
    """On which line of a YAML text each field stands. `twice` are the fields that stand there a second time."""

    def __init__(self, text: str) -> None:
        self.twice: list[tuple[str, int]] = []
        self._lines: dict[tuple[str, ...], int] = {(): 1}
        root = yaml.compose(text, Loader=LOADER)
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

    def place(self, path: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """A path as it stands in the file, and the end of it that does not: one value may stand without its list."""
        at: tuple[str, ...] = ()
        rest: tuple[str, ...] = ()
        for step in path:
            if not rest and (*at, step) in self._lines:
                at = (*at, step)
            elif rest or step != "0":
                rest = (*rest, step)
        return at, rest

    def mistake(self, file: str, path: tuple[str, ...], reason: str) -> Mistake:
        """A mistake at a field, or at what the field would stand in."""
        at, rest = self.place(path)
        return Mistake(file, self._lines[at], ".".join((*at, *rest)), reason)


def read(path: Path, model: type[Model]) -> tuple[Model | None, Marks | None, list[Mistake]]:
    """A file as its model, or None with everything that keeps it from being one; its marks where it is YAML."""
    try:
        text = path.read_text(encoding="utf-8")
        marks, data = Marks(text), yaml.load(text, Loader=LOADER)  # noqa: S506
    except UnicodeDecodeError:
        return None, None, [Mistake(path.name, 1, "", "is not UTF-8")]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, None, [Mistake(path.name, line, "", f"is no YAML: {error.problem}")]
    except yaml.YAMLError as error:
        return None, None, [Mistake(path.name, 1, "", f"is no YAML: {str(error).splitlines()[0]}")]
    if marks.twice:
        return None, marks, [Mistake(path.name, line, name, "stands here a second time") for name, line in marks.twice]
    try:
        return model.model_validate(data), marks, []
    except ValidationError as error:
        return None, marks, mistakes(path.name, marks, error, model)


def load(path: Path, model: type[Model]) -> Model:
    """A file as its model; raises PlaybookError with the first thing wrong."""
    found, _, mistakes = read(path, model)
    if found is None:
        raise PlaybookError(str(mistakes[0]))
    return found


# ---- what a model says is wrong, in the words of whoever writes the file ----

_EXPECTED: Mapping[str, str] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "fields with their values",
    "model_type": "fields with their values",
    "model_attributes_type": "fields with their values",
    "list_type": "a list",
    "tuple_type": "a list",
    "time_type": 'a time such as "09:00"',
    "time_parsing": 'a time such as "09:00"',
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "too_short": "at least {min_length} long",
}
_PATTERNS: Mapping[str, str] = {
    r"^[a-z][a-z0-9_]{1,39}$": "a name such as after_7_days (2 to 40 of a-z, 0-9 and _)",
    r"^[a-z]+\.[a-z][a-z0-9_]*$": "a fact such as customer.orders",
}
_NAMED = re.compile(r"([a-z_][\w.]*): (.+)", re.DOTALL)
SHOWN = 60


def mistakes(file: str, marks: Marks, error: ValidationError, model: type[BaseModel]) -> list[Mistake]:
    """The errors of a model as mistakes, one for each field."""
    said: dict[tuple[str, ...], str] = {}
    wanted: dict[tuple[str, ...], list[str]] = {}
    for wrong in error.errors():
        # What a value may be besides is told apart by further steps behind its place.
        at, rest = marks.place(map(str, wrong["loc"]))
        reason = wrong["msg"].removeprefix("Value error, ")
        if wrong["type"] == "too_short" and len(wrong["input"]) >= wrong["ctx"]["min_length"]:
            continue  # it is long enough; what is wrong is something in it, which has its own line
        if expected := _expected(wrong["type"], wrong.get("ctx", {})):
            alternatives = wanted.setdefault(at, [])
            alternatives += () if expected in alternatives else (expected,)
            said[at] = f"must be {' or '.join(alternatives)}, and is {_shown(wrong['input'])}"
        elif wrong["type"] == "missing":
            said[*at, *rest] = "is missing"
        elif wrong["type"] == "extra_forbidden":
            said[at] = _no_such_field(wrong["loc"], model)
        elif named := _NAMED.fullmatch(reason) if wrong["type"] == "value_error" else None:
            # A check of several fields names the one it means.
            said[*at, *named[1].split(".")] = named[2]
        else:
            said[at] = reason
    return [marks.mistake(file, path, reason) for path, reason in said.items()]


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"a text that fits {context['pattern']}")
    return _EXPECTED.get(kind, "").format(**context)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _no_such_field(loc: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """What to say of an unknown field: the fields that may stand where it does."""
    place: Any = model
    for step in loc[:-1]:
        inner = next((models for name, models in _fields(place).items() if name == step), [])
        place = inner[0] if inner else place
    names = list(_fields(place))
    near = get_close_matches(str(loc[-1]), names, 1)
    return f"there is no such field; {f'did you mean {near[0]}? F' if near else 'f'}ields are {', '.join(names)}"


def _fields(model: Any) -> dict[str, list[Any]]:
    """The fields of a model as a file names them, each with the models that may stand in it."""
    return {field.alias or name: _models(field.annotation) for name, field in model.model_fields.items()}


def _models(annotation: Any) -> list[Any]:
    if hasattr(annotation, "model_fields"):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]

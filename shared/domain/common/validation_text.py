"""Says in the project's own sentences what pydantic finds wrong with data: for the playbook's check and for HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError

from shared.domain.common.lint import Finding, Path
from shared.domain.errors import FieldError

# What was expected, by the type of pydantic's error (https://docs.pydantic.dev/latest/errors/validation_errors/).
_EXPECTED: Mapping[str, str] = {
    "string_type": "a text",
    "string_sub_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "null",
    "dict_type": "fields with their values",
    "mapping_type": "fields with their values",
    "model_type": "fields with their values",
    "model_attributes_type": "fields with their values",
    "dataclass_type": "fields with their values",
    "arguments_type": "a list",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "time_type": 'a time such as "09:00"',
    "time_parsing": 'a time such as "09:00"',
    "date_type": "a day such as 2026-11-30",
    "date_parsing": "a day such as 2026-11-30",
    "date_from_datetime_parsing": "a day such as 2026-11-30",
    "date_from_datetime_inexact": "a day without a time, such as 2026-11-30",
    "datetime_type": "a moment such as 2026-11-30T09:00:00+07:00",
    "datetime_parsing": "a moment such as 2026-11-30T09:00:00+07:00",
    "datetime_from_date_parsing": "a moment such as 2026-11-30T09:00:00+07:00",
    "timezone_aware": "a moment with its offset, such as 2026-11-30T09:00:00+07:00",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
}
# What a sender of JSON calls it.
_IN_JSON: Mapping[str, str] = {"fields with their values": "an object"}
# Errors that need no value to be understood.
_SAID: Mapping[str, str] = {
    "unexpected_positional_argument": "has too many values",
    "missing_argument": "has too few values",
    "recursion_loop": "stands inside itself",
}
_PATTERNS: Mapping[str, str] = {
    r"^[a-z][a-z0-9_]{1,39}$": "a name such as after_7_days (2 to 40 of a-z, 0-9 and _)",
    r"^[a-z][a-z0-9_]{2,39}$": "a name such as after_7_days (3 to 40 of a-z, 0-9 and _)",
    r"^[a-z]+\.[a-z][a-z0-9_]*$": "a fact such as customer.orders",
    r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$": "an e-mail address",
    r"^[0-9]*$": "digits only",
    r"^[a-z0-9_]{1,512}$": "a name of a-z, 0-9 and _",
}
_NAMED = re.compile(r"([a-z_][\w.]*): (.+)", re.DOTALL)
SHOWN = 60


def explained(error: ValidationError, data: Any, model: Any, *, json_body: bool = False) -> list[Finding]:
    """What is wrong, one sentence per field of `data`, which `model` (a model, or any type) was to be made of.

    A path leads through `data` itself, not through the model: alternatives of a union are one sentence ("must be a text
    or a whole number"), a value that stands without its list keeps its place, and a missing field ends the path.
    """
    reasons: dict[Path, str] = {}
    wanted: dict[Path, list[str]] = {}
    for wrong in error.errors(include_url=False):
        kind, context = wrong["type"], wrong.get("ctx", {})
        at, rest = _place(data, wrong["loc"])
        if kind == "too_short" and _length(wrong["input"]) >= context["min_length"]:
            continue  # it is long enough; what is wrong is something in it, which has a sentence of its own
        if expected := _expected(kind, context):
            expected = _IN_JSON.get(expected, expected) if json_body else expected
            alternatives = wanted.setdefault(at, [])
            alternatives += () if expected in alternatives else (expected,)
            reasons[at] = f"must be {' or '.join(alternatives)}" + (
                "" if json_body else f", and is {_shown(wrong['input'])}"
            )
        elif kind == "missing":
            reasons[*at, *rest[-1:]] = "is missing"
        elif kind in ("extra_forbidden", "unexpected_keyword_argument"):
            reasons[at] = _no_such_field(wrong["loc"], model)
        elif kind in ("value_error", "assertion_error"):
            reason = wrong["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
            if named := _NAMED.fullmatch(reason):  # a check of several fields names the one it means
                reasons[*at, *named[1].split(".")] = named[2]
            else:
                reasons[at] = reason
        else:
            reasons[at] = _SAID.get(kind) or ("cannot be read" if json_body else f"cannot be {_shown(wrong['input'])}")
    return [Finding(path, reason) for path, reason in reasons.items()]


def field_errors(error: ValidationError, data: Any, model: type[BaseModel]) -> list[FieldError]:
    """The same for a JSON body: paths such as `audience.stores[0]`; no sentence quotes a value: it may be personal."""
    return [
        FieldError(_json_path(finding.path) or "body", finding.reason)
        for finding in explained(error, data, model, json_body=True)
    ]


def no_such_field(name: str, names: Iterable[str]) -> str:
    """What to say of a field that does not exist, given those that do."""
    known = list(names)
    near = get_close_matches(name, known, 1)
    return f"there is no such field; {f'did you mean {near[0]}? F' if near else 'f'}ields are {', '.join(known)}"


def _json_path(path: Path) -> str:
    return "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in path).removeprefix(".")


def _place(data: Any, loc: Iterable[str | int]) -> tuple[Path, Path]:
    """An error's path as far as it leads through the data, and the rest of it."""
    at: Path = ()
    rest: Path = ()
    for step in map(str, loc):
        inner = _step(data, step)
        if not rest and inner:
            at, data = (*at, step), inner[0]
        elif rest or step != "0":  # one value may stand without its list
            rest = (*rest, step)
    return at, rest


def _step(data: Any, step: str) -> tuple[Any] | None:
    """What stands one step further in the data; None where nothing does."""
    if isinstance(data, Mapping):
        return next(((value,) for key, value in data.items() if str(key) == step), None)
    if isinstance(data, Sequence) and not isinstance(data, str | bytes) and step.isdecimal() and int(step) < len(data):
        return (data[int(step)],)
    return None


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else 0


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"a text that fits {context['pattern']}")
    return _EXPECTED.get(kind, "").format(**context)


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _no_such_field(loc: Sequence[str | int], model: Any) -> str:
    """What to say of an unknown field: the fields that may stand where it does."""
    places = [model]
    for step in loc[:-1]:
        places = [inner for place in places for inner in _inside(place, step)] or places
    names = [name for place in places for found in _models(place) for name in _fields(found)]
    return no_such_field(str(loc[-1]), names)


def _inside(annotation: Any, step: str | int) -> list[Any]:
    """The types that may stand one step inside a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if issubclass(annotation, RootModel):
            return _inside(annotation.model_fields["root"].annotation, step)
        return [field for name, field in _fields(annotation).items() if name == step]
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return [inner[1]]
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return [one for one in inner if one is not Ellipsis]
    return [found for one in inner for found in _inside(one, step)]


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The types of a model's fields, by the names that a writer uses."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type may be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not issubclass(annotation, RootModel):
            return [annotation]
        return _models(annotation.model_fields["root"].annotation)
    return [model for inner in get_args(annotation) for model in _models(inner)]

"""The one reader of playbook files: a file becomes its model, or mistakes that name file, line and field."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shared.domain.common.lint import Finding
from shared.domain.common.validation_text import explained

Model = TypeVar("Model", bound=BaseModel)
PLAYBOOK = Path(__file__).parents[2] / "playbook"
# What a shop may take in the place of the playbook's own files, named in shop.yaml.
PRESETS, SHOP = "presets", "shop.yaml"
# The C parser is ten times faster and part of every wheel.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PlaybookError(RuntimeError):
    """A playbook file that cannot be used; the message says which, where and why."""


class Mistake(NamedTuple):
    """Something to mend and its place: file, line counted from 1, field, what is wrong and what was expected."""

    file: str
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return f"{place}: {self.field}: {self.reason}" if self.field else f"{place}: {self.reason}"


class Marks:
    """On which line of a file each field stands. `twice` are the fields that stand there a second time."""

    def __init__(self, file: str, root: yaml.Node | None = None) -> None:
        self.file = file
        self.twice: list[Mistake] = []
        self._lines: dict[tuple[str, ...], int] = {(): 1}
        self._seen: set[int] = set()
        if root is not None:
            self._walk(root, ())

    def _walk(self, node: yaml.Node, at: tuple[str, ...]) -> None:
        if id(node) in self._seen:  # an alias (*name) of what stands elsewhere, perhaps even around it
            return
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here, line = (*at, str(key.value)), key.start_mark.line + 1
                if here in self._lines:
                    self.twice.append(Mistake(self.file, line, ".".join(here), "stands here a second time"))
                self._lines[here] = line
                self._walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._lines[(*at, str(number))] = value.start_mark.line + 1
                self._walk(value, (*at, str(number)))

    def mistake(self, path: Iterable[str], reason: str) -> Mistake:
        """A mistake at a field, or at what the field would stand in."""
        at: tuple[str, ...] = ()
        rest: tuple[str, ...] = ()
        for step in path:
            if not rest and (*at, step) in self._lines:
                at = (*at, step)
            elif rest or step != "0":  # one value may stand without its list
                rest = (*rest, step)
        return Mistake(self.file, self._lines[at], ".".join((*at, *rest)), reason)

    def mistakes(self, findings: Iterable[Finding]) -> list[Mistake]:
        """The findings of a lint with their lines."""
        return [self.mistake(*finding) for finding in findings]


def parsed(folder: Path, name: str) -> tuple[Any, Marks, list[Mistake]]:
    """What stands in a file of a playbook folder, with its marks; or None with what keeps it from being read."""
    marks = Marks(name)
    try:
        raw = (folder / name).read_bytes()
        text = raw.decode("utf-8")
        if name.endswith(".json"):
            return json.loads(text), marks, []
        return _yaml(name, text)
    except FileNotFoundError:
        line, reason = 1, "is missing"
    except OSError as error:
        line, reason = 1, f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        line, reason = raw.count(b"\n", 0, error.start) + 1, "is not UTF-8"
    except json.JSONDecodeError as error:
        line, reason = error.lineno, f"is no JSON: {error.msg}"
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        reason = f"is no YAML: {error.problem}"
    except yaml.reader.ReaderError as error:
        line, reason = text.count("\n", 0, error.position) + 1, "holds a character that no text may have"
    except RecursionError:
        line, reason = 1, "is nested too deeply"
    return None, marks, [Mistake(name, line, "", reason)]


def _yaml(name: str, text: str) -> tuple[Any, Marks, list[Mistake]]:
    reader = LOADER(text)
    try:
        root = reader.get_single_node()
        # Before data is made of it: what `<<` brings in would look like a second time.
        marks = Marks(name, root)
        if marks.twice:
            return None, marks, marks.twice
        try:
            return None if root is None else reader.construct_document(root), marks, []
        except ValueError:
            # YAML takes 2026-13-45 for a day and finds out late; it does not say where.
            return None, marks, [_no_value(name, node) for node in _scalars(root) if _fails(node)]
    finally:
        reader.dispose()


def _scalars(root: yaml.Node) -> list[yaml.ScalarNode]:
    found: list[yaml.ScalarNode] = []
    ahead, seen = [root], set()
    while ahead:
        node = ahead.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            found.append(node)
        elif isinstance(node, yaml.MappingNode):
            ahead += [part for pair in reversed(node.value) for part in reversed(pair)]
        elif isinstance(node, yaml.SequenceNode):
            ahead += reversed(node.value)
    return found


def _fails(node: yaml.ScalarNode) -> bool:
    try:
        LOADER("").construct_object(node)
    except ValueError:
        return True
    return False


def _no_value(name: str, node: yaml.ScalarNode) -> Mistake:
    kind = "day" if node.tag.endswith("timestamp") else "number"
    return Mistake(name, node.start_mark.line + 1, "", f"{node.value} is no {kind}; a text stands in quotes")


def read(folder: Path, name: str, model: type[Model]) -> tuple[Model | None, Marks, list[Mistake]]:
    """A file as its model with its marks, or None with everything that keeps it from being one."""
    data, marks, mistakes = parsed(folder, name)
    if mistakes:
        return None, marks, mistakes
    try:
        return model.model_validate(data), marks, []
    except ValidationError as error:
        if data is None:
            return None, marks, [marks.mistake((), "is empty")]
        return None, marks, marks.mistakes(explained(error, data, model))


def load(folder: Path, name: str, model: type[Model]) -> Model:
    """A file as its model; raises PlaybookError with the first thing wrong."""
    found, _, mistakes = read(folder, name, model)
    if found is None:
        raise PlaybookError(str(mistakes[0]))
    return found


class Book:
    """A playbook folder whose files are read once, for the lints that compare them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[Any, Marks, list[Mistake]]] = {}

    def read(self, name: str, model: type[Model]) -> tuple[Model | None, Marks, list[Mistake]]:
        """`read`, at most once per file."""
        if name not in self._read:
            self._read[name] = read(self.folder, name, model)
        return self._read[name]

    def get(self, name: str, model: type[Model]) -> Model | None:
        """A file as its model; None if it is invalid, which `check` reports for the file itself."""
        return self.read(name, model)[0]

    def marks(self, name: str) -> Marks:
        """The marks of a file that was read."""
        return self._read[name][1]

    def names(self, pattern: str) -> list[str]:
        """The files of the folder that fit a pattern, in order."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob(pattern) if path.is_file())


def presets(folder: Path) -> tuple[str, ...]:
    """The presets a shop takes, the last the strongest; raises PlaybookError where one is not there."""
    data, marks, mistakes = parsed(folder, SHOP)
    if mistakes:
        raise PlaybookError(str(mistakes[0]))
    taken = (data.get(PRESETS) if isinstance(data, dict) else None) or []
    if not isinstance(taken, list):
        raise PlaybookError(str(marks.mistake((PRESETS,), "must be a list")))
    if wrong := unknown_presets(folder, marks, taken):
        raise PlaybookError(str(wrong[0]))
    return tuple(map(str, taken))


def unknown_presets(folder: Path, marks: Marks, taken: Iterable[str]) -> list[Mistake]:
    """The presets a shop names that there are not."""
    known = sorted(path.name for path in (folder / PRESETS).glob("*") if path.is_dir())
    return [
        marks.mistake((PRESETS, str(number)), f"there is no preset {name}; there are: {', '.join(known) or 'none'}")
        for number, name in enumerate(taken)
        if str(name) not in known
    ]

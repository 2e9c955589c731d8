"""Reads `shared/playbook` once per process; a wrong file stops the door at its start with the file and the field."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from shared.domain.common.playbook_rules import Rules
from shared.domain.customers.identity import normalise
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.tasks.task import TaskTexts

PLAYBOOK = Path(__file__).parents[2] / "playbook"
# What a shop may take in the place of the playbook's own files, named in shop.yaml.
PRESETS = "presets"


class PlaybookError(RuntimeError):
    """A playbook file that cannot be used; the message says which, where and why."""


def load_yaml(path: Path) -> Any:
    """One YAML file; raises PlaybookError with file, line and reason."""
    try:
        # The C parser is ten times faster and part of every wheel.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PlaybookError(f"{path.name}, line {line}: {error.problem}") from error


@cache
def _sending(folder: Path) -> Any:
    """The rules of sending, with those of the presets that the shop takes laid over them, field by field."""
    said = load_yaml(folder / "sending.yaml")
    for preset in load_yaml(folder / "shop.yaml").get("presets", ()):
        path = folder / PRESETS / str(preset) / "sending.yaml"
        for name, value in (load_yaml(path) if path.exists() else {}).items():
            said[name] = {**said[name], **value} if isinstance(value, dict) else value
    return said


def load_rules(folder: Path) -> Rules:
    """The rules in a playbook folder; raises PlaybookError."""
    segments = load_yaml(folder / "segments.yaml")
    parts = {
        **segments,
        "identity": load_yaml(folder / "identity.yaml"),
        "winback": load_yaml(folder / "winback.yaml"),
        "stages": load_yaml(folder / "stages.yaml"),
        "tet_rests": _sending(folder).get("tet_rests"),
        "carriers": load_yaml(folder / "carriers.yaml"),
    }
    try:
        parts["identity"]["own_numbers"] = tuple(
            normalise("phone", str(number)) for number in parts["identity"].get("own_numbers", ())
        )
        return Rules.model_validate(parts)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PlaybookError(f"{folder.name}: {wrong}") from error
    except ValueError as error:
        raise PlaybookError(f"identity.yaml: own_numbers: {error}") from error


def load_task_words(folder: Path) -> dict[str, TaskTexts]:
    """The words of tasks in a playbook folder, by reason; raises PlaybookError."""
    try:
        return TypeAdapter(dict[str, TaskTexts]).validate_python(load_yaml(folder / "tasks.yaml"))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PlaybookError(f"tasks.yaml: {wrong}") from error


@cache
def task_words() -> dict[str, TaskTexts]:
    """The words of tasks that ship with this deployment."""
    return load_task_words(PLAYBOOK)


@cache
def rules() -> Rules:
    """The rules that ship with this deployment."""
    return load_rules(PLAYBOOK)


@cache
def sending_rules() -> SendingRules:
    """The rules of sending that ship with this deployment; raises PlaybookError where they are looser than the law."""
    return load_sending_rules(PLAYBOOK)


def load_sending_rules(folder: Path) -> SendingRules:
    """The rules of sending in a playbook folder; raises PlaybookError where they are looser than the law."""
    try:
        return SendingRules.model_validate(_sending(folder))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PlaybookError(f"sending.yaml: {wrong}") from error

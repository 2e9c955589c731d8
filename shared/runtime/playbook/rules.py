"""Reads the rules that most doors need: segments, identity, win-back, stages, carriers, sending, the words of tasks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import BeforeValidator, RootModel, ValidationError, model_validator

from shared.domain.common.playbook_rules import (
    CarrierRules,
    IdentityRules,
    Rules,
    SegmentRules,
    Stage,
    WinbackRules,
)
from shared.domain.common.validation_text import explained
from shared.domain.customers.identity import normalise
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.tasks.task import Reason, TaskTexts
from shared.runtime.playbook.loader import PLAYBOOK, PRESETS, Marks, Mistake, PlaybookError, load, presets, read

SEGMENTS, IDENTITY, WINBACK = "segments.yaml", "identity.yaml", "winback.yaml"
STAGES, CARRIERS, SENDING, TASKS = "stages.yaml", "carriers.yaml", "sending.yaml", "tasks.yaml"


def _phone(number: Any) -> str:
    return normalise("phone", str(number))


class IdentityFile(IdentityRules):
    """`identity.yaml`; numbers may be written in any way."""

    own_numbers: tuple[Annotated[str, BeforeValidator(_phone)], ...] = ()


class StagesFile(RootModel[dict[str, Stage]]):
    """`stages.yaml`: the stage of the customer journey by event."""


class CarriersFile(RootModel[dict[str, CarrierRules]]):
    """`carriers.yaml`, by the carrier's code."""


class TasksFile(RootModel[dict[Reason, TaskTexts]]):
    """`tasks.yaml`, by the reason of a task."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [reason for reason in get_args(Reason) if reason not in self.root]:
            raise ValueError(f"{missing[0]}: is missing")
        return self


@cache
def rules() -> Rules:
    """The rules that ship with this deployment; raises PlaybookError with the first thing wrong."""
    segments = load(PLAYBOOK, SEGMENTS, SegmentRules)
    return Rules(
        **{name: getattr(segments, name) for name in SegmentRules.model_fields},
        identity=load(PLAYBOOK, IDENTITY, IdentityFile),
        winback=load(PLAYBOOK, WINBACK, WinbackRules),
        stages=load(PLAYBOOK, STAGES, StagesFile).root,
        # The silence clock rests when promotions do (R15).
        tet_rests=sending_rules().tet_rests,
        carriers=load(PLAYBOOK, CARRIERS, CarriersFile).root,
    )


@cache
def task_words() -> dict[str, TaskTexts]:
    """The words of tasks that ship with this deployment."""
    return {str(reason): words for reason, words in load(PLAYBOOK, TASKS, TasksFile).root.items()}


@cache
def sending_rules() -> SendingRules:
    """The rules of sending that ship with this deployment; raises PlaybookError where they are looser than the law."""
    return load_sending_rules(PLAYBOOK)


class SendingFields(RootModel[dict[str, Any]]):
    """`sending.yaml` field by field: whole, or what a preset lays over it."""


def load_sending_rules(folder: Path) -> SendingRules:
    """The rules of sending in a playbook folder, with the presets its shop takes; raises PlaybookError."""
    found, mistakes = read_sending(folder, presets(folder))
    if found is None:
        raise PlaybookError(str(mistakes[0]))
    return found


def read_sending(folder: Path, taken: tuple[str, ...]) -> tuple[SendingRules | None, list[Mistake]]:
    """The rules of sending with those of presets laid over them, field by field; or None with everything wrong, each in
    the file that says it."""
    base, marks, mistakes = read(folder, SENDING, SendingFields)
    if base is None:
        return None, mistakes
    merged = dict(base.root)
    overlays: dict[str, tuple[Marks, Any]] = {}
    for preset in taken:
        name = f"{PRESETS}/{preset}/{SENDING}"
        if not (folder / name).exists():
            continue
        changes, above, wrong = read(folder, name, SendingFields)
        if changes is None:
            return None, wrong
        for field, value in changes.root.items():
            both = isinstance(value, dict) and isinstance(merged.get(field), dict)
            merged[field] = {**merged[field], **value} if both else value
            overlays[field] = above, value
    try:
        return SendingRules.model_validate(merged), []
    except ValidationError as error:
        found = []
        for path, reason in explained(error, merged, SendingRules):
            above, value = overlays.get(path[0] if path else "", (marks, None))
            # Below a field that is laid over only in part, the rest still stands in the file underneath.
            ours = isinstance(value, dict) and path[1:2] and path[1] not in map(str, value)
            found.append((marks if ours else above).mistake(path, reason))
        return None, found

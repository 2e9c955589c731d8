"""What pydantic finds wrong is said in one voice, with a path through the data as it was written."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import Field, RootModel, ValidationError, model_validator

from shared.domain.common.lunar_calendar import Rest
from shared.domain.common.strict_model import StrictModel
from shared.domain.common.validation_text import explained


class Inner(StrictModel):
    size: int = Field(ge=1)
    from_: str = Field(default="", alias="from")


class Outer(StrictModel):
    name: str
    at: date | None = None
    many: dict[str, Inner] = Field(default_factory=dict)
    either: str | int | tuple[str, ...] = ""
    rests: tuple[Rest, ...] = ()
    listed: tuple[Inner, ...] = Field(default=(), max_length=2)

    @model_validator(mode="after")
    def _hangs_together(self) -> Outer:
        if self.name == "wrong":
            raise ValueError("many.a.size: does not go with the name")
        return self


class Table(RootModel[dict[str, Inner]]):
    pass


@pytest.mark.parametrize(
    ("data", "path", "reason"),
    [
        ({}, "name", "is missing"),
        ([], "", "must be fields with their values, and is []"),
        (None, "", "must be fields with their values, and is null"),
        ({"name": 3}, "name", "must be a text, and is 3"),
        ({"name": "a", "at": "soon"}, "at", 'must be a day such as 2026-11-30, and is "soon"'),
        ({"name": "a", "nam": 1}, "nam", "there is no such field; did you mean name? Fields are name, at, many, "
         "either, rests, listed"),
        ({"name": "a", "many": {"x": {}}}, "many.x.size", "is missing"),
        ({"name": "a", "many": {"x": {"size": 0}}}, "many.x.size", "must be at least 1, and is 0"),
        ({"name": "a", "many": {"x": {"size": 1, "form": ""}}}, "many.x.form",
         "there is no such field; did you mean from? Fields are size, from"),
        ({"name": "a", "listed": [{"size": 1, "siz": ""}]}, "listed.0.siz",
         "there is no such field; did you mean size? Fields are size, from"),
        ({"name": "a", "listed": [{"size": 1}] * 3}, "listed", "must be at most 2 long, and is [{"),
        ({"name": "a", "either": {}}, "either", "must be a text or a whole number or a list, and is {}"),
        ({"name": "a", "rests": [[1]]}, "rests.0.1", "is missing"),
        ({"name": "a", "rests": [[1, 2, 3]]}, "rests.0", "must be at most 2 long, and is [1, 2, 3]"),
        ({"name": "a", "rests": [[1, 31]]}, "rests.0.1", "must be at most 30, and is 31"),
        ({"name": "wrong"}, "many.a.size", "does not go with the name"),
    ],
)  # fmt: skip
def test_each_error_is_a_sentence_with_its_path(data: Any, path: str, reason: str):
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)
    (finding,) = explained(caught.value, data, Outer)
    assert ".".join(finding.path) == path
    assert finding.reason.startswith(reason)


def test_a_file_that_is_one_table_names_the_fields_of_its_lines():
    data = {"one": {"size": 1, "sise": 2}}
    with pytest.raises(ValidationError) as caught:
        Table.model_validate(data)
    assert explained(caught.value, data, Table) == [
        (("one", "sise"), "there is no such field; did you mean size? Fields are size, from")
    ]


def test_a_value_that_holds_itself_is_shown_by_its_kind():
    data: dict[str, Any] = {"name": []}
    data["name"].append(data["name"])
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)
    assert explained(caught.value, data, Outer) == [(("name",), "must be a text, and is list")]

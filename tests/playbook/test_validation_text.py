"""What pydantic finds wrong is said in one voice, with a path through the data as it was written."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import pytest
from pydantic import Field, RootModel, ValidationError, model_validator

from shared.domain.common.lunar_calendar import Rest
from shared.domain.common.strict_model import StrictModel
from shared.domain.common.validation_text import explained, field_errors
from shared.domain.errors import FieldError


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


class Order(StrictModel):
    store: str = Field(min_length=2, max_length=5)
    lines: tuple[Inner, ...] = Field(min_length=1)
    kind: Literal["sale", "return"] = "sale"
    many: dict[str, Inner] = Field(default_factory=dict)
    at: datetime | None = None
    percent: int = Field(default=1, gt=0, lt=100)
    code: str = Field(default="", pattern="^[0-9]*$")

    @model_validator(mode="after")
    def _hangs_together(self) -> Order:
        if self.store == "fax":
            raise ValueError("a shop has no fax")
        return self


GOOD: dict[str, Any] = {"store": "HN1", "lines": [{"size": 1}]}


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ([], "body", "must be an object"),
        ({"lines": GOOD["lines"]}, "store", "is missing"),
        (GOOD | {"store": 7}, "store", "must be a text"),
        (GOOD | {"store": "H"}, "store", "must be at least 2 characters long"),
        (GOOD | {"store": "HN1234"}, "store", "must be at most 5 characters long"),
        (GOOD | {"stor": "x"}, "stor",
         "there is no such field; did you mean store? Fields are store, lines, kind, many, at, percent, code"),
        (GOOD | {"lines": {}}, "lines", "must be a list"),
        (GOOD | {"lines": []}, "lines", "must be at least 1 long"),
        (GOOD | {"lines": [{"size": 1}, {"size": "Lan"}]}, "lines[1].size", "must be a whole number"),
        (GOOD | {"lines": [7]}, "lines[0]", "must be an object"),
        (GOOD | {"kind": "gift"}, "kind", "must be 'sale' or 'return'"),
        (GOOD | {"many": {"x": {"size": 0}}}, "many.x.size", "must be at least 1"),
        (GOOD | {"at": "soon"}, "at", "must be a moment such as 2026-11-30T09:00:00+07:00"),
        (GOOD | {"percent": 0}, "percent", "must be more than 0"),
        (GOOD | {"percent": 100}, "percent", "must be less than 100"),
        (GOOD | {"percent": 1.5}, "percent", "must be a whole number"),
        (GOOD | {"code": "Lan"}, "code", "must be digits only"),
        (GOOD | {"store": "fax"}, "body", "a shop has no fax"),
    ],
)  # fmt: skip
def test_a_body_hears_the_same_sentences_without_the_value_it_sent(body: Any, field: str, reason: str):
    with pytest.raises(ValidationError) as caught:
        Order.model_validate(body)
    assert field_errors(caught.value, body, Order) == [FieldError(field, reason)]

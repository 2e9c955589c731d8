"""Whatever is asked of a call, right or wrong, its answer is one that the description promises; drawn by schemathesis.

`KQ_FUZZ=200 pytest tests/doors/test_schemathesis.py` asks each call that often, right and wrong, each time differently.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.local.commands import openapi
from tests.support.fuzzing import LivedIn
from tests.support.openapi import DOCUMENT, operation

PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OFTEN = int(os.environ.get("KQ_FUZZ", "0"))
DRAWN = settings(
    max_examples=OFTEN or 3,
    derandomize=not OFTEN,
    database=None,
    deadline=None,
    # What a call changes stays, so a request that failed once cannot be made smaller.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
METHODS = {"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"}


@pytest.fixture(scope="module")
def lived_in() -> Iterator[LivedIn]:
    shop = LivedIn()
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def calls(lived_in: LivedIn) -> dict[str, APIOperation]:
    return {found.ok().label: found.ok() for found in lived_in.described().get_all_operations()}


@pytest.mark.parametrize("route", openapi.routes())
def test_what_is_described_is_answered_as_described(lived_in: LivedIn, calls: dict[str, APIOperation], route: str):
    _ask(lived_in, calls[route], GenerationMode.POSITIVE)


@pytest.mark.parametrize(
    "route", [route for route in openapi.routes() if {"parameters", "requestBody"} & operation(route).keys()]
)
def test_what_is_not_described_is_refused_as_described(lived_in: LivedIn, calls: dict[str, APIOperation], route: str):
    _ask(lived_in, calls[route], GenerationMode.NEGATIVE)


def _ask(shop: LivedIn, call: APIOperation, mode: GenerationMode) -> None:
    @DRAWN
    @given(call.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        shop.send(case, PROMISES)

    ask()


def test_what_was_taken_harms_no_worker(lived_in: LivedIn):
    assert not lived_in.stack.drain()["failed"]
    assert {letter["reason"].partition(":")[0] for letter in lived_in.dead_letters} <= {"rejected"}


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_a_method_that_a_path_does_not_have_is_not_found(lived_in: LivedIn, path: str):
    for method in sorted(METHODS - {known.upper() for known in DOCUMENT["paths"][path]}):
        # A path of another call may fit too: somebody could be called "search".
        answer = lived_in.raw(method, path.replace("{", "").replace("}", ""))
        assert answer.status_code in (404, 401), (method, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code

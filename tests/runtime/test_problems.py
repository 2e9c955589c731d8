"""Problem documents carry titles that logs and machines can read, and the same one for the same status."""

from __future__ import annotations

import json

import pytest

from shared.domain.errors import (
    Busy,
    Conflict,
    ExpiredCode,
    FieldError,
    Forbidden,
    Invalid,
    KhachQuenError,
    NotFound,
    Refused,
    TooLarge,
    Unauthenticated,
    UnknownCode,
    Unreadable,
)
from shared.runtime.http import STATUS, problem

WORDS = ("Mã không dùng được", "The code cannot be used")
ERRORS = [
    (Unreadable("the body is not JSON"), 400, "Bad request"),
    (Invalid([FieldError("name", "is missing")]), 400, "Validation failed"),
    (Unauthenticated("send a key"), 401, "Authentication required"),
    (Forbidden("none of the key's roles may do this"), 403, "Forbidden"),
    (NotFound("there is no such customer"), 404, "Not found"),
    (UnknownCode("unknown", *WORDS), 404, "Not found"),
    (Conflict("the ticket is resolved"), 409, "Conflict"),
    (Refused("used", *WORDS), 409, "Conflict"),
    (ExpiredCode("expired", *WORDS), 410, "Gone"),
    (TooLarge("the body may have at most 64 KB"), 413, "Content too large"),
    (Busy("the table is throttled"), 503, "Service unavailable"),
]


@pytest.mark.parametrize(("error", "status", "title"), ERRORS, ids=lambda value: type(value).__name__)
def test_each_error_has_its_status_and_title(error: KhachQuenError, status: int, title: str):
    answer = problem(error)
    body = json.loads(str(answer.body))

    assert answer.status_code == body["status"] == status
    assert body["title"] == title
    assert body["type"] == f"urn:khach-quen:{type(error).__name__.lower()}"
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_every_error_of_the_table_is_tried_here():
    assert {type(error) for error, _, _ in ERRORS} == set(STATUS)


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        ("there is no such address", "There is no such address."),
        ("Đơn này đã dùng mã khác.", "Đơn này đã dùng mã khác."),
        ("order_id DH1 is another store's", "order_id DH1 is another store's."),
        ("is it so?", "Is it so?"),
    ],
)
def test_a_detail_is_one_sentence_whatever_raised_the_error(words: str, detail: str):
    assert json.loads(problem(NotFound(words)).body)["detail"] == detail

"""Answers held to the API's description."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from infra.local.commands import openapi
from tests.support.shop import Answer

DOCUMENT = json.loads(openapi.OUTPUT.read_text(encoding="utf-8"))


REGISTRY = Registry().with_resource("api", Resource.from_contents(DOCUMENT, DRAFT202012))


def operation(route: str) -> dict[str, Any]:
    method, _, path = route.partition(" ")
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def matches(name: str) -> Draft202012Validator:
    """A validator for one of the document's schemas."""
    return Draft202012Validator(
        {"$ref": f"api#/components/schemas/{name}"}, registry=REGISTRY, format_checker=FormatChecker()
    )


def schema_of(route: str, answer: Answer) -> str:
    """The name of the schema that the document promises for this answer; fails where it promises none."""
    responses = operation(route)["responses"]
    response = responses.get(str(answer.status))
    assert response, f"{route} answered {answer.status}, the document knows {', '.join(responses)}"
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in response["content"]
    name: str = response["content"][kind]["schema"]["$ref"].rpartition("/")[2]
    return name


def holds_to_it(route: str, answer: Answer) -> Answer:
    matches(schema_of(route, answer)).validate(answer.json)
    return answer

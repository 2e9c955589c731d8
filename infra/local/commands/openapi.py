"""Writes shared/openapi.json: routes from the catalogue, roles and queries from their tables, the rest from the YAML.

Run `python -m infra.local.commands.openapi` after changing any of them; a test holds the file to its sources.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from infra.catalogue import DOORS, Http
from shared.domain.common.stored_item import without
from shared.runtime.auth import BY_LINK, OPEN, ROLES, SIGNED, TRACKING, WRITE_KEY
from shared.runtime.query_parameters import ANY_QUERY, QUERY

SOURCE = Path(__file__).with_suffix(".yaml")
OUTPUT = Path(__file__).parents[3] / "shared" / "openapi.json"


def build() -> dict[str, Any]:
    """The OpenAPI 3.1 document. KeyError for a route that the YAML does not describe."""
    source = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    paths: dict[str, Any] = {}
    for route in routes():
        method, _, path = route.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(route, source)
    return {
        "openapi": "3.1.0",
        "info": source["info"],
        "servers": [{"url": "/"}],
        "tags": source["tags"],
        "paths": paths,
        "components": {
            "schemas": source["schemas"],
            "responses": {str(status): _problem(words) for status, words in source["problems"].items()},
            "securitySchemes": source["security"],
        },
    }


def routes() -> list[str]:
    """Every route of the catalogue, as "METHOD /path/{parameter}", but for browsers' preflights."""
    every = [route for door in DOORS if isinstance(door.trigger, Http) for route in door.trigger.routes]
    return [route for route in every if not route.startswith("OPTIONS ")]


def text() -> str:
    """The document as the file holds it."""
    return json.dumps(build(), ensure_ascii=False, indent=1) + "\n"


def _described(route: str, calls: dict[str, Any]) -> dict[str, Any]:
    """The YAML's words for a call; a short name of the tracking protocol is described by its full one."""
    short = route.removeprefix("POST /v1/")
    full = TRACKING.get(short, short)
    if full == short:
        return dict(calls[route])
    call = calls[f"POST /v1/{full}"]
    summary = f"The same as /v1/{full}, under the name that browsers' SDKs use."
    return without({**call, "id": f"{call['id']}As{short.title()}", "summary": summary}, "description")


def _operation(route: str, source: dict[str, Any]) -> dict[str, Any]:
    call = _described(route, source["calls"])
    in_path = re.findall(r"{(\w+)}", route)
    in_query = QUERY.get(route, ())
    # A call may have a parameter of its own under a name that others use otherwise.
    known = source["parameters"] | call.get("parameters", {})
    operation: dict[str, Any] = {"operationId": call["id"], "tags": [call["tag"]], "summary": call["summary"]}
    if "description" in call:
        operation["description"] = call["description"]
    operation["security"] = _security(route)
    if in_path or in_query:
        operation["parameters"] = [
            *({"name": name, "in": "path", "required": True, **known[name]} for name in in_path),
            *({"name": name, "in": "query", **known[name]} for name in in_query),
        ]
    if route in BY_LINK:
        return operation | _for_people(call)
    problems: list[Any] = ["default"]
    if route not in OPEN | SIGNED:
        problems += [401, 503]
    if route in ROLES:
        problems.append(403)
    if route not in ANY_QUERY or "body" in call:
        problems.append(400)
    if "body" in call:
        operation["requestBody"] = {"required": not call.get("body_optional"), "content": _json(call["body"])}
        problems.append(413)
    if in_path:
        problems.append(404)
    answers = {
        str(status): {"description": call["summary"], "content": _json(schema)}
        for status, schema in call.get("answers", {}).items()
    }
    for status, kind in call.get("or_as", {}).items():
        answers[str(status)]["content"][kind] = {"schema": {"type": "string"}}
    plain = {"text/plain": {"schema": {"type": "string"}}}
    answers |= {str(status): {"description": words, "content": plain} for status, words in call.get("says", {}).items()}
    for status in sorted(map(str, {*problems, *call.get("problems", ())})):
        answers[status] = {"$ref": f"#/components/responses/{status}"}
    operation["responses"] = answers
    return operation


def _security(route: str) -> list[dict[str, list[str]]]:
    """Which key a call needs; for an API key with the roles of which one must be there."""
    if route in OPEN | SIGNED | BY_LINK:
        return []
    return [{"writeKey": []}] if route in WRITE_KEY else [{"apiKey": sorted(ROLES[route])}]


def _for_people(call: dict[str, Any]) -> dict[str, Any]:
    """What a browser sends and gets: forms, pages and redirects, with every refusal a page too."""
    page = {"text/html": {"schema": {"type": "string"}}}
    shown = {
        str(status): {"description": words} | ({"headers": _LOCATION} if status == 302 else {"content": page})
        for status, words in call["shows"].items()
    }
    operation: dict[str, Any] = {"responses": shown}
    if "form" in call:
        fields = {"type": "object", "properties": call["form"]}
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": fields}}}
    return operation


_LOCATION = {
    "Location": {
        "description": "The address written down when the message was sent.",
        "schema": {"type": "string", "format": "uri"},
    }
}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _problem(words: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": words, "content": content}


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")

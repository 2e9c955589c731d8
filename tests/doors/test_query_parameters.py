"""A query parameter that a call does not have is refused by name, as an unknown field of a body is."""

from __future__ import annotations

import pytest

from infra.local.commands.openapi import routes
from shared.runtime.auth import BY_LINK, ROLES, SIGNED
from shared.runtime.query_parameters import ANY_QUERY, QUERY
from tests.support.openapi import operation
from tests.support.shop import PHONE, Shop

STRICT = [route for route in routes() if route not in ANY_QUERY]


def test_the_table_names_routes_that_are_there():
    assert QUERY.keys() | ANY_QUERY <= set(routes())


@pytest.mark.parametrize("route", STRICT)
def test_an_unknown_parameter_is_refused_by_name(shop: Shop, route: str):
    method, _, path = route.partition(" ")
    body = {} if method in ("POST", "PUT") else None
    query = "&".join([*(f"{name}=" for name in QUERY.get(route, ())), "stores=Q1", "Limit=5"])
    answer = shop.call(method, path.replace("{", "").replace("}", ""), body, query=query)

    assert (answer.status, answer.fields) == (400, ["Limit", "stores"])
    for error in answer.json["errors"]:
        assert all(name in error["reason"] for name in QUERY.get(route, ("none",)))


@pytest.mark.parametrize("route", STRICT)
def test_the_description_of_the_api_has_the_same_parameters(route: str):
    described = [one["name"] for one in operation(route).get("parameters", ()) if one["in"] == "query"]

    assert described == list(QUERY.get(route, ()))


def test_who_may_not_call_is_told_so_first(shop: Shop):
    assert shop.call("GET", "/v1/tasks", query="colour=red", key="kq_api_nobody").status == 401
    assert shop.call("GET", "/v1/tasks", query="colour=red", key=shop.key("api", "pos")).status == 403


def test_pages_and_webhooks_take_what_trackers_and_providers_add():
    assert BY_LINK | SIGNED <= ANY_QUERY
    assert not ANY_QUERY & ROLES.keys()


def test_a_page_with_a_tracker_s_parameters_opens(shop: Shop):
    status, _, content = shop.stack.http("GET", "/faq", "utm_source=zalo&fbclid=x", {}, b"")

    assert status == 200
    assert content


def test_an_event_is_not_lost_to_a_parameter_of_its_address(shop: Shop):
    message = {"event": "Rang The Bell", "userId": PHONE}
    assert shop.call("POST", "/v1/track", message, query="sdk=web&v=2").status == 200
    assert shop.call("POST", "/v1/popups", {"anonymousId": "d1"}, query="v=2").fields == ["v"]

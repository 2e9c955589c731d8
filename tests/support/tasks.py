"""A shop's staff and their tasks: opened as journeys open them, listed and closed over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.tasks.task import NewTask
from shared.repositories import tasks
from shared.repositories.unit_of_work import UnitOfWork
from tests.support.openapi import holds_to_it
from tests.support.shop import Answer, Shop


class Team(Shop):
    """The shop and its task list; every response is checked against the API's description."""

    def customer(self, phone: str, *, store: str = "", name: str = "", **identities: str) -> str:
        traits = {"name": name} | ({"home_store": store} if store else {})
        answer = self.call("PUT", "/v1/customers", {"identities": {"phone": phone, **identities}, "traits": traits})
        return str(answer.json["customer_id"])

    def open(self, customer: str, name: str = "call-1", *, due: float = 1, **more: Any) -> str:
        """Open a task that is due in `due` hours."""
        fields = {
            "kind": "call",
            "title": "Gọi xác nhận đơn giá trị cao",
            "reason": "Đơn HD1 trị giá 5.000.000đ",
        } | more
        uow = UnitOfWork(self.stack.table)
        new = NewTask(customer, name, due_at=self.now + timedelta(hours=due), **fields)
        task_id = tasks.open_task(uow, new, self.now)
        uow.commit()
        return task_id

    def close(self, task_id: str, reason: str) -> bool:
        uow = UnitOfWork(self.stack.table)
        was_open = tasks.close(uow, task_id, reason, self.now)
        uow.commit()
        return was_open

    def page(self, query: str = "", key: str = "") -> Any:
        answer = self.call("GET", "/v1/tasks", query=query, key=key)
        assert answer.status == 200, answer
        return holds_to_it("GET /v1/tasks", answer).json

    def listed(self, query: str = "", key: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page(query, key)["items"]
        return found

    def tell(self, task_id: str, outcome: str, *, key: str = "", **more: Any) -> Answer:
        answer = self.call("POST", f"/v1/tasks/{task_id}/outcome", {"outcome": outcome, **more}, key=key)
        return holds_to_it("POST /v1/tasks/{task_id}/outcome", answer)

    def view(self, customer: str) -> Any:
        return holds_to_it(
            "GET /v1/customers/{customer_id}", self.call("GET", f"/v1/customers/{customer}")
        ).json  # fmt: skip

    def timeline(self, customer: str) -> list[dict[str, Any]]:
        answer = self.call("GET", f"/v1/customers/{customer}/timeline")
        found: list[dict[str, Any]] = holds_to_it("GET /v1/customers/{customer_id}/timeline", answer).json["items"]
        return found


@pytest.fixture
def team() -> Iterator[Team]:
    team = Team()
    yield team
    team.stack.close()

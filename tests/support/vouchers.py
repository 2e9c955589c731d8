"""A shop whose customers hold vouchers, and tills that ask for them over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.vietnam_time import stamp
from shared.domain.vouchers.offer import Book
from shared.domain.vouchers.voucher import Voucher, new_code, read_code
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork
from shared.repositories.vouchers import issue
from shared.runtime.playbook.offers import offers
from tests.support.shop import PHONE, Answer, Shop

OTHER = "0912345678"


def book_with(offer_id: str, **terms: Any) -> Book:
    """The shipped offers with one of them on other terms."""
    shipped = offers()
    changed = Book.model_validate(shipped.model_dump())
    offer = type(shipped.offers[offer_id]).model_validate({**changed.offers[offer_id].model_dump(), **terms})
    return changed.model_copy(update={"offers": {**changed.offers, offer_id: offer}})


class Till(Shop):
    """The shop with customers by phone, codes in their hands, and the two calls of a till."""

    def customer(self, phone: str = PHONE) -> str:
        return str(self.put(phone=phone).json["customer_id"])

    def give(
        self, customer_id: str, offer_id: str = "birthday", *, at: datetime | None = None, **terms: Any
    ) -> Voucher:
        """Issue a voucher as a journey does."""
        book = book_with(offer_id, **terms) if terms else offers()
        uow = UnitOfWork(self.stack.table)
        code = new_code(book.offers[offer_id].prefix, self.stack.outside.new_id())
        given = issue(uow, book, offer_id, customer_id, code, at or self.now, journey="j", run="r", step="s")
        uow.commit()
        return given

    def redeem(self, code: str, order_id: str = "HD1", *, key: str = "", **body: Any) -> Answer:
        said = {"order_id": order_id, "store": "Q1", "phone": PHONE} | body
        said = {name: value for name, value in said.items() if value is not None}
        return self.call("POST", f"/v1/vouchers/{code}/redeem", said, key=key)

    def refused(self, code: str, order_id: str = "HD1", **body: Any) -> tuple[int, str, str]:
        """Status, reason and the Vietnamese words of a refusal."""
        answer = self.redeem(code, order_id, **body)
        assert answer.status >= 400, answer
        (error,) = answer.json["errors"]
        assert error["field"] == "code"
        vietnamese, english = answer.json["detail"].split("\n")
        assert english
        return answer.status, error["reason"], vietnamese

    def look(self, code: str, *, key: str = "") -> dict[str, Any]:
        answer = self.call("GET", f"/v1/vouchers/{code}", key=key)
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.json
        return found

    def stored(self, voucher: Voucher) -> Voucher:
        item = self.stack.table.get(table_keys.voucher(read_code(voucher.code) or ""))
        return Voucher.model_validate({k: v for k, v in (item or {}).items() if k not in ("pk", "sk", "version")})

    def tell(self, event: str, order_id: str, *, user: str | None = PHONE, at: datetime | None = None,
             context: Any = None, **properties: Any) -> None:  # fmt: skip
        """Something that happened to an order, through the tracking protocol."""
        message: dict[str, Any] = {"type": "track", "event": event, "messageId": self.stack.outside.new_id()}
        message |= {"timestamp": stamp(at or self.now), "userId": user, "context": context or {}}
        message["properties"] = {"order_id": order_id, **properties}
        assert self.call("POST", "/v1/batch", {"batch": [message]}).status == 200
        self.stack.drain()

    def noted(self, customer_id: str) -> list[tuple[str, dict[str, Any]]]:
        """What the timeline says of vouchers, without their issue, the earliest first."""
        items = self.call("GET", f"/v1/customers/{customer_id}/timeline").json["items"]
        said = [(item["name"], item["properties"]) for item in reversed(items) if item.get("source") == "vouchers"]
        told = [(name, json.loads(p) if isinstance(p, str) else p) for name, p in said]
        return [entry for entry in told if entry[0] != "Voucher Issued"]

    def later(self, **span: float) -> None:
        self.stack.advance(self.now + timedelta(**span))


@pytest.fixture
def till() -> Iterator[Till]:
    till = Till()
    yield till
    till.stack.close()

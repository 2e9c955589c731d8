"""A stand-in for KiotViet's public API as far as draft orders go: tokens, new orders, and the list of orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.local.providers.base import Reply, Request, StandIn, json_reply
from shared.domain.vietnam_time import VIETNAM
from shared.ports import Clock

TOKEN, ORDERS = "/connect/token", "/orders"


class KiotVietStandIn(StandIn):
    """Takes orders of its branch; SKUs in `unknown` are not in its catalogue."""

    name = "kiotviet"
    sends: Mapping[str, str] = {ORDERS: "kiotviet"}

    def __init__(self, *, clock: Clock, seed: int = 0) -> None:
        self.client_id, self.client_secret, self.retailer = "kv-client", "kv-secret", "nhamay"
        self.branch = 1001
        self.unknown: set[str] = set()
        self.orders: list[dict[str, Any]] = []
        self._tokens: list[str] = []
        super().__init__(clock=clock, seed=seed)

    def forget_tokens(self) -> None:
        """The shop's owner withdraws every token."""
        with self.lock:
            self._tokens = [f"withdrawn-{len(self._tokens)}", *["" for _ in self._tokens]]

    def handle(self, request: Request) -> Reply:
        if request.path == TOKEN:
            return self._token(request)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not bearer or bearer not in self._tokens or request.headers.get("retailer") != self.retailer:
            return _refusal(401, "TokenException", "Unauthorized")
        return self._new(request.json()) if request.method == "POST" else self._listed(request.query)

    def _token(self, request: Request) -> Reply:
        form = request.form()
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return json_reply({"error": "invalid_client"}, 400)
        self._tokens.append(f"kv-token-{len(self._tokens)}")
        return json_reply({"access_token": self._tokens[-1], "expires_in": 86400, "token_type": "Bearer"})

    def _new(self, body: Mapping[str, Any]) -> Reply:
        if body.get("branchId") != self.branch:
            return _refusal(420, "KvValidateException", "Chi nhánh không tồn tại")
        for line in body.get("orderDetails", ()):
            if line["productCode"] in self.unknown:
                return _refusal(420, "KvValidateException", f"Hàng hóa {line['productCode']} không tồn tại")
        number = len(self.orders) + 1
        at = self.clock().astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M:%S")
        order = {"id": 5000 + number, "code": f"DH{number:06d}", "status": 1, "createdDate": at, **body}
        self.orders.append(order)
        return json_reply(order)

    def _listed(self, query: Mapping[str, str]) -> Reply:
        since = query.get("lastModifiedFrom", "")
        found = [order for order in self.orders if order["createdDate"] >= since]
        first, size = int(query.get("currentItem", 0)), int(query.get("pageSize", 20))
        return json_reply({"total": len(found), "pageSize": size, "data": found[first : first + size]})


def _refusal(status: int, code: str, message: str) -> Reply:
    return json_reply({"responseStatus": {"errorCode": code, "message": message}}, status)

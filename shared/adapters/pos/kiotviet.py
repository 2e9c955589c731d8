"""Draft orders in KiotViet: a sales order without invoice or payment, which the shop completes at its till (R23).

KiotViet documents its token, its headers and its lists; the body of a new order is taken from working clients. It knows
no key that would make a second try the same order, so our key stands in the description, where `find` looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.provider_http import HttpAnswer, HttpClient
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.vietnam_time import VIETNAM
from shared.ports import Clock, Drafted, DraftOrder

ID_URL = "https://id.kiotviet.vn"
API_URL = "https://public.kiotapi.com"
TOKEN, ORDERS = "/connect/token", "/orders"
# A token is renewed so long before it ends, and orders are looked for from so long before they were asked for.
EARLY = timedelta(minutes=5)
PAGE, PAGES = 100, 5
# An agent waits for the answer: a token, a look-up and an order have to fit into one invocation.
READ_SECONDS = 4.0


class KiotViet:
    """The drafts of one shop; `branches` are branch ids by our store names, "" for all others."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        retailer: str,
        branches: Mapping[str, int],
        clock: Clock,
        id_url: str = ID_URL,
        api_url: str = API_URL,
    ) -> None:
        self._form = {"scopes": "PublicApi.Access", "grant_type": "client_credentials"}
        self._form |= {"client_id": client_id, "client_secret": client_secret}
        self._retailer = retailer
        self._branches = branches
        self._clock = clock
        self._id = HttpClient(id_url, clock=clock, read_seconds=READ_SECONDS)
        self._api = HttpClient(api_url, clock=clock, read_seconds=READ_SECONDS)
        self._token = ""
        self._token_until = clock()

    def draft(self, order: DraftOrder) -> Drafted:
        branch = self._branches.get(order.store, self._branches.get(""))
        if branch is None:
            raise ChannelError("misconfigured", "branch", f"no branch of KiotViet is named for store {order.store}")
        body: dict[str, Any] = {
            "branchId": branch,
            "isApplyVoucher": False,
            "makeInvoice": False,
            "totalPayment": 0,
            "description": f"{order.note} {_mark(order.key)}".strip(),
            "orderDetails": [
                {"productCode": line.sku, "quantity": line.quantity, "price": line.price} for line in order.lines
            ],
        }
        if order.phone:
            body["customer"] = {"name": order.name or order.phone, "contactNumber": _local(order.phone)}
        return _drafted(self._call(lambda headers: self._api.post_json(ORDERS, body, headers=headers)))

    def find(self, key: str, since: datetime) -> Drafted | None:
        begins = (since - EARLY).astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M:%S")
        query = {"lastModifiedFrom": begins, "pageSize": str(PAGE), "orderBy": "createdDate", "orderDirection": "Asc"}
        for page in range(PAGES):
            asked = {**query, "currentItem": str(page * PAGE)}
            found = self._call(lambda headers, asked=asked: self._api.get(ORDERS, query=asked, headers=headers))  # type: ignore[misc]
            orders = found.get("data", [])
            for order in orders:
                if _mark(key) in str(order.get("description", "")):
                    return _drafted(order)
            if len(orders) < PAGE:
                return None
        raise ChannelError("uncertain", "orders", "more orders than can be looked through")

    def _call(self, send: Callable[[dict[str, str]], HttpAnswer]) -> dict[str, Any]:
        """One call with a token; one that was withdrawn is renewed once."""
        for last in (False, True):
            answer = send({"Authorization": f"Bearer {self._fresh(renew=last)}", "Retailer": self._retailer})
            if answer.status != 401:
                break
        if answer.status >= 500:
            raise ChannelError("uncertain", f"http_{answer.status}", "KiotViet cannot right now")
        content = answer.json()
        if answer.status >= 300:
            said = content.get("responseStatus") or {}
            kind = "misconfigured" if answer.status in (401, 403) else "refused"
            words = str(said.get("message") or f"KiotViet answered {answer.status}")
            raise ChannelError(kind, str(said.get("errorCode") or answer.status), words)  # type: ignore[arg-type]
        return content

    def _fresh(self, *, renew: bool) -> str:
        if renew or not self._token or self._clock() >= self._token_until:
            answer = self._id.post_form(TOKEN, self._form)
            content = answer.json() if answer.status < 500 else {}
            if "access_token" not in content:
                # Nobody has seen the order yet.
                kind = "misconfigured" if answer.status < 500 else "back_off"
                raise ChannelError(kind, f"http_{answer.status}", "KiotViet gives no token for this account")  # type: ignore[arg-type]
            self._token = str(content["access_token"])
            self._token_until = self._clock() + timedelta(seconds=int(content.get("expires_in", 0))) - EARLY
        return self._token


def _mark(key: str) -> str:
    return f"[KQ-{key}]"


def _local(phone: str) -> str:
    return f"0{phone.removeprefix('+84')}" if phone.startswith("+84") else phone


def _drafted(order: Mapping[str, Any]) -> Drafted:
    if "id" not in order:
        raise ChannelError("uncertain", "answer", "KiotViet names no order in its answer")
    return Drafted(str(order["id"]), str(order.get("code") or order["id"]))

"""What the demo's shop does beside selling: it works its tasks, sends parcels, keeps its lists and makes a campaign."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from datetime import time as day_time
from functools import partial
from typing import Any

from infra.local.demo.api_client import Doors, Event
from infra.local.demo.customers import Errand
from infra.local.demo.dataset import CHANNELS, Draw, Invoice, person
from shared.domain.vietnam_time import VIETNAM, stamp
from shared.use_cases.messaging.do_not_call_list import DoNotCall

TASKS = day_time(9, 45)
# So many calls a day three shops manage beside their work.
TASKS_A_DAY = 24
OUTCOMES = {
    "reached": 48,
    "no_answer": 24,
    "purchased": 4,
    "refused": 12,
    "call_back": 8,
    "wrong_number": 3,
    "do_not_call": 1,
}
DO_NOT_CALL = 3
CAMPAIGN_MADE, CAMPAIGN_DAY = date(2010, 11, 5), date(2010, 11, 11)
CAMPAIGN = {
    "name": "11.11",
    "audience": {"last_purchase_days": {"min": 10, "max": 180}, "tags": {"none": ["cod_risk"]}},
    "content": {"template": "winback_30", "variables": {"new_url": "https://nhamay.example/1111"}},
    "schedule": {"send_at": f"{CAMPAIGN_DAY}T09:00:00+07:00", "until": f"{CAMPAIGN_DAY}T20:00:00+07:00"},
    "holdout_percent": 10,
}
CARRIERS = {"Giao Hàng Nhanh": 60, "Viettel Post": 40}
# One carrier's own words; the other's news come as events of their own name.
GHN = {"Order Shipped": "picked", "Out For Delivery": "delivering", "Order Delivered": "delivered",
       "Delivery Failed": "delivery_fail"}  # fmt: skip


class Staff:
    """The people and programs of a shop."""

    def __init__(self, doors: Doors, shop: Sequence[Invoice]) -> None:
        self.doors = doors
        self.opened: dict[str, dict[str, Any]] = {}
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.campaign_id = ""
        self.preview: dict[str, Any] = {}
        self._first, self._last = shop[0].day, shop[-1].day
        self._numbers = sorted({f"+84{person(i.customer).phone}" for i in shop if _keeps_from_adverts(i.customer)})
        self._parcels: defaultdict[date, list[tuple[datetime, Event]]] = defaultdict(list)
        for at, news in (one for invoice in shop for one in _parcel(invoice)):
            self._parcels[at.date()].append((at, news))
        self._keys: dict[str, str] = {}

    def key(self, role: str) -> str:
        """The key of a role, made when first needed."""
        if role not in self._keys:
            self._keys[role] = self.doors.key(f"demo {role}", role)
        return self._keys[role]

    def errands(self, day: date) -> list[Errand]:
        """What is done on a day, in no order."""
        found = [Errand(datetime.combine(day, day_time(9, 45), VIETNAM), self._work)] if day.weekday() != 6 else []
        if day == self._first or day.weekday() == 0:
            found.append(Errand(datetime.combine(day, day_time(7, 10), VIETNAM), self._bring_list))
        together: defaultdict[datetime, list[Event]] = defaultdict(list)
        for at, news in self._parcels.pop(day, ()):
            together[at].append(news)
        found += [Errand(at, partial(self._tell, news)) for at, news in together.items()]
        if self._first <= CAMPAIGN_MADE and day in (CAMPAIGN_MADE, CAMPAIGN_DAY):
            do = self._make_campaign if day == CAMPAIGN_MADE else self._look_again
            found.append(Errand(datetime.combine(day, day_time(8, 50), VIETNAM), do))
        return found

    def close(self) -> None:
        """Note what happened to the tasks since anybody looked last."""
        self._note()

    # ---- tasks ----

    def _note(self) -> list[dict[str, Any]]:
        """Note every task that was opened or ended since the last look; answers with the open ones."""
        tasks = self.doors.pages("/v1/tasks", key=self.key("care"))
        for task in tasks:
            self.opened[task["task_id"]] = task
        after = ""
        while True:
            page = self.doors.get("/v1/tasks", f"status=done&limit=20{after}", key=self.key("care"))
            fresh = [task for task in page["items"] if self.opened.get(task["task_id"], {}).get("status") != "done"]
            for task in fresh:
                self.opened[task["task_id"]] = task
            if not page["next"] or len(fresh) < len(page["items"]):
                return tasks
            after = f"&next={page['next']}"

    def _work(self) -> None:
        """The most urgent tasks of the day, each with what came of it."""
        now = self.doors.stack.now
        soon = [task for task in self._note() if datetime.fromisoformat(task["callable_from"] or stamp(now)) <= now]
        for task in soon[:TASKS_A_DAY]:
            draw = Draw(f"task {task['task_id']} {task['due_at']}")
            outcome = "reached" if task["kind"] not in ("call", "deposit") else draw.of("outcome", OUTCOMES)
            body: dict[str, Any] = {"outcome": outcome}
            if outcome == "call_back":
                body["call_back_at"] = stamp(self.doors.stack.now + timedelta(days=2))
            self.doors.post(f"/v1/tasks/{task['task_id']}/outcome", body, key=self.key("care"))
        self.doors.drain()

    # ---- parcels, lists, campaign ----

    def _tell(self, news: Sequence[Event]) -> None:
        self.doors.tell(news)
        self.doors.drain()

    def _bring_list(self) -> None:
        """The register of who wants no advertising by phone, as `kq ops dnc` brings it."""
        stack = self.doors.stack
        register = DoNotCall(stack.table, stack.outside.identity_key)
        if stack.now.date() <= self._first + timedelta(days=1):
            register.take(self._numbers, stack.now)
        register.checked(stack.now)

    def _make_campaign(self) -> None:
        """Marketing writes it down and looks what it would do; the manager approves."""
        made = self.doors.post("/v1/campaigns", CAMPAIGN, key=self.key("marketing"))
        self.campaign_id = made["campaign_id"]
        self._look_again()
        self.doors.post(f"/v1/campaigns/{self.campaign_id}/approve", {}, key=self.key("manager"))

    def _look_again(self) -> None:
        while True:
            path = f"/v1/campaigns/{self.campaign_id}/preview"
            self.preview = self.doors.post(path, {}, key=self.key("marketing"))
            if self.preview["complete"]:
                return


def _keeps_from_adverts(customer: str) -> bool:
    return bool(customer) and Draw(f"habits {customer}").percent("do not call", DO_NOT_CALL)


def _parcel(invoice: Invoice) -> Iterator[tuple[datetime, Event]]:
    """What the carrier says of an order from the web shop, and when; a few parcels are never heard of again."""
    draw = Draw(f"invoice {invoice.number}")
    if not invoice.customer or invoice.total <= 0 or draw.of("channel", CHANNELS) != "web":
        return
    draw = Draw(f"parcel {invoice.number}")
    carrier = draw.of("carrier", CARRIERS)
    comes = invoice.day + timedelta(days=2 + draw.number("days", 3))
    steps = [("Order Shipped", invoice.day + timedelta(days=1), day_time(17))]
    if not draw.percent("lost", 4):
        steps.append(("Out For Delivery", comes, day_time(8, 40)))
        if draw.percent("fails", 7):
            steps.append(("Delivery Failed", comes, day_time(14, 20)))
            comes += timedelta(days=1)
        steps.append(("Order Delivered", comes, day_time(14, 20)))
    parcel = {"carrier": carrier, "tracking_code": f"{'GHN' if 'Nhanh' in carrier else 'VTP'}{invoice.number}"}
    for number, (name, day, clock) in enumerate(steps):
        at = datetime.combine(day, clock, VIETNAM)
        said: dict[str, Any] = {"order_id": invoice.number, **parcel}
        if number == 0:
            said["expected_on"] = (invoice.day + timedelta(days=4)).isoformat()
        event = name
        if carrier == "Giao Hàng Nhanh":
            event, said["status"] = "Shipment Updated", GHN[name]
        yield (
            at,
            {
                "type": "track",
                "event": event,
                "messageId": f"parcel-{invoice.number}-{number}",
                "timestamp": at.isoformat(),
                "context": {"source": "carrier"},
                "properties": said,
            },
        )

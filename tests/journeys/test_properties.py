"""Show 4 on the real system: whatever happens to people, in any order, late, twice and in any batches, with all
journeys live and the table and the queues at their worst: one outcome per step, no more than the weekly limit, every
run ends, and a goal stops everything.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from infra.local.commands.ops import as_it_came
from infra.local.measuring.synthetic_shop import phone
from shared.adapters.local.fault_injection import FaultInjection
from shared.domain.catalogue.product import Product
from shared.domain.errors import Busy
from shared.domain.messaging.message import PROGRESS
from shared.domain.messaging.tracked_links import MessageLinks, link_key
from shared.domain.vietnam_time import moment, stamp
from shared.repositories import table_keys
from shared.repositories.products import Products
from shared.runtime.playbook.journeys import journeys
from shared.runtime.playbook.staff import directory
from tests.support.engine import faults
from tests.support.journey_customers import PHONE
from tests.support.journeys import MONDAY
from tests.support.max_examples import max_examples
from tests.support.messaging import Care

GOODS = (
    Product(sku="SERUM", name="Serum", url="https://nhamay.example/serum", guide_url="https://nhamay.example/cach-dung",
            repurchase_days=40, complements=("KEM",)),
    Product(sku="KEM", name="Kem dưỡng", url="https://nhamay.example/kem"),
)  # fmt: skip
OUTCOMES = ("reached", "no_answer", "purchased", "refused", "wrong_number", "call_back")
GAPS = (0, 0, 0, 10, 70, 300, 60 * 24, 60 * 24 * 3, 60 * 24 * 9, 60 * 24 * 31)
LATE = (0, 0, 0, 20, 120, 60 * 30, 60 * 24 * 5)
# Everything is over long after the last news, and no birthday is less than a month ago.
END = datetime(2027, 7, 12, 3, 0, tzinfo=UTC)
LAST_NEWS = END - timedelta(days=400)
MANNERS = ("busy", "lost_answers", "stale_reads", "short_pages")


class Life(Care):
    """Some people and what happens to them. What has to be said again, where the table is hostile, is said again."""

    def __init__(self, people: int, bad: FaultInjection | None, seed: int) -> None:
        self._bad = bad
        self.draw = Random(seed)
        self.orders: list[tuple[str, int]] = []
        self.told: list[dict[str, Any]] = []
        self.waiting: list[dict[str, Any]] = []
        # Our message behind a provider's own number.
        self.behind: dict[str, str] = {}
        with self.honest():
            super().__init__(MONDAY, seed=seed, faults=bad)
            self.know_the_do_not_call_list()
            assert self.providers  # the providers open their doors
            Products(self.stack.table, self.stack.outside.memory, self.now).put(GOODS)
            self.people = [
                self.customer(number + 1, consent=number != 2, phone=phone(number + 1), email=f"k{number}@example.vn",
                              zalo_user_id=f"chat-{number}",
                              traits={"name": "Nguyễn Thị Lan", "birthday": f"1990-0{3 + number}-15"})
                for number in range(people)
            ]  # fmt: skip

    @contextmanager
    def honest(self) -> Iterator[None]:
        """Look without being lied to."""
        manners = {name: getattr(self._bad, name) for name in MANNERS} if self._bad else {}
        for name in manners:
            setattr(self._bad, name, 0.0)
        yield
        for name, rate in manners.items():
            setattr(self._bad, name, rate)

    def _insist(self, doing: Callable[[], Any]) -> Any:
        for _ in range(50):
            try:
                return doing()
            except (Busy, AssertionError) as error:
                if self._bad is None:
                    raise
                last = error
        raise last

    # ---- time ----

    def until(self, end: datetime) -> None:
        self.flush()
        while self.now < end:
            self._insist(self.know_the_do_not_call_list)
            self.stack.advance(min(end, self.now + timedelta(days=6)))
            self.redrive()
            # A provider's own number is forgotten after a while, and by then the message may bear another.
            known = [item for item in self.items("%") if item["pk"].startswith("PID#") and "message_id" in item]
            self.behind |= {item["sk"]: item["message_id"] for item in known}

    def redrive(self) -> None:
        """What failed five times at a table this bad is a dead letter; somebody sends those back every week."""
        with self.honest():
            for name, queue in self.stack.queues.items():
                for letter in queue.receive() if name.endswith("-dlq") else ():
                    self.stack.queues[name.removesuffix("-dlq")].send([as_it_came(letter.body)])
                    queue.delete([letter.receipt])
            self.stack.drain()

    # ---- what happens ----

    def say(self, event: str, who: int | None, late: int, /, **properties: Any) -> None:
        """One event of so many minutes ago; it is told with the next batch."""
        said = {"type": "track", "event": event, "messageId": f"m{len(self.told)}", "properties": properties,
                "timestamp": stamp(self.now - timedelta(minutes=late))}  # fmt: skip
        said |= {"userId": phone(who + 1)} if who is not None else {}
        self.told.append(said)
        self.waiting.append(said)

    def flush(self) -> None:
        """Tell everything that waits, in batches of any size and any order."""
        self.draw.shuffle(self.waiting)
        while self.waiting:
            size = self.draw.randint(1, len(self.waiting))
            batch, self.waiting = self.waiting[:size], self.waiting[size:]
            self._insist(lambda batch=batch: self.call("POST", "/v1/batch", {"batch": batch}, key="write"))
        self.stack.drain()

    def happen(self, what: str, who: int, late: int, number: int) -> None:
        who %= len(self.people)
        if what == "cart":
            lines = [{"sku": "SERUM", "name": "Serum", "quantity": 1, "price": 450_000}] * (number % 3)
            self.say("Cart Updated", who, late, cart_id=f"c{who}", products=lines)
        elif what == "order":
            channel, payment = (("store", "cash"), ("website", "cod"), ("website", "momo"))[number % 3]
            total = (300_000, 6_000_000)[number % 2]
            self.orders.append((f"DH{len(self.orders)}", who))
            line = {"sku": ("SERUM", "KEM", "AO")[number % 3], "name": "Hàng", "quantity": 1, "price": total}
            self.say("Order Completed", who, late, order_id=self.orders[-1][0], total=total, channel=channel,
                     payment=payment, products=[line])  # fmt: skip
        elif what == "parcel" and self.orders:
            order, whose = self.orders[number % len(self.orders)]
            news = ("Order Shipped", "Out For Delivery", "Order Delivered", "Order Delivered", "Delivery Failed",
                    "Returned To Sender", "Order Cancelled", "Order Refunded")[number % 8]  # fmt: skip
            known = whose if number % 2 else None
            more = {"refund_id": "R1", "total": 300_000} if news == "Order Refunded" else {}
            self.say(news, known, late, order_id=order, carrier="GHN", tracking_code="GHN7X2K91", **more)
        elif what == "again" and self.told:
            self.waiting.append(self.told[number % len(self.told)])
        elif what == "visit":
            event, more = (
                ("Signed Up", {}),
                ("Product Reviewed", {"sku": "SERUM", "rating": number % 5 + 1}),
                ("Trial Started", {"sku": "SERUM", "product": "Serum"}),
                ("Appointment Booked", {"appointment_id": "A1", "starts_at": stamp(self.now + timedelta(days=2))}),
                ("Product Viewed", {"sku": "SERUM"}),
            )[number % 5]
            self.say(event, who, late, **more)
        elif what == "asks":
            self.providers.zalo.say(f"chat-{who}", ("giá bao nhiêu vậy shop", "còn size M không")[number % 2])
            self.stack.drain()
        elif what in ("answers", "reads"):
            self._reacts(what, who, number)
        elif what == "task":
            self._staff(who, number)

    def _reacts(self, what: str, who: int, number: int) -> None:
        """Somebody opens one of their messages, or answers what one asks."""
        with self.honest():
            got = [m for m in self.messages() if m["customer_id"] == self.people[who] and m["status"] in PROGRESS]
            asked = [m for m in got if "survey" in m["template"] and what == "answers"]
            mine = sorted(m["message_id"] for m in asked or got)
        if not mine:
            return
        pages = MessageLinks("", link_key(self.stack.outside.identity_key), mine[number % len(mine)])
        if what == "reads":
            self.stack.http("GET", pages.click(0), "", {"user-agent": PHONE}, b"")
        else:
            body = urlencode({"score": number % 10 + 1, "comment": "hàng tốt"}).encode()
            self.stack.http("POST", pages.survey, "", {"content-type": "application/x-www-form-urlencoded"}, body)
        self.stack.drain()

    def _staff(self, who: int, number: int) -> None:
        with self.honest():
            tasks = self.call("GET", f"/v1/customers/{self.people[who]}")["tasks"]
            tasks = [task for task in tasks if "task_id" in task]
            if tasks:
                outcome = OUTCOMES[number % len(OUTCOMES)]
                body = {"outcome": outcome}
                body |= {"call_back_at": stamp(self.now + timedelta(days=1))} if outcome == "call_back" else {}
                path = f"/v1/tasks/{tasks[number % len(tasks)]['task_id']}/outcome"
                self.stack.http("POST", path, "", {"authorization": self._keys["api"]}, json.dumps(body).encode())
                self.stack.drain()

    # ---- what must be true ----

    def check(self) -> None:
        with self.honest():
            self.all_have_ended_with_words()
            self._each_step_once()
            self._nobody_gets_too_much()
            self._everybody_is_through()
            self._goals_stop_everything()

    def _each_step_once(self) -> None:
        planned = Counter((m["customer_id"], m["journey"], m["run"], m["step"]) for m in self.messages())
        assert not [step for step, times in planned.items() if times > 1]
        assert all(m["status"] not in ("planned", "deferred", "sending") for m in self.messages())

    def _took(self) -> dict[str, list[datetime]]:
        """When providers took each message, by its id."""
        ours = {m["message_id"]: m["message_id"] for m in self.messages()} | self.behind
        found: dict[str, list[datetime]] = defaultdict(list)
        # Staff are told of tickets by the same providers.
        staff = {name for person in directory().people.values() for name in (person.email, person.zalo_user_id)}
        for one in (one for one in self.received() if one.to not in staff):
            message_id = ours.get(one.tracking_id) or ours.get(one.provider_id)
            if message_id:
                found[message_id].append(one.at)
            else:
                # Its sender lost the answer of a provider that cannot be asked.
                assert any(m["reason"] == "nobody_knows" for m in self.messages()), one
        return found

    def _nobody_gets_too_much(self) -> None:
        first: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        for message_id, times in self._took().items():
            message = self.message(message_id)
            first[message["customer_id"], message["purpose"]].append(min(times))
        for (_, purpose), times in first.items():
            times.sort()
            if purpose == "marketing":
                assert all(later - earlier >= timedelta(days=7) for earlier, later in pairwise(times)), times
            cap = self.rules.caps.get(purpose)
            if cap:
                over = zip(times, times[cap.messages :], strict=False)
                assert all(later - earlier >= timedelta(days=cap.days) for earlier, later in over), (purpose, times)

    def _everybody_is_through(self) -> None:
        assert [item.get("runs", {}) for item in self.items("OJ")] == [{}] * len(self.items("OJ"))
        assert not [item for item in self.items("OJ") if "due_at" in item]
        for journey in journeys():
            assert not self.stack.table.query(table_keys.INSIDE + journey).items, journey
            told: Counter[str] = Counter()
            for item in self.stack.table.query(table_keys.JOURNEY + journey, low="N#", high="N#~").items:
                told.update({name: number for name, number in item.items() if name not in ("pk", "sk")})
            assert not [name for name in told if name.startswith("at ") and told[name]], told
            for came, went in (("entered", "ended "), ("holdout", "holdout ended ")):
                out = sum(number for name, number in told.items() if name.startswith(went))
                assert told[came] == out, (journey, told)
        for name, state in self.stack.queue_state().items():
            assert state["visible"] == state["in_flight"] == state["delayed"] == 0, (name, state)

    def _goals_stop_everything(self) -> None:
        took = self._took()
        ends = {
            (who, item["journey"], item["run"]): moment(item["at"])
            for who in self.people
            for item in self.items_of(who)
            if item.get("type") == "journey" and item["why"] == "goal"
        }
        for message in self.messages():
            at = ends.get((message["customer_id"], message["journey"], message["run"]))
            if at:
                late = [when for when in took.get(message["message_id"], ()) if when > at]
                assert not late, (message, at)

    def items_of(self, customer_id: str) -> list[dict[str, Any]]:
        low, high = table_keys.TIMELINE
        found, start = [], None
        while True:
            page = self.stack.table.query(table_keys.profile(customer_id).pk, low=low, high=high, start=start)
            found += page.items
            start = page.next
            if start is None:
                return found


HAPPENINGS = st.tuples(
    st.sampled_from(GAPS),
    st.sampled_from(
        ("cart", "cart", "order", "order", "order", "parcel", "parcel", "parcel", "again", "visit", "asks", "answers",
         "reads", "task")
    ),
    st.integers(0, 2),
    st.sampled_from(LATE),
    st.integers(0, 59),
)  # fmt: skip


def live(people: int, happenings: list[tuple[int, str, int, int, int]], bad: FaultInjection | None, seed: int) -> None:
    with Life(people, bad, seed) as life:
        for gap, what, who, late, number in happenings:
            if gap:
                life.until(min(life.now + timedelta(minutes=gap), LAST_NEWS))
            life.happen(what, who, late, number)
        life.until(END)
        life.check()


@max_examples(8, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 3), st.lists(HAPPENINGS, min_size=10, max_size=30), st.integers(0, 99))
def test_x5_whatever_happens_to_people_every_step_comes_once_and_every_run_ends(
    people: int, happenings: list[tuple[int, str, int, int, int]], seed: int
) -> None:
    live(people, happenings, None, seed)


@max_examples(4, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 3), st.lists(HAPPENINGS, min_size=10, max_size=25), st.integers(0, 99))
def test_x5_the_same_holds_where_table_and_queues_are_at_their_worst(
    people: int, happenings: list[tuple[int, str, int, int, int]], seed: int
) -> None:
    live(people, happenings, faults(seed), seed)

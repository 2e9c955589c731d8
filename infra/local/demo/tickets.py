"""What the demo's customers write to the shop after they bought, and how its care answers, through the doors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from datetime import time as day_time
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from infra.local.demo.api_client import Doors
from infra.local.demo.customers import Errand, People
from infra.local.demo.dataset import Draw, Invoice, person, store_of
from shared.domain.vietnam_time import VIETNAM

# Of a thousand purchases so many are followed by a message of this kind.
WRITES = 40
CHANNELS = {"hotline": 30, "web": 45, "form": 25}
# When care looks at its tickets, and how many it answers then.
ROUNDS = (day_time(8, 40), day_time(11, 30), day_time(15, 10), day_time(19, 30))
ANSWERS_A_ROUND = 15


class Line(NamedTuple):
    """Something customers write, and what care answers to it."""

    text: str
    answer: str


@cache
def lines() -> tuple[dict[str, int], dict[str, Line]]:
    """How often each line is written, and the lines, by their text."""
    told = yaml.safe_load(Path(__file__).with_name("tickets.yaml").read_text(encoding="utf-8"))["messages"]
    return {one["text"]: one["weight"] for one in told}, {one["text"]: Line(one["text"], one["answer"]) for one in told}


class Desk:
    """The tickets of a shop: its customers write, its care answers and closes what is done."""

    def __init__(self, doors: Doors, shop: Sequence[Invoice], people: People, live: dict[str, date], key: str) -> None:
        self.doors = doors
        self._people = people
        self._key = key
        self._plans: defaultdict[date, list[Errand]] = defaultdict(list)
        last = shop[-1].day
        for invoice in shop:
            for errand in self._after(invoice):
                # Nobody writes to a shop before its doors are open.
                if live[store_of(invoice)] <= invoice.day and errand.at.date() <= last:
                    self._plans[errand.at.date()].append(errand)

    def errands(self, day: date) -> list[Errand]:
        """What is done on a day, in no order."""
        rounds = [Errand(datetime.combine(day, at, VIETNAM), self._answer) for at in ROUNDS]
        return [*self._plans.pop(day, ()), *rounds]

    def _after(self, invoice: Invoice) -> Iterator[Errand]:
        draw = Draw(f"writes {invoice.number}")
        if not invoice.customer or invoice.total <= 0 or draw.number("writes", 1000) >= WRITES:
            return
        day = invoice.day + timedelta(days=1 + draw.number("days", 5))
        at = datetime.combine(day, day_time(8), VIETNAM) + timedelta(minutes=draw.number("minute", 14 * 60))
        yield Errand(at, partial(self._write, invoice, draw.of("line", lines()[0]), draw))

    def _write(self, invoice: Invoice, text: str, draw: Draw) -> None:
        who = person(invoice.customer)
        if who.number in self._people.follows:
            self.doors.stack.providers.stand_ins.zalo.say(f"zalo-{who.number}", text)
        else:
            said = {"customer": {"identities": {"phone": f"0{who.phone}"}}, "channel": draw.of("channel", CHANNELS)}
            self.doors.post("/v1/tickets", {**said, "text": text, "message_id": f"demo-{invoice.number}"})
        self.doors.drain()

    def _answer(self) -> None:
        answer_waiting(self.doors, self._key, ANSWERS_A_ROUND)


def answer_waiting(doors: Doors, key: str, at_most: int) -> None:
    """One round of care: close what was answered at the last round, then answer what waits longest."""
    for ticket in _waiting(doors, key, "pending"):
        if ticket["first_response_at"]:
            doors.post(f"/v1/tickets/{ticket['ticket_id']}/resolve", {}, key=key)
    for ticket in _waiting(doors, key, "open")[:at_most]:
        answer = lines()[1].get(ticket["subject"])
        text = answer.answer if answer else "Dạ em đã nhận tin của mình và lo ngay ạ."
        doors.post(f"/v1/tickets/{ticket['ticket_id']}/messages", {"author": "agent", "text": text}, key=key)
    doors.drain()


def _waiting(doors: Doors, key: str, status: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = doors.pages("/v1/tickets", f"status={status}", key=key)
    return found

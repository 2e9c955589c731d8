"""The people of a made-up shop over its days: they read what comes, answer as is their taste, have enough, and write.

What they truly feel stands in `truth`; the house learns of it through its doors only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random

from infra.local.demo.api_client import Doors, Event
from infra.local.demo.customers import LOOKS, QUESTIONS, Errand
from infra.local.demo.dataset import Draw
from infra.local.demo.phones import MESSAGE_ID, Phones
from infra.local.demo.tickets import ROUNDS, answer_waiting
from infra.local.measuring.synthetic_shop import CLOSES, OPENS, Customer, Letter, MadeUpShop
from infra.local.measuring.truth import Band, Effects
from infra.local.providers.base import Received
from shared.domain.vietnam_time import VIETNAM, day_start, local_day, moment, stamp
from shared.ports import Item, Key
from shared.repositories import table_keys
from shared.repositories.products import Products
from shared.use_cases.messaging.do_not_call_list import DoNotCall

LIST_CHECKED_EVERY = 5
CALL_HOURS, SUNDAY = (time(9, 45), time(16, 10)), 6
# Percent who follow the Official Account, by age.
FOLLOW: dict[Band, int] = {"young": 30, "middle": 15, "older": 5}
# Whoever would answer opens first; others open and leave it at that, so many percent.
ONLY_OPEN = 30
# Of those who find a survey so many percent fill it in, with their taste's chance on top.
RATES = 20
# Percent of those who answer in a chat that also ask something, which is what opens the chat to the shop for a while.
REPLIES = 25
# So many tickets one agent answers in a round; there is one for so many customers.
ANSWERS, CUSTOMERS_AN_AGENT = 12, 1500
# Of a hundred customers one is called a day.
CALLED = 100


class MadeUpPeople:
    """What the shop's customers and its care do beside buying; `key` is care's API key."""

    def __init__(self, doors: Doors, shop: MadeUpShop, effects: Effects, key: str) -> None:
        self._doors = doors
        self._phones = Phones(doors)
        self._shop = shop
        self._effects = effects
        self._key = key
        self._seen: dict[str, int] = {}
        self._by_address: dict[str, Customer] = {}
        for who in shop.people:
            self._by_address[who.phone[-9:]] = who
            if who.person.email:
                self._by_address[who.person.email] = who

    def follow(self) -> None:
        """Some follow the Official Account before the first day: its form first, so that it knows whom it talks to."""
        zalo = self._doors.stack.providers.stand_ins.zalo
        followers = [who for who in self._shop.people if _follows(who)]
        for who in followers:
            zalo.submit_info(_zalo(who), f"84{who.phone[1:]}", who.person.name)
        self._doors.drain()
        for who in followers:
            zalo.follow(_zalo(who))
            self._by_address[_zalo(who)] = who
        self._doors.drain()

    def errands(self, day: date, letters: Sequence[Letter]) -> list[Errand]:
        """What is done on a day, in no order."""
        looks = [Errand(datetime.combine(day, at, VIETNAM), self._look_at_phones) for at in LOOKS]
        rounds = [Errand(datetime.combine(day, at, VIETNAM), self._care) for at in ROUNDS]
        if day.weekday() != SUNDAY:
            rounds += [Errand(datetime.combine(day, at, VIETNAM), self._call) for at in CALL_HOURS]
        return [*looks, *rounds, *(Errand(letter.at, partial(self._write, letter)) for letter in letters)]

    # ---- tickets ----

    def _write(self, letter: Letter) -> None:
        """Followers write in the chat, the others elsewhere."""
        if _zalo(letter.who) in self._by_address:
            self._doors.stack.providers.stand_ins.zalo.say(_zalo(letter.who), letter.text)
        else:
            said = {
                "customer": {"identities": {"phone": letter.who.phone}},
                "channel": letter.channel,
                "order_id": letter.order_id,
                "text": letter.text,
                "message_id": f"about-{letter.order_id}",
            }
            self._doors.post("/v1/tickets", said)
        self._doors.drain()

    def _care(self) -> None:
        agents = -(-self._shop.customers // CUSTOMERS_AN_AGENT)
        answer_waiting(self._doors, self._key, ANSWERS * agents)

    def _call(self) -> None:
        """Call whom the house wants called first; who picks up is a matter of taste. A call moves nobody to buy."""
        now = self._doors.stack.now
        most = min(100, max(1, self._shop.customers // CALLED // len(CALL_HOURS)))
        for task in self._doors.get("/v1/tasks", f"limit={most}", self._key)["items"]:
            who = self._by_address.get((task["phone"] or "")[-9:])
            if task["kind"] == "call" and who and moment(task["callable_from"] or stamp(now)) <= now:
                draw = Draw(f"call {self._shop.seed} {task['task_id']} {now.isoformat()}")
                reached = draw.number("picks up", 1000) < _in_thousand(who, "call", now)
                outcome = {"outcome": "reached" if reached else "no_answer"}
                self._doors.post(f"/v1/tasks/{task['task_id']}/outcome", outcome, self._key)
        self._doors.drain()

    # ---- messages ----

    def _look_at_phones(self) -> None:
        """Look at everything that came since the last look, in the order in which it came."""
        new: list[Received] = []
        for provider in self._doors.stack.providers.stand_ins:
            new += provider.received[self._seen.get(provider.name, 0) :]
            self._seen[provider.name] = len(provider.received)
        adverts = self._adverts(new)
        for got in sorted(new, key=lambda got: got.at):
            if who := self._by_address.get(got.to) or self._by_address.get(got.to[-9:]):
                self._read(who, got, adverts.get(_key(got), ""))
        self._doors.drain()

    def _read(self, who: Customer, got: Received, journey: str) -> None:
        """`journey` is that of an advertisement."""
        draw = Draw(f"reads {self._shop.seed} {got.tracking_id or got.provider_id}")
        answers = draw.number("answers", 1000) < _in_thousand(who, got.channel, got.at)
        if answers or draw.percent("only opens", ONLY_OPEN):
            self._phones.open(got)
        if self._phones.survey(got):
            if answers or draw.percent("rates", RATES):
                self._phones.answer(got, draw)
        elif answers:
            self._phones.tap(got)
            if got.channel == "zalo" and draw.percent("replies", REPLIES):
                question = QUESTIONS[draw.number("question", len(QUESTIONS))]
                self._doors.stack.providers.stand_ins.zalo.say(got.to, question)
        if journey:
            luck = Random(f"{who.phone} {got.at.isoformat()}")  # noqa: S311
            if who.life.reads(journey, local_day(got.at), self._effects, luck):
                self._phones.unsubscribe(got)

    def _adverts(self, new: Sequence[Received]) -> dict[Key, str]:
        """The journeys of those that advertise, by the key that leads to the message."""
        table = self._doors.stack.table
        found = table.batch_get({_key(got) for got in new})
        # A chat's and a batch's keys lead on to a message's; a batch is of one step.
        leads = {key: table_keys.message(message_id) for key, item in found.items() if (message_id := _lead(item))}
        behind = table.batch_get(set(leads.values()))
        messages = [(key, behind.get(leads[key], {}) if key in leads else item) for key, item in found.items()]
        return {key: item["journey"] for key, item in messages if item.get("purpose") == "marketing"}


def _key(got: Received) -> Key:
    if len(got.tracking_id) == MESSAGE_ID:
        return table_keys.message(got.tracking_id)
    return table_keys.message_by_provider_id(got.channel, got.provider_id)


def _lead(item: Item) -> str:
    """The message that a provider's id stands for, or ""."""
    return "" if "journey" in item else str(item.get("message_id") or item["message_ids"][0])


def _follows(who: Customer) -> bool:
    return Draw(f"follows {who.phone}").percent("", FOLLOW[who.life.truth.band])


def _zalo(who: Customer) -> str:
    return f"zalo-{who.phone}"


def _in_thousand(who: Customer, channel: str, at: datetime) -> int:
    """The chance, in thousandths, that somebody answers what comes at a moment."""
    return round(1000 * who.life.truth.answers(channel, at.astimezone(VIETNAM).hour))


def open_up(doors: Doors, shop: MadeUpShop, people: MadeUpPeople) -> None:
    """Give a house the shop's goods and its past."""
    Products(doors.stack.table, doors.stack.outside.memory, doors.stack.now).put(shop.products)
    _tell(doors, list(shop.past()))
    people.follow()


def live(doors: Doors, shop: MadeUpShop, people: MadeUpPeople, days: int) -> Iterator[date]:
    """Let the days pass one by one, each told once it is over; what happens is told within the hour.

    Raises RefusedError when a door fails: a forecast of a shop whose doors fail is none.
    """
    listed = DoNotCall(doors.stack.table, doors.stack.outside.identity_key)
    for number in range(days):
        day = shop.first + timedelta(days=number)
        doors.let_pass(day_start(day))
        if number % LIST_CHECKED_EVERY == 0:
            listed.checked(doors.stack.now)
        untold = shop.day(day)
        hours = [datetime.combine(day, time(hour), VIETNAM) for hour in range(OPENS, CLOSES + 1)]
        reports = [Errand(hour, partial(_report, doors, untold)) for hour in hours]
        for errand in sorted([*people.errands(day, shop.letters(day)), *reports], key=lambda errand: errand.at):
            doors.let_pass(errand.at)
            errand.do()
        doors.let_pass(day_start(day + timedelta(days=1)))
        yield day


def _report(doors: Doors, untold: list[Event]) -> None:
    """Tell what has happened until now."""
    now = doors.stack.now.astimezone(VIETNAM).isoformat()
    count = sum(event["timestamp"] <= now for event in untold)
    if count:
        _tell(doors, untold[:count])
        del untold[:count]


def _tell(doors: Doors, events: list[Event]) -> None:
    """All taken in when this returns."""
    doors.tell(events)
    doors.drain()

"""The do-not-call list: who stands on it gets no advertising by phone, and an old list stops all of it (R17).

Numbers are kept under the HMAC of their link and nothing else, so the list names nobody; a customer whose number is on
it carries a flag, which is what the policy reads. A later customer is caught when a message is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.domain.vietnam_time import local_day, stamp
from shared.ports import Action, Delete, Item, Key, Put, Table
from shared.repositories import table_keys
from shared.repositories.identity_resolution import link_of_phone
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork

# A page of numbers is one transaction.
PAGE = 50


@dataclass
class Listing:
    """What an import did: numbers on the list, customers who are on it, numbers that were taken off."""

    numbers: int = 0
    customers: int = 0
    cleared: int = 0


@dataclass(frozen=True)
class DoNotCall:
    """The list of one shop. One import at a time; safe to repeat."""

    table: Table
    secret: bytes

    def take(self, phones: Sequence[str], now: datetime) -> Listing:
        """Put numbers (+84…) on the list; those of a later `clear_all_but` of the same moment belong to it."""
        done = Listing()
        for page in _pages(dict.fromkeys(phones), PAGE):
            links = [link_of_phone(phone, self.secret) for phone in page]
            keys = [table_keys.do_not_call(link) for link in links]
            puts: list[Action] = [Put({"pk": key.pk, "sk": key.sk, "listed_at": stamp(now)}) for key in keys]
            self.table.write(*puts)
            known = self.table.batch_get([table_keys.link(link) for link in links])
            for link in known.values():
                done.customers += self._flag(str(link["customer"]), on=True)
            done.numbers += len(page)
        return done

    def clear_all_but(self, now: datetime) -> int:
        """Take off what was not listed at `now`; how many numbers that were."""
        cleared = 0
        for shard in table_keys.DO_NOT_CALL_SHARDS:
            for item in self._shard(shard):
                if item["listed_at"] != stamp(now):
                    self.table.write(Delete(Key(item["pk"], item["sk"])))
                    link = self.table.get(table_keys.link(f"L#{item['sk']}"))
                    if link:
                        self._flag(str(link["customer"]), on=False)
                    cleared += 1
        return cleared

    def checked(self, now: datetime) -> None:
        """The list is complete as of today: advertising by phone may go on for as long as the law allows."""
        state = table_keys.DO_NOT_CALL_STATE
        self.table.write(Put({"pk": state.pk, "sk": state.sk, "checked_on": local_day(now).isoformat()}))

    def _shard(self, pk: str) -> Iterator[Item]:
        start = None
        while True:
            page = self.table.query(pk, start=start)
            yield from page.items
            start = page.next
            if start is None:
                return

    def _flag(self, customer_id: str, *, on: bool) -> bool:
        """Mark the customer, or unmark whom no number of theirs keeps on the list; whether they are known."""

        def flag(uow: UnitOfWork) -> bool:
            key = table_keys.profile(customer_id)
            profile = uow.get(key)
            if profile is None:
                return False
            if on:
                uow.put(key, {**profile, "do_not_call": True})
            elif not self._still_listed(profile):
                uow.put(key, {name: value for name, value in profile.items() if name != "do_not_call"})
            return True

        return committed(self.table, flag)

    def _still_listed(self, profile: Item) -> bool:
        phones = [name.removeprefix("phone:") for name in profile["identities"] if name.startswith("phone:")]
        keys = [table_keys.do_not_call(link_of_phone(phone, self.secret)) for phone in phones]
        return bool(keys and self.table.batch_get(keys))


def _pages(phones: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(phones)
    while page := list(islice(rest, size)):
        yield page

"""Issues the voucher code of a call's offer during the call, not when the call is listed (W2, R21).

A code is a liability from the moment it is issued, and most calls end without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.common.localized_text import Lang
from shared.domain.customers.profile import fold_members
from shared.domain.customers.reach import sees, stores_of
from shared.domain.errors import Conflict, Forbidden
from shared.domain.tasks.task import Task, status_of
from shared.domain.vietnam_time import local_day, stamp
from shared.domain.vouchers.offer import Book
from shared.domain.vouchers.voucher import new_code
from shared.ports import NewId, Table
from shared.repositories import table_keys, vouchers
from shared.repositories.profiles import members_of
from shared.repositories.retry import committed
from shared.repositories.tasks import find_task
from shared.repositories.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class OfferIssuer:
    """Issues the codes of offers that tasks name."""

    table: Table
    book: Book
    new_id: NewId
    public_url: str
    now: datetime

    def issue(self, task_id: str, stores: frozenset[str]) -> Task:
        """Issue the code of the offer that a task names and return the task; idempotent.

        The run of the task's journey gets the code and reminds the customer of it. Raises NotFound, Forbidden, Conflict
        if the task names no offer or was closed without a code, and Busy.
        """

        def change(uow: UnitOfWork) -> Task:
            task = find_task(uow, task_id, stores)
            if stores and not sees(stores, stores_of(members_of(uow, task["customer_id"]))):
                raise Forbidden("this customer belongs to stores the key has no access to")
            if "voucher" in task:
                return task
            if status_of(task) == "done":
                raise Conflict("the task is done; its offer is over", final=True)
            if task.get("offer_id") not in self.book.offers:
                raise Conflict("there is no offer with this task", final=True)
            return self._issued(uow, task)

        return committed(self.table, change)

    def _issued(self, uow: UnitOfWork, task: Task) -> Task:
        offer = self.book.offers[task["offer_id"]]
        code = new_code(offer.prefix, self.new_id())
        vouchers.issue(
            uow, self.book, task["offer_id"], task["customer_id"], code, self.now,
            journey=task.get("journey", ""), run=task.get("run", ""), step=task.get("step", ""),
        )  # fmt: skip
        ends, members = offer.ends(self.now), members_of(uow, task["customer_id"])
        lang: Lang = "en" if members and fold_members(members)["traits"].get("@language") == "en" else "vi"
        page = f"{self.public_url.rstrip('/')}/o/{code}"
        made = {
            "voucher": code,
            "gift": self.book.gift(offer).in_language(lang),
            "valid_until": local_day(ends - timedelta(seconds=1)).isoformat(),
            "offer_ends": stamp(ends),
            "offer_url": page,
            "voucher_url": page,
        }
        for member in members:
            key = table_keys.journeys_of(member["customer_id"])
            known = uow.get(key) or {}
            name = f"{task.get('journey', '')}|{task.get('run', '')}"
            if run := known.get("runs", {}).get(name):
                runs = {**known["runs"], name: {**run, "vars": {**run["vars"], **made}}}
                uow.put(key, {**known, "runs": runs})
        after: Task = {**task, "voucher": code, "offer": f"{code}: {made['gift']}", "offer_ends": made["offer_ends"]}
        uow.put(table_keys.task(task["task_id"]), after)
        return after

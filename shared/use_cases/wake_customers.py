"""The lifecycle lane: on the day something about a customer changes by itself, look at the customer again (X4, G7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from shared.domain.customer import is_stale
from shared.domain.errors import Busy, Conflict
from shared.domain.order import read
from shared.ports import Clock, DueRow, Table
from shared.use_cases import layout
from shared.use_cases.draft import Draft
from shared.use_cases.standing import LIFECYCLE_LANE, Ruling, figures, load_members, row_item, settle
from shared.use_cases.sweep_due import Swept, sweep
from shared.use_cases.take_events import ATTEMPTS


@dataclass(frozen=True)
class Waker:
    """Everything a wake needs."""

    table: Table
    ruling: Ruling

    def sweep(self, until: datetime, *, clock: Clock, seconds: float) -> Swept:
        """Wake everybody who is due."""
        return sweep(self.table, LIFECYCLE_LANE, until, self.wake, clock=clock, seconds=seconds)

    def wake(self, row: DueRow) -> bool:
        """Bring one customer to where they stand today; False when there was nothing to do any more."""
        for _ in range(ATTEMPTS):
            draft = Draft(self.table)
            profile = draft.get(row.key)
            if profile is None or profile.get("due_at") != row.due_at:
                return False
            try:
                self._settle(draft, profile)
                return True
            except (Conflict, Busy):
                continue
        raise Busy(f"customer {row.key.pk} is being changed by too many at once")

    def _settle(self, draft: Draft, profile: dict[str, object]) -> None:
        lead = dict(profile)
        # A wake always moves on, also when the next date falls on the moment that just passed.
        lead.pop("due_at")
        members = load_members(draft, lead)
        before = figures(lead)
        today = self.ruling.today.isoformat()
        if before.matures and before.matures <= today:
            for member in members:
                self._mature(draft, member["customer_id"])
        stale = is_stale(before, self.ruling.today, self.ruling.rules, self.ruling.cutoffs)
        settle(draft, members, None if stale else before, self.ruling)
        draft.commit()

    def _mature(self, draft: Draft, customer_id: str) -> None:
        """COD orders nobody has spoken of for long enough count as kept from now on (R2)."""
        low, high = layout.ORDER_ROWS
        for item in draft.collection(layout.profile(customer_id).pk, low, high):
            if not item["matures"] or date.fromisoformat(item["matures"]) > self.ruling.today:
                continue
            order = draft.get(layout.order(item["order_id"]))
            if order is None:
                continue
            row = read(item["order_id"], order, self.ruling.today, self.ruling.rules.orders.cod_matures_days)
            if row is None:
                continue
            key = layout.order_row(customer_id, item["placed_at"], item["order_id"])
            draft.mark(key, row_item(row, order["content"], item.get("lines", [])))
            content = order["content"]
            draft.count(
                layout.day_total(
                    row.day.isoformat(), content.get("store", ""), content.get("channel", ""),
                    content.get("cashier", ""), row.order_id,
                ),
                kept=row.kept - item["kept"],
            )  # fmt: skip

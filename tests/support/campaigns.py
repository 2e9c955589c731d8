"""A local stack with API keys of marketers and managers: campaigns are created, approved and read over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from infra.local.measuring.synthetic_shop import phone
from infra.local.stack.keys import issue
from shared.domain.customers.profile import agree, new_profile
from shared.domain.messaging.policy import in_holdout
from shared.domain.segments.metrics import empty_metrics
from shared.domain.vietnam_time import local_day, stamp
from shared.repositories import table_keys
from shared.repositories.api_keys import KeyGrant
from shared.repositories.profiles import RulesToday
from shared.repositories.segment_membership import relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.rules import rules
from tests.support.messaging import Care

WORDS = {"template": "winback_30", "variables": {"new_url": "https://nhamay.example/hang-moi"}}
BY_EMAIL = {**WORDS, "channels": ["email"]}


class Desk(Care):
    """Keys by role: "marketing" creates campaigns, "manager" approves them, "api" is the admin's."""

    def __init__(self, start: datetime, **more: Any) -> None:
        super().__init__(start, **more)
        self.know_the_do_not_call_list()
        for role in ("marketing", "manager", "care"):
            self.new_key(role, role)

    def new_key(self, name: str, role: str, stores: tuple[str, ...] = ()) -> None:
        key = issue(self.stack, KeyGrant("api", name, [role], stores))
        self._keys[name] = f"Bearer {key}"

    def campaign(self, *, key: str = "marketing", status: int = 201, **body: Any) -> Any:
        """A new campaign by e-mail to every customer, or the problem document of the refusal."""
        content = {"name": "11.11", "content": BY_EMAIL} | body
        return self.call("POST", "/v1/campaigns", content, key=key, status=status)

    def post(self, campaign_id: str, verb: str, *, key: str = "", body: Any = None, status: int = 200) -> Any:
        by = key or ("manager" if verb == "approve" else "marketing")
        return self.call("POST", f"/v1/campaigns/{campaign_id}/{verb}", body, key=by, status=status)

    def preview(self, campaign_id: str) -> Any:
        """The whole preview, however many calls it takes."""
        while True:
            seen = self.post(campaign_id, "preview")
            if seen["complete"]:
                return seen

    def started(self, **body: Any) -> str:
        """The id of an approved campaign; the next tick starts it."""
        campaign_id = str(self.campaign(**body)["campaign_id"])
        self.post(campaign_id, "approve")
        return campaign_id

    def seen(self, campaign_id: str) -> Any:
        return self.call("GET", f"/v1/campaigns/{campaign_id}", key="marketing")

    def minutes(self, number: float = 1) -> None:
        self.later(minutes=number)

    def sold(self, number: int, *, days_ago: int, total: int = 500_000, **properties: Any) -> None:
        """Backfill an order of the customer with this number, who may be new."""
        self.event("Order Completed", phone(number), at=self.now - timedelta(days=days_ago),
                   context={"backfill": True}, order_id=f"H{number}-{days_ago}", total=total, **properties)  # fmt: skip

    def got(self, campaign_id: str) -> list[str]:
        """The customers who got the campaign's message, in the order in which the providers received it."""
        ours = {m["message_id"] for m in self.messages() if m["run"] == campaign_id and m["journey"] == "campaign"}
        return [one.tracking_id[:24] for one in self.received() if one.tracking_id in ours]

    def arm(self, campaign_id: str, customer_id: str) -> str:
        return (self.stack.table.get(table_keys.campaign_person(campaign_id, customer_id)) or {}).get("arm", "")

    def everybody(self, count: int) -> list[str]:
        """New customers with marketing consent."""
        return [self.customer(number) for number in range(1, count + 1)]

    def people(self, count: int) -> list[str]:
        """Many customers with consent to marketing e-mail, written straight into the table in the ingestion's form."""
        at, rules_today = stamp(self.now), RulesToday(rules(), rules().first_cutoffs, local_day(self.now))
        ids = [f"{number:024d}" for number in range(count)]
        for first in range(0, count, 15):
            uow = UnitOfWork(self.stack.table)
            for customer_id in ids[first : first + 15]:
                profile = new_profile(customer_id, at)
                address = f"email:khach{int(customer_id)}@example.vn"
                profile["identities"] = {address: {"at": at, "certainty": "verified"}}
                consent = {"channel": "email", "purpose": "marketing", "granted": True, "at": at, "proof": "QR"}
                uow.create(table_keys.profile(customer_id), agree(profile, [consent]))
                relabel(
                    uow,
                    [uow.get(table_keys.profile(customer_id))],
                    empty_metrics(rules(), rules().first_cutoffs),
                    rules_today,
                )
            uow.commit()
        return ids

    def outside_the_holdout(self, customers: list[str]) -> list[str]:
        return [one for one in customers if not in_holdout(one, "*", self.rules.holdout_percent)]

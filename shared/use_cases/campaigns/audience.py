"""The audience of a campaign: found without a scan, and judged page by page by the policy that also sends.

Every customer is in exactly one lifecycle list and one value list, so the walk goes through these lists; with
`most_valuable_first` it goes down the churn-risk ranking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from shared.domain.campaigns.campaign import JOURNEY, Campaign, Facts, misfits
from shared.domain.customers.profile import Profile, fold_members
from shared.domain.customers.reach import stores_of
from shared.domain.messaging.message import Intent, channels_for
from shared.domain.messaging.policy import Decision, Situation, Wish, choose, in_holdout, next_open
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.template import Template
from shared.domain.orders.order import LINES_IN_A_ROW
from shared.domain.segments.segmentation import lifecycle, silence
from shared.domain.vietnam_time import local_day
from shared.ports import Item, Table
from shared.repositories import table_keys
from shared.repositories.contact_ledger import ledger_of
from shared.repositories.policy_facts import person, situation, situation_keys
from shared.repositories.products import Products
from shared.repositories.profiles import RulesToday, age, members_of, metrics_of
from shared.repositories.provider_status import ProviderLimits
from shared.repositories.unit_of_work import UnitOfWork

# One batch request of at most 100 keys reads the profiles of a page and the facts common to all of them.
PAGE = 90
ZNS = "zns"


class Cursor(NamedTuple):
    """How far a walk is: the number of the list, and the last sort key in it that was judged."""

    number: int = 0
    after: str = ""


class Verdict(NamedTuple):
    """What to do about one customer.

    `missing` are the conditions that do not hold; if none, `decision` is the policy's, without any hold-out, and
    `instead` its second choice for when Zalo's quota is used up. `known` customers were added to the campaign before.
    """

    customer_id: str
    missing: tuple[str, ...] = ()
    decision: Decision = Decision("suppress", "no_address")
    instead: Decision | None = None
    known: bool = False
    traits: Mapping[str, Any] = MappingProxyType({})

    @property
    def reachable(self) -> bool:
        return not self.missing and not self.known and self.decision.outcome in ("send", "defer")


def lists(campaign: Campaign) -> tuple[str, ...]:
    """The partitions that hold every customer who may fit, once."""
    if campaign.most_valuable_first:
        return ("RISK",)
    return tuple(f"S#{label}" for label in campaign.audience.lists)


def next_page(table: Table, campaign: Campaign, at: Cursor) -> tuple[list[tuple[str, Cursor]], Cursor | None]:
    """The next customers of a walk, each with the cursor after it, and the cursor of the next page; None at the end."""
    walked = lists(campaign)
    page = table.query(walked[at.number], start=at.after or None, limit=PAGE, consistent=False)
    found = [(str(row.get("customer_id") or row["sk"]), Cursor(at.number, row["sk"])) for row in page.items]
    if page.next is not None:
        return found, Cursor(at.number, page.next)
    return found, Cursor(at.number + 1) if at.number + 1 < len(walked) else None


@dataclass(frozen=True)
class AudienceJudge:
    """Judges customers for one campaign. `variables` are those of its messages, and `channels` those with an account in
    this deployment."""

    table: Table
    rules: SendingRules
    rules_today: RulesToday
    products: Products
    limits: ProviderLimits
    campaign_id: str
    campaign: Campaign
    variables: Mapping[str, Any]
    template: Template
    channels: frozenset[str]

    def opens(self, at: datetime) -> datetime:
        """The first moment from `at` at which at least one channel may be used."""
        purpose = self.campaign.purpose
        able = self.campaign.content.channels or self.channels
        return min((next_open(at, self.rules.hours(purpose, name)) for name in able), default=at)

    def pages(self, most: int) -> int:
        """How many pages to judge at once: `most` at about three requests per page; `categories` need the orders of
        each customer, so a tenth of it then."""
        return most // 10 if self.campaign.audience.categories else most

    def sendable_channels(self) -> frozenset[str]:
        """The channels on which the campaign can be sent: with an account, and the template not disabled there."""
        ours = self.template.provider_template
        able = self.channels.intersection(self.template.usable, self.campaign.content.channels or self.channels)
        return frozenset(name for name in able if self.limits.enabled(name, ours(name)))

    def price(self, channel: str) -> int:
        """The price of a message in VND, as budgets count it."""
        return self.rules.channels[channel].price_vnd  # type: ignore[index]

    def arm(self, customer_id: str) -> str:
        """The arm of a reachable customer: "campaign", "held_out" (of this campaign) or "held_out_of_all" (R26)."""
        if self.campaign.purpose == "marketing" and in_holdout(customer_id, "*", self.rules.holdout_percent):
            return "held_out_of_all"
        return "held_out" if in_holdout(customer_id, self.campaign_id, self.campaign.holdout_percent) else "campaign"

    def intent(self, customer_id: str, until: datetime) -> Intent:
        """The one message of a customer."""
        return Intent(
            customer_id,
            JOURNEY,
            self.campaign_id,
            "send",
            self.campaign.purpose,
            self.campaign.content.template,
            dict(self.variables),
            self.campaign.content.channels,
            send_before=until,
            until_opened=False,
        )

    def situation(self, at: datetime) -> Situation:
        """The policy facts common to all customers."""
        uow = UnitOfWork(self.table)
        uow.load(situation_keys(at, JOURNEY))
        return situation(uow, at, JOURNEY, self.rules.budgets_vnd)

    def judge(self, customer_ids: list[str], common: Situation, until: datetime, *, anew: bool) -> list[Verdict]:
        """One verdict per customer; merged profiles are skipped. `anew` also judges customers who are `known`."""
        sendable = self.sendable_channels()
        uow = UnitOfWork(self.table)
        uow.load(table_keys.profile(customer_id) for customer_id in customer_ids)
        customers: dict[str, list[Profile]] = {}
        verdicts: dict[str, Verdict] = {}
        for customer_id in customer_ids:
            members = members_of(uow, customer_id)
            # A profile that was merged since is judged as part of its lead, which is in a list of its own.
            if members and members[0]["customer_id"] == customer_id:
                customers[customer_id] = members
                missing = misfits(self._facts(members), self.campaign.audience)
                verdicts[customer_id] = Verdict(customer_id, missing)
        fitting = [customer_id for customer_id in customers if not verdicts[customer_id].missing]
        added = {
            customer_id: [table_keys.campaign_person(self.campaign_id, member["customer_id"]) for member in members]
            for customer_id, members in customers.items()
        }
        keys = [] if anew else [key for customer_id in fitting for key in added[customer_id]]
        uow.load([*keys, *(table_keys.contacts(m["customer_id"]) for one in fitting for m in customers[one])])
        for customer_id in fitting:
            members = customers[customer_id]
            if not anew and any(uow.get(key) for key in added[customer_id]):
                verdicts[customer_id] = Verdict(customer_id, known=True)
            elif self.campaign.audience.categories and (
                missing := misfits(self._facts(members, self._categories(uow, members)), self.campaign.audience)
            ):
                verdicts[customer_id] = Verdict(customer_id, missing)
            else:
                verdicts[customer_id] = self._decide(uow, members, common, until, sendable)
        return list(verdicts.values())

    def _decide(
        self, uow: UnitOfWork, members: list[Profile], common: Situation, until: datetime, sendable: frozenset[str]
    ) -> Verdict:
        customer_id, purpose, now = members[0]["customer_id"], self.campaign.purpose, common.now
        labels = members[0].get("labels", ())
        tier = str(labels[1]) if len(labels) > 1 else "none"
        wanted = self.campaign.content.channels or channels_for(purpose, age(members, local_day(now)), tier, self.rules)
        left = [name for name in wanted if name in sendable]
        wish = Wish(
            purpose=purpose,
            journey=JOURNEY,
            send_before=until,
            prices={name: self.price(name) for name in left},
            templated=frozenset(name for name in left if self.template.provider_template(name)),
        )
        who = person(members, ledger_of(uow, members), self.intent(customer_id, until).message_id, now)
        # Hold-outs are assigned among reachable customers, otherwise the arms could not be compared.
        rules = self.rules.model_copy(update={"holdout_percent": 0})
        decision = choose(wish, left, who, common, rules)
        instead = None
        if decision.channel == ZNS and purpose == "marketing":
            instead = choose(wish, [name for name in left if name != ZNS], who, common, rules)
        return Verdict(customer_id, (), decision, instead, traits=fold_members(members)["traits"])

    def _facts(self, members: list[Profile], categories: frozenset[str] | None = None) -> Facts:
        lead, view, m, today = members[0], fold_members(members), metrics_of(members[0]), self.rules_today.today
        labels: list[str] = lead.get("labels", [])
        home = view["traits"].get("home_store")
        return Facts(
            stores=frozenset(stores_of(members)) | ({home} if home else frozenset()),
            city=str(view["traits"].get("city", "")),
            points=_whole(view["traits"].get("@points")),
            tags=frozenset(labels[2:]) | frozenset(tag for member in members for tag in member.get("marks", ())),
            lifecycle=lifecycle(m, today, self.rules_today.rules),
            value=labels[1] if len(labels) > 1 else "none",
            spend_365d=m.window_spend,
            days_silent=silence(m, today, self.rules_today.rules),
            categories=categories,
        )

    def _categories(self, uow: UnitOfWork, members: list[Profile]) -> frozenset[str]:
        """The categories a customer bought and kept: as the till named them, else from the catalogue."""
        low, high = table_keys.ORDER_ROWS
        rows: list[Item] = []
        for member in members:
            rows += uow.collection(table_keys.profile(member["customer_id"]).pk, low, high)
        kept = [row for row in rows if row["kept"] > 0]
        # A row holds only the first lines of its order.
        long = [row["order_id"] for row in kept if len(row.get("lines", ())) == LINES_IN_A_ROW]
        uow.load(table_keys.order(order_id) for order_id in long)
        lines = [line for row in kept for line in row.get("lines", ())]
        for order_id in long:
            lines += (uow.get(table_keys.order(order_id)) or {}).get("content", {}).get("lines", [])
        catalogue = self.products.load(str(line["sku"]) for line in lines if "sku" in line and "category" not in line)
        named = {str(line["category"]) for line in lines if "category" in line}
        return frozenset(named | {product.category for product in catalogue.values() if product.category})


def as_of(common: Situation, at: datetime) -> Situation:
    """The situation expected at another moment: a do-not-call list as fresh as now, and a full budget."""
    checked = common.do_not_call_checked
    ahead = timedelta(days=(local_day(at) - local_day(common.now)).days)
    return replace(common, now=at, do_not_call_checked=checked and checked + ahead, budget_left=None)


def _whole(value: object) -> int | None:
    """A balance as POS systems write it: a number or its digits; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    digits = str(value).strip()
    return int(digits) if digits.isascii() and digits.isdigit() else None

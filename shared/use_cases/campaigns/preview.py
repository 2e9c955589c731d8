"""Preview a campaign: who could be reached, what it would cost and what it needs, before anybody approves it.

A call looks at a bounded number of people and keeps what it counted; the next call goes on from there. The same people
are judged by the same policy as when it runs, so what is previewed is what is booked, if nobody changes meanwhile.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.campaigns.campaign import Campaign, begins
from shared.domain.messaging.channel_errors import AD_LEAST, ContentError
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.sms_encoding import measured
from shared.domain.messaging.template import CUSTOMER
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Item, Renderer, Table
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.campaigns.audience import ZNS, Cursor, People, Verdict, as_of, look
from shared.use_cases.campaigns.run import SENT

# Each page is some three requests; a call ends long before the time of its door does.
PAGES_A_CALL = 100
# What nobody went on with for so long is begun anew.
GOES_STALE = timedelta(hours=1)
# A promotion above this is not lawful without a reason of its own.
HALF = 50
_PERCENT = re.compile(r"(\d{1,3})\s*%")


@dataclass(frozen=True)
class Preview:
    """Everything a preview needs."""

    table: Table
    renderer: Renderer
    now: datetime

    def go_on(self, row: Item, people: People) -> Item:
        """Look at the next people, or begin anew when the last preview is complete or stale; the preview as it stands.

        Raises Conflict when somebody else is at the same preview.
        """
        key = table_keys.campaign_preview(people.campaign_id)
        uow = UnitOfWork(self.table)
        seen = uow.get(key)
        if seen is None or seen["complete"] or moment(seen["looked_at"]) < self.now - GOES_STALE:
            at = people.opens(begins(people.campaign, self.now))
            seen = {"as_of": stamp(at), "cursor": [0, ""], "complete": False, "counts": {}}
        counts: dict[str, int] = dict(seen["counts"])
        until, at = moment(row["until"]), moment(seen["as_of"])
        everybody = as_of(people.situation(self.now), at)
        cursor: Cursor | None = Cursor(*seen["cursor"])
        for _ in range(people.pages(PAGES_A_CALL)):
            if cursor is None:
                break
            found, cursor = look(self.table, people.campaign, cursor)
            for verdict in people.judge([customer_id for customer_id, _ in found], everybody, until, anew=True):
                for name, amount in self._counted(people, verdict).items():
                    counts[name] = counts.get(name, 0) + amount
        done = {"complete": cursor is None, "cursor": list(cursor or ()), "looked_at": stamp(self.now)}
        uow.put(key, {"as_of": seen["as_of"], "counts": counts, **done})
        uow.commit()
        return uow.get(key) or {}

    def last(self, campaign_id: str) -> Item | None:
        """The latest preview, as far as it got."""
        return self.table.get(table_keys.campaign_preview(campaign_id), consistent=False)

    def _counted(self, people: People, verdict: Verdict) -> dict[str, int]:
        """What one person adds to the counts, by "what" or "what:of which"."""
        counts = {"looked_at": 1}
        if verdict.missing:
            return counts | {f"does_not_fit:{verdict.missing[0]}": 1}
        counts["fits"] = 1
        if not verdict.reachable:
            return counts | {f"not_reachable:{verdict.decision.reason}": 1}
        channel = verdict.decision.channel
        try:
            parts, cost = self._price(people, channel, verdict.traits)
        except ContentError:
            return counts | {"not_reachable:content_error": 1}
        counts["reachable"] = 1
        if (arm := people.arm(verdict.customer_id)) != SENT:
            return counts | {arm: 1}
        if verdict.decision.outcome == "defer":
            counts[f"waits:{verdict.decision.reason}"] = 1
        return counts | {
            f"people:{channel}": 1,
            f"parts:{channel}": parts,
            f"cost:{channel}": cost,
            "budget": people.price(channel),
        }

    def _price(self, people: People, channel: str, traits: Mapping[str, Any]) -> tuple[int, int]:
        """SMS parts, and what the provider charges for one message in VND; raises ContentError."""
        price = people.price(channel)
        if channel == ZNS and people.template.zns:
            return 0, people.template.zns.price_vnd
        if channel in ("sms_care", "sms_ad"):
            variables = dict(people.campaign.content.variables)
            if channel == "sms_care":
                variables[CUSTOMER] = traits  # type: ignore[assignment]
            sms = self.renderer.render(people.template.id, channel, variables, message_id="0" * 44)
            counted = measured(sms.text, price)
            return counted.parts, counted.price
        charged = channel == "email" or (channel == "whatsapp" and people.template.provider_template(channel))
        return 0, price if charged else 0


def show(seen: Item, row: Item, rules: SendingRules, table: Table, now: datetime) -> dict[str, Any]:
    """A preview as the outside sees it."""
    counts: dict[str, int] = seen["counts"]
    campaign = Campaign.model_validate(row["campaign"])
    by_channel = _under(counts, "people")
    channels = [
        {
            "channel": channel,
            "people": number,
            "parts": counts[f"parts:{channel}"] or None,
            "cost": counts[f"cost:{channel}"],
        }
        for channel, number in by_channel.items()
    ]
    recipients = sum(by_channel.values())
    quota = None
    if ZNS in by_channel:
        left = (table.get(table_keys.quota(ZNS, local_day(now).isoformat())) or {}).get("left")
        kept = rules.zns_quota.kept_for_orders if campaign.purpose == "marketing" else 0
        enough = None if left is None else by_channel[ZNS] <= left - kept
        quota = {"needed": by_channel[ZNS], "left_today": left, "kept_for_orders": kept, "enough": enough}
    days = math.ceil(counts.get("budget", 0) / rules.daily_budget_vnd)
    if campaign.schedule.per_day:
        days = max(days, math.ceil(recipients / campaign.schedule.per_day))
    shown: dict[str, Any] = {
        "campaign_id": row["campaign_id"],
        "complete": seen["complete"],
        "as_of": seen["as_of"],
        "looked_at": counts.get("looked_at", 0),
        "fits": counts.get("fits", 0),
        "reachable": counts.get("reachable", 0),
        "held_out": counts.get("held_out", 0),
        "held_out_of_all": counts.get("held_out_of_all", 0),
        "recipients": recipients,
        "channels": channels,
        "cost": sum(entry["cost"] for entry in channels),
        "quota": quota,
        "days": days,
        "does_not_fit": _under(counts, "does_not_fit"),
        "not_reachable": _under(counts, "not_reachable"),
        "waits": _under(counts, "waits"),
    }
    return shown | {"warnings": _warnings(shown, row, campaign)}


def _warnings(shown: Mapping[str, Any], row: Item, campaign: Campaign) -> list[str]:
    """What an approver should know, as reasons that the playbook has words for."""
    found = []
    if any(e["channel"] == "sms_ad" and e["people"] < AD_LEAST for e in shown["channels"]):
        found.append("sms_ad_too_few")
    if shown["quota"] and shown["quota"]["enough"] is False:
        found.append("quota_short")
    if shown["days"] > (moment(row["until"]) - moment(shown["as_of"])).days + 1:
        found.append("ends_too_early")
    said = [str(value) for value in campaign.content.variables.values()]
    if any(int(number) > HALF for text in said for number in _PERCENT.findall(text)):
        found.append("discount_above_half")
    return found


def _under(counts: Mapping[str, int], group: str) -> dict[str, int]:
    """The counts of a group, by what stands behind the colon; the largest first."""
    found = {name.partition(":")[2]: n for name, n in counts.items() if name.startswith(f"{group}:")}
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))

"""Preview a campaign before its approval: how many customers it would reach, its cost, the quota it needs.

Each call judges a bounded number of customers and stores its counts; the next call continues from there. Customers are
judged by the policy that the run uses, so the run books what was previewed, unless customers change in between.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from shared.domain.campaigns.campaign import Campaign, StoredCampaign, StoredPreview, begins, worded
from shared.domain.messaging.channel_errors import AD_LEAST, ContentError
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.sms_encoding import measured
from shared.domain.messaging.template import CUSTOMER
from shared.domain.vietnam_time import local_day, moment, stamp
from shared.ports import Renderer, Table
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.campaigns.audience import ZNS, AudienceJudge, Cursor, Verdict, as_of, next_page
from shared.use_cases.campaigns.run import SENT

# A page takes about three requests; a call ends long before its endpoint times out.
PAGES_PER_CALL = 100
# A preview that was not continued for this long starts again.
GOES_STALE = timedelta(hours=1)
# A discount above this percentage needs a legal ground of its own, so approvers are warned.
HALF = 50
_PERCENT = re.compile(r"(\d{1,3})\s*%")


@dataclass(frozen=True)
class Preview:
    """What a preview needs."""

    table: Table
    renderer: Renderer
    now: datetime

    def advance(self, row: StoredCampaign, judge: AudienceJudge) -> StoredPreview:
        """Judge the next customers, or start again when the last preview is complete or stale; returns the preview.

        Raises Conflict when another call advances the same preview.
        """
        key = table_keys.campaign_preview(judge.campaign_id)
        uow = UnitOfWork(self.table)
        seen = cast(StoredPreview | None, uow.get(key))
        if seen is None or seen["complete"] or moment(seen["looked_at"]) < self.now - GOES_STALE:
            at = judge.opens(begins(judge.campaign, self.now))
            seen = {"as_of": stamp(at), "cursor": [0, ""], "complete": False, "counts": {}}
        counts: dict[str, int] = dict(seen["counts"])
        until, at = moment(row["until"]), moment(seen["as_of"])
        common = as_of(judge.situation(self.now), at)
        cursor: Cursor | None = Cursor(*seen["cursor"])
        for _ in range(judge.pages(PAGES_PER_CALL)):
            if cursor is None:
                break
            found, cursor = next_page(self.table, judge.campaign, cursor)
            for verdict in judge.judge([customer_id for customer_id, _ in found], common, until, anew=True):
                for name, amount in self._counted(judge, verdict).items():
                    counts[name] = counts.get(name, 0) + amount
        after: StoredPreview = {
            "as_of": seen["as_of"],
            "counts": counts,
            "complete": cursor is None,
            "cursor": list(cursor or ()),
            "looked_at": stamp(self.now),
        }
        uow.put(key, after)
        uow.commit()
        return after

    def last(self, campaign_id: str) -> StoredPreview | None:
        """The latest preview, complete or not."""
        return cast(StoredPreview | None, self.table.get(table_keys.campaign_preview(campaign_id), consistent=False))

    def _counted(self, judge: AudienceJudge, verdict: Verdict) -> dict[str, int]:
        """What one customer adds to the counts, by "name" or "group:name"."""
        counts = {"looked_at": 1}
        if verdict.missing:
            return counts | {f"does_not_fit:{verdict.missing[0]}": 1}
        counts["fits"] = 1
        if not verdict.reachable:
            return counts | {f"not_reachable:{verdict.decision.reason}": 1}
        channel = verdict.decision.channel
        try:
            parts, cost = self._price(judge, channel, verdict.traits)
        except ContentError:
            return counts | {"not_reachable:content_error": 1}
        counts["reachable"] = 1
        if (arm := judge.arm(verdict.customer_id)) != SENT:
            return counts | {arm: 1}
        if verdict.decision.outcome == "defer":
            counts[f"waits:{verdict.decision.reason}"] = 1
        return counts | {
            f"people:{channel}": 1,
            f"parts:{channel}": parts,
            f"cost:{channel}": cost,
            "budget": judge.price(channel),
        }

    def _price(self, judge: AudienceJudge, channel: str, traits: Mapping[str, Any]) -> tuple[int, int]:
        """(SMS parts, what the provider charges in VND) of one message; raises ContentError."""
        price = judge.price(channel)
        if channel == ZNS and judge.template.zns:
            return 0, judge.template.zns.price_vnd
        if channel in ("sms_care", "sms_ad"):
            variables = dict(judge.variables)
            if channel == "sms_care":
                variables[CUSTOMER] = traits
            sms = self.renderer.render(judge.template.id, channel, variables, message_id="0" * 44)
            counted = measured(sms.text, price)
            return counted.parts, counted.price
        charged = channel == "email" or (channel == "whatsapp" and judge.template.provider_template(channel))
        return 0, price if charged else 0


def show(seen: StoredPreview, row: StoredCampaign, rules: SendingRules, table: Table, now: datetime) -> dict[str, Any]:
    """A preview as the API shows it."""
    counts = seen["counts"]
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
    return shown | {"warnings": _warnings(shown, row)}


def _warnings(shown: Mapping[str, Any], row: StoredCampaign) -> list[str]:
    """What an approver should know, as reason codes of the playbook."""
    found = []
    if any(e["channel"] == "sms_ad" and e["people"] < AD_LEAST for e in shown["channels"]):
        found.append("sms_ad_too_few")
    if shown["quota"] and shown["quota"]["enough"] is False:
        found.append("quota_short")
    if shown["days"] > (moment(row["until"]) - moment(shown["as_of"])).days + 1:
        found.append("ends_too_early")
    texts = [str(value) for value in worded(row).values()]
    if any(int(number) > HALF for text in texts for number in _PERCENT.findall(text)):
        found.append("discount_above_half")
    return found


def _under(counts: Mapping[str, int], group: str) -> dict[str, int]:
    """The counts of a group by name, the largest first."""
    found = {name.partition(":")[2]: n for name, n in counts.items() if name.startswith(f"{group}:")}
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))

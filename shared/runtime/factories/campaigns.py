"""Campaigns of this deployment: made from the playbook, the table and the channels that have an account."""

from __future__ import annotations

from datetime import datetime

from shared.domain.campaigns.campaign import Campaign, StoredCampaign, worded
from shared.domain.errors import NotFound
from shared.domain.messaging.tracked_links import link_key
from shared.repositories.products import Products
from shared.repositories.provider_status import ProviderLimits
from shared.runtime import wiring
from shared.runtime.factories.channels import available
from shared.runtime.factories.rules_today import rules_today
from shared.runtime.playbook.content_help import content_help
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.staff import directory
from shared.runtime.playbook.templates import renderer, templates
from shared.use_cases.campaigns.audience import AudienceJudge
from shared.use_cases.campaigns.draft_content import DraftContent
from shared.use_cases.campaigns.manage import Campaigns
from shared.use_cases.campaigns.preview import Preview
from shared.use_cases.campaigns.run import CampaignRun


def audience_judge(row: StoredCampaign, now: datetime) -> AudienceJudge:
    """The judge of a campaign's audience; raises NotFound when the playbook no longer has its template."""
    outside, rules = wiring.outside(), sending_rules()
    campaign = Campaign.model_validate(row["campaign"])
    template = templates().get(campaign.content.template)
    if template is None:
        raise NotFound(f"the playbook has no template {campaign.content.template} any more")
    return AudienceJudge(
        table=outside.table,
        rules=rules,
        rules_today=rules_today(now),
        products=Products(outside.table, outside.memory, now),
        limits=ProviderLimits(outside.table, rules, outside.memory),
        campaign_id=row["campaign_id"],
        campaign=campaign,
        variables=worded(row),
        template=template,
        channels=frozenset(row["channels"]),
    )


def campaign_run(now: datetime) -> CampaignRun:
    """What runs the campaigns that are due."""
    outside = wiring.outside()
    return CampaignRun(outside.table, outside.messages, lambda row: audience_judge(row, now), now)


def preview(now: datetime) -> Preview:
    outside = wiring.outside()
    return Preview(outside.table, renderer(outside.public_url, link_key(outside.identity_key)), now)


def draft_content(now: datetime) -> DraftContent:
    """What has the words of campaigns drafted."""
    outside, rules = wiring.outside(), sending_rules()
    return DraftContent(
        table=outside.table,
        products=Products(outside.table, outside.memory, now),
        rules=content_help(),
        sensitive=rules.sensitive_categories,
        shop=shop(),
        names=tuple(sorted(directory().store_names)),
        templates=templates(),
        renderer=renderer(outside.public_url, link_key(outside.identity_key)),
        writer=outside.content_help,
        now=now,
    )


def campaigns(now: datetime) -> Campaigns:
    """What manages campaigns."""
    outside = wiring.outside()
    return Campaigns(
        table=outside.table,
        secret=outside.identity_key,
        rules=sending_rules(),
        templates=templates(),
        channels=available(outside.channel_accounts),
        renderer=renderer(outside.public_url, link_key(outside.identity_key)),
        queues=outside.messages,
        new_id=outside.new_id,
        now=now,
    )

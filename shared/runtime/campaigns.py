"""The campaigns of this deployment, for a door: the playbook around them, and the channels it can use."""

from __future__ import annotations

from datetime import datetime

from shared.domain.campaign import Campaign
from shared.domain.errors import NotFound
from shared.domain.links import link_key
from shared.ports import Item
from shared.runtime import wiring
from shared.runtime.channels import available
from shared.runtime.playbook import sending_rules
from shared.runtime.ruling import ruling
from shared.runtime.templates import renderer, templates
from shared.use_cases.campaign_people import People
from shared.use_cases.campaigns import Campaigns
from shared.use_cases.preview_campaign import Preview
from shared.use_cases.products import Products
from shared.use_cases.provider_limits import ProviderLimits
from shared.use_cases.run_campaign import CampaignRun


def people(row: Item, now: datetime) -> People:
    """What judges people for a campaign; raises NotFound when the playbook has lost its template."""
    outside, rules = wiring.outside(), sending_rules()
    campaign = Campaign.model_validate(row["campaign"])
    template = templates().get(campaign.content.template)
    if template is None:
        raise NotFound(f"the playbook has no template {campaign.content.template} any more")
    return People(
        table=outside.table,
        rules=rules,
        ruling=ruling(now),
        products=Products(outside.table, outside.memory, now),
        limits=ProviderLimits(outside.table, rules, outside.memory),
        campaign_id=row["campaign_id"],
        campaign=campaign,
        template=template,
        channels=frozenset(row["channels"]),
    )


def campaign_run(now: datetime) -> CampaignRun:
    """What the timers let campaigns go on with."""
    outside = wiring.outside()
    return CampaignRun(outside.table, outside.messages, lambda row: people(row, now), now)


def preview(now: datetime) -> Preview:
    outside = wiring.outside()
    return Preview(outside.table, renderer(outside.public_url, link_key(outside.identity_key)), now)


def campaigns(now: datetime) -> Campaigns:
    """What the door of campaigns works with."""
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

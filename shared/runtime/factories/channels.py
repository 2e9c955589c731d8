"""The channels of this deployment, from the accounts in its secret, and the dispatcher that uses them.

The secret is one JSON object; a channel without its account is not there, and messages take the next one:

    zalo       {app_id, app_secret, oa_id, webhook_secret}      also the laptop's oauth_url, business_url, openapi_url
    esms       {api_key, secret_key, brandname, callback_token, short_code_key?}      base_url
    aws_sms    {sender_id, region}                              instead of esms       endpoint_url, credentials
    ses        {sender, region, configuration_set?, reply_to?}                        endpoint_url, credentials
    whatsapp   {phone_number_id, region}                                              endpoint_url, credentials
    aws        {webhook_tokens, topics}                         what proves AWS's own callbacks; certificates
    messenger  {page_id, page_token, app_secret, verify_token}                        base_url
    kiotviet   {client_id, client_secret, retailer, branches}   takes draft orders    id_url, api_url
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.adapters.channels.internal import StaffCall, WebSlot
from shared.domain.common.channels import ChannelName
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.tracked_links import link_key
from shared.ports import Channel
from shared.repositories.provider_status import ProviderLimits
from shared.repositories.rate_limits import Pace
from shared.runtime import wiring
from shared.runtime.factories.roster import roster_of
from shared.runtime.logs import KEY_CAP_REACHED, logger
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.staff import directory
from shared.runtime.playbook.staff_notes import note_words, write
from shared.runtime.playbook.templates import renderer, templates
from shared.use_cases.messaging.dispatch_ad_batch import AdDispatcher
from shared.use_cases.staff.send_notifications import NotificationSender
from shared.use_cases.tasks.planned_calls import PlannedCalls

# What an account has to have, and which channels it opens.
ACCOUNTS: Mapping[str, tuple[tuple[ChannelName, ...], tuple[str, ...]]] = {
    "zalo": (("zns", "zalo"), ("app_id", "app_secret", "oa_id", "webhook_secret")),
    "esms": (("sms_care", "sms_ad"), ("api_key", "secret_key", "brandname", "callback_token")),
    "aws_sms": (("sms_care",), ("sender_id", "region")),
    "ses": (("email",), ("sender", "region", "configuration_set")),
    "whatsapp": (("whatsapp",), ("phone_number_id", "region")),
    "messenger": (("messenger",), ("page_id", "page_token", "app_secret", "verify_token")),
    "aws": ((), ("webhook_tokens",)),
    "kiotviet": ((), ("client_id", "client_secret", "retailer", "branches")),
}


class AccountState(NamedTuple):
    """One account as the secret has it: whether it is there, and what of it is not."""

    account: str
    channels: tuple[ChannelName, ...]
    configured: bool
    missing: tuple[str, ...]


def account_states(accounts: Mapping[str, Any]) -> list[AccountState]:
    """Every account a shop may have. SMS goes through one of esms and aws_sms, so the other one may be left out."""
    states = []
    for name, (opens, fields) in ACCOUNTS.items():
        account: Mapping[str, Any] = accounts.get(name) or {}
        missing = tuple(field for field in fields if not account.get(field))
        states.append(AccountState(name, opens, bool(account) and not missing, missing))
    return states


def available(accounts: Mapping[str, Any]) -> frozenset[str]:
    """The channels there is an account for, as `channels` opens them, without a provider's library."""
    found = {"call", "web"}
    for name, (opens, _) in ACCOUNTS.items():
        if accounts.get(name):
            found |= set(opens)
    return frozenset(found)


def dispatcher() -> AdDispatcher:
    """The dispatcher of the current outside, made once per process and secrets."""
    outside = wiring.outside()
    secret, accounts = outside.identity_key, outside.channel_accounts

    def make() -> AdDispatcher:
        rules = sending_rules()
        return AdDispatcher(
            table=outside.table,
            secret=secret,
            rules=rules,
            channels=channels(accounts, outside, rules),
            renderer=renderer(outside.public_url, link_key(secret)),
            clock=outside.clock,
            pace=Pace(outside.table, rules, outside.memory),
            limits=ProviderLimits(outside.table, rules, outside.memory),
            chance=random.random,
            roster=lambda: roster_of(outside.table, outside.memory, outside.clock()),
            on_key_cap=lambda key: logger.error(KEY_CAP_REACHED, key=key),
        )

    return outside.memory.client("dispatcher", (secret, accounts), make)


def staff_notes() -> NotificationSender:
    """What sends notes to staff from the current outside, by the channels of customers' messages."""
    sender, words = dispatcher(), note_words().notes
    return NotificationSender(
        table=sender.table,
        directory=directory(),
        channels=sender.channels,
        wanted=lambda kind: words[kind].channels,  # type: ignore[index]
        write=write,
        pace=sender.pace,
        clock=sender.clock,
        chance=sender.chance,
    )


def channels(accounts: Mapping[str, Any], outside: wiring.Outside, rules: SendingRules) -> dict[str, Channel]:
    """Every channel there is an account for; providers' libraries are only imported where they are used."""
    clock, table = outside.clock, outside.table
    found: dict[str, Channel] = {}
    price = {name: channel.price_vnd for name, channel in rules.channels.items()}
    if zalo := accounts.get("zalo"):
        from shared.adapters.channels.zalo_api import ZaloTemplate
        from shared.adapters.channels.zalo_oa import ZaloOa
        from shared.adapters.channels.zalo_token import ZaloTokens
        from shared.adapters.channels.zalo_zns import ZaloZns
        from shared.adapters.template_rendering import LIMITS

        account = {name: zalo[name] for name in ("app_id", "app_secret", "oa_id")}
        tokens = ZaloTokens(table, **account, clock=clock, **_given(zalo, oauth_url="oauth_url"))
        approved = {
            zns.template_id: ZaloTemplate(zns.price_vnd, {n: LIMITS[p.kind] for n, p in zns.parameters.items()})
            for template in templates().values()
            if (zns := template.zns)
        }
        found["zns"] = ZaloZns(tokens, approved, clock=clock, **_given(zalo, base_url="business_url"))
        found["zalo"] = ZaloOa(tokens, {}, clock=clock, **_given(zalo, base_url="openapi_url"))
    if esms := accounts.get("esms"):
        from shared.adapters.channels.esms import EsmsAds, EsmsCare

        options: dict[str, Any] = {
            "credentials": {name: esms[name] for name in ("api_key", "secret_key")},
            "brandname": esms["brandname"],
            "clock": clock,
            "price_per_part": price["sms_care"],
            **_given(esms, base_url="base_url"),
        }
        if "callback_token" in esms:
            options["callback_url"] = f"{outside.public_url}/webhooks/esms/{esms['callback_token']}"
        found["sms_care"] = EsmsCare(**options)
        found["sms_ad"] = EsmsAds(**{**options, "price_per_part": price["sms_ad"]})
    elif aws_sms := accounts.get("aws_sms"):
        from shared.adapters.channels.aws_sms import AwsSms

        found["sms_care"] = AwsSms(**aws_sms, price_per_part=price["sms_care"])
    if ses := accounts.get("ses"):
        from shared.adapters.channels.ses import Ses

        found["email"] = Ses(**ses, clock=clock, price=price["email"])
    if whatsapp := accounts.get("whatsapp"):
        from shared.adapters.channels.whatsapp import WhatsApp

        found["whatsapp"] = WhatsApp(**whatsapp, price=price["whatsapp"])
    if messenger := accounts.get("messenger"):
        from shared.adapters.channels.messenger import Messenger

        found["messenger"] = Messenger(
            messenger["page_id"],
            messenger["page_token"],
            {
                block.template.name: tuple(block.template.parameters)
                for template in templates().values()
                if (block := template.messenger) and block.template
            },
            clock=clock,
            app_secret=messenger.get("app_secret", ""),
            **_given(messenger, base_url="base_url"),
        )
    calls = PlannedCalls(table, clock, lambda: roster_of(table, outside.memory, clock()))
    found["call"] = StaffCall(calls.open, calls.find)
    found["web"] = WebSlot(table, clock)
    return found


def _given(account: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {parameter: account[name] for parameter, name in names.items() if name in account}

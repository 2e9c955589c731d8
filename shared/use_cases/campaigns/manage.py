"""Manage campaigns: create and validate, show and list, approve, pause, resume and cancel, send a test message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import ValidationError

from shared.domain.campaigns.campaign import Campaign, State, StoredCampaign, StoredWords, Verb, begins, moved, worded
from shared.domain.common.stored_item import without
from shared.domain.common.validation_text import field_errors, no_such_field
from shared.domain.customers.identity import Identity
from shared.domain.customers.profile import fold_members
from shared.domain.customers.reach import sees, stores_of
from shared.domain.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.domain.messaging.message import Intent
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.template import CUSTOMER, CannotRender, Template
from shared.domain.vietnam_time import stamp
from shared.ports import NewId, Queue, Renderer, Table
from shared.repositories import table_keys
from shared.repositories.campaign_counters import OUTCOMES, counted
from shared.repositories.messages import enqueue, plan
from shared.repositories.profiles import addresses, members_of
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.campaigns.run import closed
from shared.use_cases.customers.input import read_search
from shared.use_cases.customers.view import NOBODY, find, told_as

# How long a campaign without `schedule.until` may take.
ENDS_AFTER = timedelta(days=30)
# Nobody plans further; at the ends of the calendar no sum of days holds.
FURTHEST = timedelta(days=731)
STORY_KEPT = 50
# Test messages have a journey name of their own, so that no campaign counts them.
TEST_JOURNEY = "campaign_test"
# A customer with traits, to check that a text renders and whether it is the same for every customer.
_EXAMPLE = {"name": "Nguyễn Thị Lan", "gender": "female"}


@dataclass(frozen=True)
class Campaigns:
    """What managing campaigns needs. `channels` are those with an account in this deployment."""

    table: Table
    secret: bytes
    rules: SendingRules
    templates: Mapping[str, Template]
    channels: frozenset[str]
    renderer: Renderer
    queues: Mapping[str, Queue]
    new_id: NewId
    now: datetime

    # ---- create ----

    def create(self, body: Any, by: str, stores: frozenset[str]) -> StoredCampaign:
        """Create a draft. `stores` are those the caller's key is bound to; empty means all stores.

        Raises Invalid with every wrong field.
        """
        campaign, errors = _read(body)
        if campaign is not None:
            errors = self._wrong(campaign, stores)
        if campaign is None or errors:
            raise Invalid(errors)
        campaign_id = self.new_id()
        row: StoredCampaign = {
            "campaign_id": campaign_id,
            "campaign": campaign.model_dump(mode="json", exclude_none=True),
            "state": "draft",
            "made_by": by,
            "made_at": stamp(self.now),
            "channels": self._channels(campaign),
            "until": stamp(campaign.schedule.until or begins(campaign, self.now) + ENDS_AFTER),
            "cursor": [0, ""],
            "found": 0,
            "day": ["", 0],
            "minute": ["", 0],
            "counts": {"planned": 0, "held_out": 0, "held_out_of_all": 0},
            "story": [],
        }
        uow = UnitOfWork(self.table)
        uow.create(table_keys.campaign(campaign_id), row)
        uow.mark(table_keys.campaign_in_list(row["made_at"], campaign_id), {"campaign_id": campaign_id})
        uow.commit()
        return row

    def _channels(self, campaign: Campaign) -> list[str]:
        template = self.templates[campaign.content.template]
        wanted = campaign.content.channels or template.usable
        return [name for name in wanted if name in self.channels and name in template.usable]

    def _wrong(self, campaign: Campaign, stores: frozenset[str]) -> list[FieldError]:
        """What is wrong with a campaign that is well-formed: stores, schedule, template, variables, texts."""
        wrong = [
            FieldError(f"audience.stores[{n}]", "is not one of the key's stores")
            for n, store in enumerate(campaign.audience.stores)
            if stores and store not in stores
        ]
        if stores and not campaign.audience.stores:
            wrong.append(FieldError("audience.stores", f"must name the key's stores: {', '.join(sorted(stores))}"))
        schedule = campaign.schedule
        if schedule.send_at and schedule.send_at < self.now - timedelta(minutes=5):
            wrong.append(FieldError("schedule.send_at", "lies in the past"))
        if schedule.until and schedule.until <= self.now:
            wrong.append(FieldError("schedule.until", "lies in the past"))
        wrong += [
            FieldError(f"schedule.{name}", "lies more than two years ahead")
            for name, at in (("send_at", schedule.send_at), ("until", schedule.until))
            if at and at > self.now + FURTHEST
        ]
        template = self.templates.get(campaign.content.template)
        if template is None:
            return [*wrong, FieldError("content.template", "there is no such template")]
        if template.purpose != campaign.purpose:
            reason = f"is for {template.purpose} messages, the campaign is {campaign.purpose}"
            wrong.append(FieldError("content.template", reason))
        for n, channel in enumerate(campaign.content.channels):
            if channel not in template.channels:
                wrong.append(FieldError(f"content.channels[{n}]", "the template has no text for this channel"))
            elif channel not in template.usable:
                wrong.append(FieldError(f"content.channels[{n}]", "the template is not approved on this channel"))
            elif channel not in self.channels:
                wrong.append(FieldError(f"content.channels[{n}]", "this channel has no account here"))
        if not self._channels(campaign) and not campaign.content.channels:
            wrong.append(FieldError("content.template", "has no channel that can be used here"))
        unknown = sorted(campaign.content.variables.keys() - template.variables.keys())
        wrong += [FieldError(f"content.variables.{name}", "is not a variable of the template") for name in unknown]
        return list(dict.fromkeys([*wrong, *self._render_errors(campaign)]))

    def _render_errors(self, campaign: Campaign) -> list[FieldError]:
        """Why the message cannot be rendered, tried on every channel for a customer without and one with traits."""
        wrong, variables = [], campaign.content.variables
        for channel in self._channels(campaign):
            texts = set()
            for number, customer in enumerate(({}, _EXAMPLE)):
                # Links differ from message to message, so the two are different messages.
                try:
                    rendered = self.renderer.render(
                        campaign.content.template,
                        channel,
                        {**variables, CUSTOMER: customer},
                        message_id=f"{number:044d}",
                    )
                    texts.add(rendered.text)
                except CannotRender as error:
                    declared = error.variable in self.templates[campaign.content.template].variables
                    field = f"content.variables.{error.variable}" if declared else "content.template"
                    wrong.append(FieldError(field, error.reason if declared else f"{channel}: {error.reason}"))
            if channel == "sms_ad" and len(texts) > 1:
                reason = "an advertisement by SMS needs the same text for every customer"
                wrong.append(FieldError("content.template", f"sms_ad: {reason}"))
        return wrong

    # ---- show ----

    def row(self, campaign_id: str) -> StoredCampaign:
        """The stored campaign; raises NotFound."""
        row = self.table.get(table_keys.campaign(campaign_id))
        if row is None:
            raise NotFound("there is no such campaign")
        return cast(StoredCampaign, row)

    def show(self, row: StoredCampaign) -> dict[str, Any]:
        """A campaign as the API shows it: its content, its progress, the outcomes of its messages."""
        campaign = Campaign.model_validate(row["campaign"])
        counts, outcomes = row["counts"], counted(self.table, row["campaign_id"])
        content = campaign.model_dump(mode="json")
        content["schedule"]["until"] = row["until"]
        waits = row.get("waits")
        reason = {"reason": waits[0], **told_as(waits[0], self.rules.reasons), "until": waits[1]} if waits else None
        return {
            "campaign_id": row["campaign_id"],
            **content,
            "state": row["state"],
            "channels": row["channels"],
            "words": [_words(channel, approved) for channel, approved in row.get("words", {}).items()],
            "waits": reason,
            **{name: row.get(name) for name in ("made_by", "made_at", "approved_by", "approved_at")},
            **{name: row.get(name) for name in ("started_at", "ended_at", "ended")},
            "story": [dict(zip(("at", "what", "by"), line, strict=True)) for line in row["story"]],
            "counts": {
                **_with_total(counts),
                "waiting": counts["planned"] - sum(outcomes[name] for name in OUTCOMES),
                **{name: outcomes[name] for name in OUTCOMES},
            },
            "cost": outcomes["cost"],
        }

    def listed(self, stores: frozenset[str], limit: int, start: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """A page of the campaigns within `stores` (none: all), the newest first, and the start of the next page."""
        page = self.table.query(table_keys.CAMPAIGNS, descending=True, start=start, limit=limit, consistent=False)
        keys = [table_keys.campaign(item["campaign_id"]) for item in page.items]
        rows = self.table.batch_get(keys, consistent=False)
        names = ("campaign_id", "state", "made_by", "made_at", "approved_by", "started_at", "ended_at")
        shown = [
            {
                **{name: row.get(name) for name in names},
                "name": row["campaign"]["name"],
                "counts": _with_total(row["counts"]),
            }
            for key in keys
            if (row := cast(StoredCampaign | None, rows.get(key))) and within(row, stores)
        ]
        return shown, page.next

    # ---- change the state ----

    def change_state(self, campaign_id: str, verb: Verb, by: str, *, owner: bool = False) -> StoredCampaign:
        """Approve, pause, resume or cancel a campaign; returns it. Repeating a verb changes nothing.

        Raises NotFound, Busy, Conflict where the state does not allow the verb, and Forbidden where its creator
        approves it and is not the `owner`, whose shop may be too small to have a second approver.
        """
        key = table_keys.campaign(campaign_id)

        def change(uow: UnitOfWork) -> StoredCampaign:
            row = cast(StoredCampaign | None, uow.get(key))
            if row is None:
                raise NotFound("there is no such campaign")
            state = moved(row["state"], verb, started="started_at" in row)
            if verb == "approve" and by in _makers(row) and not owner:
                raise Forbidden("the creator of a campaign or of its words may not approve it; another key has to")
            if state != row["state"]:
                uow.put(key, self._changed(row, verb, state, by))
            return cast(StoredCampaign, uow.get(key))

        return committed(self.table, change)

    def _changed(self, row: StoredCampaign, verb: Verb, state: State, by: str) -> StoredCampaign:
        after: StoredCampaign = {
            **row,
            "state": state,
            "story": [*row["story"], [stamp(self.now), verb, by]][-STORY_KEPT:],
        }
        if verb == "cancel":
            return closed(after, state, "cancelled", self.now)
        if verb == "pause":
            return without(after, "due", "due_at", "waits")
        campaign = Campaign.model_validate(row["campaign"])
        at = begins(campaign, self.now)
        if verb == "approve":
            until = campaign.schedule.until or at + ENDS_AFTER
            if until <= self.now:
                raise Conflict("the campaign's `until` has passed", final=True)
            after = {**after, "approved_by": by, "approved_at": stamp(self.now), "until": stamp(until)}
        return {**after, "due": table_keys.timer_lane(row["campaign_id"]), "due_at": stamp(at)}

    # ---- test ----

    def test(self, row: StoredCampaign, body: Any, stores: frozenset[str]) -> dict[str, str]:
        """Send the message to one known customer, not counted; returns the ids of the message and the customer.

        Staff (customers with the trait `staff`) get it at any hour, other customers under the usual rules. Raises
        Invalid, and NotFound where no customer has the identity whom a key of `stores` may see (none: all).
        """
        who, channels = self._read_test(row, body)
        campaign = Campaign.model_validate(row["campaign"])
        uow = UnitOfWork(self.table)
        members = members_of(uow, find(self.table, who, self.secret))
        if not members or not sees(stores, stores_of(members)):
            raise NotFound(NOBODY)
        reached = [channel for channel in channels if channel in addresses(members)]
        if not reached:
            raise Invalid([FieldError("to", f"has no address on {', '.join(channels)}")])
        staff = fold_members(members)["traits"].get("@staff") is True
        intent = Intent(
            members[0]["customer_id"],
            TEST_JOURNEY,
            row["campaign_id"],
            self.new_id(),
            "transactional" if staff else campaign.purpose,
            campaign.content.template,
            worded(row),
            tuple(reached),
            send_before=self.now + timedelta(days=1),
            until_opened=False,
        )
        plan(uow, intent, self.now, self.rules)
        uow.commit()
        enqueue(self.queues[intent.purpose], [intent.message_id])
        return {"message_id": intent.message_id, "customer_id": intent.customer_id}

    def _read_test(self, row: StoredCampaign, body: Any) -> tuple[Identity, list[str]]:
        """The recipient and the channels of the body `{to: identity, channel?}`; raises Invalid."""
        if not isinstance(body, dict):
            raise Invalid([FieldError("body", "must be an object")])
        # A batch of advertisements has no single recipient.
        channels = [channel for channel in row["channels"] if channel != "sms_ad"]
        known = ("to", "channel")
        wrong = [FieldError(name, no_such_field(name, known)) for name in sorted(body.keys() - set(known))]
        if (channel := body.get("channel")) is not None:
            if channel not in channels:
                wrong.append(FieldError("channel", f"must be one of {', '.join(channels)}"))
            channels = [channel]
        if not channels:
            wrong.append(FieldError("channel", "an SMS advertisement goes out in batches, so it cannot be tested"))
        who = None
        try:
            who = read_search(body.get("to"))
        except Invalid as error:
            wrong += [FieldError("to" if e.field == "body" else f"to.{e.field}", e.reason) for e in error.errors]
        if wrong or who is None:
            raise Invalid(wrong)
        return who, channels


def within(row: StoredCampaign, stores: frozenset[str]) -> bool:
    """Whether a campaign's audience stays within the stores of a key (none: all): what it shows is about them alone."""
    targeted = set(row["campaign"]["audience"].get("stores", ()))
    return not stores or bool(targeted and targeted <= stores)


def _makers(row: StoredCampaign) -> set[str]:
    """Who made a campaign and who approved a model's words for it: a message needs two people (R18)."""
    return {row["made_by"], *(approved["approved_by"] for approved in row.get("words", {}).values())}


def _words(channel: str, approved: StoredWords) -> dict[str, Any]:
    """Approved words as the API shows them."""
    told = {name: value for name, value in approved.items() if name != "wording"}
    return {"channel": channel, **approved["wording"], **told}


def _with_total(counts: Mapping[str, int]) -> dict[str, int]:
    return {"targeted": sum(counts.values()), **counts}


def _read(body: Any) -> tuple[Campaign | None, list[FieldError]]:
    """The campaign of a request body, or every wrong field of it."""
    if not isinstance(body, dict):
        return None, [FieldError("body", "must be an object")]
    try:
        return Campaign.model_validate(body), []
    except ValidationError as error:
        return None, field_errors(error, body, Campaign)

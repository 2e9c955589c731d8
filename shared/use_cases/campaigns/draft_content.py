"""Have a model draft the words of a campaign, check every draft, and put the one that a person approves into it.

Off unless a stage names a model. The model is told the brief, the catalogue's facts and the segments in words; nothing
about any customer. Its drafts are kept, so that the same request is paid for once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict, TypeVar, cast

from pydantic import BaseModel, ValidationError

from shared.domain.campaigns.campaign import Campaign, StoredCampaign, StoredWords
from shared.domain.campaigns.content_brief import Approval, Brief, ContentHelp, DraftRequest
from shared.domain.catalogue.product import Product
from shared.domain.common.money import vnd
from shared.domain.common.outgoing_values import is_plain
from shared.domain.common.validation_text import field_errors
from shared.domain.customers.salutation import greet
from shared.domain.errors import Conflict, FieldError, Invalid, NotFound
from shared.domain.messaging.draft_checks import FACTS, DraftFacts, Limits, Problem, check, last_day, limits_of
from shared.domain.messaging.template import CUSTOMER, WORDS, CannotRender, Shop, SmsAd, Template
from shared.domain.messaging.template_lint import sources
from shared.domain.messaging.wording import Wording
from shared.domain.triage.redaction import redacted
from shared.domain.vietnam_time import VIETNAM, stamp
from shared.ports import CopyBrief, CopyWriter, Item, Key, Put, Renderer, Table, absent
from shared.repositories import table_keys
from shared.repositories.model_calls import may_call
from shared.repositories.products import Products
from shared.repositories.retry import committed
from shared.repositories.unit_of_work import UnitOfWork

BUDGET = "content_help"
KEPT = timedelta(days=90)
# The texts are measured with a long name, and a reader with and one without a name is tried.
_LONG_NAME = {"name": "Nguyễn Thị Phương", "gender": "female"}
_PLACES = "Hồ Chí Minh"
_FILLED_IN = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)

OFF_HERE = (
    "content help is off: name a model of Amazon Bedrock as content_help_model of the stage in infra/aws/stages.py, "
    "which sets KQ_CONTENT_MODEL"
)

_Read = TypeVar("_Read", bound=BaseModel)


class StoredDrafts(TypedDict, total=False):
    """The answer to one request as it is stored; `drafts` are `Wording`s, `tokens` those of question and answer."""

    pk: str
    sk: str
    version: int
    request: dict[str, Any]
    drafts: list[dict[str, str]]
    model: str
    tokens: list[int]
    made_by: str
    made_at: str
    ttl: int


class _Subject(NamedTuple):
    """What drafts of one request are held to."""

    template: Template
    channel: str
    variables: Mapping[str, Any]
    facts: DraftFacts
    limits: Limits


@dataclass(frozen=True)
class DraftContent:
    """What drafting needs. `writer` is None where content help is off; `names` are the shop's own names of stores."""

    table: Table
    products: Products
    rules: ContentHelp
    sensitive: tuple[str, ...]
    shop: Shop
    names: tuple[str, ...]
    templates: Mapping[str, Template]
    renderer: Renderer
    writer: CopyWriter | None
    now: datetime

    # ---- draft ----

    def draft(self, row: StoredCampaign, body: Any, by: str) -> dict[str, Any]:
        """Drafts for one channel, each with its problems; the same request is answered by the drafts it had.

        Raises Invalid, Busy where the model gives none, and Conflict where content help is off, the campaign is no
        draft any more, or the day's budget is used up.
        """
        if self.writer is None:
            raise Conflict(OFF_HERE, final=True)
        request = _read(body, DraftRequest)
        _still_a_draft(row)
        subject = self._subject(row, request)
        campaign_id, request_id = row["campaign_id"], _request_id(row["campaign_id"], request)
        key = table_keys.campaign_drafts(campaign_id, request_id)
        stored = self.table.get(key)
        if stored is None:
            if not may_call(self.table, BUDGET, self.rules.calls_a_day, self.now):
                raise Conflict(
                    f"today's {self.rules.calls_a_day} questions to the model are used up (calls_a_day in "
                    "content_help.yaml); tomorrow there are new ones",
                    final=True,
                )
            copy = self.writer.draft(self._brief(row, request, subject))
            made: StoredDrafts = {
                "request": request.model_dump(mode="json"),
                "drafts": [draft.model_dump(exclude_defaults=True) for draft in copy.drafts],
                "model": copy.model,
                "tokens": [copy.input_tokens, copy.output_tokens],
                "made_by": by,
                "made_at": stamp(self.now),
                "ttl": int((self.now + KEPT).timestamp()),
            }
            stored = self._kept({"pk": key.pk, "sk": key.sk, **made})
        return self._shown(request_id, cast(StoredDrafts, stored), subject)

    def _kept(self, item: Item) -> Item:
        """The item after it was put, or what another call of the same request put before."""
        try:
            self.table.write(Put(item, when=(absent(),)))
        except Conflict:
            return self.table.get(Key(item["pk"], item["sk"])) or item
        return item

    def _brief(self, row: StoredCampaign, request: DraftRequest, subject: _Subject) -> CopyBrief:
        """What the model is told: nothing that could name a person."""
        campaign, brief = Campaign.model_validate(row["campaign"]), request.brief
        parts = subject.template.parts(request.channel)
        ends = last_day(brief.offer_ends.astimezone(VIETNAM)) if brief.offer_ends else None
        catalogue = self._products(brief)
        told = {
            "channel": request.channel,
            "who": self.rules.who(campaign.audience),
            "goal": brief.goal,
            "offer": brief.offer,
            "offer_ends": ends.strftime("%H:%M %d/%m/%Y") if ends else "",
            "must_say": list(brief.must_say),
            "products": [_product(catalogue[sku]) for sku in brief.products],
            "shop": self.shop.name,
            "tone": self.rules.tone,
            "current": _current(subject.template, request.channel),
            "placeholders": [f"{{{{ {name} }}}}" for name in subject.facts.placeholders],
            "most": {part: subject.limits.most(part) for part in parts},
            "round": request.round,
        }
        return CopyBrief(told, request.count, parts)

    # ---- approve ----

    def approve(self, campaign_id: str, draft_id: str, body: Any, by: str) -> StoredCampaign:
        """Put a draft, as it is or as the person edited it, into the campaign; returns the campaign.

        The checks run again with the catalogue of today. A model's own words have to pass them all. What an edited
        text says beyond the facts is the person's responsibility, who confirms it; its form has to pass all the same.
        Approving the same again changes nothing. Raises NotFound, Invalid with the problems, and Conflict where the
        campaign is no draft any more.
        """
        approval = _read(body, Approval)
        request, draft = self._draft_of(campaign_id, draft_id)
        key = table_keys.campaign(campaign_id)

        def change(uow: UnitOfWork) -> StoredCampaign:
            row = cast(StoredCampaign | None, uow.get(key))
            if row is None:
                raise NotFound("there is no such campaign")
            _still_a_draft(row)
            edits = approval.model_dump(exclude={"facts_confirmed"}, exclude_none=True)
            words = draft.model_copy(update=edits)
            edited = words != draft
            confirmed = self._confirmed(self._subject(row, request), words, approval, edited=edited)
            wording = words.model_dump(exclude_defaults=True)
            before = row.get("words", {}).get(request.channel)
            if before and (before["wording"], before["draft_id"]) == (wording, draft_id):
                return row
            approved: StoredWords = {
                "wording": wording,
                "draft_id": draft_id,
                "edited": edited,
                "confirmed": confirmed,
                "approved_by": by,
                "approved_at": stamp(self.now),
            }
            uow.put(key, {**row, "words": {**row.get("words", {}), request.channel: approved}})
            # What it said of prices and parts was of the words before.
            if uow.get(preview := table_keys.campaign_preview(campaign_id)):
                uow.delete(preview)
            return cast(StoredCampaign, uow.get(key))

        return committed(self.table, change)

    def _draft_of(self, campaign_id: str, draft_id: str) -> tuple[DraftRequest, Wording]:
        request_id, _, number = draft_id.partition("-")
        stored = cast(StoredDrafts | None, self.table.get(table_keys.campaign_drafts(campaign_id, request_id)))
        if stored is None or not re.fullmatch(r"[1-9]", number) or int(number) > len(stored["drafts"]):
            raise NotFound("the campaign has no such draft")
        draft = Wording.model_validate(stored["drafts"][int(number) - 1])
        return DraftRequest.model_validate(stored["request"]), draft

    def _confirmed(self, subject: _Subject, words: Wording, approval: Approval, *, edited: bool) -> list[str]:
        """The codes of what a person answers for; raises Invalid with what nobody can."""
        problems = self._problems(subject, words)
        facts = [problem for problem in problems if problem.code in FACTS]
        if approval.facts_confirmed and not edited:
            reason = "is for a text that a person edited; the model's own words have to pass every check"
            raise Invalid([FieldError("facts_confirmed", reason)])
        answered = edited and approval.facts_confirmed
        refused = [problem for problem in problems if problem not in facts or not answered]
        if refused:
            raise Invalid(
                [
                    FieldError(problem.part, f"{self._told(problem)['why_en']} “{problem.quote}” ({problem.code})")
                    for problem in refused
                ],
                "The draft cannot be approved.",
            )
        return sorted({problem.code for problem in facts})

    # ---- what drafts are held to ----

    def _subject(self, row: StoredCampaign, request: DraftRequest) -> _Subject:
        """Raises Invalid for a channel whose words are not free, products there are not, and personal data."""
        campaign = Campaign.model_validate(row["campaign"])
        template = self.templates.get(campaign.content.template)
        if template is None:
            raise NotFound(f"the playbook has no template {campaign.content.template} any more")
        free = [channel for channel in row["channels"] if template.parts(channel)]
        if request.channel not in free:
            reason = f"must be a channel of the campaign whose words are not registered: {', '.join(free) or 'none'}"
            raise Invalid([FieldError("channel", reason)])
        catalogue = self._products(request.brief)
        self._refuse_persons(request.brief, catalogue.values())
        facts = DraftFacts(
            said=(
                request.brief.goal,
                request.brief.offer,
                self.shop.name,
                *self.rules.who(campaign.audience),
                _current(template, request.channel),
            ),
            must_say=request.brief.must_say,
            prices={product.name: product.price for product in catalogue.values()},
            offer_ends=request.brief.offer_ends,
            placeholders=_placeholders(template, request.channel, self.shop, campaign.content.variables),
        )
        limits = limits_of(template, request.channel, self.shop)
        return _Subject(template, request.channel, campaign.content.variables, facts, limits)

    def _products(self, brief: Brief) -> dict[str, Product]:
        """The products of a brief by SKU; raises Invalid for those there are not, those no message names (R6), and
        names with a link or a number in them."""
        found = self.products.load(brief.products)
        hidden = {word.casefold() for word in self.sensitive}
        wrong = []
        for number, sku in enumerate(brief.products):
            if sku not in found:
                wrong.append(FieldError(f"brief.products[{number}]", "is not in the catalogue"))
            elif found[sku].category.strip().casefold() in hidden:
                wrong.append(FieldError(f"brief.products[{number}]", "is of a category that no message names (R6)"))
            elif not is_plain(found[sku].name):
                wrong.append(FieldError(f"brief.products[{number}]", "has a link or a number to call in its name"))
        if wrong:
            raise Invalid(wrong)
        return found

    def _refuse_persons(self, brief: Brief, products: Iterable[Product]) -> None:
        """Raises Invalid for a brief that seems to hold a name, a number or an address of a person."""
        own = [self.shop.name, self.shop.address, *self.names, *(product.name for product in products), _PLACES]
        wrong = []
        for name, text in brief.written.items():
            for word in own:
                text = re.sub(re.escape(word), " ", text, flags=re.IGNORECASE)
            if redacted(text) != text:
                reason = "seems to name a person, a number or an address; nothing personal goes to the model"
                wrong.append(FieldError(f"brief.{name}", reason))
        if wrong:
            raise Invalid(wrong)

    def _problems(self, subject: _Subject, draft: Wording) -> list[Problem]:
        """What is wrong with a draft; one that passes is also written out, for a reader with and one without a name."""
        found = check(draft, subject.facts, subject.limits)
        if any(problem.code not in FACTS for problem in found):
            return found
        words = {WORDS: {subject.channel: draft.model_dump()}}
        for number, reader in enumerate(({}, _LONG_NAME)):
            try:
                self.renderer.render(
                    subject.template.id,
                    subject.channel,
                    {**subject.variables, **words, CUSTOMER: reader},
                    message_id=f"{number:044d}",
                )
            except CannotRender as error:
                return [*found, Problem("unsendable", "text", f"{error.variable} {error.reason}".strip())]
        return found

    # ---- show ----

    def _shown(self, request_id: str, stored: StoredDrafts, subject: _Subject) -> dict[str, Any]:
        drafts = []
        for number, draft in enumerate(stored["drafts"], 1):
            problems = self._problems(subject, Wording.model_validate(draft))
            drafts.append(
                {
                    "draft_id": f"{request_id}-{number}",
                    **draft,
                    "problems": [{**problem._asdict(), **self._told(problem)} for problem in problems],
                    "usable": not problems,
                }
            )
        return {
            "channel": subject.channel,
            "drafts": drafts,
            "model": stored["model"],
            "tokens": dict(zip(("input", "output"), stored["tokens"], strict=True)),
            "made_by": stored["made_by"],
            "made_at": stored["made_at"],
        }

    def _told(self, problem: Problem) -> dict[str, str]:
        words = self.rules.problems[problem.code]
        return {"why": words.vi, "why_en": words.en}


def _read(body: Any, model: type[_Read]) -> _Read:
    """The body of a request; raises Invalid with every wrong field."""
    if not isinstance(body, dict):
        raise Invalid([FieldError("body", "must be an object")])
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Invalid(field_errors(error, body, model)) from None


def _still_a_draft(row: StoredCampaign) -> None:
    if row["state"] != "draft":
        raise Conflict(f"the words of a campaign that is {row['state']} stay as they were approved", final=True)


def _request_id(campaign_id: str, request: DraftRequest) -> str:
    asked = json.dumps([campaign_id, request.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _product(product: Product) -> dict[str, str]:
    """What the model is told of a product: what it is called, what it is and what it costs."""
    price = vnd(product.price) if product.price is not None else ""
    return {"name": product.name, "category": product.category, "price": price}


def _current(template: Template, channel: str) -> str:
    """The template's own Vietnamese words on a channel, without what is filled in."""
    texts = [source.text for source in sources(template) if source.path[0] == channel and source.path[-1] == "vi"]
    return "\n".join(" ".join(_FILLED_IN.sub("…", text).split()) for text in texts)


def _placeholders(template: Template, channel: str, shop: Shop, variables: Mapping[str, Any]) -> dict[str, str]:
    """What may stand in a draft, each with a value to measure by. An advertising SMS is one text for all, and what is
    sensitive or an address stays out (R6, R11)."""
    for_all = isinstance(template.block(channel), SmsAd)
    given = {"shop.sms_name": shop.sms_name} if for_all else {"shop.name": shop.name}
    if not for_all:
        greeting = greet(_LONG_NAME)
        given |= {f"greeting.{name}": getattr(greeting, name) for name in ("opening", "called", "address")}
        given |= {f"links.{name}": f"{shop.website}/r/{'0' * 60}" for name in template.links}
    for name, variable in template.variables.items():
        plain = variable.kind in ("text", "code", "store") and not variable.sensitive
        if plain and (variable.same_for_all or not for_all) and (variables.get(name) or variable.required):
            given[name] = str(variables.get(name, variable.sample))
    return given

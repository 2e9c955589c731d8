"""Compares what two files of the playbook say about the same thing, and checks names used across files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from string import Formatter

from shared.domain.bot.reply import BotRules
from shared.domain.common.lint import Finding, unknown_names
from shared.domain.common.playbook_rules import SegmentRules, WinbackRules
from shared.domain.journeys.definition import Journey
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.template import Shop
from shared.domain.onboarding.checklist import Blueprint
from shared.domain.segments.segmentation import LIFECYCLE, VALUE
from shared.domain.tasks.appointment import AppointmentRules
from shared.domain.tickets.routing import Routing
from shared.domain.vouchers.offer import Book as Offers
from shared.repositories.event_sources import KINDS
from shared.runtime.playbook.appointments import FILE as APPOINTMENTS
from shared.runtime.playbook.bot import RULES as BOT
from shared.runtime.playbook.checklist import FILE as BLUEPRINT
from shared.runtime.playbook.journeys import FILES as JOURNEYS
from shared.runtime.playbook.journeys import OF_PRESETS
from shared.runtime.playbook.loader import PRESETS, SHOP, Book, Mistake, unknown_presets
from shared.runtime.playbook.offers import FILE as OFFERS
from shared.runtime.playbook.rules import SEGMENTS, SENDING, WINBACK, read_sending
from shared.runtime.playbook.staff import ROUTING
from shared.runtime.playbook.templates import FILES as TEMPLATES
from shared.use_cases.onboarding.checklist_status import CHECKS

# A number to call has at least so many digits; a short code to write to has fewer.
_DIGITS_TO_CALL = 8
# Two addresses this much alike are meant to be the same one.
_ALIKE = 0.8
# What sends marketing and is no journey.
_CAMPAIGN = "campaign"
# What win-back says where the customer has not lapsed by the calendar.
_PERSONAL = "personal"
_TIME = re.compile(r"(\d+)\s*(h|giờ|hours?|ngày|days?)\b", re.IGNORECASE)
_TIME_OF_OFFER = re.compile(r"ưu đãi (\d+)\s*(h|giờ|ngày)\b", re.IGNORECASE)
_BRACES = re.compile(r"\{\w+\}")
_WINBACK_WORDS = {"days", "visits", "amount"}


def lint(book: Book) -> Iterator[Mistake]:
    """Every contradiction between two files, and every name that does not exist in the other one."""
    yield from _shop(book)
    yield from _offers(book)
    yield from _winback(book)
    yield from _sending(book)
    yield from _segments(book)
    yield from _bot(book)
    yield from _blueprint(book)


def _shop(book: Book) -> Iterator[Mistake]:
    shop = book.get(SHOP, Shop)
    if shop is None:
        return
    marks = book.marks(SHOP)
    yield from unknown_presets(book.folder, marks, shop.presets)
    hotline = _digits(shop.hotline)
    for number in re.findall(r"\d[\d .]+\d", shop.opt_out_sms):
        if len(_digits(number)) >= _DIGITS_TO_CALL and _digits(number) != hotline:
            yield marks.mistake(("opt_out_sms",), f"names {number}, and the hotline is {shop.hotline}")
    appointments = book.get(APPOINTMENTS, AppointmentRules)
    addresses = [place.address for place in appointments.stores.values()] if appointments else []
    if shop.address not in addresses:
        for other in addresses:
            if SequenceMatcher(None, shop.address, other).ratio() >= _ALIKE:
                yield marks.mistake(("address",), f"is written otherwise in {APPOINTMENTS}: {other}")


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _offers(book: Book) -> Iterator[Mistake]:
    """Validity of offers: in their titles and in the texts of journeys that issue them."""
    offers = book.get(OFFERS, Offers)
    if offers is None:
        return
    for name, offer in offers.offers.items():
        for lang in ("vi", "en"):
            for told in _TIME.finditer(offer.title.in_language(lang)):
                if _span(told) != offer.valid:
                    at = ("offers", name, "title", lang)
                    yield book.marks(OFFERS).mistake(at, f"says {told[0]}, and the offer is valid {offer.valid}")
    for file in (*book.names(JOURNEYS), *book.names(OF_PRESETS)):
        journey = book.get(file, Journey)
        steps = list(enumerate(journey.steps)) if journey else []
        valid = {offers.offers[step.offer].valid for _, step in steps if step.offer in offers.offers}
        for number, step in steps:
            for field in ("title", "reason") if step.task else ():
                for told in _TIME_OF_OFFER.finditer(getattr(step.task, field)):
                    if valid and _span(told) not in valid:
                        at = ("steps", str(number), "task", field)
                        yield book.marks(file).mistake(at, f"says {told[0]}, and the offer is valid {', '.join(valid)}")


def _span(told: re.Match[str]) -> str:
    """A time in words as offers.yaml writes it."""
    return f"{told[1]}{'h' if told[2][0].lower() in 'hg' else 'd'}"


def _winback(book: Book) -> Iterator[Mistake]:
    rules, offers = book.get(WINBACK, WinbackRules), book.get(OFFERS, Offers)
    if rules is None:
        return
    found: list[Finding] = []
    for field, names, known, what in (
        ("actions", rules.actions, VALUE, "value tier"),
        ("offers", rules.offers, VALUE, "value tier"),
        ("reasons", rules.reasons, (*LIFECYCLE, _PERSONAL), "reason"),
    ):
        found += [Finding((field, name), unknown_names(what, name, known)) for name in names if name not in known]
    if offers:
        found += [
            Finding(("offers", tier), f"{unknown_names('offer', offer, offers.offers)} in {OFFERS}")
            for tier, offer in rules.offers.items()
            if offer not in offers.offers
        ]
    if _PERSONAL not in rules.reasons:
        found.append(Finding(("reasons", _PERSONAL), "is missing"))
    found += [
        Finding(("reasons", name), wrong)
        for name, text in rules.reasons.items()
        if (wrong := _wrong_braces(text, _WINBACK_WORDS))
    ]
    yield from book.marks(WINBACK).mistakes(found)


def _wrong_braces(text: str, known: set[str]) -> str:
    try:
        used = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except ValueError as error:
        return f"cannot be filled in: {error}"
    strangers = sorted(used - known)
    return f"may not say {{{strangers[0]}}}; it may say {', '.join(sorted(known))}" if strangers else ""


def _sending(book: Book) -> Iterator[Mistake]:
    rules = book.get(SENDING, SendingRules)
    known = [Path(name).stem for pattern in (JOURNEYS, OF_PRESETS) for name in book.names(pattern)] + [_CAMPAIGN]
    for field in ("priorities", "journey_budget_vnd") if rules else ():
        for name in getattr(rules, field):
            if name not in known:
                yield book.marks(SENDING).mistake((field, name), unknown_names("journey", name, known))
    for name in book.names(f"{PRESETS}/*/{SENDING}"):
        yield from read_sending(book.folder, (Path(name).parts[1],))[1]


def _segments(book: Book) -> Iterator[Mistake]:
    rules = book.get(SEGMENTS, SegmentRules)
    for field in ("silent_days", "visits", "spend") if rules else ():
        bounds = getattr(rules.first_cutoffs, field) if rules else ()
        if list(bounds) != sorted(bounds):
            yield book.marks(SEGMENTS).mistake(("first_cutoffs", field), "must rise from bound to bound")


def _bot(book: Book) -> Iterator[Mistake]:
    rules, routing = book.get(BOT, BotRules), book.get(ROUTING, Routing)
    if rules and routing:
        for number, intent in enumerate(routing.bot_intents):
            if intent not in rules.intents:
                at = ("bot_intents", str(number))
                yield book.marks(ROUTING).mistake(at, f"{intent} is not among the intents of {BOT}")


def _blueprint(book: Book) -> Iterator[Mistake]:
    plan = book.get(BLUEPRINT, Blueprint)
    if plan is None:
        return
    templates = [Path(name).stem for name in book.names(TEMPLATES)]
    found = [
        Finding(("sources", name), unknown_names("source", name, KINDS))
        for name in sorted(plan.sources.keys() - set(KINDS))
    ]
    for number, item in enumerate(plan.items):
        at = ("items", str(number))
        if item.check not in CHECKS:
            found.append(Finding((*at, "check"), unknown_names("check", item.check, CHECKS)))
        known = {"source": KINDS, "live": templates}.get(item.check, item.of)
        what = "template" if item.check == "live" else "source"
        for n, name in enumerate(item.of):
            if name not in known:
                found.append(Finding((*at, "of", str(n)), unknown_names(what, name, known)))
        for field, text in (("evidence", item.evidence), ("missing", item.missing)):
            if text.en and (apart := set(_BRACES.findall(text.vi)) ^ set(_BRACES.findall(text.en))):
                found.append(Finding((*at, field), f"says {', '.join(sorted(apart))} in one language only"))
    yield from book.marks(BLUEPRINT).mistakes(found)

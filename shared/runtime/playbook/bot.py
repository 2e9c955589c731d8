"""Reads the bot's FAQ, words and rules, and fills answers with the figures that the rest of the playbook keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from shared.adapters.jinja_sandbox import InvalidValue, Sandbox
from shared.domain.bot.faq import BilingualText, Entry, Faq, FaqFile, FaqSynonyms
from shared.domain.bot.opening_hours import closed_days, opening_hours
from shared.domain.bot.reply import BotRules
from shared.domain.common.lint import Finding
from shared.domain.common.playbook_rules import SegmentRules, ValueRules
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.template import Shop
from shared.domain.staff.business_hours import Hours
from shared.domain.staff.directory import Directory
from shared.domain.vouchers.offer import Book as Offers
from shared.runtime.playbook.loader import PLAYBOOK, Book, Mistake, PlaybookError, load
from shared.runtime.playbook.offers import load_offers, offers
from shared.runtime.playbook.rules import SEGMENTS, load_sending_rules, rules, sending_rules
from shared.runtime.playbook.shop import load_shop, shop
from shared.runtime.playbook.staff import STAFF, directory
from shared.runtime.playbook.templates import sandbox
from shared.runtime.playbook.triage import lexicon_of, vocabulary

FAQ, WORDS, RULES = "faq.yaml", "faq_words.yaml", "bot.yaml"
_SPOILED = (TemplateError, InvalidValue, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_FACT = re.compile(r"\bfacts\.(\w+)")
_FILLED_IN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


@cache
def bot() -> tuple[BotRules, Faq, FaqFile]:
    """The bot that ships with this deployment."""
    return load_bot(PLAYBOOK)


def load_bot(folder: Path) -> tuple[BotRules, Faq, FaqFile]:
    """The bot of a playbook folder; raises PlaybookError with the first thing wrong."""
    said, page = load(folder, RULES, BotRules), load(folder, FAQ, FaqFile)
    # A door has cached most of these files already.
    values = (
        _values(page, shop(), offers(), sending_rules(), directory().hours, rules().value)
        if folder == PLAYBOOK
        else _values_in(folder, page)
    )
    texts = sandbox(folder)
    try:
        said = said.model_copy(
            update={"lines": {name: _filled(line, texts, values) for name, line in said.lines.items()}}
        )
        page = page.model_copy(update={"entries": tuple(_complete(entry, texts, values) for entry in page.entries)})
    except _SPOILED as error:
        wrong = list(lint(Book(folder)))
        raise PlaybookError(str(wrong[0]) if wrong else str(error)) from error
    spell = lexicon_of(vocabulary()).speller.words
    words = load(folder, WORDS, FaqSynonyms)
    faq = Faq(
        (*page.entries, *said.small_talk),
        said.order_questions,
        said.for_people,
        words,
        lambda text: spell(text).plain,
    )
    return said, faq, page


def _values_in(folder: Path, page: FaqFile) -> dict[str, Any]:
    return _values(
        page,
        load_shop(folder),
        load_offers(folder),
        load_sending_rules(folder),
        load(folder, STAFF, Directory).hours,
        load(folder, SEGMENTS, SegmentRules).value,
    )


def _values(
    page: FaqFile, facts: Shop, given: Offers, sending: SendingRules, hours: Hours, value: ValueRules
) -> dict[str, Any]:
    """What an answer may speak of."""
    return {
        "shop": facts,
        "offers": given.offers,
        "exchange_days": sending.exchange_days,
        "facts": page.facts,
        "hours": opening_hours(hours, page.weekdays),
        "closed": closed_days(hours),
        "vip": {"months": _months(value.window_days), "kept_months": _months(value.vip_kept_days)},
    }


def _months(days: int) -> int:
    return round(days * 12 / 365)


def _complete(entry: Entry, texts: Sandbox, values: Mapping[str, Any]) -> Entry:
    return entry.model_copy(update={"answer": _filled(entry.answer, texts, values)})


def _filled(said: BilingualText, texts: Sandbox, values: Mapping[str, Any]) -> BilingualText:
    # Most answers speak of no figure, and compiling a text takes its time.
    vi, en = (texts.text(text, values).strip() if "{{" in text or "{%" in text else text for text in (said.vi, said.en))
    return BilingualText(vi=vi, en=en)


# ---- checking ----


def lint(book: Book) -> Iterator[Mistake]:
    """Answers that cannot be rendered or whose figures differ between languages, and unused facts."""
    page, said = book.get(FAQ, FaqFile), book.get(RULES, BotRules)
    if page:
        yield from book.marks(FAQ).mistakes([*_unused(page), *_told_apart(page)])
        try:
            values = _values_in(book.folder, page)
        except PlaybookError:
            return  # said of the file that cannot be read
        texts = sandbox(book.folder)
        yield from book.marks(FAQ).mistakes(_unwritable(_page_texts(page), texts, values))
        if said:
            yield from book.marks(RULES).mistakes(_unwritable(_line_texts(said), texts, values))


def _unused(page: FaqFile) -> Iterator[Finding]:
    answers = "".join(text for _, text in _page_texts(page))
    used = set(_FACT.findall(answers))
    for name in page.facts:
        if name not in used:
            yield Finding(("facts", name), "no answer speaks of it")


def _told_apart(page: FaqFile) -> Iterator[Finding]:
    for number, entry in enumerate(page.entries):
        vi, en = (set(re.findall(r"\d+", _FILLED_IN.sub("", text))) for text in (entry.answer.vi, entry.answer.en))
        if vi != en:
            figures = ", ".join(sorted(vi ^ en))
            yield Finding(("entries", str(number), "answer"), f"says {figures} in one language only")


def _unwritable(
    said: Iterator[tuple[tuple[str, ...], str]], texts: Sandbox, values: Mapping[str, Any]
) -> Iterator[Finding]:
    for path, text in said:
        try:
            texts.text(text, values)
        except _SPOILED as error:
            yield Finding(path, f"cannot be written: {error}")


def _page_texts(page: FaqFile) -> Iterator[tuple[tuple[str, ...], str]]:
    for number, entry in enumerate(page.entries):
        yield ("entries", str(number), "answer", "vi"), entry.answer.vi
        yield ("entries", str(number), "answer", "en"), entry.answer.en


def _line_texts(said: BotRules) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, line in said.lines.items():
        yield ("lines", name, "vi"), line.vi
        yield ("lines", name, "en"), line.en

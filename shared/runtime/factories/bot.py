"""The bot of this deployment: the playbook's FAQ and rules, with the shop's own figures written into every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from shared.adapters.jinja_sandbox import InvalidValue, Sandbox
from shared.domain.bot.faq import BilingualText, Entry, Faq, FaqFile, FaqSynonyms
from shared.domain.bot.reply import Answer, BotRequest, BotRules, HandOver, reply
from shared.domain.customers.profile import Profile
from shared.repositories.products import Products
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories import journeys
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError, load_sending_rules, sending_rules
from shared.runtime.playbook.offers import load_offers
from shared.runtime.playbook.templates import load_shop, sandbox
from shared.runtime.playbook.triage import lexicon_of, vocabulary
from shared.runtime.playbook.yaml_source import Mistake, load, read
from shared.use_cases.bot.recent_orders import recent_orders

FAQ, WORDS, RULES = "faq.yaml", "faq_words.yaml", "bot.yaml"
# What is typed into the page's search box, and what it answers with: a person chooses, so it may be less alike.
LONGEST_QUESTION, _SHOWN, _WORTH_A_LOOK = 200, 4, 20
_SPOILED = (TemplateError, InvalidValue, ValueError, TypeError, LookupError, AttributeError)


def answer(asked: BotRequest) -> Answer | HandOver:
    """What the bot says to a message, or why a person has to."""
    rules, faq, _ = _bot()
    return reply(asked, faq, rules)


def orders(now: datetime) -> Callable[[UnitOfWork, list[Profile]], Sequence[Mapping[str, Any]]]:
    """What loads a customer's recent orders for the bot."""
    outside = wiring.outside()
    products = Products(outside.table, outside.memory, now)
    hosts = journeys.world(outside.shadow_first).link_hosts
    return lambda uow, members: recent_orders(uow, members, sending_rules(), products, hosts)


@cache
def faq_page() -> dict[str, Any]:
    """The FAQ as the public page shows it: {topics: [{intent, heading, entries}], updated_on, longest}."""
    page = _bot()[2]
    entries = [_spoken(entry) for entry in page.entries]
    topics = [
        {"intent": intent, "heading": heading, "entries": [entry for entry in entries if entry.intent == intent]}
        for intent, heading in page.topics.items()
    ]
    return {
        "topics": [topic for topic in topics if topic["entries"]],
        "updated_on": max(entry.updated_on for entry in entries),
        "longest": LONGEST_QUESTION,
    }


def like(text: str) -> list[tuple[str, int]]:
    """The entries by how alike a text is to them in percent, the best first."""
    return _bot()[1].like(text)


def search(question: str) -> list[Entry]:
    """The entries of the page that may answer a question, the best first."""
    on_page = {entry.id: entry for entry in _bot()[2].entries}
    likely = [on_page[name] for name, percent in like(question) if percent >= _WORTH_A_LOOK and name in on_page]
    return likely[:_SHOWN]


def _spoken(entry: Entry) -> Entry:
    """An entry as a page speaks to whoever reads it."""
    said = {"vi": entry.answer.vi.replace("{you}", "bạn").replace("{You}", "Bạn"), "en": entry.answer.en}
    return entry.model_copy(update={"answer": BilingualText(**said)})


@cache
def _bot() -> tuple[BotRules, Faq, FaqFile]:
    return load_bot(PLAYBOOK)


def load_bot(folder: Path) -> tuple[BotRules, Faq, FaqFile]:
    """The bot of a playbook folder; raises PlaybookError with the first thing wrong."""
    rules, page = load(folder / RULES, BotRules), load(folder / FAQ, FaqFile)
    texts, values = sandbox(folder), _values(folder, page)
    try:
        rules = rules.model_copy(
            update={"lines": {name: _filled(said, texts, values) for name, said in rules.lines.items()}}
        )
        page = page.model_copy(update={"entries": tuple(_complete(entry, texts, values) for entry in page.entries)})
    except _SPOILED as error:
        wrong = check(folder)
        raise PlaybookError(str(wrong[0]) if wrong else str(error)) from error
    spell = lexicon_of(vocabulary()).speller.words
    words = load(folder / WORDS, FaqSynonyms)
    faq = Faq(
        (*page.entries, *rules.small_talk),
        rules.order_questions,
        rules.for_people,
        words,
        lambda text: spell(text).plain,
    )
    return rules, faq, page


def _values(folder: Path, page: FaqFile) -> dict[str, Any]:
    """What an answer may speak of."""
    return {
        "shop": load_shop(folder),
        "offers": load_offers(folder).offers,
        "exchange_days": load_sending_rules(folder).exchange_days,
        "facts": page.facts,
    }


def _complete(entry: Entry, texts: Sandbox, values: Mapping[str, Any]) -> Entry:
    return entry.model_copy(update={"answer": _filled(entry.answer, texts, values)})


def _filled(said: BilingualText, texts: Sandbox, values: Mapping[str, Any]) -> BilingualText:
    # Most answers speak of no figure, and compiling a text takes its time.
    vi, en = (texts.text(text, values).strip() if "{{" in text or "{%" in text else text for text in (said.vi, said.en))
    return BilingualText(vi=vi, en=en)


# ---- checking ----


def check(folder: Path) -> list[Mistake]:
    """Everything wrong with the FAQ and the rules of the bot in a playbook folder."""
    mistakes: list[Mistake] = []
    page, page_marks, wrong = read(folder / FAQ, FaqFile)
    mistakes += wrong
    rules, rules_marks, wrong = read(folder / RULES, BotRules)
    mistakes += wrong + read(folder / WORDS, FaqSynonyms)[2]
    if page is None or page_marks is None or rules is None or rules_marks is None:
        return mistakes
    texts, values = sandbox(folder), _values(folder, page)
    for name, marks, said in ((FAQ, page_marks, _page_texts(page)), (RULES, rules_marks, _line_texts(rules))):
        for path, text in said:
            try:
                texts.text(text, values)
            except _SPOILED as error:
                mistakes.append(marks.mistake(name, path, f"cannot be written: {error}"))
    return mistakes


def _page_texts(page: FaqFile) -> Iterator[tuple[tuple[str, ...], str]]:
    for number, entry in enumerate(page.entries):
        yield ("entries", str(number), "answer", "vi"), entry.answer.vi
        yield ("entries", str(number), "answer", "en"), entry.answer.en


def _line_texts(rules: BotRules) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, said in rules.lines.items():
        yield ("lines", name, "vi"), said.vi
        yield ("lines", name, "en"), said.en

"""The bot of this deployment: the playbook's FAQ and rules, with the shop's own figures rendered into the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from shared.domain.bot.faq import BilingualText, Entry
from shared.domain.bot.reply import Answer, BotRequest, HandOver, reply
from shared.domain.customers.profile import Profile
from shared.repositories.products import Products
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import wiring
from shared.runtime.factories import journeys
from shared.runtime.playbook.bot import bot
from shared.runtime.playbook.rules import sending_rules
from shared.use_cases.bot.recent_orders import recent_orders

# The search box of the FAQ page: longest query, results shown, and the least similarity; a person chooses, so it is
# low.
LONGEST_QUESTION, _SHOWN, _WORTH_A_LOOK = 200, 4, 20


def answer(asked: BotRequest) -> Answer | HandOver:
    """The bot's answer to a message, or its handover."""
    rules, faq, _ = bot()
    return reply(asked, faq, rules)


def orders(now: datetime) -> Callable[[UnitOfWork, list[Profile]], Sequence[Mapping[str, Any]]]:
    """The loader of a customer's recent orders for the bot."""
    outside = wiring.outside()
    products = Products(outside.table, outside.memory, now)
    hosts = journeys.journey_playbook(outside.shadow_first).link_hosts
    return lambda uow, members: recent_orders(uow, members, sending_rules(), products, hosts)


@cache
def faq_page() -> dict[str, Any]:
    """The FAQ as the public page shows it: {topics: [{intent, heading, entries}], updated_on, longest}."""
    page = bot()[2]
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
    """The entries by their similarity to a text in percent, the best first."""
    return bot()[1].like(text)


def search(question: str) -> list[Entry]:
    """The entries of the page that may answer a question, the best first."""
    on_page = {entry.id: entry for entry in bot()[2].entries}
    likely = [on_page[name] for name, percent in like(question) if percent >= _WORTH_A_LOOK and name in on_page]
    return likely[:_SHOWN]


def _spoken(entry: Entry) -> Entry:
    """An entry as the page addresses its reader."""
    texts = {"vi": entry.answer.vi.replace("{you}", "bạn").replace("{You}", "Bạn"), "en": entry.answer.en}
    return entry.model_copy(update={"answer": BilingualText(**texts)})

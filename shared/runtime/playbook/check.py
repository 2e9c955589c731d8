"""Everything wrong with a playbook folder, all files at once: the one table of its files, their models and lints.

`kq playbook check`, `kq doctor` and `kq deploy` say what this finds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path

from pydantic import BaseModel

from shared.domain.bot.faq import FaqFile, FaqSynonyms
from shared.domain.bot.reply import BotRules
from shared.domain.campaigns.content_brief import ContentHelp
from shared.domain.common.playbook_rules import SegmentRules, WinbackRules
from shared.domain.inbox.comment import CommentRules
from shared.domain.journeys.definition import Journey
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.template import Shop, Template
from shared.domain.onboarding.checklist import Blueprint
from shared.domain.recommendations.rules import SuggestionRules
from shared.domain.staff.directory import Directory
from shared.domain.staff.staff_notification import NoteWords
from shared.domain.tasks.appointment import AppointmentRules
from shared.domain.tickets.routing import Routing
from shared.domain.tickets.rules import TicketRules
from shared.domain.triage.second_opinion import EscalationRules
from shared.domain.vouchers.offer import Book as Offers
from shared.runtime.playbook import (
    appointments,
    bot,
    checklist,
    comments,
    content_help,
    cross_checks,
    journeys,
    offers,
    pages,
    rules,
    staff,
    staff_notes,
    suggestions,
    templates,
    tickets,
    triage,
)  # fmt: skip
from shared.runtime.playbook.loader import PRESETS, SHOP, Book, Mistake

# Files there must be, and patterns of files of which there may be any number.
FILES: Mapping[str, type[BaseModel]] = {
    SHOP: Shop,
    rules.SEGMENTS: SegmentRules,
    rules.IDENTITY: rules.IdentityFile,
    rules.WINBACK: WinbackRules,
    rules.STAGES: rules.StagesFile,
    rules.CARRIERS: rules.CarriersFile,
    rules.SENDING: SendingRules,
    rules.TASKS: rules.TasksFile,
    offers.FILE: Offers,
    suggestions.FILE: SuggestionRules,
    staff.STAFF: Directory,
    staff.ROUTING: Routing,
    staff_notes.FILE: NoteWords,
    appointments.FILE: AppointmentRules,
    tickets.FILE: TicketRules,
    comments.FILE: CommentRules,
    content_help.FILE: ContentHelp,
    bot.FAQ: FaqFile,
    bot.WORDS: FaqSynonyms,
    bot.RULES: BotRules,
    triage.WORDS: triage.Vocabulary,
    triage.WEIGHTS: triage.Weights,
    triage.SECOND_OPINION: EscalationRules,
    checklist.FILE: Blueprint,
    templates.FILES: Template,
    journeys.FILES: Journey,
    journeys.OF_PRESETS: Journey,
}
# Laid over other files, so validated together with them.
OVERLAYS = (f"{PRESETS}/*/{rules.SENDING}",)
# Checks beyond the models, and the files they report on.
LINTS: Mapping[Callable[[Book], Iterator[Mistake]], Collection[str]] = {
    staff.lint: (staff.STAFF, staff.ROUTING),
    staff_notes.lint: (staff_notes.FILE,),
    appointments.lint: (appointments.FILE,),
    suggestions.lint: (suggestions.FILE,),
    bot.lint: (bot.FAQ, bot.RULES),
    triage.lint: (triage.WEIGHTS, triage.SECOND_OPINION),
    templates.lint: (templates.FILES,),
    journeys.lint: (journeys.FILES, journeys.OF_PRESETS),
    pages.lint: pages.PAGES,
    cross_checks.lint: (
        SHOP, offers.FILE, journeys.FILES, journeys.OF_PRESETS, rules.WINBACK, rules.SENDING, *OVERLAYS, rules.SEGMENTS,
        staff.ROUTING, checklist.FILE,
    ),
}  # fmt: skip


def check(folder: Path, *patterns: str) -> list[Mistake]:
    """Everything wrong with a playbook folder, or with its files that fit a pattern, by file and line.

    A file is read against its model, and compared with others where both can be read. Never raises for what a file
    holds.
    """
    book = Book(folder)
    wanted = patterns or ("*",)
    found = [mistake for name in names(book) if _fits(name, wanted) for mistake in book.read(name, _model(name))[2]]
    for lint, files in LINTS.items():
        if any(fnmatch(file, pattern) or fnmatch(pattern, file) for file in files for pattern in wanted):
            found += lint(book)
    found += _strangers(book)
    # A fault of sending.yaml is found again under each preset.
    chosen = [one for one in dict.fromkeys(found) if _fits(one.file, wanted)]
    order = {name: n for n, name in enumerate([*names(book), *pages.PAGES])}
    return sorted(chosen, key=lambda one: (order.get(one.file, len(order)), one.file, one.line))


def cautions(folder: Path) -> list[Mistake]:
    """Valid, but worth a second look; the check passes with them."""
    return list(offers.cautions(Book(folder)))


def names(book: Book) -> list[str]:
    """The files that have a model, those that must be there whether they are or not."""
    found = []
    for pattern in FILES:
        found += book.names(pattern) if "*" in pattern else [pattern]
    return found


def _model(name: str) -> type[BaseModel]:
    return FILES[name] if name in FILES else next(model for pattern, model in FILES.items() if fnmatch(name, pattern))


def _fits(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _strangers(book: Book) -> Iterator[Mistake]:
    """Files that nothing reads, such as misspelt names."""
    known = [*names(book), *pages.PAGES]
    for name in book.names("**/*"):
        if name in known or _fits(name, OVERLAYS) or any(part.startswith(".") for part in Path(name).parts):
            continue
        near = get_close_matches(name, known, 1)
        yield Mistake(name, 1, "", f"is no file of a playbook{f'; did you mean {near[0]}?' if near else ''}")

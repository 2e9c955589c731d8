"""Comments under the page's posts: a phone number is hidden, the author gets a private word, the page says so (R25).

Hiding may be asked for any number of times; what the page says in public stands there once for every time, so it is
claimed before it is said and never said again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.common.language import language_of
from shared.domain.inbox.comment import Calls, CommentRules
from shared.domain.inbox.provider_event import Incoming
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.messaging.message import FINAL, PROGRESS, Comment, Intent
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.messaging.provider_backoff import provider_pause
from shared.domain.messaging.reply_windows import COMMENT_ANSWER
from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Clock, Item, PageComments, Table
from shared.repositories import table_keys
from shared.repositories.messages import plan
from shared.repositories.retry import committed
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork

JOURNEY, TEMPLATE = "comment", "comment_reply"
# A lost queue message is found again after this; then it is tried at growing intervals, and after a day by hand.
FOUND_AGAIN = timedelta(minutes=2)
PATIENCE = timedelta(hours=24)
REMEMBERED = timedelta(days=90)
# Of several comments in so short a time one gets a private word.
ONCE_IN = timedelta(hours=1)


def digest(comment_id: str) -> str:
    return hashlib.sha256(comment_id.encode()).hexdigest()[:20]


def note(uow: UnitOfWork, home: str, news: Incoming, calls: Calls, now: datetime, rules: SendingRules) -> str:
    """Keep a comment with what is to be done about it, and plan its private answer; answers with that message's id,
    or "" where there is none. An edited comment may show a number that it did not show before."""
    comment_id = str(news.detail["comment_id"])
    key = table_keys.page_comment(home + digest(comment_id))
    known = uow.get(key)
    item: Item = known or {"comment_id": comment_id, "customer_id": home, "at": news.at, "tries": 0}
    item |= {"language": language_of(news.text), "ttl": int((now + REMEMBERED).timestamp())}
    if calls.hide and "hide" not in item:
        item = _due({**item, "hide": "wanted"}, home, now + FOUND_AGAIN)
    if calls.answer == "machine" and "message_id" not in item and not _lately(uow, home, now):
        intent = _answer(home, news, comment_id, hidden=calls.hide)
        item["message_id"], item["answered_at"] = intent.message_id, stamp(now)
        if plan(uow, intent, now, rules) and not calls.hide:
            item = _due({**item, "say": "wanted"}, home, now + FOUND_AGAIN)
    uow.put(key, item)
    return str(item.get("message_id", ""))


def _lately(uow: UnitOfWork, home: str, now: datetime) -> bool:
    """Whether the author got a private word for another comment just now: who asks three times is told once."""
    others = uow.collection(table_keys.profile(home).pk, *table_keys.PAGE_COMMENTS)
    return any(other.get("answered_at", "") > stamp(now - ONCE_IN) for other in others)


def _answer(home: str, news: Incoming, comment_id: str, *, hidden: bool) -> Intent:
    until = moment(news.at) + COMMENT_ANSWER
    return Intent(
        customer_id=home,
        journey=JOURNEY,
        run=digest(comment_id),
        step="private",
        purpose="transactional",
        template=TEMPLATE,
        variables={"hidden": "phone"} if hidden else {},
        channels=("messenger",),
        send_before=until,
        comment=Comment(comment_id, stamp(until)),
    )


def _due(item: Item, home: str, at: datetime) -> Item:
    return {**item, "due": table_keys.timer_lane(home + digest(item["comment_id"])), "due_at": stamp(at)}


@dataclass(frozen=True)
class Moderator:
    """Does what is left to do about a comment; `chance` gives numbers from 0 to 1 for the pauses."""

    table: Table
    page: PageComments
    rules: CommentRules
    clock: Clock
    chance: Callable[[], float]

    def work(self, ref: str) -> None:
        """Bring one comment as far as it goes now; safe to repeat at any time."""
        item = committed(self.table, lambda uow: self._advanced(uow, ref))
        if item and item.get("say") == "claimed":
            self._say(item)

    def _advanced(self, uow: UnitOfWork, ref: str) -> Item | None:
        key = table_keys.page_comment(ref)
        item = uow.get(key)
        if item is None or "due_at" not in item:
            return None
        if item.get("hide") == "wanted":
            item = self._hidden(uow, item, ref)
        elif item.get("say") == "wanted":
            item = self._said(uow, item)
        uow.put(key, item)
        return item

    def _hidden(self, uow: UnitOfWork, item: Item, ref: str) -> Item:
        now = self.clock()
        try:
            self.page.hide(item["comment_id"])
        except ChannelError as trouble:
            if trouble.kind == "unreachable":
                return _done(item, hide="gone")  # deleted: nobody reads it any more
            if moment(item["at"]) < now - PATIENCE:
                by_hand = NewTask(
                    ref[:-20], f"hide-{ref[-20:]}", "review", "comment_not_hidden", now,
                    details={"comment_id": item["comment_id"], "trouble": f"{trouble.code}: {trouble.reason}"[:200]},
                )  # fmt: skip
                open_task(uow, by_hand, now)
                return _done(item, hide="failed")
            until = trouble.until or now + provider_pause(item["tries"], self.chance())
            return {**item, "tries": item["tries"] + 1, "due_at": stamp(until)}
        return _done(item, hide="done")

    def _said(self, uow: UnitOfWork, item: Item) -> Item:
        """The page says that it wrote in private once that is true, and not where it is not."""
        message = uow.get(table_keys.message(item["message_id"])) or {}
        if self.rules.public_word is None or not message or message["status"] in FINAL:
            return _done(item, say="dropped")
        if message["status"] in PROGRESS:
            return _done(item, say="claimed")
        return {**item, "due_at": stamp(self.clock() + FOUND_AGAIN)}

    def _say(self, item: dict[str, Any]) -> None:
        assert self.rules.public_word is not None
        try:
            self.page.say(item["comment_id"], self.rules.public_word.in_language(item["language"]))
        except ChannelError:
            return  # a courtesy: what matters was said in private, and saying it twice would be worse


def _done(item: Item, **state: str) -> Item:
    return {name: value for name, value in item.items() if name not in ("due", "due_at")} | state

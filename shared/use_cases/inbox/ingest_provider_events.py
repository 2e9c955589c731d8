"""Provider events: receipts move messages on, customers' messages are facts about them (R5, R10, R13, D14).

A customer's message is stored here and returned; the caller hands it to the tickets afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.domain.common.channels import channel_family, consent_channel
from shared.domain.customers.identity import Identity, identity, link_key
from shared.domain.customers.opt_out_phrases import asks_to_stop
from shared.domain.customers.phone_in_text import typed_mobile
from shared.domain.customers.profile import Profile, agree
from shared.domain.errors import NotFound
from shared.domain.inbox.comment import Calls, calls_for
from shared.domain.inbox.customer_message import said
from shared.domain.inbox.freshness import SHORT_CODE
from shared.domain.inbox.limits import shortened
from shared.domain.inbox.provider_event import Incoming
from shared.domain.inbox.purchase_intent import asks_to_buy
from shared.domain.journeys.engine import Signal
from shared.domain.messaging.message import PROGRESS
from shared.domain.tickets.ticket import CustomerMessage
from shared.domain.triage.triage import Triage
from shared.domain.vietnam_time import moment
from shared.ports import Item, Key
from shared.repositories import event_sources, profiles, table_keys
from shared.repositories.identity_resolution import IdentityResolver
from shared.repositories.profiles import load_members, metrics_of
from shared.repositories.provider_status import note_template
from shared.repositories.retry import retried
from shared.repositories.segment_membership import relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.events.ingest_events import EventIngestion
from shared.use_cases.inbox import moderate_comments
from shared.use_cases.inbox.survey_replies import answers_survey
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.messaging.answer_survey import record_rating
from shared.use_cases.messaging.record_delivery import record

# Which identity a channel knows people by.
KNOWN_AS = {
    "zalo": "zalo_user_id",
    "messenger": "messenger_psid",
    "email": "email",
    "sms_care": "phone",
    "sms_ad": "phone",
    "zns": "phone",
    "whatsapp": "phone",
    "call": "phone",
}
# Comments are known by an id of their own, which never leads to a chat user of the page (R5).
COMMENTS = "external:facebook_comment"
# What a provider says about an address, and what we remember of it.
CLOSES = {"bounced": "bounced", "complained": "complained"}
# Of what a customer wrote in their timeline; all of it stands in the ticket.
ENTRY_TEXT = 2000
# As long as the proof of a short-code SMS is good at the door.
PROOFS_KEPT = SHORT_CODE.past + SHORT_CODE.ahead


class Taken(NamedTuple):
    """What is to be done about news that was taken in: what was said is for the tickets, the comment has to be worked,
    the planned message goes out. All of it is written down but what was said, which comes again with its news."""

    said: CustomerMessage | None = None
    comment: str = ""
    message_id: str = ""


@dataclass(frozen=True)
class IncomingTaker:
    """Takes one piece of news in; safe to repeat. `read` tells what a comment is about."""

    taker: EventIngestion
    read: Callable[[str], Triage]

    def take(self, news: Incoming) -> Taken:
        """Take it in, or change nothing; raises Busy when too many change the same customer at once."""
        if news.kind == "template_status":
            note_template(self.taker.table, news)
            return Taken()
        if news.channel in event_sources.CHATS and news.kind in (
            "inbound_message",
            "comment",
            "followed",
            "phone_shared",
        ):
            event_sources.note(self.taker.table, self.taker.journeys.memory, [news.channel], self.taker.now)
        message_id = self._message(news)
        if message_id:
            self._receipt(message_id, news)
        elif news.channel == "sms_ad" and news.kind in ("delivered", "failed"):
            # Told of a whole batch; where only some were reached, the gateway is asked about each.
            item = self.taker.table.get(table_keys.message_by_provider_id(news.channel, news.provider_id)) or {}
            for of_batch in item.get("message_ids", ()):
                self._receipt(of_batch, news)
        elif "up_to" in news.detail:
            for earlier in self._sent_until(news):
                self._receipt(earlier, news)
        if news.kind == "rating":
            self._rating(message_id, news)
        if news.kind in ("delivered", "sent", "opened", "clicked", "failed", "rating"):
            return Taken()
        who = self._who(news)
        if who is None:
            return Taken()
        taken = retried(self.taker.table, lambda attempt: self._about(who, news, message_id, first_try=attempt == 0))
        word = taken.said
        if word and answers_survey(self.taker.journeys, word.customer_id, news):
            return taken._replace(said=None)
        return taken

    def _message(self, news: Incoming) -> str:
        """The message a receipt is about: by our tracking id, else by the provider's own."""
        if len(news.tracking_id) == 44 and news.tracking_id.isalnum():
            return news.tracking_id
        if news.provider_id:
            item = self.taker.table.get(table_keys.message_by_provider_id(news.channel, news.provider_id))
            return str(item.get("message_id", "")) if item else ""
        return ""

    def _sent_until(self, news: Incoming) -> list[str]:
        """The messages on this channel that "everything up to this moment" speaks of."""
        who = self._who(news)
        link = self.taker.table.get(table_keys.link(link_key(who, self.taker.secret))) if who else None
        if link is None:
            return []
        low, high = table_keys.MESSAGES
        sent = UnitOfWork(self.taker.table).collection(table_keys.profile(link["customer"]).pk, low, high)
        return [
            message["message_id"]
            for message in sent
            if message.get("channel") == news.channel
            and message["status"] in PROGRESS
            and message["at"] <= str(news.detail["up_to"])
        ]

    def _receipt(self, message_id: str, news: Incoming) -> None:
        at = min(moment(news.at), self.taker.now)
        if news.kind in ("failed", "bounced"):
            reason = "bounced" if news.kind == "bounced" else "next_channel"
            record(self.taker.table, message_id, "", at, failed=reason, channel=news.channel)
        elif news.kind in ("sent", "delivered") or (news.kind in ("opened", "clicked") and not news.machine):
            # What a machine opened was delivered, and says nothing about a person (X12).
            record(self.taker.table, message_id, news.kind, at)
        elif news.kind in ("opened", "clicked"):
            record(self.taker.table, message_id, "delivered", at)
        elif news.kind == "inbound_message":
            record(self.taker.table, message_id, "replied", at)

    def _rating(self, message_id: str, news: Incoming) -> None:
        """A rating names no person, only the message it answers (A10)."""
        if not message_id:
            return
        comment = ". ".join(said for said in (news.text, *news.detail["chosen"]) if said)
        with suppress(NotFound):
            at = min(moment(news.at), self.taker.now)
            record_rating(self.taker.journeys, message_id, news.detail["score"], comment, at)

    def _who(self, news: Incoming) -> Identity | None:
        kind = COMMENTS if news.kind == "comment" else KNOWN_AS.get(news.channel)
        if kind is None or not news.address:
            return None
        try:
            # An e-mail without a vouching domain may be from any sender (R5).
            return identity(kind, news.address, "verified" if news.detail.get("authenticated", True) else "claimed")
        except ValueError:
            return None

    def _about(self, who: Identity, news: Incoming, message_id: str, *, first_try: bool) -> Taken:
        """Change what the news changes, together with its timeline entry, so that it changes it once.

        The first try takes it that the news is new, which costs no read; where it is not, the commit raises Conflict.
        """
        uow = UnitOfWork(self.taker.table)
        registry = IdentityResolver(uow, self.taker.secret, self.taker.new_id, self.taker.now)
        who = _known_as(uow, registry, who)
        if news.mark and not self._first_use(uow, who, news):
            return Taken()
        named = [who]
        shared = str(news.detail.get("phone", ""))
        if news.kind == "phone_shared" and shared:
            # Shared by Zalo itself, with the person's consent: as sure as a link can be (R5).
            # People type what they like into a form; what cannot be a number names nobody.
            with suppress(ValueError):
                named.append(identity("phone", shared, "verified"))
        if news.kind in ("inbound_message", "comment") and (typed := typed_mobile(news.text)):
            # A number typed into a chat is a hint for staff, nothing else (R5).
            named.append(Identity("phone", typed, "claimed"))
        known = uow.get(registry.key(who))
        if known is None and news.kind in ("bounced", "complained", "opted_out", "unfollowed"):
            return Taken()  # nobody we know; there is nothing to stop
        home = registry.resolve(named, news.at)
        if not first_try and uow.get(_entry_key(home, news)):
            # Told again: an earlier worker may have died before it passed on what was said.
            return self._passed_on(uow, home, who, news)
        key = table_keys.profile(home)
        profile = self._changed(profiles.find(uow, home) or {}, news)
        uow.put(key, profile)
        if news.kind in ("inbound_message", "followed"):
            _reopen(uow, registry.lead_of(home), news.channel)
        self._remember(uow, home, news, message_id, first_try=first_try)
        lead = registry.lead_of(home)
        fresh = "metrics" not in lead or lead["customer_id"] in registry.remeasure
        relabel(uow, load_members(uow, lead), None if fresh else metrics_of(lead), self.taker.rules_today)
        if told := _journey_news(news):
            handle_signal(
                self.taker.journeys, uow, load_members(uow, registry.lead_of(home)), told, home=home, act=False
            )
        todo = self._comment(uow, home, news) if news.kind == "comment" else self._word(uow, home, who, news)
        uow.commit()
        return todo

    def _first_use(self, uow: UnitOfWork, who: Identity, news: Incoming) -> bool:
        """Whether the proof of a call was used for nothing but this; kept together with what the news changes, so that
        a repeat neither adds to it nor loses it."""
        key, used_for = table_keys.used_proof(news.mark), f"{link_key(who, self.taker.secret)}|{news.dedup}"
        known = uow.get(key)
        if known is None:
            uow.put(key, {"used_for": used_for, "ttl": int((self.taker.now + PROOFS_KEPT).timestamp())})
        return known is None or known["used_for"] == used_for

    def _word(self, uow: UnitOfWork, home: str, who: Identity, news: Incoming) -> Taken:
        """What a person said by themselves, and whether it surely was this customer."""
        link = (profiles.find(uow, home) or {})["identities"].get(who.name, {})
        sure = news.detail.get("authenticated", True) and link.get("certainty", "claimed") != "claimed"
        return Taken(said(news, home, verified=sure))

    def _passed_on(self, uow: UnitOfWork, home: str, who: Identity, news: Incoming) -> Taken:
        """What the first telling passed on, or would have."""
        if news.kind != "comment":
            return self._word(uow, home, who, news)
        calls = calls_for(news.text, self.read(news.text))
        ref = home + moderate_comments.digest(news.detail["comment_id"])
        noted = uow.get(table_keys.page_comment(ref))
        return self._comment_work(home, news, calls, str(noted.get("message_id", ""))) if noted else Taken()

    def _comment(self, uow: UnitOfWork, home: str, news: Incoming) -> Taken:
        """What a comment calls for."""
        calls = calls_for(news.text, self.read(news.text))
        if not calls.hide and not calls.answer:
            return Taken()
        message_id = moderate_comments.note(uow, home, news, calls, self.taker.now, self.taker.journeys.sending)
        return self._comment_work(home, news, calls, message_id)

    def _comment_work(self, home: str, news: Incoming, calls: Calls, message_id: str) -> Taken:
        """Who wrote a comment is nobody's proven name, whatever stands in it."""
        word = said(news, home, verified=False, by_hand=calls.answer == "person")
        return Taken(word, home + moderate_comments.digest(news.detail["comment_id"]), message_id)

    def _changed(self, profile: Profile, news: Incoming) -> Profile:
        if news.kind in CLOSES:
            profile = {**profile, "closed": {**profile.get("closed", {}), news.channel: CLOSES[news.kind]}}
        stops = news.kind == "inbound_message" and asks_to_stop(news.text)
        if stops or news.kind in ("opted_out", "complained", "unfollowed"):
            # A refusal counts on every channel that people call by that name, as on the unsubscribe page.
            profile = agree(
                profile, [_consent(news, channel, granted=False) for channel in channel_family(news.channel)]
            )
        if news.kind == "followed":
            # Following an Official Account is asking for its news (R10).
            profile = agree(profile, [_consent(news, news.channel, granted=True)])
        if news.kind == "inbound_message" and news.at > profile.get("inbound", {}).get(news.channel, ""):
            profile = {**profile, "inbound": {**profile.get("inbound", {}), news.channel: news.at}}
        return profile

    def _remember(self, uow: UnitOfWork, home: str, news: Incoming, message_id: str, *, first_try: bool) -> None:
        entry: Item = {"at": news.at, "type": "incoming", "name": news.kind, "stage": "engagement"}
        entry["source"] = news.channel
        if news.text:
            entry["text"] = shortened(news.text, ENTRY_TEXT)
        if message_id:
            entry["message_id"] = message_id
        key = _entry_key(home, news)
        if first_try:
            uow.assume_absent(key)
        uow.put(key, entry)


def _entry_key(home: str, news: Incoming) -> Key:
    """The same whenever the news is told: by the provider's own time."""
    return table_keys.timeline(home, news.stated or news.at, f"{news.channel}-{news.dedup}"[:200])


def _known_as(uow: UnitOfWork, registry: IdentityResolver, who: Identity) -> Identity:
    """An address without a vouching domain still belongs to the customer known by it: an answer reaches no one else.
    The link's certainty does not rise by it."""
    if who.joins:
        return who
    joined = who._replace(certainty="staff_confirmed")
    link = uow.get(registry.key(joined))
    profile = profiles.find(uow, link["customer"]) if link else None
    known = (profile or {}).get("identities", {}).get(who.name)
    return who._replace(certainty=known["certainty"]) if known else who


def _journey_news(news: Incoming) -> Signal | None:
    """What journeys want to hear of a provider's news: who follows us, or asks about something to buy."""
    if news.kind == "followed":
        return Signal("Followed", news.at, {"channel": news.channel})
    if news.kind == "inbound_message" and (topic := asks_to_buy(news.text)):
        return Signal("Asked In Chat", news.at, {"channel": news.channel, "topic": topic})
    return None


def _reopen(uow: UnitOfWork, lead: Profile, channel: str) -> None:
    """Who writes from a channel can be reached there again; what they refused stays refused."""
    closed = lead.get("closed", {})
    if closed.get(channel) == "unreachable":
        others = {name: reason for name, reason in closed.items() if name != channel}
        uow.put(table_keys.profile(lead["customer_id"]), {**lead, "closed": others})


def _consent(news: Incoming, channel: str, *, granted: bool) -> dict[str, Any]:
    return {
        "channel": consent_channel(channel),
        "purpose": "marketing",
        "granted": granted,
        "at": news.at,
        "proof": f"{news.channel}: {news.kind} {news.dedup}"[:300],
        "source": news.channel,
    }

"""Receives a customer's message: identifies the customer, finds or opens the ticket, routes it, asks the bot."""

from __future__ import annotations

from typing import Any, cast

from shared.domain.bot.guardrails import needs_looking_at
from shared.domain.bot.reply import Answer, BotRequest, HandOver, refuses_marketing
from shared.domain.common.channels import CONSENT_CHANNELS
from shared.domain.common.language import language_of
from shared.domain.customers.identity import strongest
from shared.domain.customers.profile import Profile, agree, caring_store, fold_members
from shared.domain.customers.reach import sees, stores_of
from shared.domain.errors import NotFound
from shared.domain.messaging.policy import WINDOWED
from shared.domain.recommendations.recommendation import Matter
from shared.domain.tickets import sla, transitions
from shared.domain.tickets.matching import Match, match, match_given
from shared.domain.tickets.routing import Route, route
from shared.domain.tickets.ticket import RESOLVE, CustomerMessage, Ticket, digest, seconds, unhappy
from shared.domain.triage.triage import Triage
from shared.domain.vietnam_time import moment, stamp
from shared.repositories import table_keys, tickets
from shared.repositories.consent_log import keep_proofs
from shared.repositories.identity_resolution import IdentityResolver
from shared.repositories.policy_facts import person
from shared.repositories.profiles import addresses, load_members, members_of, metrics_of
from shared.repositories.segment_membership import relabel
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.tickets import outgoing, thread
from shared.use_cases.tickets.assignment import auto_assigned, new_deadlines
from shared.use_cases.tickets.commit import commit, keep
from shared.use_cases.tickets.context import MARK_KEPT, MessageResult, TicketContext, TicketTransaction
from shared.use_cases.tickets.internal_questions import ask_about_transfer, clock_text, staff_line

# How many recent tickets of one channel a message may belong to.
THREADS_KEPT = 3
# Channels without text to read: the bot does not answer a call or at the counter.
NO_BOT = frozenset(("hotline", "store"))
# Channels whose sender does not see that a message arrived.
ACKNOWLEDGED = frozenset(("email", "form"))


def receive(context: TicketContext, message: CustomerMessage, stores: frozenset[str] = frozenset()) -> MessageResult:
    """Record what a customer said in its ticket; idempotent. `stores` are those of the key that reports it (none: all).
    Raises Busy after too many lost races, and NotFound for an unknown customer."""
    at = min(message.at, stamp(context.now))
    message = message.model_copy(update={"at": at})
    return commit(context, lambda tx: MessageIntake(context, tx, message, stores=stores).record())


class MessageIntake:
    """Records one message inside one transaction; `ticket_id` names its ticket where that is known.

    A key with `stores` reports what a customer of other stores says, too. It goes into a ticket of those stores, joins
    no identities to the customer, and the bot answers it as from somebody unknown (R44).
    """

    def __init__(
        self,
        context: TicketContext,
        tx: TicketTransaction,
        message: CustomerMessage,
        *,
        ticket_id: str = "",
        stores: frozenset[str] = frozenset(),
    ) -> None:
        self.context, self.tx, self.message, self.ticket_id = context, tx, message, ticket_id
        self.stores = stores
        self.uow = tx.uow
        self.bot_reply = ""

    def record(self) -> MessageResult:
        message, uow = self.message, self.uow
        home, self.members = self._identify()
        self.sees = sees(self.stores, stores_of(self.members))
        if mark := self._recorded_before():
            self.tx.uow = UnitOfWork(self.context.table)  # everything else of this message was stored then
            ticket = tickets.get(self.tx.uow, mark["ticket_id"])
            return MessageResult(ticket, mark["joined"], mark.get("bot_reply", ""), repeated=True)
        self._note_reply_window(home)
        triage = self.context.triager.read(message.text, message.subject)
        before, matched = self._match(triage)
        if before is None:
            after = self._opened(home, triage)
        else:
            after = transitions.reopened(before, message.at) if matched == "reopen" else before
            after = transitions.revalued(transitions.read_again(after, triage), self._value())
        after = transitions.customer_wrote(after, message.at)
        after = thread.add(
            uow, after, message.at, "customer", message.text, subject=message.subject if before is None else "",
            order_id=message.order_id, attachments=[one.model_dump() for one in message.attachments],
        )  # fmt: skip
        if message.order_id:
            after.setdefault("order_id", message.order_id)
        after = self._routed(before, after, triage, matched)
        if after["queue"] != "bot":
            after = self._with_suggestions(after)
        if refuses_marketing(message.text, triage):
            self._stop_marketing(after)
        # No automatic answer to an unverified sender: sender addresses are easily forged.
        if matched != "join" and not self.bot_reply and message.channel in ACKNOWLEDGED and message.verified:
            after = self._acknowledged(after)
        keep(self.context, self.tx, before, after)
        if matched != "join":
            name = "Ticket Reopened" if before else "Ticket Opened"
            tickets.remember(uow, after, name, self.context.now)
            outgoing.signal_journeys(self.context, self.tx, after, name)
            tickets.count(uow, after, "all", message.at, {"reopened" if before else "opened": 1})
        self._mark(home, after, joined=before is not None)
        return MessageResult(after, before is not None, self.bot_reply)

    # ---- who ----

    def _identify(self) -> tuple[str, list[Profile]]:
        """The profile that sent the message, created for an unknown sender, and all profiles of the same person."""
        message, uow, context = self.message, self.uow, self.context
        if not message.identities:
            members = members_of(uow, message.customer_id)
            if not members:
                raise NotFound("there is no such customer")
            return message.customer_id, members
        registry = IdentityResolver(uow, context.secret(), context.journeys.new_id, context.now)
        self._read_ahead(registry)
        if stranger := self._of_other_stores(registry):
            return stranger, members_of(uow, stranger)
        home = registry.resolve(message.identities, message.at)
        key = table_keys.profile(home)
        if home in registry.created and message.store:
            uow.put(key, {**(uow.get(key) or {}), "stores": {message.store: 1}})
        lead = registry.lead_of(home)
        members = load_members(uow, lead)
        fresh = "metrics" not in lead or lead["customer_id"] in registry.remeasure
        if fresh or not lead.get("labels"):
            relabel(uow, members, None if fresh else metrics_of(lead), context.journeys.rules_today)
            members = load_members(uow, registry.lead_of(home))
        return home, members

    def _of_other_stores(self, registry: IdentityResolver) -> str:
        """The profile that sent the message, where one of its identities is a customer's of other stores; else ""."""
        if not self.stores:
            return ""
        joining = [who for who in self.message.identities if who.joins] or list(self.message.identities)
        known = {who: str(link["customer"]) for who in joining if (link := self.uow.get(registry.key(who)))}
        if all(sees(self.stores, stores_of(members_of(self.uow, home))) for home in known.values()):
            return ""
        return known[strongest(list(known))]

    def _read_ahead(self, registry: IdentityResolver) -> None:
        """Load in two requests what nearly every message needs: its identity links, and the items of their profiles."""
        joining = [who for who in self.message.identities if who.joins] or list(self.message.identities)
        keys = [registry.key(who) for who in joining]
        self.uow.load(keys)
        homes = {str(link["customer"]) for key in keys if (link := self.uow.get(key))}
        places = (table_keys.profile, table_keys.ticket_threads, table_keys.journeys_of)
        marks = [table_keys.ticket_mark(home, self.message.mark) for home in sorted(homes)]
        self.uow.load([*(place(home) for home in sorted(homes) for place in places), *marks])

    def _recorded_before(self) -> dict[str, Any] | None:
        keys = [table_keys.ticket_mark(member["customer_id"], self.message.mark) for member in self.members]
        self.uow.load(keys)
        for key in keys:
            mark = self.uow.get(key)
            if mark and (not self.message.again or seconds(mark["at"], self.message.at) <= self.message.again):
                return mark
        return None

    def _mark(self, home: str, ticket: Ticket, *, joined: bool) -> None:
        mark = {"ticket_id": ticket["ticket_id"], "at": self.message.at, "joined": joined, "bot_reply": self.bot_reply}
        mark["ttl"] = int((self.context.now + MARK_KEPT).timestamp())
        self.uow.put(table_keys.ticket_mark(home, self.message.mark), mark)

    def _note_reply_window(self, home: str) -> None:
        """A message in a chat opens the channel's reply window; a comment opens none (R13)."""
        channel = self.message.channel
        key = table_keys.profile(home)
        profile = self.uow.get(key) or {}
        if channel in WINDOWED:
            known = profile.get("inbound", {})
            if self.message.at > known.get(channel, ""):
                self.uow.put(key, {**profile, "inbound": {**known, channel: self.message.at}})
                self.members = members_of(self.uow, home)

    # ---- which ticket ----

    def _match(self, triage: Triage) -> tuple[Ticket | None, Match]:
        """The ticket the message belongs to, among those of all profiles of the customer, and what it does to it."""
        if self.ticket_id:
            ticket = tickets.get(self.uow, self.ticket_id)
            return match_given(ticket, self.message, self.context.rules)
        homes = [member["customer_id"] for member in self.members]
        self.uow.load(table_keys.ticket_threads(home) for home in homes)
        ids = [
            home + tail
            for home in homes
            for tail in (self.uow.get(table_keys.ticket_threads(home)) or {}).get(self.message.channel, ())
        ]
        self.uow.load(key for one in ids for key in (table_keys.ticket(one), table_keys.ticket_resolved(one)))
        known = [found for one in ids if (found := tickets.find(self.uow, one))]
        if not self.sees:
            known = [ticket for ticket in known if sees(self.stores, {ticket.get("store", "")})]
        known.sort(key=lambda ticket: (ticket["status"] != "resolved", ticket["last_at"]), reverse=True)
        for ticket in known:
            if matched := match(ticket, self.message, triage, self.context.rules):
                return ticket, matched
        return None, ""

    def _opened(self, home: str, triage: Triage) -> Ticket:
        message, lead = self.message, self.members[0]
        tail = digest(f"{message.mark}\n{message.at}")
        for owner in dict.fromkeys((home, lead["customer_id"])):
            # The lead's item changes too, so that two first messages to two profiles of one person conflict.
            key = table_keys.ticket_threads(owner)
            item = self.uow.get(key) or {}
            mine = (
                [tail, *item.get(message.channel, ())][:THREADS_KEPT]
                if owner == home
                else item.get(message.channel, [])
            )
            self.uow.put(key, {**item, message.channel: mine, "opened": item.get("opened", 0) + 1})
        for place in (table_keys.ticket, table_keys.ticket_resolved):
            self.uow.assume_absent(place(home + tail))
        return transitions.opened(
            message,
            triage,
            ticket_id=home + tail,
            customer_id=home,
            value=self._value(),
            store=message.store or self._store(),
        )

    def _value(self) -> str:
        labels = self.members[0].get("labels", ())
        return str(labels[1]) if len(labels) > 1 else "none"

    def _store(self) -> str:
        """The store of a ticket: where its order was bought, else the customer's own."""
        order = self.uow.get(table_keys.order(self.message.order_id)) if self.message.order_id else None
        mine = {member["customer_id"] for member in self.members}
        bought_at = order["content"].get("store", "") if order and order.get("home") in mine else ""
        return str(bought_at or caring_store(fold_members(self.members)))

    # ---- where it goes ----

    def _route(self, ticket: Ticket, *, bot_able: bool) -> Route:
        return route(
            self.context.routing,
            value=ticket["value"],
            severity=ticket["severity"],
            intent=ticket["intent"],
            channel=ticket["channel"],
            bot_able=bot_able and ticket["channel"] not in NO_BOT,
        )

    def _routed(self, before: Ticket | None, after: Ticket, triage: Triage, matched: Match) -> Ticket:
        """The ticket in its queue, answered by the bot where that is the queue, else with an assignee and deadlines."""
        context, at = self.context, self.message.at
        from_bot = before is not None and before["queue"] == "bot"
        # The bot knows FAQ questions that triage would leave to agents; what it does not know it hands over.
        bot_able = triage.bot or triage.severity == "low"
        if before is None or matched == "reopen":
            after = transitions.placed(after, self._route(after, bot_able=bot_able))
        elif not (from_bot and unhappy(triage)):  # those the bot hands over itself, with its reason
            after = transitions.rerouted(after, self._route(after, bot_able=bot_able and from_bot))
        if after["queue"] == "bot" or self._needs_acknowledging(before, matched, after):
            after = sla.timed(after, new_deadlines(context, after, at), anew=matched == "reopen")
            after = self._asked_bot(after, triage)
        if after["queue"] == "bot":
            return after
        deadlines = new_deadlines(context, after, at)
        restarts = before is None or matched == "reopen" or from_bot
        if before and not restarts and before["status"] == "pending":
            after = sla.timed(after, {RESOLVE: deadlines[RESOLVE]}, anew=True)
        after = sla.timed(after, deadlines, anew=restarts)
        if matched == "reopen" and after["assignee"] and not self._assignee_on_duty(after):
            after = transitions.assigned(after, "")
        return auto_assigned(context, after)

    def _needs_acknowledging(self, before: Ticket | None, matched: Match, ticket: Ticket) -> bool:
        """Whether a picture came to a ticket no agent works on yet: the bot only says who will look at it (R23)."""
        waits = before is None or matched == "reopen" or before["queue"] == "bot"
        pictured = needs_looking_at([one.kind for one in self.message.attachments])
        return waits and pictured and ticket["severity"] != "critical" and ticket["channel"] not in NO_BOT

    def _with_suggestions(self, ticket: Ticket) -> Ticket:
        """The ticket with products the agent may offer, none where that would be tactless (U1, U4). The subject counts
        too: it says what the conversation is about."""
        labels = (ticket["intent"], ticket["severity"], ticket["sentiment"])
        text = f"{ticket['subject']} {self.message.text}"
        matter = Matter(*labels, text, ticket.get("order_id", ""), store=ticket.get("store", ""))
        found = self.context.suggester.suggest_for(self.members, matter, ticket_id=ticket["ticket_id"])
        return {**ticket, "suggestions": found}

    def _assignee_on_duty(self, ticket: Ticket) -> bool:
        return self.context.directory.on_duty(ticket["assignee"], self.context.now, self.context.away())

    def _asked_bot(self, ticket: Ticket, triage: Triage) -> Ticket:
        message, now = self.message, self.context.now
        traits = fold_members(self.members)["traits"]
        own = outgoing.OWN.get(message.channel, "")
        windows = person(self.members, {}, "", now).windows
        verified = message.verified and self.sees
        reply = self.context.bot(
            BotRequest(
                text=message.text,
                triage=triage,
                now=now,
                language=language_of(message.text, str(traits.get("@language", "vi"))),
                value=ticket["value"],
                channel=message.channel,
                verified=verified,
                traits=traits,
                orders=self.context.orders(self.uow, self.members) if verified else (),
                turns=ticket.get("turns", ()),
                attachments=[one.kind for one in message.attachments],
                window_open=own not in WINDOWED or windows.get(own, now) > now,
            )
        )
        if isinstance(reply, HandOver):
            ticket = transitions.handed_over(ticket, reply.reason, reply.words, message.at)
            ticket = transitions.placed(ticket, self._route(ticket, bot_able=False))
            if reply.reason == "transfer_picture":
                ticket = ask_about_transfer(self.uow, ticket, self.context.rules, now)
        if reply.text:
            sources = list(reply.sources) if isinstance(reply, Answer) else []
            ticket = self._reply_as_bot(ticket, reply.text, sources)
        if isinstance(reply, Answer):
            until = self.context.rules.pending_until(now, "bot")
            first = "bot_first_response_at" not in ticket
            ticket = transitions.bot_answered(ticket, stamp(now), reply.matter, stamp(until))
            if first:
                waited = {"answers": 1, "seconds": ticket["bot_first_response_seconds"]}
                tickets.count(self.uow, ticket, "bot", stamp(now), waited)
        return ticket

    def _reply_as_bot(self, ticket: Ticket, text: str, sources: list[str]) -> Ticket:
        """The bot's answer in the thread, and sent on the ticket's channel if that reaches the customer."""
        self.bot_reply = text
        reached = addresses(self.members)
        channels = tuple(name for name in outgoing.reply_channels(ticket) if name in reached)
        message_id = ""
        if channels:
            message_id = outgoing.send(self.context, self.tx, ticket, f"bot-{self.message.mark}", text, channels)
        now = stamp(self.context.now)
        return thread.add(self.uow, ticket, now, "bot", text, sources=sources, message_id=message_id)

    def _acknowledged(self, ticket: Ticket) -> Ticket:
        """The ticket with an automatic answer that says by when an agent will reply (T8)."""
        if "email" not in addresses(self.members):
            return ticket
        due, now = ticket["first_response_due_at"], stamp(self.context.now)
        message_id = outgoing.send(
            self.context, self.tx, ticket, f"received-{self.message.mark}", "", ("email",),
            template=outgoing.RECEIVED, variables={"answer_by": due},
        )  # fmt: skip
        tickets.count(self.uow, ticket, "auto", now, {"answers": 1})
        line = staff_line(self.context.rules, "received", at=clock_text(moment(due)))
        return thread.add(self.uow, ticket, now, "system", line, message_id=message_id)

    def _stop_marketing(self, ticket: Ticket) -> None:
        """Withdraw the marketing consent of a customer who refuses it, at once and on every channel (R10)."""
        key = table_keys.profile(ticket["customer_id"])
        profile = self.uow.get(key) or {}
        proof = f"{ticket['channel']}: ticket {ticket['ticket_id']}"
        statements = [
            {"channel": channel, "purpose": "marketing", "granted": False, "at": self.message.at, "proof": proof,
             "source": ticket["channel"]}
            for channel in CONSENT_CHANNELS
        ]  # fmt: skip
        self.uow.put(key, agree(cast(Profile, profile), statements))
        keep_proofs(self.uow, ticket["customer_id"], statements[:1])

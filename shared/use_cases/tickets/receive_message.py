"""A message on its way into its ticket: who said it, which ticket it belongs to, where that goes, who answers."""

from __future__ import annotations

from typing import Any

from shared.domain.bot.guardrails import shows_something
from shared.domain.bot.reply import Answer, Asked, HandOver, wants_no_more
from shared.domain.common.channels import CONSENT_CHANNELS
from shared.domain.common.language import language_of
from shared.domain.customers.profile import Profile, agree, caring_store, fold_members
from shared.domain.errors import NotFound
from shared.domain.messaging.policy import WINDOWED
from shared.domain.recommendations.recommendation import Matter
from shared.domain.tickets import sla as clocks
from shared.domain.tickets import transitions
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
from shared.use_cases.tickets.internal_questions import check_the_transfer, on_the_clock, worded

# Of one channel so many tickets are looked at to find the one that a message belongs to.
THREADS_KEPT = 3
# Nobody reads an answer of the bot on the phone or at the counter.
NO_BOT = frozenset(("hotline", "store"))
# Who writes here does not see that it arrived.
ACKNOWLEDGED = frozenset(("email", "form"))


def receive(context: TicketContext, said: CustomerMessage) -> MessageResult:
    """Record what a customer said in its ticket; idempotent. Raises Busy after too many lost races, and NotFound for an
    unknown customer."""
    at = min(said.at, stamp(context.now))
    said = said.model_copy(update={"at": at})
    return commit(context, lambda tx: MessageIntake(context, tx, said).record())


class MessageIntake:
    """One message on its way into its ticket, inside one transaction; `onto` names the ticket where that is known."""

    def __init__(self, context: TicketContext, tx: TicketTransaction, said: CustomerMessage, *, onto: str = "") -> None:
        self.context, self.tx, self.said, self.onto = context, tx, said, onto
        self.uow = tx.uow
        self.bot_reply = ""

    def record(self) -> MessageResult:
        said, uow = self.said, self.uow
        home, self.members = self._whose()
        if mark := self._taken_before():
            self.tx.uow = UnitOfWork(self.context.table)  # whatever else this message told was told by then
            ticket = tickets.get(self.tx.uow, mark["ticket_id"])
            return MessageResult(ticket, mark["joined"], mark.get("bot_reply", ""), repeated=True)
        self._note_on(home)
        triage = self.context.triager.read(said.text, said.subject)
        before, how = self._meeting(triage)
        if before is None:
            after = self._opened(home, triage)
        else:
            after = transitions.reopened(before, said.at) if how == "reopen" else before
            after = transitions.revalued(transitions.read_again(after, triage), self._value())
        after = transitions.customer_wrote(after, said.at)
        after = thread.add(
            uow, after, said.at, "customer", said.text, subject=said.subject if before is None else "",
            order_id=said.order_id, attachments=[one.model_dump() for one in said.attachments],
        )  # fmt: skip
        if said.order_id:
            after.setdefault("order_id", said.order_id)
        after = self._placed(before, after, triage, how)
        if after["queue"] != "bot":
            after = self._with_suggestions(after)
        if wants_no_more(said.text, triage):
            self._stop_marketing(after)
        # A machine writes to nobody who may not have written to it: addresses of senders are easily made up.
        if how != "join" and not self.bot_reply and said.channel in ACKNOWLEDGED and said.verified:
            after = self._acknowledged(after)
        keep(self.context, self.tx, before, after)
        if how != "join":
            name = "Ticket Reopened" if before else "Ticket Opened"
            tickets.remember(uow, after, name, self.context.now)
            outgoing.signal_journeys(self.context, self.tx, after, name)
            tickets.count(uow, after, "all", said.at, {"reopened" if before else "opened": 1})
        self._mark(home, after, joined=before is not None)
        return MessageResult(after, before is not None, self.bot_reply)

    # ---- who ----

    def _whose(self) -> tuple[str, list[Profile]]:
        """The customer whose own word it is, created where nobody knows them, and all who are the same person."""
        said, uow, context = self.said, self.uow, self.context
        if not said.identities:
            members = members_of(uow, said.customer_id)
            if not members:
                raise NotFound("there is no such customer")
            return said.customer_id, members
        registry = IdentityResolver(uow, context.secret(), context.journeys.new_id, context.now)
        self._read_ahead(registry)
        home = registry.resolve(said.identities, said.at)
        key = table_keys.profile(home)
        if home in registry.created and said.store:
            uow.put(key, {**(uow.get(key) or {}), "stores": {said.store: 1}})
        lead = registry.lead_of(home)
        members = load_members(uow, lead)
        fresh = "metrics" not in lead or lead["customer_id"] in registry.remeasure
        if fresh or not lead.get("labels"):
            relabel(uow, members, None if fresh else metrics_of(lead), context.journeys.rules_today)
            members = load_members(uow, registry.lead_of(home))
        return home, members

    def _read_ahead(self, registry: IdentityResolver) -> None:
        """Two requests for what nearly every message asks: its links, and what stands with whom they lead to."""
        joining = [who for who in self.said.identities if who.joins] or list(self.said.identities)
        keys = [registry.key(who) for who in joining]
        self.uow.load(keys)
        homes = {str(link["customer"]) for key in keys if (link := self.uow.get(key))}
        places = (table_keys.profile, table_keys.ticket_threads, table_keys.journeys_of)
        marks = [table_keys.ticket_mark(home, self.said.mark) for home in sorted(homes)]
        self.uow.load([*(place(home) for home in sorted(homes) for place in places), *marks])

    def _taken_before(self) -> dict[str, Any] | None:
        keys = [table_keys.ticket_mark(member["customer_id"], self.said.mark) for member in self.members]
        self.uow.load(keys)
        for key in keys:
            mark = self.uow.get(key)
            if mark and (not self.said.again or seconds(mark["at"], self.said.at) <= self.said.again):
                return mark
        return None

    def _mark(self, home: str, ticket: Ticket, *, joined: bool) -> None:
        mark = {"ticket_id": ticket["ticket_id"], "at": self.said.at, "joined": joined, "bot_reply": self.bot_reply}
        mark["ttl"] = int((self.context.now + MARK_KEPT).timestamp())
        self.uow.put(table_keys.ticket_mark(home, self.said.mark), mark)

    def _note_on(self, home: str) -> None:
        """Whoever writes in a chat has its window open; a comment opens none (R13)."""
        channel = self.said.channel
        key = table_keys.profile(home)
        profile = self.uow.get(key) or {}
        if channel in WINDOWED:
            known = profile.get("inbound", {})
            if self.said.at > known.get(channel, ""):
                self.uow.put(key, {**profile, "inbound": {**known, channel: self.said.at}})
                self.members = members_of(self.uow, home)

    # ---- which ticket ----

    def _meeting(self, triage: Triage) -> tuple[Ticket | None, Match]:
        """The ticket a message belongs to, of all members of the customer, and what it does to it."""
        if self.onto:
            ticket = tickets.get(self.uow, self.onto)
            return match_given(ticket, self.said, self.context.rules)
        homes = [member["customer_id"] for member in self.members]
        self.uow.load(table_keys.ticket_threads(home) for home in homes)
        ids = [
            home + tail
            for home in homes
            for tail in (self.uow.get(table_keys.ticket_threads(home)) or {}).get(self.said.channel, ())
        ]
        self.uow.load(key for one in ids for key in (table_keys.ticket(one), table_keys.ticket_resolved(one)))
        known = [found for one in ids if (found := tickets.find(self.uow, one))]
        known.sort(key=lambda ticket: (ticket["status"] != "resolved", ticket["last_at"]), reverse=True)
        for ticket in known:
            if how := match(ticket, self.said, triage, self.context.rules):
                return ticket, how
        return None, ""

    def _opened(self, home: str, triage: Triage) -> Ticket:
        said, lead = self.said, self.members[0]
        tail = digest(f"{said.mark}\n{said.at}")
        for owner in dict.fromkeys((home, lead["customer_id"])):
            # The lead's changes too, so that two first messages to two of one person's profiles meet.
            key = table_keys.ticket_threads(owner)
            item = self.uow.get(key) or {}
            mine = [tail, *item.get(said.channel, ())][:THREADS_KEPT] if owner == home else item.get(said.channel, [])
            self.uow.put(key, {**item, said.channel: mine, "opened": item.get("opened", 0) + 1})
        for place in (table_keys.ticket, table_keys.ticket_resolved):
            self.uow.assume_absent(place(home + tail))
        return transitions.opened(
            said,
            triage,
            ticket_id=home + tail,
            customer_id=home,
            value=self._value(),
            store=said.store or self._store(),
        )

    def _value(self) -> str:
        labels = self.members[0].get("labels", ())
        return str(labels[1]) if len(labels) > 1 else "none"

    def _store(self) -> str:
        """The store a ticket belongs to: where its order was bought, else the one that cares for the customer."""
        order = self.uow.get(table_keys.order(self.said.order_id)) if self.said.order_id else None
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

    def _placed(self, before: Ticket | None, after: Ticket, triage: Triage, how: Match) -> Ticket:
        """The ticket in its queue, answered by the bot where that is the queue, else with a person and deadlines."""
        context, at = self.context, self.said.at
        from_bot = before is not None and before["queue"] == "bot"
        # The bot knows questions of the FAQ that triage would leave to people; what it does not know it hands over.
        bot_able = triage.bot or triage.severity == "low"
        if before is None or how == "reopen":
            after = transitions.placed(after, self._route(after, bot_able=bot_able))
        elif not (from_bot and unhappy(triage)):  # of that the bot says itself why it is for people
            after = transitions.rerouted(after, self._route(after, bot_able=bot_able and from_bot))
        if after["queue"] == "bot" or self._shows_something(before, how, after):
            after = clocks.timed(after, new_deadlines(context, after, at), anew=how == "reopen")
            after = self._ask_the_bot(after, triage)
        if after["queue"] == "bot":
            return after
        theirs = new_deadlines(context, after, at)
        begins = before is None or how == "reopen" or from_bot
        if before and not begins and before["status"] == "pending":
            after = clocks.timed(after, {RESOLVE: theirs[RESOLVE]}, anew=True)
        after = clocks.timed(after, theirs, anew=begins)
        if how == "reopen" and after["assignee"] and not self._is_there(after):
            after = transitions.assigned(after, "")
        return auto_assigned(context, after)

    def _shows_something(self, before: Ticket | None, how: Match, ticket: Ticket) -> bool:
        """A picture that nobody has the ticket of yet: the bot only says who will look at it (R23)."""
        waits = before is None or how == "reopen" or before["queue"] == "bot"
        pictured = shows_something([one.kind for one in self.said.attachments])
        return waits and pictured and ticket["severity"] != "critical" and ticket["channel"] not in NO_BOT

    def _with_suggestions(self, ticket: Ticket) -> Ticket:
        """What the agent may offer beside the answer; nothing while this is not the moment (U1, U4). What the matter is
        was said first, and is not said again."""
        labels = (ticket["intent"], ticket["severity"], ticket["sentiment"])
        text = f"{ticket['subject']} {self.said.text}"
        matter = Matter(*labels, text, ticket.get("order_id", ""), store=ticket.get("store", ""))
        found = self.context.suggester.suggest_for(self.members, matter, ticket_id=ticket["ticket_id"])
        return {**ticket, "suggestions": found}

    def _is_there(self, ticket: Ticket) -> bool:
        return self.context.directory.on_duty(ticket["assignee"], self.context.now, self.context.away())

    def _ask_the_bot(self, ticket: Ticket, triage: Triage) -> Ticket:
        said, now = self.said, self.context.now
        traits = fold_members(self.members)["traits"]
        own = outgoing.OWN.get(said.channel, "")
        windows = person(self.members, {}, "", now).windows
        told = self.context.bot(
            Asked(
                text=said.text,
                triage=triage,
                now=now,
                language=language_of(said.text, str(traits.get("@language", "vi"))),
                value=ticket["value"],
                channel=said.channel,
                verified=said.verified,
                traits=traits,
                orders=self.context.orders(self.uow, self.members) if said.verified else (),
                turns=ticket.get("turns", ()),
                attachments=[one.kind for one in said.attachments],
                window_open=own not in WINDOWED or windows.get(own, now) > now,
            )
        )
        if isinstance(told, HandOver):
            ticket = transitions.handed_over(ticket, told.reason, told.words, said.at)
            ticket = transitions.placed(ticket, self._route(ticket, bot_able=False))
            if told.reason == "transfer_picture":
                ticket = check_the_transfer(self.uow, ticket, self.context.rules, now)
        if told.text:
            sources = list(told.sources) if isinstance(told, Answer) else []
            ticket = self._say_as_bot(ticket, told.text, sources)
        if isinstance(told, Answer):
            until = self.context.rules.pending_until(now, "bot")
            first = "bot_first_response_at" not in ticket
            ticket = transitions.bot_answered(ticket, stamp(now), told.matter, stamp(until))
            if first:
                waited = {"answers": 1, "seconds": ticket["bot_first_response_seconds"]}
                tickets.count(self.uow, ticket, "bot", stamp(now), waited)
        return ticket

    def _say_as_bot(self, ticket: Ticket, text: str, sources: list[str]) -> Ticket:
        """The bot's words in the thread, and out on the channel they answer, where that reaches the customer."""
        self.bot_reply = text
        reached = addresses(self.members)
        channels = tuple(name for name in outgoing.reply_channels(ticket) if name in reached)
        message_id = ""
        if channels:
            message_id = outgoing.send(self.context, self.tx, ticket, f"bot-{self.said.mark}", text, channels)
        now = stamp(self.context.now)
        return thread.add(self.uow, ticket, now, "bot", text, sources=sources, message_id=message_id)

    def _acknowledged(self, ticket: Ticket) -> Ticket:
        """An automatic answer that says by when a person will give theirs, where nobody sees that it arrived (T8)."""
        if "email" not in addresses(self.members):
            return ticket
        due, now = ticket["first_response_due_at"], stamp(self.context.now)
        message_id = outgoing.send(
            self.context, self.tx, ticket, f"received-{self.said.mark}", "", ("email",),
            template=outgoing.RECEIVED, variables={"answer_by": due},
        )  # fmt: skip
        tickets.count(self.uow, ticket, "auto", now, {"answers": 1})
        line = worded(self.context.rules, "received", at=on_the_clock(moment(due)))
        return thread.add(self.uow, ticket, now, "system", line, message_id=message_id)

    def _stop_marketing(self, ticket: Ticket) -> None:
        """Who asks for no more advertising gets none from this moment on, on any channel (R10)."""
        key = table_keys.profile(ticket["customer_id"])
        profile = self.uow.get(key) or {}
        proof = f"{ticket['channel']}: ticket {ticket['ticket_id']}"
        told = [
            {"channel": channel, "purpose": "marketing", "granted": False, "at": self.said.at, "proof": proof,
             "source": ticket["channel"]}
            for channel in CONSENT_CHANNELS
        ]  # fmt: skip
        self.uow.put(key, agree(profile, told))
        keep_proofs(self.uow, ticket["customer_id"], told[:1])

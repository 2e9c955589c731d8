"""Door: tickets. Open, list, answer, assign, correct, compensate, resolve and rate them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import Reader
from shared.domain.errors import Forbidden, Invalid
from shared.domain.tickets.routing import QUEUES
from shared.domain.tickets.ticket import STATUSES, Ticket
from shared.ports import Item
from shared.repositories.api_keys import Caller
from shared.repositories.ticket_revenue import credited
from shared.runtime import wiring
from shared.runtime.auth import reads_customers
from shared.runtime.factories.pos import pos
from shared.runtime.factories.roster import roster
from shared.runtime.factories.rules_today import rules_today
from shared.runtime.factories.suggestions import suggester
from shared.runtime.factories.tickets import tickets
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.playbook.rules import rules
from shared.use_cases.customers import view
from shared.use_cases.tickets import agent_actions, ask_and_compensate, close_and_rate, input, lists
from shared.use_cases.tickets.context import MessageResult, TicketContext
from shared.use_cases.tickets.draft_order import draft_order, read_order_request
from shared.use_cases.tickets.receive_message import receive

# What others may have told of a ticket's customer.
_NOT_FOR_THE_WEB = ("subject", "order_id", "compensation", "rating")

handler = HttpDoor()


@handler.routes.post("/v1/tickets")
def post_ticket() -> Response[str]:
    context = tickets(wiring.outside().clock())
    message = input.read_ticket(handler.json(), _caller(), context.rules, rules().identity, context.now)
    return answer(_result(receive(context, message, _caller().stores), context.now), 201)


@handler.routes.get("/v1/tickets")
def get_tickets() -> Response[str]:
    limit, start = handler.page()
    query = handler.event.get("queryStringParameters") or {}
    read = Reader()
    status, queue, store = query.get("status", ""), query.get("queue", ""), read.text(query, "store")
    assignee = read.text(query, "assignee") if "assignee" in query else None
    if status and status not in STATUSES:
        read.wrong("status", f"must be one of {', '.join(STATUSES)}")
    if queue and queue not in QUEUES:
        read.wrong("queue", f"must be one of {', '.join(QUEUES)}")
    if start and not start.startswith(tuple(f"{one}#" for one in ([status] if status else STATUSES))):
        read.wrong("next", "is not one of ours")
    if read.errors:
        raise Invalid(read.errors)
    stores = _caller().stores
    if store and stores and store not in stores:
        raise Forbidden(f"the key has no access to store {store}")
    outside = wiring.outside()
    return listing(
        *lists.listed(
            outside.table,
            status=status,
            queue=queue,
            assignee="" if assignee == "nobody" else assignee,
            stores={store} if store else stores,
            now=outside.clock(),
            limit=limit,
            start=start,
        )
    )


@handler.routes.get("/v1/tickets/<ticket_id>")
def get_ticket(ticket_id: str) -> Response[str]:
    return answer(_seen(ticket_id))


@handler.routes.post("/v1/tickets/<ticket_id>/messages")
def post_message(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    written = input.read_message(handler.json(), _caller(), context.rules, context.directory)
    return answer(_result(agent_actions.post_message(context, ticket_id, written, _caller().stores), context.now), 201)


@handler.routes.post("/v1/tickets/<ticket_id>/resolve")
def post_resolve(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    resolution = input.read_resolve(_body(), _caller(), context.directory)
    return _answer(close_and_rate.resolve(context, ticket_id, **resolution._asdict()), context)


@handler.routes.post("/v1/tickets/<ticket_id>/rating")
def post_rating(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    score, comment = input.read_rating(handler.json())
    return _answer(close_and_rate.rate(context, ticket_id, score, comment), context)


@handler.routes.post("/v1/tickets/<ticket_id>/lock")
def post_lock(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    by, release = input.read_lock(_body(), _caller(), context.directory)
    return _answer(agent_actions.lock(context, ticket_id, by, release=release), context)


@handler.routes.post("/v1/tickets/<ticket_id>/assign")
def post_assign(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    person, queue, note = input.read_assign(handler.json(), context.directory)
    by = _caller().name
    return _answer(agent_actions.reassign(context, ticket_id, by, person=person, queue=queue, note=note), context)


@handler.routes.post("/v1/tickets/<ticket_id>/labels")
def post_labels(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    labels = input.read_labels(handler.json())
    return _answer(agent_actions.relabel(context, ticket_id, labels, _caller().name), context)


@handler.routes.post("/v1/tickets/<ticket_id>/asks")
def post_ask(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    question = input.read_ask(handler.json(), context.rules)
    return _answer(ask_and_compensate.ask(context, ticket_id, question, _caller().name), context, 201)


@handler.routes.post("/v1/tickets/<ticket_id>/compensation")
def post_compensation(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    given = input.read_compensation(handler.json())
    return _answer(ask_and_compensate.compensate(context, ticket_id, **given, by=_caller().name), context, 201)


@handler.routes.post("/v1/tickets/<ticket_id>/compensation/approve")
def post_approve(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    approved, note = input.read_approval(_body())
    return _answer(
        ask_and_compensate.decide(context, ticket_id, approved=approved, note=note, by=_caller().name), context
    )


@handler.routes.post("/v1/tickets/<ticket_id>/draft-order")
def post_draft_order(ticket_id: str) -> Response[str]:
    context = _context(ticket_id)
    wanted = read_order_request(handler.json())
    caller, products = _caller(), suggester(context.now).products
    made = draft_order(context, products, pos(), ticket_id, wanted, caller.name, caller.stores)
    return answer({name: made[name] for name in ("order_id", "number", "total", "store", "by", "at")}, 201)


def _context(ticket_id: str) -> TicketContext:
    """The context for a ticket the caller may see; raises NotFound or Forbidden."""
    outside, caller = wiring.outside(), _caller()
    if caller.stores and not caller.may_see(lists.stores_of_ticket(outside.table, ticket_id)):
        raise Forbidden("this ticket belongs to stores the key has no access to")
    return tickets(outside.clock())


def _body() -> Any:
    """The body of a call that needs none."""
    return handler.json() if handler.event.get("body") else {}


def _answer(ticket: Ticket, context: TicketContext, status: int = 200) -> Response[str]:
    return answer(_shown(ticket, context.now), status)


def _shown(ticket: Ticket, now: datetime) -> dict[str, Any]:
    """A ticket as the caller may see it after a call that changed it."""
    reads = reads_customers(_caller())
    shown = lists.shown(ticket, now, sees_customer=reads and _sees_customer(ticket))
    # What a page of the web has not said itself may have been said by others about the customer.
    return shown if reads else shown | dict.fromkeys(_NOT_FOR_THE_WEB)


def _sees_customer(ticket: Ticket) -> bool:
    return lists.customer_seen(wiring.outside().table, ticket, _caller().stores)


def _seen(ticket_id: str) -> dict[str, Any]:
    """A ticket as the caller may see it; raises NotFound or Forbidden."""
    outside, caller = wiring.outside(), _caller()
    now = outside.clock()

    def customer(customer_id: str) -> Item:
        return view.view(outside.table, customer_id, rules_today(now), lambda: roster(now))

    body, stores = lists.opened(outside.table, ticket_id, customer, now, stores=caller.stores)
    if not caller.may_see(stores):
        raise Forbidden("this ticket belongs to stores the key has no access to")
    fresh = suggester(now).in_stock(body["suggestions"], body["store"] or "")
    bought = credited(outside.table, ticket_id) if body["customer_id"] else None
    return body | {"suggestions": fresh, "credited": bought}


def _result(result: MessageResult, now: datetime) -> dict[str, Any]:
    reply = result.bot_reply if _sees_customer(result.ticket) else ""
    return _shown(result.ticket, now) | {"joined": result.joined, "bot_reply": reply or None}


def _caller() -> Caller:
    caller = handler.caller
    assert caller is not None  # every route of this door takes a key
    return caller

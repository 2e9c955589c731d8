"""Writes docs/access.md: who may make which call, and how far a key with stores sees in it (R7, R44).

Roles come from the access table of `shared/runtime/auth.py`. Run `python -m infra.local.commands.access` after changing
either; a test holds the page to its sources, and another one plays every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from infra.local.commands.openapi import routes
from shared.repositories.api_keys import ROLES as ALL_ROLES
from shared.runtime.auth import BY_LINK, OPEN, ROLES, SIGNED, WRITE_KEY

OUTPUT = Path(__file__).parents[3] / "docs" / "access.md"


class Reach(NamedTuple):
    """What a key with stores is answered, as HTTP statuses; None where there is no such case.

    `own`: its own customer, ticket, task and so on. `other`: another store's. `guest`: a customer of another store in
    the key's own, with a ticket, a task, an appointment or a voucher there; `words` say what is left out for them.
    """

    own: int = 200
    other: int | None = None
    guest: int | None = None
    words: str = ""


_OWN_ONLY = "Its own customers; a page may be shorter than asked for."
_TICKET = Reach(200, 403, 200, "The ticket without its customer.")
_TASK = Reach(200, 403, 200, "The work without the customer, script and offer.")
_APPOINTMENT = Reach(200, 403, 200, "The appointment without the customer.")
_CAMPAIGN = Reach(200, 403, words="A campaign is the key's where its audience names no store but the key's.")

TABLE: Mapping[str, Reach] = {
    "PUT /v1/customers": Reach(
        200, 403, words="Newcomers into its own stores. To a key of the role web alone: the customer's number."
    ),
    "POST /v1/customers/search": Reach(
        200, 404, words="An unknown person and another store's customer get one answer."
    ),
    "GET /v1/customers/{customer_id}": Reach(200, 403),
    "GET /v1/customers/{customer_id}/timeline": Reach(200, 403),
    "GET /v1/customers/{customer_id}/messages": Reach(200, 403),
    "POST /v1/customers/{customer_id}/merge": Reach(200, 403, words="It has to see both sides."),
    "POST /v1/customers/{customer_id}/unmerge": Reach(200, 403, words="Of the two sides those it sees."),
    "GET /v1/segments": Reach(403, words="The counts are the chain's: refused to every key with stores."),
    "GET /v1/segments/{label}/customers": Reach(words=_OWN_ONLY),
    "GET /v1/churn-risk": Reach(words=_OWN_ONLY),
    "GET /v1/vouchers/{code}": Reach(
        200,
        403,
        200,
        "403 for a code that is good at other stores only. Else its worth, not whose it is or who used it.",
    ),
    "POST /v1/vouchers/{code}/redeem": Reach(
        200, 403, 200, "At its own tills, for every customer who brings the code."
    ),
    "GET /v1/vouchers/reconciliation": Reach(
        words="What it redeemed, and codes good nowhere else; other stores' customers without their number."
    ),
    "GET /v1/reports/kpis": Reach(words="One of its own stores, named as `store` where it has several."),
    "GET /v1/reports/kpis/{kpi}/facts": Reach(words="As the KPIs; facts hold ids, no names and numbers."),
    **dict.fromkeys(
        ("GET /v1/reports/campaigns", "GET /v1/reports/funnel", "PUT /v1/reports/spend"),
        Reach(403, words="These figures are the chain's: refused to every key with stores."),
    ),
    "POST /v1/campaigns": Reach(201, 400, words="The audience has to name the key's stores."),
    "GET /v1/campaigns": Reach(words="Its own campaigns."),
    "GET /v1/campaigns/{campaign_id}": _CAMPAIGN,
    "POST /v1/campaigns/{campaign_id}/preview": _CAMPAIGN,
    "POST /v1/campaigns/{campaign_id}/test": Reach(202, 403, 404, "A test goes to its own customers only."),
    "POST /v1/campaigns/{campaign_id}/drafts": _CAMPAIGN,
    "POST /v1/campaigns/{campaign_id}/drafts/{draft_id}/approve": _CAMPAIGN,
    "POST /v1/campaigns/{campaign_id}/approve": _CAMPAIGN,
    "POST /v1/campaigns/{campaign_id}/pause": _CAMPAIGN,
    "POST /v1/campaigns/{campaign_id}/resume": _CAMPAIGN,
    "POST /v1/campaigns/{campaign_id}/cancel": _CAMPAIGN,
    "GET /v1/journeys": Reach(words="What they do; the figures are the chain's and null."),
    "GET /v1/journeys/{journey_id}": Reach(words="What it does; the figures are the chain's and null."),
    "GET /v1/tasks": Reach(200, 403, words="The tasks of its stores, as one task."),
    "POST /v1/tasks/{task_id}/outcome": _TASK,
    "POST /v1/tasks/{task_id}/assign": _TASK,
    "POST /v1/tasks/{task_id}/skip": _TASK,
    "POST /v1/tasks/{task_id}/offer": Reach(200, 403, 403, "No code for a customer it does not see."),
    "POST /v1/appointments": Reach(
        201, 403, 201, "By identities, the customer stays as they are and is not shown; by number, 403."
    ),
    "GET /v1/appointments": Reach(200, 403, words="The appointments of its stores, as one appointment."),
    "POST /v1/appointments/{appointment_id}/cancel": _APPOINTMENT,
    "POST /v1/appointments/{appointment_id}/move": _APPOINTMENT,
    "POST /v1/tickets": Reach(
        201, None, 201, "A ticket of the key's store, without its customer, suggestions and the bot's reply."
    ),
    "GET /v1/tickets": Reach(200, 403, words="The tickets of its stores, as one ticket."),
    "GET /v1/tickets/{ticket_id}": _TICKET,
    "POST /v1/tickets/{ticket_id}/messages": _TICKET._replace(own=201, guest=201),
    "POST /v1/tickets/{ticket_id}/rating": _TICKET,
    "POST /v1/tickets/{ticket_id}/resolve": _TICKET,
    "POST /v1/tickets/{ticket_id}/lock": _TICKET,
    "POST /v1/tickets/{ticket_id}/assign": _TICKET,
    "POST /v1/tickets/{ticket_id}/labels": _TICKET,
    "POST /v1/tickets/{ticket_id}/asks": _TICKET._replace(own=201, guest=201),
    "POST /v1/tickets/{ticket_id}/compensation": _TICKET._replace(own=201, guest=201),
    "POST /v1/tickets/{ticket_id}/compensation/approve": _TICKET,
    "POST /v1/tickets/{ticket_id}/draft-order": Reach(201, 403, 201, "Drafted without the customer's name and phone."),
}

_HEAD = """\
# Who may call what

Written by `python -m infra.local.commands.access` from the tables of `infra/local/commands/access.py` and
`shared/runtime/auth.py`; `tests/doors/test_reach.py` plays every row with every role.

One function decides whose customer a key sees: `sees` in `shared/domain/customers/reach.py`. A key without stores sees
everybody; any other the customers who have one of its stores as home or bought there. A ticket may be worked on by its
own store and by its customer's; a task and an appointment by their store.

- *own*: the key's stores have it. *other*: another store has it. *guest*: a customer of another store came to this one.
- Whom a key does not see is null in the answer: number, name, phone, value, orders, what the bot said, suggestions.
- The number of a ticket, a task or an appointment begins with its customer's. It opens nothing.
- A key whose only role is web is told nothing that it did not say itself, and what it says of a person is claimed.

"""
_TAIL = """
Without an API key: {}. With a write key: {}. Providers sign theirs: {}.
Pages are opened by their link, or by everybody: {}.
"""


def text() -> str:
    """The page as the file holds it. KeyError for a route with an API key that the table does not name."""
    head = f"| call | {' | '.join(ALL_ROLES)} | own | other | guest | with stores |"
    rows = [head, "|---" * (len(ALL_ROLES) + 5) + "|"]
    rows += [_row(route) for route in routes() if route in ROLES]
    others = (", ".join(f"`{route}`" for route in sorted(some)) for some in (OPEN, WRITE_KEY, SIGNED, BY_LINK))
    return _HEAD + "\n".join(rows) + "\n" + _TAIL.format(*others)


def _row(route: str) -> str:
    reach = TABLE[route]
    roles = ("✓" if role in ROLES[route] else "" for role in ALL_ROLES)
    statuses = (str(status or "") for status in (reach.own, reach.other, reach.guest))
    return f"| `{route}` | {' | '.join((*roles, *statuses, reach.words))} |"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")

"""The facts of the lake: kinds, columns and SQL types. Glue, Athena and DuckDB read the same files by these (X21).

A fact is told again whenever it changes: readers take the greatest `version` of each `fact_id`, so that retries,
replays and late facts change nothing. `deleted` takes a fact back. No column holds a name, a number, an address or free
text: customers are their random ids (X22). Moments are UTC stamps ("2026-12-01T03:04:05.678Z", which sort as text and
cast to TIMESTAMP), days are local (Asia/Ho_Chi_Minh), money is whole VND. A fact lies in the folder of its `day`.
"""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal[
    "order", "message", "ticket", "task", "survey", "segment", "journey_step", "cart", "engagement", "consent",
    "customer", "spend",
]  # fmt: skip
Type = Literal["VARCHAR", "BIGINT", "BOOLEAN", "DOUBLE"]

COMMON: Final[dict[str, Type]] = {
    "fact_id": "VARCHAR",
    "version": "VARCHAR",  # when the table changed, and the change's sequence number: sorts as text
    "deleted": "BOOLEAN",
    "day": "VARCHAR",  # local day, YYYY-MM-DD
    "at": "VARCHAR",  # stamp
}

# By kind, beside COMMON. What is unknown is null; texts without a value are null too, never "".
COLUMNS: Final[dict[Kind, dict[str, Type]]] = {
    # One sale, walk-ins included. `day` and `at` are when it was placed.
    "order": {
        "order_id": "VARCHAR",  # null where it could be a phone number
        "customer_id": "VARCHAR",  # null for walk-ins
        "store": "VARCHAR",
        "channel": "VARCHAR",  # as the sender says: store, online, shopee …
        "cashier": "VARCHAR",
        "total": "BIGINT",  # as sold; below zero for a return invoice
        "kept": "BIGINT",  # what stays with the shop today
        "discount": "BIGINT",
        "refunded": "BIGINT",
        "margin": "BIGINT",  # of what is kept, where the catalogue knows the cost of every line
        "promo": "BOOLEAN",  # with a voucher
        "payment": "VARCHAR",
        "status": "VARCHAR",  # placed, awaiting_delivery, delivered, delivery_failed, returned, partly_refunded, …
        "counts": "BOOLEAN",  # is a purchase and a visit of its own (exchanges and return invoices are not)
        "exchange": "BOOLEAN",  # in place of what an earlier order brought
        "bad_phone": "BOOLEAN",  # the sale named an impossible phone number (R4)
        "backfill": "BOOLEAN",
        "skus": "VARCHAR",  # the different goods that count for co-purchase, sorted, with commas
    },
    # One message intent and its outcome. `at` is when it was planned.
    "message": {
        "customer_id": "VARCHAR",
        "journey": "VARCHAR",  # "campaign" for campaigns, whose id `run` is; "order", "ticket" … for others
        "run": "VARCHAR",
        "step": "VARCHAR",
        "purpose": "VARCHAR",  # transactional, service, marketing
        "template": "VARCHAR",
        "channel": "VARCHAR",  # the last one tried
        "status": "VARCHAR",
        "reason": "VARCHAR",
        "cost": "BIGINT",
        "sent_at": "VARCHAR",  # first; as are the next ones
        "delivered_at": "VARCHAR",
        "opened_at": "VARCHAR",  # by a person: machine opens do not count (X12)
        "clicked_at": "VARCHAR",
        "replied_at": "VARCHAR",
    },
    # One ticket. `at` is when it was opened.
    "ticket": {
        "customer_id": "VARCHAR",
        "channel": "VARCHAR",
        "store": "VARCHAR",
        "intent": "VARCHAR",
        "severity": "VARCHAR",
        "sentiment": "VARCHAR",
        "queue": "VARCHAR",
        "priority": "VARCHAR",
        "status": "VARCHAR",  # open, pending, resolved
        "first_response_at": "VARCHAR",  # by a person
        "first_response_seconds": "BIGINT",
        "bot_first_response_at": "VARCHAR",
        "bot_first_response_seconds": "BIGINT",
        "served_at": "VARCHAR",  # the first answer of either: from then on orders are credited to the ticket
        "resolved_at": "VARCHAR",
        "handled_seconds": "BIGINT",
        "misses": "BIGINT",  # deadlines missed
        "reopened": "BIGINT",
        "complaint": "BOOLEAN",
        "our_fault": "BOOLEAN",
        "credit_excluded": "BOOLEAN",  # its intent earns no credit for later orders
    },
    # One task of staff. `at` is when it was opened.
    "task": {
        "customer_id": "VARCHAR",
        "task_kind": "VARCHAR",
        "journey": "VARCHAR",
        "step": "VARCHAR",
        "store": "VARCHAR",
        "role": "VARCHAR",
        "sells": "BOOLEAN",
        "due_at": "VARCHAR",
        "done_at": "VARCHAR",
        "outcome": "VARCHAR",
    },
    # One answer to a survey, or a rating of a ticket. `at` is when it was first given.
    "survey": {
        "customer_id": "VARCHAR",
        "survey": "VARCHAR",  # csat, nps
        "score": "BIGINT",
        "ticket_id": "VARCHAR",
        "journey": "VARCHAR",
        "step": "VARCHAR",
        "channel": "VARCHAR",
        "store": "VARCHAR",
    },
    # One change of a customer's labels. `at` is when it was stored.
    "segment": {
        "customer_id": "VARCHAR",
        "lifecycle": "VARCHAR",
        "lifecycle_before": "VARCHAR",
        "value": "VARCHAR",
        "value_before": "VARCHAR",
        "tags": "VARCHAR",  # sorted, with commas
    },
    # One event of a run in a journey, told once.
    "journey_step": {
        "customer_id": "VARCHAR",
        "journey": "VARCHAR",  # "campaign" where a campaign took the customer in, which `campaign` names
        "journey_version": "VARCHAR",
        "run": "VARCHAR",
        "campaign": "VARCHAR",
        "arm": "VARCHAR",  # live, holdout
        "variant": "VARCHAR",
        "event": "VARCHAR",  # entered, step, ended, shadow, moved_in, moved_out
        "step": "VARCHAR",
        "why": "VARCHAR",  # of ended: goal, done, …
    },
    # One state of a customer's cart.
    "cart": {
        "customer_id": "VARCHAR",
        "lines": "BIGINT",
        "value": "BIGINT",
    },
    # One thing a customer did at a touchpoint, as the timeline names it.
    "engagement": {
        "customer_id": "VARCHAR",
        "type": "VARCHAR",
        "name": "VARCHAR",
        "stage": "VARCHAR",
        "source": "VARCHAR",
        "backfill": "BOOLEAN",
    },
    # One statement of consent.
    "consent": {
        "customer_id": "VARCHAR",
        "channel": "VARCHAR",
        "purpose": "VARCHAR",
        "granted": "BOOLEAN",
        "source": "VARCHAR",
    },
    # One customer as they are now. `at` is when the profile was made.
    "customer": {
        "customer_id": "VARCHAR",
        "lead": "VARCHAR",  # whose view it belongs to since a merge; its own id otherwise
        "store": "VARCHAR",  # that cares for the customer
        "lifecycle": "VARCHAR",
        "value": "VARCHAR",
        "tags": "VARCHAR",
        "age_band": "VARCHAR",  # under_30, 30_to_44, 45_and_over
        "source": "VARCHAR",  # acquisition source (D18)
        "reach": "VARCHAR",  # channels with an address, sorted, with commas: call,email,messenger,sms,zalo …
        "consented": "VARCHAR",  # channels with consent to marketing among them
        "held_out": "BOOLEAN",  # in the global hold-out, which gets no marketing (R26)
    },
    # Money spent outside of us on a day, as it was reported: advertisements, acquisition (K11, K16).
    "spend": {
        "purpose": "VARCHAR",  # ads, acquisition, other
        "channel": "VARCHAR",
        "campaign": "VARCHAR",
        "amount": "BIGINT",
    },
}

KINDS: Final[tuple[Kind, ...]] = tuple(COLUMNS)


def columns(kind: Kind) -> dict[str, Type]:
    """All columns of a kind in order, with their SQL types."""
    return COMMON | COLUMNS[kind]

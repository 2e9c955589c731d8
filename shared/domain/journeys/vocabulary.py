"""The vocabulary of journeys: the signals with their properties, and the facts that conditions may use.

A shop's own events are signals too once `stages.yaml` names them; their properties are unknown here.
"""

from __future__ import annotations

_ORDER = (
    "order_id", "order_code", "invoice_url", "total", "channel", "store", "payment", "paid_by", "coupon", "in_store",
    "ordered_on", "bought_on", "sku", "skus", "product", "items",
)  # fmt: skip
_SHIPMENT = (*_ORDER, "carrier", "tracking_code", "tracking_url", "expected_on")
_TICKET = ("ticket_id", "case_code", "channel", "intent", "severity", "order_id")
_CALL = (
    "on", "by", "reason", "store", "offer", "gift", "voucher", "valid_until", "offer_ends", "offer_url", "voucher_url",
    "order_by",
)  # fmt: skip
_CART = ("cart_id", "items", "sku", "product")

# Signals by name, with the properties they may carry: first those sent from outside, then those derived here.
SIGNALS: dict[str, tuple[str, ...]] = {
    "Order Completed": _ORDER,
    "Order Cancelled": _ORDER,
    "Order Refunded": _ORDER,
    "Order Shipped": _SHIPMENT,
    "Out For Delivery": _SHIPMENT,
    "Order Delivered": (*_SHIPMENT, "delivered_on", "exchange_until"),
    "Delivery Failed": _SHIPMENT,
    "Returned To Sender": _SHIPMENT,
    "Cart Updated": _CART,
    "Product Added": _CART,
    "Product Removed": _CART,
    "Checkout Started": _CART,
    "Product Viewed": ("sku", "name", "category", "price"),
    "Product Reviewed": ("sku", "rating", "review_body"),
    "Signed Up": ("channel", "source"),
    "Trial Started": ("sku", "product", "guide_url", "ends_on"),
    "Appointment Booked": ("appointment_id", "starts_at", "service", "store", "store_address"),
    "Appointment Cancelled": ("appointment_id",),
    # An order that waits for money by bank: told with a draft order, or by the shop's own systems.
    "Transfer Awaited": ("order_code", "total"),
    "Transfer Received": ("order_code",),
    # The buyer has the goods in hand: at once in a store, else with the delivery (R16).
    "Goods Received": (*_ORDER, "received_on"),
    "Asked In Chat": ("channel", "topic"),
    "Followed": ("channel",),
    "Survey Answered": ("survey", "score", "comment", "asked", "journey", "step", "run"),
    "Lifecycle Changed": ("to", "was", "on"),
    "Value Changed": ("to", "was", "on"),
    "Tag Added": ("tag", "on"),
    "Birthday": ("on",),
    "Points Expiring": ("on", "days", "points", "expires_on"),
    "Task Done": ("outcome", "task_id", "kind", "journey", "step", "run", "order_by"),
    # The code comes when staff issue it in the call, `order_by` when the customer promises to order.
    "Listed To Call": _CALL,
    "Voucher Redeemed": ("code", "offer", "order_id", "value"),
    "Ticket Opened": _TICKET,
    "Ticket Reopened": _TICKET,
    "Ticket Resolved": (*_TICKET, "by", "answered", "our_fault"),
}

# Signals that only this system may send. An outside event of that name is stored on the timeline and handled by no
# journey, because write keys are public in every browser.
INTERNAL_SIGNALS = frozenset(
    (
        "Goods Received", "Asked In Chat", "Followed", "Survey Answered", "Lifecycle Changed", "Value Changed",
        "Tag Added", "Birthday", "Points Expiring", "Task Done", "Voucher Redeemed", "Ticket Opened",
        "Ticket Reopened", "Ticket Resolved", "Listed To Call",
    )
)  # fmt: skip

# Facts by subject. `event` are the properties of what let the customer in; `message`, `answer` and `task` are asked by
# the id of a step: how far its message came, the score of its answer, the outcome of its task. `round` is how often a
# step was reached.
FACTS: dict[str, tuple[str, ...]] = {
    "customer": (
        "lifecycle", "value", "tags", "orders", "visits", "revenue", "spend_365d", "days_silent", "last_order_on",
        "city", "gender", "age", "home_store", "points", "tier", "channels", "open_windows", "refusals",
        "days_since_contact",
    ),
    "cart": ("items", "total", "product", "sku", "url"),
    "order": ("status", "total", "kept", "delivered", "returned"),
    # Of all products of the order: the dearest with a guide, and what goes best with them.
    "bought": ("in_catalogue", "guide_for", "guide_url", "suggestion_for", "suggestion", "suggestion_url"),
    "product": (
        "sku", "name", "category", "url", "guide_url", "suggestion", "suggestion_url", "replacement",
        "replacement_url", "maintain_on", "warranty_ends_on", "repurchase_on", "lifespan_ends_on",
    ),
    "offer": ("voucher", "gift", "valid_until", "offer_ends", "url", "open"),
    "run": ("variant", "deal", "entered_on", "anchor", "days", "tet_on"),
    "shop": (
        "high_value_order", "website", "new_url", "cart_url", "points_url", "club_url", "guide_url", "hotline",
        "resting",
    ),
}  # fmt: skip
BY_STEP = ("message", "answer", "task", "round")

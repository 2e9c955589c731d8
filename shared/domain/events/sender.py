"""The sender of a message of the tracking protocol: a server is believed, a browser is not (X24).

A browser key stands in every page of the shop. A sender with one may report what a page sees: its visitor looked at
goods, filled a cart, went to the checkout. Everything that costs money or opens a person's data comes from a server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.common.field_reader import Reader
from shared.domain.common.playbook_rules import IdentityRules
from shared.domain.customers.profile import TRAITS
from shared.domain.orders.order_event import CART_EVENTS

# Events of a browser in one call, and how old one may be: SDKs keep what they could not send for a while.
BROWSER_EVENTS = 50
BROWSER_OLDEST = timedelta(hours=24)
BROWSER_TYPES = ("identify", "track", "page", "screen")
# Of Segment's "Ecommerce V2" events those about looking at goods, carts and the way to the checkout.
BROWSING = frozenset(
    (
        *CART_EVENTS,
        "Products Searched",
        "Product List Viewed",
        "Product List Filtered",
        "Promotion Viewed",
        "Promotion Clicked",
        "Product Clicked",
        "Product Viewed",
        "Product Shared",
        "Product Added to Wishlist",
        "Product Removed from Wishlist",
        "Cart Viewed",
        "Checkout Step Viewed",
        "Checkout Step Completed",
    )
)
# What a browser says about its user stands under these attributes, which nothing in the house acts on.
SAID_BY_BROWSER = "@browser."
_OWN_TRAITS = frozenset(TRAITS) - {"home_store"}


def _no_proof(_user_id: str, _user_hash: str) -> bool:
    return False


@dataclass(frozen=True)
class Sender:
    """Whose messages these are: the id of the write key, and what its kind and grant allow.

    `system` owns the order numbers of a server key, `stores` (empty: all) limit its orders. `proves` says whether a
    `userHash` proves a `userId`.
    """

    key: str = ""
    browser: bool = False
    system: str = ""
    stores: frozenset[str] = frozenset()
    proves: Callable[[str, str], bool] = _no_proof


def user_hash(message: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    """The proof that comes with a message, from whichever place the sender's SDK puts it in; None where there is none.

    Segment's and RudderStack's SDKs let a page add to `context` and to `traits`, not to the message.
    """
    places = (message, context, message.get("traits"), context.get("traits"))
    return next((place["userHash"] for place in places if isinstance(place, dict) and place.get("userHash")), None)


def check_browser_message(
    read: Reader,
    message: Mapping[str, Any],
    event_type: str,
    name: str,
    context: Mapping[str, Any],
    at: datetime,
    received_at: datetime,
    rules: IdentityRules,
) -> None:
    """Names everything in a message that a browser may not say."""
    if event_type not in BROWSER_TYPES:
        read.wrong("type", f"{event_type} is not taken from a browser")
    if event_type == "track" and name not in BROWSING and name not in rules.browser_events:
        read.wrong("event", f"{name} is not taken from a browser; the shop's server sends it with a server key")
    if message.get("anonymousId") in (None, ""):
        read.wrong("anonymousId", "is needed from a browser")
    # Segment's own consent object speaks of cookies, not of messages.
    if context.get("consent") not in (None, {}) and not isinstance(context.get("consent"), dict):
        read.wrong("context.consent", "is not taken from a browser")
    for field in ("source", "backfill"):
        if context.get(field):
            read.wrong(f"context.{field}", "is not taken from a browser")
    for path, traits in (("traits", message.get("traits")), ("context.traits", context.get("traits"))):
        if isinstance(traits, dict) and traits.get("home_store"):
            read.wrong(f"{path}.home_store", "is not taken from a browser")
    if at < received_at - BROWSER_OLDEST:
        read.wrong("timestamp", f"is more than {BROWSER_OLDEST // timedelta(hours=1)} hours old")


def browser_traits(traits: Mapping[str, Any], *, proven: bool) -> dict[str, Any]:
    """Traits as they are kept: of a user who is proven their own, all others as what a browser has said."""
    return {
        name if proven and name in _OWN_TRAITS else SAID_BY_BROWSER + name.removeprefix("@"): value
        for name, value in traits.items()
        if name != "@userHash"
    }

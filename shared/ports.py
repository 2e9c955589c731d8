"""What the use cases need from the outside world, and nothing about who provides it.

Items are plain JSON-like dicts (str, int, bool, None, list, dict; never float) with the string keys `pk` and `sk`.
A due row is an item that also carries `due` (lane and shard, such as "timer#2") and `due_at` (UTC, see
`domain.vietnam_time.stamp`); rows without both are not in the due index.
`ttl` (epoch seconds) lets the table forget an item some time after that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol

from shared.domain.messaging.wording import Wording
from shared.domain.triage.triage import Triage

Item = dict[str, Any]
Clock = Callable[[], datetime]
NewId = Callable[[], str]


class Key(NamedTuple):
    """Primary key of one item."""

    pk: str
    sk: str


class Clause(NamedTuple):
    """One condition on one attribute; an action's clauses must all hold.

    `path` is the attribute's path inside the item: ("version",) or ("stamps", "name").
    `kind` is one of: absent, present, equals, absent_or_equals, absent_or_at_most.
    Strings compare by their UTF-8 bytes, as in DynamoDB.
    """

    kind: str
    path: tuple[str, ...]
    value: Any = None


def absent(*path: str) -> Clause:
    return Clause("absent", path or ("pk",))


def present(*path: str) -> Clause:
    return Clause("present", path or ("pk",))


def equals(path: tuple[str, ...], value: Any) -> Clause:
    return Clause("equals", path, value)


def absent_or_equals(path: tuple[str, ...], value: Any) -> Clause:
    return Clause("absent_or_equals", path, value)


def absent_or_at_most(path: tuple[str, ...], value: Any) -> Clause:
    return Clause("absent_or_at_most", path, value)


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item."""

    item: Item
    when: tuple[Clause, ...] = ()

    @property
    def key(self) -> Key:
        return Key(self.item["pk"], self.item["sk"])


@dataclass(frozen=True, slots=True)
class Update:
    """Change parts of an item, creating it if there is none; paths are as in `Clause`, parents must exist."""

    key: Key
    set: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    add: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    remove: Sequence[tuple[str, ...]] = ()
    when: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item; fine if it is not there."""

    key: Key
    when: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """Change nothing, but hold the transaction to a condition."""

    key: Key
    when: tuple[Clause, ...]


Action = Put | Update | Delete | Check


class Page(NamedTuple):
    """A page of a query; `next` is the sort key to go on from, or None at the end."""

    items: list[Item]
    next: str | None


class DueRow(NamedTuple):
    """A row of the due index: keys only."""

    key: Key
    due_at: str


class Table(Protocol):
    """One table with one sparse, keys-only, eventually consistent due index.

    Errors: `domain.errors.Conflict` when a condition does not hold, `domain.errors.Busy` when the table is
    throttled or a transaction collided (safe to repeat).
    """

    def get(self, key: Key, *, consistent: bool = True) -> Item | None: ...

    def batch_get(self, keys: Iterable[Key], *, consistent: bool = True) -> dict[Key, Item]:
        """The items that exist; one request per 100 keys."""
        ...

    def query(
        self,
        pk: str,
        *,
        low: str = "",
        high: str | None = None,
        start: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        consistent: bool = True,
    ) -> Page:
        """Items of one collection with low <= sk <= high, in order of sk, one page (at most `limit` items or 1 MB).

        `start` continues strictly after the sk that a former page gave as `next`.
        """
        ...

    def due(self, lane: str, until: str, *, limit: int = 100) -> list[DueRow]:
        """The first rows of a due partition with due_at <= until, in order of due_at; may lag behind writes."""
        ...

    def write(self, *actions: Action) -> Item | None:
        """All actions or none (1 to 100, each on another item).

        A single action is a plain write; the answer to a single `Update` is the whole item after it, else None.
        """
        ...

    def pause(self, lost: int) -> bool:
        """Wait before a try that follows `lost` lost ones (1 or more); False when no time is left for another."""
        ...


class SecondOpinion(Protocol):
    """Another reader of messages, outside of us: slower, and not always there."""

    def read(self, text: str) -> Triage | None:
        """What it says a message is about; None when it says nothing usable in time. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class CopyBrief:
    """What a copywriter is told, as JSON; nothing about any person. Each draft is to have the `parts` named."""

    told: Mapping[str, Any]
    count: int
    parts: tuple[str, ...]


class Copy(NamedTuple):
    """Drafts as the model wrote them, unchecked; which model it was and the tokens it is paid for."""

    drafts: list[Wording]
    model: str
    input_tokens: int
    output_tokens: int


class CopyWriter(Protocol):
    """Somebody outside of us who drafts messages: slow, paid by the call, and not to be believed."""

    def draft(self, brief: CopyBrief) -> Copy:
        """One to `count` drafts; raises `domain.errors.Busy` when nothing usable comes in time."""
        ...


class Queue(Protocol):
    """A standard queue: at least once, in no order."""

    def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Each body at most 256 KB of UTF-8; returns when all are stored."""
        ...


class Stored(NamedTuple):
    """One object as it was read; `etag` changes whenever its bytes do."""

    body: bytes
    etag: str


class Names(NamedTuple):
    """A page of a listing; `next` is the name to go on after, or None at the end."""

    names: list[str]
    next: str | None


class ObjectStore(Protocol):
    """A bucket of files that are written whole; who reads or lists sees every finished write at once.

    Names are folders and a file, such as "facts/order/dt=2026-12-01/a.jsonl.gz": ASCII letters, digits and "-._=",
    parted by "/"; a name is never a folder of another one. Errors: `domain.errors.Conflict` when a condition does not
    hold, `domain.errors.Busy` when the same call may be repeated, ValueError for a name that is none.
    """

    def put(self, name: str, body: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        """Write an object over what was there, or only if there is none, or only over the one with that etag; its new
        etag. After a lost answer a condition may fail because of one's own write."""
        ...

    def get(self, name: str) -> Stored | None: ...

    def list(self, prefix: str, *, after: str = "") -> Names:
        """Names that begin with `prefix` and come after `after`, in order of their bytes, at most 1000."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects, one request per 1000; fine if one is not there."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as a channel sends it; everything is rendered and checked.

    `tracking_id` is 44 lower-case letters and digits, the same on every try of the same message. `to` is what the
    channel addresses: +84… for phones, an e-mail address, a Zalo user id, a Messenger PSID. `template` names the
    provider's own template where it demands one, with its `parameters`; `unsubscribe` is the link of the one-click
    header of an e-mail. `beyond_window`: a person of ours typed it after a machine could have answered. `comment`: `to`
    is a comment on the page, which is answered in private.
    """

    tracking_id: str
    to: str
    purpose: str
    text: str = ""
    subject: str = ""
    html: str = ""
    template: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    unsubscribe: str = ""
    beyond_window: bool = False
    comment: bool = False


class Sent(NamedTuple):
    """The provider took the message: its own id, what it costs in VND, and what is left of a quota if it said so."""

    provider_id: str
    cost: int
    quota_left: int | None = None


class Channel(Protocol):
    """One way to reach a person. Errors are `domain.sending.ChannelError` with the kind that says what to do next."""

    def send(self, message: Outgoing) -> Sent: ...

    def was_taken(self, tracking_id: str) -> Sent | Literal["cannot_tell"] | None:
        """Whether the provider took a message whose answer we never saw; None: surely not."""
        ...


class Receiver(NamedTuple):
    """What became of one number of a batch; `delivered` is None while nobody knows."""

    phone: str
    delivered: bool | None


class BatchChannel(Protocol):
    """A channel that takes one text for many people. Errors are as of `Channel`, about the whole batch."""

    def send_batch(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """One answer per message, in order, all with the batch's own id."""
        ...

    def receivers(self, provider_id: str) -> list[Receiver]:
        """What became of each number of a batch."""
        ...


class PageComments(Protocol):
    """The comments under the posts of the shop's page. Errors are `domain.sending.ChannelError`; `unreachable` is a
    comment that is there no more."""

    def hide(self, comment_id: str) -> None:
        """Show it to its author and their friends only; hiding twice changes nothing."""
        ...

    def say(self, comment_id: str, text: str) -> None:
        """Say something below it for everybody to read; said twice, it stands there twice."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template filled in for one channel. `links` are the targets of its tracked links, by index."""

    text: str = ""
    subject: str = ""
    html: str = ""
    template: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    unsubscribe: str = ""


class DraftLine(NamedTuple):
    """One product of a draft order; `price` is VND per piece."""

    sku: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """An order as a POS is to draft it. `key` is the same on every try of the same order; `phone` +84… or "" ."""

    key: str
    store: str
    lines: tuple[DraftLine, ...]
    phone: str = ""
    name: str = ""
    note: str = ""


class Drafted(NamedTuple):
    """A draft order in the POS: its id there, and the number that people see."""

    order_id: str
    number: str


class PosOrders(Protocol):
    """A POS that takes draft orders. Errors are `domain.sending.ChannelError` with the kind that says what to do:
    `refused` with the POS's own words where it does not want this order."""

    def draft(self, order: DraftOrder) -> Drafted: ...

    def find(self, key: str, since: datetime) -> Drafted | None:
        """The draft that was made under a key since a moment; None: surely none."""
        ...


class Renderer(Protocol):
    """Fills templates in. Errors are `domain.sending.ContentError`: nothing incomplete is ever sent."""

    def channels(self, template: str) -> frozenset[str]:
        """The channels a template has content for and is allowed on."""
        ...

    def patience(self, template: str) -> timedelta | None:
        """How long a template waits to be opened before the next channel; None: as the playbook says for all."""
        ...

    def provider_template(self, template: str, channel: str) -> str:
        """The provider's own name for what a template sends on a channel, or "" where it needs no approval of one."""
        ...

    def render(self, template: str, channel: str, variables: Mapping[str, Any], *, message_id: str) -> Rendered: ...

"""The table port on SQLite: DynamoDB's semantics, limits and prices on a laptop, and faults that tests inject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

from pydantic_core import from_json, to_json

from shared.adapters.dynamo_limits import BATCH_KEYS, check_actions, check_key
from shared.adapters.local import capacity_meter as sizes
from shared.adapters.local.capacity_meter import Meter
from shared.adapters.local.condition_evaluator import holds, updated
from shared.adapters.local.fault_injection import FaultInjection, History
from shared.adapters.local.sqlite_store import Row, SqliteStore
from shared.domain.errors import Busy, Conflict
from shared.ports import Action, Check, Clock, Delete, DueRow, Item, Key, Page, Put, Update

MAX_ITEM_BYTES = 400 * 1024
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
PAGE_BYTES = 1024 * 1024

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS items (
        pk TEXT NOT NULL, sk TEXT NOT NULL, body TEXT NOT NULL, size INTEGER NOT NULL,
        due TEXT, due_at TEXT, ttl INTEGER, PRIMARY KEY (pk, sk))""",
    # Everything a sweep reads, so that it need not open the items.
    "CREATE INDEX IF NOT EXISTS items_due ON items (due, due_at, pk, sk, ttl) WHERE due IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS items_ttl ON items (ttl) WHERE ttl IS NOT NULL",
    """CREATE TABLE IF NOT EXISTS stream (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL,
        old TEXT, new TEXT)""",
)
_READ = "SELECT body, size, due, due_at, ttl FROM items WHERE pk = ? AND sk = ?"
_INSERT = "INSERT INTO items (body, size, due, due_at, ttl, pk, sk) VALUES (?, ?, ?, ?, ?, ?, ?)"
_REPLACE = "UPDATE items SET body = ?, size = ?, due = ?, due_at = ?, ttl = ? WHERE pk = ? AND sk = ?"
# The usual change of a profile leaves its due row alone, and with it the indexes.
_REPLACE_BODY = "UPDATE items SET body = ?, size = ? WHERE pk = ? AND sk = ?"
_DELETE = "DELETE FROM items WHERE pk = ? AND sk = ?"


@cache
def _read_many(keys: int) -> str:
    """The statement that reads this many items at once: a statement costs more than a row."""
    return f"SELECT pk, sk, body, size, due, due_at, ttl FROM items WHERE {' OR '.join(['pk = ? AND sk = ?'] * keys)}"  # noqa: S608


# Several times faster than the standard library's, which is what a simulated year mostly waits for.
def _encode(item: Item) -> str:
    return to_json(item).decode()


def _decode(body: str) -> Item:
    item: Item = from_json(body)
    return item


class StreamRecord(NamedTuple):
    """A committed change of one item, as a stream door sees it; `at` is in whole seconds since 1970, as on AWS."""

    seq: int
    at: int
    key: Key
    old: Item | None
    new: Item | None


class _Step(NamedTuple):
    """What one action changes."""

    key: Key
    stored: Row | None  # what lies in the file, perhaps expired
    old: Row | None  # what the action sees
    new: Row | None
    holds: bool


class SqliteTable:
    """`ports.Table` on a SQLite file or in memory; also for several threads and processes at once."""

    def __init__(
        self,
        store: SqliteStore | str | Path = ":memory:",
        *,
        clock: Clock,
        faults: FaultInjection | None = None,
        meter: Meter | None = None,
        capture: Callable[[Key], bool] | None = None,
    ) -> None:
        """`capture` names the items whose changes are kept for `read_changes`; None: of no item."""
        self.store = store if isinstance(store, SqliteStore) else SqliteStore(store)
        self.store.define(*_SCHEMA)
        self._db = self.store.db
        self._lock = self.store.lock
        self._clock = clock
        self._faults = faults
        self._history = History(faults.lag) if faults else None
        self._expiry_lag = faults.expiry_lag_seconds if faults else 0
        self._meter = meter
        self._capture = capture

    def pause(self, lost: int) -> bool:  # noqa: ARG002 - SQLite has let the other writer finish before it answers
        return True

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        check_key(key)
        earlier = self._begin_read(consistent)
        row = earlier[key] if key in earlier else self._row(key)
        row = self._living(row)
        if self._meter:
            self._meter.table_read(sizes.read_units(row.size if row else 0, consistent=consistent))
        return _decode(row.body) if row else None

    def batch_get(self, keys: Iterable[Key], *, consistent: bool = True) -> dict[Key, Item]:
        wanted = iter(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        while batch := list(islice(wanted, BATCH_KEYS)):
            for key in batch:
                check_key(key)
            earlier = self._begin_read(consistent)
            units = 0.0
            rows = self._rows(batch)
            for key in batch:
                row = self._living(earlier[key] if key in earlier else rows.get(key))
                units += sizes.read_units(row.size if row else 0, consistent=consistent)
                if row:
                    found[key] = _decode(row.body)
            if self._meter:
                self._meter.table_read(units)
        return found

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
        check_key(Key(pk, "any"))
        if limit is not None and limit < 1:
            raise ValueError("a page has at least one item")
        earlier = self._begin_read(consistent)
        most = self._page_limit(limit)
        if start is not None and descending:
            high, beyond = (start, "<") if high is None or start <= high else (high, "<=")
        else:
            beyond = "<="
        above = ">="
        if start is not None and not descending:
            low, above = (start, ">") if start >= low else (low, ">=")
        bounds = f"sk {above} ?" + ("" if high is None else f" AND sk {beyond} ?")
        values = (pk, self._expiry(), low) if high is None else (pk, self._expiry(), low, high)
        # Only operators and key words are put into the text; values are bound.
        sql = (
            "SELECT sk, body, size, due, due_at, ttl FROM items WHERE pk = ? AND (ttl IS NULL OR ttl >= ?) "  # noqa: S608
            f"AND {bounds} ORDER BY sk {'DESC' if descending else 'ASC'}"
        )
        with self._lock:
            cursor = self._db.execute(sql, values)
            rows: Iterator[tuple[str, Row]] = ((sk, Row(*columns)) for sk, *columns in cursor)
            if earlier:
                rows = _as_it_was(rows, earlier, pk, low, high, above, beyond, descending=descending)
            page, size, cut = _page(rows, most)
            cursor.close()
        if self._meter:
            self._meter.table_read(sizes.read_units(size, consistent=consistent))
        return Page([_decode(row.body) for _, row in page], page[-1][0] if cut else None)

    def due(self, lane: str, until: str, *, limit: int = 100) -> list[DueRow]:
        if not lane or not until or limit < 1:
            raise ValueError("a due query names a lane, a moment and at least one row")
        earlier = self._begin_read(consistent=False, always=True)
        with self._lock:
            rows = [
                DueRow(Key(pk, sk), due_at)
                for pk, sk, due_at in self._db.execute(
                    "SELECT pk, sk, due_at FROM items WHERE due = ? AND due_at <= ? AND (ttl IS NULL OR ttl >= ?) "
                    "ORDER BY due_at, pk, sk LIMIT ?",
                    (lane, until, self._expiry(), limit + len(earlier)),
                )
            ]
        if earlier:
            rows = [row for row in rows if row.key not in earlier]
            for key, old in earlier.items():
                if old and old.due == lane and old.due_at is not None and old.due_at <= until:
                    rows.append(DueRow(key, old.due_at))
            rows.sort(key=lambda row: row.due_at)
        rows = rows[: self._page_limit(limit)]
        if self._meter:
            size = sum(sizes.entry_size(*row.key, lane, row.due_at) for row in rows)
            self._meter.table_read(sizes.read_units(size, consistent=False))
        return rows

    def write(self, *actions: Action) -> Item | None:
        keys = check_actions(actions)
        faults = self._faults
        if faults and faults.strikes(faults.busy):
            raise Busy("the table is throttled")
        # A lone check needs a transaction on AWS too.
        transactional = len(actions) > 1 or isinstance(actions[0], Check)
        with self.store.transaction() as db:
            if self._history:
                self._history.tick()
            stored = self._rows(keys)
            steps = [self._step(key, stored.get(key), action) for key, action in zip(keys, actions, strict=True)]
            failed = [number for number, step in enumerate(steps, 1) if not step.holds]
            if not failed:
                if transactional:
                    _check_transaction_size(steps)
                for step, action in zip(steps, actions, strict=True):
                    if not isinstance(action, Check):
                        self._apply(db, step)
        if self._meter:
            self._meter.table_write(_units(steps, failed=bool(failed), transactional=transactional))
        if failed:
            raise Conflict(f"the conditions of action {', '.join(map(str, failed))} of {len(actions)} do not hold")
        if faults and faults.strikes(faults.lost_answers):
            raise Busy("the connection was lost after the write")
        new = steps[0].new
        return _decode(new.body) if new and len(actions) == 1 and isinstance(actions[0], Update) else None

    # What DynamoDB does by itself, or has no need of.

    def next_due(self, lane_prefixes: Iterable[str]) -> str | None:
        """The earliest `due_at` in any due partition whose name begins so: where simulated time may jump to."""
        earliest: str | None = None
        expiry = self._expiry()
        with self._lock:
            for prefix in lane_prefixes:
                last = prefix
                # From partition to partition, touching only the head of each.
                while row := self._db.execute(
                    "SELECT due, due_at FROM items WHERE due >= ? AND (ttl IS NULL OR ttl >= ?) "
                    "ORDER BY due, due_at LIMIT 1",
                    (last, expiry),
                ).fetchone():
                    lane, due_at = row
                    if not lane.startswith(prefix):
                        break
                    if earliest is None or due_at < earliest:
                        earliest = due_at
                    last = lane + "\0"
        return earliest

    def read_changes(self, after: int = 0, limit: int = 100) -> list[StreamRecord]:
        """Captured changes with a `seq` above `after`, in the order they were committed."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, at, pk, sk, old, new FROM stream WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            ).fetchall()
        return [
            StreamRecord(seq, at, Key(pk, sk), _decode(old) if old else None, _decode(new) if new else None)
            for seq, at, pk, sk, old, new in rows
        ]

    def changes_waiting(self) -> int:
        """How many captured changes there are, about: what was written since the last one was forgotten."""
        with self._lock:
            first, last = self._db.execute("SELECT min(seq), max(seq) FROM stream").fetchone()
        return 0 if first is None else int(last - first + 1)

    def forget_changes(self, until: int) -> None:
        """Drop captured changes up to and including `until`."""
        with self.store.transaction() as db:
            db.execute("DELETE FROM stream WHERE seq <= ?", (until,))

    def remove_expired(self, limit: int = 1000) -> int:
        """Take items past their `ttl` out of the file, as DynamoDB does in the background; how many there were."""
        with self.store.transaction() as db:
            rows = db.execute(
                "SELECT pk, sk, body, size, due, due_at, ttl FROM items WHERE ttl < ? LIMIT ?", (self._expiry(), limit)
            ).fetchall()
            for pk, sk, *columns in rows:
                row = Row(*columns)
                self._apply(db, _Step(Key(pk, sk), row, row, None, True))
        return len(rows)

    def _begin_read(self, consistent: bool, *, always: bool = False) -> dict[Key, Row | None]:
        """Items that this read sees in an earlier state; none without fault injection."""
        if not (self._faults and self._history):
            return {}
        if self._faults.strikes(self._faults.busy_reads):
            raise Busy("the table is throttled")
        with self._lock:
            self._history.tick()
            if always or (not consistent and self._faults.strikes(self._faults.stale_reads)):
                return self._history.before(self._faults.random)
        return {}

    def _page_limit(self, limit: int | None) -> int | None:
        if self._faults and self._faults.strikes(self._faults.short_pages):
            return self._faults.random.randint(1, limit or 10)
        return limit

    def _expiry(self) -> int:
        """Items with a `ttl` before this are gone."""
        return int(self._clock().timestamp()) - self._expiry_lag

    def _living(self, row: Row | None) -> Row | None:
        return None if row is None or (row.ttl is not None and row.ttl < self._expiry()) else row

    def _row(self, key: Key) -> Row | None:
        with self._lock:
            columns = self._db.execute(_READ, key).fetchone()
        return None if columns is None else Row(*columns)

    def _rows(self, keys: Sequence[Key]) -> dict[Key, Row]:
        """The rows there are, expired ones too; at most 100 keys."""
        with self._lock:
            rows = self._db.execute(_read_many(len(keys)), list(chain.from_iterable(keys))).fetchall()
        return {Key(row[0], row[1]): Row(*row[2:]) for row in rows}

    def _step(self, key: Key, stored: Row | None, action: Action) -> _Step:
        old = self._living(stored)
        reads_old = isinstance(action, Update) or action.when
        item = _decode(old.body) if old and reads_old else None
        if action.when and not holds(action.when, item):
            return _Step(key, stored, old, old, False)
        if isinstance(action, Put):
            new = _row_of(action.item)
        elif isinstance(action, Update):
            new = _row_of(updated(item or {"pk": key.pk, "sk": key.sk}, action))
        elif isinstance(action, Delete):
            new = None
        else:
            new = old
        return _Step(key, stored, old, new, True)

    def _apply(self, db: Connection, step: _Step) -> None:
        key, stored, old, new, _ = step
        if new is None:
            if stored is not None:
                db.execute(_DELETE, key)
        elif stored is None:
            db.execute(_INSERT, (*new, *key))
        elif stored[2:] == new[2:]:
            db.execute(_REPLACE_BODY, (new.body, new.size, *key))
        else:
            db.execute(_REPLACE, (*new, *key))
        if self._history:
            self._history.record(key, old)
        if self._capture and self._capture(key) and (old and old.body) != (new and new.body):
            db.execute(
                "INSERT INTO stream (at, pk, sk, old, new) VALUES (?, ?, ?, ?, ?)",
                (int(self._clock().timestamp()), *key, old and old.body, new and new.body),
            )


def _row_of(item: Item) -> Row:
    size = sizes.item_size(item)
    if size > MAX_ITEM_BYTES:
        raise ValueError(f"an item has at most {MAX_ITEM_BYTES} bytes, not {size}")
    due, due_at, ttl = item.get("due"), item.get("due_at"), item.get("ttl")
    indexed = due is not None and due_at is not None
    # DynamoDB ignores a `ttl` that is not a number.
    expires = ttl if isinstance(ttl, int) and not isinstance(ttl, bool) else None
    return Row(_encode(item), size, due if indexed else None, due_at if indexed else None, expires)


def _check_transaction_size(steps: Sequence[_Step]) -> None:
    total = sum(max(_size(step.old), _size(step.new)) for step in steps)
    if total > MAX_TRANSACTION_BYTES:
        raise ValueError(f"a transaction has at most {MAX_TRANSACTION_BYTES} bytes, not {total}")


def _size(row: Row | None) -> int:
    return row.size if row else 0


def _units(steps: Sequence[_Step], *, failed: bool, transactional: bool) -> int:
    """Write units; a failed write pays for the items as they stand and leaves the index alone."""
    units = 0
    for key, _, old, new, _ in steps:
        units += sizes.write_units(_size(old), 0 if failed else _size(new), transactional=transactional)
        if not failed and (old and old[2:4]) != (new and new[2:4]):
            units += sizes.index_units(_entry(key, old), _entry(key, new), moved=True)
    return units


def _entry(key: Key, row: Row | None) -> int:
    if row is None or row.due is None or row.due_at is None:
        return 0
    return sizes.entry_size(*key, row.due, row.due_at)


def _page(rows: Iterable[tuple[str, Row]], limit: int | None) -> tuple[list[tuple[str, Row]], int, bool]:
    """The first rows up to `limit` or to the one that passes 1 MB, their bytes, and whether the page was cut there.

    As in DynamoDB a page that ends at its limit has a `next`, also when nothing follows.
    """
    page: list[tuple[str, Row]] = []
    size = 0
    for row in rows:
        page.append(row)
        size += row[1].size
        if len(page) == limit or size > PAGE_BYTES:
            return page, size, True
    return page, size, False


def _as_it_was(
    rows: Iterable[tuple[str, Row]],
    earlier: dict[Key, Row | None],
    pk: str,
    low: str,
    high: str | None,
    above: str,
    beyond: str,
    *,
    descending: bool,
) -> Iterator[tuple[str, Row]]:
    """The rows of a query with those that changed lately put back."""
    collection = dict(rows)
    for key, old in earlier.items():
        after_low = key.sk > low or (key.sk == low and above == ">=")
        before_high = high is None or key.sk < high or (key.sk == high and beyond == "<=")
        if key.pk == pk and after_low and before_high:
            collection.pop(key.sk, None)
            if old is not None:
                collection[key.sk] = old
    return iter(sorted(collection.items(), reverse=descending))

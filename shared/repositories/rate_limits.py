"""Rate limits of providers, by tokens drawn in blocks, and a circuit breaker per channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.errors import Conflict
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import moment, stamp
from shared.ports import Key, Table, Update, absent_or_at_most
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory, cached

# A block is fetched with one request and used up in memory; what a container leaves over is lost with its minute.
BLOCKS_A_MINUTE = 20
MINUTE = timedelta(minutes=1)

# This number of failures in a row opens the circuit of a channel for this long; one success resets the count.
TROUBLES = 5
OPEN = timedelta(minutes=2)


def next_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


class Pace:
    """The pace of all channels as one process sees it."""

    def __init__(self, table: Table, rules: SendingRules, memory: ProcessMemory) -> None:
        self._table = table
        self._rules = rules
        self._memory = memory

    def take(self, channel: str, now: datetime) -> bool:
        """Draw one token; False when this minute's are used up."""
        minute = stamp(now)[:16]
        at, left = self._memory.tokens.get(channel, ("", 0))
        if at != minute or left == 0:
            left = self._block(channel, minute, "taken", now)
            if left == 0:
                return False
        self._memory.tokens[channel] = (minute, left - 1)
        return True

    def next_turn(self, channel: str, now: datetime) -> datetime:
        """The first coming minute with a place left: waiting messages are spread, else every minute would wake all."""
        turn = now.replace(second=0, microsecond=0) + MINUTE
        at, left = self._memory.places.get(channel, (turn, 0))
        if at < turn:
            at, left = turn, 0
        while left == 0:
            left = self._block(channel, stamp(at)[:16], "booked", now)
            at += MINUTE if left == 0 else timedelta()
        self._memory.places[channel] = (at, left - 1)
        return at

    def allows(self, sender_key: str, now: datetime) -> bool:
        """Draw one of the messages that a write key's orders may lead to in an hour; no key, no limit."""
        if not sender_key:
            return True
        hour = stamp(now)[:13]
        at, left = self._memory.tokens.get(f"key {sender_key}", ("", 0))
        if at != hour or left == 0:
            most = self._rules.transactional_per_key_an_hour
            left = self._draw(table_keys.pace(f"key {sender_key}", hour), "taken", most, now)
            if left == 0:
                return False
        self._memory.tokens[f"key {sender_key}"] = (hour, left - 1)
        return True

    def _block(self, channel: str, minute: str, name: str, now: datetime) -> int:
        """Draw a block of a minute's tokens or places; 0 when they are used up."""
        most = self._rules.channels[channel].per_minute  # type: ignore[index]
        return self._draw(table_keys.pace(channel, minute), name, most, now)

    def _draw(self, key: Key, name: str, most: int, now: datetime) -> int:
        block = max(1, most // BLOCKS_A_MINUTE)
        try:
            self._table.write(
                Update(
                    key,
                    set={("ttl",): int((now + timedelta(days=1)).timestamp())},
                    add={(name,): block},
                    when=(absent_or_at_most((name,), most - block),),
                )
            )
        except Conflict:
            return 0
        return block

    def closed_until(self, channel: str, now: datetime) -> datetime | None:
        """Until when the channel's circuit is open, or None; cached for a few seconds."""

        def read() -> str:
            item = self._table.get(table_keys.circuit(channel), consistent=False) or {}
            return str(item.get("open_until", ""))

        until = cached(self._memory.circuits, channel, read)
        return moment(until) if until > stamp(now) else None

    def failed(self, channel: str, now: datetime) -> None:
        """One more failure in a row; enough of them open the circuit."""
        failures = self._memory.failures
        failures[channel] += 1
        if failures[channel] >= TROUBLES:
            until = stamp(now + OPEN)
            self._table.write(Update(table_keys.circuit(channel), set={("open_until",): until}))
            self._memory.circuits[channel] = until
            failures[channel] = 0

    def worked(self, channel: str) -> None:
        self._memory.failures.pop(channel, None)

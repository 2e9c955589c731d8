"""The limits of one request to SQS, for the queue on AWS and for the local one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BATCH_ENTRIES = 10
BATCH_BYTES = 256 * 1024
MAX_DELAY_SECONDS = 900


def check_send(bodies: Sequence[str], delay_seconds: int) -> None:
    """ValueError for what SQS would refuse, before anything is sent."""
    if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
        raise ValueError(f"a delay is 0 to {MAX_DELAY_SECONDS} seconds, not {delay_seconds}")
    for body in bodies:
        if not body:
            raise ValueError("a message must not be empty")
        if len(body.encode()) > BATCH_BYTES:
            raise ValueError(f"a message has at most {BATCH_BYTES} bytes")


def batches(bodies: Sequence[str]) -> Iterator[tuple[list[str], int]]:
    """Requests of at most 10 messages and 256 KB in all, in order, each with its bytes."""
    batch: list[str] = []
    total = 0
    for body in bodies:
        size = len(body.encode())
        if batch and (len(batch) == BATCH_ENTRIES or total + size > BATCH_BYTES):
            yield batch, total
            batch, total = [], 0
        batch.append(body)
        total += size
    if batch:
        yield batch, total

"""The queue port on SQS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.adapters.aws.clients import call
from shared.adapters.sqs_limits import batches, check_send
from shared.domain.errors import Busy


class SqsQueue:
    """`ports.Queue` on one standard queue."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Returns when SQS has stored every body; Busy when it did not, and then some of them may be stored."""
        check_send(bodies, delay_seconds)
        for batch, _ in batches(bodies):
            entries = [
                {"Id": str(number), "MessageBody": body, "DelaySeconds": delay_seconds}
                for number, body in enumerate(batch)
            ]
            failed = self._failures(entries)
            if failed:
                failed = self._failures([entry for entry in entries if entry["Id"] in failed])
            if failed:
                raise Busy(f"the queue did not take {len(failed)} messages: {', '.join(sorted(set(failed.values())))}")

    def _failures(self, entries: list[dict[str, Any]]) -> dict[str, str]:
        """Sends; what was not taken as entry id → AWS's code."""
        answer = call("sqs", "send_message_batch", QueueUrl=self._url, Entries=entries)
        return {entry["Id"]: entry["Code"] for entry in answer.get("Failed", ())}

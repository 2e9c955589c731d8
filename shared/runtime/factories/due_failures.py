"""Reports rows that a schedule cannot work: in the log, and at the last try by one dead letter and one task."""

from __future__ import annotations

import json
from datetime import datetime

from shared.domain.errors import KhachQuenError
from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import stamp
from shared.ports import DueRow
from shared.repositories.due_index import OnFailure
from shared.repositories.retry import committed
from shared.repositories.tasks import open_task
from shared.runtime import wiring
from shared.runtime.batch import DeadLetter
from shared.runtime.logs import log_failure, places


def due_failures(door: str, now: datetime) -> OnFailure:
    """For the sweeps of one door. The task is of the customer; a walk-in's order has the letter only."""
    outside = wiring.outside()

    def report(row: DueRow, error: Exception, last: bool) -> None:
        log_failure("a due row cannot be worked and is put off", error)
        if not last:
            return
        letter = DeadLetter(
            door=door,
            failed_at=stamp(now),
            request_id="",
            reason=f"{row.key.pk} {row.key.sk}: {type(error).__name__}: {error}",
            trace=places(error),
            due=[row.key.pk, row.key.sk],
        )
        outside.events_dlq.send([json.dumps(letter, ensure_ascii=False)])
        if row.key.pk.startswith("C#"):
            task = NewTask(row.key.pk.removeprefix("C#"), "damaged-profile", "alarm", "damaged_profile", now)
            try:
                committed(outside.table, lambda uow: open_task(uow, task, now))
            except (KhachQuenError, ValueError, LookupError, TypeError) as damage:
                # The profile may be too damaged for its own task; the letter stands.
                log_failure("no task for a damaged profile", damage)

    return report

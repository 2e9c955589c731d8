"""Doors behind an SQS queue: partial batch responses by Powertools, and one way to the dead-letter queue.

Powertools' batch package loads pydantic models of all AWS events where pydantic is loaded already. That is a tenth of a
cold start, so the doors import the package first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel, ValidationError

from shared.domain.errors import KhachQuenError
from shared.domain.vietnam_time import stamp
from shared.ports import Queue
from shared.runtime import wiring
from shared.runtime.logs import log_failure, logger, places

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

# What work raises because of what is in its record. Anything else is our fault or AWS's, and may pass.
UNPROCESSABLE = (KhachQuenError, ValueError, LookupError, TypeError)


class DeadLetter(TypedDict, total=False):
    """What stands in a dead-letter queue: `body` is a message as it came, `event` one event of a message, `rejected`
    one message of a call that the door did not take, with the id of the sender's `key`; `due` a row of the due index.

    `request_id` leads to the log of the invocation; `trace` is where the error was raised, as file, line and function.
    """

    door: str
    failed_at: str
    request_id: str
    reason: str
    trace: list[str]
    body: str
    event: dict[str, Any]
    rejected: Any
    key: str
    due: list[str]


class Poison(Exception):
    """Raised by the work on a record that no retry can process, with the reason."""


class Worked(NamedTuple, Generic[T]):
    """A record whose work is done, and what the work returned."""

    message_id: str
    result: T


class SqsBatch(BatchProcessor):
    """The records of one invocation of a door. Work that raises `Poison` sends its record to the dead-letter queue and
    is done; work that raises anything else makes its own record come again, and no other."""

    def __init__(self, door: str, dead_letters: Queue) -> None:
        # By default Powertools raises when every record failed, and Lambda would log that as a fault of the function.
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        self._door = door
        self._dead_letters = dead_letters
        self._letters: list[DeadLetter] = []
        self._request_id = ""

    def run(
        self,
        event: Mapping[str, Any],
        context: Any,
        work: Callable[[SQSRecord], T],
        together: Callable[[list[Worked[T]]], Iterable[str]] = lambda _: (),
    ) -> Any:
        """Work every record, then `together` what was worked; answers with Lambda's partial batch response.

        `together` returns the ids of messages that come again. What it raises makes the whole batch come again.
        """
        wiring.keep_time(context)
        self._request_id = str(getattr(context, "aws_request_id", ""))
        with self(event["Records"], lambda record: work(record)):
            done = [(record, result) for state, result, record in self.process() if state == "success"]
            again = set(together([Worked(record["messageId"], result) for record, result in done]))
            self.fail_messages += [SQSRecord(record) for record in event["Records"] if record["messageId"] in again]
        if self._letters:
            self._dead_letters.send([json.dumps(letter, ensure_ascii=False) for letter in self._letters])
            logger.error("records went to the dead-letter queue", count=len(self._letters))
        if self.fail_messages:
            logger.warning("records come again", count=len(self.fail_messages))
        return self.response()

    def poison(self, record: DeadLetter, reason: str, error: BaseException | None = None) -> None:
        """Set aside what no retry can process: `record` has the `body` or the `event`."""
        about: DeadLetter = {
            "door": self._door,
            "failed_at": stamp(wiring.outside().clock()),
            "request_id": self._request_id,
            "reason": reason,
            "trace": places(error) if error else [],
        }
        self._letters.append({**about, **record})

    def failure_handler(self, record: Any, exception: Any) -> Any:
        """Powertools' hook for a record whose work raised."""
        error: BaseException = exception[1]
        if isinstance(error, Poison):
            self.poison({"body": record.body}, str(error), error.__cause__)
            return "poison", str(error), record
        log_failure("the work on a record failed", error)
        return super().failure_handler(record, exception)


def parsed(model: type[M], body: str) -> M:
    """A queue message as its model; raises Poison with the first thing that is wrong with it."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Without the value: a reason is shown where a body is not, and the value may be personal.
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Poison(f"not a message of this queue: {where} {first['msg']}") from error

"""Door: customers' messages from the queue become tickets."""

from __future__ import annotations

from typing import Any

import aws_lambda_powertools.utilities.batch  # noqa: F401 - before pydantic, see runtime/batch.py
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel

from shared.domain.errors import Busy
from shared.domain.tickets.ticket import CustomerMessage
from shared.runtime import wiring
from shared.runtime.batch import UNPROCESSABLE, Poison, SqsBatch, parsed
from shared.runtime.factories.tickets import tickets
from shared.use_cases.tickets.receive_message import receive


class TicketRecord(BaseModel):
    """The body of one record: a customer's message."""

    said: CustomerMessage


def _receive(record: SQSRecord) -> None:
    message = parsed(TicketRecord, record.body).said
    try:
        receive(tickets(wiring.outside().clock()), message)
    except Busy:
        raise
    except UNPROCESSABLE as error:
        raise Poison(f"{type(error).__name__}: {error}") from error


def handler(event: dict[str, Any], context: Any) -> Any:
    """Receive every record by itself; returns those to be delivered again."""
    return SqsBatch("tickets_worker", wiring.outside().tickets_dlq).run(event, context, _receive)

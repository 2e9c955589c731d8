"""Door: dispatches messages. A record names a planned message, a batch of advertisements, a staff notification, or a
comment on the page to moderate; each is advanced one step."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import aws_lambda_powertools.utilities.batch  # noqa: F401 - before pydantic, see runtime/batch.py
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.runtime import wiring
from shared.runtime.batch import Poison, SqsBatch
from shared.runtime.factories.channels import dispatcher, staff_notes
from shared.runtime.factories.comments import moderate
from shared.use_cases.messaging.dispatch_ad_batch import AdDispatcher


def _work(sender: AdDispatcher, body: dict[str, Any]) -> Callable[[], Any]:
    """The work of a record: a message, a staff notification, a comment, a batch of advertisements, or its delivery
    reports."""
    if "comment" in body:
        return partial(moderate, str(body["comment"]))
    if "staff_note" in body:
        return partial(staff_notes().send, str(body["staff_note"]))
    if "batch" in body:
        return partial(sender.dispatch_batch, str(body["batch"]))
    if "reports_of" in body:
        return partial(sender.ask_reports, str(body["reports_of"]))
    return partial(sender.dispatch, str(body["message_id"]))


def handler(event: dict[str, Any], context: Any) -> Any:
    """Dispatch every record by itself; answers with those that come again.

    A message that comes again is looked at first: what was claimed is not sent twice.
    """
    sender = dispatcher()

    def dispatch(record: SQSRecord) -> None:
        try:
            work = _work(sender, json.loads(record.body))
        except (ValueError, KeyError, TypeError) as error:
            raise Poison(f"not a message of this queue: {type(error).__name__}") from error
        work()

    return SqsBatch("messages_worker", wiring.outside().messages_dlq).run(event, context, dispatch)

"""Door: messages to people. A record names a planned message, a batch of advertisements, a note to staff, or a comment
on the page that something is to be done about; it is brought as far as it goes now."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from shared.domain.errors import KhachQuenError
from shared.domain.vietnam_time import stamp
from shared.runtime import settings, wiring
from shared.runtime.factories.channels import dispatcher, staff_notes
from shared.runtime.factories.comments import moderate
from shared.runtime.logs import log_failure, logger
from shared.use_cases.messaging.dispatch_ad_batch import AdDispatcher

SETTINGS = (
    settings.STAGE,
    settings.TABLE,
    settings.IDENTITY,
    settings.CHANNELS,
    settings.MESSAGES_DLQ,
    settings.PUBLIC,
)


def _work(sender: AdDispatcher, body: dict[str, Any]) -> Callable[[], Any]:
    """What a record asks for: a message, a note to staff, a comment, the batch of an advertising text, or the reports
    of one."""
    if "comment" in body:
        return partial(moderate, str(body["comment"]))
    if "staff_note" in body:
        return partial(staff_notes().send, str(body["staff_note"]))
    if "batch" in body:
        return partial(sender.dispatch_batch, str(body["batch"]))
    if "reports_of" in body:
        return partial(sender.ask_reports, str(body["reports_of"]))
    return partial(sender.dispatch, str(body["message_id"]))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Dispatch one by one; a record that cannot be read goes to the dead-letter queue with its reason.

    A record that is reported as failed only comes again to be looked at: what was claimed is not sent twice.
    """
    outside = wiring.outside()
    sender = dispatcher()
    again = []
    for record in event["Records"]:
        try:
            work = _work(sender, json.loads(record["body"]))
        except (ValueError, KeyError, TypeError) as error:
            reason = f"not a message of this queue: {type(error).__name__}"
            about = {"door": "messages_worker", "failed_at": stamp(outside.clock()), "reason": reason}
            outside.messages_dlq.send([json.dumps({**about, "body": record["body"]}, ensure_ascii=False)])
            logger.error("a record went to the dead-letter queue", reason=reason)
            continue
        try:
            work()
        except (KhachQuenError, ValueError, LookupError, TypeError) as error:
            # Also what nobody foresaw about this one message: it holds up none of its neighbours.
            log_failure("a message comes again", error)
            again.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}

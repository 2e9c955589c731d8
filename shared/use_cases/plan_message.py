"""Plan a message: write the intent down first; whoever dies after that loses nothing (X1)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from shared.domain.message import Intent, planned
from shared.domain.sending_rules import SendingRules
from shared.domain.vietnam_time import stamp
from shared.ports import Queue
from shared.use_cases import layout
from shared.use_cases.draft import Draft


def plan(draft: Draft, intent: Intent, now: datetime, rules: SendingRules) -> bool:
    """Put the message into the draft; False when the same intent was planned before.

    It is itself due later: at its time, or beyond the expected backlog of the queue, so that a lost queue message is
    found again. The caller enqueues after the commit.
    """
    key = layout.message_item(intent.message_id)
    if draft.get(key):
        return False
    message = planned(intent, now)
    later = intent.send_after if intent.send_after and intent.send_after > now else None
    message["due"] = layout.timer_lane(intent.message_id)
    message["due_at"] = stamp(later or now + timedelta(minutes=rules.backlog_minutes))
    draft.put(key, message)
    return True


def enqueue(queue: Queue, message_ids: list[str]) -> None:
    """Hand planned messages to the queue of their purpose."""
    queue.send([json.dumps({"message_id": message_id}) for message_id in message_ids])

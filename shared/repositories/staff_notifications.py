"""Stored notifications to staff, due to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.domain.staff.staff_notification import (
    Kind,
    new_notification,
    notification_id,
)
from shared.domain.vietnam_time import stamp
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork


def notify(uow: UnitOfWork, person_id: str, kind: Kind, words: Mapping[str, Any], key: str, now: datetime) -> str:
    """Put a notification to a person into the unit of work and return its id.

    `key` names its subject; the same subject again, also days later, is the same notification. `words` are texts, whole
    numbers or lists of these, with the fields `staff_notification.WORDS` lists for the kind; raises ValueError for
    others.
    """
    found = notification_id(person_id, kind, key)
    place = table_keys.staff_note(found)
    if uow.get(place) is None:
        notification = new_notification(person_id, kind, words, key, now)
        uow.put(place, {**notification, "due": table_keys.timer_lane(found), "due_at": stamp(now)})
    return found

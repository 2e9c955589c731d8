"""Door: the daily digest of each store for its managers, at 08:00: calls, birthdays, complaints and pickups."""

from __future__ import annotations

from typing import Any

from shared.domain.tickets.ticket import is_complaint
from shared.runtime import wiring
from shared.runtime.factories.rules_today import tick_time
from shared.runtime.logs import logger
from shared.runtime.playbook.rules import task_words
from shared.runtime.playbook.staff import directory
from shared.runtime.playbook.tickets import ticket_rules
from shared.use_cases.staff.store_digest import StoreDigests


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    wiring.keep_time(context)
    rules = ticket_rules()
    digests = StoreDigests(
        table=wiring.outside().table,
        directory=directory(),
        words=task_words(),
        complains=lambda ticket: is_complaint(ticket, rules),
        now=tick_time(event),
    )
    notified = digests.send()
    logger.info("store digests sent", managers=notified)
    return {"told": notified}

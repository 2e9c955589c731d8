"""Door: staff tasks. What is to be done and for whom, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.customer import Profile
from shared.domain.errors import FieldError, Forbidden, Invalid
from shared.domain.statements import Reader, parse_moment
from shared.domain.task import NOTE_LENGTH, OUTCOMES, ROLES, Status, Task
from shared.runtime import settings, wiring
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.journeys import journeys
from shared.runtime.playbook import task_words
from shared.use_cases import layout
from shared.use_cases.draft import Draft
from shared.use_cases.list_tasks import listed, shown
from shared.use_cases.sending_state import members_of
from shared.use_cases.tasks import Report, record_outcome, task_news

SETTINGS = (settings.STAGE, settings.TABLE)
# Nobody promises a call for later than this.
LATEST_CALL_BACK = timedelta(days=365)

handler = HttpDoor()


@handler.routes.get("/v1/tasks")
def get_tasks() -> Response[str]:
    limit, start = handler.page()
    query = handler.event.get("queryStringParameters") or {}
    read = Reader("")
    store = read.text(query, "store")
    role = query.get("assignee", "")
    status: Status = "done" if query.get("status") == "done" else "open"
    if query.get("status", status) != status:
        read.wrong("status", "must be open or done")
    if role and role not in ROLES:
        read.wrong("assignee", f"must be one of {', '.join(ROLES)}")
    if start and not start.startswith(layout.task_range(status)[0]):
        read.wrong("next", "is not one of ours")
    if read.errors:
        raise Invalid(read.errors)
    stores = handler.caller.stores if handler.caller else frozenset()
    if store and stores and store not in stores:
        raise Forbidden(f"the key has no access to store {store}")
    table, wanted = wiring.outside().table, {store} if store else stores
    return listing(*listed(table, status, task_words(), stores=wanted, role=role, limit=limit, start=start))


@handler.routes.post("/v1/tasks/<task_id>/outcome")
def post_outcome(task_id: str) -> Response[str]:
    outside = wiring.outside()
    now = outside.clock()
    report = _report(handler.json(), now)
    by, stores = (handler.caller.name, handler.caller.stores) if handler.caller else ("", frozenset())
    ours = journeys(now)

    def told(draft: Draft, members: list[Profile], task: Task) -> None:
        ours.tell(draft, members, task_news(task), act=False)

    task = record_outcome(outside.table, task_id, report, by=by, now=now, stores=stores, told=told)
    return answer(shown(task, members_of(Draft(outside.table), task["customer_id"]), task_words()))


def _report(body: Any, now: datetime) -> Report:
    """The body of an outcome; raises Invalid naming every wrong field."""
    if not isinstance(body, dict):
        raise Invalid([FieldError("body", "must be an object")])
    read = Reader("")
    for name in sorted(body.keys() - {"outcome", "call_back_at", "note"}):
        read.wrong(name, "is not a field of an outcome")
    outcome = str(body.get("outcome"))
    if outcome not in OUTCOMES:
        read.wrong("outcome", f"must be one of {', '.join(OUTCOMES)}")
    note = read.text(body, "note", limit=NOTE_LENGTH)
    raw, until = body.get("call_back_at"), None
    if raw is not None:
        until = parse_moment(read, "call_back_at", raw)
        if until and not now < until <= now + LATEST_CALL_BACK:
            read.wrong("call_back_at", "must lie within the year to come")
        if outcome in OUTCOMES and outcome != "call_back":
            read.wrong("call_back_at", "comes with the outcome call_back only")
    elif outcome == "call_back":
        read.wrong("call_back_at", "is needed: when the customer wants to be called")
    if read.errors:
        raise Invalid(read.errors)
    return Report(outcome, note, until)

"""Door: staff tasks. List, record outcomes, reassign, postpone or skip, issue the offer of a call."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, get_args

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import Reader, fields, parse_moment
from shared.domain.customers.profile import Profile
from shared.domain.errors import Forbidden, Invalid
from shared.domain.staff.roles import ROLES
from shared.domain.tasks.task import NOTE_LENGTH, OUTCOMES, PAIR_OUTCOMES, REVIEW_OUTCOMES, Kind, Status, Task
from shared.domain.vietnam_time import day_start, local_day, read_day
from shared.repositories import table_keys
from shared.repositories.profiles import members_of
from shared.repositories.tasks import TaskClosedHook, task_done_signal
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime import auth, wiring
from shared.runtime.factories.journeys import journeys
from shared.runtime.factories.roster import roster
from shared.runtime.factories.rules_today import rules_today
from shared.runtime.factories.suggestions import suggester
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.playbook.offers import offers
from shared.runtime.playbook.rules import task_words
from shared.runtime.playbook.staff import directory
from shared.runtime.playbook.tickets import ticket_rules
from shared.use_cases.customers.decide_review import decide_review
from shared.use_cases.customers.merge import Merger
from shared.use_cases.journeys.advance import handle_signal
from shared.use_cases.tasks.issue_offer import OfferIssuer
from shared.use_cases.tasks.list_tasks import TaskQuery, listed, shown
from shared.use_cases.tasks.reassign import TaskEditor
from shared.use_cases.tasks.record_outcome import Report, record_outcome
from shared.use_cases.tickets.ask_and_compensate import ask_answered

# The latest call-back that can be agreed.
LATEST_CALL_BACK = timedelta(days=365)
KINDS = get_args(Kind)
KNOWN_OUTCOMES = (*OUTCOMES, *REVIEW_OUTCOMES)
# A caller who may merge customers may also decide the reviews that ask for it.
MERGES = "POST /v1/customers/{customer_id}/merge"

handler = HttpDoor()


@handler.routes.get("/v1/tasks")
def get_tasks() -> Response[str]:
    limit, start = handler.page()
    outside = wiring.outside()
    now = outside.clock()
    query = _asked(handler.event.get("queryStringParameters") or {}, start, now)
    page = listed(
        outside.table, query, task_words(), limit=limit, start=start, suggester=suggester(now), reach=_stores()
    )
    return listing(*page)


def _asked(query: dict[str, str], start: str | None, now: datetime) -> TaskQuery:
    """The filter of the query string; raises Invalid naming every wrong field, and Forbidden."""
    read = Reader()
    store, whose, kind = (read.text(query, name) for name in ("store", "assignee", "kind"))
    status: Status = "done" if query.get("status") == "done" else "open"
    if query.get("status", status) != status:
        read.wrong("status", "must be open or done")
    if whose and whose not in ROLES and whose not in directory().people:
        read.wrong("assignee", f"must be the id of a person, or one of {', '.join(ROLES)}")
    if kind and kind not in KINDS:
        read.wrong("kind", f"must be one of {', '.join(KINDS)}")
    due = _due_until(read, query.get("due", ""), now)
    if start and not start.startswith(table_keys.task_range(status)[0]):
        read.wrong("next", "is not one of ours")
    if read.errors:
        raise Invalid(read.errors)
    stores = _stores()
    if store and stores and store not in stores:
        raise Forbidden(f"the key has no access to store {store}")
    role, person = (whose, "") if whose in ROLES else ("", whose)
    return TaskQuery(status, {store} if store else stores, role, person, kind, due)


def _due_until(read: Reader, text: str, now: datetime) -> datetime | None:
    """The end of the local day that is asked for: tasks due by then, overdue ones too."""
    if not text:
        return None
    try:
        day = local_day(now) if text == "today" else read_day(text)
        return day_start(day + timedelta(days=1))
    except ValueError:
        read.wrong("due", "must be today, or a day such as 2026-11-21")
        return None


@handler.routes.post("/v1/tasks/<task_id>/outcome")
def post_outcome(task_id: str) -> Response[str]:
    outside = wiring.outside()
    now = outside.clock()
    report = _report(handler.json(), now)
    if report.outcome in PAIR_OUTCOMES:
        merger = Merger(outside.table, rules_today(now), _by(), now)
        return _shown(decide_review(merger, task_id, report.outcome, report.note, _deciding_stores()))
    task = record_outcome(
        outside.table, task_id, report, by=_by(), now=now, stores=_stores(), on_closed=_on_closed(now),
        roster=roster(now),
    )  # fmt: skip
    return _shown(task)


@handler.routes.post("/v1/tasks/<task_id>/assign")
def post_assign(task_id: str) -> Response[str]:
    body = handler.json()
    read = fields(body, ("assignee", "note"))
    person, note = read.text(body, "assignee"), read.text(body, "note", limit=NOTE_LENGTH)
    if not person and not read.errors:
        read.wrong("assignee", "is needed: the id of the new assignee")
    if read.errors:
        raise Invalid(read.errors)
    return _shown(_editor().assign(task_id, person, note))


@handler.routes.post("/v1/tasks/<task_id>/skip")
def post_skip(task_id: str) -> Response[str]:
    editor = _editor()
    body = handler.json()
    read = fields(body, ("reason", "until"))
    reason = read.text(body, "reason", limit=NOTE_LENGTH)
    if not reason and not read.errors:
        read.wrong("reason", "is needed: the reason why it is not done now")
    until = _later(read, body, "until", editor.now)
    if read.errors:
        raise Invalid(read.errors)
    if until:
        return _shown(editor.postpone(task_id, reason, until))
    return _shown(editor.skip(task_id, reason, _on_closed(editor.now)))


@handler.routes.post("/v1/tasks/<task_id>/offer")
def post_offer(task_id: str) -> Response[str]:
    outside = wiring.outside()
    made = OfferIssuer(outside.table, offers(), outside.new_id, outside.public_url, outside.clock())
    return _shown(made.issue(task_id, _stores()))


def _editor() -> TaskEditor:
    outside = wiring.outside()
    now = outside.clock()
    return TaskEditor(outside.table, roster(now), _by(), _stores(), now)


def _by() -> str:
    return handler.caller.name if handler.caller else ""


def _stores() -> frozenset[str]:
    return handler.caller.stores if handler.caller else frozenset()


def _deciding_stores() -> frozenset[str]:
    """The stores of a caller who may decide whether two customers are one; raises Forbidden."""
    if handler.caller and not handler.caller.roles & auth.ROLES[MERGES]:
        raise Forbidden("none of the key's roles may merge customers or keep them apart")
    return _stores()


def _on_closed(now: datetime) -> TaskClosedHook:
    """Signals journeys that a task was closed, and adds the answer of an internal question to its ticket, in the same
    unit of work."""
    ours = journeys(now)

    def on_closed(uow: UnitOfWork, members: list[Profile], task: Task) -> None:
        ask_answered(uow, task, ticket_rules(), directory(), now)
        handle_signal(ours, uow, members, task_done_signal(task), act=False)

    return on_closed


def _shown(task: Task) -> Response[str]:
    uow = UnitOfWork(wiring.outside().table)
    return answer(shown(task, members_of(uow, task["customer_id"]), task_words(), uow, _stores()))


def _later(read: Reader, body: dict[str, Any], name: str, now: datetime) -> datetime | None:
    """A moment within the next year, or None if the body has none."""
    if body.get(name) is None:
        return None
    at = parse_moment(read, name, body[name])
    if at and not now < at <= now + LATEST_CALL_BACK:
        read.wrong(name, "must be within the next year")
    return at


def _report(body: Any, now: datetime) -> Report:
    """The body of an outcome; raises Invalid naming every wrong field."""
    read = fields(body, ("outcome", "call_back_at", "order_by", "note"))
    outcome = str(body.get("outcome"))
    if outcome not in KNOWN_OUTCOMES:
        read.wrong("outcome", f"must be one of {', '.join(KNOWN_OUTCOMES)}")
    note = read.text(body, "note", limit=NOTE_LENGTH)
    until, order_by = (_later(read, body, name, now) for name in ("call_back_at", "order_by"))
    for name, belongs in (("call_back_at", "call_back"), ("order_by", "reached")):
        if body.get(name) is not None and outcome in KNOWN_OUTCOMES and outcome != belongs:
            read.wrong(name, f"comes with the outcome {belongs} only")
    if body.get("call_back_at") is None and outcome == "call_back":
        read.wrong("call_back_at", "is needed: when the customer wants to be called")
    if read.errors:
        raise Invalid(read.errors)
    return Report(outcome, note, until, order_by)

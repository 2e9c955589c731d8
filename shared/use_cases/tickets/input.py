"""Request bodies of the ticket routes, validated field by field."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from shared.domain.common.attachment import Attachment
from shared.domain.common.field_reader import Reader, done, fields
from shared.domain.common.playbook_rules import IdentityRules
from shared.domain.errors import Forbidden
from shared.domain.events.segment_protocol import MAX_IDENTITIES
from shared.domain.staff.directory import Directory
from shared.domain.tickets.routing import CHANNELS, QUEUES
from shared.domain.tickets.rules import TicketRules
from shared.domain.tickets.ticket import ATTACHMENTS, SUBJECT_LENGTH, TEXT_LENGTH, CustomerMessage, digest
from shared.domain.triage.triage import INTENTS, SENTIMENTS, SEVERITIES
from shared.domain.vietnam_time import stamp
from shared.repositories.api_keys import Caller
from shared.use_cases.customers.input import read_identities
from shared.use_cases.tickets.agent_actions import NewMessage
from shared.use_cases.tickets.internal_questions import NewQuestion

ATTACHMENT_KINDS = ("image", "video", "audio", "file", "location", "sticker", "other")
URL_LENGTH = 2000
# The limit of Zalo and Messenger for one message.
ANSWER_LENGTH = 2000
NOTE_LENGTH = 1000
AUTHORS = ("agent", "customer", "bot")
AGENT_QUEUES = tuple(queue for queue in QUEUES if queue != "bot")


def read_ticket(body: Any, caller: Caller, rules: TicketRules, ours: IdentityRules, now: datetime) -> CustomerMessage:
    """The body of `POST /v1/tickets`; raises Invalid naming every wrong field.

    Identities from a web page are only claimed, those from staff and tills are confirmed (R5).
    """
    known = ("customer", "channel", "text", "subject", "order_id", "message_id", "attachments")
    read = fields(body, known)
    customer = read.mapping(body, "customer")
    read.only(customer, ("identities",), "customer.")
    claimed = not caller.roles - {"web"}
    identities = read_identities(read, customer, ours, claimed=claimed, path="customer.identities.")
    if claimed:
        # Whoever fills in a form can name anybody's account of a channel.
        identities = [who._replace(certainty="claimed") for who in identities]
    for who in identities:
        if who.kind == "phone" and who.value in ours.own_numbers:
            read.wrong("customer.identities.phone", "is a number of the shop itself")
    if len(identities) > MAX_IDENTITIES:
        read.wrong("customer.identities", f"may be {MAX_IDENTITIES} at most")
    if not identities and not any(wrong.field.startswith("customer") for wrong in read.errors):
        read.wrong("customer.identities", "needs at least one identity")
    channel = body.get("channel")
    if channel not in CHANNELS:
        read.wrong("channel", f"must be one of {', '.join(CHANNELS)}")
    attachments = read_attachments(read, body)
    text = read_text(read, body, needed=not attachments)
    subject = read.text(body, "subject", limit=SUBJECT_LENGTH)
    order_id, message_id = read.text(body, "order_id", limit=120), read.text(body, "message_id", limit=200)
    done(read)
    # Without a message_id an identical message within a minute is a repetition; a message_id is unique per API key.
    content = json.dumps([text, subject, order_id, [one.model_dump() for one in attachments]], ensure_ascii=False)
    return CustomerMessage(
        channel=channel,
        dedup=_dedup(caller, message_id, content),
        again=0 if message_id else rules.repeat_seconds,
        at=stamp(now),
        text=text,
        subject=subject,
        order_id=order_id,
        attachments=tuple(attachments),
        identities=tuple(identities),
        verified=any(who.joins for who in identities),
        store=min(caller.stores, default=""),
    )


def _dedup(caller: Caller, message_id: str, content: str) -> str:
    """The natural key of a message. A repetition gets the first answer, so it has to come from a key that sees as much:
    one of the same stores, and a page of the web another one."""
    reach = "".join(f"{store}\n" for store in sorted(caller.stores)) + ("" if caller.roles - {"web"} else "web\n")
    return f"api:{reach}{caller.name}:{message_id}" if message_id else f"same:{digest(reach + content)}"


def read_text(read: Reader, body: dict[str, Any], *, needed: bool = True, limit: int = TEXT_LENGTH) -> str:
    text = read.text(body, "text", limit=limit)
    if needed and not text and not any(wrong.field == "text" for wrong in read.errors):
        read.wrong("text", "is needed: the message")
    return text


def read_attachments(read: Reader, body: dict[str, Any]) -> list[Attachment]:
    """Attached pictures and files: `[{kind, url}]`."""
    raw = body.get("attachments")
    if raw is None:
        return []
    if not isinstance(raw, list):
        read.wrong("attachments", "must be a list")
        return []
    if len(raw) > ATTACHMENTS:
        read.wrong("attachments", f"may be {ATTACHMENTS} at most")
        return []
    found = []
    for number, one in enumerate(raw):
        here = f"attachments[{number}]"
        if not isinstance(one, dict):
            read.wrong(here, "must be an object")
            continue
        read.only(one, ("kind", "url"), f"{here}.")
        if one.get("kind") not in ATTACHMENT_KINDS:
            read.wrong(f"{here}.kind", f"must be one of {', '.join(ATTACHMENT_KINDS)}")
        url = read.text(one, "url", f"{here}.", limit=URL_LENGTH)
        if not url.startswith(("https://", "http://")):
            read.wrong(f"{here}.url", "must be a web address")
        found.append(Attachment(kind=str(one.get("kind")), url=url))
    return found


def read_message(body: Any, caller: Caller, rules: TicketRules, directory: Directory) -> NewMessage:
    """The body of `POST …/messages`; raises Invalid naming every wrong field, and Forbidden for a web page that answers
    as staff."""
    read = fields(body, ("author", "text", "attachments", "note", "message_id", "agent"))
    author = body.get("author")
    if author not in AUTHORS:
        read.wrong("author", f"must be one of {', '.join(AUTHORS)}")
    note = read.flag(body, "note")
    if note and author == "customer":
        read.wrong("note", "is for staff only")
    attachments = read_attachments(read, body)
    # An outgoing message has to fit every channel; a customer's or a note does not.
    limit = TEXT_LENGTH if author == "customer" or note else ANSWER_LENGTH
    text = read_text(read, body, needed=not attachments or author != "customer", limit=limit)
    message_id = read.text(body, "message_id", limit=200)
    by = _agent(read, body, caller, directory)
    done(read)
    if author != "customer" and not caller.roles - {"web", "pos"}:
        raise Forbidden("only staff may answer a ticket")
    content = json.dumps([text, [one.model_dump() for one in attachments]], ensure_ascii=False)
    return NewMessage(
        author=author,
        text=text,
        dedup=_dedup(caller, message_id, content),
        by="" if author == "customer" else by,
        note=note,
        attachments=tuple(attachments),
        again=0 if message_id else rules.repeat_seconds,
        verified=bool(caller.roles - {"web"}),
    )


def _agent(read: Reader, body: dict[str, Any], caller: Caller, directory: Directory) -> str:
    """The acting agent: the owner of the key, unless the body names one because the key is shared."""
    agent = read.text(body, "agent", limit=40)
    if agent and agent not in directory.people:
        read.wrong("agent", "is not in the staff directory")
    return agent or caller.name


class Resolved(NamedTuple):
    """How a ticket is resolved; see `close_and_rate.resolve`."""

    by: str
    note: str
    wrong: bool
    remedy: str


def read_resolve(body: Any, caller: Caller, directory: Directory) -> Resolved:
    """The body of `POST …/resolve`; raises Invalid."""
    read = fields(body, ("note", "wrong", "remedy", "agent"))
    note, remedy = read.text(body, "note", limit=NOTE_LENGTH), read.text(body, "remedy", limit=NOTE_LENGTH)
    wrong = read.flag(body, "wrong")
    if remedy and not wrong:
        read.wrong("remedy", "is allowed with wrong: true only; the apology names it")
    by = _agent(read, body, caller, directory)
    done(read)
    return Resolved(by, note, wrong, remedy)


def read_rating(body: Any) -> tuple[int, str]:
    """Score and comment of `POST …/rating`; raises Invalid."""
    read = fields(body, ("score", "comment"))
    score = _whole(read, body, "score", 1, 5)
    comment = read.text(body, "comment", limit=NOTE_LENGTH)
    done(read)
    return score, comment


def read_lock(body: Any, caller: Caller, directory: Directory) -> tuple[str, bool]:
    """Agent and release flag of `POST …/lock`; raises Invalid."""
    read = fields(body, ("release", "agent"))
    by, release = _agent(read, body, caller, directory), read.flag(body, "release")
    done(read)
    return by, release


def read_assign(body: Any, directory: Directory) -> tuple[str, str, str]:
    """Person, queue and note of `POST …/assign`; raises Invalid."""
    read = fields(body, ("assignee", "queue", "note"))
    person, queue = read.text(body, "assignee", limit=40), read.text(body, "queue", limit=40)
    note = read.text(body, "note", limit=NOTE_LENGTH)
    if person and person not in directory.people:
        read.wrong("assignee", "is not in the staff directory")
    if queue and queue not in AGENT_QUEUES:
        read.wrong("queue", f"must be one of {', '.join(AGENT_QUEUES)}")
    if not person and not queue and not read.errors:
        read.wrong("assignee", "is needed, or a queue: the new assignee")
    done(read)
    return person, queue, note


def read_labels(body: Any) -> dict[str, str]:
    """The labels of `POST …/labels`; raises Invalid."""
    known = {"intent": INTENTS, "severity": SEVERITIES, "sentiment": SENTIMENTS}
    read = fields(body, known)
    found = {name: body[name] for name in known if name in body}
    for name, label in found.items():
        if label not in known[name]:
            read.wrong(name, f"must be one of {', '.join(known[name])}")
    if not found and not read.errors:
        read.wrong("intent", "is needed, or severity or sentiment: the label that was wrong")
    done(read)
    return found


def read_ask(body: Any, rules: TicketRules) -> NewQuestion:
    """The body of `POST …/asks`; raises Invalid."""
    read = fields(body, ("to", "question", "due_in_minutes", "store"))
    to, text = read.text(body, "to", limit=40), read.text(body, "question", limit=NOTE_LENGTH)
    if to not in rules.asks:
        read.wrong("to", f"must be one of {', '.join(rules.asks)}")
    if not text and not any(wrong.field == "question" for wrong in read.errors):
        read.wrong("question", "is needed: the question")
    minutes, store = _whole(read, body, "due_in_minutes", 5, 7 * 24 * 60), read.text(body, "store", limit=120)
    done(read)
    return NewQuestion(to, text, minutes, store)


def read_compensation(body: Any) -> dict[str, Any]:
    """Amount or offer, and the reason, of `POST …/compensation`; raises Invalid."""
    read = fields(body, ("amount", "offer", "reason"))
    reason, offer = read.text(body, "reason", limit=NOTE_LENGTH), read.text(body, "offer", limit=40)
    amount = _whole(read, body, "amount", 1000, 10**9) if body.get("amount") is not None else 0
    if not read.errors and bool(amount) == bool(offer):
        read.wrong("amount", "either an amount or an offer")
    if not reason and not any(wrong.field == "reason" for wrong in read.errors):
        read.wrong("reason", "is needed: what for")
    done(read)
    return {"amount": amount, "offer": offer, "reason": reason}


def read_approval(body: Any) -> tuple[bool, str]:
    """Decision and note of `POST …/compensation/approve`; approved by default. Raises Invalid."""
    read = fields(body, ("approved", "note"))
    approved = read.flag({"approved": True, **body}, "approved")
    note = read.text(body, "note", limit=NOTE_LENGTH)
    done(read)
    return approved, note


def _whole(read: Reader, body: dict[str, Any], name: str, least: int, most: int) -> int:
    raw = body.get(name)
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        read.wrong(name, f"must be a whole number from {least} to {most}")
        return 0
    return raw

"""Operations on the laptop's data or on a deployed stage: keys, dead letters, the red button, lists and accounts."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from infra.local.errors import Trouble
from infra.local.stack.local_stack import write_private
from infra.local.stack.session import Place
from shared.adapters.channels.zalo_token import ZaloTokens, permission_url
from shared.domain.common.lint import unknown_names
from shared.domain.customers.phone import BadPhone, parse_phone
from shared.domain.errors import NotFound
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import stamp
from shared.repositories import api_keys
from shared.runtime import wiring
from shared.runtime.playbook.staff import directory
from shared.use_cases.messaging.do_not_call_list import DoNotCall, Listing
from shared.use_cases.segments.export_ads_audience import COLUMNS, AdsAudience, Audience, Platform
from shared.use_cases.segments.list_segments import KINDS

SHOWN = 100
SEGMENTS = tuple(label for labels in KINDS.values() for label in labels)
# Numbers of a do-not-call list per step of its progress bar.
NUMBERS_A_STEP = 500


def issue_key(
    where: Place,
    kind: api_keys.Kind,
    name: str,
    *,
    roles: Sequence[str] = (),
    stores: Sequence[str] = (),
    system: str = "",
    origins: Sequence[str] = (),
    days: int | None = None,
) -> str:
    """A new key in clear, seen this once, which ends after `days` if that is given.

    Trouble for what does not go together, and for a store that the playbook does not know.
    """
    known = directory().stores
    for store in stores:
        if store not in known:
            raise Trouble(unknown_names("store", store, known))
    expires_at = where.now + timedelta(days=days) if days else None
    try:
        wanted = api_keys.KeyGrant(kind, name, roles, stores, system, origins, expires_at)
    except ValueError as error:
        raise Trouble(str(error)) from error
    return api_keys.issue_key(
        where.table, wanted, identity_key=where.identity_key(), now=where.now, new_id=wiring.new_id
    )


def list_keys(where: Place) -> list[dict[str, Any]]:
    """Every key, the latest first: what it opens and how it stands, never the key itself."""
    shown = []
    for key in sorted(api_keys.keys(where.table), key=lambda key: key["issued_at"], reverse=True):
        body: dict[str, Any] = {name: value for name, value in key.items() if name not in ("pk", "sk", "version")}
        expired = key.get("expires_at", "9") <= stamp(where.now)
        shown.append(body | {"state": "revoked" if "revoked_at" in key else "expired" if expired else "in use"})
    return shown


def revoke_key(where: Place, key: str) -> None:
    """Take a key, in clear or by its id, out of use, within a minute everywhere; Trouble for a key nobody issued."""
    try:
        api_keys.revoke_key(where.table, key, where.now)
    except NotFound as error:
        raise Trouble(str(error)) from error


def rotate_key(where: Place, key: str, days: int) -> dict[str, Any]:
    """A new key for the same use; the old one ends after `days`. Trouble for a key that is unknown or revoked."""
    until = where.now + timedelta(days=days)
    try:
        old, issued = api_keys.rotate_key(
            where.table, key, until, identity_key=where.identity_key(), now=where.now, new_id=wiring.new_id
        )
    except (NotFound, ValueError) as error:
        raise Trouble(str(error)) from error
    return {"key": issued, "name": old["name"], "old_key_ends": stamp(until)}


def listed(where: Place) -> dict[str, list[Any]]:
    """The first dead letters of each queue; those a worker set aside are JSON with their reason."""
    return {name: [_read(letter.body) for letter in letters.peek(SHOWN)] for name, (letters, _) in where.queues.items()}


def redrive(where: Place) -> dict[str, int]:
    """Send dead letters back to their queues, without the reason they were set aside for; how many there were.

    What a door rejected stays: it never was in the queue, and its sender has to mend it.
    """
    moved = {}
    for name, (letters, queue) in where.queues.items():
        moved[name] = 0
        while messages := letters.receive():
            back = [message for message in messages if not _was_rejected(message.body)]
            queue.send([as_it_came(message.body) for message in back])
            letters.delete([message.receipt for message in back])
            moved[name] += len(back)
    return moved


class Refused(NamedTuple):
    """A line of a list that holds no number: where, what stands there, and why it is none."""

    line: int
    text: str
    reason: str


class Imported(NamedTuple):
    """What became of a do-not-call file."""

    listing: Listing
    refused: list[Refused]


def import_do_not_call(where: Place, file: Path, *, full: bool, on_line: Callable[[int], None]) -> Imported:
    """Read a do-not-call list: one number a line, or a CSV with a number somewhere in each line.

    A full list also removes numbers that are no longer on it. Either way the list counts as checked today. `on_line`
    gets the number of lines done. Trouble for a file without a single number: the wrong file, not an empty list.
    """
    calls = DoNotCall(where.table, where.identity_key())
    total, refused = Listing(), []
    phones: list[str] = []

    def take() -> None:
        done = calls.take(phones, where.now)
        total.numbers += done.numbers
        total.customers += done.customers
        on_line(len(phones))
        phones.clear()

    with file.open(encoding="utf-8-sig", newline="") as lines:
        for line, cells in enumerate(csv.reader(lines), start=1):
            text = ",".join(cells)
            if not text.strip() or (line == 1 and not any(map(str.isdigit, text))):
                continue  # an empty line, or the heading
            found = _number_in(cells)
            if isinstance(found, str):
                phones.append(found)
            else:
                refused.append(Refused(line, text, found.reason))
                on_line(1)
            if len(phones) == NUMBERS_A_STEP:
                take()
    take()
    if not total.numbers:
        raise Trouble(f"{file} holds no phone number, so nothing was changed")
    if full:
        total.cleared = calls.clear_all_but(where.now)
    calls.checked(where.now)
    return Imported(total, refused)


def write_audience(
    where: Place, rules: SendingRules, label: str, platform: Platform, out: Path, on_people: Callable[[int], None]
) -> Audience:
    """Write the hashes of a segment's people for an advertising platform; Trouble where no consent covers that.

    Phone numbers are few enough to be guessed from their hashes, so the file is its owner's alone, and its order tells
    nothing.
    """
    if rules.ads_consent_since is None:
        raise Trouble(
            "sending.yaml: ads_consent_since is not set: say since when the text of your consent names advertising "
            "platforms; nobody is uploaded before that"
        )
    audience = AdsAudience(where.table, where.identity_key(), rules.holdout_percent, rules.ads_consent_since)
    try:
        found = audience.of(label, platform, on_people)
    except NotFound as error:
        raise Trouble(f"{label}: {error}; the segments are {', '.join(SEGMENTS)}") from error
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS[platform])
    writer.writerows(sorted(found.rows))
    write_private(out, text.getvalue().encode())
    return found


def _number_in(cells: list[str]) -> str | BadPhone:
    """The first cell that is a number; else why the most promising one is none."""
    why = BadPhone("not_a_number")
    for cell in cells:
        try:
            return parse_phone(cell).e164
        except BadPhone as error:
            if any(map(str.isdigit, cell)) and why.code == "not_a_number":
                why = error
    return why


def write_refused(refused: Sequence[Refused], file: Path) -> Path:
    """Write the refused lines beside the file, to be corrected; answers their path."""
    rejects = file.with_name(f"{file.stem}.rejects.csv")
    with rejects.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("line", "text", "reason"))
        writer.writerows(refused)
    return rejects


def connect_zalo(where: Place, redirect_uri: str, ask: Callable[[str], str]) -> str:
    """Let the Official Account's administrator in: `ask` shows the link and answers with the code; the state after it.

    Trouble when the account is not in the secret yet, or Zalo refuses the code.
    """
    account = _zalo_account(where)
    verifier = secrets.token_urlsafe(32)
    hosts = (account["oauth_url"],) if "oauth_url" in account else ()
    link = permission_url(account["app_id"], redirect_uri, verifier, *hosts)
    code = where.administrator(link) if where.administrator else ask(link).strip()
    tokens = _zalo_tokens(where, account)
    try:
        tokens.connect(code, verifier)
    except ChannelError as error:
        raise Trouble(f"Zalo did not connect the account: {error.reason}") from error
    return tokens.state()


def zalo_state(where: Place) -> str:
    """Whether the Official Account is connected: unconnected, ok or needs_reauthorisation."""
    return _zalo_tokens(where, _zalo_account(where)).state()


def _zalo_account(where: Place) -> Mapping[str, Any]:
    account: Mapping[str, Any] = where.accounts().get("zalo") or {}
    if missing := [name for name in ("app_id", "app_secret", "oa_id") if not account.get(name)]:
        raise Trouble(f"the secret of the channels has no zalo.{missing[0]} yet")
    return account


def _zalo_tokens(where: Place, account: Mapping[str, Any]) -> ZaloTokens:
    named = {name: str(account[name]) for name in ("app_id", "app_secret", "oa_id", "oauth_url") if name in account}
    return ZaloTokens(where.table, clock=lambda: where.now, **named)


def as_it_came(body: str) -> str:
    """What a worker set aside stands beside its reason; what the queue itself gave up on is as it was."""
    letter = _read(body)
    if not isinstance(letter, dict) or "reason" not in letter:
        return body
    return str(letter["body"]) if "body" in letter else json.dumps({"events": [letter["event"]]}, ensure_ascii=False)


def _was_rejected(body: str) -> bool:
    letter = _read(body)
    return isinstance(letter, dict) and "rejected" in letter


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body

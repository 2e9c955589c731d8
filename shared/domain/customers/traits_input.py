"""Traits and consent as a request body states them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from shared.domain.common.channels import CONSENT_CHANNELS, PURPOSES
from shared.domain.common.field_reader import TOLERANCE, Reader, parse_moment, plain
from shared.domain.customers.profile import TRAITS
from shared.domain.vietnam_time import local_day, stamp

# One event is taken in by one transaction, which has room for so many statements.
MAX_CONSENTS = 40


GENDERS = {"female": "female", "f": "female", "nữ": "female", "nu": "female",
           "male": "male", "m": "male", "nam": "male", "other": "other", "khác": "other"}  # fmt: skip


_IDENTITY_TRAITS = frozenset(("phone", "email", "loyalty_id", "zalo_user_id", "messenger_psid", "external"))


_NAME_TRAITS = frozenset(("name", "firstName", "first_name", "lastName", "last_name"))


def read_traits(read: Reader, values: dict[str, Any], path: str, today: date) -> dict[str, Any]:
    """Traits of one object, checked; unknown ones become attributes."""
    traits: dict[str, Any] = {}
    if not values:
        return traits
    name = read.text(values, "name", path) or " ".join(
        part
        for part in (
            read.text(values, "last_name", path) or read.text(values, "lastName", path),
            read.text(values, "first_name", path) or read.text(values, "firstName", path),
        )
        if part
    )
    # A dash in the till's name field is no name, and must not replace one.
    if any(letter.isalpha() for letter in name):
        traits["name"] = " ".join(name.split())
    for field_name in ("city", "home_store"):
        if text := read.text(values, field_name, path, 120):
            traits[field_name] = text
    if (raw := values.get("birthday")) is not None and raw != "":
        with read.reading(path + "birthday"):
            traits["birthday"] = birthday(raw, today)
    if (raw := values.get("gender")) is not None and raw != "":
        gender = GENDERS.get(str(raw).strip().lower())
        if gender is None:
            read.wrong(path + "gender", "must be female, male or other")
        else:
            traits["gender"] = gender
    for key, raw in values.items():
        if key in _IDENTITY_TRAITS or key in _NAME_TRAITS or key in TRAITS or raw is None:
            continue
        if key == "attributes" and isinstance(raw, dict):
            traits |= {f"@{k}"[:80]: plain(v) for k, v in raw.items() if v is not None}
        else:
            traits[f"@{key}"[:80]] = plain(raw)
    return traits


def birthday(raw: Any, today: date) -> str:
    """A birthday as a plain date: ISO text, or an ISO time, whose day in Vietnam counts; raises ValueError.

    JavaScript writes midnight in Vietnam as 17:00 of the day before, with a Z.
    """
    if not isinstance(raw, str):
        raise ValueError("must be a date such as 1990-05-21")
    try:
        day = date.fromisoformat(raw[:10] if raw[10:11] in ("T", " ") else raw)
        if raw[10:11] == "T" and (at := datetime.fromisoformat(raw)).tzinfo:
            day = local_day(at)
    except ValueError:
        raise ValueError("must be a date such as 1990-05-21") from None
    if not date(1900, 1, 1) <= day <= today:
        raise ValueError("must lie between 1900 and today")
    return day.isoformat()


def read_consent(
    read: Reader, raw: Any, path: str, said_at: datetime, now: datetime, source: str
) -> list[dict[str, Any]]:
    """Consent statements `{channel, purpose, granted, at?, proof?}`; `at` defaults to the moment of the message."""
    if not isinstance(raw, list):
        read.wrong(path, "must be a list")
        return []
    if len(raw) > MAX_CONSENTS:
        read.wrong(path, f"may have at most {MAX_CONSENTS} statements")
        return []
    statements: list[dict[str, Any]] = []
    for number, statement in enumerate(raw):
        here = f"{path}[{number}]"
        if not isinstance(statement, dict):
            read.wrong(here, "must be an object")
            continue
        read.only(statement, ("channel", "purpose", "granted", "at", "proof"), f"{here}.")
        if statement.get("channel") not in CONSENT_CHANNELS:
            read.wrong(f"{here}.channel", f"must be one of {', '.join(CONSENT_CHANNELS)}")
        if statement.get("purpose") not in PURPOSES:
            read.wrong(f"{here}.purpose", f"must be one of {', '.join(PURPOSES)}")
        if not isinstance(statement.get("granted"), bool):
            read.wrong(f"{here}.granted", "must be true or false")
        when: datetime | None = said_at
        if statement.get("at") is not None:
            when = parse_moment(read, f"{here}.at", statement["at"])
            if when and when > now + TOLERANCE:
                read.wrong(f"{here}.at", "is in the future")
        proof = statement.get("proof")
        statements.append(
            {
                "channel": statement.get("channel"),
                "purpose": statement.get("purpose"),
                "granted": statement.get("granted"),
                "at": stamp(when or said_at),
                "source": source,
            }
            | ({"proof": plain(proof)} if proof is not None else {})
        )
    return statements

"""Whom of a segment an advertising platform may learn of, and by what: hashes, where the consent speaks of it (W10).

Uploading a list makes the platform process personal data for the shop. So a consent counts from the day on which its
text began to name advertising platforms (R10, R28), and who refused advertising on one channel is not followed to
another.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from shared.domain.customers.profile import Profile, fold_members
from shared.domain.errors import NotFound
from shared.domain.messaging.policy import in_holdout
from shared.domain.vietnam_time import local_day, moment
from shared.ports import Item, Key, Table
from shared.repositories import table_keys
from shared.repositories.identity_resolution import link_of_phone
from shared.repositories.marketing_halt import halted
from shared.repositories.profiles import addresses, members_of
from shared.repositories.unit_of_work import UnitOfWork
from shared.use_cases.segments.list_segments import KINDS, counts

PAGE = 90
# Where a mobile number stands among the addresses, as every channel of mobile numbers has it.
MOBILE = "zns"

Platform = Literal["meta", "google", "zalo"]
# What a platform calls its columns.
COLUMNS: Mapping[Platform, tuple[str, ...]] = {
    "meta": ("email", "phone"),
    "google": ("Email", "Phone"),
    "zalo": ("phone",),
}
# A person as a platform may match them, by its columns: SHA-256 in lower-case hexadecimal digits, "" where unknown.
Row = tuple[str, ...]


@dataclass
class Audience:
    """The rows of a segment, how many members it has, and why how many of them are left out."""

    rows: list[Row] = field(default_factory=list)
    members: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class AdsAudience:
    """Everything the rule needs. `consent_since` is the day from which consents name advertising platforms."""

    table: Table
    secret: bytes
    holdout_percent: int
    consent_since: date

    def of(self, label: str, platform: Platform, on_people: Callable[[int], None]) -> Audience:
        """The audience of a segment, as the platform wants it; raises NotFound for a label there is none of.

        `on_people` hears of members looked at.
        """
        found, stopped = Audience(), halted(self.table)
        for page in self._pages(label):
            uow = UnitOfWork(self.table)
            uow.load([table_keys.profile(item["sk"]) for item in page])
            people = [members for item in page if (members := members_of(uow, item["sk"]))]
            reached = [addresses(members) for members in people]
            uow.load([self._listing(to) for to in reached if MOBILE in to])
            for members, to in zip(people, reached, strict=True):
                hashes = row(to, platform)
                why = self._why_not(uow, members, to, stopped) or ("" if any(hashes) else "no_address")
                if why:
                    found.left_out[why] += 1
                else:
                    found.rows.append(hashes)
            found.members += len(people)
            on_people(len(page))
        return found

    def _pages(self, label: str) -> Iterator[list[Item]]:
        if not any(label in labels for labels in KINDS.values()):
            raise NotFound("there is no such segment")
        start = None
        while True:
            page = self.table.query(f"S#{label}", start=start, limit=PAGE)
            yield page.items
            start = page.next
            if start is None:
                return

    def _why_not(self, uow: UnitOfWork, members: list[Profile], to: Mapping[str, str], stopped: list[str]) -> str:
        """Why a customer is left out; "" for one who may be in."""
        lead, view = members[0], fold_members(members)
        said = [slot for name, slot in view["consent"].items() if name.endswith(":marketing")]
        granted = [slot for slot in said if slot["granted"]]
        closed = {reason for member in members for reason in member.get("closed", {}).values()}
        if lead.get("refused"):
            return "not_a_person"
        if {"*", view["traits"].get("city", "").lower()}.intersection(stopped):
            return "halted"
        if in_holdout(lead["customer_id"], "*", self.holdout_percent):
            return "holdout"
        if len(granted) < len(said) or closed & {"complained", "refused_by_customer"}:
            return "refused_by_customer"
        if not granted:
            return "no_consent"
        if all(local_day(moment(slot["at"])) < self.consent_since for slot in granted):
            return "consent_too_old"
        if any(member.get("complaints") for member in members):
            return "complaint_open"
        # A new customer may have been on the list before they were known.
        listed = MOBILE in to and uow.get(self._listing(to))
        return "do_not_call" if listed or any(member.get("do_not_call") for member in members) else ""

    def _listing(self, to: Mapping[str, str]) -> Key:
        return table_keys.do_not_call(link_of_phone(to[MOBILE], self.secret))


def expected(table: Table, label: str) -> int:
    """How many members a segment is counted to have."""
    return next((told["customers"] for told in counts(table) if told["label"] == label), 0)


def row(to: Mapping[str, str], platform: Platform) -> Row:
    """A person's hashes in the platform's spelling: Google wants numbers as E.164 with its plus, Meta and Zalo digits
    alone, the country code first; all want e-mail addresses in lower case, as identities are."""
    phone = to.get(MOBILE, "")
    spelled = {"email": to.get("email", ""), "phone": phone if platform == "google" else phone.removeprefix("+")}
    texts = (spelled[column.lower()] for column in COLUMNS[platform])
    return tuple(hashlib.sha256(text.encode()).hexdigest() if text else "" for text in texts)

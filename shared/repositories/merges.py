"""Merges of two customers: joined, parted again, and kept apart by a person (X3)."""

from __future__ import annotations

from typing import Any, Literal, cast

from shared.domain.common.stored_item import without
from shared.domain.customers.profile import Profile
from shared.ports import Item
from shared.repositories import profiles, table_keys
from shared.repositories.profiles import members_of
from shared.repositories.segment_membership import withdraw
from shared.repositories.unit_of_work import UnitOfWork

# `apart`: never joined again without a person; `kept_apart`: and no person is asked about it again either.
Mark = Literal["apart", "kept_apart"]
MARKS: tuple[Mark, ...] = ("apart", "kept_apart")


def by_precedence(a: Profile, b: Profile) -> tuple[Profile, Profile]:
    """Who leads a merge, and who is absorbed."""
    lead, absorbed = sorted((a, b), key=_precedence)
    return lead, absorbed


def join(
    uow: UnitOfWork, a: Profile, b: Profile, *, because: str, at: str, by: str | None = None, through: str = ""
) -> tuple[Profile, Profile]:
    """Join two leading profiles and return the lead and the absorbed one; facts stay where they are, the absorbed one
    points to the other. `by` is the person who decided it, whose word stands above earlier marks; None: a rule, whose
    merge may rest on one weak identity: `through` is its name."""
    lead, absorbed = by_precedence(a, b)
    decided: Item = {} if by is None else {"by": by}
    marks = [] if by is None else _unmark(uow, lead["customer_id"], absorbed["customer_id"])
    if marks:
        lead, absorbed = (_known(uow, side["customer_id"]) for side in (lead, absorbed))
    merge_id = f"{at}-{absorbed['customer_id'][:8]}"
    pointer = {"customer_id": lead["customer_id"], "merge_id": merge_id, "at": at, "because": because, **decided}
    if through:
        pointer["through"] = through
    absorbed = cast(Profile, {**withdraw(uow, absorbed), "merged_into": pointer})
    uow.put(table_keys.profile(absorbed["customer_id"]), absorbed)
    lead = {**lead, "absorbed": [*lead.get("absorbed", ()), absorbed["customer_id"]]}
    uow.put(table_keys.profile(lead["customer_id"]), lead)
    for one, other, side in ((lead, absorbed, "lead"), (absorbed, lead, "absorbed")):
        record: Item = {
            "merge_id": merge_id,
            "side": side,
            "with": other["customer_id"],
            "at": at,
            "because": because,
            "identities": sorted(one["identities"]),
            **decided,
        }
        if marks:
            record["marks"] = marks
        uow.mark(table_keys.merge_record(one["customer_id"], merge_id), record)
    return lead, absorbed


def part(uow: UnitOfWork, absorbed: Profile, *, by: str, at: str) -> tuple[Profile, Profile, set[str]]:
    """Undo one merge: both sides stand as if it had never been, and will not be joined again without a person.

    Returns both, and the leads to be measured anew.
    """
    pointer = absorbed["merged_into"]
    one, other = pointer["customer_id"], absorbed["customer_id"]
    top = members_of(uow, one)[0]["customer_id"]
    for customer_id in (one, other):
        key = table_keys.merge_record(customer_id, pointer["merge_id"])
        record = uow.get(key) or {}
        uow.mark(key, {**record, "undone_at": at, "undone_by": by})
    for customer_id, name, whom in record.get("marks", ()):
        _mark(uow, customer_id, name, whom)
    _mark(uow, one, "apart", other)
    _mark(uow, other, "apart", one)
    lead, absorbed = _known(uow, one), without(_known(uow, other), "merged_into")
    lead = {**lead, "absorbed": [i for i in lead["absorbed"] if i != other]}
    if not lead["absorbed"]:
        del lead["absorbed"]
    uow.put(table_keys.profile(one), lead)
    uow.put(table_keys.profile(other), absorbed)
    return lead, absorbed, {top, other}


def keep_apart(uow: UnitOfWork, one: str, other: str) -> None:
    """Mark two profiles as two people's, for good: rules never join them, and nobody is asked about them again."""
    for customer_id, whom in ((one, other), (other, one)):
        for name in MARKS:
            _mark(uow, customer_id, name, whom)


def marked(one: list[Profile], other: list[Profile], name: Mark) -> bool:
    """Whether a person has marked some members of two customers so."""
    return any(_marks(one, other, name)) or any(_marks(other, one, name))


def _marks(one: list[Profile], other: list[Profile], name: Mark) -> list[list[str]]:
    """The marks of the one side against the other, as [customer, mark, other customer]."""
    theirs = {member["customer_id"] for member in other}
    return [[m["customer_id"], name, whom] for m in one for whom in m.get(name, ()) if whom in theirs]


def _unmark(uow: UnitOfWork, one: str, other: str) -> list[list[str]]:
    """Take the marks between two customers away and return them, so that parting can put them back."""
    ours, theirs = members_of(uow, one), members_of(uow, other)
    found = [row for name in MARKS for row in (*_marks(ours, theirs, name), *_marks(theirs, ours, name))]
    for customer_id, name, whom in found:
        profile = cast(dict[str, Any], _known(uow, customer_id))
        left = [customer for customer in profile[name] if customer != whom]
        uow.put(table_keys.profile(customer_id), without(profile, name) | ({name: left} if left else {}))
    return found


def _mark(uow: UnitOfWork, customer_id: str, name: str, whom: str) -> None:
    profile = cast(dict[str, Any], _known(uow, customer_id))
    uow.put(table_keys.profile(customer_id), {**profile, name: sorted({*profile.get(name, ()), whom})})


def _known(uow: UnitOfWork, customer_id: str) -> Profile:
    profile = profiles.find(uow, customer_id)
    assert profile is not None
    return profile


def _precedence(profile: Profile) -> tuple[bool, str, str]:
    """Who leads a merge: the one with a phone, then the older one, then by number so that it is always the same."""
    has_phone = any(
        name.startswith("phone:") and link["certainty"] != "claimed" for name, link in profile["identities"].items()
    )
    return (not has_phone, profile["created_at"], profile["customer_id"])

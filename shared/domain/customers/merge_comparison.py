"""What a merge of two customers means: which statement of both counts, and what changes for them, in words (X3)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from shared.domain.customers.profile import Profile, different_people, fold_members


class Side(NamedTuple):
    """One side of a merge: its profile, its members folded, what is open for it, and its salesperson ("": none)."""

    view: Profile
    journeys: Collection[str]
    calls: Collection[str]
    keeper: str


class Change(NamedTuple):
    """What a merge changes, for the person who decides it: a code, and the words in Vietnamese and English."""

    code: str
    why: str
    why_en: str


def compare_traits(lead: Profile, absorbed: Profile) -> list[dict[str, Any]]:
    """Every trait that either side has, with the one that counts once they are merged."""
    result = fold_members([lead, absorbed])["traits"]
    return [
        {
            "trait": f"attributes.{name[1:]}" if name.startswith("@") else name,
            "lead": lead["traits"].get(name),
            "absorbed": absorbed["traits"].get(name),
            "wins": _winner(lead["traits"].get(name), absorbed["traits"].get(name), result[name]),
        }
        for name in sorted(result)
    ]


def compare_consent(lead: Profile, absorbed: Profile) -> list[dict[str, Any]]:
    """The latest statement of each side by channel and purpose, with the one that counts once they are merged."""
    compared = []
    for slot, result in sorted(fold_members([lead, absorbed])["consent"].items()):
        mine, theirs = lead["consent"].get(slot), absorbed["consent"].get(slot)
        channel, _, purpose = slot.partition(":")
        compared.append(
            {
                "channel": channel,
                "purpose": purpose,
                "lead": mine and {"granted": mine["granted"], "at": mine["at"]},
                "absorbed": theirs and {"granted": theirs["granted"], "at": theirs["at"]},
                "granted": result["granted"],
                "wins": _winner(mine, theirs, result),
            }
        )
    return compared


def _winner(mine: Any, theirs: Any, result: Any) -> str:
    if mine == theirs:
        return "both"
    return "lead" if mine == result else "absorbed"


def changes(lead: Side, absorbed: Side, *, kept_apart: bool, refused: str) -> list[Change]:
    """What a person should know before merging two customers. `kept_apart`: they had been parted or kept apart;
    `refused`: why the result is no person's identity (R4), "" if it is one."""
    found = []
    mine, theirs = lead.view["names"], absorbed.view["names"]
    if mine and theirs and different_people({**mine, **theirs}) > max(map(different_people, (mine, theirs))):
        names = [str(side.view["traits"].get("name") or min(side.view["names"])) for side in (lead, absorbed)]
        found.append(
            Change(
                "different_names",
                f"Tên hai bên là của hai người khác nhau: {names[0]} và {names[1]}.",
                f"The names are those of different people: {names[0]} and {names[1]}.",
            )
        )
    if kept_apart:
        found.append(
            Change(
                "kept_apart",
                "Hai hồ sơ này từng được tách hoặc để riêng; gộp thì dấu để riêng được bỏ.",
                "A person has parted these two or kept them apart; the merge takes that mark away.",
            )
        )
    for entry in compare_consent(lead.view, absorbed.view):
        sides = [side["granted"] for side in (entry["lead"], entry["absorbed"]) if side]
        if len(set(sides)) > 1:
            slot = f"{entry['channel']} {entry['purpose']}"
            vi, en = ("đồng ý", "consent") if entry["granted"] else ("từ chối", "refusal")
            found.append(
                Change(
                    "consent",
                    f"Hai bên nói khác nhau về {slot}; lời sau cùng được tính: {vi}.",
                    f"The sides differ on {slot}; the latest word counts: {en}.",
                )
            )
    found += [
        Change(
            "journey_twice",
            f"Hành trình {journey} đang chạy ở cả hai bên và chạy tiếp cả hai, cho cùng một khách.",
            f"The journey {journey} is under way on both sides; both go on, for one customer.",
        )
        for journey in sorted({*lead.journeys} & {*absorbed.journeys})
    ]
    if lead.calls and absorbed.calls:
        found.append(
            Change(
                "calls_twice",
                "Cả hai bên đều còn việc gọi khách; cùng một người sẽ bị gọi nhiều lần nếu không bỏ bớt.",
                "Both sides have open calls; skip what would call one person twice.",
            )
        )
    if lead.keeper and absorbed.keeper and lead.keeper != absorbed.keeper:
        found.append(
            Change(
                "keeper",
                f"Nhân viên phụ trách là {lead.keeper}; {absorbed.keeper} không phụ trách nữa.",
                f"The salesperson is {lead.keeper}; {absorbed.keeper} no longer is.",
            )
        )
    if refused:
        found.append(
            Change(
                "refused",
                "Hồ sơ gộp bị coi là số gõ cho khách vãng lai: không còn trong danh sách hay hành trình nào.",
                "The result counts as a number typed for walk-ins: in no list and in no journey.",
            )
        )
    return found

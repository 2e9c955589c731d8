"""Reviews of customers: whom they are about, in words, and the decisions they can end with (X3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from shared.domain.customers.masking import masked
from shared.domain.customers.profile import Profile
from shared.domain.errors import FieldError, Invalid
from shared.domain.tasks.task import PAIR_OUTCOMES, PHONE_OUTCOMES, REVIEW_OUTCOMES, Task, TaskTexts

_DECISIONS = {"different_names": PAIR_OUTCOMES, "parted_before": PAIR_OUTCOMES, "shared_phone": PHONE_OUTCOMES}
# Call outcomes by which an agent may still say what came of asking the customer; goods were not the question.
_NO_ANSWER_TO_A_REVIEW = ("purchased",)
_CALLED = {
    "phone": ("số điện thoại", "the phone number"),
    "email": ("e-mail", "the e-mail address"),
    "loyalty_id": ("thẻ thành viên", "the loyalty card"),
    "zalo_user_id": ("tài khoản Zalo", "the Zalo account"),
    "messenger_psid": ("tài khoản Messenger", "the Messenger account"),
}


def decisions(task: Task) -> tuple[str, ...]:
    """The outcomes that answer a task's question; empty for a task that asks none."""
    return _DECISIONS.get(task["reason"], ()) if task["kind"] == "review" else ()


def check_outcome(task: Task, outcome: str) -> None:
    """Raises Invalid for an outcome that makes no sense for a task."""
    fitting = decisions(task)
    if outcome in REVIEW_OUTCOMES and outcome not in fitting:
        asked = f"this review ends as {' or '.join(fitting)}" if fitting else "this task asks no such question"
        raise Invalid([FieldError("outcome", f"must not be {outcome}: {asked}")])
    if fitting and outcome in _NO_ANSWER_TO_A_REVIEW:
        raise Invalid([FieldError("outcome", f"must not be {outcome}: this review ends as {' or '.join(fitting)}")])


def described(task: Task, people: Sequence[Profile | None], words: TaskTexts | None) -> dict[str, Any]:
    """A review as staff see it: the people it is about, by what they can be recognised, and how it can end.

    Of `people`, the customer first, one is None whom the caller may not see; then they cannot decide either.
    """
    seen = [person for person in people if person]
    details = cast(dict[str, Any], task)
    shared = details.get("shared")
    called = [_both_called(person) for person in (*people, None)]
    vi, en = (
        {
            "one": called[0][n],
            "other": called[1][n],
            "shared": _shared(shared)[n],
            "names": ", ".join(details.get("names", ())),
        }
        for n in (0, 1)
    )
    text = words.people if words else None
    return {
        "people": [_person(person) for person in seen],
        "shared": shared,
        "names": details.get("names", []),
        "why": text.in_language("vi").format(**vi) if text else None,
        "why_en": text.in_language("en").format(**en) if text else None,
        "outcomes": list(decisions(task)) if len(seen) == len(people) else [],
    }


def _person(profile: Profile) -> dict[str, Any]:
    names = sorted(profile["identities"])
    return {
        "customer_id": profile["customer_id"],
        "name": profile["traits"].get("name"),
        "phones": [masked(name) for name in names if name.startswith("phone:")],
        "emails": [masked(name) for name in names if name.startswith("email:")],
    }


def _both_called(profile: Profile | None) -> tuple[str, str]:
    """A person in a sentence, in Vietnamese and English."""
    if profile is None:
        return "một khách của cửa hàng khác", "a customer of another store"
    person = _person(profile)
    reached = ", ".join([*person["phones"], *person["emails"]])
    behind = f" ({reached})" if reached else ""
    name = person["name"]
    return f"{name or 'khách chưa rõ tên'}{behind}", f"{name or 'a customer without a name'}{behind}"


def _shared(shared: dict[str, str] | None) -> tuple[str, str]:
    """What two customers were named by, in Vietnamese and English."""
    if shared is None:
        return "một thông tin chung", "something in common"
    vi, en = _CALLED.get(shared["kind"], ("mã khách", "the customer number"))
    return f"{vi} {shared['value']}", f"{en} {shared['value']}"

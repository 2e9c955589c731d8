"""X3: reviews name the people they are about, and end as merged, kept apart, or with what became of a shared phone."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Conflict
from shared.domain.vietnam_time import local_day
from shared.repositories import table_keys
from shared.repositories.merges import join, marked
from shared.repositories.profiles import RulesToday, members_of
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.rules import rules
from shared.use_cases.customers.decide_review import decide_review
from shared.use_cases.customers.merge import Merger
from tests.support.races import MAX_POINTS, Watched
from tests.support.shop import PHONE
from tests.support.tasks import Team

OTHER = "0912345678"


def name_together(team: Team, phone: str = OTHER, **more: str) -> None:
    team.call("PUT", "/v1/customers", {"identities": {"phone": phone, "email": "nha@vidu.vn"} | more})


def asked(team: Team, store: str = "") -> tuple[str, str]:
    """Lan and Hùng of one household gave one e-mail address; their names forbid the merge."""
    lan, hung = (
        team.customer(PHONE, store="Q1", name="Nguyễn Thị Lan"),
        team.customer(OTHER, store=store, name="Trần Văn Hùng"),
    )
    name_together(team, PHONE)
    name_together(team)
    return lan, hung


def review_of(team: Team, customer: str) -> dict[str, Any]:
    (found,) = [task for task in team.listed() if task["customer_id"] == customer]
    return found


def test_x3_a_review_names_both_people_by_what_they_can_be_recognised(team: Team):
    lan, hung = asked(team)

    review = review_of(team, lan)["review"]

    assert review["people"] == [
        {"customer_id": lan, "name": "Nguyễn Thị Lan", "phones": ["•••••••567"], "emails": ["n•••@vidu.vn"]},
        {"customer_id": hung, "name": "Trần Văn Hùng", "phones": ["•••••••678"], "emails": ["n•••@vidu.vn"]},
    ]
    assert review["shared"] == {"kind": "email", "value": "n•••@vidu.vn"}
    assert review["why"] == (
        "Nguyễn Thị Lan (•••••••567, n•••@vidu.vn) và Trần Văn Hùng (•••••••678, n•••@vidu.vn) "
        "được nhắc chung bởi e-mail n•••@vidu.vn."
    )
    assert review["why_en"].startswith(
        "Nguyễn Thị Lan (•••••••567, n•••@vidu.vn) and Trần Văn Hùng (•••••••678, n•••@vidu.vn)"
    )
    assert review["outcomes"] == ["merged", "kept_apart"]
    assert [one["customer_id"] for one in review_of(team, hung)["review"]["people"]] == [hung, lan]


def test_x3_a_review_that_ends_as_merged_merges_and_closes_the_other_side_s(team: Team):
    lan, hung = asked(team)
    review = review_of(team, hung)

    done = team.tell(review["task_id"], "merged", note="Hai vợ chồng dùng chung")

    assert (done.status, done.json["outcome"], done.json["note"]) == (200, "merged", "Hai vợ chồng dùng chung")
    assert team.listed() == []
    assert {(task["outcome"], task["by"]) for task in team.listed("status=done")} == {("merged", "test")}
    assert team.view(hung)["customer_id"] == team.view(lan)["customer_id"]
    (merged,) = team.view(lan)["merged"]
    assert {merged, team.view(lan)["customer_id"]} == {lan, hung}
    names = [person["name"] for person in done.json["review"]["people"]]
    assert names == ["Trần Văn Hùng", "Nguyễn Thị Lan"]

    assert team.call("POST", f"/v1/customers/{lan}/unmerge").status == 200
    assert [team.view(customer)["customer_id"] for customer in (lan, hung)] == [lan, hung]


def test_x3_whom_a_review_kept_apart_are_never_asked_about_again(team: Team):
    lan, hung = asked(team)

    done = team.tell(review_of(team, lan)["task_id"], "kept_apart", note="Hai mẹ con")

    assert (done.status, done.json["outcome"]) == (200, "kept_apart")
    assert team.listed() == []
    assert {task["outcome"] for task in team.listed("status=done")} == {"kept_apart"}
    for days in (1, 100):  # the reviews themselves are forgotten after 90 days
        team.stack.advance(team.now + timedelta(days=days))
        name_together(team)
        name_together(team, PHONE)
        assert team.listed() == []
    assert [team.view(customer)["customer_id"] for customer in (lan, hung)] == [lan, hung]


def test_x3_whom_an_unmerge_parted_are_asked_about_once_more_and_then_no_more(team: Team):
    lan = team.customer(PHONE, name="Nguyễn Thị Lan")
    team.call("PUT", "/v1/customers", {"identities": {"email": "nha@vidu.vn"}})
    other = team.call("POST", "/v1/customers/search", {"email": "nha@vidu.vn"}).json["customer_id"]
    name_together(team, PHONE)
    team.call("POST", f"/v1/customers/{lan}/unmerge")
    name_together(team, PHONE)
    review = review_of(team, lan)
    assert "từng được tách ra" in review["review"]["why"]

    team.tell(review["task_id"], "kept_apart")
    team.stack.advance(team.now + timedelta(days=100))
    name_together(team, PHONE)

    assert team.listed() == []
    uow = UnitOfWork(team.stack.table)
    assert marked(members_of(uow, lan), members_of(uow, other), "kept_apart")


def test_x3_a_merge_by_hand_ends_the_reviews_of_both_sides(team: Team):
    lan, hung = asked(team)

    seen = team.call("POST", f"/v1/customers/{lan}/merge", {"other": hung}).json

    assert [seen[side]["open"]["tasks"] for side in ("lead", "absorbed")] == [[], []]
    assert team.listed() == []
    assert {task["outcome"] for task in team.listed("status=done")} == {"merged"}
    assert team.call("POST", f"/v1/customers/{lan}/merge", {"other": hung}).json == seen


def test_x3_a_decision_told_twice_is_one_and_another_one_is_refused(team: Team):
    lan, hung = asked(team)
    mine, theirs = review_of(team, lan)["task_id"], review_of(team, hung)["task_id"]
    first = team.tell(mine, "kept_apart")
    before = team.holdings()

    assert team.tell(mine, "kept_apart").json == first.json
    assert team.tell(theirs, "kept_apart").status == 200
    refused = team.tell(theirs, "merged")
    assert (refused.status, "closed as kept_apart" in refused.json["detail"]) == (409, True)
    assert team.holdings() == before


def test_x3_who_are_one_by_now_cannot_be_kept_apart_but_the_review_can_end(team: Team):
    lan, hung = asked(team)
    mine = review_of(team, lan)["task_id"]
    uow = UnitOfWork(team.stack.table)
    # Merged while the reviews stayed open, as where a rule joins the two by way of a third.
    join(uow, members_of(uow, lan)[0], members_of(uow, hung)[0], because="test", at="2026-11-21T03:00:00.000Z")
    uow.commit()
    before = team.holdings()

    refused = team.tell(mine, "kept_apart")
    assert (refused.status, "undo the merge" in refused.json["detail"]) == (409, True)
    assert team.holdings() == before

    assert team.tell(mine, "merged").status == 200
    assert team.listed() == []


# ---- outcomes that make no sense ----


def test_x3_a_decision_answers_only_the_review_that_asks_for_it(team: Team):
    lan, _ = asked(team)
    review, call = review_of(team, lan)["task_id"], team.open(lan)
    before = team.holdings()
    for task, outcomes in (
        (review, ("same_person", "several_people", "purchased")),
        (call, ("merged", "kept_apart", "same_person", "several_people")),
    ):
        for outcome in outcomes:
            answer = team.tell(task, outcome)
            assert (answer.status, answer.fields) == (400, ["outcome"]), outcome
    assert "merged or kept_apart" in team.tell(review, "purchased").json["errors"][0]["reason"]
    assert team.holdings() == before
    assert team.tell(review, "reached", note="Khách hẹn trả lời sau").status == 200


@pytest.mark.parametrize("outcome", ["same_person", "several_people"])
def test_x3_a_shared_phone_ends_with_what_it_turned_out_to_be(team: Team, outcome: str):
    for name in ("Nguyễn Thị Lan", "Trần Văn Hùng"):
        lan = team.customer(PHONE, name=name)
    (task,) = team.listed()
    review = task["review"]
    assert (review["names"], [person["customer_id"] for person in review["people"]]) == (
        ["nguyen thi lan", "tran van hung"], [lan],
    )  # fmt: skip
    assert review["why"].endswith("có các tên: nguyen thi lan, tran van hung.")
    assert review["outcomes"] == ["same_person", "several_people"]
    assert team.tell(task["task_id"], "merged").fields == ["outcome"]

    assert team.tell(task["task_id"], outcome).json["outcome"] == outcome
    assert team.listed() == []


def test_a_review_that_asks_about_nobody_names_nobody(team: Team):
    lan = team.customer(PHONE)
    review = team.open(lan, kind="review", reason="comment_not_hidden", title="")

    assert [task["review"] for task in team.listed()] == [None]
    assert team.tell(review, "merged").fields == ["outcome"]
    assert team.tell(review, "reached").status == 200


# ---- stores and roles (R7, R44) ----


def test_r44_a_store_s_key_does_not_learn_of_the_other_store_s_customer(team: Team):
    lan, hung = asked(team, store="Q7")
    care = team.key("api", "care", stores=("Q1",))
    before = team.holdings()

    (task,) = team.listed(key=care)
    assert [person["customer_id"] for person in task["review"]["people"]] == [lan]
    assert task["review"]["outcomes"] == []
    assert "một khách của cửa hàng khác" in task["review"]["why"]
    for secret in (hung, "Hùng", "678"):
        assert secret not in str(task["review"])
    for outcome in ("merged", "kept_apart"):
        answer = team.tell(task["task_id"], outcome, key=care)
        assert (answer.status, "Q7" in str(answer.json)) == (403, False)
    assert team.holdings() == before

    both = team.key("api", "care", stores=("Q1", "Q7"))
    assert team.tell(task["task_id"], "kept_apart", key=both).status == 200


def test_x3_who_may_not_merge_may_not_decide_a_review(team: Team):
    lan, _ = asked(team, store="Q1")
    task = review_of(team, lan)["task_id"]
    staff = team.key("api", "store_staff", stores=("Q1",))
    for outcome in ("merged", "kept_apart"):
        assert team.tell(task, outcome, key=staff).status == 403
    assert team.tell(task, "no_answer", key=staff).status == 200


# ---- two at once ----


@pytest.mark.parametrize(("mine", "theirs"), [("merged", "merged"), ("kept_apart", "merged"), ("merged", "kept_apart")])
def test_x3_two_decisions_at_once_from_both_sides_leave_one(mine: str, theirs: str):
    for point in range(MAX_POINTS):
        team = Team()
        lan, hung = asked(team)
        tasks = {customer: review_of(team, customer)["task_id"] for customer in (lan, hung)}

        def faster(team: Team = team, task: str = tasks[hung]) -> None:
            assert team.tell(task, theirs).status == 200

        table = Watched(team.stack.table, at=point, before=faster)
        merger = Merger(table, RulesToday(rules(), rules().first_cutoffs, local_day(team.now)), "test", team.now)
        with suppress(Conflict) if mine != theirs else nullcontext():  # the other decision was faster
            decide_review(merger, tasks[lan], mine, "", frozenset())
        outcomes = {task["outcome"] for task in team.listed("status=done")}
        assert (len(outcomes), team.listed()) == (1, [])
        merged = bool(team.view(lan)["merged"])
        assert outcomes == ({"merged"} if merged else {"kept_apart"})
        profile = team.stack.table.get(table_keys.profile(lan)) or {}
        assert ("kept_apart" in profile) is not merged
        team.stack.close()
        if table.operations <= point:
            assert point > 0, "nothing was ever interrupted"
            return
    raise AssertionError("more points than expected")

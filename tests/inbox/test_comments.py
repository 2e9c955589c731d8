"""T7, R25: comments under the page's posts are answered at once in private, and none shows a phone number for long."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.providers.base import json_reply
from shared.runtime.playbook.check import check
from shared.runtime.playbook.comments import FILE
from tests.support.inbox import LAN, Inbox

NUMBER = "tư vấn em với 0901234567 ạ"
ASKS = "áo này còn size M không shop?"
PRAISE = "đẹp quá trời luôn"


def comment(inbox: Inbox, text: str, author: str = "u1", **how: Any) -> str:
    comment_id: str = inbox.providers.messenger.comment(author, text, **how)
    inbox.hear()
    return comment_id


def seen(inbox: Inbox, comment_id: str) -> Any:
    return inbox.providers.messenger.comments[comment_id]


def refuse(inbox: Inbox, path: str, code: int, *, status: int = 400) -> None:
    """Let calls whose path ends so fail with a code of the Graph API, until the code is 0."""
    page = inbox.providers.messenger
    handle = type(page).handle.__get__(page)
    error = {"error": {"message": "x", "type": "OAuthException", "code": code, "fbtrace_id": "x"}}
    page.handle = lambda one: json_reply(error, status) if code and one.path.endswith(path) else handle(one)


def open_tasks(inbox: Inbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = inbox.call("GET", "/v1/tasks").json["items"]
    return found


def test_r25_a_comment_with_a_phone_number_is_hidden_at_once_and_answered_in_private(inbox: Inbox) -> None:
    shown = seen(inbox, comment(inbox, NUMBER))

    assert shown.hidden
    assert "ẩn đi để không ai khác thấy số điện thoại" in shown.private
    assert LAN not in shown.private
    assert shown.replies == []  # nobody would read it below what is hidden
    (ticket,) = inbox.tickets()
    assert (ticket["channel"], inbox.said(ticket)) == ("comment", [NUMBER])


def test_t7_a_question_gets_a_private_word_at_once_a_public_pointer_and_a_ticket(inbox: Inbox) -> None:
    comment_id = comment(inbox, ASKS)
    inbox.later(minutes=3)

    shown = seen(inbox, comment_id)
    assert not shown.hidden
    assert "nhắn lại ngay tại đây" in shown.private
    assert shown.replies == ["Dạ tiệm đã nhắn riêng cho mình rồi ạ, mình xem tin nhắn giúp tiệm nhé."]
    (ticket,) = inbox.tickets()
    assert (ticket["channel"], ticket["intent"], inbox.said(ticket)) == ("comment", "product_question", [ASKS])
    link = {"kind": "link", "url": f"https://www.facebook.com/{comment_id}"}
    assert link.items() <= ticket["thread"][0]["attachments"][0].items()


def test_t7_praise_is_left_in_peace(inbox: Inbox) -> None:
    shown = seen(inbox, comment(inbox, PRAISE))

    assert (shown.hidden, shown.private, shown.replies, inbox.tickets()) == (False, "", [], [])


def test_t7_the_page_answers_nobody_but_people(inbox: Inbox) -> None:
    shown = seen(inbox, comment(inbox, "Gọi tiệm 0901234567 nhé", inbox.providers.messenger.page_id))

    assert (shown.hidden, shown.private, inbox.tickets()) == (False, "", [])


def test_t7_a_grave_matter_meets_no_machine_and_a_person_answers_it_in_private(inbox: Inbox) -> None:
    comment_id = comment(inbox, "Con tôi bị bỏng phải nhập viện vì cái máy sấy mua ở shop phát nổ")
    (ticket,) = inbox.tickets()

    assert ticket["severity"] == "critical"
    assert seen(inbox, comment_id).private == ""
    inbox.answer(ticket, "Dạ tiệm xin lỗi, em gọi chị ngay ạ")
    assert seen(inbox, comment_id).private.endswith("Dạ tiệm xin lỗi, em gọi chị ngay ạ")


def test_r5_a_comment_leads_to_nobody_who_chats_or_owns_the_number_in_it(inbox: Inbox) -> None:
    owner = inbox.put(phone=LAN, messenger_psid="u1").json["customer_id"]
    comment(inbox, NUMBER)

    (ticket,) = inbox.tickets()
    assert ticket["customer_id"] != owner
    links = {link["kind"]: link["certainty"] for link in ticket["customer"]["identities"]["links"]}
    assert links == {"external:facebook_comment": "verified", "phone": "claimed"}


def test_t7_the_same_comment_told_five_times_is_worked_once(inbox: Inbox) -> None:
    inbox.providers.messenger.disturb_callbacks(copies=5, disorder=timedelta(minutes=2))
    first, second = inbox.providers.messenger.comment("u1", NUMBER), inbox.providers.messenger.comment("u2", ASKS)
    inbox.later(minutes=10)

    assert (seen(inbox, first).hidden, len(seen(inbox, second).replies)) == (True, 1)
    assert [len(inbox.said(ticket)) for ticket in inbox.tickets()] == [1, 1]
    assert len(inbox.received("messenger")) == 2


def test_r25_a_number_that_is_written_in_later_is_hidden_too(inbox: Inbox) -> None:
    comment_id = comment(inbox, PRAISE)
    comment(inbox, NUMBER, verb="edited", of=comment_id)

    assert seen(inbox, comment_id).hidden
    assert seen(inbox, comment_id).private
    assert len(inbox.tickets()) == 1


def test_r25_what_facebook_cannot_hide_now_is_hidden_as_soon_as_it_can(inbox: Inbox) -> None:
    comment_id = inbox.providers.messenger.comment("u1", NUMBER)
    refuse(inbox, comment_id, 2, status=500)
    inbox.later(hours=2)
    before = seen(inbox, comment_id).hidden
    refuse(inbox, comment_id, 0)
    inbox.later(hours=1)

    assert (before, seen(inbox, comment_id).hidden) == (False, True)
    assert open_tasks(inbox) == []


def test_r25_what_facebook_never_hides_is_a_task_for_a_person_after_a_day(inbox: Inbox) -> None:
    comment_id = inbox.providers.messenger.comment("u1", NUMBER)
    refuse(inbox, comment_id, 200)
    inbox.later(hours=26)

    (task,) = open_tasks(inbox)
    assert (task["title"], task["kind"]) == ("Ẩn bình luận có số điện thoại", "review")
    inbox.later(days=2)
    assert len(open_tasks(inbox)) == 1


def test_r25_a_comment_that_was_deleted_meanwhile_is_done(inbox: Inbox) -> None:
    comment_id = inbox.providers.messenger.comment("u1", NUMBER)
    inbox.providers.messenger.comments.pop(comment_id)
    inbox.later(hours=30)

    assert open_tasks(inbox) == []
    assert inbox.dead("messages-transactional") == []


def test_t7_where_the_private_word_does_not_arrive_the_page_claims_nothing(inbox: Inbox) -> None:
    comment_id = inbox.providers.messenger.comment("u1", ASKS)
    inbox.providers.messenger.user_errors[comment_id] = (10903, 0)
    inbox.later(hours=1)

    assert seen(inbox, comment_id).replies == []
    (ticket,) = inbox.tickets()
    assert ticket["status"] == "open"
    (message,) = inbox.call("GET", f"/v1/customers/{ticket['customer_id']}/messages").json["items"]
    assert (message["status"], message["reason"]) == ("failed", "unreachable")
    assert open_tasks(inbox) == []  # the ticket is what is left to do


def test_t7_the_public_pointer_is_never_said_twice_even_where_its_answer_is_lost(inbox: Inbox) -> None:
    comment_id = inbox.providers.messenger.comment("u1", ASKS)
    inbox.providers.messenger.set_fault("crash_after_send", on=f"/v25.0/{comment_id}/comments")
    inbox.later(hours=3)

    assert len(seen(inbox, comment_id).replies) == 1


def test_t7_whoever_answers_in_private_has_a_chat_of_their_own(inbox: Inbox) -> None:
    comment(inbox, ASKS)
    inbox.providers.messenger.say("p77", "Dạ em hỏi size M ạ")
    inbox.hear()

    assert sorted(ticket["channel"] for ticket in inbox.tickets()) == ["comment", "messenger"]
    assert len({ticket["customer_id"] for ticket in inbox.tickets()}) == 2


def test_a_forged_comment_hides_and_answers_nothing(inbox: Inbox) -> None:
    comment_id = inbox.providers.messenger.comment("u1", NUMBER)
    (call,) = inbox.providers.messenger.due_callbacks(inbox.now)
    before = inbox.holdings()
    told = json.loads(call.body)
    told["entry"][0]["changes"][0]["value"]["message"] = "0907654321"
    status = inbox.stack.http(call.method, call.path, "", call.headers, json.dumps(told).encode()).status
    inbox.hear()

    assert (status, inbox.holdings(), seen(inbox, comment_id).hidden) == (401, before, False)


@pytest.mark.parametrize(
    "value",
    [
        {"item": "post", "verb": "add", "post_id": "1_2", "message": NUMBER},
        {"item": "reaction", "verb": "add", "reaction_type": "like"},
        {"item": "comment", "verb": "remove", "comment_id": "1_2"},
        {"item": "comment", "verb": "add", "comment_id": "../../me", "message": NUMBER, "created_time": 1_700_000_000},
        {"item": "comment", "verb": "add", "message": NUMBER, "created_time": 1_700_000_000},
    ],
)
def test_what_else_happens_on_the_page_is_no_comment(value: dict[str, Any]) -> None:
    from shared.adapters.webhooks.messenger import translate

    entry = {"id": "9", "time": 1_700_000_000, "changes": [{"field": "feed", "value": {"from": {"id": "u1"}, **value}}]}

    assert translate({"object": "page", "entry": [entry]}) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("public_words: x\n", "comments.yaml:1: public_words"),
        ("public_word:\n  vi: ''\n", "comments.yaml:2: public_word.vi"),
    ],
)
def test_a_mistake_in_the_pages_words_is_named_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "comments.yaml").write_text(text)

    assert any(str(mistake).startswith(told) for mistake in check(tmp_path, FILE))


def test_a_shop_may_keep_silent_in_public(tmp_path: Path) -> None:
    (tmp_path / "comments.yaml").write_text("public_word: null\n")

    assert check(tmp_path, FILE) == []


def test_t7_who_asks_three_times_in_a_row_gets_one_private_word_and_one_thread(inbox: Inbox) -> None:
    asked = [comment(inbox, f"{ASKS} {number}") for number in range(3)]
    inbox.later(hours=2)
    again = comment(inbox, ASKS)

    assert [bool(seen(inbox, one).private) for one in [*asked, again]] == [True, False, False, True]
    (ticket,) = inbox.tickets()
    assert len(inbox.said(ticket)) == 4

"""A correctly signed call about an account that is not the shop's is refused and stores nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.vietnam_time import stamp
from tests.support import webhooks
from tests.support.inbox import TORN, Inbox
from tests.support.webhooks import Sent

OTHER = "555000555"
THEIR_NUMBER = webhooks.OUR_NUMBER.replace("/local", "/other")


def on_zalo(inbox: Inbox, name: str, **changed: Any) -> Sent:
    return webhooks.zalo(inbox, webhooks.zalo_event(inbox, inbox.now, name, **changed))


def on_page(inbox: Inbox, **changed: Any) -> Sent:
    event = webhooks.page_event(inbox, inbox.now, message={"mid": "m1", "text": TORN}, **changed)
    return webhooks.messenger(inbox, event)


def on_page_of(inbox: Inbox, page: str, delivery: dict[str, Any]) -> Sent:
    delivery["entry"][0]["id"] = page
    return webhooks.messenger(inbox, delivery)


MESSAGE = {"msg_id": "m1", "text": TORN}
OTHERS: dict[str, Callable[[Inbox], Sent]] = {
    "another Zalo app": lambda inbox: on_zalo(inbox, "user_send_text", app_id=OTHER, message=MESSAGE),
    "a message to another OA": lambda inbox: on_zalo(
        inbox, "user_send_text", recipient={"id": OTHER}, message=MESSAGE
    ),
    "a follower of another OA": lambda inbox: on_zalo(inbox, "follow", oa_id=OTHER, follower={"id": "z1"}),
    "a template of another OA": lambda inbox: on_zalo(
        inbox, "change_template_status", oa_id=OTHER, template_id="t1", status={"new_status": "DISABLE"}
    ),
    "the quota of another OA": lambda inbox: on_zalo(inbox, "change_oa_daily_quota", oaId=OTHER),
    "a receipt of another OA": lambda inbox: on_zalo(
        inbox, "user_received_message", sender={"id": OTHER}, recipient={"id": "z1"}, message={"msg_id": "m1"}
    ),
    "another page": lambda inbox: on_page_of(
        inbox, OTHER, webhooks.page_event(inbox, inbox.now, message={"mid": "m1", "text": TORN})
    ),
    "a message to another page": lambda inbox: on_page(inbox, recipient={"id": OTHER}),
    "a comment on another page": lambda inbox: on_page_of(
        inbox, OTHER, webhooks.page_comment(inbox, inbox.now, "Giá bao nhiêu?")
    ),
    "another WhatsApp number": lambda inbox: webhooks.sns(
        inbox,
        webhooks.whatsapp_event(
            inbox.now, {"messages": [webhooks.whatsapp_message(inbox.now, TORN)]}, THEIR_NUMBER
        ),
        stamp(inbox.now),
    ),
    "a status of another WhatsApp number": lambda inbox: webhooks.eventbridge(
        inbox,
        "aws.social-messaging",
        {
            "messageId": "a1",
            "status": "read",
            "eventTimestamp": str(int(inbox.now.timestamp())),
            "originationPhoneNumberId": "phone-number-id-other",
        },
        stamp(inbox.now),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_news_of_an_account_that_is_not_the_shops_is_refused(inbox: Inbox, name: str) -> None:
    call = OTHERS[name](inbox)
    before = inbox.holdings()

    answer = call.to(inbox)
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json"), answer
    assert "another" in answer.json["detail"]
    assert inbox.holdings() == before


def test_of_two_pages_told_together_ours_is_heard(inbox: Inbox) -> None:
    ours = webhooks.page_event(inbox, inbox.now, message={"mid": "m1", "text": TORN})
    theirs = webhooks.page_event(inbox, inbox.now, message={"mid": "m2", "text": "Của trang khác"})["entry"][0]

    assert (
        webhooks.messenger(inbox, {**ours, "entry": [*ours["entry"], {**theirs, "id": OTHER}]}).to(inbox).status == 200
    )
    inbox.hear()
    assert [inbox.said(ticket) for ticket in inbox.tickets()] == [[TORN]]


def test_what_the_page_itself_says_is_about_the_page(inbox: Inbox) -> None:
    page = inbox.providers.messenger.page_id
    echo = {"mid": "m1", "text": "Dạ", "is_echo": True, "metadata": "a" * 44}
    told = webhooks.page_event(inbox, inbox.now, message=echo, sender={"id": page}, recipient={"id": "p1"})

    assert webhooks.messenger(inbox, told).to(inbox).status == 200


def test_without_an_account_every_call_is_refused(inbox: Inbox) -> None:
    calls = [says(inbox, inbox.now, TORN) for says in webhooks.SAYS.values()]
    inbox.stack.outside.channel_accounts = {}

    assert {call.to(inbox).status for call in calls} == {401}

"""A correctly signed call counts only within a window around its time; what is ahead of us counts as now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.providers.aws import TOPIC
from shared.domain.inbox.freshness import AWS, MESSENGER, SHORT_CODE, ZALO, Window
from shared.domain.vietnam_time import stamp
from tests.support import webhooks
from tests.support.inbox import LAN, TEN, TORN, Inbox
from tests.support.webhooks import SAYS, Sent

WINDOWS: dict[str, Window] = {"zalo": ZALO, "messenger": MESSENGER, "whatsapp": AWS, "email": AWS, "sms": SHORT_CODE}
LONG_AGO, FAR_AHEAD = datetime(2001, 2, 3, tzinfo=UTC), datetime(2099, 2, 3, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)


def refused(inbox: Inbox, call: Sent) -> None:
    before = inbox.holdings()
    answer = call.to(inbox)
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json"), answer
    assert inbox.holdings() == before


@pytest.mark.parametrize("channel", SAYS)
@pytest.mark.parametrize("at", [LONG_AGO, FAR_AHEAD])
def test_a_signed_call_of_another_age_is_refused_and_stores_nothing(inbox: Inbox, channel: str, at: datetime) -> None:
    refused(inbox, SAYS[channel](inbox, at, TORN))


@pytest.mark.parametrize("channel", SAYS)
def test_a_call_is_refused_just_outside_of_its_window(inbox: Inbox, channel: str) -> None:
    window = WINDOWS[channel]

    refused(inbox, SAYS[channel](inbox, inbox.now - window.past - A_MINUTE, TORN))
    refused(inbox, SAYS[channel](inbox, inbox.now + window.ahead + A_MINUTE, TORN))


@pytest.mark.parametrize("channel", SAYS)
def test_the_longest_retry_of_a_provider_is_not_lost(inbox: Inbox, channel: str) -> None:
    assert SAYS[channel](inbox, inbox.now - WINDOWS[channel].past + A_MINUTE, TORN).to(inbox).status == 200
    inbox.hear()

    (ticket,) = inbox.tickets()
    assert inbox.said(ticket) == [TORN]


@pytest.mark.parametrize("channel", SAYS)
def test_what_is_ahead_of_our_clock_counts_as_told_now(inbox: Inbox, channel: str) -> None:
    assert SAYS[channel](inbox, inbox.now + WINDOWS[channel].ahead - A_MINUTE, TORN).to(inbox).status == 200
    inbox.hear()

    (ticket,) = inbox.tickets()
    assert ticket["thread"][0]["at"] == stamp(TEN)
    assert set(inbox.profile(ticket["customer_id"])["inbound"].values()) == {stamp(TEN)}


def call_without_time(inbox: Inbox, channel: str) -> Sent:
    now = inbox.now
    if channel == "zalo":
        return webhooks.zalo(inbox, webhooks.zalo_event(inbox, now) | {"timestamp": "yesterday"})
    if channel == "messenger":
        delivery = webhooks.page_event(inbox, now, message={"mid": "m1", "text": TORN})
        delivery["entry"][0]["time"] = "yesterday"
        return webhooks.messenger(inbox, delivery)
    if channel == "sms":
        told = {"sender": "84901234567", "content": "TC", "serviceNumber": "8088", "keyword": "TC", "cpid": "7"}
        return webhooks.short_code(inbox, **told, smsid="s1", receiverTime="2026-11-24")
    return webhooks.sns(inbox, webhooks.mail_event(now, TORN), "yesterday")


@pytest.mark.parametrize("channel", ["zalo", "messenger", "sms", "email"])
def test_a_call_whose_time_cannot_be_read_is_refused(inbox: Inbox, channel: str) -> None:
    refused(inbox, call_without_time(inbox, channel))


@pytest.mark.parametrize("at", [LONG_AGO, FAR_AHEAD])
def test_events_over_a_connection_have_to_be_of_now_too(inbox: Inbox, at: datetime) -> None:
    mail = {"messageId": "s1", "timestamp": stamp(inbox.now), "destination": ["lan1@mail.example"]}
    sent = {"eventType": "Send", "mail": mail, "send": {}}
    text = {"eventType": "TEXT_SENT", "messageId": "s1", "eventTimestamp": int(inbox.now.timestamp() * 1000)}

    refused(inbox, webhooks.eventbridge(inbox, "aws.ses", sent, stamp(at)))
    refused(inbox, webhooks.eventbridge(inbox, "aws.sms-voice", text, stamp(at), "/webhooks/sms"))


def test_an_old_greeting_of_a_topic_is_not_confirmed(inbox: Inbox) -> None:
    greeting = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "n1",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe",
        "Timestamp": stamp(LONG_AGO),
        "Token": "t",
        "SubscribeURL": "https://sns.ap-southeast-1.amazonaws.com/?Action=ConfirmSubscription",
    }

    refused(inbox, webhooks.post("/webhooks/ses", inbox.providers.aws.signed(greeting)))


@pytest.mark.parametrize("at", [LONG_AGO, FAR_AHEAD])
def test_news_of_another_age_in_a_call_of_now_is_refused(inbox: Inbox, at: datetime) -> None:
    delivery = webhooks.page_event(inbox, at, message={"mid": "m1", "text": TORN})
    delivery["entry"][0]["time"] = int(inbox.now.timestamp() * 1000)
    event = webhooks.whatsapp_event(inbox.now, {"messages": [webhooks.whatsapp_message(at, TORN)]})

    refused(inbox, webhooks.messenger(inbox, delivery))
    refused(inbox, webhooks.sns(inbox, event, stamp(inbox.now)))
    refused(inbox, webhooks.sns(inbox, webhooks.mail_event(at, TORN), stamp(inbox.now)))


def test_one_message_of_another_age_costs_only_itself(inbox: Inbox) -> None:
    delivery = webhooks.page_event(inbox, inbox.now, message={"mid": "m1", "text": TORN})
    old = webhooks.page_event(inbox, LONG_AGO, message={"mid": "m0", "text": "cũ"})["entry"][0]["messaging"]
    delivery["entry"][0]["messaging"] += old

    assert webhooks.messenger(inbox, delivery).to(inbox).status == 200
    inbox.hear()
    assert [inbox.said(ticket) for ticket in inbox.tickets()] == [[TORN]]


def test_an_old_comment_that_is_edited_now_is_heard(inbox: Inbox) -> None:
    inbox.providers.messenger.comment("f1", "Đẹp quá", of="900_1")
    inbox.hear()
    edited = webhooks.page_comment(inbox, inbox.now, f"Gọi em {LAN}", verb="edited", created_time=1_000_000_000)

    assert webhooks.messenger(inbox, edited).to(inbox).status == 200
    inbox.hear()
    assert inbox.providers.messenger.comments["900_1"].hidden


@pytest.mark.parametrize("at", [LONG_AGO, FAR_AHEAD])
def test_a_complaint_is_not_lost_by_the_clock_of_whose_mailbox_it_is(inbox: Inbox, at: datetime) -> None:
    customer = inbox.put(phone=LAN, email="lan1@mail.example").json["customer_id"]
    mail = {"messageId": "s1", "timestamp": stamp(inbox.now), "destination": ["lan1@mail.example"]}
    told = {"eventType": "Complaint", "mail": mail, "complaint": {"timestamp": stamp(at), "feedbackId": "f1"}}

    assert webhooks.eventbridge(inbox, "aws.ses", told, stamp(inbox.now)).to(inbox).status == 200
    inbox.hear()
    profile = inbox.profile(customer)
    assert profile["closed"] == {"email": "complained"}
    assert profile["consent"]["email:marketing"]["at"] == stamp(TEN)


@pytest.fixture(scope="module")
def house() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.stack.close()


TIMES: st.SearchStrategy[Any] = (
    st.integers()
    | st.integers(0, 4_200_000_000_000)
    | st.floats()
    | st.text(max_size=30)
    | st.none()
    | st.lists(st.integers(), max_size=2)
    | st.datetimes().map(lambda at: at.isoformat() + "Z")
    | st.datetimes().map("{:%Y%m%d%H%M%S}".format)
)
TIMED: dict[str, Callable[[Inbox, Any], Sent]] = {
    "zalo": lambda inbox, time: webhooks.zalo(inbox, webhooks.zalo_event(inbox, TEN) | {"timestamp": time}),
    "messenger": lambda inbox, time: webhooks.messenger(
        inbox, webhooks.page_event(inbox, TEN, message={"mid": "m1", "text": TORN}, timestamp=time)
    ),
    "entry": lambda inbox, time: webhooks.messenger(
        inbox, {"object": "page", "entry": [{"id": inbox.providers.messenger.page_id, "time": time, "messaging": []}]}
    ),
    "comment": lambda inbox, time: webhooks.messenger(
        inbox, webhooks.page_comment(inbox, TEN, TORN, created_time=time)
    ),
    "whatsapp": lambda inbox, time: webhooks.sns(
        inbox,
        webhooks.whatsapp_event(TEN, {"messages": [webhooks.whatsapp_message(TEN, TORN) | {"timestamp": time}]}),
        stamp(TEN),
    ),
    "ses": lambda inbox, time: webhooks.eventbridge(
        inbox,
        "aws.ses",
        {"eventType": "Open", "mail": {"messageId": "s", "timestamp": time}, "open": {"timestamp": time}},
        stamp(TEN),
    ),
    "eventbridge": lambda inbox, time: webhooks.eventbridge(inbox, "aws.ses", {}, time),
    "sms": lambda inbox, time: webhooks.eventbridge(
        inbox, "aws.sms-voice", {"eventType": "TEXT_SENT", "messageId": "s", "eventTimestamp": time}, stamp(TEN)
    ),
    "short code": lambda inbox, time: webhooks.short_code(
        inbox, sender="84901234567", content="TC", serviceNumber="8088", keyword="TC", cpid="7", smsid="s1",
        receiverTime=str(time).encode("utf-8", "replace").decode(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("provider", TIMED)
@given(time=TIMES)
def test_no_time_breaks_the_door(house: Inbox, provider: str, time: Any) -> None:
    answer = TIMED[provider](house, time).to(house)

    assert answer.status in (200, 400, 401), answer

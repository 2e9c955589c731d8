"""Whatever size a stranger's words have, the door takes them: cut to what a queue message holds, and saying so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters.sqs_limits import BATCH_BYTES
from shared.domain.common.attachment import Attachment
from shared.domain.inbox.limits import CUT_MARK, within_limits
from shared.domain.inbox.provider_event import Incoming
from shared.domain.tickets.ticket import ATTACHMENTS, TEXT_LENGTH
from shared.domain.vietnam_time import stamp
from tests.support import webhooks
from tests.support.inbox import TEN, TORN, Inbox
from tests.support.mutations import mutated
from tests.support.webhooks import SAYS, Sent

PHOTO = {"type": "image", "payload": {"url": "https://zdn.vn/a.jpg"}}
# Nearly as many bytes of JSON as the door takes, and as SNS does; an SMS has more than an address takes.
BYTES = {"zalo": 500_000, "messenger": 500_000, "whatsapp": 200_000, "email": 200_000, "sms": 120_000}


@pytest.mark.parametrize("channel", SAYS)
@pytest.mark.parametrize("letter", ["a", "ậ", "😭"])
def test_a_text_as_long_as_a_book_is_cut_where_staff_see_it(inbox: Inbox, channel: str, letter: str) -> None:
    text = f"{TORN} {letter * (BYTES[channel] // len(json.dumps(letter)))}"

    assert SAYS[channel](inbox, inbox.now, text).to(inbox).status == 200
    inbox.hear()
    (ticket,) = inbox.tickets()
    (said,) = inbox.said(ticket)
    assert said.startswith(TORN)
    assert said.endswith(CUT_MARK)
    assert len(said) <= TEXT_LENGTH


@pytest.mark.parametrize("channel", SAYS)
def test_what_fits_stays_as_it_was_written(inbox: Inbox, channel: str) -> None:
    text = f"{TORN}{'.' * (TEXT_LENGTH - len(TORN))}"

    assert SAYS[channel](inbox, inbox.now, text).to(inbox).status == 200
    inbox.hear()
    assert [inbox.said(ticket) for ticket in inbox.tickets()] == [[text]]


@pytest.mark.parametrize("channel", ["zalo", "messenger"])
def test_of_a_thousand_pictures_staff_see_ten_and_how_many_there_were(inbox: Inbox, channel: str) -> None:
    message = {"msg_id": "m1", "mid": "m1", "text": TORN, "attachments": [PHOTO] * 1000}
    call = (
        webhooks.zalo(inbox, webhooks.zalo_event(inbox, TEN, "user_send_image", message=message))
        if channel == "zalo"
        else webhooks.messenger(inbox, webhooks.page_event(inbox, TEN, message=message))
    )

    assert call.to(inbox).status == 200
    inbox.hear()
    (ticket,) = inbox.tickets()
    assert inbox.said(ticket) == [f"{TORN}\n[còn 990 tệp đính kèm không hiển thị]"]
    assert len(ticket["thread"][0]["attachments"]) == ATTACHMENTS


def test_a_comment_as_long_as_a_book_is_cut(inbox: Inbox) -> None:
    comment = webhooks.page_comment(inbox, inbox.now, "Shop lừa đảo " * 5000)

    assert webhooks.messenger(inbox, comment).to(inbox).status == 200
    inbox.hear()
    (ticket,) = inbox.tickets()
    assert inbox.said(ticket)[0].endswith(CUT_MARK)


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize("levels", [100, 40_000])
def test_a_nest_without_end_is_answered(inbox: Inbox, levels: int) -> None:
    calls = [
        webhooks.messenger(inbox, deep(levels)),
        webhooks.post("/webhooks/ses", deep(levels), x_webhook_token=inbox.providers.aws.token),
        webhooks.post("/webhooks/zalo", deep(levels), x_zevent_signature="mac=0"),
        Sent("GET", "/webhooks/esms/local-callback-token", f"SMSID=1&SendStatus=5&error_info={'[' * levels}"),
    ]

    assert {call.to(inbox).status for call in calls} <= {200, 400, 401}


def test_more_receipts_than_a_queue_message_holds_all_come_in(inbox: Inbox) -> None:
    ids = [f"{number:0190d}" for number in range(900)]
    seen = webhooks.zalo_event(inbox, TEN, "user_seen_message", message={"msg_ids": ids})

    assert webhooks.zalo(inbox, seen).to(inbox).status == 200
    with inbox.stack.store.transaction() as db:
        bodies = [body for (body,) in db.execute("SELECT body FROM messages ORDER BY id")]
    assert [one["provider_id"] for body in bodies for one in json.loads(body)["incoming"]] == ids
    assert max(len(body.encode()) for body in bodies) <= BATCH_BYTES


def test_a_price_with_more_digits_than_a_number_may_have_is_none(inbox: Inbox) -> None:
    for number in ("1e999999", "9" * 5000, "-1e400", "NaN"):
        query = f"SMSID=1&SendStatus=5&SendSuccess={number}&SendFailed={number}&TotalPrice={number}"
        assert Sent("GET", "/webhooks/esms/local-callback-token", query).to(inbox).status == 200
    inbox.hear()
    assert inbox.dead("events") == []


# Whatever it is


WIDE = st.text(st.characters(codec="utf-8") | st.sampled_from("\x00\x1f😭\uffffậ"), min_size=1, max_size=30)
LONG = st.builds(lambda text, times: text * times, WIDE, st.sampled_from([1, 20, 400, 20_000]))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(text=LONG, word=LONG, url=LONG, count=st.sampled_from([0, 1, 11, 300]))
def test_no_news_is_larger_than_a_queue_message(text: str, word: str, url: str, count: int) -> None:
    detail = {"a": word, "b": [word] * count, "c": {word: word}, "d": word, "e": word, "f": 10**4000, "g": 5}
    news = Incoming(
        kind="inbound_message", channel="zalo", dedup=word, at=stamp(TEN), tracking_id=word, provider_id=word,
        address=word, text=text, attachments=(Attachment(kind=word, url=url, name=word),) * count, detail=detail,
    )  # fmt: skip
    kept = within_limits(news)

    assert len(json.dumps(kept.model_dump(mode="json"))) <= 200 * 1024
    assert within_limits(news) == kept
    assert len(kept.text) <= TEXT_LENGTH


def test_two_ids_that_are_too_long_stay_two() -> None:
    common = {"kind": "inbound_message", "channel": "zalo", "at": stamp(TEN)}
    one, other = (within_limits(Incoming(dedup="x" * 5000 + end, **common)) for end in "ab")  # type: ignore[arg-type]

    assert one.dedup != other.dedup
    assert len(one.dedup) == len(other.dedup) == 190


@pytest.fixture(scope="module")
def house() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.stack.close()


def aws_call(inbox: Inbox, payload: Any) -> Sent:
    return webhooks.post("/webhooks/ses", payload, x_webhook_token=inbox.providers.aws.token)


def whole(**detail: Any) -> dict[str, Any]:
    return {"detail-type": "x", "time": stamp(TEN), **detail}


MAIL = {
    "messageId": "s1",
    "timestamp": stamp(TEN),
    "destination": ["lan1@mail.example"],
    "tags": {"tracking_id": ["a"]},
}
FUZZED: dict[str, tuple[Callable[[Inbox, Any], Sent], Callable[[Inbox], list[dict[str, Any]]]]] = {
    "zalo": (
        webhooks.zalo,
        lambda inbox: [
            webhooks.zalo_event(inbox, TEN, message={"msg_id": "m1", "text": TORN, "attachments": [PHOTO]}),
            webhooks.zalo_event(inbox, TEN, "user_submit_info", info={"phone": "84901234567"}),
            webhooks.zalo_event(inbox, TEN, "follow", oa_id=inbox.providers.zalo.oa_id, follower={"id": "z1"}),
            webhooks.zalo_event(inbox, TEN, "user_feedback", message={"msg_id": "m", "rate": 5, "feedbacks": ["x"]}),
        ],
    ),
    "messenger": (
        webhooks.messenger,
        lambda inbox: [
            webhooks.page_event(inbox, TEN, message={"mid": "m1", "text": TORN, "attachments": [PHOTO]}),
            webhooks.page_event(inbox, TEN, delivery={"mids": ["m1"], "watermark": 1}),
            webhooks.page_comment(inbox, TEN, TORN),
        ],
    ),
    "aws": (
        aws_call,
        lambda _: [
            whole(source="aws.ses", detail={"eventType": "Click", "mail": MAIL, "click": {"link": "https://a"}}),
            whole(source="aws.sms-voice", detail={"eventType": "TEXT_SENT", "messageId": "1", "eventTimestamp": 1}),
            whole(source="aws.social-messaging", detail={"messageId": "1", "status": "read", "eventTimestamp": "1"}),
        ],
    ),
    "whatsapp": (
        lambda inbox, event: webhooks.sns(inbox, event, stamp(TEN)),
        lambda _: [
            webhooks.whatsapp_event(TEN, {"messages": [webhooks.whatsapp_message(TEN, TORN)]}),
            {"whatsAppWebhookEntry": "{", "context": {"MetaPhoneNumberIds": [{"arn": "a"}]}},
            webhooks.mail_event(TEN, TORN),
        ],
    ),
}


@pytest.mark.parametrize("provider", FUZZED)
@given(data=st.data())
def test_no_signed_call_breaks_the_door(house: Inbox, provider: str, data: st.DataObject) -> None:
    sign, samples = FUZZED[provider]
    payload = data.draw(mutated(samples(house)))

    answer = sign(house, payload).to(house)
    assert answer.status in (200, 400, 401), answer


QUERY = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@given(fields=st.fixed_dictionaries(dict.fromkeys(("sender", "content", "serviceNumber", "keyword", "cpid"), QUERY)))
def test_no_short_code_message_breaks_the_door(house: Inbox, fields: dict[str, str]) -> None:
    call = webhooks.short_code(house, **fields, smsid="s1", receiverTime="20261124100000")

    assert call.to(house).status in (200, 400)


@given(
    query=st.dictionaries(
        st.sampled_from(["SMSID", "SendStatus", "TypeId", "SendSuccess", "TotalPrice", "phonenumber", "error_info"]),
        QUERY | st.sampled_from(["5", "7", "1e99", '{"error":-114}', "%7B%22a%22%3A1%7D"]),
    )
)
def test_no_result_of_an_sms_breaks_the_door(house: Inbox, query: dict[str, str]) -> None:
    call = Sent("GET", "/webhooks/esms/local-callback-token", urlencode(query))

    assert call.to(house).status in (200, 400)

"""Results and short-code messages of eSMS: the token, both shapes of error_info, and what they mean to us."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.adapters.webhooks.esms import (
    error_info,
    short_code_told_at,
    translate,
    translate_short_code,
    verify,
    verify_short_code,
)
from tests.messaging.esms.conftest import TOKEN, batch, outgoing

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
CARE = (
    "SMSID=dc712784&SendFailed=0&SendStatus=5&SendSuccess=1&TotalPrice=850.0000&TotalReceiver=1&TotalSent=1"
    "&RequestId=abc&TypeId=2&telcoid=1&phonenumber=0901888484&switchsmsid="
)
# The two shapes of the gateway's documentation.
QUOTED = "%22{%5C%22error%5C%22%3A-114%2C%5C%22message%5C%22%3A%5C%22User%20is%20inactive%5C%22}%22"
TWICE = (
    "%257B%2522error%2522%3A-114%2C%2522message%2522%3A%2522User%2520is%2520inactive%2522%257D"
    "____24%2F04%2F2024%252016%3A58%3A01"
)


def query(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def test_only_our_token_opens_the_door():
    assert verify(TOKEN, [TOKEN])
    assert verify(TOKEN, ["new", TOKEN])
    assert not verify("guess", [TOKEN])
    assert not verify("", [TOKEN])
    assert not verify("", [""])
    assert not verify("únguessable", [TOKEN])


def test_a_result_becomes_news_of_our_message():
    (news,) = translate(query(CARE), NOW)

    assert (news.kind, news.channel, news.tracking_id, news.provider_id) == ("delivered", "sms_care", "abc", "dc712784")
    assert (news.address, news.at) == ("+84901888484", "2026-11-21T03:00:00.000Z")
    assert news.detail == {"state": "5", "succeeded": 1, "failed": 0, "price": 850}


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"SendStatus": "7", "SendSuccess": "0"}, "sent"),
        ({"SendSuccess": "0", "SendFailed": "2"}, "failed"),
        ({"SendStatus": "4"}, "failed"),
        ({"SendSuccess": "160", "SendFailed": "9", "TypeId": "1"}, "sent"),
    ],
)
def test_states_and_counts_say_what_became_of_it(changed, kind):
    (news,) = translate(query(CARE) | changed, NOW)

    assert news.kind == kind


@pytest.mark.parametrize("changed", [{"SendStatus": "1"}, {"SendStatus": "2"}, {"SMSID": ""}, {"TypeId": "23"}])
def test_waiting_and_what_is_not_ours_is_no_news(changed):
    assert translate(query(CARE) | changed, NOW) == []


def test_the_same_result_told_twice_has_the_same_key_and_another_state_another():
    again, sent = translate(query(CARE), NOW), translate(query(CARE) | {"SendStatus": "7", "SendSuccess": "0"}, NOW)

    assert translate(query(CARE), NOW)[0].dedup == again[0].dedup != sent[0].dedup


@pytest.mark.parametrize("shape", [QUOTED, TWICE])
def test_both_shapes_of_error_info_are_understood(shape):
    (news,) = translate(
        query(f"{CARE}&error_info={shape}") | {"TypeId": "25", "SendSuccess": "0", "SendFailed": "1"}, NOW
    )

    assert (news.kind, news.channel) == ("failed", "zns")
    assert news.detail["error"] == {"error": -114, "message": "User is inactive"}


@pytest.mark.parametrize("text", ["", "null", "[1]", '"x"', "{", "12", "%zz", '"' * 9])
def test_other_error_info_is_left_out(text):
    assert error_info(text) is None


def test_a_care_message_calls_back_sent_and_then_delivered(care, gateway, clock):
    care.send(outgoing(1))
    clock.pass_by(minutes=5)

    calls = gateway.due_callbacks(clock())

    assert [call.method for call in calls] == ["GET", "GET"]
    assert {urlsplit(call.path).path for call in calls} == {f"/webhooks/esms/{TOKEN}"}
    news = [translate(query(urlsplit(call.path).query), clock())[0] for call in calls]
    assert [(entry.kind, entry.tracking_id) for entry in news] == [
        ("sent", outgoing(1).tracking_id),
        ("delivered", outgoing(1).tracking_id),
    ]


def test_an_advertisement_calls_back_after_its_approval_without_a_number(ads, gateway, clock):
    ads.send_batch(batch())
    assert gateway.due_callbacks(clock.pass_by(minutes=10)) == []

    news = [
        translate(query(urlsplit(call.path).query), clock())[0]
        for call in gateway.due_callbacks(clock.pass_by(hours=1))
    ]

    assert [(entry.kind, entry.channel, entry.address) for entry in news] == [
        ("sent", "sms_ad", ""),
        ("delivered", "sms_ad", ""),
    ]
    assert news[1].detail["succeeded"] == 30


def test_a_callback_that_timed_out_comes_five_times_more_and_an_error_is_an_answer(care, gateway, clock):
    care.send(outgoing(1))
    call = gateway.due_callbacks(clock.pass_by(minutes=5))[1]
    tries = 0
    while call:
        tries += 1
        gateway.answered(call, 504)
        call = next(iter(gateway.due_callbacks(clock.pass_by(minutes=1))), None)
    assert tries == 6

    care.send(outgoing(2))
    for call in gateway.due_callbacks(clock.pass_by(minutes=5)):
        gateway.answered(call, 500)
    assert gateway.next_callback_at() is None


MESSAGE = {
    "sender": "84901234567",
    "content": "TC QC",
    "serviceNumber": "8088",
    "keyword": "TC",
    "cpid": "7",
    "smsid": "m1",
    "receiverTime": "20261121100000",
}


@pytest.mark.parametrize("sign", ["DWB2md9zqUQsuvWYKl2yRw==", "0d607699df73a9442cbaf5982a5db247"])
def test_a_short_code_message_is_signed_in_base64_or_hex(sign):
    assert verify_short_code(MESSAGE | {"sign": sign}, "private")
    assert not verify_short_code(MESSAGE | {"sign": sign, "content": "HUY"}, "private")
    assert not verify_short_code(MESSAGE | {"sign": sign}, "other")


def test_an_unsigned_short_code_message_is_refused_even_without_a_key():
    assert not verify_short_code(MESSAGE, "private")
    assert not verify_short_code(MESSAGE | {"sign": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "")


def test_what_somebody_wrote_to_the_short_code_is_told_as_written():
    (news,) = translate_short_code(MESSAGE)

    assert (news.kind, news.address, news.text, news.dedup) == ("inbound_message", "+84901234567", "TC QC", "m1")
    assert news.at == "2026-11-21T03:00:00.000Z"
    assert translate_short_code(MESSAGE | {"smsid": ""}) == []


@pytest.mark.parametrize("time", ["", "soon", "2026112110000", "202611211000000", "20261321100000", "٢٠٢٦١١٢١١٠٠٠٠٠"])
def test_a_short_code_message_without_a_time_tells_nothing(time):
    assert short_code_told_at(MESSAGE | {"receiverTime": time}) == [None]
    assert translate_short_code(MESSAGE | {"receiverTime": time}) == []

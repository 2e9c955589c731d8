"""E-mail, SMS and WhatsApp through AWS, with botocore over real HTTP: what is sent, every error, and no repetition."""

import pytest

from infra.local.providers.aws import EMAIL, SMS, WHATSAPP
from shared.adapters.channels import aws_sms as sms_channel
from shared.adapters.channels import ses as ses_channel
from shared.adapters.channels import whatsapp as whatsapp_channel
from shared.adapters.channels.aws_sender import COMMON
from shared.adapters.channels.aws_sms import AwsSms
from shared.adapters.channels.ses import Ses
from tests.messaging.aws.conftest import UNSUBSCRIBE, mail, place, refusal, sms

# E-mail


def test_an_e_mail_carries_its_texts_our_id_and_the_one_click_unsubscribe(ses, aws):
    sent = ses.send(mail())

    (received,) = aws.received
    assert sent == (received.provider_id, 3, None)
    assert (received.channel, received.to, received.text) == ("email", "lan1@mail.example", "Chào chị Lan")
    assert received.tracking_id == mail().tracking_id
    assert received.detail == {
        "subject": "[QC] Túi da mới về",
        "html": "<p>Chào chị Lan</p>",
        "headers": {"List-Unsubscribe": f"<{UNSUBSCRIBE}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        "configuration_set": "khach-quen",
    }


def test_an_unsubscribe_may_also_go_by_mail(aws, clock):
    Ses(sender="a@shop.example", clock=clock, unsubscribe_mailto="stop@shop.example", **place(aws)).send(mail())

    headers = aws.received[0].detail["headers"]
    assert headers["List-Unsubscribe"] == f"<{UNSUBSCRIBE}>, <mailto:stop@shop.example>"


def test_a_receipt_needs_no_unsubscribe_but_an_advertisement_does(ses, aws):
    ses.send(mail(1, purpose="transactional", unsubscribe=""))

    assert aws.received[0].detail["headers"] == {}
    assert refusal(lambda: ses.send(mail(2, unsubscribe=""))).kind == "misconfigured"
    assert len(aws.received) == 1


@pytest.mark.parametrize(
    "link", ["http://khach.example/u/1", "https://khach.example/u/á", "https://x\r\nBcc: y", "https://k/" + "u" * 990]
)
def test_a_link_that_fits_no_header_is_not_sent(link, ses, aws):
    assert refusal(lambda: ses.send(mail(unsubscribe=link))).kind == "misconfigured"
    assert aws.received == []


@pytest.mark.parametrize(
    "address", ["", "lan", "lan@", "lan@shop", "a b@shop.example", "lan@shop.example\nx", "lần@x.vn"]
)
def test_what_is_no_address_is_unreachable_and_not_even_tried(address, ses, aws):
    assert refusal(lambda: ses.send(mail(to=address))).kind == "unreachable"
    assert aws.received == []


@pytest.mark.parametrize("code", ses_channel.ERRORS)
def test_every_error_of_ses_is_classified(code, ses, aws):
    aws.refuse(EMAIL, 429 if code.startswith("TooMany") else 400, code)

    error = refusal(lambda: ses.send(mail()))

    assert (error.code, error.kind) == (code, ses_channel.ERRORS[code].kind)


def test_a_used_up_quota_comes_back_little_by_little(ses, aws, clock):
    aws.refuse(EMAIL, 400, "LimitExceededException")

    error = refusal(lambda: ses.send(mail()))

    assert (error.kind, error.until) == ("wait_until", clock().replace(hour=3))


def test_a_sender_nobody_verified_is_rejected(ses, aws):
    aws.senders = frozenset({"other@shop.example"})

    assert refusal(lambda: ses.send(mail())).kind == "misconfigured"


# SMS


def test_an_sms_carries_our_id_and_costs_by_part(aws_sms, aws):
    sent = aws_sms.send(sms(text="Đơn hàng của chị đang được giao, dự kiến đến trong hôm nay ạ. Cảm ơn chị."))

    (received,) = aws.received
    assert sent == (received.provider_id, 1800, None)
    assert (received.channel, received.to, received.tracking_id) == ("sms_care", "+84900000001", sms().tracking_id)
    assert received.detail["MessageType"] == "TRANSACTIONAL"
    assert received.detail["OriginationIdentity"] == "KHACHQUEN"


def test_how_long_and_how_dear_an_sms_may_be_are_settings(aws):
    AwsSms(sender_id="KHACHQUEN", time_to_live=3600, max_price="0.05", **place(aws)).send(sms())

    assert (aws.received[0].detail["TimeToLive"], aws.received[0].detail["MaxPrice"]) == (3600, "0.05")


def test_r11_no_advertisement_goes_where_nobody_can_answer(aws_sms, aws):
    assert refusal(lambda: aws_sms.send(sms(purpose="marketing"))).kind == "misconfigured"
    assert aws.received == []


def test_somebody_who_opted_out_at_aws_refused_the_channel(aws_sms, aws):
    aws.opted_out.add("+84900000001")

    assert refusal(lambda: aws_sms.send(sms())).kind == "refused"


@pytest.mark.parametrize("name", sms_channel.ERRORS)
def test_every_error_of_the_sms_service_is_classified(name, aws_sms, aws):
    code, _, reason = name.partition(".")
    aws.refuse(SMS, 400, code, reason)

    error = refusal(lambda: aws_sms.send(sms()))

    assert (error.code, error.kind) == (name, sms_channel.ERRORS[name].kind)


def test_a_reason_nobody_listed_falls_back_to_its_code(aws_sms, aws):
    aws.refuse(SMS, 400, "ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")

    error = refusal(lambda: aws_sms.send(sms()))

    assert (error.kind, error.code) == (
        "misconfigured",
        "ServiceQuotaExceededException.MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT",
    )


@pytest.mark.parametrize("text", ["", "x" * 1601])
def test_an_sms_has_a_length(text, aws_sms):
    assert refusal(lambda: aws_sms.send(sms(text=text))).kind == "misconfigured"


# WhatsApp


def test_inside_the_window_a_text_answers_for_nothing(whatsapp, aws):
    sent = whatsapp.send(sms(text="Dạ còn size M ạ"))

    (received,) = aws.received
    assert sent == (received.provider_id, 0, None)
    assert (received.to, received.text, received.detail["type"]) == ("+84900000001", "Dạ còn size M ạ", "text")
    assert received.tracking_id == sms().tracking_id


def test_outside_a_template_is_filled_in_order(whatsapp, aws):
    sent = whatsapp.send(sms(text="", template="order_shipped", parameters={"name": "chị Lan", "order": "DH-20"}))

    assert sent.cost == 600
    assert aws.received[0].detail == {"type": "template", "template": "order_shipped"}
    assert aws.received[0].text == "chị Lan DH-20"


@pytest.mark.parametrize("code", whatsapp_channel.ERRORS)
def test_every_error_of_the_whatsapp_service_is_classified(code, whatsapp, aws):
    aws.refuse(WHATSAPP, {"ThrottledRequestException": 429, "DependencyException": 502}.get(code, 400), code)

    assert refusal(lambda: whatsapp.send(sms())).kind == whatsapp_channel.ERRORS[code].kind


# All three


@pytest.fixture(params=[(EMAIL, "ses", mail), (SMS, "aws_sms", sms), (WHATSAPP, "whatsapp", sms)], ids=lambda p: p[1])
def any_channel(request):
    path, name, message = request.param
    return path, request.getfixturevalue(name), message


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("error", "back_off"), ("rate_limit", "back_off"), ("timeout", "uncertain"), ("crash_after_send", "uncertain")],
)
def test_an_outage_is_told_apart_from_an_answer_nobody_saw(mode, kind, any_channel, aws):
    _, channel, message = any_channel
    aws.set_fault(mode)

    assert refusal(lambda: channel.send(message())).kind == kind
    # Nothing was repeated behind our back.
    assert len(aws.received) == (1 if mode == "crash_after_send" else 0)


def test_the_same_message_twice_is_sent_twice_for_nobody_deduplicates(any_channel, aws):
    _, channel, message = any_channel
    channel.send(message())
    channel.send(message())

    assert len(aws.received) == 2


def test_nobody_can_be_asked_whether_a_message_was_taken(any_channel):
    _, channel, message = any_channel

    assert channel.was_taken(message().tracking_id) == "cannot_tell"


def test_a_service_that_is_not_there_was_not_asked(any_channel, aws):
    _, channel, message = any_channel
    aws.stop()

    assert refusal(lambda: channel.send(message())).kind == "back_off"


@pytest.mark.parametrize("code", COMMON)
def test_what_any_service_may_answer_is_classified(code, whatsapp, aws):
    aws.refuse(WHATSAPP, 400, code)

    expected = {**COMMON, **whatsapp_channel.ERRORS}[code].kind
    assert refusal(lambda: whatsapp.send(sms())).kind == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "misconfigured"), (429, "back_off"), (503, "back_off"), (500, "uncertain"), (502, "uncertain")],
)
def test_an_unknown_error_is_judged_by_its_status(status, kind, any_channel, aws):
    path, channel, message = any_channel
    aws.refuse(path, status, "SomethingNewException")

    assert refusal(lambda: channel.send(message())).kind == kind


def test_an_error_never_repeats_what_was_sent(ses, aws):
    aws.refuse(EMAIL, 400, "BadRequestException")

    assert "lan1" not in str(refusal(lambda: ses.send(mail())))

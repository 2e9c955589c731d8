"""What AWS posts back: both envelopes proved, forgeries refused, events repeated and in disorder understood."""

import json
from datetime import timedelta

import pytest

from infra.local.providers.aws import CERTIFICATE, TOPIC, AwsStandIn
from shared.adapters.channels.ses import Ses
from shared.adapters.webhooks import aws as door
from shared.adapters.webhooks.aws import TOKEN_HEADER, AwsSecrets, translate, verify
from tests.messaging.aws.conftest import Hand, mail, place, sms

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1"
SECRETS = AwsSecrets(tokens=("aws-token",), topics=frozenset({TOPIC}))


def no_certificates(address: str) -> str:
    raise AssertionError(f"nobody should fetch {address}")


def told(aws: AwsStandIn, clock: Hand, **span: float) -> list:
    """The news of all callbacks due after a while, each proved first."""
    calls = aws.due_callbacks(clock.pass_by(**span))
    for call in calls:
        assert verify(call.body, call.headers, SECRETS, lambda _: aws.certificate)
    return [news for call in calls for news in translate(json.loads(call.body))]


# Envelopes


def test_eventbridge_proves_itself_by_the_token_of_its_connection(ses, aws, clock):
    ses.send(mail())
    call = aws.due_callbacks(clock())[0]

    assert call.path == "/webhooks/ses"
    assert verify(call.body, call.headers, SECRETS, no_certificates) == "eventbridge"
    assert verify(call.body, {**call.headers, TOKEN_HEADER: "guess"}, SECRETS, no_certificates) is None
    assert verify(call.body, {}, SECRETS, no_certificates) is None


def test_no_token_set_means_that_no_token_opens_the_door(ses, aws, clock):
    ses.send(mail())
    call = aws.due_callbacks(clock())[0]

    assert verify(call.body, {**call.headers, TOKEN_HEADER: ""}, AwsSecrets(tokens=("",)), no_certificates) is None


def test_a_token_may_be_changed_without_losing_events():
    headers = {TOKEN_HEADER: "old"}

    assert verify(b"{}", headers, AwsSecrets(tokens=("new", "old")), no_certificates) == "eventbridge"


def test_sns_proves_itself_by_its_signature(aws, clock, ses):
    aws.envelope = "sns"
    ses.send(mail())
    call = aws.due_callbacks(clock())[0]
    asked = []

    def certificates(address: str) -> str:
        asked.append(address)
        return aws.certificate

    assert verify(call.body, call.headers, SECRETS, certificates) == "sns"
    assert asked == [CERTIFICATE]


def test_what_is_neither_is_forged():
    for raw in (b"", b"[]", b"\xff", b"null", b'{"Type":"Notification"}', b'{"detail-type":"Email Sent"}'):
        assert verify(raw, {}, SECRETS, no_certificates) is None


# E-mail


@pytest.mark.parametrize("envelope", ["eventbridge", "sns"])
def test_an_e_mail_is_sent_and_delivered(envelope, ses, aws, clock):
    aws.envelope = envelope
    provider_id = ses.send(mail()).provider_id

    news = told(aws, clock, minutes=1)

    assert [(entry.kind, entry.channel, entry.tracking_id, entry.provider_id) for entry in news] == [
        ("sent", "email", mail().tracking_id, provider_id),
        ("delivered", "email", mail().tracking_id, provider_id),
    ]
    assert news[1].at == "2026-11-21T02:00:03.000Z"
    assert news[1].address == "lan1@mail.example"


def test_a_permanent_bounce_says_that_the_address_is_no_good(ses, aws, clock):
    ses.send(mail(to="bounce@simulator.example"))

    bounced = told(aws, clock, minutes=1)[1]

    assert bounced.kind == "bounced"
    assert bounced.detail == {"type": "Permanent", "subtype": "General", "status": "5.1.1"}


def test_a_full_mailbox_is_a_failure_of_this_message_only(ses, aws, clock):
    ses.send(mail(to="bounce@simulator.example"))
    event = json.loads(aws.due_callbacks(clock.pass_by(minutes=1))[1].body)
    event["detail"]["bounce"]["bounceType"] = "Transient"

    assert [news.kind for news in translate(event)] == ["failed"]


def test_a_complaint_comes_after_the_delivery(ses, aws, clock):
    ses.send(mail(to="complaint@simulator.example"))

    assert [news.kind for news in told(aws, clock, hours=2)] == ["sent", "delivered", "complained"]


def test_x12_an_opening_by_a_person_counts_and_by_a_machine_does_not(ses, aws, clock):
    provider_id = ses.send(mail()).provider_id
    told(aws, clock, minutes=1)
    aws.open(provider_id, user_agent="Mozilla/5.0")
    aws.open(provider_id, user_agent=IPHONE, at=clock() + timedelta(minutes=5))
    aws.click(provider_id, "https://khach.example/r/1", user_agent=IPHONE, at=clock() + timedelta(minutes=6))

    news = told(aws, clock, minutes=10)

    assert [(entry.kind, entry.machine, entry.detail.get("machine")) for entry in news] == [
        ("opened", True, "apple_privacy"),
        ("opened", False, None),
        ("clicked", False, None),
    ]
    assert news[2].detail["link"] == "https://khach.example/r/1"


def test_x12_an_opening_in_the_second_of_sending_is_a_machine(ses, aws, clock):
    aws.open(ses.send(mail()).provider_id, user_agent=IPHONE, at=clock() + timedelta(seconds=4))

    assert [entry.machine for entry in told(aws, clock, minutes=1) if entry.kind == "opened"] == [True]


def test_repeated_and_disordered_events_have_the_same_keys(ses, aws, clock):
    aws.disturb_callbacks(copies=3, disorder=timedelta(minutes=30))
    provider_id = ses.send(mail()).provider_id
    aws.open(provider_id, user_agent=IPHONE, at=clock() + timedelta(minutes=5))

    news = told(aws, clock, hours=2)

    assert len(news) == 9
    assert {entry.kind for entry in news} == {"sent", "delivered", "opened"}
    assert len({entry.dedup for entry in news}) == 3


def test_two_openings_are_two_and_one_told_twice_is_one(ses, aws, clock):
    provider_id = ses.send(mail()).provider_id
    for minutes in (5, 6, 6):
        aws.open(provider_id, user_agent=IPHONE, at=clock() + timedelta(minutes=minutes))

    opened = [entry for entry in told(aws, clock, hours=1) if entry.kind == "opened"]

    assert (len(opened), len({entry.dedup for entry in opened})) == (3, 2)


@pytest.mark.parametrize(
    ("name", "what", "kind"),
    [
        ("Reject", {"reject": {"reason": "Bad content"}}, "failed"),
        ("Rendering Failure", {"failure": {"errorMessage": "x", "templateName": "t"}}, "failed"),
    ],
)
def test_the_rarer_events_of_e_mail(name, what, kind):
    header = {"messageId": "m1", "timestamp": "2026-11-21T02:00:00.000Z", "destination": ["lan@mail.example"]}
    (news,) = translate(
        {"detail-type": "x", "source": "aws.ses", "detail": {"eventType": name, "mail": header, **what}}
    )

    assert (news.kind, news.tracking_id, news.provider_id) == (kind, "", "m1")


@pytest.mark.parametrize(
    "detail",
    [
        {},
        None,
        [],
        {"eventType": "Subscription", "mail": {"messageId": "m", "timestamp": "2026-11-21T02:00:00Z"}},
        {"eventType": "DeliveryDelay", "mail": {"messageId": "m", "timestamp": "2026-11-21T02:00:00Z"}},
        {"eventType": "Open", "mail": "x"},
        {"eventType": "Open", "mail": {"messageId": "m", "timestamp": "soon"}},
        {"eventType": ["Open"], "mail": {}},
    ],
)
def test_what_tells_nothing_is_no_news(detail):
    assert translate({"detail-type": "x", "source": "aws.ses", "detail": detail}) == []


@pytest.mark.parametrize("destination", [None, "lan@mail.example", [], [5], {"a": 1}])
def test_an_odd_destination_breaks_nothing(destination):
    header = {"messageId": "m1", "timestamp": "2026-11-21T02:00:00.000Z", "destination": destination}

    assert translate({"detail-type": "", "source": "aws.ses", "detail": {"eventType": "Send", "mail": header}})


def test_services_we_do_not_use_are_no_news():
    assert translate({"detail-type": "x", "source": "aws.ec2", "detail": {}}) == []
    assert translate({"Type": "Notification", "Message": "Successfully validated SNS topic."}) == []
    assert translate({"Type": "Notification", "Message": '{"other": 1}'}) == []
    assert translate({}) == []


# SMS


@pytest.mark.parametrize("envelope", ["eventbridge", "sns"])
def test_an_sms_is_sent_and_delivered(envelope, aws_sms, aws, clock):
    aws.envelope = envelope
    provider_id = aws_sms.send(sms()).provider_id

    news = told(aws, clock, minutes=1)

    assert [(entry.kind, entry.channel, entry.tracking_id, entry.provider_id) for entry in news] == [
        ("sent", "sms_care", sms().tracking_id, provider_id),
        ("delivered", "sms_care", sms().tracking_id, provider_id),
    ]
    assert (news[1].address, news[1].detail["parts"]) == ("+84900000001", "1")


@pytest.mark.parametrize(
    "state",
    ["INVALID", "INVALID_MESSAGE", "UNREACHABLE", "CARRIER_UNREACHABLE", "BLOCKED", "CARRIER_BLOCKED", "SPAM",
     "TTL_EXPIRED", "PROTECT_BLOCKED"],
)  # fmt: skip
def test_the_states_that_say_an_sms_did_not_arrive(state, aws_sms, aws, clock):
    aws.phone_fates["+84900000001"] = f"TEXT_{state}"
    aws_sms.send(sms())

    failed = told(aws, clock, minutes=1)[1]

    assert (failed.kind, failed.detail["state"]) == ("failed", f"TEXT_{state}")


@pytest.mark.parametrize("state", ["TEXT_PENDING", "TEXT_QUEUED", "TEXT_NEW_STATE"])
def test_waiting_is_no_news(state, aws_sms, aws, clock):
    aws.phone_fates["+84900000001"] = state
    aws_sms.send(sms())

    assert [entry.kind for entry in told(aws, clock, minutes=1)] == ["sent"]


# WhatsApp


def test_a_whatsapp_status_by_eventbridge_names_awss_id(whatsapp, aws, clock):
    provider_id = whatsapp.send(sms()).provider_id

    assert [(entry.kind, entry.provider_id) for entry in told(aws, clock, minutes=1)] == [
        ("sent", provider_id),
        ("delivered", provider_id),
    ]


def test_a_whatsapp_status_by_sns_names_our_id_and_the_person(whatsapp, aws, clock):
    aws.envelope = "sns"
    whatsapp.send(sms())

    news = told(aws, clock, minutes=1)

    assert [(entry.kind, entry.tracking_id, entry.address) for entry in news] == [
        ("sent", sms().tracking_id, "+84900000001"),
        ("delivered", sms().tracking_id, "+84900000001"),
    ]


def test_what_somebody_writes_comes_by_sns_whatever_carries_the_statuses(aws, clock):
    aws.write("+84901234567", "Còn size M không shop?")

    (news,) = told(aws, clock)

    assert (news.kind, news.address, news.text) == ("inbound_message", "+84901234567", "Còn size M không shop?")


def entry(value: dict, field: str = "messages") -> dict:
    content = {"changes": [{"field": field, "value": value}]}
    event = {
        "whatsAppWebhookEntry": json.dumps(content),
        "messageId": "aws-1",
        "message_timestamp": "2026-11-21T02:00:00.271279391Z",
    }
    return {"Type": "Notification", "MessageId": "n1", "Message": json.dumps(event)}


def test_a_whatsapp_read_is_an_opening_by_a_person():
    (news,) = translate(entry({"statuses": [{"id": "w1", "status": "read", "timestamp": "1795226400"}]}))

    assert (news.kind, news.machine, news.at) == ("opened", False, "2026-11-21T02:00:00.000Z")


def test_a_whatsapp_failure_names_its_codes_and_a_refusal_of_offers_is_one():
    failed = {"id": "w1", "status": "failed", "timestamp": "1795226400", "errors": [{"code": 131026, "title": "x"}]}
    stopped = {**failed, "errors": [{"code": 131050}]}

    assert [(news.kind, news.detail) for news in translate(entry({"statuses": [failed, stopped]}))] == [
        ("failed", {"codes": ["131026"]}),
        ("opted_out", {"codes": ["131050"]}),
    ]


def test_a_picture_comes_with_its_caption():
    picture = {"id": "w2", "from": "84901234567", "timestamp": "1795226400", "type": "image",
               "image": {"id": "media-1", "caption": "Áo bị rách"}}  # fmt: skip
    (news,) = translate(entry({"messages": [picture]}))

    assert (news.text, news.attachments[0].kind, news.detail) == ("Áo bị rách", "image", {"media_id": "media-1"})


def test_a_template_that_was_rejected_is_told():
    value = {"message_template_name": "order_shipped", "event": "REJECTED", "reason": "INVALID_FORMAT"}
    (news,) = translate(entry(value, "message_template_status_update"))

    assert (news.kind, news.detail["template"], news.detail["status"]) == (
        "template_status",
        "order_shipped",
        "REJECTED",
    )
    assert news.at == "2026-11-21T02:00:00.271Z"


@pytest.mark.parametrize("value", [{}, {"statuses": [{}, 5]}, {"messages": [{"id": "x"}]}, {"statuses": "x"}, None, []])
def test_an_odd_entry_of_whatsapp_is_no_news(value):
    assert translate(entry(value)) == []
    assert translate({"Type": "Notification", "Message": '{"whatsAppWebhookEntry": "{"}'}) == []


def test_without_a_configuration_set_nothing_is_published(aws, clock):
    Ses(sender="a@shop.example", clock=clock, **place(aws)).send(mail())

    assert aws.next_callback_at() is None
    assert door.TOKEN_HEADER.islower()

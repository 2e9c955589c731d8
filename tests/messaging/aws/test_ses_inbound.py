"""E-mails to the shop: read as people wrote them, vouched for or not, and no machine answered."""

from __future__ import annotations

import base64
import json
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.providers.aws import TOPIC, AwsStandIn
from shared.adapters.webhooks.aws import AwsSecrets, refusal, translate, verify
from shared.domain.common.attachment import Attachment
from shared.domain.inbox.provider_event import Incoming
from tests.messaging.aws.conftest import Hand
from tests.support.max_examples import max_examples
from tests.support.mutations import mutated

SECRETS = AwsSecrets(tokens=("aws-token",), topics=frozenset({TOPIC}))
LAN = "Nguyễn Thị Lan <lan1@mail.example>"


def heard(aws: AwsStandIn, clock: Hand) -> tuple[list[Incoming], list[str]]:
    """The news of all mails that came, each proved first, and why others were left out."""
    calls = aws.due_callbacks(clock.pass_by(minutes=1))
    for call in calls:
        assert call.path == "/webhooks/ses"
        assert verify(call.body, call.headers, SECRETS, lambda _: aws.certificate) == "sns"
    payloads = [json.loads(call.body) for call in calls]
    return [news for payload in payloads for news in translate(payload)], [refusal(payload) for payload in payloads]


def event_of(aws: AwsStandIn, clock: Hand) -> dict[str, Any]:
    (call,) = aws.due_callbacks(clock.pass_by(minutes=1))
    event: dict[str, Any] = json.loads(json.loads(call.body)["Message"])
    return event


def told(event: dict[str, Any]) -> list[Incoming]:
    return translate({"Type": "Notification", "Message": json.dumps(event)})


def test_t6_a_mail_to_the_shop_is_something_a_person_said(aws: AwsStandIn, clock: Hand) -> None:
    aws.write_mail(LAN, "Đổi áo  DH1001", "Áo bị rách chỉ.\n\nVào CN, 22 thg 11, 2026 Tiệm đã viết:\n> Chào chị")

    (news,), _ = heard(aws, clock)

    assert (news.kind, news.channel, news.address) == ("inbound_message", "email", "lan1@mail.example")
    assert (news.text, news.at) == ("Áo bị rách chỉ.", "2026-11-21T02:00:00.000Z")
    assert news.detail == {"subject": "Đổi áo DH1001", "authenticated": True}
    assert news.dedup.startswith("<")
    assert news.dedup.endswith("@mail.example>")


def test_html_is_read_where_there_is_nothing_plainer(aws: AwsStandIn, clock: Hand) -> None:
    aws.write_mail(LAN, "a", html="<p>Áo bị <b>rách</b></p><blockquote>Chào chị</blockquote>")
    aws.write_mail(LAN, "b", "Chữ thường", html="<p>Chữ đậm</p>")

    news, _ = heard(aws, clock)

    assert [one.text for one in news] == ["Áo bị rách", "Chữ thường"]


def test_photos_and_files_are_named(aws: AwsStandIn, clock: Hand) -> None:
    aws.write_mail(LAN, "Áo rách", "xem ảnh", files={"áo rách.jpg": b"\xff\xd8", "hoa-don.pdf": b"%PDF"})

    (news,), _ = heard(aws, clock)

    assert news.attachments == (
        Attachment(kind="image", name="áo rách.jpg"),
        Attachment(kind="file", name="hoa-don.pdf"),
    )


@pytest.mark.parametrize(
    ("why", "how"),
    [
        ("virus", {"virus": "FAIL"}),
        ("spam", {"spam": "FAIL"}),
        ("automatic", {"headers": {"Auto-Submitted": "auto-replied"}}),
        ("automatic", {"headers": {"X-Auto-Response-Suppress": "All"}}),
        ("automatic", {"headers": {"Precedence": "bulk"}}),
        ("automatic", {"headers": {"List-Id": "<tin.shop.example>"}}),
        ("automatic", {"headers": {"List-Unsubscribe": "<https://nhamay.example/u/x>"}}),
        ("automatic", {"headers": {"Return-Path": "<>"}}),
        ("automatic", {"sender": "MAILER-DAEMON@mail.example"}),
        ("automatic", {"sender": "no-reply@shop.example"}),
        ("ours", {"sender": "cskh@khachquen.example"}),
        ("unreadable", {"sender": "nobody"}),
    ],
)
def test_no_ticket_for_machines_and_scoundrels(aws: AwsStandIn, clock: Hand, why: str, how: dict[str, Any]) -> None:
    aws.write_mail(**{"sender": LAN, "subject": "Re: Tin mới", "text": "Tôi đang nghỉ phép", **how})

    assert heard(aws, clock) == ([], [why])


def test_what_says_that_a_person_sent_it_is_no_telltale(aws: AwsStandIn, clock: Hand) -> None:
    aws.write_mail(LAN, "a", "b", headers={"Auto-Submitted": "no"}, spam="GRAY", virus="PROCESSING_FAILED")

    news, why = heard(aws, clock)

    assert (len(news), why) == (1, [""])


@pytest.mark.parametrize(
    ("verdicts", "signer", "sure"),
    [
        ({"dmarc": "PASS", "spf": "FAIL", "dkim": "FAIL"}, "", True),
        ({"dmarc": "FAIL", "spf": "PASS", "dkim": "PASS"}, "mail.example", False),
        ({"dmarc": "GRAY", "spf": "PASS", "dkim": "GRAY"}, "", True),
        ({"dmarc": "GRAY", "spf": "GRAY", "dkim": "PASS"}, "mail.example", True),
        ({"dmarc": "GRAY", "spf": "GRAY", "dkim": "PASS"}, "evil.example", False),
        ({"dmarc": "GRAY", "spf": "GRAY", "dkim": "PASS"}, "", False),
        ({"dmarc": "GRAY", "spf": "GRAY", "dkim": "GRAY"}, "mail.example", False),
        ({"dmarc": "GRAY", "spf": "FAIL", "dkim": "FAIL"}, "mail.example", False),
        ({"dmarc": "PROCESSING_FAILED", "spf": "FAIL", "dkim": "FAIL"}, "", False),
    ],
)
def test_r5_a_sender_is_sure_where_their_domain_vouches(
    aws: AwsStandIn, clock: Hand, verdicts: dict[str, str], signer: str, sure: bool
) -> None:
    headers = {"DKIM-Signature": f"v=1; a=rsa-sha256; d={signer}; s=k1; b=abc"} if signer else {}
    aws.write_mail(LAN, "a", "b", headers=headers, **verdicts)

    (news,), _ = heard(aws, clock)

    assert news.detail["authenticated"] is sure


def test_r5_spf_of_another_domain_says_nothing_of_who_stands_in_from(aws: AwsStandIn, clock: Hand) -> None:
    aws.write_mail(LAN, "a", "b", dmarc="GRAY", dkim="GRAY")
    event = event_of(aws, clock)
    event["mail"]["source"] = "bounces@evil.example"

    assert [news.detail["authenticated"] for news in told(event)] == [False]


def test_an_answer_to_a_mail_of_ours_names_it(aws: AwsStandIn, clock: Hand) -> None:
    ours = "0102018f-1a2b-000000"
    aws.write_mail(LAN, "Re: Đơn", "ok", headers={"In-Reply-To": f"<{ours}@ap-southeast-1.amazonses.com>"})
    aws.write_mail(LAN, "Re: Đơn", "ok", headers={"In-Reply-To": "<x@mail.example>"})

    news, _ = heard(aws, clock)

    assert [one.provider_id for one in news] == [ours, ""]


def test_a_mail_in_plain_utf8_is_read_as_well(aws: AwsStandIn, clock: Hand) -> None:
    aws.write_mail(LAN, "a", "b")
    event = event_of(aws, clock)
    del event["receipt"]["action"]["encoding"]
    event["content"] = "From: lan1@mail.example\r\nSubject: hi\r\nMessage-ID: <1@x>\r\n\r\nÁo rách\r\n"

    (news,) = told(event)

    assert (news.text, news.address, news.dedup) == ("Áo rách", "lan1@mail.example", "<1@x>")


def test_the_notice_without_its_mail_and_broken_base64_tell_nothing(aws: AwsStandIn, clock: Hand) -> None:
    aws.write_mail(LAN, "a", "b")
    event = event_of(aws, clock)

    assert told({**event, "content": ""}) == []
    assert told({**event, "content": "%%%"}) == []
    assert told({name: value for name, value in event.items() if name != "content"}) == []
    assert told({**event, "mail": {}}) == []


def test_an_unknown_charset_and_odd_headers_lose_nobodys_mail(aws: AwsStandIn, clock: Hand) -> None:
    aws.write_mail(LAN, "a", "b")
    event = event_of(aws, clock)
    raw = (
        b"From: =?x?= \xff <lan1@mail.example>\r\nSubject: =?utf-8?b?w?= \xff\r\n"
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xc3\x81o r\xc3\xa1ch\r\n"
    )
    event["content"] = base64.b64encode(raw).decode()

    (news,) = told(event)

    assert (news.text, news.address) == ("Áo rách", "lan1@mail.example")


def test_a_long_mail_is_cut_and_fits_a_queue(aws: AwsStandIn, clock: Hand) -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "lan1@mail.example", "x" * 900
    mail.set_content("Á" * 100_000)
    aws.write_mail(LAN, "a", "b")
    event = event_of(aws, clock)
    event["content"] = base64.b64encode(mail.as_bytes()).decode()

    (news,) = told(event)

    assert (len(news.text), len(news.detail["subject"])) == (10_000, 300)


def received(content: bytes) -> dict[str, Any]:
    verdicts = {f"{name}Verdict": {"status": "PASS"} for name in ("spam", "virus", "spf", "dkim")}
    return {
        "notificationType": "Received",
        "mail": {"timestamp": "2026-11-21T02:00:00.000Z", "source": "lan1@mail.example", "messageId": "m1"},
        "receipt": {"recipients": ["cskh@x.example"], "action": {"encoding": "BASE64"}, **verdicts},
        "content": base64.b64encode(content).decode(),
    }


HEADERS = st.sampled_from(
    [b"From", b"Subject", b"Message-ID", b"In-Reply-To", b"Content-Type", b"Content-Disposition", b"Return-Path",
     b"Content-Transfer-Encoding", b"DKIM-Signature", b"MIME-Version", b"Auto-Submitted"]
)  # fmt: skip
VALUES = st.binary(max_size=30).map(lambda value: value.replace(b"\n", b"")) | st.sampled_from(
    [b"multipart/mixed; boundary=b", b"multipart/alternative; boundary=\"", b"text/html; charset=utf-7", b"; d=", b"\"",
     b"message/rfc822", b"<@>", b"a@b, <", b"=?utf-8?q?=C3?=", b"attachment; filename*=utf-8''%C3", b"base64",
     b"quoted-printable",
     b"lan1@mail.example", b"(", b"<>", b"[", b"image/png; name=\"a", b"=?a?b?", b"undisclosed:;"]
)  # fmt: skip


@max_examples(300)
@given(st.lists(st.tuples(HEADERS, VALUES), max_size=6), st.binary(max_size=80))
def test_no_mail_is_so_odd_that_the_door_breaks(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    raw = b"".join(name + b": " + value + b"\r\n" for name, value in headers) + b"\r\n--b\r\n\r\n" + body + b"\r\n--b--"

    for news in told(received(raw)):
        assert json.loads(news.model_dump_json())["address"]


@max_examples(200)
@given(mutated([received(b"From: lan1@mail.example\r\n\r\nhi")]))
def test_no_notice_is_so_odd_that_the_door_breaks(event: Any) -> None:
    message = json.dumps(event)

    payload = {"Type": "Notification", "Message": message}
    assert isinstance(translate(payload), list)
    assert isinstance(refusal(payload), str)

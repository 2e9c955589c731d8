"""What Messenger posts to us: forged or true, and what it means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.webhooks import messenger
from shared.adapters.webhooks.json_reading import load
from shared.domain.common.attachment import Attachment
from shared.domain.errors import Invalid
from shared.domain.inbox.provider_event import Incoming
from tests.messaging.messenger.conftest import World, answer, world
from tests.support.mutations import mutated

__all__ = ["world"]

VECTOR = b'{"app_id":"123","timestamp":"1700000000000","event_name":"follow"}'
VECTOR_MAC = "4620f32c49b3aa807dcb243b69630f6116d40f3705ef91ee672e13588ea0480e"
MS = 1700000000000
AT = "2023-11-14T22:13:20.000Z"


def test_the_documented_vector_matches_and_is_named():
    headers = {"x-hub-signature-256": f"sha256={VECTOR_MAC}"}

    assert messenger.verify(VECTOR, headers, app_secret="s3cret") == "sha256"


@pytest.mark.parametrize(
    ("headers", "raw", "secret"),
    [
        ({}, VECTOR, "s3cret"),
        ({"x-hub-signature-256": VECTOR_MAC}, VECTOR, "s3cret"),
        ({"x-hub-signature-256": "sha256="}, VECTOR, "s3cret"),
        ({"x-hub-signature-256": "sha256=é\ud800"}, VECTOR, "s3cret"),
        ({"x-hub-signature-256": f"sha256={VECTOR_MAC}"}, VECTOR + b"\n", "s3cret"),
        ({"x-hub-signature-256": f"sha256={VECTOR_MAC}"}, VECTOR, "other"),
        ({"x-hub-signature": f"sha256={VECTOR_MAC}"}, VECTOR, "s3cret"),
        (
            {"x-hub-signature-256": "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
            b"",
            "",  # the HMAC of nothing under an empty key: a setting that is missing opens no door
        ),
    ],
)
def test_a_forgery_is_none(headers: dict[str, str], raw: bytes, secret: str):
    assert messenger.verify(raw, headers, app_secret=secret) is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": "tok", "hub.challenge": "42"}, "42"),
        ({"hub.mode": "subscribe", "hub.verify_token": "tok"}, None),
        ({"hub.mode": "subscribe", "hub.verify_token": "no", "hub.challenge": "42"}, None),
        ({"hub.mode": "subscribe", "hub.challenge": "42"}, None),
        ({"hub.mode": "unsubscribe", "hub.verify_token": "tok", "hub.challenge": "42"}, None),
        ({}, None),
    ],
)
def test_the_challenge_is_answered_to_who_knows_the_word(query: dict[str, str], expected: str | None):
    assert messenger.challenge(query, verify_token="tok") == expected


def test_without_a_word_no_challenge_is_answered():
    asked = {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "42"}

    assert messenger.challenge(asked, verify_token="") is None


def page(*events: dict[str, Any]) -> dict[str, Any]:
    return {"object": "page", "entry": [{"id": "9", "time": MS, "messaging": list(events)}]}


def person(**fields: Any) -> dict[str, Any]:
    return {"sender": {"id": "p1"}, "recipient": {"id": "9"}, "timestamp": MS, **fields}


def news(kind: Any, dedup: str, **fields: Any) -> Incoming:
    return Incoming(kind=kind, channel="messenger", dedup=dedup, **{"at": AT, "address": "p1", **fields})


def under_a_post(**fields: Any) -> dict[str, Any]:
    value = {"from": {"id": "u1", "name": "Lan"}, "item": "comment", "verb": "add", "comment_id": "1_2",
             "message": "giá ạ", "created_time": MS // 1000, "post_id": "9_1", **fields}  # fmt: skip
    changes = [{"field": "feed", "value": value}]
    return {"object": "page", "entry": [{"id": "9", "time": MS // 1000, "changes": changes}]}


LINK = Attachment(kind="link", url="https://www.facebook.com/1_2")


def commented(dedup: str = "comment:1_2", **fields: Any) -> Incoming:
    known = {"address": "u1", "text": "giá ạ", "attachments": (LINK,), "detail": {"comment_id": "1_2"}}
    return news("comment", dedup, **{**known, **fields})


SAMPLES: dict[str, tuple[dict[str, Any], list[Incoming]]] = {
    "comment": (under_a_post(), [commented()]),
    "comment with a photo": (
        under_a_post(photo="https://scontent.xx.fbcdn.net/1.jpg"),
        [commented(attachments=(Attachment(kind="image", url="https://scontent.xx.fbcdn.net/1.jpg"), LINK))],
    ),
    "edited comment": (
        under_a_post(verb="edited"),
        [commented("comment:1_2:b1426dc211b4ad8c", detail={"comment_id": "1_2", "edited": True})],
    ),
    "comment of somebody we may not see": (under_a_post(**{"from": {}}), [commented(address="comment 1_2")]),
    "comment of the page": (under_a_post(**{"from": {"id": "9"}}), []),
    "comment that was removed": (under_a_post(verb="remove"), []),
    "text": (
        page(person(message={"mid": "m1", "text": "giá sao shop", "reply_to": {"mid": "m0"}})),
        [news("inbound_message", "message:m1", provider_id="m1", text="giá sao shop", detail={"replies_to": "m0"})],
    ),
    "quick reply": (
        page(person(message={"mid": "m1", "text": "Có", "quick_reply": {"payload": "YES"}})),
        [news("inbound_message", "message:m1", provider_id="m1", text="Có", detail={"payload": "YES"})],
    ),
    "photo": (
        page(person(message={"mid": "m2", "attachments": [{"type": "image", "payload": {"url": "https://x/1"}}, 7]})),
        [
            news(
                "inbound_message",
                "message:m2",
                provider_id="m2",
                attachments=(Attachment(kind="image", url="https://x/1"),),
            )
        ],
    ),
    "button": (
        page(person(postback={"mid": "m3", "title": "Xem đơn", "payload": "ORDER", "referral": {"ref": "qr"}})),
        [
            news(
                "inbound_message",
                "postback:m3",
                provider_id="m3",
                text="Xem đơn",
                detail={"payload": "ORDER", "referral": "qr"},
            )
        ],
    ),
    "button of an old page": (
        page(person(postback={"title": "Xem đơn", "payload": "ORDER"})),
        [news("inbound_message", f"postback:p1:{AT}:ORDER", text="Xem đơn", detail={"payload": "ORDER"})],
    ),
    "delivered": (
        page(person(delivery={"mids": ["m8", "m9", "m8"], "watermark": MS})),
        [news("delivered", "delivery:m8", provider_id="m8"), news("delivered", "delivery:m9", provider_id="m9")],
    ),
    "delivered up to a moment": (
        page(person(delivery={"watermark": MS})),
        [news("delivered", f"delivery:p1:{AT}", detail={"up_to": AT})],
    ),
    "read up to a moment": (
        page(person(read={"watermark": MS})),
        [news("opened", f"read:p1:{AT}", detail={"up_to": AT})],
    ),
    "echo of a person's words at the page": (
        page(person(message={"mid": "m4", "text": "x", "is_echo": True, "metadata": "from another app"})),
        [],
    ),
    "echo of our own message": (
        page(
            {
                "sender": {"id": "9"},
                "recipient": {"id": "p1"},
                "timestamp": MS,
                "message": {"mid": "m4", "text": "x", "is_echo": True, "metadata": "a" * 44},
            }
        ),
        [news("sent", "echo:m4", tracking_id="a" * 44, provider_id="m4")],
    ),
    "several at once, one unreadable": (
        page(person(message={"mid": "m1", "text": "a"}), person(message={"text": "no id"}), person(read={})),
        [news("inbound_message", "message:m1", provider_id="m1", text="a")],
    ),
    "a reaction": (page(person(reaction={"reaction": "love", "mid": "m1"})), []),
    "another app's thread": (
        {"object": "page", "entry": [{"time": MS, "standby": [person(message={"mid": "m"})]}]},
        [],
    ),
    "not a page": ({"object": "instagram", "entry": []}, []),
    "nothing": ({}, []),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_event_is_told_in_our_words(sample: str):
    payload, expected = SAMPLES[sample]

    assert messenger.translate(payload) == expected


@given(mutated([payload for payload, _ in SAMPLES.values()]))
def test_no_payload_breaks_the_translation(payload: Any):
    try:
        found = messenger.translate(load(json.dumps(payload).encode("utf-8", "surrogatepass")))
    except Invalid:
        return
    for entry in found:
        assert json.dumps(entry.model_dump(), ensure_ascii=False, allow_nan=False).encode()
        assert entry.dedup


@given(st.binary(max_size=200), st.text(max_size=80))
def test_no_bytes_break_the_verification(raw: bytes, mac: str):
    assert messenger.verify(raw, {"x-hub-signature-256": mac}, app_secret="s3cret") is None


def test_all_that_the_stand_in_tells_is_understood(world: World):
    world.meta.disturb_callbacks(copies=2)
    world.meta.say("p1", "alo")
    sent = world.channel.send(answer())
    world.meta.tap("p1", "Xem đơn", "ORDER")
    world.wait(seconds=3)
    world.meta.read("p1")

    told: dict[str, Incoming] = {}
    for callback in world.meta.due_callbacks(world.clock.now()):
        headers = {name.lower(): value for name, value in callback.headers.items()}
        assert messenger.verify(callback.body, headers, app_secret=world.meta.app_secret) == "sha256"
        for entry in messenger.translate(load(callback.body)):
            assert told.setdefault(entry.dedup, entry) == entry

    assert [(entry.kind, entry.text) for entry in told.values()] == [
        ("inbound_message", "alo"),
        ("sent", ""),
        ("inbound_message", "Xem đơn"),
        ("delivered", ""),
        ("opened", ""),
    ]
    assert [entry.provider_id for entry in told.values() if entry.kind in ("sent", "delivered")] == [
        sent.provider_id
    ] * 2


def test_setting_up_the_webhook_is_a_handshake(world: World):
    world.meta.subscribe("1158201444")
    (callback,) = world.meta.due_callbacks(world.clock.now())
    path, _, query = callback.path.partition("?")

    asked = dict(pair.split("=") for pair in query.split("&"))

    assert (callback.method, path) == ("GET", "/webhooks/messenger")
    assert messenger.challenge(asked, verify_token=world.meta.verify_token) == "1158201444"

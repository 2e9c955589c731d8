"""What Zalo posts to us: forged or true, by whichever of the documented variants, and what it means."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.providers.base import Callback
from shared.adapters.webhooks import zalo
from shared.adapters.webhooks.json_reading import load
from shared.domain.common.attachment import Attachment
from shared.domain.errors import Invalid
from shared.domain.inbox.provider_event import Incoming
from tests.messaging.zalo.conftest import World, chat, thanks
from tests.support.mutations import mutated

VECTOR = b'{"app_id":"123","timestamp":"1700000000000","event_name":"follow"}'
VECTOR_MAC = "bf1fbb79ba1c536d819b1fbfe363dd29cbfcb2b873e989aacc449a5769031766"
AT = "2023-11-14T22:13:20.000Z"
IDS = {"app_id": "123", "oa_id": "456"}
SECRETS = {"oa_secret": "s3cret", "app_secret": "other"}


def check(mac: str, raw: bytes = VECTOR, ids: dict[str, str] = IDS, secrets: dict[str, str] = SECRETS) -> str | None:
    return zalo.verify(raw, {"x-zevent-signature": mac}, ids=ids, secrets=secrets)


def test_the_documented_vector_matches_and_is_named():
    assert check(f"mac={VECTOR_MAC}") == "mac=app_id+oa_secret"


@pytest.mark.parametrize(
    ("identity", "secret", "prefix", "variant"),
    [
        ("123", "s3cret", "", "app_id+oa_secret"),
        ("123", "other", "mac=", "mac=app_id+app_secret"),
        ("456", "s3cret", "mac=", "mac=oa_id+oa_secret"),
        ("456", "other", "", "oa_id+app_secret"),
    ],
)
def test_every_documented_variant_is_accepted_and_named(identity: str, secret: str, prefix: str, variant: str):
    mac = hashlib.sha256(identity.encode() + VECTOR + b"1700000000000" + secret.encode()).hexdigest()

    assert check(prefix + mac) == variant


@pytest.mark.parametrize(
    ("mac", "raw"),
    [
        ("", VECTOR),
        ("mac=", VECTOR),
        ("mac=é\ud800", VECTOR),
        (f"mac={VECTOR_MAC}", VECTOR + b" "),
        (f"mac={VECTOR_MAC}", VECTOR.replace(b"follow", b"unfollow")),
        (f"mac={VECTOR_MAC.upper()}", VECTOR),
        # An HMAC is what several public code bases use; Zalo does not.
        ("mac=4620f32c49b3aa807dcb243b69630f6116d40f3705ef91ee672e13588ea0480e", VECTOR),
        (f"mac={VECTOR_MAC}", b"not json"),
        (f"mac={VECTOR_MAC}", b"[]"),
        (f"mac={VECTOR_MAC}", b"\xff"),
        (f"mac={VECTOR_MAC}", b"{}"),
    ],
)
def test_a_forgery_is_none(mac: str, raw: bytes):
    assert check(mac, raw) is None


def test_a_setting_that_is_missing_opens_no_door():
    mac = hashlib.sha256(VECTOR + b"1700000000000").hexdigest()

    assert check(mac, ids={"app_id": ""}, secrets={"oa_secret": ""}) is None
    assert check(mac, ids={}, secrets={}) is None


def event(name: str, **fields: Any) -> dict[str, Any]:
    return {"app_id": "123", "event_name": name, "timestamp": "1700000000000", **fields}


PERSON = {"sender": {"id": "u1"}, "recipient": {"id": "456"}, "user_id_by_app": "x"}
ACCOUNT = {"sender": {"id": "456"}, "recipient": {"id": "u1"}}
INFO = {"name": "Lan", "phone": "84987654321", "user_dob": "30/10/1999", "gender": "Nữ"}

SAMPLES: dict[str, tuple[dict[str, Any], list[Incoming]]] = {
    "text": (
        event("user_send_text", **PERSON, message={"text": "còn size M ko", "msg_id": "m1", "quote_msg_id": "m0"}),
        [
            Incoming(
                kind="inbound_message",
                channel="zalo",
                dedup="user_send_text:m1",
                at=AT,
                provider_id="m1",
                address="u1",
                text="còn size M ko",
                detail={"event": "user_send_text", "replies_to": "m0"},
            )
        ],
    ),
    "image": (
        event(
            "user_send_image",
            **PERSON,
            message={
                "msg_id": "m2",
                "attachments": [{"type": "image", "payload": {"url": "https://x/1.jpg", "thumbnail": "https://x/t"}}],
            },
        ),
        [
            Incoming(
                kind="inbound_message",
                channel="zalo",
                dedup="user_send_image:m2",
                at=AT,
                provider_id="m2",
                address="u1",
                attachments=(Attachment(kind="image", url="https://x/1.jpg"),),
                detail={"event": "user_send_image", "replies_to": ""},
            )
        ],
    ),
    "template delivered": (
        event(
            "user_received_message",
            sender={"id": "456"},
            recipient={"id": "84987654321"},
            message={"delivery_time": "1700000001000", "msg_id": "z1", "tracking_id": "a" * 44},
        ),
        [
            Incoming(
                kind="delivered",
                channel="zns",
                dedup="user_received_message:z1",
                at="2023-11-14T22:13:21.000Z",
                tracking_id="a" * 44,
                provider_id="z1",
                address="+84987654321",
            )
        ],
    ),
    "template delivered to a hash": (
        event(
            "user_received_message",
            sender={"id": "456"},
            recipient={"id": "116ce3"},
            message={"delivery_time": "bad", "msg_id": "z1"},
        ),
        [
            Incoming(
                kind="delivered",
                channel="zns",
                dedup="user_received_message:z1",
                at=AT,
                provider_id="z1",
                address="116ce3",
            )
        ],
    ),
    "chat message received": (
        event("user_received_message", **ACCOUNT, message={"msg_id": "c1"}),
        [
            Incoming(
                kind="delivered",
                channel="zalo",
                dedup="user_received_message:c1",
                at=AT,
                provider_id="c1",
                detail={"sender": "456", "recipient": "u1"},
            )
        ],
    ),
    "chat messages seen": (
        event("user_seen_message", **ACCOUNT, message={"msg_ids": ["c1", "c2", "c1", None]}),
        [
            Incoming(
                kind="opened",
                channel="zalo",
                dedup=f"user_seen_message:{message}",
                at=AT,
                provider_id=message,
                detail={"sender": "456", "recipient": "u1"},
            )
            for message in ("c1", "c2")
        ],
    ),
    "follow": (
        event("follow", oa_id="456", follower={"id": "u1"}, source="oa_profile"),
        [
            Incoming(
                kind="followed",
                channel="zalo",
                dedup="follow:456:u1:1700000000000",
                at=AT,
                address="u1",
                detail={"oa_id": "456", "source": "oa_profile"},
            )
        ],
    ),
    "unfollow": (
        event("unfollow", oa_id="456", follower={"id": "u1"}),
        [
            Incoming(
                kind="unfollowed",
                channel="zalo",
                dedup="unfollow:456:u1:1700000000000",
                at=AT,
                address="u1",
                detail={"oa_id": "456", "source": ""},
            )
        ],
    ),
    "phone shared": (
        event(
            "user_submit_info",
            **PERSON,
            info={**INFO, "full_address": {"user_city": "Hà Nội", "user_ward": "Láng", "user_address": "1 Chùa Láng"}},
        ),
        [
            Incoming(
                kind="phone_shared",
                channel="zalo",
                dedup="user_submit_info:u1:1700000000000",
                at=AT,
                address="u1",
                detail={
                    "phone": "84987654321",
                    "name": "Lan",
                    "birthday": "30/10/1999",
                    "gender": "Nữ",
                    "address": "1 Chùa Láng, Láng, Hà Nội",
                    "link": "verified",
                },
            )
        ],
    ),
    "phone shared, older shape": (
        event(
            "user_submit_info",
            **PERSON,
            info={"name": "Lan", "phone": 84987654321, "address": "1", "ward": "Láng", "city": "Hà Nội"},
        ),
        [
            Incoming(
                kind="phone_shared",
                channel="zalo",
                dedup="user_submit_info:u1:1700000000000",
                at=AT,
                address="u1",
                detail={"phone": "84987654321", "name": "Lan", "address": "1, Láng, Hà Nội", "link": "verified"},
            )
        ],
    ),
    "template status": (
        event(
            "change_template_status",
            oa_id="456",
            template_id="t1",
            status={"prev_status": "ENABLE", "new_status": "DISABLE"},
            reason="low quality",
        ),
        [
            Incoming(
                kind="template_status",
                channel="zns",
                dedup="change_template_status:t1:1700000000000",
                at=AT,
                detail={"template_id": "t1", "status": "DISABLE", "before": "ENABLE", "reason": "low quality"},
            )
        ],
    ),
    "rating": (
        event(
            "user_feedback",
            oa_id="456",
            message={
                "msg_id": "z1",
                "tracking_id": "a" * 44,
                "rate": 5,
                "note": "tốt",
                "feedbacks": ["Nhanh", 4.5],
                "submit_time": "1700000002000",
            },
        ),
        [
            Incoming(
                kind="rating",
                channel="zns",
                dedup="user_feedback:z1",
                at="2023-11-14T22:13:22.000Z",
                tracking_id="a" * 44,
                provider_id="z1",
                text="tốt",
                detail={"score": 5, "chosen": ["Nhanh"]},
            )
        ],
    ),
    "what the account said itself": (event("oa_send_text", **ACCOUNT, message={"text": "a", "msg_id": "c9"}), []),
    "a tag": (event("add_user_to_tag", oa_id="456", tag={"user_ids": ["u1"], "name": "x"}), []),
    "an event of tomorrow": ({"event_name": "something_new"}, []),
    "no event": ({}, []),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_event_is_told_in_our_words(sample: str):
    payload, news = SAMPLES[sample]

    assert zalo.translate(payload) == news


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (event("user_send_text", **PERSON, message={"text": "a"}), "message.msg_id"),
        (event("user_send_text", message={"text": "a", "msg_id": "m1"}), "sender.id"),
        ({**event("follow", follower={"id": "u1"}), "timestamp": "yesterday"}, "timestamp"),
        (event("user_submit_info", **PERSON, info={"name": "Lan"}), "info.phone"),
        (event("user_feedback", message={"msg_id": "z1", "rate": 9}), "message.rate"),
    ],
)
def test_an_event_without_what_it_needs_names_the_field(payload: dict[str, Any], field: str):
    with pytest.raises(Invalid) as error:
        zalo.translate(payload)

    assert [wrong.field for wrong in error.value.errors] == [field]


@given(mutated([payload for payload, _ in SAMPLES.values()]))
def test_no_payload_breaks_the_translation(payload: Any):
    raw = json.dumps(payload).encode("utf-8", "surrogatepass")
    try:
        news = zalo.translate(load(raw))
    except Invalid:
        return
    for entry in news:
        assert json.dumps(entry.model_dump(), ensure_ascii=False, allow_nan=False).encode()
        assert entry.dedup


@given(st.binary(max_size=200), st.text(max_size=80))
def test_no_bytes_break_the_verification(raw: bytes, mac: str):
    assert check(mac, raw) is None


def deliver(world: World, callback: Callback) -> list[Incoming]:
    """As the door does it: verified on the raw bytes, then read."""
    headers = {name.lower(): value for name, value in callback.headers.items()}
    variant = zalo.verify(
        callback.body,
        headers,
        ids={"app_id": world.zalo.app_id, "oa_id": world.zalo.oa_id},
        secrets={"oa_secret": world.zalo.oa_secret, "app_secret": world.zalo.app_secret},
    )
    assert variant == "mac=app_id+oa_secret"
    return zalo.translate(load(callback.body))


def test_all_that_the_stand_in_tells_is_understood(world: World):
    sent = world.zns.send(thanks())
    world.zalo.say("u1", "alo")
    chatted = world.oa.send(chat("u1"))
    world.zalo.see("u1", chatted.provider_id)
    world.zalo.submit_info("u1", "84987654321", "Lan")
    world.zalo.rate(sent.provider_id, "a" * 44, 4, "ok")
    world.zalo.decide_on_template("thanks", "DISABLE")
    world.zalo.follow("u2")
    world.zalo.unfollow("u2")
    world.wait(seconds=5)

    news = [entry for callback in world.zalo.due_callbacks(world.clock.now()) for entry in deliver(world, callback)]

    assert [(entry.kind, entry.channel, entry.address or entry.provider_id) for entry in news] == [
        ("inbound_message", "zalo", "u1"),
        ("opened", "zalo", chatted.provider_id),
        ("phone_shared", "zalo", "u1"),
        ("rating", "zns", sent.provider_id),
        ("template_status", "zns", ""),
        ("followed", "zalo", "u2"),
        ("unfollowed", "zalo", "u2"),
        ("delivered", "zns", "+84987654321"),
        ("delivered", "zalo", chatted.provider_id),
    ]


def test_a_replayed_callback_is_the_same_news(world: World):
    world.zalo.disturb_callbacks(copies=3)
    world.zns.send(thanks())
    world.wait(minutes=1)

    callbacks = world.zalo.due_callbacks(world.clock.now())
    world.zalo.answered(callbacks[0], 503)
    world.wait(minutes=1)
    callbacks += world.zalo.due_callbacks(world.clock.now())

    assert len(callbacks) == 4
    assert len({entry.dedup for callback in callbacks for entry in deliver(world, callback)}) == 1

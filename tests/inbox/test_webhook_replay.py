"""Who overheard a signed call may make it again while its time is good: it is answered as before and changes nothing.

Every effect is keyed by the provider's own id of what happened, so the door remembers no signatures but one: that of a
short-code SMS, which leaves open who sent it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.inbox.freshness import SHORT_CODE
from shared.domain.vietnam_time import VIETNAM, stamp
from shared.repositories import table_keys
from tests.support import webhooks
from tests.support.inbox import LAN, TEN, TORN, Inbox
from tests.support.webhooks import SAYS, Sent


def account(inbox: Inbox) -> str:
    return str(inbox.providers.zalo.oa_id)


def ses(inbox: Inbox, at: datetime, name: str, **fields: Any) -> Sent:
    mail = {"messageId": "s1", "timestamp": stamp(at), "destination": ["lan1@mail.example"]}
    told = {"eventType": name, "mail": mail, name.lower(): {"timestamp": stamp(at), **fields}}
    return webhooks.eventbridge(inbox, "aws.ses", told, stamp(at))


CALLS: dict[str, Callable[[Inbox, datetime], Sent]] = {
    **{channel: lambda inbox, at, says=says: says(inbox, at, TORN) for channel, says in SAYS.items()},  # type: ignore[misc]
    "asked for a size": lambda inbox, at: webhooks.on_zalo(inbox, at, "Áo này còn size M không shop?"),
    "refused adverts": lambda inbox, at: webhooks.on_zalo(inbox, at, "TC"),
    "refused by sms": lambda inbox, at: webhooks.by_sms(inbox, at, "TC"),
    "followed": lambda inbox, at: webhooks.zalo(
        inbox, webhooks.zalo_event(inbox, at, "follow", oa_id=account(inbox), follower={"id": "z1"})
    ),
    "unfollowed": lambda inbox, at: webhooks.zalo(
        inbox, webhooks.zalo_event(inbox, at, "unfollow", oa_id=account(inbox), follower={"id": "z1"})
    ),
    "shared a phone": lambda inbox, at: webhooks.zalo(
        inbox, webhooks.zalo_event(inbox, at, "user_submit_info", info={"name": "Lan", "phone": "84901234567"})
    ),
    "template": lambda inbox, at: webhooks.zalo(
        inbox,
        webhooks.zalo_event(
            inbox, at, "change_template_status", oa_id=account(inbox), template_id="t1",
            status={"prev_status": "ENABLE", "new_status": "DISABLE"},
        ),
    ),
    "button": lambda inbox, at: webhooks.messenger(
        inbox, webhooks.page_event(inbox, at, postback={"title": "Xem hàng", "payload": "SHOW"})
    ),
    "comment": lambda inbox, at: webhooks.messenger(inbox, webhooks.page_comment(inbox, at, "Giá bao nhiêu shop?")),
    "bounced": lambda inbox, at: ses(inbox, at, "Bounce", bounceType="Permanent", feedbackId="f1"),
    "complained": lambda inbox, at: ses(inbox, at, "Complaint", feedbackId="f1"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=40)])
def test_a_call_made_again_days_later_changes_nothing(inbox: Inbox, name: str, ahead: timedelta) -> None:
    inbox.put(phone=LAN, email="lan1@mail.example", zalo_user_id="z1")
    call = CALLS[name](inbox, inbox.now + ahead)
    assert call.to(inbox).status == 200
    inbox.hear()
    inbox.later(days=3)
    before = held(inbox)

    assert call.to(inbox).status == 200
    inbox.hear()
    assert held(inbox) == before


def held(inbox: Inbox) -> tuple[list[Any], list[Any]]:
    """Everything but the days on which calls came at all, which is true of a repeated one as well."""
    items, messages = inbox.holdings()
    return [item for item in items if item[0] != table_keys.SOURCES], messages


def consent(inbox: Inbox, customer: str) -> bool:
    return bool(inbox.profile(customer)["consent"]["zalo:marketing"]["granted"])


def test_an_old_refusal_made_again_does_not_undo_a_new_consent(inbox: Inbox) -> None:
    customer = inbox.put(zalo_user_id="z1").json["customer_id"]
    refusal = webhooks.on_zalo(inbox, inbox.now + timedelta(minutes=40), "TC")  # by a clock that is ahead
    assert refusal.to(inbox).status == 200
    inbox.later(minutes=5)
    assert not consent(inbox, customer)
    follow = webhooks.zalo_event(inbox, inbox.now, "follow", oa_id=account(inbox), follower={"id": "z1"})
    assert webhooks.zalo(inbox, follow).to(inbox).status == 200
    inbox.later(minutes=5)

    assert refusal.to(inbox).status == 200
    inbox.hear()
    assert consent(inbox, customer)


def test_a_comment_that_got_no_word_of_its_own_gets_none_when_told_again(inbox: Inbox) -> None:
    """Who asks three times in an hour is told once; the second question told again days later is no new one."""
    calls = [
        webhooks.messenger(inbox, webhooks.page_comment(inbox, inbox.now, "Giá bao nhiêu?", comment_id=f"900_{number}"))
        for number in (1, 2)
    ]
    for call in calls:
        assert call.to(inbox).status == 200
        inbox.hear()
    said = len(inbox.received("messenger"))
    inbox.later(days=3)

    assert calls[1].to(inbox).status == 200
    inbox.hear()
    assert len(inbox.received("messenger")) == said


# The short code: its signature covers neither the sender nor where its fields end


def refusal_by_sms(inbox: Inbox, **changed: str) -> tuple[dict[str, str], Sent]:
    told = {
        "sender": "84901234567",
        "content": "TC",
        "serviceNumber": "8088",
        "keyword": "TC",
        "cpid": "71",
        "smsid": "2345",
        "receiverTime": f"{TEN.astimezone(VIETNAM):%Y%m%d%H%M%S}",
    } | changed
    return told, webhooks.short_code(inbox, **told)


def refused(inbox: Inbox, phone: str) -> bool:
    found = inbox.call("POST", "/v1/customers/search", {"phone": phone})
    slot = inbox.profile(found.json["customer_id"])["consent"].get("sms:marketing") if found.status == 200 else None
    return bool(slot) and not slot["granted"]


@pytest.mark.parametrize("changed", [{"sender": "84907654321"}, {"cpid": "7", "smsid": "12345"}])
def test_the_proof_of_an_sms_serves_for_nobody_and_nothing_else(inbox: Inbox, changed: dict[str, str]) -> None:
    for phone in (LAN, "0907654321"):
        inbox.put(phone=phone)
    _, call = refusal_by_sms(inbox)
    assert call.to(inbox).status == 200
    inbox.hear()
    assert refused(inbox, LAN)
    before = inbox.holdings()

    forged = refusal_by_sms(inbox, **changed)[1]
    assert forged.query.partition("sign=")[2] == call.query.partition("sign=")[2]
    forged.to(inbox)
    inbox.hear()
    assert inbox.holdings() == before
    assert not refused(inbox, "0907654321")


def test_a_digit_of_the_text_cannot_move_the_time_of_an_sms(inbox: Inbox) -> None:
    told, _ = refusal_by_sms(inbox, content="TC 1")
    moved = told | {"content": "TC ", "receiverTime": "1" + told["receiverTime"]}

    assert webhooks.short_code(inbox, **moved).to(inbox).status == 401


def test_an_sms_told_again_after_its_first_telling_was_lost_is_heard(inbox: Inbox) -> None:
    inbox.put(phone=LAN)
    _, call = refusal_by_sms(inbox)
    assert call.to(inbox).status == 200
    with inbox.stack.store.transaction() as db:
        db.execute("DELETE FROM messages")  # the worker died, and its message with it

    assert call.to(inbox).status == 200
    inbox.hear()
    assert refused(inbox, LAN)


def test_a_proof_is_remembered_for_as_long_as_its_time_is_good(inbox: Inbox) -> None:
    refusal_by_sms(inbox)[1].to(inbox)
    inbox.hear()
    with inbox.stack.store.transaction() as db:
        ((ttl,),) = db.execute("SELECT ttl FROM items WHERE pk LIKE 'PROOF#%'").fetchall()

    assert ttl >= (TEN + SHORT_CODE.past).timestamp()

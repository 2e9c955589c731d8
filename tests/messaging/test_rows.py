"""What sending does, row by row of the mission and of the trade's rules: through the doors, under the moving clock, and
against stand-ins that speak the providers' protocols over HTTP.

Each test bears the id of the row it shows.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest

from infra.local.measuring.synthetic_shop import phone
from infra.local.providers.base import Callback
from shared.domain.errors import Invalid
from shared.domain.messaging.policy import in_holdout
from shared.domain.messaging.sms_encoding import bounded, measured
from shared.domain.messaging.tracked_links import web_address
from shared.domain.vietnam_time import VIETNAM, stamp
from shared.ports import Put
from shared.repositories import table_keys
from shared.repositories.cached import ProcessMemory
from shared.runtime.playbook.templates import templates
from tests.support.messaging import Care

CART = {"product": "Áo sơ mi linen", "cart_url": "https://nhamay.example/gio-hang/k3f9"}
PERSON = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
MACHINE = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def nobody_held_out(care: Care) -> None:
    """Leave the hold-out of 5 % aside, so that a test says what it is about."""
    assert not any(in_holdout(item["customer_id"], "*", care.rules.holdout_percent) for item in care.items("P"))


def one(care, message_id):
    """The one message the providers took."""
    (found,) = care.received(message_id)
    return found


def unasked(care):
    """What the shop sent of its own accord: all but the bot's answers."""
    return [one for one in care.received() if "trợ lý tự động" not in one.text]


def why(care, message_id):
    """Outcome, reason, and the words a care agent reads."""
    (shown,) = [m for m in care.shown(message_id[:24]) if m["message_id"] == message_id]
    assert shown["why"] == care.rules.reasons[shown["reason"]]["vi"]
    return shown["status"], shown["reason"]


def local(care, message_id):
    return one(care, message_id).at.astimezone(VIETNAM)


def tonight(care, hour, minute=0):
    day = care.now.astimezone(VIETNAM).date()
    return datetime.combine(day, time(hour, minute), VIETNAM).astimezone(UTC)


# ---- channels ----


def test_n8_five_kinds_of_channels_reach_the_person(care):
    lan = care.customer(1, zalo_user_id="z-lan", messenger_psid="m-lan", phone=phone(1), email="lan@example.vn")
    care.providers.zalo.say("z-lan", "shop ơi")
    care.providers.messenger.say("m-lan", "shop ơi")
    care.stack.drain()
    # Two a day is what one person gets of what we start ourselves, and a conversation is open for a day at least.
    for channel in ("messenger", "zalo", "email", "sms_care", "zns"):
        sent = care.plan(lan, "service", f"by {channel}", channels=(channel,))
        care.later(hours=13)
        assert care.message(sent)["channel"] == channel
        assert why(care, sent)[0] in ("sent", "delivered")
    order = care.plan(lan, "transactional", channels=("whatsapp",))
    call = care.plan(lan, "service", "a call", channels=("call",))
    care.later(hours=9)
    assert {one.channel for one in care.received()} == {"email", "sms_care", "zns", "zalo", "messenger", "whatsapp"}
    assert why(care, order)[0] in ("sent", "delivered")
    seen = care.call("GET", f"/v1/customers/{lan}")
    (task,) = [task for task in seen["tasks"] if task.get("message_id") == call]
    assert "hài lòng" in task["script"]


def test_n8_the_shops_page_is_a_channel_too(care):
    lan = care.customer(2)
    care.event("Product Viewed", phone(2), visitor="v-2")
    shown = care.plan(lan, "marketing", channels=("web",))
    care.later(minutes=1)
    assert why(care, shown) == ("sent", "ok")
    (slot,) = [item for item in care.items("OW#%") if item["pk"] == f"C#{lan}"]
    assert (slot["message_id"], slot["title"]) == (shown, "Mừng bạn trở lại")


def test_u9_the_young_are_met_on_social_media_the_older_by_zalo_and_phone(care):
    def person(number, birthday):
        chat = f"m-{number}"
        who = care.customer(number, messenger_psid=chat, phone=phone(number), email=f"a{number}@example.vn",
                            traits={"name": "Trần Minh", "birthday": birthday})  # fmt: skip
        care.providers.messenger.say(chat, "chào shop")
        care.stack.drain()
        return who

    young, older = person(3, "2004-05-21"), person(4, "1970-05-21")
    for who, channel in ((young, "messenger"), (older, "zns")):
        sent = care.plan(who, "marketing")
        care.later(minutes=1)
        assert one(care, sent).channel == channel
    nobody_held_out(care)


# ---- X1 ----


@pytest.mark.parametrize("heard", [True, False])
def test_x1_an_advertisement_whose_answer_was_lost_is_not_repeated(care, heard):
    lan = care.customer(1, phone=phone(1))
    if not heard:
        care.providers.zalo.never_delivered.add(f"+84{phone(1)[1:]}")
    care.stack.providers.set_fault("zns", "crash_after_send", 1.0)
    sent = care.plan(lan, "marketing")
    care.later(days=3)
    assert len(care.received(sent)) == 1
    assert why(care, sent) == (("delivered", "delivered") if heard else ("unknown", "nobody_knows"))


def test_x1_what_the_person_has_to_know_is_tried_once_more(care):
    lan = care.customer(1, phone=phone(1))
    care.providers.zalo.never_delivered.add(f"+84{phone(1)[1:]}")
    care.stack.providers.set_fault("zns", "crash_after_send", 1.0)
    sent = care.plan(lan, "transactional")
    care.later(days=3)
    assert len(care.received(sent)) == 2
    assert why(care, sent) == ("unknown", "nobody_knows")


def test_x1_what_a_dead_planner_did_not_enqueue_is_found_again(care):
    lost = care.plan(care.customer(1), "transactional", queued=False)
    care.stack.drain()
    assert care.received() == []
    care.later(minutes=care.rules.backlog_minutes + 1)
    assert one(care, lost).channel == "zns"


def test_x1_each_queue_message_five_times_is_one_message(care):
    sent = care.plan(care.customer(1), "transactional")
    care.stack.outside.messages["transactional"].send([json.dumps({"message_id": sent})] * 5)
    care.later(days=1)
    assert len(care.received(sent)) == 1


# ---- X7: why, and why not ----


def test_x7_for_any_message_sent_or_not_there_is_one_reason_in_words(care):
    refuses, agrees, unreachable = care.customer(1, consent=False), care.customer(2), care.customer(3, loyalty_id="T1")
    planned = {
        care.plan(refuses, "marketing"): ("suppressed", "refused_by_customer"),
        care.plan(agrees, "marketing", "a"): ("delivered", "delivered"),
        care.plan(unreachable, "transactional"): ("suppressed", "no_address"),
        care.plan(agrees, "marketing", "b", send_before=care.now + timedelta(days=2)): (
            "expired", "too_late_after_own_cap"
        ),
        care.plan(agrees, "marketing", "c"): ("deferred", "own_cap"),
        care.plan(agrees, "service", variables={}): ("failed", "handed_to_staff"),
        care.plan(agrees, "transactional", send_after=care.now + timedelta(days=1)): ("planned", "waiting"),
    }  # fmt: skip
    care.later(minutes=1)
    assert {message_id: why(care, message_id) for message_id in planned} == planned
    shown = [m for customer in (refuses, agrees, unreachable) for m in care.shown(customer)]
    assert {m["message_id"] for m in shown} == planned.keys()
    for message in shown:
        assert [line["why"] for line in message["story"]] == [
            care.rules.reasons[line["reason"]]["vi"] for line in message["story"]
        ]
        assert message["why_en"] != message["reason"]


def test_x1_a_message_nobody_can_make_sense_of_holds_up_none_of_its_neighbours(care):
    odd, good = care.plan(care.customer(1), "transactional"), care.plan(care.customer(2), "transactional")
    broken = care.message(odd)
    care.stack.table.write(Put({**broken, "send_before": "soon"}))
    care.stack.drain()
    assert why(care, good)[0] in ("sent", "delivered")
    care.later(days=1)
    letters = care.stack.queue_state()["messages-transactional-dlq"]["messages"]
    assert {json.loads(letter["body"])["message_id"] for letter in letters} == {odd}


def test_x7_the_story_says_how_it_got_there(care):
    care.stack.providers.set_fault("zns", "error", 1.0)
    sent = care.plan(care.customer(1), "transactional")
    care.later(hours=6)
    (shown,) = care.shown(sent[:24])
    told = [(line["status"], line["reason"], line["channel"]) for line in shown["story"]]
    assert told[0] == ("planned", "waiting", None)
    assert ("deferred", "provider_trouble", "zns") in told
    assert told[-1][2] == "email", "the next channel"
    assert "Nhà cung cấp" in shown["story"][2]["why"]


# ---- X8, R10, R15, R17: the law and our own restraint ----


def test_a4_a_confirmation_at_night_comes_by_email_where_there_is_one_and_waits_for_zalo_where_not(care):
    """«ngay lập tức»: Zalo's templates sleep at night, an e-mail wakes nobody; an SMS would."""
    night = tonight(care, 23)
    reads_mail = care.plan(care.customer(1), "transactional", send_after=night)
    phone_only = care.plan(care.customer(2, phone=phone(2)), "transactional", send_after=night)
    care.later(hours=14)
    assert one(care, reads_mail).channel == "email"
    assert care.received(phone_only) == []
    care.later(hours=10)
    assert one(care, phone_only).channel == "zns"


def test_x8_an_advertisement_at_night_waits_for_the_morning(care):
    sent = care.plan(care.customer(1), "marketing", send_after=tonight(care, 23))
    care.later(hours=14)
    assert (care.received(), why(care, sent)) == ([], ("deferred", "quiet_hours"))
    care.later(days=1)
    assert (local(care, sent).hour, local(care, sent).minute) == (8, 0)
    thanks = care.plan(sent[:24], "transactional", send_after=tonight(care, 23), channels=("email",))
    care.later(days=1)
    assert local(care, thanks).hour == 23, "an order confirmation goes at any time"


def test_x8_advertisements_carry_their_label_and_a_way_out(care):
    sent = care.plan(care.customer(1), "marketing", channels=("email",))
    care.later(minutes=1)
    mail = one(care, sent).detail
    assert mail["subject"].startswith("[QC]")
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["headers"]["List-Unsubscribe"].strip("<>").split(">")[0]
    assert care.stack.http("POST", web_address(link).removeprefix("https://nhamay.example"), "", {
        "content-type": "application/x-www-form-urlencoded"}, b"List-Unsubscribe=One-Click").status == 200  # fmt: skip
    care.later(days=8)
    again = care.plan(sent[:24], "marketing", "again", channels=("email",))
    care.later(minutes=1)
    assert why(care, again) == ("suppressed", "refused_by_customer")


def test_x8_who_is_on_the_do_not_call_list_gets_no_advertising_by_phone(care):
    from shared.domain.customers.identity import identity, link_key

    lan = care.customer(1, phone=phone(1), email="lan@example.vn")
    key = table_keys.do_not_call(link_key(identity("phone", phone(1)), care.stack.outside.identity_key))
    care.stack.table.write(Put({"pk": key.pk, "sk": key.sk, "listed_at": stamp(care.now)}))
    by_phone = care.plan(lan, "marketing", "zns", channels=("zns",))
    by_mail = care.plan(lan, "marketing", "mail", channels=("email",))
    thanks = care.plan(lan, "transactional")
    care.later(minutes=1)
    assert why(care, by_phone) == ("suppressed", "do_not_call")
    assert [one.channel for one in care.received()].count("zns") == 1
    assert {why(care, by_mail)[0], why(care, thanks)[0]} <= {"sent", "delivered"}


def test_r10_without_a_lawful_yes_there_is_no_advertising(care):
    body = {"identities": {"phone": phone(1), "zalo_user_id": "z-1"}, "traits": {"name": "Lê Hoa"}, "source": "import"}
    lan = care.call("PUT", "/v1/customers", body)["customer_id"]
    sent = care.plan(lan, "marketing")
    care.later(minutes=1)
    assert why(care, sent) == ("suppressed", "no_consent")
    care.providers.zalo.follow("z-1")
    care.providers.zalo.say("z-1", "chào shop")
    care.stack.drain()
    sent = care.plan(lan, "marketing", "after the follow")
    care.later(minutes=1)
    assert [(o.channel, o.to) for o in unasked(care)] == [("zalo", "z-1")]
    (said,) = [said for said in care.call("GET", f"/v1/customers/{lan}")["consent"] if said["channel"] == "zalo"]
    assert (said["purpose"], said["granted"]) == ("marketing", True)
    assert "followed" in said["proof"]


def test_r10_who_writes_stop_is_left_alone(care):
    lan = care.customer(1, zalo_user_id="z-1", phone=phone(1))
    care.providers.zalo.say("z-1", "Từ chối")
    care.stack.drain()
    sent = [care.plan(lan, "marketing", channel, channels=(channel,)) for channel in ("zalo", "zns")]
    care.later(minutes=1)
    # Zalo is one thing to people, whether we write by user id or by number.
    assert [why(care, message) for message in sent] == [("suppressed", "refused_by_customer")] * 2


def test_r15_promotions_rest_over_tet():
    with Care(datetime(2026, 2, 14, 3, 0, tzinfo=UTC)) as tet:
        tet.know_the_do_not_call_list()
        lan = tet.customer(1)
        rests = tet.plan(lan, "marketing", send_after=tet.now + timedelta(days=2), channels=("email",))
        too_late = tet.plan(lan, "marketing", "2", send_after=tet.now + timedelta(days=2), channels=("email",),
                            send_before=tet.now + timedelta(days=4))  # fmt: skip
        tet.later(days=3)
        assert why(tet, rests) == ("deferred", "season")
        assert why(tet, too_late) == ("expired", "too_late_after_season")
        tet.later(days=7)
        assert local(tet, rests).isoformat()[:13] == "2026-02-23T08", "the day after mùng 6, when hours open"


def test_r15_a_birthday_on_the_first_of_january_is_a_placeholder_until_confirmed(care):
    older = care.customer(1, traits={"name": "Lê Hoa", "birthday": "1970-05-21"})
    nobody_knows = care.customer(2, traits={"name": "Lê Hoa", "birthday": "1970-01-01"})
    asked = {"name": "Lê Hoa", "birthday": "1970-01-01", "attributes": {"birthday_confirmed": True}}
    sent = [care.plan(who, "marketing") for who in (older, nobody_knows, care.customer(3, traits=asked))]
    care.later(minutes=1)
    assert [one(care, message).channel for message in sent] == ["zns", "email", "zns"]


def test_r15_the_red_button_stops_all_marketing_at_once_by_province_if_needed(care):
    hue = care.customer(1, traits={"name": "Lê Hoa", "city": "Huế"})
    hanoi = care.customer(2, traits={"name": "Lê Hoa", "city": "Hà Nội"})
    care.stack.table.write(Put({"pk": table_keys.HALT.pk, "sk": table_keys.HALT.sk, "provinces": ["huế"]}))
    sent = [care.plan(who, "marketing") for who in (hue, hanoi)]
    care.later(minutes=1)
    assert why(care, sent[0]) == ("suppressed", "halted")
    assert why(care, sent[1])[0] in ("sent", "delivered")
    thanks = care.plan(hue, "transactional")
    care.later(minutes=1)
    assert len(care.received(thanks)) == 1


def test_r17_one_advertisement_a_week_over_all_channels_the_more_important_first(care):
    lan = care.customer(1)
    first = care.plan(lan, "marketing", "first", journey="campaign", channels=("email",))
    care.later(minutes=5)
    minor = care.plan(lan, "marketing", "minor", journey="campaign")
    birthday = care.plan(lan, "marketing", "birthday", journey="birthday")
    care.later(days=6, hours=20)
    assert {o.tracking_id for o in care.received()} == {first}
    care.know_the_do_not_call_list()
    care.later(days=1)
    assert {o.tracking_id for o in care.received()} == {first, birthday}
    care.later(days=4)
    care.know_the_do_not_call_list()
    care.later(days=4)
    assert {o.tracking_id for o in care.received()} == {first, birthday, minor}
    times = [care.received(message)[0].at for message in (first, birthday, minor)]
    assert all(later - at >= timedelta(days=7) for at, later in pairwise(times))


def test_r17_nothing_promotional_while_a_complaint_is_open(care):
    lan = care.customer(1)
    key = table_keys.profile(lan)
    care.stack.table.write(Put({**care.stack.table.get(key), "complaints": ["PH-1"]}))
    ad, apology = care.plan(lan, "marketing"), care.plan(lan, "service")
    care.later(minutes=1)
    assert why(care, ad) == ("deferred", "complaint_open")
    assert why(care, apology)[0] in ("sent", "delivered")


def test_r17_no_advertising_by_phone_with_a_list_older_than_seven_days(care):
    care.later(days=8)
    lan = care.customer(1)
    by_phone = care.plan(lan, "marketing", channels=("zns",))
    care.later(minutes=1)
    assert why(care, by_phone) == ("deferred", "do_not_call_list_old")
    care.know_the_do_not_call_list()
    care.later(days=2)
    assert len(care.received(by_phone)) == 1


# ---- words: X10, U6, U7, R6, R11, R12, R20 ----


def test_x10_accents_cost_three_messages_for_one_and_what_is_too_long_is_not_sent(care):
    accented = "Nhà Mây: Đơn DH1 đã giao ngày 24/11. Cần đổi hàng, chị gọi 19000000 trước 01/12."
    plain = bounded(accented, max_parts=9)
    assert (measured(accented, 800).parts, measured(accented, 800).price) == (2, 1600)
    with pytest.raises(Invalid):
        bounded(accented * 9, max_parts=2)
    assert plain.text
    sent = care.plan(care.customer(1, phone=phone(1)), "service", channels=("sms_care",))
    care.later(minutes=1)
    assert one(care, sent).text.isascii(), "written without accents, unless a template wants them"
    assert measured(one(care, sent).text, 800).parts <= 2


def test_u6_u7_the_content_is_personal_with_a_subject_a_greeting_and_a_call_to_action_of_its_own(care):
    lan = care.customer(1, traits={"name": "Nguyễn Thị Lan", "gender": "female"})
    sent = care.plan(lan, "marketing", template="cart_reminder", variables=CART, channels=("email",))
    care.later(minutes=1)
    mail = one(care, sent)
    assert mail.detail["subject"] == "[QC] Chị Lan còn để quên đồ trong giỏ"
    assert "Chị Lan thân mến," in mail.text
    assert "Áo sơ mi linen" in mail.text
    assert "Xem lại giỏ hàng" in mail.detail["html"]
    assert CART["cart_url"] not in mail.detail["html"], "the link is one of ours, so that a click is known"


def test_r6_a_till_clerks_note_is_no_name_and_what_is_sensitive_is_not_named(care):
    care.customer(1, traits={"name": "bom hàng 2 lần"})
    products = [{"name": "Bộ đồ lót ren", "category": "đồ lót", "price": 200_000, "quantity": 1},
                {"name": "Áo thun", "category": "áo", "price": 100_000, "quantity": 1}]  # fmt: skip
    care.stack.providers.set_fault("zns", "error", 1.0)
    care.event(
        "Order Completed", phone(1), order_id="HD1", total=300_000, channel="store", payment="cash", products=products
    )
    care.later(hours=8)
    (receipt,) = care.received()
    assert "Quý khách" in receipt.text
    assert "bom" not in receipt.text
    assert ("Áo thun" in receipt.text, "lót" in receipt.text) == (True, False)


def test_r11_a_personal_advertisement_never_goes_out_as_a_batch_sms(care):
    sent = care.plan(care.customer(1, phone=phone(1)), "marketing", channels=("sms_ad",))
    care.later(hours=1)
    assert why(care, sent) == ("deferred", "waits_for_batch"), "one person is no batch"
    care.later(days=2)
    assert care.received() == []
    assert why(care, sent) == ("failed", "waits_for_batch")
    cart = care.plan(
        sent[:24], "marketing", "cart", template="cart_reminder", variables=CART, channels=("sms_ad", "sms_care")
    )
    care.later(hours=1)
    assert why(care, cart) == ("suppressed", "no_channel"), "a cart reminder has no words for an SMS at all"


def test_r12_a_template_that_is_not_enabled_falls_back(care):
    template = templates()["survey_day7"].zns.template_id
    care.providers.zalo.decide_on_template(template, "DISABLE", "low quality")
    sent = care.plan(care.customer(1), "service", channels=("zns", "email"))
    care.later(minutes=1)
    assert one(care, sent).channel == "email"
    told = [(line["reason"], line["channel"]) for line in care.shown(sent[:24])[0]["story"]]
    assert ("misconfigured", "zns") in told


def test_r20_a_receipt_is_called_what_it_is(care):
    care.customer(1)
    care.event("Order Completed", phone(1), order_id="HD1", total=500_000, channel="store", payment="cash")
    (receipt,) = care.received()
    assert "Biên nhận" in receipt.text
    assert "không thay hoá đơn" in receipt.text


# ---- time: R13, R14, X12, A13, A14 ----


def test_r13_a_closed_window_is_answered_on_another_channel(care):
    lan = care.customer(1, zalo_user_id="z-1", phone=phone(1))
    care.providers.zalo.say("z-1", "còn hàng không shop")
    care.stack.drain()
    inside = care.plan(lan, "service", "inside", channels=("zalo", "zns"))
    outside = care.plan(lan, "service", "outside", channels=("zalo", "zns"), send_after=care.now + timedelta(hours=49))
    alone = care.plan(lan, "service", "alone", channels=("zalo",), send_after=care.now + timedelta(hours=49))
    care.later(days=4)
    first, *rest = care.received()
    assert (first.channel, care.message(inside)["log"][1][3]) == ("zalo", "zalo")
    assert {one.channel for one in care.received(outside)} == {"zns"}
    assert why(care, alone) == ("suppressed", "window_closed")
    assert rest


def test_r14_what_comes_too_late_does_not_come(care):
    with Care(datetime(2026, 3, 2, 14, 0, tzinfo=UTC)) as night:  # nine in the evening
        night.know_the_do_not_call_list()
        midnight = tonight(night, 23, 59)
        wish = night.plan(night.customer(1), "marketing", journey="birthday", send_before=midnight)
        night.stack.drain()
        assert why(night, wish) == ("expired", "too_late_after_quiet_hours")
        night.stack.providers.set_fault("zns", "rate_limit", 1.0)
        order = night.plan(
            night.customer(2), "transactional", channels=("zns",), send_before=night.now + timedelta(hours=1)
        )
        night.later(days=2)
        assert why(night, order)[0] == "expired"
        assert night.received() == []


def opened(care, sent, agent, **span):
    care.later(minutes=1)
    mail = one(care, sent)
    care.later(**span)
    care.providers.aws.open(mail.provider_id, user_agent=agent, ip="113.161.1.1")
    care.stack.drain()


@pytest.mark.parametrize("row", ["a13", "a14"])
def test_a13_a14_an_email_not_opened_becomes_an_sms_or_a_chat(care, row):
    lan = care.customer(1, zalo_user_id="z-1", phone=phone(1), email="lan@example.vn")
    after = "sms_care" if row == "a13" else "zalo"
    sent = care.plan(lan, "service", channels=("email", after))
    care.later(hours=20)
    care.providers.zalo.say("z-1", "shop mở cửa mấy giờ")
    care.later(hours=2)
    assert [o.channel for o in care.received(sent)] == ["email"]
    care.later(hours=24)
    assert [o.channel for o in unasked(care)] == ["email", after]
    (shown,) = [one for one in care.shown(lan) if one["message_id"] == sent]
    told = [(line["reason"], line["channel"]) for line in shown["story"]]
    assert ("not_opened", "email") in told


def test_a13_a_template_may_wait_shorter_than_the_playbook_for_being_opened(care, monkeypatch):
    hasty = {name: t.model_copy(update={"fallback_after": timedelta(hours=2)}) for name, t in templates().items()}
    for name, template in hasty.items():
        monkeypatch.setitem(templates(), name, template)
    sent = care.plan(care.customer(1), "service", channels=("email", "sms_care"))
    care.later(hours=1)
    assert [o.channel for o in care.received(sent)] == ["email"]
    care.later(hours=2)
    assert [o.channel for o in care.received(sent)] == ["email", "sms_care"]


def test_a13_an_advertisement_not_opened_goes_on_by_the_next_channel_and_counts_once(care):
    lan = care.customer(1)
    sent = care.plan(lan, "marketing", channels=("email", "zns"), send_before=care.now + timedelta(days=3))
    care.later(days=2)
    assert [o.channel for o in care.received(sent)] == ["email", "zns"]


def test_a13_what_reached_somebody_stays_sent_when_no_other_channel_may_follow(care):
    lan = care.customer(1)
    sent = care.plan(lan, "marketing", channels=("email", "sms_ad", "zalo"), send_before=care.now + timedelta(days=9))
    care.later(days=3)
    assert [o.channel for o in care.received(sent)] == ["email"]
    assert why(care, sent)[0] == "delivered"


def test_x12_a_machine_that_opens_is_not_the_customer(care):
    by_machine = care.plan(care.customer(1), "service", channels=("email", "sms_care"))
    opened(care, by_machine, MACHINE, minutes=20)
    by_person = care.plan(care.customer(2), "service", channels=("email", "sms_care"))
    opened(care, by_person, PERSON, minutes=20)
    care.later(days=2)
    assert why(care, by_person) == ("opened", "opened")
    assert [o.channel for o in care.received(by_person)] == ["email"]
    assert [o.channel for o in care.received(by_machine)] == ["email", "sms_care"]


# ---- K8 ----


def test_k8_what_each_message_costs_is_known_by_channel(care):
    spent = {}
    for number, channel in enumerate(("zns", "sms_care", "email"), 1):
        sent = care.plan(care.customer(number), "service", channels=(channel,))
        care.later(minutes=1)
        (shown,) = care.shown(sent[:24])
        spent[shown["channel"]] = shown["cost"]
    assert spent == {"zns": 300, "sms_care": 700, "email": 3}
    day = care.now.astimezone(VIETNAM).date().isoformat()
    assert care.stack.table.get(table_keys.budget(day, "*"))["spent"] == 1003


def test_k8_a_message_that_costs_more_than_is_left_waits_for_tomorrow(care):
    day = care.now.astimezone(VIETNAM).date().isoformat()
    key = table_keys.budget(day, "*")
    care.stack.table.write(Put({"pk": key.pk, "sk": key.sk, "spent": care.rules.daily_budget_vnd - 100}))
    dear = care.plan(care.customer(1), "service", channels=("zns",))
    cheaper = care.plan(care.customer(2), "service", channels=("zns", "email"))
    care.later(minutes=1)
    assert why(care, dear) == ("deferred", "budget_spent")
    assert one(care, cheaper).channel == "email"
    care.later(days=1)
    assert local(care, dear).hour == 8


# ---- R5: show 6 ----


def known_of(care, customer_id):
    """All that is known of somebody but what changes by the day."""
    seen = care.call("GET", f"/v1/customers/{customer_id}")
    return {name: value for name, value in seen.items() if name not in ("scores", "metrics")}


@pytest.mark.parametrize("channel", ["zalo", "messenger"])
def test_r5_a_strangers_phone_typed_into_a_chat_reveals_nothing_sends_nothing_and_joins_nobody(care, channel):
    owner = care.customer(1, phone=phone(1), email="lan@example.vn")
    care.event("Order Completed", phone(1), order_id="HD1", total=5_000_000, channel="web")
    care.later(hours=1)
    before, profile = care.received(), known_of(care, owner)
    words = f"shop ơi đơn của {phone(1)} tới đâu rồi"
    if channel == "zalo":
        care.providers.zalo.say("z-stranger", words)
        who = {"zalo_user_id": "z-stranger"}
    else:
        care.providers.messenger.say("m-stranger", words)
        who = {"messenger_psid": "m-stranger"}
    care.later(days=1)
    heard = [one for one in care.received() if one not in before]
    assert {one.to for one in heard if not one.to.endswith("@nhamay.example.vn")} == set(who.values())
    assert not any(word in one.text for one in heard for word in ("HD1", "5.000.000", phone(1)[-4:])), "no order"
    stranger = care.call("POST", "/v1/customers/search", who)
    assert stranger["customer_id"] != owner
    assert (stranger["recent_orders"], stranger["metrics"]["orders"]) == ([], 0)
    assert "phone" not in stranger["identities"]
    hint = [link for link in stranger["identities"]["links"] if link["kind"] == "phone"]
    assert [link["certainty"] for link in hint] == ["claimed"]
    assert known_of(care, owner) == profile
    assert care.call("POST", "/v1/customers/search", {"phone": phone(1)})["customer_id"] == owner
    # What is then sent to the stranger does not go to the number either.
    thanks = care.plan(stranger["customer_id"], "transactional", channels=("zns", "sms_care"))
    care.later(minutes=1)
    assert why(care, thanks) == ("suppressed", "no_address")


def test_r5_a_forged_call_leaves_nothing_behind(care):
    care.providers.zalo.say("z-1", "chào")
    (callback,) = care.providers.zalo.due_callbacks(care.now)
    forged = Callback(callback.method, callback.path, {**callback.headers, "X-ZEvent-Signature": "mac=" + "0" * 64},
                      callback.body, care.now)  # fmt: skip
    items = care.items("%")
    assert care.stack.http("POST", forged.path, "", forged.headers, forged.body).status == 401
    care.stack.drain()
    assert care.items("%") == items


def test_r5_a_phone_that_cannot_be_one_in_zalos_form_spoils_nothing_else(care):
    care.providers.zalo.submit_info("z-1", "0123", "Lan")
    care.providers.zalo.say("z-2", "chào shop")
    care.later(hours=1)
    assert care.stack.queue_state()["events-dlq"]["messages"] == []
    assert care.call("POST", "/v1/customers/search", {"zalo_user_id": "z-2"})


# ---- outages: show 5 ----


@pytest.mark.parametrize("mode", ["error", "rate_limit", "timeout", "crash_after_send"])
def test_r14_when_60_percent_of_calls_fail_for_an_hour_nothing_is_lost(care, mode):
    care.providers.zalo.phone_errors.clear()
    people = [care.customer(number) for number in range(1, 25)]
    for channel in ("zns", "email", "sms_care"):
        care.stack.providers.set_fault(channel, mode, 0.6)
    planned = [care.plan(who, purpose) for who in people for purpose in ("transactional", "service", "marketing")]
    care.later(hours=1)
    for channel in ("zns", "email", "sms_care"):
        care.stack.providers.set_fault(channel, "off", 0.0)
    for _ in range(3):
        care.later(days=3)
        care.know_the_do_not_call_list()
    outcomes = [why(care, message) for message in planned]
    assert len(outcomes) == 72
    assert {status for status, _ in outcomes} <= {"sent", "delivered", "unknown", "suppressed", "failed"}
    assert {reason for status, reason in outcomes if status == "suppressed"} <= {"holdout"}
    surely_not = sum(status == "failed" for status, _ in outcomes)
    assert surely_not == 0
    if mode in ("error", "rate_limit"):
        assert not [reason for status, reason in outcomes if status == "unknown"], "the provider said that it did not"
    for message in planned:
        times = len(care.received(message))
        assert times <= (1 if care.message(message)["purpose"] == "marketing" else 2) + len(
            [line for line in care.message(message)["log"] if line[2] == "not_opened"]
        )
    care.all_have_ended_with_words()


def test_r14_a_channel_that_is_out_for_long_is_passed_over(care):
    care.stack.providers.set_fault("zns", "error", 1.0)
    planned = [care.plan(care.customer(number), "transactional") for number in range(1, 41)]
    care.later(hours=2)
    assert {one(care, message).channel for message in planned} == {"email"}
    assert max(one(care, message).at for message in planned) < care.now - timedelta(minutes=30)


def test_x1_two_workers_whose_token_expired_renew_it_once(care):
    zalo = care.providers.zalo
    people = [care.customer(number) for number in range(1, 9)]
    care.plan(people[0], "transactional", "warm up")
    care.later(minutes=1)
    renewed = zalo.token_requests.count("refresh_token")
    zalo.expire_tokens()
    for number, who in enumerate(people):
        care.plan(who, "transactional", "later")
        if number % 2:
            # Another worker, that read the same old token.
            care.stack.outside.memory = ProcessMemory(care.stack.outside.clock)
    care.later(hours=1)
    assert zalo.token_requests.count("refresh_token") == renewed + 1
    assert len([o for o in care.received() if o.channel == "zns"]) == 9


@pytest.mark.parametrize("purpose", ["transactional", "service", "marketing"])
def test_r14_who_has_only_one_channel_gets_it_when_the_provider_is_well_again(care, purpose):
    care.providers.zalo.phone_errors.clear()
    care.stack.providers.set_fault("zns", "error", 1.0)
    people = [care.customer(number, phone=phone(number)) for number in range(1, 9)]
    sent = [care.plan(who, purpose, channels=("zns",)) for who in people]
    care.later(hours=3)
    assert care.received() == []
    assert {why(care, message) for message in sent} <= {("deferred", "provider_trouble"), ("suppressed", "holdout")}
    care.stack.providers.set_fault("zns", "off", 0.0)
    care.later(hours=2)
    assert {why(care, message)[0] for message in sent} <= {"delivered", "suppressed"}
    assert len(care.received()) >= 7


def test_r14_a_provider_that_is_gone_for_a_day_leaves_the_message_to_staff(care):
    care.stack.providers.set_fault("zns", "error", 1.0)
    lan = care.customer(1, phone=phone(1))
    sent = care.plan(lan, "transactional", channels=("zns",))
    care.later(days=2)
    assert why(care, sent) == ("failed", "handed_to_staff")
    assert [task["kind"] for task in care.call("GET", f"/v1/customers/{lan}")["tasks"]] == ["call"]


def test_x1_what_may_have_reached_somebody_is_never_called_too_late(care):
    care.providers.zalo.never_delivered.add(f"+84{phone(1)[1:]}")
    care.stack.providers.set_fault("zns", "crash_after_send", 1.0)
    lan = care.customer(1, phone=phone(1))
    for seconds in (20, 45):
        sent = care.plan(lan, "transactional", f"{seconds}", send_before=care.now + timedelta(seconds=seconds))
        care.later(days=1)
        assert len(care.received(sent)) == 1
        assert why(care, sent) == ("unknown", "nobody_knows")


@pytest.mark.parametrize("first", [0, 1])
def test_r17_two_customers_who_turn_out_to_be_one_person_share_what_they_got(care, first):
    two = [care.customer(1, phone=phone(1)), care.customer(2, phone=phone(2), email="lan@example.vn")]
    care.later(hours=1)
    had = care.plan(two[first], "marketing", "had", channels=("zns",))
    care.later(minutes=1)
    assert len(care.received(had)) == 1
    waits = care.plan(two[1 - first], "marketing", "waits", send_after=care.now + timedelta(hours=1))
    both = {"identities": {"phone": phone(1), "email": "lan@example.vn"}, "source": "pos"}
    care.call("PUT", "/v1/customers", both)
    care.later(hours=3)
    assert why(care, waits) == ("deferred", "own_cap")
    assert len(care.shown(two[0])) == 2, "and the messages of both are shown with either"


def test_r13_who_could_not_be_reached_on_a_channel_can_be_again_after_writing_from_it(care):
    lan = care.customer(1, zalo_user_id="z-1", phone=phone(1))
    care.providers.zalo.say("z-1", "chào shop")
    care.stack.drain()
    care.providers.zalo.user_errors["z-1"] = -227
    first = care.plan(lan, "service", "first", channels=("zalo", "zns"))
    care.later(minutes=1)
    assert one(care, first).channel == "zns"
    care.providers.zalo.user_errors.clear()
    care.later(days=3)
    care.providers.zalo.say("z-1", "shop ơi")
    care.stack.drain()
    second = care.plan(lan, "service", "second", channels=("zalo", "zns"))
    care.later(minutes=1)
    assert why(care, second)[0] in ("sent", "delivered")
    assert care.message(second)["channel"] == "zalo"


def test_n8_a_new_address_opens_a_channel_that_an_old_one_had_closed(care):
    lan = care.customer(1, email="bounce@example.vn", phone=phone(1))
    care.plan(lan, "service", channels=("email",))
    care.later(minutes=1)
    body = {"identities": {"phone": phone(1), "email": "lan.moi@example.vn"}, "source": "pos"}
    care.call("PUT", "/v1/customers", body)
    again = care.plan(lan, "service", "again", channels=("email",))
    care.later(minutes=1)
    assert why(care, again)[0] in ("sent", "delivered")

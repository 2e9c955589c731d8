"""Rows of the mission that a ticket's life answers, each through the doors."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from shared.domain.vietnam_time import moment, stamp
from shared.ports import Delete, Key
from shared.repositories import table_keys
from shared.repositories.staff_absence import start_absence
from tests.support.tickets import ANGRY, ASKS_HOURS, CALM, CRITICAL, HOA, LAN, TEN, Helpdesk

MAIL = {"phone": LAN, "email": "lan@example.vn"}


def test_t1_a_complaint_is_read_routed_timed_and_somebodys(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)

    assert (ticket["severity"], ticket["sentiment"], ticket["queue"], ticket["priority"]) == (
        "high", "negative", "care", "P2",
    )  # fmt: skip
    assert ticket["assignee"] in ("care_lead", "care_1", "care_2", "care_3", "care_4")
    assert ticket["first_response_due_at"] == stamp(TEN + timedelta(hours=1))
    assert ticket["reasons"]
    assert helpdesk.listed() == helpdesk.listed("queue=care") == helpdesk.listed(f"assignee={ticket['assignee']}") == [
        ticket["ticket_id"]
    ]  # fmt: skip
    assert (
        helpdesk.listed("queue=sales") == helpdesk.listed("status=resolved") == helpdesk.listed("assignee=nobody") == []
    )
    assert helpdesk.loads() == {ticket["assignee"]: 1}
    (note,) = helpdesk.notes("ticket_assigned")
    assert note["person"] == ticket["assignee"]


def test_t1_the_list_shows_the_most_urgent_first(helpdesk: Helpdesk):
    calm = helpdesk.says(CALM, who={"phone": HOA, "zalo_user_id": "z2"})
    angry = helpdesk.says(ANGRY)
    helpdesk.vip("0938126457")
    critical = helpdesk.says(CRITICAL, who={"phone": "0938126457"}, channel="hotline")

    assert helpdesk.listed() == [one["ticket_id"] for one in (critical, angry, calm)]
    first = helpdesk.page("limit=2")
    assert len(first["items"]) == 2
    assert [row["ticket_id"] for row in helpdesk.page(f"limit=2&next={first['next']}")["items"]] == [calm["ticket_id"]]


def test_t2_a_simple_question_is_answered_by_the_bot_at_once_on_the_same_channel(helpdesk: Helpdesk):
    ticket = helpdesk.says(ASKS_HOURS, "email", who=MAIL)

    assert (ticket["queue"], ticket["assignee"], ticket["status"]) == ("bot", None, "pending")
    assert "21:00" in ticket["bot_reply"]
    (mail,) = helpdesk.answers("email")
    assert "21:00" in mail["text"]
    seen = helpdesk.open(ticket)
    assert [line["author"] for line in seen["thread"]] == ["customer", "bot"]
    assert seen["thread"][1]["sources"]


def test_t2_who_is_unhappy_with_the_bot_gets_a_person_with_the_whole_story(helpdesk: Helpdesk):
    ticket = helpdesk.says(ASKS_HOURS)
    again = helpdesk.says("Trả lời vớ vẩn, tôi nhắn mấy lần rồi không ai trả lời, bực mình quá!")

    assert again["ticket_id"] == ticket["ticket_id"]
    assert again["joined"]
    assert (again["queue"], again["status"]) == ("care", "open")
    assert again["assignee"]
    assert again["handover"]["reason"]
    assert [line["author"] for line in helpdesk.open(again)["thread"]][:3] == ["customer", "bot", "customer"]


def test_t3_a_critical_ticket_of_a_vip_is_a_senior_managers_at_once_also_when_all_are_busy(helpdesk: Helpdesk):
    helpdesk.vip()
    for number in range(12):
        ticket = helpdesk.says(CRITICAL, "hotline", who={"phone": LAN}, order_id=f"HD{number}")
        assert (ticket["queue"], ticket["priority"], ticket["value"]) == ("senior_manager", "P1", "vip")
        assert ticket["assignee"] == "senior_1"
        assert ticket["bot_reply"] is None
    assert helpdesk.loads() == {"senior_1": 12}
    assert len(helpdesk.notes("ticket_assigned")) == 12


def test_t3_the_second_message_of_a_vip_turns_critical_and_the_ticket_moves_up(helpdesk: Helpdesk):
    helpdesk.vip(zalo_user_id="z1")
    calm = helpdesk.says(ASKS_HOURS)
    assert calm["queue"] == "bot"
    worse = helpdesk.says(CRITICAL)

    assert worse["ticket_id"] == calm["ticket_id"]
    assert (worse["queue"], worse["severity"], worse["assignee"]) == ("senior_manager", "critical", "senior_1")


def test_t4_t8_first_response_and_handling_are_measured_for_people_and_bot_apart(helpdesk: Helpdesk):
    asked = helpdesk.says(ASKS_HOURS, who={"phone": HOA, "zalo_user_id": "z2"})
    angry = helpdesk.says(ANGRY)
    helpdesk.later(minutes=20)
    answered = helpdesk.reply(angry)
    helpdesk.later(minutes=40)
    done = helpdesk.do(angry, "resolve", {"note": "Đã gửi áo mới"}, by="care_1")

    assert (asked["bot_first_response_seconds"], asked["first_response_seconds"]) == (0, None)
    assert (answered["first_response_seconds"], answered["first_response_by"]) == (1200, "care_1")
    assert (done["handled_seconds"], done["resolved_by"], done["status"]) == (3600, "care_1", "resolved")
    total: dict[str, Counter[str]] = {}
    for item in helpdesk.items("DESK#2026-11-24"):
        who, channel = item["sk"].split("|")
        assert channel == "zalo"
        total.setdefault(who, Counter()).update({k: v for k, v in item.items() if k not in ("pk", "sk")})
    assert total == {
        "all": {"opened": 2},
        "bot": {"answers": 1},
        "people": {"answers": 1, "seconds": 1200, "in_time": 1, "resolved": 1, "handling": 3600},
    }


def test_t8_who_writes_a_mail_is_told_at_once_by_when_a_person_answers(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY, "email", who=MAIL, subject="Áo rách")
    (mail,) = helpdesk.sent("email")

    assert ticket["case_code"] in mail["text"]
    assert "11:00 ngày 24/11/2026" in mail["text"]
    assert ticket["first_response_at"] is None
    assert sum(item.get("answers", 0) for item in helpdesk.items("DESK#%") if item["sk"].startswith("auto|email")) == 1
    helpdesk.says("Trả lời em đi ạ", "email", who=MAIL)
    assert len(helpdesk.sent("email")) == 1


def test_t7_an_answer_goes_out_on_the_channel_it_came_from(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY, "email", who=MAIL, subject="Áo rách")
    answer = helpdesk.reply(ticket, "Dạ em gửi áo mới cho chị ngay hôm nay ạ.")

    assert (answer["status"], answer["first_response_by"]) == ("pending", "care_1")
    (mail,) = helpdesk.answers("email")
    assert "áo mới" in mail["text"]
    assert helpdesk.loads() == {}
    line = helpdesk.open(ticket)["thread"][-1]
    assert (line["author"], line["by"], bool(line["message_id"])) == ("agent", "care_1", True)


def test_t7_an_answer_finds_another_way_where_the_channel_does_not_reach_the_customer(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY, "hotline", who={"phone": LAN})
    helpdesk.reply(ticket, "Dạ em gửi áo mới cho chị ngay hôm nay ạ.")
    helpdesk.later(minutes=1)

    (task,) = helpdesk.call("GET", "/v1/tasks").json["items"]
    assert task["kind"] == "call"
    assert "áo mới" in task["script"]


def test_n14_each_group_has_its_way_before_the_sale_after_it_and_when_something_went_wrong(helpdesk: Helpdesk):
    """«4 cách xây dựng mô hình»: a way for each group, problems mended, before and after the sale; what loyal customers
    bring is A23."""
    helpdesk.vip("0938126457")
    asks = "Đèn bàn này có mấy màu, giá bao nhiêu vậy shop?"
    new = helpdesk.says(asks)
    loyal = helpdesk.says(asks, "hotline", who={"phone": "0938126457"})
    assert [(one["intent"], one["queue"]) for one in (new, loyal)] == [("product_question", "sales")] * 2
    assert loyal["first_response_due_at"] < new["first_response_due_at"]

    helpdesk.sell("HD1", LAN, total=900_000)
    broken = helpdesk.says("Đèn giao tới đã hỏng, bật không lên, shop xử lý giúp mình nhé", "email", who=MAIL)
    assert (broken["severity"], broken["queue"]) == ("high", "care")
    assert "complaint_open" in helpdesk.view(broken["customer_id"])["segments"]["tags"]
    helpdesk.reply(broken, "Dạ em xin lỗi, em gửi đèn mới ngay hôm nay ạ.")
    helpdesk.do(broken, "resolve", {"wrong": True, "remedy": "Tiệm đã gửi đèn mới."}, by="care_1")
    helpdesk.later(hours=2)
    assert any("Tiệm đã gửi đèn mới" in mail["text"] for mail in helpdesk.answers("email"))
    messages = helpdesk.call("GET", f"/v1/customers/{broken['customer_id']}/messages").json["items"]
    assert "ticket_survey" in {message["journey"] for message in messages if message["status"] != "suppressed"}


def test_n15_intake_allocation_care_and_follow_up(helpdesk: Helpdesk):
    """«tiếp nhận – phân bổ – chăm sóc – theo dõi»"""
    ticket = helpdesk.says(ANGRY, "email", who=MAIL)
    helpdesk.later(minutes=5)
    helpdesk.reply(ticket)
    helpdesk.later(minutes=5)
    helpdesk.do(ticket, "resolve", by="care_1")
    helpdesk.later(hours=2)

    customer = ticket["customer_id"]
    assert {"Ticket Opened", "Ticket Resolved"} <= set(helpdesk.happened(customer))
    mails = helpdesk.answers("email")
    assert len(mails) == 2  # the answer, and the question how it was
    assert "/s/" in mails[1]["text"]


def test_n16_a_low_rating_after_a_ticket_alarms_the_care_lead_and_thanks_the_customer(helpdesk: Helpdesk):
    """«ghi nhận – phản hồi – cải thiện liên tục»: what was said is kept, answered, and leads to something."""
    ticket = helpdesk.says(ANGRY, "email", who=MAIL)
    helpdesk.reply(ticket)
    helpdesk.do(ticket, "resolve", by="care_1")
    rated = helpdesk.do(ticket, "rating", {"score": 2, "comment": "Chờ lâu quá"})
    helpdesk.later(minutes=2)

    assert (rated["rating"]["score"], rated["rating"]["comment"]) == (2, "Chờ lâu quá")
    (alarm,) = [task for task in helpdesk.call("GET", "/v1/tasks").json["items"] if task["kind"] == "alarm"]
    assert "2/5" in alarm["title"]
    assert any("góp ý" in sent["text"] for sent in helpdesk.sent())


def test_a10_a12_the_answer_on_the_survey_page_is_the_tickets_rating(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY, "email", who=MAIL)
    helpdesk.reply(ticket)
    helpdesk.do(ticket, "resolve", by="care_1")
    helpdesk.later(hours=2)
    link = helpdesk.answers("email")[-1]["text"].split("/s/")[1].split()[0].strip(")")
    status, _, _ = helpdesk.stack.http(
        "POST", f"/s/{link}", "", {"content-type": "application/x-www-form-urlencoded"}, b"score=1&comment=Te"
    )
    helpdesk.later(minutes=2)

    assert status == 200
    assert helpdesk.open(ticket)["rating"]["score"] == 1
    assert [task["kind"] for task in helpdesk.call("GET", "/v1/tasks").json["items"]] == ["alarm"]


def test_a11_the_alarm_of_a_low_rating_says_whom_to_call(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY, "email", who=MAIL)
    helpdesk.do(ticket, "resolve", by="care_1")
    helpdesk.do(ticket, "rating", {"score": 1})
    helpdesk.later(minutes=2)

    (task,) = helpdesk.call("GET", "/v1/tasks").json["items"]
    assert task["phone"] == "+84901234567"
    assert moment(task["due_at"]) <= helpdesk.now + timedelta(hours=2)
    assert task["script"]


def test_a24_where_we_were_wrong_the_customer_gets_an_apology_with_what_was_done(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY, "email", who=MAIL)
    done = helpdesk.do(
        ticket, "resolve", {"wrong": True, "remedy": "Tiệm đã gửi áo mới và hoàn phí giao."}, by="care_1"
    )  # fmt: skip

    assert done["our_fault"]
    (mail,) = helpdesk.answers("email")
    assert "lỗi là của" in mail["text"]
    assert "hoàn phí giao" in mail["text"]
    helpdesk.do(ticket, "resolve", {"wrong": True}, by="care_1")
    assert len(helpdesk.answers("email")) == 1


def test_x14_promotions_pause_while_a_complaint_is_open_and_the_customer_bears_its_tag(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)
    customer = ticket["customer_id"]

    assert helpdesk.profile(customer)["complaints"] == [ticket["ticket_id"]]
    assert "complaint_open" in helpdesk.view(customer)["segments"]["tags"]
    members = helpdesk.call("GET", "/v1/segments/complaint_open/customers").json["items"]
    assert [member["customer_id"] for member in members] == [customer]
    helpdesk.do(ticket, "resolve", by="care_1")
    assert "complaints" not in helpdesk.profile(customer)
    assert "complaint_open" not in helpdesk.view(customer)["segments"]["tags"]
    assert helpdesk.call("GET", "/v1/segments/complaint_open/customers").json["items"] == []


def test_x13_two_agents_do_not_answer_one_customer(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY, "email", who=MAIL)
    held = helpdesk.do(ticket, "lock", by="care_1")
    refused = helpdesk.call(
        "POST", f"/v1/tickets/{ticket['ticket_id']}/messages", {"author": "agent", "text": "Dạ"},
        key=helpdesk.agent("care_2"),
    )  # fmt: skip

    assert held["lock"] == {"by": "care_1", "until": stamp(TEN + timedelta(minutes=10))}
    assert refused.status == 409
    assert "care_1" in refused.json["detail"]
    assert held["lock"]["until"] in refused.json["detail"]
    assert helpdesk.answers("email") == []
    helpdesk.reply(ticket, by="care_1")
    helpdesk.do(ticket, "lock", {"release": True}, by="care_1")
    assert helpdesk.reply(ticket, "Dạ thêm một ý nữa ạ", by="care_2")["lock"] is None
    assert len(helpdesk.answers("email")) == 2


def test_x13_a_lock_runs_out_and_notes_go_in_meanwhile(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)
    helpdesk.do(ticket, "lock", by="care_1")
    helpdesk.do(ticket, "messages", {"author": "agent", "text": "Khách quen của cửa hàng", "note": True}, by="care_2")
    helpdesk.do(ticket, "lock", by="care_2", status=409)
    helpdesk.later(minutes=11)
    assert helpdesk.do(ticket, "lock", by="care_2")["lock"]["by"] == "care_2"


def test_d4_the_agent_on_the_fanpage_sees_the_size_m_shirt_bought_in_the_store_yesterday(helpdesk: Helpdesk):
    """«thấy ngay lịch sử họ vừa mua chiếc áo sơ mi size M tại cửa hàng hôm qua»"""
    shirt = {"sku": "SM-M", "name": "Áo sơ mi linen", "variant": "size M", "quantity": 1, "price": 450_000}
    helpdesk.sell("HD1", LAN, days_ago=1, store="Quận 1", channel="store", total=450_000, products=[shirt])
    customer = helpdesk.put(phone=LAN, messenger_psid="psid-1").json["customer_id"]
    ticket = helpdesk.says("Shop ơi cho mình đổi cái này với", "messenger", who={"messenger_psid": "psid-1"})

    seen = helpdesk.open(ticket, by="care_1")
    assert seen["customer"]["customer_id"] == ticket["customer_id"] == customer
    (order,) = seen["customer"]["recent_orders"]
    assert (order["order_id"], order["store"]) == ("HD1", "Quận 1")
    assert order["lines"][0]["name"] == "Áo sơ mi linen"
    assert order["lines"][0]["variant"] == "size M"
    assert seen["windows"]["messenger"]["state"] == "open"
    assert seen["windows"]["messenger"]["minutes_left"] == 7 * 24 * 60


def test_d14_what_the_bot_talked_about_stands_with_the_customer(helpdesk: Helpdesk):
    ticket = helpdesk.says(ASKS_HOURS)

    opened = next(entry for entry in helpdesk.timeline(ticket["customer_id"]) if entry["name"] == "Ticket Opened")
    assert opened["properties"]["intent"] == "store_info"
    (shown,) = helpdesk.view(ticket["customer_id"])["open_tickets"]
    assert shown["ticket_id"] == ticket["ticket_id"]
    helpdesk.later(hours=25)
    assert helpdesk.view(ticket["customer_id"])["open_tickets"] == []
    assert helpdesk.open(ticket)["resolved_by"] == "silence"


def test_t1_a_missed_deadline_is_warned_of_then_escalated_once(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY, "email", who=MAIL)
    helpdesk.later(minutes=44)
    assert helpdesk.notes("deadline_warning") == []
    helpdesk.later(minutes=2)
    (warning,) = helpdesk.notes("deadline_warning")
    assert warning["person"] == ticket["assignee"]
    helpdesk.later(minutes=20)

    seen = helpdesk.open(ticket)
    assert seen["missed"] == ["first_response"]
    assert (seen["queue"], seen["assignee"]) == ("senior_manager", "senior_1")
    told = {note["person"] for note in helpdesk.notes("deadline_missed")}
    assert {ticket["assignee"], "care_lead"} <= told
    before = len(helpdesk.notes())
    helpdesk.later(hours=2)
    assert len(helpdesk.notes()) == before
    assert helpdesk.loads() == {"senior_1": 1}
    assert [entry for entry in helpdesk.happened(ticket["customer_id"]) if entry == "Ticket Escalated"] == [
        "Ticket Escalated"
    ]


def test_t1_what_comes_at_night_waits_for_the_morning_shift(helpdesk: Helpdesk):
    helpdesk.stack.advance(TEN + timedelta(hours=13))  # eleven at night
    ticket = helpdesk.says(CALM)

    assert (ticket["assignee"], ticket["queue"]) == (None, "care")
    assert moment(ticket["first_response_due_at"]) > TEN + timedelta(hours=22)
    helpdesk.stack.advance(TEN + timedelta(hours=22, minutes=2))  # eight in the morning
    assert helpdesk.open(ticket)["assignee"]
    assert sum(helpdesk.loads().values()) == 1


def test_t1_when_somebody_becomes_free_a_waiting_ticket_is_theirs(helpdesk: Helpdesk):
    people = {"care_lead": 15}
    first = helpdesk.says(CALM)
    room = dict.fromkeys(("care_lead", "care_1", "care_2", "care_3", "care_4"), 99) | people
    others = [
        Key(table_keys.ticket_list(assignee=person), f"open#9#{number:02}")
        for person, open_tickets in room.items()
        for number in range(open_tickets)
    ]
    for key in others:
        helpdesk.put_item({"pk": key.pk, "sk": key.sk, "queue": "care"})
    waiting = helpdesk.says(CALM, who={"phone": HOA, "zalo_user_id": "z2"})
    assert waiting["assignee"] is None
    for key in others:
        if key.pk == table_keys.ticket_list(assignee=first["assignee"]):
            helpdesk.stack.table.write(Delete(key))
    helpdesk.do(first, "resolve", by=first["assignee"])

    assert helpdesk.open(waiting)["assignee"] == first["assignee"]


def test_t1_what_somebody_on_leave_has_is_somebody_elses_before_it_is_late(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)
    start_absence(helpdesk.stack.table, ticket["assignee"], helpdesk.now.date() + timedelta(days=3))
    helpdesk.later(minutes=50)
    seen = helpdesk.open(ticket)

    assert seen["assignee"] not in (None, ticket["assignee"])
    assert helpdesk.loads() == {seen["assignee"]: 1}
    assert [note["person"] for note in helpdesk.notes("deadline_warning")] == [seen["assignee"]]


def test_t3_who_has_become_a_vip_meanwhile_is_treated_as_one(helpdesk: Helpdesk):
    calm = helpdesk.says(CALM)
    assert calm["value"] == "none"
    helpdesk.vip()

    assert helpdesk.says(CRITICAL)["queue"] == "senior_manager"


def test_t7_a_chat_that_an_integration_told_of_is_answered_in_that_chat(helpdesk: Helpdesk):
    asked = helpdesk.says(ASKS_HOURS)
    angry = helpdesk.says(ANGRY, "messenger", who={"messenger_psid": "psid-1"})
    helpdesk.reply(angry, "Dạ em gửi áo mới ngay ạ")

    (chat,), (page,) = helpdesk.sent("zalo"), helpdesk.sent("messenger")
    assert (chat["to"], chat["text"]) == ("z1", asked["bot_reply"])
    assert (page["to"], page["text"]) == ("psid-1", "Dạ em gửi áo mới ngay ạ")

"""A ticket's life over HTTP: what joins what, what is told once, and what staff may do with it when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.vietnam_time import stamp
from tests.support.tickets import ANGRY, ASKS_HOURS, CALM, CRITICAL, HOA, LAN, TEN, Helpdesk

MAIL = {"phone": LAN, "email": "lan@example.vn"}


# ---- threads ----


def test_the_same_message_five_times_is_one_ticket_and_one_line(helpdesk: Helpdesk):
    answers = [helpdesk.says(ANGRY, message_id="m-1") for _ in range(5)]

    assert {answer["ticket_id"] for answer in answers} == {answers[0]["ticket_id"]}
    assert [answer["joined"] for answer in answers] == [False] * 5
    assert len(helpdesk.open(answers[0])["thread"]) == 1
    assert len(helpdesk.listed()) == 1
    assert len(helpdesk.notes("ticket_assigned")) == 1


def test_without_a_name_of_its_own_the_same_words_within_a_minute_are_one_message(helpdesk: Helpdesk):
    first = helpdesk.says(ASKS_HOURS)
    assert helpdesk.says(ASKS_HOURS)["bot_reply"] == first["bot_reply"]
    helpdesk.later(seconds=90)
    helpdesk.says(ASKS_HOURS)

    assert [line["author"] for line in helpdesk.open(first)["thread"]] == ["customer", "bot"] * 2


def test_two_messages_within_a_minute_join_one_thread(helpdesk: Helpdesk):
    first = helpdesk.says("Shop ơi")
    helpdesk.later(seconds=30)
    second = helpdesk.says(CALM)

    assert second["ticket_id"] == first["ticket_id"]
    assert (first["joined"], second["joined"]) == (False, True)
    assert (second["queue"], second["intent"]) == ("care", "return_exchange")
    texts = [line["text"] for line in helpdesk.open(first)["thread"] if line["author"] == "customer"]
    assert texts == ["Shop ơi", CALM]


def test_another_channel_and_another_customer_are_another_ticket(helpdesk: Helpdesk):
    tickets = [
        helpdesk.says(CALM),
        helpdesk.says(CALM, "messenger", who={"phone": LAN, "messenger_psid": "p1"}),
        helpdesk.says(CALM, who={"phone": HOA, "zalo_user_id": "z2"}),
    ]

    assert len({ticket["ticket_id"] for ticket in tickets}) == 3
    assert len({ticket["customer_id"] for ticket in tickets}) == 2


@pytest.mark.parametrize(
    ("minutes", "order_id", "joins"), [(9, None, True), (11, None, False), (1, "HD2", False), (1, "HD1", True)]
)
def test_on_the_phone_a_call_joins_for_ten_minutes_and_the_same_order(helpdesk: Helpdesk, minutes, order_id, joins):
    first = helpdesk.says(CALM, "hotline", who={"phone": LAN}, order_id="HD1")
    helpdesk.later(minutes=minutes)
    more = {"order_id": order_id} if order_id else {}
    second = helpdesk.says("Khách gọi lại hỏi thêm", "hotline", who={"phone": LAN}, **more)

    assert (second["ticket_id"] == first["ticket_id"]) is joins


def test_people_who_are_merged_share_their_threads(helpdesk: Helpdesk):
    chat = helpdesk.says(CALM, who={"zalo_user_id": "z1"})
    helpdesk.put(phone=LAN)
    merged = helpdesk.put(phone=LAN, zalo_user_id="z1").json["customer_id"]
    assert merged != chat["customer_id"]
    again = helpdesk.says("Shop xem giúp em chưa ạ", who={"phone": LAN})

    assert again["ticket_id"] == chat["ticket_id"]
    assert [ticket["ticket_id"] for ticket in helpdesk.view(merged)["open_tickets"]] == [chat["ticket_id"]]


def test_who_nobody_knows_becomes_a_customer_and_a_claimed_phone_joins_nobody(helpdesk: Helpdesk):
    owner = helpdesk.put(phone=LAN).json["customer_id"]
    web = helpdesk.key("api", "web")
    claimed = helpdesk.says(CALM, "web", who={"phone": LAN}, key=web)
    by_staff = helpdesk.says(CALM, "web", who={"phone": LAN})

    assert claimed["customer_id"] is None  # a page of the web is told of nobody
    assert helpdesk.open(claimed)["customer_id"] != owner
    assert by_staff["customer_id"] == owner
    assert helpdesk.says("Còn nữa ạ", "web", who={"phone": LAN}, key=web)["ticket_id"] == claimed["ticket_id"]
    asked = helpdesk.says("Đơn HD1 của em tới đâu rồi?", "app", who={"phone": LAN}, key=web)
    assert helpdesk.open(asked)["customer_id"] != owner


def test_a_message_on_a_resolved_ticket_reopens_it_and_its_clocks_begin_anew(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)
    helpdesk.reply(ticket)
    helpdesk.do(ticket, "resolve", by="care_1")
    helpdesk.later(days=3)
    again = helpdesk.says("Vẫn chưa nhận được áo mới shop ơi")

    assert (again["ticket_id"], again["status"], again["reopened"]) == (ticket["ticket_id"], "open", 1)
    assert again["first_response_due_at"] > ticket["first_response_due_at"]
    assert again["first_response_at"] is None
    assert again["first_response_seconds"] == 0  # what was measured once stays
    assert "Ticket Reopened" in helpdesk.happened(ticket["customer_id"])
    assert helpdesk.profile(ticket["customer_id"])["complaints"] == [ticket["ticket_id"]]
    assert helpdesk.listed("status=resolved") == []
    assert sum(helpdesk.loads().values()) == 1


def test_a_message_posted_onto_a_resolved_ticket_reopens_it(helpdesk: Helpdesk):
    ticket = helpdesk.says(CALM, "hotline", who={"phone": LAN})
    helpdesk.do(ticket, "resolve", by="care_1")
    again = helpdesk.do(ticket, "messages", {"author": "customer", "text": "Chưa xong đâu shop"})

    assert (again["ticket_id"], again["status"], again["joined"]) == (ticket["ticket_id"], "open", True)
    helpdesk.do(again, "resolve", by="care_1")
    helpdesk.later(days=15)
    fresh = helpdesk.do(ticket, "messages", {"author": "customer", "text": "Cho em hỏi đổi size"})
    assert fresh["ticket_id"] != ticket["ticket_id"]


def test_long_after_it_was_resolved_a_message_is_a_new_ticket(helpdesk: Helpdesk):
    ticket = helpdesk.says(CALM)
    helpdesk.do(ticket, "resolve", by="care_1")
    helpdesk.later(days=15)

    assert helpdesk.says(CALM)["ticket_id"] != ticket["ticket_id"]


def test_labels_only_rise_by_themselves(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)
    calmer = helpdesk.says("Dạ vâng em cảm ơn, khi nào thì có ạ")

    assert (calmer["severity"], calmer["sentiment"], calmer["priority"]) == ("high", "negative", "P2")
    worse = helpdesk.says(CRITICAL)
    assert (worse["ticket_id"], worse["severity"], worse["priority"]) == (ticket["ticket_id"], "critical", "P1")
    assert worse["first_response_due_at"] < ticket["first_response_due_at"]


# ---- mistakes ----


def test_every_wrong_field_of_a_ticket_is_named(helpdesk: Helpdesk):
    answer = helpdesk.call(
        "POST",
        "/v1/tickets",
        {
            "customer": {"identities": {"phone": "12", "fax": "1"}, "x": 1}, "channel": "fax", "text": [],
            "subject": [],
            "attachments": [{"kind": "poem", "url": "x", "y": 1}], "y": 1,
        },
    )  # fmt: skip

    assert answer.status == 400
    assert set(answer.fields) == {
        "y", "customer.x", "customer.identities.fax", "customer.identities.phone", "channel", "text", "subject",
        "attachments[0].y", "attachments[0].kind", "attachments[0].url",
    }  # fmt: skip
    assert helpdesk.call("POST", "/v1/tickets", {}).fields == ["customer.identities", "channel", "text"]
    assert helpdesk.call("POST", "/v1/tickets", []).fields == ["body"]
    assert helpdesk.items("C#%") == []


@pytest.mark.parametrize(
    ("what", "body", "wrong"),
    [
        ("messages", {"author": "ghost", "text": "x"}, ["author"]),
        ("messages", {"author": "customer", "text": "x", "note": True}, ["note"]),
        ("messages", {"author": "agent", "text": "x" * 2001}, ["text"]),
        ("messages", {"author": "agent", "text": "x", "agent": "nobody"}, ["agent"]),
        ("resolve", {"remedy": "x"}, ["remedy"]),
        ("rating", {"score": 6}, ["score"]),
        ("rating", {"score": "5"}, ["score"]),
        ("assign", {}, ["assignee"]),
        ("assign", {"assignee": "ghost", "queue": "bot"}, ["assignee", "queue"]),
        ("labels", {"intent": "love", "mood": "bad"}, ["mood", "intent"]),
        ("asks", {"to": "moon", "due_in_minutes": 1}, ["to", "question", "due_in_minutes"]),
        ("compensation", {"amount": 50_000, "offer": "vip"}, ["amount", "reason"]),
        ("compensation", {"offer": "moon", "reason": "x"}, ["offer"]),
        ("compensation/approve", {"approved": "yes"}, ["approved"]),
        ("lock", {"release": "yes"}, ["release"]),
    ],
)
def test_every_wrong_field_of_a_desk_call_is_named(helpdesk: Helpdesk, what, body, wrong):
    ticket = helpdesk.says(CALM)
    answer = helpdesk.do(ticket, what, body, status=400)

    assert [error["field"] for error in answer["errors"]] == wrong


def test_without_a_status_the_list_has_all_tickets_the_open_ones_first(helpdesk: Helpdesk):
    done = helpdesk.says(CALM, who={"phone": HOA, "zalo_user_id": "z2"})
    helpdesk.do(done, "resolve", by="care_1")
    bot = helpdesk.says(ASKS_HOURS, who={"phone": "0938126457", "zalo_user_id": "z3"})
    angry = helpdesk.says(ANGRY)
    wanted = [one["ticket_id"] for one in (angry, bot, done)]

    assert helpdesk.listed() == wanted
    assert helpdesk.listed("queue=bot") == helpdesk.listed("status=pending") == [bot["ticket_id"]]
    page = helpdesk.page("limit=2")
    assert [row["ticket_id"] for row in page["items"]] == wanted[:2]
    assert helpdesk.listed(f"limit=2&next={page['next']}") == wanted[2:]


def test_lists_refuse_what_they_do_not_know(helpdesk: Helpdesk):
    answer = helpdesk.call("GET", "/v1/tickets", query="status=lost&queue=moon&next=eA==")
    assert (answer.status, answer.fields) == (400, ["status", "queue", "next"])
    for unknown in ("x" * 44, "x", "C" * 44):
        assert helpdesk.call("GET", f"/v1/tickets/{unknown}").status == 404
        assert helpdesk.call("POST", f"/v1/tickets/{unknown}/rating", {"score": 5}).status == 404


# ---- who may ----


def test_the_page_of_the_web_speaks_for_customers_only(helpdesk: Helpdesk):
    web = helpdesk.key("api", "web")
    ticket = helpdesk.says(CALM, "web", who={"phone": LAN}, key=web)
    path = f"/v1/tickets/{ticket['ticket_id']}"

    assert helpdesk.call("GET", path, key=web).status == 403
    assert helpdesk.call("POST", f"{path}/messages", {"author": "agent", "text": "x"}, key=web).status == 403
    assert helpdesk.call("POST", f"{path}/resolve", key=web).status == 403
    assert helpdesk.call("POST", f"{path}/messages", {"author": "customer", "text": "alo"}, key=web).status == 201
    assert helpdesk.call("POST", f"{path}/rating", {"score": 5}, key=web).status == 200


def test_r7_a_store_sees_its_own_tickets(helpdesk: Helpdesk):
    helpdesk.sell("HD1", LAN, store="Quận 1")
    ticket = helpdesk.says(CALM)
    other = helpdesk.says(CALM, "hotline", who={"phone": HOA})
    near, far = (helpdesk.key("api", "store_manager", stores=(store,)) for store in ("Quận 1", "Thủ Đức"))
    path = f"/v1/tickets/{ticket['ticket_id']}"

    assert [row["ticket_id"] for row in helpdesk.call("GET", "/v1/tickets", key=near).json["items"]] == [
        ticket["ticket_id"]
    ]  # fmt: skip
    assert helpdesk.call("GET", path, key=near).status == 200
    assert helpdesk.call("GET", "/v1/tickets", key=far).json["items"] == []
    assert helpdesk.call("GET", path, key=far).status == 403
    assert helpdesk.call("POST", f"{path}/resolve", key=far).status == 403
    assert helpdesk.call("GET", f"/v1/tickets/{other['ticket_id']}", key=near).status == 403
    assert helpdesk.call("GET", "/v1/tickets", query="store=Th%E1%BB%A7%20%C4%90%E1%BB%A9c", key=near).status == 403


def test_r7_a_store_that_writes_a_ticket_down_sees_it_and_not_the_customer_of_another(helpdesk: Helpdesk):
    helpdesk.sell("HD1", LAN, store="Quận 1")
    far = helpdesk.key("api", "store_staff", stores=("Thủ Đức",))
    ticket = helpdesk.says(CALM, "store", who={"phone": LAN}, key=far)
    seen = helpdesk.call("GET", f"/v1/tickets/{ticket['ticket_id']}", key=far)

    assert ticket["store"] == "Thủ Đức"
    assert (seen.status, seen.json["customer"]) == (200, None)


def test_only_a_manager_approves_a_compensation(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)
    waiting = helpdesk.do(ticket, "compensation", {"amount": 500_000, "reason": "Máy hỏng hai lần"}, by="care_1")
    assert waiting["compensation"]["status"] == "waiting"
    assert {note["person"] for note in helpdesk.notes("mention")} == {"senior_1", "senior_2"}
    helpdesk.do(ticket, "compensation/approve", by="care_1", status=403)
    approved = helpdesk.do(ticket, "compensation/approve", {"note": "Đồng ý"}, by="senior_1")

    assert (approved["compensation"]["status"], approved["compensation"]["approved_by"]) == ("approved", "senior_1")
    (task,) = helpdesk.call("GET", "/v1/tasks").json["items"]
    assert "500.000" in task["title"]
    helpdesk.do(ticket, "compensation/approve", by="senior_1")
    assert len(helpdesk.call("GET", "/v1/tasks").json["items"]) == 1
    helpdesk.do(ticket, "compensation/approve", {"approved": False}, by="senior_1", status=409)


# ---- at the desk ----


def test_an_offer_as_compensation_issues_its_voucher(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)
    given = helpdesk.do(ticket, "compensation", {"offer": "birthday", "reason": "Giao trễ"}, by="care_1")[
        "compensation"
    ]
    again = helpdesk.do(ticket, "compensation", {"offer": "birthday", "reason": "Giao trễ"}, by="care_1")[
        "compensation"
    ]

    assert (given["status"], again["code"]) == ("approved", given["code"])
    voucher = helpdesk.call("GET", f"/v1/vouchers/{given['code']}")
    assert voucher.status == 200
    assert "Voucher Issued" in helpdesk.happened(ticket["customer_id"])
    helpdesk.do(ticket, "compensation", {"amount": 50_000, "reason": "nữa"}, by="care_1", status=409)


def test_asking_the_store_is_a_task_whose_answer_comes_back_into_the_thread(helpdesk: Helpdesk):
    helpdesk.sell("HD1", LAN, store="Quận 1")
    ticket = helpdesk.says(CALM)
    body = {"to": "store", "question": "Còn size L màu trắng không?", "due_in_minutes": 30}
    asked = helpdesk.do(ticket, "asks", body, by="care_1")
    helpdesk.do(ticket, "asks", body, by="care_1")
    (task,) = helpdesk.call("GET", "/v1/tasks").json["items"]
    assert (task["kind"], task["store"], task["due_at"]) == ("ask", "Quận 1", stamp(TEN + timedelta(minutes=30)))
    said = {"outcome": "reached", "note": "Còn 3 cái, giữ 1"}
    assert (
        helpdesk.call("POST", f"/v1/tasks/{task['task_id']}/outcome", said, key=helpdesk.agent("care_2")).status == 200
    )

    seen = helpdesk.open(asked)
    (ask,) = seen["asks"]
    assert (ask["status"], ask["answer"], ask["answered_by"]) == ("done", "Còn 3 cái, giữ 1", "care_2")
    assert "Còn 3 cái" in seen["thread"][-1]["text"]
    assert seen["thread"][-1]["note"]
    assert [note["person"] for note in helpdesk.notes("mention")] == [ticket["assignee"]]


def test_a_question_nobody_answers_is_told_to_whoever_asked_it_once(helpdesk: Helpdesk):
    ticket = helpdesk.says(CALM)
    helpdesk.do(ticket, "asks", {"to": "warehouse", "question": "Còn hàng không?", "due_in_minutes": 20}, by="care_1")
    helpdesk.later(minutes=19)
    assert helpdesk.notes("deadline_missed") == []
    helpdesk.later(minutes=10)

    assert [note["person"] for note in helpdesk.notes("deadline_missed")] == [ticket["assignee"]]
    assert helpdesk.open(ticket)["asks"][0]["late"]
    helpdesk.do(ticket, "resolve", by="care_1")
    assert helpdesk.call("GET", "/v1/tasks").json["items"] == []


def test_a_note_stays_inside_and_tells_who_is_mentioned(helpdesk: Helpdesk):
    ticket = helpdesk.says(CALM, "email", who=MAIL)
    noted = helpdesk.do(
        ticket, "messages", {"author": "agent", "text": "Nhờ @care_2 xem giúp, @ghost cũng vậy", "note": True},
        by="care_1",
    )  # fmt: skip

    assert noted["status"] == "open"
    assert noted["first_response_at"] is None
    line = helpdesk.open(ticket)["thread"][-1]
    assert (line["note"], line["mentions"]) == (True, ["care_2"])
    assert [note["person"] for note in helpdesk.notes("mention")] == ["care_2"]
    assert helpdesk.answers("email") == []


def test_photos_stand_in_the_thread(helpdesk: Helpdesk):
    photo = {"kind": "image", "url": "https://cdn.example.vn/ao-rach.jpg"}
    ticket = helpdesk.says(ANGRY, attachments=[photo])

    assert [{name: one[name] for name in photo} for one in helpdesk.open(ticket)["thread"][0]["attachments"]] == [photo]


def test_handing_over_moves_the_ticket_and_its_load(helpdesk: Helpdesk):
    ticket = helpdesk.says(CALM)
    to = "care_2" if ticket["assignee"] != "care_2" else "care_3"
    moved = helpdesk.do(ticket, "assign", {"assignee": to, "note": "Rành hàng này hơn"}, by="care_lead")

    assert (moved["assignee"], moved["queue"]) == (to, "care")
    assert helpdesk.loads() == {to: 1}
    assert helpdesk.listed(f"assignee={ticket['assignee']}") == []
    up = helpdesk.do(ticket, "assign", {"queue": "senior_manager"}, by=to)
    assert (up["queue"], up["assignee"], helpdesk.loads()) == ("senior_manager", "senior_1", {"senior_1": 1})
    helpdesk.do(ticket, "resolve", by="senior_1")
    helpdesk.do(ticket, "assign", {"assignee": "care_1"}, status=409)


def test_a_person_may_take_a_ticket_over_from_the_bot(helpdesk: Helpdesk):
    ticket = helpdesk.says(ASKS_HOURS, "email", who=MAIL)
    taken = helpdesk.reply(ticket, "Dạ chủ nhật tiệm mở từ 9 giờ ạ", by="care_2")

    assert (taken["queue"], taken["assignee"], taken["status"]) == ("care", "care_2", "pending")
    assert [line["author"] for line in helpdesk.open(ticket)["thread"]] == ["customer", "bot", "agent"]


def test_labels_put_right_are_kept_as_an_example_and_the_ticket_goes_where_it_belongs(helpdesk: Helpdesk):
    ticket = helpdesk.says(CALM)
    changed = helpdesk.do(ticket, "labels", {"intent": "staff_complaint", "severity": "high"}, by="care_lead")

    assert (changed["queue"], changed["assignee"], changed["priority"]) == ("senior_manager", "senior_1", "P2")
    assert changed["labelled_by"] == "care_lead"
    (example,) = helpdesk.items("CORRECTIONS#%")
    assert example["text"] == CALM
    assert (example["was"]["intent"], example["is"]["intent"]) == ("return_exchange", "staff_complaint")
    assert helpdesk.loads() == {"senior_1": 1}
    again = helpdesk.says("Em chờ nhé")
    assert again["intent"] == "staff_complaint"


def test_a_ticket_answered_and_left_alone_ends_in_silence(helpdesk: Helpdesk):
    ticket = helpdesk.says(ANGRY)
    helpdesk.reply(ticket)
    helpdesk.later(hours=73)
    seen = helpdesk.open(ticket)

    assert (seen["status"], seen["resolved_by"], seen["missed"]) == ("resolved", "silence", [])
    assert "complaints" not in helpdesk.profile(ticket["customer_id"])


def test_what_the_customer_answers_makes_it_our_turn_again_with_the_same_person(helpdesk: Helpdesk):
    ticket = helpdesk.says(CALM)
    helpdesk.reply(ticket, by=ticket["assignee"])
    assert helpdesk.loads() == {}
    again = helpdesk.says("Dạ size L màu trắng ạ")

    assert (again["status"], again["assignee"]) == ("open", ticket["assignee"])
    assert helpdesk.loads() == {ticket["assignee"]: 1}


def test_the_same_answer_twice_goes_out_once(helpdesk: Helpdesk):
    ticket = helpdesk.says(CALM, "email", who=MAIL)
    for _ in range(3):
        helpdesk.reply(ticket, "Dạ em đổi cho chị nhé")
        helpdesk.do(ticket, "messages", {"author": "agent", "text": "Và gửi hôm nay", "message_id": "a1"}, by="care_1")

    assert len(helpdesk.answers("email")) == 2
    assert [line["author"] for line in helpdesk.open(ticket)["thread"]] == ["customer", "system", "agent", "agent"]


def test_who_wants_no_more_advertising_gets_none_from_then_on(helpdesk: Helpdesk):
    helpdesk.put(phone=LAN)
    ticket = helpdesk.says("Đừng nhắn tin quảng cáo cho em nữa")

    assert ticket["intent"] == "opt_out"
    consent = helpdesk.view(ticket["customer_id"])["consent"]
    assert {said["channel"] for said in consent if not said["granted"] and said["purpose"] == "marketing"} >= {"zalo"}


def test_a_record_that_can_never_be_taken_in_goes_aside_and_its_neighbours_go_in(helpdesk: Helpdesk):
    import json

    good = {"channel": "zalo", "dedup": "m1", "at": stamp(TEN), "text": CALM, "verified": True,
            "identities": [["zalo_user_id", "z1", "verified"]]}  # fmt: skip
    bodies = [json.dumps({"said": said}) for said in (good, {**good, "channel": "fax"}, good)] + ["no json"]
    bodies.append(json.dumps({"said": {**good, "dedup": "m2", "identities": [], "customer_id": "nobody"}}))
    helpdesk.stack.outside.tickets.send(bodies)
    helpdesk.stack.drain()

    assert len(helpdesk.listed()) == 1
    letters = [json.loads(one["body"]) for one in helpdesk.stack.queue_state()["tickets-dlq"]["messages"]]
    assert len(letters) == 3
    assert all(letter["reason"] and letter["door"] == "tickets_worker" for letter in letters)

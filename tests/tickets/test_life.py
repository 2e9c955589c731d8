"""A ticket's life over HTTP: what joins what, what is told once, and what staff may do with it when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.vietnam_time import stamp
from tests.support.tickets import ANGRY, ASKS_HOURS, CALM, CRITICAL, HOA, LAN, TEN, Desk

MAIL = {"phone": LAN, "email": "lan@example.vn"}


# ---- threads ----


def test_the_same_message_five_times_is_one_ticket_and_one_line(desk: Desk):
    answers = [desk.says(ANGRY, message_id="m-1") for _ in range(5)]

    assert {answer["ticket_id"] for answer in answers} == {answers[0]["ticket_id"]}
    assert [answer["joined"] for answer in answers] == [False] * 5
    assert len(desk.open(answers[0])["thread"]) == 1
    assert len(desk.listed()) == 1
    assert len(desk.notes("ticket_assigned")) == 1


def test_without_a_name_of_its_own_the_same_words_within_a_minute_are_one_message(desk: Desk):
    first = desk.says(ASKS_HOURS)
    assert desk.says(ASKS_HOURS)["bot_reply"] == first["bot_reply"]
    desk.later(seconds=90)
    desk.says(ASKS_HOURS)

    assert [line["author"] for line in desk.open(first)["thread"]] == ["customer", "bot"] * 2


def test_two_messages_within_a_minute_join_one_thread(desk: Desk):
    first = desk.says("Shop ơi")
    desk.later(seconds=30)
    second = desk.says(CALM)

    assert second["ticket_id"] == first["ticket_id"]
    assert (first["joined"], second["joined"]) == (False, True)
    assert (second["queue"], second["intent"]) == ("care", "return_exchange")
    texts = [line["text"] for line in desk.open(first)["thread"] if line["author"] == "customer"]
    assert texts == ["Shop ơi", CALM]


def test_another_channel_and_another_customer_are_another_ticket(desk: Desk):
    tickets = [
        desk.says(CALM),
        desk.says(CALM, "messenger", who={"phone": LAN, "messenger_psid": "p1"}),
        desk.says(CALM, who={"phone": HOA, "zalo_user_id": "z2"}),
    ]

    assert len({ticket["ticket_id"] for ticket in tickets}) == 3
    assert len({ticket["customer_id"] for ticket in tickets}) == 2


@pytest.mark.parametrize(
    ("minutes", "order_id", "joins"), [(9, None, True), (11, None, False), (1, "HD2", False), (1, "HD1", True)]
)
def test_on_the_phone_a_call_joins_for_ten_minutes_and_the_same_order(desk: Desk, minutes, order_id, joins):
    first = desk.says(CALM, "hotline", who={"phone": LAN}, order_id="HD1")
    desk.later(minutes=minutes)
    more = {"order_id": order_id} if order_id else {}
    second = desk.says("Khách gọi lại hỏi thêm", "hotline", who={"phone": LAN}, **more)

    assert (second["ticket_id"] == first["ticket_id"]) is joins


def test_people_who_are_merged_share_their_threads(desk: Desk):
    chat = desk.says(CALM, who={"zalo_user_id": "z1"})
    desk.put(phone=LAN)
    merged = desk.put(phone=LAN, zalo_user_id="z1").json["customer_id"]
    assert merged != chat["customer_id"]
    again = desk.says("Shop xem giúp em chưa ạ", who={"phone": LAN})

    assert again["ticket_id"] == chat["ticket_id"]
    assert [ticket["ticket_id"] for ticket in desk.view(merged)["open_tickets"]] == [chat["ticket_id"]]


def test_who_nobody_knows_becomes_a_customer_and_a_claimed_phone_joins_nobody(desk: Desk):
    owner = desk.put(phone=LAN).json["customer_id"]
    web = desk.key("api", "web")
    claimed = desk.says(CALM, "web", who={"phone": LAN}, key=web)
    by_staff = desk.says(CALM, "web", who={"phone": LAN})

    assert claimed["customer_id"] != owner
    assert by_staff["customer_id"] == owner
    assert desk.says("Còn nữa ạ", "web", who={"phone": LAN}, key=web)["ticket_id"] == claimed["ticket_id"]
    assert desk.says("Đơn HD1 của em tới đâu rồi?", "app", who={"phone": LAN}, key=web)["customer_id"] != owner


def test_a_message_on_a_resolved_ticket_reopens_it_and_its_clocks_begin_anew(desk: Desk):
    ticket = desk.says(ANGRY)
    desk.reply(ticket)
    desk.do(ticket, "resolve", by="care_1")
    desk.later(days=3)
    again = desk.says("Vẫn chưa nhận được áo mới shop ơi")

    assert (again["ticket_id"], again["status"], again["reopened"]) == (ticket["ticket_id"], "open", 1)
    assert again["first_response_due_at"] > ticket["first_response_due_at"]
    assert again["first_response_at"] is None
    assert again["first_response_seconds"] == 0  # what was measured once stays
    assert "Ticket Reopened" in desk.happened(ticket["customer_id"])
    assert desk.profile(ticket["customer_id"])["complaints"] == [ticket["ticket_id"]]
    assert desk.listed("status=resolved") == []
    assert sum(desk.loads().values()) == 1


def test_a_message_posted_onto_a_resolved_ticket_reopens_it(desk: Desk):
    ticket = desk.says(CALM, "hotline", who={"phone": LAN})
    desk.do(ticket, "resolve", by="care_1")
    again = desk.do(ticket, "messages", {"author": "customer", "text": "Chưa xong đâu shop"})

    assert (again["ticket_id"], again["status"], again["joined"]) == (ticket["ticket_id"], "open", True)
    desk.do(again, "resolve", by="care_1")
    desk.later(days=15)
    fresh = desk.do(ticket, "messages", {"author": "customer", "text": "Cho em hỏi đổi size"})
    assert fresh["ticket_id"] != ticket["ticket_id"]


def test_long_after_it_was_resolved_a_message_is_a_new_ticket(desk: Desk):
    ticket = desk.says(CALM)
    desk.do(ticket, "resolve", by="care_1")
    desk.later(days=15)

    assert desk.says(CALM)["ticket_id"] != ticket["ticket_id"]


def test_labels_only_rise_by_themselves(desk: Desk):
    ticket = desk.says(ANGRY)
    calmer = desk.says("Dạ vâng em cảm ơn, khi nào thì có ạ")

    assert (calmer["severity"], calmer["sentiment"], calmer["priority"]) == ("high", "negative", "P2")
    worse = desk.says(CRITICAL)
    assert (worse["ticket_id"], worse["severity"], worse["priority"]) == (ticket["ticket_id"], "critical", "P1")
    assert worse["first_response_due_at"] < ticket["first_response_due_at"]


# ---- mistakes ----


def test_every_wrong_field_of_a_ticket_is_named(desk: Desk):
    answer = desk.call(
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
    assert desk.call("POST", "/v1/tickets", {}).fields == ["customer.identities", "channel", "text"]
    assert desk.call("POST", "/v1/tickets", []).fields == ["body"]
    assert desk.items("C#%") == []


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
def test_every_wrong_field_of_a_desk_call_is_named(desk: Desk, what, body, wrong):
    ticket = desk.says(CALM)
    answer = desk.do(ticket, what, body, status=400)

    assert [error["field"] for error in answer["errors"]] == wrong


def test_without_a_status_the_list_has_all_tickets_the_open_ones_first(desk: Desk):
    done = desk.says(CALM, who={"phone": HOA, "zalo_user_id": "z2"})
    desk.do(done, "resolve", by="care_1")
    bot = desk.says(ASKS_HOURS, who={"phone": "0938126457", "zalo_user_id": "z3"})
    angry = desk.says(ANGRY)
    wanted = [one["ticket_id"] for one in (angry, bot, done)]

    assert desk.listed() == wanted
    assert desk.listed("queue=bot") == desk.listed("status=pending") == [bot["ticket_id"]]
    page = desk.page("limit=2")
    assert [row["ticket_id"] for row in page["items"]] == wanted[:2]
    assert desk.listed(f"limit=2&next={page['next']}") == wanted[2:]


def test_lists_refuse_what_they_do_not_know(desk: Desk):
    answer = desk.call("GET", "/v1/tickets", query="status=lost&queue=moon&next=eA==")
    assert (answer.status, answer.fields) == (400, ["status", "queue", "next"])
    for unknown in ("x" * 44, "x", "C" * 44):
        assert desk.call("GET", f"/v1/tickets/{unknown}").status == 404
        assert desk.call("POST", f"/v1/tickets/{unknown}/rating", {"score": 5}).status == 404


# ---- who may ----


def test_the_page_of_the_web_speaks_for_customers_only(desk: Desk):
    web = desk.key("api", "web")
    ticket = desk.says(CALM, "web", who={"phone": LAN}, key=web)
    path = f"/v1/tickets/{ticket['ticket_id']}"

    assert desk.call("GET", path, key=web).status == 403
    assert desk.call("POST", f"{path}/messages", {"author": "agent", "text": "x"}, key=web).status == 403
    assert desk.call("POST", f"{path}/resolve", key=web).status == 403
    assert desk.call("POST", f"{path}/messages", {"author": "customer", "text": "alo"}, key=web).status == 201
    assert desk.call("POST", f"{path}/rating", {"score": 5}, key=web).status == 200


def test_r7_a_store_sees_its_own_tickets(desk: Desk):
    desk.sell("HD1", LAN, store="Quận 1")
    ticket = desk.says(CALM)
    other = desk.says(CALM, "hotline", who={"phone": HOA})
    near, far = (desk.key("api", "store_manager", stores=(store,)) for store in ("Quận 1", "Thủ Đức"))
    path = f"/v1/tickets/{ticket['ticket_id']}"

    assert [row["ticket_id"] for row in desk.call("GET", "/v1/tickets", key=near).json["items"]] == [
        ticket["ticket_id"]
    ]  # fmt: skip
    assert desk.call("GET", path, key=near).status == 200
    assert desk.call("GET", "/v1/tickets", key=far).json["items"] == []
    assert desk.call("GET", path, key=far).status == 403
    assert desk.call("POST", f"{path}/resolve", key=far).status == 403
    assert desk.call("GET", f"/v1/tickets/{other['ticket_id']}", key=near).status == 403
    assert desk.call("GET", "/v1/tickets", query="store=Th%E1%BB%A7%20%C4%90%E1%BB%A9c", key=near).status == 403


def test_r7_a_store_that_writes_a_ticket_down_sees_it_and_not_the_customer_of_another(desk: Desk):
    desk.sell("HD1", LAN, store="Quận 1")
    far = desk.key("api", "store_staff", stores=("Thủ Đức",))
    ticket = desk.says(CALM, "store", who={"phone": LAN}, key=far)
    seen = desk.call("GET", f"/v1/tickets/{ticket['ticket_id']}", key=far)

    assert ticket["store"] == "Thủ Đức"
    assert (seen.status, seen.json["customer"]) == (200, None)


def test_only_a_manager_approves_a_compensation(desk: Desk):
    ticket = desk.says(ANGRY)
    waiting = desk.do(ticket, "compensation", {"amount": 500_000, "reason": "Máy hỏng hai lần"}, by="care_1")
    assert waiting["compensation"]["status"] == "waiting"
    assert {note["person"] for note in desk.notes("mention")} == {"senior_1", "senior_2"}
    desk.do(ticket, "compensation/approve", by="care_1", status=403)
    approved = desk.do(ticket, "compensation/approve", {"note": "Đồng ý"}, by="senior_1")

    assert (approved["compensation"]["status"], approved["compensation"]["approved_by"]) == ("approved", "senior_1")
    (task,) = desk.call("GET", "/v1/tasks").json["items"]
    assert "500.000" in task["title"]
    desk.do(ticket, "compensation/approve", by="senior_1")
    assert len(desk.call("GET", "/v1/tasks").json["items"]) == 1
    desk.do(ticket, "compensation/approve", {"approved": False}, by="senior_1", status=409)


# ---- at the desk ----


def test_an_offer_as_compensation_issues_its_voucher(desk: Desk):
    ticket = desk.says(ANGRY)
    given = desk.do(ticket, "compensation", {"offer": "birthday", "reason": "Giao trễ"}, by="care_1")["compensation"]
    again = desk.do(ticket, "compensation", {"offer": "birthday", "reason": "Giao trễ"}, by="care_1")["compensation"]

    assert (given["status"], again["code"]) == ("approved", given["code"])
    voucher = desk.call("GET", f"/v1/vouchers/{given['code']}")
    assert voucher.status == 200
    assert "Voucher Issued" in desk.happened(ticket["customer_id"])
    desk.do(ticket, "compensation", {"amount": 50_000, "reason": "nữa"}, by="care_1", status=409)


def test_asking_the_store_is_a_task_whose_answer_comes_back_into_the_thread(desk: Desk):
    desk.sell("HD1", LAN, store="Quận 1")
    ticket = desk.says(CALM)
    body = {"to": "store", "question": "Còn size L màu trắng không?", "due_in_minutes": 30}
    asked = desk.do(ticket, "asks", body, by="care_1")
    desk.do(ticket, "asks", body, by="care_1")
    (task,) = desk.call("GET", "/v1/tasks").json["items"]
    assert (task["kind"], task["store"], task["due_at"]) == ("ask", "Quận 1", stamp(TEN + timedelta(minutes=30)))
    said = {"outcome": "reached", "note": "Còn 3 cái, giữ 1"}
    assert desk.call("POST", f"/v1/tasks/{task['task_id']}/outcome", said, key=desk.agent("care_2")).status == 200

    seen = desk.open(asked)
    (ask,) = seen["asks"]
    assert (ask["status"], ask["answer"], ask["answered_by"]) == ("done", "Còn 3 cái, giữ 1", "care_2")
    assert "Còn 3 cái" in seen["thread"][-1]["text"]
    assert seen["thread"][-1]["note"]
    assert [note["person"] for note in desk.notes("mention")] == [ticket["assignee"]]


def test_a_question_nobody_answers_is_told_to_whoever_asked_it_once(desk: Desk):
    ticket = desk.says(CALM)
    desk.do(ticket, "asks", {"to": "warehouse", "question": "Còn hàng không?", "due_in_minutes": 20}, by="care_1")
    desk.later(minutes=19)
    assert desk.notes("deadline_missed") == []
    desk.later(minutes=10)

    assert [note["person"] for note in desk.notes("deadline_missed")] == [ticket["assignee"]]
    assert desk.open(ticket)["asks"][0]["late"]
    desk.do(ticket, "resolve", by="care_1")
    assert desk.call("GET", "/v1/tasks").json["items"] == []


def test_a_note_stays_inside_and_tells_who_is_mentioned(desk: Desk):
    ticket = desk.says(CALM, "email", who=MAIL)
    noted = desk.do(
        ticket, "messages", {"author": "agent", "text": "Nhờ @care_2 xem giúp, @ghost cũng vậy", "note": True},
        by="care_1",
    )  # fmt: skip

    assert noted["status"] == "open"
    assert noted["first_response_at"] is None
    line = desk.open(ticket)["thread"][-1]
    assert (line["note"], line["mentions"]) == (True, ["care_2"])
    assert [note["person"] for note in desk.notes("mention")] == ["care_2"]
    assert desk.answers("email") == []


def test_photos_stand_in_the_thread(desk: Desk):
    photo = {"kind": "image", "url": "https://cdn.example.vn/ao-rach.jpg"}
    ticket = desk.says(ANGRY, attachments=[photo])

    assert [{name: one[name] for name in photo} for one in desk.open(ticket)["thread"][0]["attachments"]] == [photo]


def test_handing_over_moves_the_ticket_and_its_load(desk: Desk):
    ticket = desk.says(CALM)
    to = "care_2" if ticket["assignee"] != "care_2" else "care_3"
    moved = desk.do(ticket, "assign", {"assignee": to, "note": "Rành hàng này hơn"}, by="care_lead")

    assert (moved["assignee"], moved["queue"]) == (to, "care")
    assert desk.loads() == {to: 1}
    assert desk.listed(f"assignee={ticket['assignee']}") == []
    up = desk.do(ticket, "assign", {"queue": "senior_manager"}, by=to)
    assert (up["queue"], up["assignee"], desk.loads()) == ("senior_manager", "senior_1", {"senior_1": 1})
    desk.do(ticket, "resolve", by="senior_1")
    desk.do(ticket, "assign", {"assignee": "care_1"}, status=409)


def test_a_person_may_take_a_ticket_over_from_the_bot(desk: Desk):
    ticket = desk.says(ASKS_HOURS, "email", who=MAIL)
    taken = desk.reply(ticket, "Dạ chủ nhật tiệm mở từ 9 giờ ạ", by="care_2")

    assert (taken["queue"], taken["assignee"], taken["status"]) == ("care", "care_2", "pending")
    assert [line["author"] for line in desk.open(ticket)["thread"]] == ["customer", "bot", "agent"]


def test_labels_put_right_are_kept_as_an_example_and_the_ticket_goes_where_it_belongs(desk: Desk):
    ticket = desk.says(CALM)
    changed = desk.do(ticket, "labels", {"intent": "staff_complaint", "severity": "high"}, by="care_lead")

    assert (changed["queue"], changed["assignee"], changed["priority"]) == ("senior_manager", "senior_1", "P2")
    assert changed["labelled_by"] == "care_lead"
    (example,) = desk.items("CORRECTIONS#%")
    assert example["text"] == CALM
    assert (example["was"]["intent"], example["is"]["intent"]) == ("return_exchange", "staff_complaint")
    assert desk.loads() == {"senior_1": 1}
    again = desk.says("Em chờ nhé")
    assert again["intent"] == "staff_complaint"


def test_a_ticket_answered_and_left_alone_ends_in_silence(desk: Desk):
    ticket = desk.says(ANGRY)
    desk.reply(ticket)
    desk.later(hours=73)
    seen = desk.open(ticket)

    assert (seen["status"], seen["resolved_by"], seen["missed"]) == ("resolved", "silence", [])
    assert "complaints" not in desk.profile(ticket["customer_id"])


def test_what_the_customer_answers_makes_it_our_turn_again_with_the_same_person(desk: Desk):
    ticket = desk.says(CALM)
    desk.reply(ticket, by=ticket["assignee"])
    assert desk.loads() == {}
    again = desk.says("Dạ size L màu trắng ạ")

    assert (again["status"], again["assignee"]) == ("open", ticket["assignee"])
    assert desk.loads() == {ticket["assignee"]: 1}


def test_the_same_answer_twice_goes_out_once(desk: Desk):
    ticket = desk.says(CALM, "email", who=MAIL)
    for _ in range(3):
        desk.reply(ticket, "Dạ em đổi cho chị nhé")
        desk.do(ticket, "messages", {"author": "agent", "text": "Và gửi hôm nay", "message_id": "a1"}, by="care_1")

    assert len(desk.answers("email")) == 2
    assert [line["author"] for line in desk.open(ticket)["thread"]] == ["customer", "system", "agent", "agent"]


def test_who_wants_no_more_advertising_gets_none_from_then_on(desk: Desk):
    desk.put(phone=LAN)
    ticket = desk.says("Đừng nhắn tin quảng cáo cho em nữa")

    assert ticket["intent"] == "opt_out"
    consent = desk.view(ticket["customer_id"])["consent"]
    assert {said["channel"] for said in consent if not said["granted"] and said["purpose"] == "marketing"} >= {"zalo"}


def test_a_record_that_can_never_be_taken_in_goes_aside_and_its_neighbours_go_in(desk: Desk):
    import json

    good = {"channel": "zalo", "dedup": "m1", "at": stamp(TEN), "text": CALM, "verified": True,
            "identities": [["zalo_user_id", "z1", "verified"]]}  # fmt: skip
    bodies = [json.dumps({"said": said}) for said in (good, {**good, "channel": "fax"}, good)] + ["no json"]
    bodies.append(json.dumps({"said": {**good, "dedup": "m2", "identities": [], "customer_id": "nobody"}}))
    desk.stack.outside.tickets.send(bodies)
    desk.stack.drain()

    assert len(desk.listed()) == 1
    letters = [json.loads(one["body"]) for one in desk.stack.queue_state()["tickets-dlq"]["messages"]]
    assert len(letters) == 3
    assert all(letter["reason"] and letter["door"] == "tickets_worker" for letter in letters)

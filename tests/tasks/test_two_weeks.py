"""X16, show 5: the life of a call list over two weeks, outcomes of every kind, and what came of them."""

from __future__ import annotations

from shared.domain.vouchers.voucher import read_code
from tests.support.call_lists import STORE, Floor
from tests.support.journeys import Guest


def sent(floor: Floor, guest: Guest) -> list[tuple[str, str]]:
    """What the list's journey sent that the providers took: the template, and the day."""
    return [
        (message["template"], f"{floor.local(message):%d/%m}")
        for message in floor.of("call_list", guest)
        if any(line[1] == "sent" for line in message["log"])
    ]


def days_called(floor: Floor, guest: Guest) -> list[tuple[str, str]]:
    """The calls to somebody that were worked off: the outcome, and the day."""
    done = [task for task in floor.listed("status=done&limit=200") if task["customer_id"] == guest.id]
    return [(task["outcome"], floor.clock(task["done_at"])[:5]) for task in reversed(done)]


def test_x16_a_call_list_over_two_weeks_ends_with_the_right_deals_tasks_and_messages(floor: Floor):
    lan, mai, hoa, tam, yen, thu, ha, vy, dao = (floor.regular(total=900_000 - 1000 * n) for n in range(9))
    everybody = [lan, mai, hoa, tam, yen, thu, ha, vy, dao]

    floor.morning()  # Tuesday, 3 March
    assert {task["customer_id"] for task in floor.listed("kind=call")} == {guest.id for guest in everybody}
    assert {floor.deal(guest) for guest in everybody} == {"open"}
    assert {task["deal"] for task in floor.listed("kind=call")} == {"open"}
    assert {task["store"] for task in floor.listed("kind=call")} == {STORE}

    code = floor.do(floor.only_call(lan), "offer").json["offer"].partition(":")[0]
    floor.report(lan, "reached", note="Cuối tuần ghé")
    floor.report(mai, "no_answer")
    floor.report(hoa, "refused", note="Đã mua chỗ khác")
    floor.report(tam, "purchased")
    floor.report(yen, "purchased")
    floor.report(thu, "call_back", call_back_at="2026-03-05T18:30:00+07:00")
    floor.report(ha, "wrong_number")
    floor.report(vy, "do_not_call")
    floor.report(dao, "reached")
    assert {guest.phone: floor.deal(guest) for guest in everybody} == {
        lan.phone: "offered", mai.phone: "open", hoa.phone: "lost", tam.phone: "offered", yen.phone: "offered",
        thu.phone: "open", ha.phone: "lost", vy.phone: "lost", dao.phone: "contacted",
    }  # fmt: skip
    assert {task["customer_id"] for task in floor.listed("kind=call")} == {thu.id}

    floor.morning()  # Wednesday: who did not answer is called again, no earlier than a day after
    assert {task["customer_id"] for task in floor.listed("kind=call")} == {mai.id, thu.id}
    assert floor.clock(floor.only_call(mai)["callable_from"]) == "04/03 08:06"
    floor.later(hours=1)
    floor.report(mai, "no_answer")
    floor.order(tam, "HD-TAM", 650_000, channel="store", store=STORE)
    assert floor.deal(tam) == "won"

    floor.morning()  # Thursday
    floor.later(hours=2)
    floor.report(mai, "no_answer")
    assert (floor.deal(mai), floor.calls(mai)) == ("nurturing", [])
    assert floor.clock(floor.only_call(thu)["due_at"]) == "05/03 18:30"
    floor.until(18, 35)
    floor.report(thu, "reached", order_by="2026-03-06T20:00:00+07:00")

    floor.morning()  # Friday; two days after they spoke they were written to, with the code where there is one
    assert sent(floor, lan) == [("winback_reminder", "05/03")]
    assert floor.of("call_list", lan)[0]["variables"]["voucher"] == code
    assert sent(floor, dao) == [("winback_nurture", "05/03")]
    floor.later(hours=3)
    floor.order(lan, "HD-LAN", 800_000, channel="store", store=STORE, coupon=code)
    assert (floor.deal(lan), floor.calls(lan)) == ("won", [])

    floor.morning()  # Saturday: a day more, and they are called again
    assert (floor.only_call(dao)["step"], floor.only_call(dao)["deal"]) == ("call_again", "contacted")
    floor.later(hours=1)
    floor.report(dao, "reached")
    assert floor.deal(dao) == "nurturing"

    floor.morning(days=2)  # Monday: the order that was promised for Friday has not come
    assert (floor.only_call(thu)["step"], floor.deal(thu)) == ("remind_order", "contacted")
    assert "lên đơn" in floor.only_call(thu)["title"]
    floor.later(hours=1)
    floor.report(thu, "reached")
    assert floor.deal(thu) == "nurturing"

    floor.morning(days=2)  # Wednesday: a week, and no order of whom said to have bought
    assert (floor.only_call(yen)["step"], floor.deal(yen)) == ("call_again", "open")
    floor.later(hours=1)
    floor.report(yen, "refused")

    floor.morning(days=6)  # Tuesday, two weeks on
    assert {guest.phone: floor.deal(guest) for guest in everybody} == {
        lan.phone: "won", mai.phone: "nurturing", hoa.phone: "lost", tam.phone: "won", yen.phone: "lost",
        thu.phone: "nurturing", ha.phone: "lost", vy.phone: "lost", dao.phone: "nurturing",
    }  # fmt: skip
    assert floor.listed("kind=call") == []
    assert {guest.phone: days_called(floor, guest) for guest in everybody} == {
        lan.phone: [("reached", "03/03")],
        mai.phone: [("no_answer", "03/03"), ("no_answer", "04/03"), ("no_answer", "05/03")],
        hoa.phone: [("refused", "03/03")],
        tam.phone: [("purchased", "03/03")],
        yen.phone: [("purchased", "03/03"), ("refused", "11/03")],
        thu.phone: [("reached", "05/03"), ("reached", "09/03")],
        ha.phone: [("wrong_number", "03/03")],
        vy.phone: [("do_not_call", "03/03")],
        dao.phone: [("reached", "03/03"), ("reached", "07/03")],
    }
    assert {guest.phone: sent(floor, guest) for guest in everybody} == {
        lan.phone: [("winback_reminder", "05/03")],
        mai.phone: [("winback_nurture", "13/03")],
        hoa.phone: [], tam.phone: [], yen.phone: [], ha.phone: [], vy.phone: [],
        thu.phone: [("winback_nurture", "16/03")],
        dao.phone: [("winback_nurture", "05/03"), ("winback_nurture", "14/03")],
    }  # fmt: skip
    # Of the codes that could be promised, one was issued.
    assert [item["sk"] for item in floor.items("I#%")] == [f"I#{read_code(code)}"]

"""SMS through eSMS over real HTTP: both kinds, every code of the table, repetition, outage (R11, show 5)."""

import pytest

from infra.local.providers.base import Reply, json_reply
from shared.adapters.channels.esms import CODES, EsmsAds, EsmsCare
from shared.domain.messaging.channel_errors import ChannelError
from tests.messaging.esms.conftest import AD, account, batch, outgoing


def refusal(call) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        call()
    return caught.value


# Care


def test_a_care_message_is_taken_with_its_id_and_price(care: EsmsCare, gateway):
    sent = care.send(outgoing(1, text="x" * 200))

    (received,) = gateway.received
    assert sent == (received.provider_id, 1700, None)
    assert (received.channel, received.to, received.text) == ("sms_care", "+84900000001", "x" * 200)
    assert received.tracking_id == outgoing(1).tracking_id


def test_accents_are_announced_and_cost_more(care: EsmsCare, gateway):
    plain, accented = "Cam on chi Lan da mua hang" * 4, "Cảm ơn chị Lan đã mua hàng" * 4

    assert care.send(outgoing(1, text=plain)).cost == 850
    assert care.send(outgoing(2, text=accented)).cost == 1700
    assert [received.text for received in gateway.received] == [plain, accented]


def test_a_second_try_of_the_same_message_is_taken_once(care: EsmsCare, gateway):
    first = care.send(outgoing(1))

    assert care.send(outgoing(1)) == first
    assert len(gateway.received) == 1


def test_an_answer_lost_after_the_message_was_taken_leaves_it_uncertain_until_the_next_try(care: EsmsCare, gateway):
    gateway.set_fault("crash_after_send")
    assert refusal(lambda: care.send(outgoing(1))).kind == "uncertain"

    gateway.set_fault("off")
    assert care.was_taken(outgoing(1).tracking_id) == (gateway.received[0].provider_id, 850, None)
    assert care.send(outgoing(1)).provider_id == gateway.received[0].provider_id
    assert len(gateway.received) == 1


def test_what_the_gateway_never_saw_was_not_taken(care: EsmsCare, gateway):
    gateway.set_fault("timeout")
    refusal(lambda: care.send(outgoing(1)))

    gateway.set_fault("off")
    assert care.was_taken(outgoing(1).tracking_id) is None


def test_a_used_request_id_whose_message_cannot_be_looked_up_stays_uncertain(care: EsmsCare, gateway):
    care.send(outgoing(1))
    gateway.set_fault("timeout", on="/MainService.svc/json/GetSendStatus")

    assert refusal(lambda: care.send(outgoing(1))).kind == "uncertain"


def test_after_a_day_the_request_id_no_longer_protects(care: EsmsCare, gateway, clock):
    care.send(outgoing(1))
    clock.pass_by(hours=25)
    care.send(outgoing(1))

    assert len(gateway.received) == 2


def test_the_same_text_to_the_same_number_waits_five_minutes_once_the_code_is_known(gateway, clock):
    care = EsmsCare(**account(gateway, clock, same_text_code="99"))
    care.send(outgoing(1, tracking="a" * 44))

    error = refusal(lambda: care.send(outgoing(1, tracking="b" * 44)))

    assert (error.kind, error.until) == ("back_off", clock().replace(minute=5))
    clock.pass_by(minutes=5)
    assert care.send(outgoing(1, tracking="b" * 44)).provider_id


def test_a_text_after_no_registered_template_needs_a_human(care: EsmsCare, gateway):
    gateway.templates.append("Khach Quen: ma xac nhan")

    assert (refusal(lambda: care.send(outgoing(1))).kind, gateway.received) == ("misconfigured", [])


def test_wrong_keys_brandname_balance_and_numbers(care: EsmsCare, gateway, clock):
    wrong_key = EsmsCare(**account(gateway, clock, credentials={"api_key": "x", "secret_key": "y"}))
    wrong_name = EsmsCare(**account(gateway, clock, brandname="NOBODY"))
    gateway.blocked.add("0900000009")

    found = [refusal(lambda: wrong_key.send(outgoing(1))), refusal(lambda: wrong_name.send(outgoing(1)))]
    found.append(refusal(lambda: care.send(outgoing(9))))
    gateway.balance = 10
    found.append(refusal(lambda: care.send(outgoing(1))))

    assert [(error.code, error.kind) for error in found] == [
        ("101", "misconfigured"),
        ("104", "misconfigured"),
        ("99", "unreachable"),
        ("103", "misconfigured"),
    ]


def test_a_foreign_number_is_not_even_tried(care: EsmsCare, gateway):
    message = outgoing(1)
    foreign = type(message)(tracking_id=message.tracking_id, to="+6591234567", purpose="service", text="x")

    assert refusal(lambda: care.send(foreign)).kind == "unreachable"
    assert gateway.received == []


@pytest.mark.parametrize("code", [*CODES, "998877"])
def test_every_code_of_the_table_is_classified_and_an_unknown_one_calls_a_human(code, care, gateway, monkeypatch):
    monkeypatch.setattr(gateway, "handle", lambda _: json_reply({"CodeResult": code, "CodeResponse": "105"}))

    error = refusal(lambda: care.send(outgoing(1)))

    assert (error.code, error.kind) == (code, CODES[code].kind if code in CODES else "misconfigured")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (json_reply({"error": "Invalid request"}), "misconfigured"),
        (json_reply({"error": "x"}, 500), "uncertain"),
        (Reply(200, b"<html>"), "uncertain"),
        (Reply(404, b"<html>"), "misconfigured"),
    ],
)
def test_an_answer_without_a_code_is_judged_by_its_status(answer, kind, care, gateway, monkeypatch):
    monkeypatch.setattr(gateway, "handle", lambda _: answer)

    assert refusal(lambda: care.send(outgoing(1))).kind == kind


def test_the_kinds_of_codes_that_decide_what_happens_next():
    kinds = {kind: {code for code, row in CODES.items() if row.kind == kind} for kind in ("back_off", "unreachable")}

    assert kinds == {"back_off": {"160"}, "unreachable": {"99", "108"}}
    assert {code for code, row in CODES.items() if row.kind == "uncertain"} == {"124"}


@pytest.mark.parametrize(
    ("mode", "kind"), [("error", "back_off"), ("rate_limit", "back_off"), ("timeout", "uncertain")]
)
def test_an_outage_is_told_apart_from_a_refusal(mode, kind, care, gateway):
    gateway.set_fault(mode)

    assert refusal(lambda: care.send(outgoing(1))).kind == kind


def test_a_gateway_that_is_not_there_was_not_asked(care, gateway):
    gateway.stop()

    assert refusal(lambda: care.send(outgoing(1))).kind == "back_off"


def test_the_sandbox_takes_a_message_and_sends_nothing(gateway, clock):
    EsmsCare(**account(gateway, clock, sandbox=True)).send(outgoing(1))

    assert (gateway.received, gateway.next_callback_at()) == ([], None)


# Advertisements


def test_r11_an_advertisement_goes_to_many_with_one_content(ads: EsmsAds, gateway):
    answers = ads.send_batch(batch())

    assert len(answers) == 30
    assert len({answer.provider_id for answer in answers}) == 1
    assert answers[0].cost == 850
    assert {received.to for received in gateway.received} == {message.to for message in batch()}
    assert {received.channel for received in gateway.received} == {"sms_ad"}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (batch(29), "107"),
        (batch(29) + batch(1), "107"),
        ([*batch(29), outgoing(30, text=AD.replace("moi", "dep"), purpose="marketing")], "content"),
        (batch(text="Tui da moi ve. Tu choi: soan TC gui 8088"), "label"),
        (batch(text="[QC] Tui da moi ve. https://khach.example/u/1"), "label"),
        (batch(5001), "120"),
    ],
)
def test_r11_what_is_no_lawful_batch_is_refused_before_the_gateway_sees_it(messages, code, ads, gateway):
    error = refusal(lambda: ads.send_batch(messages))

    assert (error.kind, error.code) == ("misconfigured", code)
    assert gateway.received == []


def test_r11_one_personal_advertisement_is_refused(ads: EsmsAds, gateway):
    assert refusal(lambda: ads.send(outgoing(1, text=AD))).kind == "misconfigured"
    assert gateway.received == []


def test_nobody_can_tell_whether_a_lost_batch_was_taken(ads: EsmsAds):
    assert ads.was_taken(outgoing(1).tracking_id) == "cannot_tell"


def test_the_fate_of_each_number_of_a_batch_can_be_asked_for(ads: EsmsAds, gateway, clock):
    gateway.failing.add("0900000002")
    sms_id = ads.send_batch(batch())[0].provider_id

    assert {receiver.delivered for receiver in ads.receivers(sms_id)} == {None}
    clock.pass_by(hours=1)
    fates = {receiver.phone: receiver.delivered for receiver in ads.receivers(sms_id)}
    assert (fates["+84900000001"], fates["+84900000002"]) == (True, False)
    status = ads.status(sms_id)
    assert status
    assert (status.state, status.succeeded, status.failed) == (5, 29, 1)

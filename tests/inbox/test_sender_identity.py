"""R5, D14: who somebody surely is, what the bot may tell them, and what the customer's page knows of a chat."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.inbox import LAN, TORN, Inbox

WHERE = "Đơn DH1001 của em đến đâu rồi ạ?"
MAIL = "Nguyễn Thị Lan <lan1@mail.example>"


def known(inbox: Inbox, **identities: str) -> str:
    """A customer with an order that was sent, and accounts that staff or the shop's systems know to be theirs."""
    customer = inbox.put(phone=LAN, **identities).json["customer_id"]
    inbox.sell("DH1001", days_ago=1, channel="web", payment="prepaid")
    inbox.stack.advance(inbox.now)
    return str(customer)


def told(inbox: Inbox) -> str:
    """Everything that went out to customers."""
    return "\n".join(message.text for message in inbox.received("zalo", "messenger", "whatsapp", "email"))


def words_on_order(inbox: Inbox) -> bool:
    return "DH1001" in told(inbox)


def test_t6_a_linked_chat_account_is_told_of_its_own_order(inbox: Inbox) -> None:
    known(inbox, zalo_user_id="z1")
    inbox.providers.zalo.say("z1", WHERE)
    inbox.hear()

    assert words_on_order(inbox)


def test_t6_a_phone_on_whatsapp_is_its_owners(inbox: Inbox) -> None:
    known(inbox)
    inbox.providers.aws.write("+84901234567", WHERE)
    inbox.hear()

    assert words_on_order(inbox)


def test_r5_a_stranger_who_types_the_owners_number_learns_nothing(inbox: Inbox) -> None:
    owner = known(inbox, zalo_user_id="z1")
    inbox.providers.zalo.say("z9", f"{WHERE} sđt {LAN}")
    inbox.hear()

    assert not words_on_order(inbox)
    (ticket,) = inbox.tickets()
    assert ticket["customer_id"] != owner
    links = {link["kind"]: link["certainty"] for link in ticket["customer"]["identities"]["links"]}
    assert links == {"zalo_user_id": "verified", "phone": "claimed"}


def test_t6_an_e_mail_that_its_domain_vouches_for_is_told_of_its_order(inbox: Inbox) -> None:
    known(inbox, email="lan1@mail.example")
    inbox.providers.aws.write_mail(MAIL, "Hỏi đơn", WHERE)
    inbox.hear()

    assert words_on_order(inbox)


def test_r5_a_forged_e_mail_is_told_nothing_and_what_is_answered_reaches_the_owner(inbox: Inbox) -> None:
    owner = known(inbox, email="lan1@mail.example")
    inbox.providers.aws.write_mail(MAIL, "Hỏi đơn", WHERE, dmarc="FAIL")
    inbox.hear()
    (ticket,) = inbox.tickets()
    said_by_bot = told(inbox)
    inbox.answer(ticket, "Dạ chị cho em xin mã đơn ạ")

    assert "DH1001" not in said_by_bot
    assert ticket["customer_id"] == owner
    assert {message.to for message in inbox.received("email")} == {"lan1@mail.example"}
    links = {link["kind"]: link["certainty"] for link in ticket["customer"]["identities"]["links"]}
    assert links["email"] == "staff_confirmed"  # no surer by an e-mail that anybody may have written


def test_r5_nobody_vouches_for_a_first_mail_and_it_is_answered_all_the_same(inbox: Inbox) -> None:
    inbox.providers.aws.write_mail(MAIL, "Áo rách", TORN, dmarc="GRAY", spf="GRAY", dkim="GRAY")
    inbox.hear()
    (ticket,) = inbox.tickets()
    inbox.answer(ticket, "Dạ tiệm đổi ngay cho mình ạ")

    links = {link["kind"]: link["certainty"] for link in ticket["customer"]["identities"]["links"]}
    assert links == {"email": "claimed"}
    (mail,) = inbox.received("email")
    assert (mail.to, "Dạ tiệm đổi ngay cho mình ạ" in mail.text) == ("lan1@mail.example", True)
    later = inbox.put(phone="0912345678", email="lan1@mail.example").json["customer_id"]
    assert later != ticket["customer_id"]  # a hint joins nobody


@pytest.mark.parametrize("how", [{"spam": "FAIL"}, {"virus": "FAIL"}, {"headers": {"Auto-Submitted": "auto-replied"}}])
def test_t6_no_ticket_for_spam_and_answering_machines(inbox: Inbox, how: dict[str, Any]) -> None:
    aws = inbox.providers.aws
    before = inbox.holdings()
    aws.write_mail(MAIL, "Trúng thưởng", TORN, **how)
    inbox.hear()

    assert inbox.holdings() == before


def test_d14_what_was_said_in_a_chat_stands_with_the_customer(inbox: Inbox) -> None:
    customer = known(inbox, messenger_psid="p1")
    inbox.providers.messenger.say("p1", "Áo size M còn không shop?")
    inbox.later(minutes=1)
    inbox.providers.messenger.say("p1", f"gọi em {LAN[:-1]}8 nhé")
    inbox.hear()

    view = inbox.call("GET", f"/v1/customers/{customer}").json
    told = inbox.call("GET", f"/v1/customers/{customer}/timeline").json["items"]
    said = [entry["text"] for entry in told if entry["name"] == "inbound_message"]
    assert sorted(said) == ["gọi em 0901234568 nhé", "Áo size M còn không shop?"]
    assert [ticket["channel"] for ticket in view["open_tickets"]] == ["messenger"]
    claimed = [link["value"] for link in view["identities"]["links"] if link["certainty"] == "claimed"]
    assert claimed == ["+84901234568"]
    assert view["recent_orders"][0]["order_id"] == "DH1001"


# Photos


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://f20-zpc.zdn.vn/jpg/1.jpg", True),
        ("https://photo.zadn.vn/1.jpg", True),
        ("http://f20-zpc.zdn.vn/jpg/1.jpg", False),
        ("https://zdn.vn.evil.example/1.jpg", False),
        ("https://evilzdn.vn/1.jpg", False),
        ("https://zdn.vn@evil.example/1.jpg", False),
        ("javascript:alert(1)", False),
        ("https://[", False),
    ],
)
def test_r22_a_picture_alone_opens_a_ticket_and_staff_open_the_providers_addresses_only(
    inbox: Inbox, url: str, kept: bool
) -> None:
    inbox.providers.zalo.show("z1", "image", url)
    inbox.hear()

    (ticket,) = inbox.tickets()
    (line,) = [line for line in ticket["thread"] if line["author"] == "customer"]
    (shown,) = line["attachments"]
    assert (line["text"], shown["kind"], shown["url"]) == ("", "image", url if kept else "")


def test_r22_a_picture_joins_the_thread_it_belongs_to(inbox: Inbox) -> None:
    photo = "https://scontent.xx.fbcdn.net/v/t1/1.jpg"
    inbox.providers.messenger.say("p1", TORN)
    inbox.later(seconds=20)
    inbox.providers.messenger.say("p1", "", photo=photo)
    inbox.hear()

    (ticket,) = inbox.tickets()
    shown = [one["url"] for line in ticket["thread"] for one in line["attachments"]]
    assert (inbox.said(ticket), shown) == ([TORN, ""], [photo])


def test_r22_the_files_of_an_e_mail_are_named(inbox: Inbox) -> None:
    inbox.providers.aws.write_mail(MAIL, "Áo rách", TORN, files={"vết rách.jpg": b"\xff\xd8"})
    inbox.hear()

    (ticket,) = inbox.tickets()
    (shown,) = ticket["thread"][0]["attachments"]
    assert (shown["kind"], shown["name"]) == ("image", "vết rách.jpg")

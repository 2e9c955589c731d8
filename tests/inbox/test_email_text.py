"""What people write in e-mails, freed of quotes, signatures and layout, as their programs write those."""

from __future__ import annotations

import pytest

from shared.domain.inbox.email_text import fresh, plain_of

SAID = "Shop ơi, áo DH1001 bị rách chỉ ở vai.\n\nĐổi giúp mình nhé."


@pytest.mark.parametrize(
    "tail",
    [
        "\n\nOn Sun, Nov 22, 2026 at 10:05 AM Tiệm <cskh@khachquen.example> wrote:\n> Chào chị Lan\n> Đơn đã giao",
        "\n\nVào CN, 22 thg 11, 2026 vào lúc 10:05 Tiệm Nhà Mây <cskh@khachquen.example>\nđã viết:\n\n> Chào chị Lan",
        "\n\nVào 10:05, 22 thg 11, 2026, Tiệm Nhà Mây đã viết:\nChào chị Lan",
        "\n\n-----Original Message-----\nFrom: Tiệm Nhà Mây\nChào chị Lan",
        "\n\n________________________________\nTừ: Tiệm Nhà Mây <cskh@khachquen.example>\nĐã gửi: 22 Tháng 11 2026",
        "\n\nFrom: Tiệm <cskh@khachquen.example>\nSent: Sunday, November 22, 2026\nTo: Lan\nSubject: Đơn\n\nChào",
        "\n\nTừ: Tiệm Nhà Mây <cskh@khachquen.example>\nNgày: CN, 22 thg 11, 2026\nTới: Lan\nChủ đề: Đơn\n\nChào chị",
        "\n-- \nLan\nPhòng kế toán",
        "\n\nSent from my iPhone",
        "\n\nĐã gửi từ iPhone của tôi",
        "\n\nGet Outlook for Android\n\nOn Sun, Nov 22, 2026 at 10:05 AM Tiệm Nhà Mây wrote:\n> Chào",
        "",
    ],
)
def test_what_was_quoted_and_signed_is_left_out(tail: str) -> None:
    assert fresh((SAID + tail).replace("\n", "\r\n")) == SAID


def test_answers_between_the_lines_are_kept() -> None:
    assert fresh("> Chị mặc size nào ạ?\nSize M nhé\n> Giao về đâu ạ?\nVề Quận 3") == "Size M nhé\nVề Quận 3"


@pytest.mark.parametrize(
    "text",
    [
        "Vào hôm qua mình có viết: giao trước 5 giờ",
        "Từ: Quận 7\nShop giao tới Quận 1 mất bao lâu?",
        "On Monday I wrote to you twice and nobody answered.",
        "Mình cần:\n- 2 áo\n- 1 quần",
        "Sent from my office you get nothing but silence, for weeks and weeks, and so I am writing once more today",
    ],
)
def test_what_only_looks_like_a_quote_is_kept(text: str) -> None:
    assert fresh(text) == text


def test_only_a_quote_is_nothing_new() -> None:
    assert fresh("> Chào chị Lan\n> Đơn đã giao") == ""


def test_the_words_of_html_are_lines_without_its_quotes_and_its_looks() -> None:
    html = (
        "<html><head><title>Thư</title><style>p{color:red}</style></head><body>"
        "<p>Shop ơi, áo bị <b>rách</b>&nbsp;chỉ.</p>"
        "<ul><li>ở vai<li>ở tay</ul><div>Đổi giúp<br>mình nhé</div>"
        '<div class="gmail_quote"><div>Vào CN, ...</div><blockquote>Chào chị <img src="x">Lan</blockquote></div>'
        "<script>alert(1)</script></body></html>"
    )

    assert plain_of(html) == "Shop ơi, áo bị rách chỉ.\n\n- ở vai\n- ở tay\n\nĐổi giúp\nmình nhé"


def test_outlooks_earlier_mail_is_left_out() -> None:
    html = '<div>Đổi size giúp em</div><div id="divRplyFwdMsg"><b>Từ:</b> Tiệm</div><div>Chào chị Lan</div>'

    assert plain_of(html) == "Đổi size giúp em"


def test_html_that_nobody_closed_is_still_read() -> None:
    assert plain_of("<div><p>Áo <b>rách</i> <br/>rồi <&amp; <a href='x").startswith("Áo rách\nrồi")

"""R13: how long each chat takes answers, from whom, and what staff are shown of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.messaging.reply_windows import closes, windows
from shared.domain.vietnam_time import stamp

SAID = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("channel", "hours", "state", "minutes_left"),
    [
        ("zalo", 0, "open", 7 * 24 * 60),
        ("zalo", 47, "open", 121 * 60),
        ("zalo", 48, "paid", 120 * 60),
        ("zalo", 168, "closed", 0),
        ("messenger", 23, "open", 145 * 60),
        ("messenger", 24, "person_only", 144 * 60),
        ("messenger", 168, "closed", 0),
        ("whatsapp", 23, "open", 60),
        ("whatsapp", 24, "closed", 0),
    ],
)
def test_r13_staff_see_how_long_a_chat_still_takes_their_answer(
    channel: str, hours: int, state: str, minutes_left: int
) -> None:
    window = windows({channel: stamp(SAID)}, SAID + timedelta(hours=hours))[channel]

    assert (window.state, window.minutes_left) == (state, minutes_left)


def test_r13_a_machine_has_the_free_time_only_and_a_person_all_of_it() -> None:
    by_whom = {(channel, human): closes(channel, SAID, human=human) - SAID
               for channel in ("zalo", "messenger", "whatsapp") for human in (False, True)}  # fmt: skip

    assert by_whom == {
        ("zalo", False): timedelta(hours=48), ("zalo", True): timedelta(days=7),
        ("messenger", False): timedelta(hours=24), ("messenger", True): timedelta(days=7),
        ("whatsapp", False): timedelta(hours=24), ("whatsapp", True): timedelta(hours=24),
    }  # fmt: skip


def test_an_e_mail_has_no_window() -> None:
    assert windows({"email": stamp(SAID), "sms_care": stamp(SAID)}, SAID) == {}

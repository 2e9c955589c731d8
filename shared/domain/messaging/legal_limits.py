"""What the law sets for messages in Vietnam; configuration can only be stricter. Not legal advice.

Decree 91/2020/ND-CP: articles 13 (hours, caps, consent, do-not-call list) and 15-16 (labels, opt-out). Whether it
covers Zalo and Messenger is not settled anywhere; the same limits are applied to them.
"""

from __future__ import annotations

from datetime import time
from typing import NamedTuple


class Hours(NamedTuple):
    """Local hours of a day: from `opens`, up to but not including `closes`."""

    opens: time
    closes: time


# Article 13: advertising messages 07:00-22:00, advertising calls 08:00-17:00. Kept for every proactive message.
MESSAGES = Hours(time(7), time(22))
CALLS = Hours(time(8), time(17))

# Advertising messages per advertiser and address in 24 hours; advertising calls per number in 24 hours.
MESSAGES_A_DAY = 3
CALLS_A_DAY = 1

# An advertiser has to know the do-not-call list; older than this it does not (R17).
DO_NOT_CALL_LIST_DAYS = 7


def hours(channel: str) -> Hours:
    return CALLS if channel == "call" else MESSAGES


def cap_a_day(channel: str) -> int:
    return CALLS_A_DAY if channel == "call" else MESSAGES_A_DAY

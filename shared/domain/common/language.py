"""Which of our two languages a message is written in: Vietnamese unless the message is clearly English."""

from __future__ import annotations

import re
from typing import Literal

Language = Literal["vi", "en"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words of English messages that are no Vietnamese syllables, also without marks.
_ENGLISH = _set(
    """
    about account address after again already and any are arrive arrived at available back because been before bought
    broken buy can cancel change charged could customer deliver delivered delivery did discount do does dont email
    exchange fit for free from get give gift good got had has have hello help hey hi hours how hows if im in invoice
    is isnt it item its ive just last like long lost love many message messages money much my need never not of off on
    open or order ordered paid parcel parking pay payment person please points policy price product purchase question
    received refund return same send sent service ship shipped shipping should size someone speak still stop store
    talk thank thanks that the there these they thing this to today track tracking unsubscribe use voucher want
    warranty was wash way we what when where which who why will with work would wrong yesterday yet you your
    """
)
# English words that Vietnamese messages are full of, and syllables that both languages have.
_EITHER = _set(
    "can discount do email free hello hi in item it long message of on order ship size stop store thanks voucher"
)
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str, known: str = "vi") -> Language:
    """The language of a message; `known` is the writer's own, which stands where the message says nothing of it."""
    if not text.isascii() and re.search(r"[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", text.lower()):
        return "vi"
    words = _WORD.findall(text.lower().replace("'", "").replace("’", ""))
    english = sum(word in _ENGLISH for word in words)
    surely = sum(word in _ENGLISH and word not in _EITHER for word in words)
    if surely:
        return "en" if 2 * english >= len(words) else "vi"
    return "en" if known == "en" and english == len(words) else "vi"

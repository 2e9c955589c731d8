"""Whether a person who writes to us asks not to be written to, as Vietnamese customers put it (integrations 7.2)."""

from __future__ import annotations

import re

from shared.domain.common.text_folding import fold

# The whole message, or its beginning. "huy don" cancels an order and is for a person to read.
_WHOLE = frozenset(("tc", "huy", "stop", "unsubscribe", "huy dang ky", "huy dk", "tu choi", "khong nhan", "ko nhan"))
_BEGINNING = re.compile(
    r"(tu choi( nhan)?( tin)?|(khong|ko|k|hok|dung|đung) (nhan|gui|nhan nua|gui nua)( tin| nua| sms| quang cao| qc)+"
    r"|dung gui|ngung gui|stop|tc)\b"
)


def asks_to_stop(text: str) -> bool:
    """Short messages only: a longer story has to be read by a person."""
    folded = re.sub(r"[^\w\s]", " ", fold(text)).strip()
    folded = " ".join(folded.split())
    if not folded or len(folded) > 60 or folded.startswith(("huy don", "huy hang")):
        return False
    return folded in _WHOLE or bool(_BEGINNING.match(folded))

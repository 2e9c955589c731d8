"""Vietnamese text without marks and case, for comparing words."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_TONES = "\u0300\u0301\u0303\u0309\u0323"


# Names of goods and words of the playbook are compared over and over.
@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """For matching: no marks, đ as d, lower case, single spaces ("Nguyễn  Thị HÒA" and "nguyen thi hoà" are one)."""
    plain = unicodedata.normalize("NFD", text.lower()).replace("đ", "d").replace("ð", "d")
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).split())

"""Money as Vietnamese people write and read it; amounts are whole VND everywhere."""

from __future__ import annotations

import re

_CURRENCY = re.compile(r"\s*(₫|đồng|dong|vnđ|vnd|đ|d)\.?\s*", re.IGNORECASE)
GROUPED = re.compile(r"\d{1,3}(?:([.,\s])\d{3})(?:\1\d{3})*")
_CUT = re.compile(r"-?\d+([.,]\d+)?E[+-]?\d+", re.IGNORECASE)


def sign_of(words: str) -> tuple[int, str]:
    if words.startswith("(") and words.endswith(")"):
        return -1, words[1:-1].strip()
    if words[:1] in ("-", "−"):
        return -1, words[1:].strip()
    return 1, words.removeprefix("+").strip()


def _without_currency(words: str) -> str:
    if (found := _CURRENCY.match(words)) and found.end():
        words = words[found.end() :]
    if (found := re.search(rf"{_CURRENCY.pattern}$", words, re.IGNORECASE)) and found.group():
        words = words[: found.start()]
    return words.strip()


def is_cut(words: str) -> bool:
    """Whether Excel wrote a long number as 9.01E+08 and lost its digits."""
    return bool(_CUT.fullmatch(words))


def vnd(amount: int) -> str:
    """1250000 → "1.250.000 ₫"."""
    return f"{amount:,}".replace(",", ".") + " ₫"


def vnd_of(words: str) -> int:
    """Whole đồng, may be negative (a return): 1.250.000, 1,250,000, 1250000, 1.250.000 ₫, 1250000.00.

    A dot or comma before exactly three digits groups thousands, for the đồng has no fractions. Raises ValueError.
    """
    words = words.strip()
    if is_cut(words):
        raise ValueError("Excel cut its digits (such as 1.25E+06): format the column as a number and export again")
    sign, words = sign_of(_without_currency(words))
    words = _without_currency(words)
    if re.fullmatch(r"[0-9]+", words):
        return sign * int(words)
    whole, fraction = words, ""
    if found := re.fullmatch(r"(.*\d)([.,])(\d{1,2})", words):
        whole, fraction = found[1], found[3]
        if found[2] in whole:
            raise ValueError("not an amount: the separators do not fit together")
    if GROUPED.fullmatch(whole) or re.fullmatch(r"[0-9]+", whole):
        if int(fraction or 0):
            raise ValueError("has a fraction of a đồng")
        return sign * int(re.sub(r"\D", "", whole))
    if re.fullmatch(r"[0-9][0-9.,]*", words):
        raise ValueError("can be read as two different amounts")
    if re.search(r"[$€£¥]|usd|eur", words, re.IGNORECASE):
        raise ValueError("not in Vietnamese đồng")
    raise ValueError("not an amount")

"""The figures in a Vietnamese text: amounts, percents, dates, spans of time and bare numbers, in digits and in words.

Money is written in many ways: 50.000đ, 50k, 50 ngàn, năm mươi nghìn, 1tr2, một triệu rưỡi. Two texts name the same
figure where kind and value are equal, however each writes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

FigureKind = Literal["money", "foreign", "percent", "date", "clock", "span", "one_for_one", "number"]


class Spelled(NamedTuple):
    """A text composed and in lower case, with its marks and without; both have the same length, character by
    character."""

    marked: str
    plain: str

    @property
    def bare(self) -> bool:
        """Whether it is written without any mark, as in an SMS."""
        return self.marked == self.plain


class Figure(NamedTuple):
    """One figure and where it stands. Values: VND; the words of a foreign amount; percent; (day, month, year or 0),
    day 0 for a month; (hour, minute); (number, unit); (bought, given); a number's digits."""

    kind: FigureKind
    value: object
    start: int
    end: int


def spelled(text: str) -> Spelled:
    composed = unicodedata.normalize("NFC", text)
    marked = "".join(low if len(low := char.lower()) == 1 else char for char in composed)
    marked = re.sub(r"\s", " ", marked)
    return Spelled(marked, "".join(map(unmarked, marked)))


def unmarked(char: str) -> str:
    """A composed letter in lower case without its marks: one character."""
    return "d" if char == "đ" else unicodedata.normalize("NFD", char)[0]


_N = r"(?:\d{1,3}(?:[.,]\d{3}){1,5}(?![.,]?\d)|(?<!\d)\d{1,12}(?:[.,]\d{1,2})?(?!\d))"
_SCALES = {
    "chuc nghin": 10**4, "chuc ngan": 10**4, "tram nghin": 10**5, "tram ngan": 10**5,
    "k": 10**3, "nghin": 10**3, "ngan": 10**3, "tr": 10**6, "trieu": 10**6, "ty": 10**9, "ti": 10**9,
}  # fmt: skip
_SCALE = r"(?:(?:chuc|tram) ng(?:hin|an)|k|nghin|ngan|tr|trieu|ty|ti)"
_DONG = r"(?:dong\b|vnd\b|d\b|₫)"
_TO = r"\s*(?:-|–|den|toi)\s*"
_UNITS = {
    "giay": "second", "phut": "minute", "h": "hour", "gio": "hour", "tieng": "hour", "ngay": "day", "dem": "day",
    "tuan": "week", "thang": "month", "nam": "year",
    "minutes": "minute", "hours": "hour", "days": "day", "weeks": "week", "months": "month",
}  # fmt: skip
_UNIT = rf"(?:{'|'.join(sorted(_UNITS, key=len, reverse=True))})"
_NOT_A_DATE = rf"(?!\s*(?:%|phan tram|{_SCALE}\b|{_DONG}|{_UNIT}\b))"

_DATE = re.compile(
    r"\bngay (?P<d1>\d{1,2}) thang (?P<m1>\d{1,2})(?: nam (?P<y1>\d{4}))?(?!\d)"
    # "bảo hành 12 tháng 1 đổi 1" is no twelfth of January.
    r"|\b(?P<d2>\d{1,2}) thang (?P<m2>\d{1,2})(?: nam (?P<y2>\d{4}))?(?!\d)(?! (?:doi|tang)\b)"
    r"|(?<![\d.,/])(?P<d3>\d{1,2})/(?P<m3>\d{1,2})(?:/(?P<y3>\d{4}|\d\d))?(?![\d/])"
    r"|(?<![\d.,/-])(?P<d4>\d{1,2})(?P<sep>[.-])(?P<m4>\d{1,2})(?:(?P=sep)(?P<y4>\d{4}))?(?![\d.,-]*\d)"
    + _NOT_A_DATE
    + r"|\bthang (?P<m5>\d{1,2})(?:/(?P<y5>\d{4}))?(?![\d/])(?! (?:doi|tang)\b)"
)
_CLOCK = re.compile(r"(?<![\d:])(?P<h>[01]?\d|2[0-4])\s?(?::|h|g|gio )(?P<m>[0-5]\d)(?![\d:])")
_ONE_FOR_ONE = re.compile(r"\b(?:mua )?(?P<a>\d|mot|hai|ba) tang (?P<b>\d|mot|hai|ba)\b")
_PERCENT = re.compile(rf"(?P<a>{_N})(?:{_TO}(?P<b>{_N}))?\s*(?:%|phan tram\b|percent\b)")
_HALF = re.compile(r"\b(?:mot )?nua gia\b|\bgiam (?:mot )?nua\b|\bhalf (?:the )?price\b")
_HALF_A_MILLION = re.compile(r"\bnua trieu\b")
_FOREIGN = re.compile(r"[$€£¥]\s*\d[\d.,]*|(?<![\d.,])\d[\d.,]*\s*(?:\$|€|£|¥|usd\b|eur\b|do la\b|dollars?\b)")
_RANGE = re.compile(rf"(?<![\d.,])(?P<a>{_N}){_TO}(?P<b>{_N})\s*(?:(?P<scale>{_SCALE})\b\s*{_DONG}?|{_DONG})")
_MONEY = re.compile(
    rf"(?<![\d.,])(?P<n>{_N})\s*(?P<scale>{_SCALE})(?:"
    rf"(?P<tail>\d{{1,3}})(?!\d)(?:\s*(?:k|nghin|ngan)\b)?"
    rf"|\s+(?P<more>\d{{1,3}})\s*(?:k|nghin|ngan)\b"
    rf"|\s+(?P<short>\d)(?=\s*(?:{_DONG}|[.,;!?)]|$))"
    rf"|\s+(?P<half>ruoi)\b"
    rf"|\b)(?:\s*{_DONG})?"
    rf"|(?:\bvnd|₫)\s*(?P<behind>{_N})"
    rf"|(?<![\d.,])(?P<spaced>\d{{1,3}}(?: \d{{3}}){{1,5}}|{_N})\s*{_DONG}"
    rf"|(?<![\d.,])(?P<grouped>\d{{1,3}}(?:[.,]\d{{3}}){{1,5}})(?![.,]?\d)"
)
_SPAN = re.compile(rf"(?<![\d.,])(?P<a>\d{{1,6}})(?:{_TO}(?P<b>\d{{1,6}}))?\s*(?P<unit>{_UNIT})\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

# Numerals with their marks; without marks the same words folded, of which "nam", "tu" and "sau" also mean other things,
# so they count in front of a unit only.
_DIGITS = {
    "không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5, "nhăm": 5, "sáu": 6,
    "bảy": 7, "bẩy": 7, "tám": 8, "chín": 9,
}  # fmt: skip
_TENS, _HUNDRED, _HALF_MORE, _AND = ("mười", "mươi", "chục"), "trăm", "rưỡi", ("linh", "lẻ")
_THOUSANDS = {"nghìn": 10**3, "ngàn": 10**3, "triệu": 10**6, "tỷ": 10**9, "tỉ": 10**9}
_NUMERALS = (*_DIGITS, *_TENS, _HUNDRED, _HALF_MORE, *_AND, *_THOUSANDS)
_SMALL = (*_DIGITS, *_TENS, _HUNDRED, *_AND)


def _said(words: tuple[str, ...], behind: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A run of numerals before something: for a text with marks, and for one without."""

    def pattern(names: list[str]) -> re.Pattern[str]:
        one = "|".join(sorted(set(names), key=len, reverse=True))
        return re.compile(rf"(?<!\w)(?P<said>(?:{one})(?:\s+(?:{one})){{0,15}})(?!\w){behind}")

    return pattern(list(words)), pattern([_plain(word) for word in words])


def _plain(word: str) -> str:
    return "".join(map(unmarked, word))


_SAID_MONEY = _said(_NUMERALS, rf"(?:\s*{_DONG}|\s+đồng(?!\w))?")
_SAID_PERCENT = _said(_SMALL, r"\s+(?:phần trăm|phan tram)(?!\w)")
_SAID_SPAN = _said(
    _SMALL, r"\s+(?P<unit>giây|giay|phút|phut|giờ|gio|tiếng|tieng|ngày|ngay|tuần|tuan|tháng|thang|năm)(?!\w)"
)
# "một ngày vui", "một năm mới" name no span; behind these words they do.
_NAMES_A_SPAN = re.compile(r"\b(?:trong|sau|bảo hành|bao hanh|vòng|vong|đổi trả|doi tra|hết|het|còn|con|chỉ) $")


def figures(text: Spelled) -> list[Figure]:
    """Every figure of a text once, in the order of their places."""
    found: list[Figure] = []
    left = text
    for read in (_one_for_one, _dates, _clocks, _percents, _money, _spans, _numbers):
        for figure in list(read(left)):
            found.append(figure)
            left = _without(left, figure)
    return sorted(found, key=lambda figure: (figure.start, figure.end))


def _without(text: Spelled, figure: Figure) -> Spelled:
    """The text with a figure blanked, so that its digits are read once."""
    blank = "\u00b7" * (figure.end - figure.start)
    return Spelled(*(part[: figure.start] + blank + part[figure.end :] for part in text))


def _one_for_one(text: Spelled) -> Iterator[Figure]:
    words = {"mot": 1, "hai": 2, "ba": 3}
    for hit in _ONE_FOR_ONE.finditer(text.plain):
        value = tuple(words.get(hit[name]) or int(hit[name]) for name in "ab")
        yield Figure("one_for_one", value, *hit.span())


def _dates(text: Spelled) -> Iterator[Figure]:
    for hit in _DATE.finditer(text.plain):
        part = {name[0]: int(value) for name, value in hit.groupdict().items() if value and name != "sep"}
        day, month, year = part.get("d", 0), part["m"], part.get("y", 0)
        if day <= 31 and 1 <= month <= 12 and (day or hit["m5"]):
            yield Figure("date", (day, month, year + 2000 if 0 < year < 100 else year), *hit.span())


def _clocks(text: Spelled) -> Iterator[Figure]:
    for hit in _CLOCK.finditer(text.plain):
        yield Figure("clock", (int(hit["h"]), int(hit["m"])), *hit.span())


def _percents(text: Spelled) -> Iterator[Figure]:
    for hit in _PERCENT.finditer(text.plain):
        for name in ("a", "b"):
            if hit[name]:
                yield Figure("percent", float(hit[name].replace(",", ".")), *hit.span())
    for hit in _HALF.finditer(text.plain):
        yield Figure("percent", 50.0, *hit.span())
    yield from _in_words("percent", _SAID_PERCENT, text)


def _money(text: Spelled) -> Iterator[Figure]:
    for hit in _FOREIGN.finditer(text.plain):
        yield Figure("foreign", re.sub(r"\s", "", hit[0]), *hit.span())
    for hit in _HALF_A_MILLION.finditer(text.plain):
        yield Figure("money", 500_000, *hit.span())
    taken: list[range] = []
    for hit in _RANGE.finditer(text.plain):
        for name in ("a", "b"):
            yield Figure("money", _amount(hit[name], hit["scale"]), *hit.span())
        taken.append(range(*hit.span()))
    for hit in _MONEY.finditer(text.plain):
        if not any(hit.start() in span for span in taken):
            yield Figure("money", _written(hit.groupdict()), *hit.span())
            taken.append(range(*hit.span()))
    for figure in _in_words("money", _SAID_MONEY, text):
        if not any(figure.start in span for span in taken):
            yield figure


def _written(part: Mapping[str, str | None]) -> int:
    number = part["n"]
    if number is None:
        return int(re.sub(r"\D", "", part["behind"] or part["spaced"] or part["grouped"] or ""))
    scale = _SCALES[part["scale"] or ""]
    amount = _amount(number, part["scale"])
    if part["half"]:
        return amount + scale // 2
    if part["more"]:
        return amount + int(part["more"]) * 1000
    # "1tr2" and "1 triệu 2" are 1.200.000, "1tr25" and "1tr250" 1.250.000.
    return amount + int((part["tail"] or part["short"] or "0").ljust(3, "0")) * scale // 1000


def _amount(number: str, scale: str | None) -> int:
    if scale is None or re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", number):
        return int(re.sub(r"\D", "", number)) * (_SCALES[scale] if scale else 1)
    return round(float(number.replace(",", ".")) * _SCALES[scale])


def _spans(text: Spelled) -> Iterator[Figure]:
    for hit in _SPAN.finditer(text.plain):
        for name in ("a", "b"):
            if hit[name]:
                yield Figure("span", (int(hit[name]), _UNITS[hit["unit"]]), *hit.span())
    yield from _in_words("span", _SAID_SPAN, text)


def _numbers(text: Spelled) -> Iterator[Figure]:
    for hit in _NUMBER.finditer(text.plain):
        yield Figure("number", hit[0], *hit.span())


def _in_words(kind: FigureKind, patterns: tuple[re.Pattern[str], ...], text: Spelled) -> Iterator[Figure]:
    for hit in patterns[text.bare].finditer(text.marked):
        words = [*re.finditer(r"\w+", hit["said"])]
        # What stands before the number may be a word that is no numeral here: "từ", "sau", "năm nay".
        for first in range(len(words)):
            if text.bare and words[first][0] == "tu":
                continue
            value, scaled = _number_in([word[0] for word in words[first:]], text.bare)
            if value is None or (kind == "money" and not scaled):
                continue
            start = hit.start() + words[first].start()
            if kind == "span":
                if value == 1 and not _NAMES_A_SPAN.search(text.marked[: hit.start()]):
                    break
                yield Figure(kind, (value, _UNITS[_plain(hit["unit"])]), start, hit.end())
            else:
                yield Figure(kind, float(value) if kind == "percent" else value, start, hit.end())
            break


def _number_in(words: list[str], bare: bool) -> tuple[int | None, bool]:
    """The number that numerals name and whether it has a thousand or more in it; None where they name none."""
    name = {_plain(word): word for word in reversed(_NUMERALS)} if bare else {word: word for word in _NUMERALS}
    total, section, scale = 0, 0, 0
    digit: int | None = None
    for word in (name[word] for word in words):
        if word in _DIGITS:
            # "ba lăm" is thirty-five; three digits in a row are a list.
            if digit is not None:
                section += digit * 10
            digit = _DIGITS[word]
        elif word in _TENS:
            section += (digit if digit is not None else 1) * 10
            digit = None
        elif word == _HUNDRED:
            section += (digit if digit is not None else 1) * 100
            digit = None
        elif word in _THOUSANDS:
            scale = _THOUSANDS[word]
            if digit is None and not section:
                return None, False
            total += (section + (digit or 0)) * scale
            section, digit = 0, None
        elif word == _HALF_MORE:
            if not scale and not section:
                return None, False
            total += scale // 2 if scale and not section else 50
        elif digit is not None:
            return None, False
    if digit is not None and scale >= 1000 and not section:
        # "một triệu hai" is 1.200.000.
        return total + digit * scale // 10, True
    value = total + section + (digit or 0)
    return (value if value or digit == 0 else None), bool(scale)

"""Normalizes a message into comparable words: no diacritics, short forms expanded, numbers as their kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

# Of a long message the beginning and the end are read: there customers state the matter and the request.
MOST_CHARACTERS = 12_000
FIRST_TOKENS, LAST_TOKENS = 220, 80
LONGEST_TOKEN = 40

_PLAIN_TOKENS = (
    r"[^\W\d_]+"
    r"|(?<!\d)0\d{2,3}[ .-]\d{3}[ .-]\d{3,4}(?!\d)|\+?\d+(?:[.,]\d+)*"
    r"|[?!.,;\n]+|:[)(dp3]+|=[)(]+|<3"
    r"|[^\w\s]"
)
_TOKENS = re.compile(_PLAIN_TOKENS)
# Used only where a text may contain links, for it doubles the time.
_TOKENS_AND_LINKS = re.compile(rf"https?://\S+|www\.\S+|[\w.+-]++@[\w-]+\.[\w.]*|{_PLAIN_TOKENS}")
_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))
_RUNS = re.compile(r"(.)\1+")
_UNITS = {
    "k": 1_000, "ka": 1_000, "ng": 1_000, "nghin": 1_000, "ngan": 1_000, "tr": 1_000_000, "trieu": 1_000_000,
    "cu": 1_000_000, "ty": 1_000_000_000, "d": 1, "dong": 1, "vnd": 1, "vnđ": 1, "million": 1_000_000,
}  # fmt: skip
# The thresholds in VND for "#lot" and "#much".
_LOT, _VERY_MUCH = 1_000_000, 3_000_000
_FACES = {
    **dict.fromkeys("😍🥰😘❤♥💕💖💗🧡💛💚💙💜🤍🖤😊☺🙂😀😃😄😁🤗👍👏💯⭐🌟🎉🥳😋🌹🌸💐😻✨🤩😇💓💞💘👌", "#glad"),
    **dict.fromkeys("😡😠🤬👎💢🖕😤", "#angry"),
    **dict.fromkeys("😭😢😞😔🙁☹😩😫😿💔😰😥😓😖😣😟😨😱🤕🤒🤢🤮", "#sad"),
    **dict.fromkeys("🙄😒😑😏🤡🙃😐🤨😬", "#wry"),
    **dict.fromkeys("😂🤣😅😆😹", "#laugh"),
    **dict.fromkeys("🙏", "#please"),
}
_ENDS = frozenset("?!.,;\n")


def letters(word: str) -> str:
    """A lower-case word without diacritics and repeated letters ("lỗiii" → "loi")."""
    if not word.isascii():
        plain = unicodedata.normalize("NFD", word).replace("đ", "d").replace("ð", "d")
        word = "".join(char for char in plain if not unicodedata.combining(char))
    return _RUNS.sub(r"\1", word)


@lru_cache(maxsize=4096)
def marked(word: str) -> str:
    """A word with diacritics in one spelling (hòa and hoà are equal), its tone at the end; "" without diacritics."""
    if word.isascii():
        return ""
    parts = unicodedata.normalize("NFD", word)
    bare = unicodedata.normalize("NFC", parts.translate(_TONES))
    tone = "".join(char for char in parts if ord(char) in _TONES)[:1]
    return _RUNS.sub(r"\1", bare) + tone if tone or not bare.isascii() else ""


class Words:
    """The words of a message: `plain` are normalized, `written` as in the text, `ends` are the ends of clauses."""

    __slots__ = ("ends", "plain", "signs", "written")

    def __init__(self) -> None:
        self.plain: list[str] = []
        self.written: list[str] = []
        self.ends: set[int] = set()
        self.signs: list[str] = []


class Speller:
    """Expands short forms. `short` maps a form, with its diacritics if required, to full words without them."""

    def __init__(self, short: Mapping[str, str]) -> None:
        self._short = short
        self._one = lru_cache(maxsize=8192)(self._spell)

    def _spell(self, word: str) -> tuple[tuple[str, ...], bool]:
        """The full words of a form, and whether they depend on the context."""
        if len(word) > LONGEST_TOKEN:
            return (), False
        plain = letters(word)
        # A form is looked up as typed; without repeated letters only where that loses no diacritics ("kooo").
        full = self._short.get(word) or (self._short.get(plain, plain) if word.isascii() else plain)
        return tuple(full.split(" ")), word in _DEPENDS or full in _DEPENDS

    def phrase(self, text: str) -> str:
        """A phrase of the playbook, normalized as by `words`."""
        return " ".join(self.words(text).plain)

    def words(self, text: str) -> Words:
        """The words of a text; of a long one the beginning and the end."""
        if len(text) > MOST_CHARACTERS:
            text = text[: MOST_CHARACTERS // 2] + "\n" + text[-MOST_CHARACTERS // 2 :]
        text = unicodedata.normalize("NFKC", text).lower()
        linked = "@" in text or "://" in text or "www." in text
        tokens = (_TOKENS_AND_LINKS if linked else _TOKENS).findall(text)
        if len(tokens) > FIRST_TOKENS + LAST_TOKENS:
            tokens = [*tokens[:FIRST_TOKENS], "\n", *tokens[-LAST_TOKENS:]]
        found = Words()
        at, last = 0, len(tokens)
        while at < last:
            token, after = tokens[at], tokens[at + 1] if at + 1 < last else ""
            first = token[0]
            at += 1
            if first.isalpha():
                if not token.isalpha():
                    found.signs.append("#link")
                    continue
                full, depends = self._one(token)
                if depends:
                    full = _in_context(token, full, found.plain, after)
                found.plain += full
                found.written += (token,) * len(full)
            elif first.isdecimal() or (first == "+" and len(token) > 1):
                kind, takes_unit = _number(token, _unit(after, tokens[at + 1] if at + 1 < last else ""))
                found.plain.append(kind)
                found.written.append(token + after if takes_unit else token)
                at += takes_unit
            elif first in _ENDS:
                found.ends.add(len(found.plain))
                found.signs += [sign for sign in ("?", "...", "!!") if sign in token] or ["!"] * ("!" in token)
            elif sign := _FACES.get(first) or _smile(token):
                found.signs.append(sign)
        found.ends.add(len(found.plain))
        _close_questions(found)
        return found


def _smile(token: str) -> str:
    if token in ("<3",):
        return "#glad"
    if len(token) > 1 and token[0] in ":=":
        return "#sad" if "(" in token else "#laugh" if token[0] == "=" else "#glad"
    return ""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Forms whose meaning depends on the context.
_DEPENDS = _set("k kg khong hong hỏng hông bn r h m s l xl t km d v tr c")
_AFTER_NO = _set(
    """
    co biet thay duoc dc đc được có biết thấy phai phải muon muốn thich thích can cần nhan nhận nghe tra trả rep ai he
    hề ship giao con còn mua lay lấy vua vừa dam dám hieu hiểu
    """
)
_AFTER_QUESTION = _set("ạ a shop em vay vậy ta nhi nhỉ")
# Their meaning after a number.
_AFTER_NUMBER = {
    "h": "gio", "t": "tuan", "k": "k", "kg": "kg", "km": "km", "m": "m", "c": "c", "d": "d", "r": "r", "tr": "tr"
}  # fmt: skip
_AFTER_YOU = _set("oi ơi co có cho gui gửi shop ak nao nào")
_BREAKS = _set("bi may hang do hu da nhanh lam de mau pham chua dau se")
_CLOSERS = _set("a shop em anh chi ban vay the ta nhi nhe nha ha ad oi ne minh hen ah ak nhen")


def _in_context(word: str, full: tuple[str, ...], before: list[str], after: str) -> tuple[str, ...]:
    previous = before[-1] if before else ""
    if word in ("hong", "hỏng", "hông"):
        denies = not after or after[0] in _ENDS or after in _AFTER_NO or after in _AFTER_QUESTION
        return ("khong",) if denies and previous not in _BREAKS else ("hong",)
    if word == "bn":
        return ("ban",) if after in _AFTER_YOU else ("bao", "nhieu")
    if previous[:1] == "#" and word in _AFTER_NUMBER:
        return (_AFTER_NUMBER[word],)
    if previous in ("size", "cao") and word in ("s", "m", "l", "xl"):
        return ("#size",)
    return full


def _unit(word: str, after: str) -> str:
    """The unit after a number: "2 củ" are two million, "2 củ sạc" two chargers."""
    plain = letters(word) if word.isalpha() and len(word) < 8 else ""
    return "" if plain == "cu" and (word == "cũ" or letters(after) in ("sac", "khoai", "toi")) else plain


def _number(token: str, unit: str) -> tuple[str, bool]:
    """The kind of a number, and whether the unit after it belongs to it."""
    parts = re.split("[., -]", token.lstrip("+"))
    digits = "".join(parts)
    if (token[0] == "+" or digits[0] == "0") and 9 <= len(digits) <= 12:
        return "#phone", False
    if len(digits) > 12:
        return "#code", False
    factor = _UNITS.get(unit, 0)
    grouped = len(parts) > 1 and all(len(part) == 3 for part in parts[1:])
    if factor > 1 or (factor and len(digits) > 3):
        number = float(".".join(parts)) if len(parts) == 2 and not grouped else int(digits)
        return _money(number * factor), True
    if grouped or (len(digits) >= 5 and digits.endswith("000")):
        return _money(int(digits)), False
    if len(digits) >= 5:
        return "#code", False
    return ("#1" if digits == "1" else "#n" if len(digits) < 3 else "#nnn"), False


def _money(worth: float) -> str:
    return "#much" if worth >= _VERY_MUCH else "#lot" if worth >= _LOT else "#money"


def _close_questions(found: Words) -> None:
    """ "Không" and "chưa" at the end of a clause ask; elsewhere they deny."""
    plain, ends = found.plain, found.ends
    for at, word in enumerate(plain):
        if word in ("khong", "chua") and at:
            end = at + 1
            while end not in ends and end - at < 4 and plain[end] in _CLOSERS:
                end += 1
            if end in ends:
                plain[at] = "khong?" if word == "khong" else "chua?"

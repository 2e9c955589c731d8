"""Checks of a message that a model drafted: nothing in it may be invented (X27).

A draft may say what its brief and the catalogue say and nothing beyond: no other price, promise, figure, date or claim,
no link or number of its own, within the channel's limits. The checks read words, not meaning: they refuse some honest
sentences, and a person has the last word on every draft.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from shared.domain.common.language import language_of
from shared.domain.common.outgoing_values import has_link, has_number_to_call
from shared.domain.messaging.draft_figures import Figure, Spelled, figures, spelled
from shared.domain.messaging.draft_phrases import (
    A_CUT,
    A_GIFT,
    FILLED,
    FREE,
    FREE_SHIPPING,
    HASTE,
    OFFERS,
    PERSONAL,
    PROMISES,
    SHORTAGE,
    STATISTICS,
    TESTIMONIALS,
    UNTIL_NIGHT,
    WILL_DO,
    Phrases,
)
from shared.domain.messaging.sms_encoding import AD_LABEL, measured, without_marks
from shared.domain.messaging.template import LONGEST_CHAT, Shop, SmsAd, Template
from shared.domain.messaging.template_lint import SUBJECT_LENGTH, ZNS_PARAGRAPH, ZNS_TITLE
from shared.domain.messaging.wording import Wording
from shared.domain.vietnam_time import VIETNAM

# What is true only where somebody knows it: a person who rewrote the text may answer for it.
FactCode = Literal[
    "price_not_given", "offer_not_given", "promise", "number_not_given", "date_not_given", "statistic", "testimonial",
    "urgency", "personal_claim", "must_say_missing",
]  # fmt: skip
# What nobody may send, whoever wrote it.
FormCode = Literal[
    "link", "phone", "own_label", "placeholder", "language", "markup", "too_long", "too_short", "part", "unsendable",
]  # fmt: skip
Code = FactCode | FormCode
FACTS: frozenset[str] = frozenset(get_args(FactCode))

# An e-mail and a slot in a web page have no limit of their own; a longer text is not read.
EMAIL_LENGTH, WEB_LENGTH, WEB_TITLE, CALL_LENGTH, CTA_LENGTH, GREETING_LENGTH = 3000, 300, 80, 1500, 40, 120


class Problem(NamedTuple):
    """What is wrong with a draft: in which part, and the words it is about (as written, shortened)."""

    code: Code
    part: str
    quote: str


class Limits(NamedTuple):
    """What a channel takes. `lengths` are the least and most characters by part; an SMS is counted in parts instead,
    with the label before it and the way to refuse behind it (`frame`), with or without marks."""

    lengths: Mapping[str, tuple[int, int]]
    sms_parts: int = 0
    accents: bool = True
    frame: tuple[str, str] = ("", "")

    def most(self, part: str) -> int:
        """The most characters to ask for."""
        if part != "text" or not self.sms_parts:
            return self.lengths[part][1]
        single, each = (70, 67) if self.accents else (160, 153)
        places = single if self.sms_parts == 1 else each * self.sms_parts
        # The brackets of the label take two places each.
        return places - len("".join(self.frame)) - 2


@dataclass(frozen=True)
class DraftFacts:
    """What a draft may say.

    `said` are the shop's own words: goal, offer, who it is for. `must_say` has to stand in the text word for word.
    `prices` are VND by product name, and `offer_ends` the end of the offer. `placeholders` may stand in the text, each
    with a value to measure the text by; links may stand in `text` only.
    """

    said: tuple[str, ...] = ()
    must_say: tuple[str, ...] = ()
    prices: Mapping[str, int | None] = field(default_factory=dict)
    offer_ends: datetime | None = None
    placeholders: Mapping[str, str] = field(default_factory=dict)


def limits_of(template: Template, channel: str, shop: Shop) -> Limits:
    """The limits of a template's words on a channel."""
    block = template.block(channel)
    if isinstance(block, SmsAd):
        return Limits({"text": (1, 1000)}, block.max_parts, block.accents, (f"{AD_LABEL} ", f" {shop.opt_out_sms}"))
    if channel == "zns":
        return Limits({"subject": ZNS_TITLE, "text": ZNS_PARAGRAPH})
    if channel == "email":
        label = len(AD_LABEL) + 1 if template.purpose == "marketing" else 0
        return Limits(
            {
                "subject": (1, SUBJECT_LENGTH - label),
                "greeting": (0, GREETING_LENGTH),
                "text": (1, EMAIL_LENGTH),
                "cta": (0, CTA_LENGTH),
            }
        )
    if channel == "web":
        return Limits({"subject": (1, WEB_TITLE), "text": (1, WEB_LENGTH), "cta": (0, CTA_LENGTH)})
    if channel == "call":
        return Limits({"text": (1, CALL_LENGTH)})
    opt_out = len(shop.opt_out_chat.vi) + 2 if template.purpose == "marketing" else 0
    return Limits({"text": (1, LONGEST_CHAT[channel] - opt_out)})


def check(draft: Wording, facts: DraftFacts, limits: Limits) -> list[Problem]:
    """Everything wrong with a draft, each once; empty for one that a person may approve."""
    known = _Known.of(facts)
    found: list[Problem] = []
    parts = {name: text for name, text in draft.model_dump().items() if text}
    for part, text in parts.items():
        if part not in limits.lengths:
            found.append(Problem("part", part, _short(text)))
            continue
        found += _placeholders(part, text, facts)
        seen = _PLACEHOLDER.sub(FILLED, text)
        found += _form(part, seen, sms=limits.sms_parts > 0)
        found += _invented(part, spelled(seen), known)
    found += _measured(parts, facts, limits)
    said = _words(" ".join(parts.values()))
    found += [Problem("must_say_missing", "text", _short(must)) for must in facts.must_say if _words(must) not in said]
    return list(dict.fromkeys(found))


# ---- what the shop knows ----


# "không giảm giá, không tặng quà" gives neither.
_DENIED = re.compile(r"\b(?:khong|chua|dung|cam)\b[^.,;!?]*")


@dataclass(frozen=True)
class _Known:
    """The facts in the form they are compared in."""

    plain: str
    figures: frozenset[tuple[str, object]]
    prices: Mapping[str, int | None]
    briefed: frozenset[tuple[str, object]]
    ends: datetime | None

    @classmethod
    def of(cls, facts: DraftFacts) -> _Known:
        briefed = frozenset(_comparable(f) for said in (*facts.said, *facts.must_say) for f in figures(spelled(said)))
        catalogue: set[tuple[str, object]] = {("money", price) for price in facts.prices.values() if price is not None}
        # The digits in a product's name, such as "bình 500ml", are part of the name.
        catalogue |= {_comparable(figure) for name in facts.prices for figure in figures(spelled(name))}
        ends = facts.offer_ends.astimezone(VIETNAM) if facts.offer_ends else None
        if ends:
            day = last_day(ends)
            catalogue |= {("date", (day.day, day.month)), ("date", (day.day, day.month, day.year))}
            catalogue |= {("date", (0, day.month))}
            last = (23, 59) if _whole_day(ends) else (ends.hour, ends.minute)
            catalogue |= {("clock", last), ("span", (ends.hour or 24, "hour"))}
        said = [_DENIED.sub("", _words(text)) for text in facts.said]
        said += [_words(text) for text in (*facts.must_say, *facts.prices)]
        prices = {_words(name): price for name, price in facts.prices.items()}
        return cls(" · ".join(said), briefed | catalogue, prices, briefed, ends)

    def says(self, plain: str) -> bool:
        """Whether the shop's own words hold these."""
        return re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", self.plain) is not None


def _comparable(figure: Figure) -> tuple[str, object]:
    if figure.kind == "date":
        date: tuple[int, int, int] = figure.value  # type: ignore[assignment]
        return "date", date if date[2] else date[:2]
    if figure.kind == "clock" and figure.value[1] == 0:  # type: ignore[index]
        return "span", (figure.value[0], "hour")  # type: ignore[index]
    return figure.kind, figure.value


def _whole_day(ends: datetime) -> bool:
    return (ends.hour, ends.minute) in ((0, 0), (23, 59))


def last_day(ends: datetime) -> datetime:
    """The last day of an offer; one that ends at midnight ends with the day before."""
    return ends - timedelta(seconds=1)


def _words(text: str) -> str:
    return " ".join(spelled(text).plain.split())


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


# ---- form ----

_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+(?:\.[a-z_]+)?)\s*\}\}")
# What a model writes where it wants a name and has none.
_BLANK = re.compile(r"\{+[^{}]*\}*|\}+|%\w+%|<[^<>\n]{1,40}>|\[[^\]\n]{1,40}\]|_{3,}|\bX{3,}\b|\.{4,}", re.IGNORECASE)
_MARKUP = re.compile(r"<\s*/?\s*[a-z!][^<>\n]*>|&#?\w+;|\*\*|__|`|^\s*#{1,6}\s|\]\(|<!--|^\s*\|.*\|\s*$", re.I | re.M)
_OWN_LABEL = re.compile(
    r"[\[(]\s*(?:qc|ad|ads|quang cao)\s*[\])]|^\s*(?:qc|quang cao)\s*[:\-]|\btu choi\b|\bhuy (?:dang ky|nhan)\b"
    r"|\b(?:ngung|dung) nhan tin\b|\bunsubscribe\b|\bopt[ -]?out\b|\bsoan\b[^.\n]{0,30}\bgui\b|\bnhan (?:tc|stop)\b"
    r"|\btra loi (?:tc|stop)\b|\b(?:reply|text) stop\b"
)
_LETTERS = re.compile(r"[^\W\d_]")
_VIETNAMESE = re.compile(r"[àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ]")


def _placeholders(part: str, text: str, facts: DraftFacts) -> Iterator[Problem]:
    for hit in _PLACEHOLDER.finditer(text):
        if hit[1] not in facts.placeholders or (hit[1].startswith("links.") and part != "text"):
            yield Problem("placeholder", part, _short(hit[0]))
    left = _PLACEHOLDER.sub("", text)
    for hit in _BLANK.finditer(left):
        if not _OWN_LABEL.search(spelled(hit[0]).plain) and not _MARKUP.match(hit[0]):
            yield Problem("placeholder", part, _short(hit[0]))


def _form(part: str, text: str, *, sms: bool) -> Iterator[Problem]:
    seen = text.replace(FILLED, " ")
    if has_link(seen):
        yield Problem("link", part, _short(next((word for word in seen.split() if has_link(word)), seen)))
    if has_number_to_call(seen):
        yield Problem("phone", part, _short(" ".join(re.findall(r"[+\d][\d .()\-]{5,}", seen)).strip()))
    plain = spelled(text)
    yield from (Problem("own_label", part, _quoted(plain, *hit.span())) for hit in _OWN_LABEL.finditer(plain.plain))
    yield from (Problem("markup", part, _short(hit[0].strip())) for hit in _MARKUP.finditer(text))
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") and char != "\n" for char in text):
        yield Problem("markup", part, "")
    if _foreign(seen, sms=sms):
        yield Problem("language", part, _short(seen.strip()))


def _foreign(text: str, *, sms: bool) -> bool:
    """Whether a text is not Vietnamese; an SMS may be without marks, anything else of four words may not."""
    letters = _LETTERS.findall(text)
    if any(not unicodedata.name(letter, "").startswith(("LATIN", "FEMININE", "MASCULINE")) for letter in letters):
        return True
    if language_of(text) == "en":
        return True
    return not sms and len(text.split()) > 3 and len(letters) > 12 and not _VIETNAMESE.search(text.lower())


def _measured(parts: Mapping[str, str], facts: DraftFacts, limits: Limits) -> Iterator[Problem]:
    for part, (least, most) in limits.lengths.items():
        text = _PLACEHOLDER.sub(lambda hit: facts.placeholders.get(hit[1], hit[0]), parts.get(part, ""))
        if len(text) > most:
            yield Problem("too_long", part, f"{len(text)} > {most}")
        elif len(text) < least:
            yield Problem("too_short", part, f"{len(text)} < {least}")
        if part == "text" and limits.sms_parts:
            whole = f"{limits.frame[0]}{' '.join(text.split())}{limits.frame[1]}"
            counted = measured(whole if limits.accents else without_marks(whole))
            if counted.parts > limits.sms_parts:
                yield Problem("too_long", part, f"{counted.parts} > {limits.sms_parts} SMS ({counted.encoding})")


# ---- facts ----


def _invented(part: str, text: Spelled, known: _Known) -> Iterator[Problem]:
    """What a part says that nobody gave."""
    free_at_all = FREE_SHIPPING.search(known.plain) is not None

    def refuse(code: FactCode, spans: Iterable[tuple[int, int]]) -> Iterator[Problem]:
        for start, end in spans:
            if not known.says(" ".join(text.plain[start:end].split())):
                yield Problem(code, part, _quoted(text, start, end))

    shipping = [hit.span() for hit in FREE_SHIPPING.finditer(text.plain)]
    if not free_at_all:
        yield from (Problem("promise", part, _quoted(text, *span)) for span in shipping)
    yield from refuse("promise", _free(text, shipping))
    yield from refuse("promise", PROMISES.found(text))
    yield from refuse("promise", (hit.span() for hit in WILL_DO.finditer(text.plain)))
    for name, phrases in OFFERS.items():
        if not _given_offer(name, phrases, known):
            yield from refuse("offer_not_given", phrases.found(text))
    crowds = list(_outermost(list(STATISTICS.found(text))))
    yield from refuse("statistic", crowds)
    yield from refuse("testimonial", _outermost(list(TESTIMONIALS.found(text))))
    if known.ends is None:
        yield from refuse("urgency", HASTE.found(text))
    yield from refuse("urgency", _outermost(list(SHORTAGE.found(text))))
    if known.ends and not _whole_day(known.ends):
        yield from refuse("urgency", (hit.span() for hit in UNTIL_NIGHT.finditer(text.plain)))
    yield from refuse("personal_claim", (hit.span() for hit in PERSONAL.finditer(text.plain)))
    yield from _figures_not_given(part, text, known, crowds)


def _free(text: Spelled, shipping: Collection[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What else is free, with the word that says what; "miễn phí" at the end stands for what the brief gives free."""
    for hit in FREE.finditer(text.plain):
        if not any(start <= hit.start() < end for start, end in shipping):
            yield hit.span()


def _given_offer(name: str, phrases: Phrases, known: _Known) -> bool:
    """Whether the brief has an offer of this kind, in whatever words."""
    if name == "discount" and A_CUT.search(known.plain):
        return True
    if any(kind == "one_for_one" for kind, _ in known.briefed) and name == "gift":
        return True
    return next(phrases.found(Spelled(known.plain, known.plain)), None) is not None or (
        name == "gift" and A_GIFT.search(known.plain) is not None
    )


def _outermost(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans that lie in no other."""
    for span in dict.fromkeys(spans):
        if not any(other != span and other[0] <= span[0] and span[1] <= other[1] for other in spans):
            yield span


_CODE_OF: Mapping[str, FactCode] = {
    "money": "price_not_given", "foreign": "price_not_given", "percent": "price_not_given",
    "one_for_one": "offer_not_given", "date": "date_not_given", "clock": "date_not_given", "span": "promise",
    "number": "number_not_given",
}  # fmt: skip


def _figures_not_given(
    part: str, text: Spelled, known: _Known, crowds: Collection[tuple[int, int]]
) -> Iterator[Problem]:
    calls = has_number_to_call(text.plain)
    for figure in figures(text):
        # The digits of a phone number are told of as that.
        if calls and figure.kind == "number":
            continue
        if any(start <= figure.start < end for start, end in crowds):
            continue
        if _comparable(figure) not in known.figures and not _is_month_day(figure, known):
            code: FactCode = _CODE_OF[figure.kind]
            # "100%" is a way to promise, not a discount.
            if figure.kind == "percent" and figure.value == 100:
                code = "promise"
            yield Problem(code, part, _quoted(text, figure.start, figure.end))
        elif figure.kind == "money" and ("money", figure.value) not in known.briefed:
            named = _products_in(_sentence(text.plain, figure.start), known)
            if named and all(known.prices[name] != figure.value for name in named):
                yield Problem("price_not_given", part, _quoted(text, figure.start, figure.end))


def _is_month_day(figure: Figure, known: _Known) -> bool:
    """Whether a date without its year is a given one with it."""
    if figure.kind != "date" or figure.value[2]:  # type: ignore[index]
        return False
    given = [value for kind, value in known.figures if kind == "date"]
    return any(value[:2] == figure.value[:2] for value in given)  # type: ignore[index]


def _sentence(plain: str, at: int) -> str:
    """The sentence, or the part of a list, in which a place lies."""
    start = max((hit.end() for hit in re.finditer(r"[;!?\n]|\.(?!\d)|,(?!\d)", plain[:at])), default=0)
    ends = re.search(r"[;!?\n]|\.(?!\d)|,(?!\d)", plain[at:])
    return " ".join(plain[start : at + ends.start() if ends else None].split())


def _products_in(sentence: str, known: _Known) -> list[str]:
    """The products that a sentence names; of names within each other the longest."""
    named = [name for name in known.prices if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sentence)]
    return [name for name in named if not any(name != other and name in other for other in named)]


def _quoted(text: Spelled, start: int, end: int) -> str:
    return _short(text.marked[start:end].replace(FILLED, "…").strip())

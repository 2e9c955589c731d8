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
from shared.domain.messaging.draft_figures import Figure, Spelled, figures, spelled, unmarked
from shared.domain.messaging.sms_encoding import AD_LABEL, measured, without_marks
from shared.domain.messaging.template import LONGEST_CHAT, Shop, SmsAd, Template, Wording
from shared.domain.messaging.template_lint import SUBJECT_LENGTH, ZNS_PARAGRAPH, ZNS_TITLE
from shared.domain.vietnam_time import VIETNAM

# What is true only where somebody knows it: a person who rewrote the text may answer for it.
FactCode = Literal[
    "price_not_given", "offer_not_given", "promise", "number_not_given", "date_not_given", "statistic", "testimonial",
    "urgency", "personal_claim", "must_say_missing",
]  # fmt: skip
# What nobody may send, whoever wrote it.
FormCode = Literal["link", "phone", "own_label", "placeholder", "language", "markup", "too_long", "too_short", "part"]
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
        seen = _PLACEHOLDER.sub(_FILLED, text)
        found += _form(part, seen, sms=limits.sms_parts > 0)
        found += _invented(part, spelled(seen), known)
    found += _measured(parts, facts, limits)
    said = _words(" ".join(parts.values()))
    found += [Problem("must_say_missing", "text", _short(must)) for must in facts.must_say if _words(must) not in said]
    return list(dict.fromkeys(found))


# ---- what the shop knows ----


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
            day = _last_day(ends)
            catalogue |= {("date", (day.day, day.month)), ("date", (day.day, day.month, day.year))}
            catalogue |= {("date", (0, day.month))}
            if not _whole_day(ends):
                catalogue |= {("clock", (ends.hour, ends.minute)), ("span", (ends.hour, "hour"))}
        said = [_words(text) for text in (*facts.said, *facts.must_say, *facts.prices)]
        prices = {_words(name): price for name, price in facts.prices.items()}
        return cls(" · ".join(said), briefed | catalogue, prices, briefed, ends)

    def says(self, plain: str) -> bool:
        """Whether the shop's own words hold these."""
        return re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", self.plain) is not None


def _comparable(figure: Figure) -> tuple[str, object]:
    if figure.kind == "date":
        day, month, year = figure.value  # type: ignore[misc]
        return "date", (day, month, year) if year else (day, month)
    if figure.kind == "clock" and figure.value[1] == 0:  # type: ignore[index]
        return "span", (figure.value[0], "hour")  # type: ignore[index]
    return figure.kind, figure.value


def _whole_day(ends: datetime) -> bool:
    return (ends.hour, ends.minute) in ((0, 0), (23, 59))


def _last_day(ends: datetime) -> datetime:
    """The last day of an offer; one that ends at midnight ends with the day before."""
    return ends - timedelta(seconds=1)


def _words(text: str) -> str:
    return " ".join(spelled(text).plain.split())


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


# ---- form ----

_FILLED = "\ufffc"
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
    seen = text.replace(_FILLED, " ")
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


class _Phrases:
    """Phrases to look for, as patterns parted by new lines or "|".

    Most are recognised without their marks; what would then mean something else ("quà" and "qua") is in `marked`, and
    counts with its marks only.
    """

    def __init__(self, plain: str, marked: str = "") -> None:
        self._plain = _any_of("".join(map(unmarked, plain)))
        self._marked = _any_of(marked)

    def found(self, text: Spelled) -> Iterator[tuple[int, int]]:
        for pattern, spelling in ((self._plain, text.plain), (self._marked, text.marked)):
            if pattern:
                yield from (hit.span() for hit in pattern.finditer(spelling))


def _any_of(lines: str) -> re.Pattern[str] | None:
    phrases = "|".join(line.strip() for line in lines.splitlines() if line.strip())
    return re.compile(rf"(?<!\w)(?:{phrases})(?!\w)") if phrases else None


# Other ways to say that delivery costs nothing.
_FREE_SHIPPING = re.compile(
    r"\b(?:free ?ship(?:ping)?|mien phi (?:van chuyen|giao hang|giao|ship)|(?:giao hang|van chuyen|giao|ship) mien phi"
    r"|mien (?:phi )?(?:phi )?ship|ship 0 ?(?:d|dong)|0 ?(?:d|dong) ship)\b"
)
_FREE = re.compile(r"\bmien phi(?: \w+){0,2}|\bfree\b(?: \w+)?")
_PROMISE = _Phrases(
    """
    cam kết|bảo đảm|đảm bảo|chắc chắn|tuyệt đối|hoàn tiền|hoàn lại tiền|hoàn phí|trả lại tiền|đổi trả|đổi mới|đổi size
    một đổi một|1 đổi 1|bảo hành|trọn đời|vĩnh viễn|suốt đời|trả góp|chính hãng|hàng thật|hàng auth|không lo|yên tâm tuyệt đối
    trị dứt điểm|khỏi hẳn|không tác dụng phụ|an toàn cho mọi|hiệu quả ngay|hiệu quả tức thì|trăm phần trăm
    giao nhanh|giao ngay|giao hỏa tốc|giao hoả tốc|giao trong ngày|nhận trong ngày|giao tận nơi|giao tận nhà|luôn có sẵn
    không mất phí|không tốn phí|không phụ phí|không hài lòng|giữ giá|giá không đổi
    refund|money back|guarantee|guaranteed|warranty|lifetime
    """,
    "hứa|sẽ hài lòng|sẽ hối hận|không hối hận",
)
_WILL_DO = re.compile(
    r"\b(?:shop|tiem|em|ben em|chung toi|chung em|cua hang|nhan vien|doi ngu)\b(?: \w+){0,2} se (?:\w+ )?"
    r"(?:goi|giao|gui|hoan|tang|giu|lien he|doi|bu|den|mang|ho tro|uu tien)\b"
)
_OFFERS: Mapping[str, _Phrases] = {
    "discount": _Phrases(
        """
        giảm giá|giảm ngay|giảm thêm|giảm sâu|giảm đến|giảm tới|giảm còn|giảm mạnh|ưu đãi|khuyến mãi|khuyến mại|đồng giá
        xả hàng|xả kho|chiết khấu|giá sốc|giá hời|giá tốt|giá rẻ|rẻ hơn|giá chỉ còn|giá đặc biệt|sale|sale off|deal
        flash sale|discount|promotion|thanh lý hàng|hạ giá|giá ưu
        """
    ),
    "gift": _Phrases(
        """
        tặng kèm|tặng ngay|tặng thêm|được tặng|tặng quý khách|tặng chị|tặng anh|tặng bạn|nhận quà|có quà|kèm quà|phần quà
        quà tặng kèm|quà tri ân|quà miễn phí|tặng miễn phí|gift
        """,
        f"tặng {_FILLED}|dành tặng|gửi tặng|tặng một|tặng món|tặng quà",
    ),
    "voucher": _Phrases("voucher|coupon|mã giảm|mã giảm giá|mã ưu đãi|phiếu mua hàng|phiếu quà tặng|nhập mã|mã quà tặng"),
    "points": _Phrases("tích điểm|nhân đôi điểm|điểm thưởng|cộng điểm|thưởng điểm|x2 điểm|hoàn điểm|cashback"),
    "draw": _Phrases("trúng thưởng|bốc thăm|rút thăm|quay số|minigame|vòng quay may mắn"),
}
_A_CUT = re.compile(r"\b(?:giam|off|sale)\b[^.;]{0,20}?\d|\d+ ?% ?off")
_STATISTIC = _Phrases(
    r"""
    hàng (?:chục|trăm|nghìn|ngàn|vạn|triệu) \w+|\d[\d.,]*\+? (?:khách|khách hàng|người|chị em|phụ nữ|gia đình|lượt|đánh giá|đơn hàng|review)\b
    \d+ ?/ ?\d+ (?:khách|người|chị|phụ nữ|mẹ|gia đình|chuyên gia|bác sĩ)|\d+ trên \d+|chín trên mười|đa số|phần lớn|hầu hết
    bán chạy|bán chạy nhất|best ?sell(?:er|ing)?|top \d+|số 1|số một|hàng đầu|dẫn đầu|đứng đầu|duy nhất|độc quyền|độc nhất
    tốt nhất|rẻ nhất|lớn nhất|uy tín nhất|yêu thích nhất|ưa chuộng nhất|đẹp nhất|hot nhất|chất lượng nhất|vượt trội
    gấp đôi|gấp ba|gấp \d+ lần|hot trend|cháy hàng|được chứng minh|đã kiểm chứng|theo nghiên cứu|nghiên cứu cho thấy
    \d(?:[.,]\d)? sao|năm sao|giải thưởng|kỷ lục|lượt mua|đã bán
    """,
    # Any other "… nhất"; what names no rank is in `_NO_RANK`.
    r"\w+ nhất",
)
_NO_RANK = re.compile(
    r"(?:ít|thứ|thống|hợp|đồng|mới|sớm|gần|cao|bậc|ngày) nhất$|\w+ nhất(?= (?:là|định|thiết|trí|quán))"
)
_TESTIMONIAL = _Phrases(
    r"""
    khách (?:hàng )?(?:\w+ )?(?:khen|mê|ưng|thích|hài lòng|nói|chia sẻ|phản hồi|đánh giá|bảo|kể|tin dùng|tin tưởng|yêu thích)
    nhiều (?:khách|khách hàng|người|chị em|anh chị|chị|mẹ|gia đình|bạn)(?: \w+){0,2}? (?:khen|mê|ưng|thích|hài lòng|chọn|lựa chọn|mua|tin dùng|yêu thích|quay lại|đặt|dùng|ưa chuộng)
    được (?:\w+ )?(?:khách hàng|khách|nhiều người|chị em|mọi người|giới trẻ) (?:\w+ )?(?:yêu thích|ưa chuộng|tin dùng|lựa chọn|khen|chọn|săn đón|yêu mến|ủng hộ|đánh giá)
    ai cũng|ai nấy|mọi người đều|chị em nào cũng|khách nào cũng|người người|đánh giá cao|đánh giá tốt|phản hồi tốt|phản hồi tích cực
    được yêu thích|được ưa chuộng|được tin dùng|được săn đón|chuyên gia khuyên|bác sĩ khuyên|bác sĩ khuyên dùng|chuyên gia khuyên dùng|người nổi tiếng|feedback|review
    theo (?:chị|anh|cô|chú|bác) \w+
    """
)
# Words of a hurry are for an offer that ends, words of a shortage for what the brief calls short.
_HASTE = _Phrases("nhanh tay|nhanh chân|nhanh lên|đừng bỏ lỡ|đừng để lỡ|chớ bỏ lỡ|kẻo lỡ|kẻo muộn|hurry", "vội")
_SHORTAGE = _Phrases(
    r"""
    sắp hết|gần hết|hết hàng|kẻo hết|còn ít|còn rất ít|số lượng có hạn|số lượng giới hạn|số lượng ít|có giới hạn|giới hạn
    còn vài|chỉ còn|còn lại|sắp kết thúc|lần cuối|cơ hội cuối|cơ hội cuối cùng|ngày cuối|ngày cuối cùng|giờ cuối|phút cuối|phút chót
    đợt cuối|cơ hội duy nhất|cơ hội có một không hai|giờ vàng|limited|last chance|suất cuối
    (?:chỉ|duy nhất|trong|hết|đến hết|tới hết|riêng) (?:hôm nay|ngay hôm nay|ngày hôm nay|tối nay|đêm nay|ngày mai|tuần này|tháng này|cuối tuần|cuối tuần này|cuối ngày|cuối tháng)
    hôm nay thôi|trước cuối (?:tuần|tháng|ngày)|đến cuối (?:tuần|tháng|ngày)(?: này| nay)?
    """
)
_UNTIL_NIGHT = re.compile(r"\b(?:het|tron|ca|cuoi) (?:ngay|hom)\b")
_PERSONAL = re.compile(
    rf"(?:\b(?:chi|anh|ban|minh|quy khach|em|co|chu|bac|anh/chi)|{_FILLED})(?: \w+)? (?:da|tung|vua|hay|thuong)(?: \w+)? "
    r"(?:mua|dat|chon|xem|thich|quan tam|dung|so huu|yeu thich|ghe|bo quen)\b"
    r"|\b(?:lan|don|mon|san pham) (?:mua )?(?:truoc|gan day|vua roi|da mua)\b"
)


def _invented(part: str, text: Spelled, known: _Known) -> Iterator[Problem]:
    """What a part says that nobody gave."""
    free_at_all = _FREE_SHIPPING.search(known.plain) is not None

    def refuse(code: FactCode, spans: Iterable[tuple[int, int]]) -> Iterator[Problem]:
        for start, end in spans:
            if not known.says(" ".join(text.plain[start:end].split())):
                yield Problem(code, part, _quoted(text, start, end))

    shipping = [hit.span() for hit in _FREE_SHIPPING.finditer(text.plain)]
    if not free_at_all:
        yield from (Problem("promise", part, _quoted(text, *span)) for span in shipping)
    yield from refuse("promise", _free(text, shipping, known))
    yield from refuse("promise", _PROMISE.found(text))
    yield from refuse("promise", (hit.span() for hit in _WILL_DO.finditer(text.plain)))
    for name, phrases in _OFFERS.items():
        if not _given_offer(name, phrases, known):
            yield from refuse("offer_not_given", phrases.found(text))
    ranks = [span for span in _STATISTIC.found(text) if not _NO_RANK.match(text.marked[span[0] :][: span[1] - span[0] + 7])]
    crowds = list(_outermost(ranks))
    yield from refuse("statistic", crowds)
    yield from refuse("testimonial", _outermost(list(_TESTIMONIAL.found(text))))
    if known.ends is None:
        yield from refuse("urgency", _HASTE.found(text))
    yield from refuse("urgency", _outermost(list(_SHORTAGE.found(text))))
    if known.ends and not _whole_day(known.ends):
        yield from refuse("urgency", (hit.span() for hit in _UNTIL_NIGHT.finditer(text.plain)))
    yield from refuse("personal_claim", (hit.span() for hit in _PERSONAL.finditer(text.plain)))
    yield from _figures_not_given(part, text, known, crowds)


def _free(text: Spelled, shipping: Collection[tuple[int, int]], known: _Known) -> Iterator[tuple[int, int]]:
    """What else is free; "miễn phí" alone stands for what the brief gives free."""
    for hit in _FREE.finditer(text.plain):
        if any(start <= hit.start() < end for start, end in shipping):
            continue
        words = hit[0].split()
        head = 2 if words[0] == "mien" else 1
        # "miễn phí gói quà nhé": the object is as many of the words as the brief has.
        start, end = hit.start(), hit.start() + len(" ".join(words[: head + 1]))
        yield (start, end) if len(words) > head else hit.span()


def _given_offer(name: str, phrases: _Phrases, known: _Known) -> bool:
    """Whether the brief has an offer of this kind, in whatever words."""
    if name == "discount" and _A_CUT.search(known.plain):
        return True
    if any(kind == "one_for_one" for kind, _ in known.briefed) and name == "gift":
        return True
    return next(phrases.found(Spelled(known.plain, known.plain)), None) is not None or (
        name == "gift" and re.search(r"\b(?:tang|qua tang)\b", known.plain) is not None
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
    return _short(text.marked[start:end].replace(_FILLED, "…").strip())

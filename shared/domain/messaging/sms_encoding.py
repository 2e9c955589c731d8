"""Short messages as networks count them: alphabet, parts and price, the version without marks, and the labels of law.

One letter outside the GSM-7 alphabet sends the whole text as UCS-2, where a part holds 70 characters instead of 160;
of all accented Vietnamese letters only à è é ì ò ù are inside. So marks double or treble a price, and the author of a
template is shown both. Alphabet and lengths: 3GPP TS 23.038 and 23.040.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

from shared.domain.common.text_folding import fold
from shared.domain.errors import FieldError, Invalid

Encoding = Literal["GSM-7", "UCS-2"]

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Behind an escape, so each takes two places. The brackets of the [QC] label are among them.
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")

# Places in a text of one part, and in each part of a longer one (its header takes the rest).
_PLACES: dict[Encoding, tuple[int, int]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}

# What word processors make of plain characters, and what phone keyboards add unseen.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′ʼ´`", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−•·", "-"),
        **dict.fromkeys("\u00a0\u2007\u2009\u200a\u202f\u2002\u2003\t", " "),
        **dict.fromkeys("đð₫", "d"),
        **dict.fromkeys("ĐÐ", "D"),
        "…": "...",
        "×": "x",
        "→": "->",
    }
)


class SmsText(NamedTuple):
    """A text as it will be sent and counted: `places` used, in septets or UTF-16 units; `price` in VND.

    `forcing` are the characters that cost it the cheaper alphabet, in order of appearance.
    """

    text: str
    encoding: Encoding
    places: int
    parts: int
    price: int
    forcing: tuple[str, ...]


class Spelling(NamedTuple):
    """The author's choice for an SMS: with marks or without, each with its price."""

    with_marks: SmsText
    without_marks: SmsText

    @property
    def saving(self) -> int:
        """VND saved by each message without marks."""
        return self.with_marks.price - self.without_marks.price


def measured(text: str, price_per_part: int = 0) -> SmsText:
    """A text as a network counts it; composed first, since a letter and its mark apart count as two and force UCS-2."""
    text = unicodedata.normalize("NFC", text)
    forcing = tuple(dict.fromkeys(char for char in text if char not in _GSM and char not in _GSM_EXTENSION))
    encoding: Encoding = "UCS-2" if forcing else "GSM-7"
    widths = [_width(char, encoding) for char in text]
    single, each = _PLACES[encoding]
    parts = 1 if sum(widths) <= single else _parts(widths, each)
    return SmsText(text, encoding, sum(widths), parts, parts * price_per_part, forcing)


def _width(char: str, encoding: Encoding) -> int:
    if encoding == "GSM-7":
        return 2 if char in _GSM_EXTENSION else 1
    return 2 if ord(char) > 0xFFFF else 1


def _parts(widths: list[int], each: int) -> int:
    """Parts of a long text; an escape or a surrogate pair is never torn in two."""
    parts, used = 1, 0
    for width in widths:
        if used + width > each:
            parts, used = parts + 1, 0
        used += width
    return parts


def without_marks(text: str) -> str:
    """The same words in plain letters ("Cảm ơn chị Đào" → "Cam on chi Dao"); emoji stay, and are seen in `forcing`."""
    letters = unicodedata.normalize("NFD", text.translate(_PLAIN))
    return "".join(char for char in letters if not unicodedata.combining(char) and unicodedata.category(char) != "Cf")


def spellings(text: str, price_per_part: int) -> Spelling:
    """Both ways to send a text, to be shown with their prices."""
    return Spelling(measured(text, price_per_part), measured(without_marks(text), price_per_part))


def bounded(text: str, *, max_parts: int, price_per_part: int = 0, budget: int | None = None) -> SmsText:
    """The measured text, or Invalid when it takes more parts or more VND than allowed; the reason names the way out."""
    found = measured(text, price_per_part)
    errors = []
    if found.parts > max_parts:
        errors.append(FieldError("text", f"takes {found.parts} SMS parts, at most {max_parts} are allowed"))
    if budget is not None and found.price > budget:
        errors.append(FieldError("text", f"costs {found.price} VND, at most {budget} are allowed"))
    if not errors:
        return found
    plain = measured(without_marks(text), price_per_part)
    if plain.parts < found.parts:
        errors.append(FieldError("text", f"without marks it takes {plain.parts} and costs {plain.price} VND"))
    raise Invalid(errors, "The SMS is too long.")


AD_LABEL = "[QC]"

_REFUSING = r"(?:tu choi|(?:khong|ngung|dung|huy) (?:nhan|dang ky)|tc|stop|opt[ -]?out|unsubscribe)"
_BY_SMS = r"(?:soan|nhan tin|gui|reply|text|sms)\b[^.;]{0,40}?\b\d{3,12}"
_BY_CALL = r"(?:goi|call|lien he|hotline|lh)\b[^.;\d]{0,15}\+?\d[\d .-]{2,14}\d"
_WAY = rf"(?:{_BY_SMS}|{_BY_CALL})"
# Last in the text, but for "miễn phí" and punctuation: how to refuse, by SMS or by call.
_OPT_OUT = re.compile(
    rf"(?:\b{_REFUSING}\b.{{0,40}}?{_WAY}|{_WAY}.{{0,20}}?\b{_REFUSING}\b)"
    rf"(?:[ ,;]*(?:hoac|hay|or)? *{_WAY})*[\s.!)(]*(?:mien phi|free)?[\s.!)]*$"
)


def as_advertisement(text: str, opt_out: str) -> str:
    """An advertisement as Decree 91/2020 wants it: the label first, at the end how to refuse by SMS or by call.

    `opt_out` is the playbook's instruction, such as "Từ chối: soạn TC gửi 8088". Raises Invalid when it names neither.
    """
    labelled = text.strip() if text.lstrip().startswith(AD_LABEL) else f"{AD_LABEL} {text.strip()}"
    whole = labelled if labelled.endswith(opt_out.strip()) else f"{labelled} {opt_out.strip()}"
    if errors := advertisement_errors(whole):
        raise Invalid(errors)
    return whole


def advertisement_errors(text: str) -> list[FieldError]:
    """What an advertising SMS lacks by law; a web link alone is no way to refuse (Articles 15 and 16)."""
    errors = []
    if not text.startswith((AD_LABEL, "[AD]")):
        errors.append(FieldError("text", f"an advertisement begins with {AD_LABEL}"))
    if not _OPT_OUT.search(fold(text)):
        errors.append(FieldError("text", "an advertisement ends with how to refuse it by SMS or by call"))
    return errors


def sender_errors(name: str) -> list[FieldError]:
    """Why a name cannot be a registered sender: 11 plain characters at most, with a letter, since numbers are not
    allowed to advertise. Whether it is registered, only the gateway knows."""
    if re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9 ._&-]{0,10}", name):
        return []
    return [FieldError("sender", "is 1 to 11 plain letters and digits, at least one of them a letter")]

"""Redaction of personal data, for external classifiers and training examples.

Names, numbers and addresses are replaced by placeholders of their kind, so that the message still reads naturally.
"""

from __future__ import annotations

import re

PHONE = "0900000000"
EMAIL = "khach@example.vn"
NAME = "Lan"

_EMAIL = re.compile(r"[\w.+-]++@[\w-]+(?:\.[\w-]+)+")
# Nine digits and more, however they are grouped: phones, cards, accounts and identity cards; money has no leading zero
# and ends in zeros.
_NUMBER = re.compile(r"(?<![\w.,])(?:\+?\d[ .\-]?){8,18}\d(?!\w)")
_MONEY = re.compile(r"[1-9]\d{0,2}(?:[.,]000|[.,]\d{3}){2,3}|[1-9]\d*000000")
_CAPITAL = r"[A-ZĐÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬÈÉẺẼẸÊỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢÙÚỦŨỤƯỪỨỬỮỰỲÝỶỸỴ]"
_WORD = rf"{_CAPITAL}[^\W\d_]*"
_NAMED = re.compile(
    r"(?P<before>\b(?:tên (?:là )?|ten (?:la )?|(?:em|mình|tôi|cháu|chị|anh|minh|toi|chau|chi) (?:là|tên|la|ten) "
    r"|(?:anh|chị|cô|chú|bác|chi|co|chu|bac|Anh|Chị|Cô|Chú|Bác) "
    rf"|(?:[Tt]rân trọng|[Tt]ran trong|[Kk]ính thư|[Rr]egards|[Ss]incerely),?\s+))(?P<name>{_WORD}(?: {_WORD}){{0,4}})"
)
# Places and shops are capitalised too: without a title before it, a sequence is a name only with a surname.
_SURNAMES = (
    "Nguyễn|Nguyen|Trần|Tran|Lê|Phạm|Pham|Hoàng|Hoang|Huỳnh|Huynh|Phan|Vũ|Võ|Đặng|Dang|Bùi|Bui|Đỗ|Hồ|Ngô|Ngo|Dương|"
    "Duong|Lý|Trương|Truong|Đinh|Dinh|Đoàn|Doan|Lâm|Mai|Trịnh|Trinh|Đào|Cao|Phùng|Phung|Quách|Tạ|Tô|Chu|Lương|Lưu"
)
_FULL = re.compile(rf"\b(?:{_SURNAMES})(?: {_WORD}){{1,4}}")


def redacted(text: str) -> str:
    """The text with e-mail addresses, long numbers and names replaced by placeholders."""
    text = _EMAIL.sub(EMAIL, text)
    text = _NUMBER.sub(lambda hit: hit.group() if _MONEY.fullmatch(hit.group().strip()) else PHONE, text)
    text = _FULL.sub(NAME, text)
    return _NAMED.sub(lambda hit: hit["before"] + NAME, text)

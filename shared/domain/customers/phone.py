"""Phone numbers as identities: every way of writing one number gives one key, and what cannot be a person's number is
refused with a reason.

The library (phonenumberslite) knows the numbering plans; it does not know the 21 prefixes that Vietnam retired in 2018,
the habits of a till, or ranges newer than itself. Those are here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Kind = Literal["mobile", "landline", "foreign"]


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that may identify a customer.

    `e164` is the key, such as "+84901234567". A landline identifies but SMS and Zalo cannot reach it. `sure` is False
    for a mobile number in a range that the numbering plan we carry does not list (yet).
    """

    e164: str
    kind: Kind
    sure: bool


class BadPhone(ValueError):
    """Why a text cannot be a phone number: a code for counting and a reason for people.

    The codes of this module are the keys of `REASONS`; a caller that refuses a number for another reason gives both.
    """

    def __init__(self, code: str, reason: str | None = None) -> None:
        self.code = code
        self.reason = reason or REASONS[code]
        super().__init__(self.reason)


REASONS = {
    "empty": "is empty",
    "not_a_number": "is not a phone number",
    "too_short": "has too few digits",
    "too_long": "has too many digits",
    "several": "holds more than one number",
    "service_number": "is a service number, not a person's",
    "pattern": "is a filler such as 0900000000 or 0123456789",
    "unknown_range": "belongs to no Vietnamese number range",
    "foreign": "is not a valid number of its country",
}

# The 11-digit prefixes that were replaced on 2018-09-15 (old form off since 2019-06-30); the last seven digits stayed.
# Without the leading 0 on both sides. Source: the four carriers' published tables.
RETIRED_PREFIXES = {
    "162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38", "169": "39",  # Viettel
    "120": "70", "121": "79", "122": "77", "126": "76", "128": "78",  # MobiFone
    "123": "83", "124": "84", "125": "85", "127": "81", "129": "82",  # VinaPhone
    "186": "56", "188": "58",  # Vietnamobile
    "199": "59",  # Gmobile
}  # fmt: skip

# Area codes of before 2017 and those of today, without the leading 0; the subscriber's number of seven digits (eight in
# Hà Nội and TP. HCM) stayed. Source: decision 2036/QĐ-BTTTT of 2016-11-21 on the change of area codes.
MOVED_AREA_CODES = {
    "22": "212", "231": "213", "20": "214", "230": "215", "29": "216", "52": "232", "53": "233", "54": "234",
    "510": "235", "511": "236", "37": "237", "38": "238", "39": "239", "33": "203", "240": "204", "25": "205",
    "26": "206", "27": "207", "280": "208", "281": "209", "320": "220", "321": "221", "241": "222", "31": "225",
    "351": "226", "36": "227", "350": "228", "30": "229", "780": "290", "781": "291", "710": "292", "711": "293",
    "74": "294", "76": "296", "77": "297", "79": "299", "4": "24", "8": "28", "61": "251", "62": "252", "64": "254",
    "55": "255", "56": "256", "57": "257", "58": "258", "68": "259", "60": "260", "501": "261", "500": "262",
    "63": "263", "59": "269", "70": "270", "651": "271", "72": "272", "73": "273", "650": "274", "75": "275",
    "66": "276", "67": "277",
}  # fmt: skip

# Mobile ranges of the plan, the same as the library's (a test holds the two equal): asking it costs 20 µs per number.
_MOBILE = re.compile(r"(?:(?:3\d|7[06-9])\d|5(?:[1689]\d|2[238]|59)|8(?:[1-8]\d|9[6-9])|9(?:[0-8]\d|9[013-9]))\d{6}")
_MOBILE_SHAPE = re.compile(r"[35789]\d{8}")
_AREA_IN_BRACKETS = re.compile(r"[(\[](?:\+?84[\s)\]]*[(\[]?)?0(\d{1,3})[)\]]")
_SERVICE = re.compile(r"1[89]00\d{4,6}")
_LABEL = re.compile(
    r"^(?:s?đt|s?dt|điện thoại|dien thoai|tel|phone|mobile|mob|hotline|zalo|whatsapp)(?:\s*[.:]\s*|\s+)", re.IGNORECASE
)
_EXCEL_FLOAT = re.compile(r"(\d{9,12})\.0+")
_SHAPE = re.compile(r"[(\[]?\+?[\d\s().\-/,_~'\[\]]*")
_MEANT_AS_PHONE = re.compile(r"\+\d{8,15}|00[1-9]\d{7,14}|0[1-9]\d{8,11}|84\d{9,11}|(\d)\1{8,}")
_STRONG_BREAK = re.compile(r"\s*(?:[/;,|&\n]|\bor\b|\bhoặc\b|\bhoac\b|\bvà\b)\s*", re.IGNORECASE)

# Whole numbers nobody has, but everybody types: up, down, and the 0-9 keys once around. 0901234567 is none of them.
_RUNS = frozenset({"012345678", "123456789", "0123456789", "1234567890", "987654321", "876543210", "9876543210"})


def parse_phone(raw: str) -> Phone:
    """The one number that a cell, a form field or an event holds; raises `BadPhone`.

    Understood: 0…, 84…, +84…, 0084…, (+84) 0…, a leading 0 that a spreadsheet ate, "901234567.0", the text apostrophe
    of Excel, separators of all kinds, full-width digits, invisible characters, a label such as "ĐT:", the 11-digit
    forms of before 2018. The same number written twice is one number; two different ones are refused, for nobody can
    say whose the sale is. With + or 00 and another country's code it is a foreign number.
    """
    text = _plain(raw)
    if not text:
        raise BadPhone("empty")
    digits = sum(char.isdigit() for char in text)
    if not digits:
        raise BadPhone("not_a_number")
    parts = [part for part in _STRONG_BREAK.split(text) if part]
    if digits > 15 or (len(parts) > 1 and not _SHAPE.fullmatch(text)):
        return _one_of_several(parts if len(parts) > 1 else re.split(r"\s+(?:-\s+)?|-", text))
    return _parse_one(text)


def names_a_phone(text: str) -> bool:
    """Whether an identifier that is not said to be a phone number, such as a `userId`, is to be read as one.

    Bare digits that are no number of today are a shop's member number, which may have 10 to 13 digits; of the forms
    of before 2018 only the one with its 0 is read.
    """
    if not looks_like_phone(text):
        return False
    digits = text.strip()
    if not digits.isdigit():
        return True
    try:
        e164 = parse_phone(digits).e164
    except BadPhone as error:
        return error.code in ("pattern", "service_number")
    national = e164.removeprefix("+84")
    return digits in (f"0{national}", f"84{national}", f"0084{national}") or digits[1:4] in RETIRED_PREFIXES


def looks_like_phone(text: str) -> bool:
    """Whether an identifier, such as a `userId`, was meant as a phone number: then it is read as one, and may be bad.

    Only written with its 0, 84 or +: nine bare digits are more often a customer number than a phone.
    """
    plain = _plain(text)
    if not _SHAPE.fullmatch(plain):
        return False
    return bool(_MEANT_AS_PHONE.fullmatch(re.sub(r"[^\d+]", "", plain)))


def _plain(raw: str) -> str:
    """Compatibility forms (full-width digits, odd spaces) made plain, invisible characters, quote and label removed."""
    if raw.isascii() and raw.isdigit():
        return raw
    text = unicodedata.normalize("NFKC", raw)
    text = "".join(_plain_char(char) for char in text).strip().lstrip("'’`").strip()
    text = text.removeprefix("tel:")
    text = _LABEL.sub("", text).rstrip(" ;,|/.")
    spreadsheet = _EXCEL_FLOAT.fullmatch(text)
    return spreadsheet[1] if spreadsheet else text


def _plain_char(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Cf":
        return ""
    if category == "Pd" or char == "−":
        return "-"
    return "\n" if char in "\r\n" else char


def _one_of_several(parts: list[str]) -> Phone:
    numbers = set()
    for part in parts:
        if not part.strip(" -"):
            continue
        try:
            numbers.add(_parse_one(_plain(part)))
        except BadPhone:
            raise BadPhone("too_long" if len(parts) == 1 else "several") from None
    if len(numbers) != 1:
        raise BadPhone("several")
    return numbers.pop()


def _parse_one(text: str) -> Phone:
    if not _SHAPE.fullmatch(text):
        raise BadPhone("not_a_number")
    international = "+" in text
    digits = re.sub(r"\D", "", text)
    if len(set(digits)) == 1 and len(digits) >= 9:
        raise BadPhone("pattern")
    if digits.startswith("00"):
        international, digits = True, digits[2:]
    if international and not digits.startswith(("0", "84")):
        return _foreign(digits)
    national = _national(digits, international)
    area = _AREA_IN_BRACKETS.match(text)
    # A customer who writes (033) 3825 123 means the landline of Quảng Ninh, not a mobile number of today.
    if area and area[1] in MOVED_AREA_CODES and (moved := _moved_landline(national, area[1])):
        return moved
    return _vietnamese(national)


def _national(digits: str, international: bool) -> str:
    """The national significant number: no country code, no trunk 0, no retired prefix."""
    national = digits.removeprefix("0")
    # Without a +, "84…" is the country code only when a whole number follows; 841234567 is VinaPhone without its 0.
    if national.startswith("84") and (len(national) >= 11 or (international and not digits.startswith("0"))):
        national = national[2:].removeprefix("0")
    if national in _RUNS or digits in _RUNS:
        raise BadPhone("pattern")
    if len(national) == 10 and national[:3] in RETIRED_PREFIXES:
        return RETIRED_PREFIXES[national[:3]] + national[3:]
    return national


def _vietnamese(national: str) -> Phone:
    if national.endswith("0000000") and len(national) >= 9:
        raise BadPhone("pattern")
    if len(national) >= 9 and len(set(national)) == 1:
        raise BadPhone("pattern")
    if _MOBILE.fullmatch(national):
        return Phone("+84" + national, "mobile", sure=True)
    for digits in (3, 2, 1):
        if moved := _moved_landline(national, national[:digits]):
            return moved
    if _MOBILE_SHAPE.fullmatch(national):
        return Phone("+84" + national, "mobile", sure=False)
    if _SERVICE.fullmatch(national):
        raise BadPhone("service_number")
    return _landline(national)


def _moved_landline(national: str, old: str) -> Phone | None:
    """The landline that a number of before 2017 is today, where its area code `old` was moved."""
    rest = national.removeprefix(old)
    if old not in MOVED_AREA_CODES or len(rest) != (8 if len(old) == 1 else 7) or rest[0] not in "2356":
        return None
    return Phone(f"+84{MOVED_AREA_CODES[old]}{rest}", "landline", sure=True)


def _landline(national: str) -> Phone:
    if len(national) < 7:
        raise BadPhone("too_short")
    # Imported late: it costs 60 ms, and nearly every number of a shop is a mobile one.
    import phonenumbers

    number = phonenumbers.PhoneNumber(country_code=84, national_number=int(national))
    found = phonenumbers.number_type(number)
    if found == phonenumbers.PhoneNumberType.FIXED_LINE:
        return Phone("+84" + national, "landline", sure=True)
    if found != phonenumbers.PhoneNumberType.UNKNOWN:
        raise BadPhone("service_number")
    raise BadPhone(_wrong_length(national))


def _wrong_length(national: str) -> str:
    usual = 9 if national[0] in "35789" else 10
    return "too_short" if len(national) < 9 else "too_long" if len(national) > usual else "unknown_range"


def _foreign(digits: str) -> Phone:
    import phonenumbers

    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        raise BadPhone("foreign") from None
    if not phonenumbers.is_valid_number(number):
        raise BadPhone("foreign")
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), "foreign", sure=True)

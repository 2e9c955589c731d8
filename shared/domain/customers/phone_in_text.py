"""Phone numbers that people type into chats and comments, however they break them up: "o901.234 567", "+84 90 1234567".

Such a number may belong to any person: it is a hint for staff (R5) and, in public, something to be hidden (R25).
"""

from __future__ import annotations

import re
import unicodedata

from shared.domain.customers.phone import BadPhone, Phone, parse_phone

# Ten digits or, with an area code or an old prefix, eleven; between two of them up to two characters that are none.
_BETWEEN = r"[\s.\-_,()/*]{0,2}"
_NUMBER = re.compile(rf"(?<![\w])(?:\+{_BETWEEN}8{_BETWEEN}4|84|0)(?:{_BETWEEN}\d){{8,10}}(?!\d)")
# A letter in the place of a nought, between digits or before them.
_LETTER_O = re.compile(r"(?<![^\W\d_])[oO](?=[\s.\-]?\d)|(?<=\d)[oO](?![^\W\d_])")


def typed_phones(text: str) -> list[Phone]:
    """The numbers of people that stand in a text, in order."""
    plain = _LETTER_O.sub("0", unicodedata.normalize("NFKC", text))
    found = []
    for match in _NUMBER.finditer(plain):
        try:
            found.append(parse_phone(re.sub(r"[^\d+]", "", match[0])))
        except BadPhone:
            continue
    return found


def typed_mobile(text: str) -> str:
    """The first mobile number in a text as +84…, or ""; where the plan knows no such range it may be anything."""
    return next((phone.e164 for phone in typed_phones(text) if phone.kind == "mobile" and phone.sure), "")

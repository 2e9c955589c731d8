"""How to call a customer and what to call their purchase: from data only, never guessed, never telling (R6, U6, U7)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from shared.domain.common.outgoing_values import is_plain
from shared.domain.customers.names import clean_name, given_name

# What staff may set as the customer's attribute "honorific".
HONORIFICS = ("anh", "chị", "cô", "chú", "bác", "ông", "bà", "em", "bạn")
_BY_GENDER = {"male": "anh", "female": "chị"}
# Titles that staff typed before a name and that are no names themselves. "Anh" is one: Anh Thư is a woman.
_TYPED = re.compile(r"\s*(chị|cô|chú|bác)[\s.:]+\w")
_MALE, _FEMALE = {"anh", "chú", "ông"}, {"chị", "cô", "bà"}


class Greeting(NamedTuple):
    """Forms for a text: `opening` begins a sentence ("Chị Lan"), `called` stands inside one ("chị Lan"), `address` is
    the pronoun ("chị"), `zns_name` fills a parameter behind a fixed "Anh/Chị" or "Quý khách"."""

    opening: str
    called: str
    address: str
    zns_name: str


NOBODY = Greeting("Quý khách", "quý khách", "quý khách", "thân mến")
_NOBODY_EN = Greeting("customer", "you", "you", "thân mến")


def greet(traits: Mapping[str, Any], lang: str = "vi") -> Greeting:
    """The greeting of a customer with these traits; by name only when it is clean, otherwise "Quý khách".

    The honorific is what staff set, else what the gender says, else a title typed before the name; where two
    of these disagree, or none is known, it is "anh/chị". Age and the name itself say nothing.
    """
    raw = traits.get("name")
    name = clean_name(raw)
    if name is None:
        return NOBODY if lang == "vi" else _NOBODY_EN
    called = given_name(name)
    if lang != "vi":
        return Greeting(called, called, "you", called)
    title = _honorific(traits, str(raw))
    opening = "/".join(word.capitalize() for word in title.split("/"))
    return Greeting(f"{opening} {called}", f"{title} {called}", title, called)


def _honorific(traits: Mapping[str, Any], raw: str) -> str:
    chosen = unicodedata.normalize("NFC", str(traits.get("@honorific", ""))).strip().lower()
    if chosen in HONORIFICS:
        return chosen
    by_gender = _BY_GENDER.get(str(traits.get("gender", "")), "")
    found = _TYPED.match(unicodedata.normalize("NFC", raw).lower())
    typed = found.group(1) if found else ""
    if by_gender and typed and ({by_gender, typed} & _MALE) and ({by_gender, typed} & _FEMALE):
        return "anh/chị"
    return typed or by_gender or "anh/chị"


_UNNAMED = {"vi": "sản phẩm đã mua", "en": "your purchase"}
_MORE = {"vi": "{first} và {others} sản phẩm khác", "en": "{first} and {others} more"}


def products_named(lines: Iterable[Mapping[str, Any]], sensitive: Collection[str], lang: str = "vi") -> str:
    """What a customer bought in a few words ("Áo thun và 2 sản phẩm khác"), from lines {"name", "category"}.

    Phones are shared in families, so nothing of a sensitive category is named or counted (R6), nor what holds a link.
    """
    hidden = {word.casefold() for word in sensitive}
    names = [
        str(line["name"]).strip()
        for line in lines
        if str(line.get("name", "")).strip()
        and is_plain(str(line["name"]).strip())
        and str(line.get("category", "")).strip().casefold() not in hidden
    ]
    if not names:
        return _UNNAMED[lang]
    return _MORE[lang].format(first=names[0], others=len(names) - 1) if len(names) > 1 else names[0]

"""Values of others in messages under the shop's name: what a sender wrote into an order is shown only where it is what
it claims to be, a code or a few words, and never a link, a host, an address or a phone number (X24)."""

from __future__ import annotations

import re
import unicodedata

from shared.domain.common.localized_text import Lang

LONGEST = 120
# Order numbers, tracking codes and vouchers as tills, web shops and carriers write them.
_CODE = re.compile(r"#?[^\W_](?:[\w/#: -]|\.(?![a-z]))*", re.IGNORECASE)
LONGEST_CODE = 40

# Endings of hosts that people can register; two letters are a country's. Of longer ones those that are used for links.
_ENDINGS = (
    "com|net|org|info|biz|app|dev|xyz|top|site|online|shop|store|club|link|click|page|live|vip|pro|asia|icu|win|bid|"
    "work|today|news|blog|space|website|tech|fun|buzz|one|life|world|cloud|digital|agency|edu|gov|name|mobi|[a-z]{2}"
)
_HOST = re.compile(
    rf"(?:^|[^\w])(?:[\w-]+(?:\.|\s+\.\s*|\s*[\[(]\s*(?:\.|dot|chấm)\s*[\])]\s*))+(?:{_ENDINGS})(?=$|[^\w.-]|\.(?:\W|$))",
    re.IGNORECASE,
)
_SCHEME = re.compile(
    r"\b(?:h\w{2}ps?|ftp|mailto|tel|sms|javascript|data)\s*:\s*\S|:\s*/\s*/|\bwww\b|\bxn--", re.IGNORECASE
)
_SEPARATED = r"(?:[\s.\-()/_]{0,3}\d)"
_PHONE = re.compile(rf"(?<!\d)(?:\+?84|0){_SEPARATED}{{8,10}}(?!\d)|(?<!\d)1[89]00{_SEPARATED}{{4,6}}(?!\d)|\+\d{{9,}}")

# What stands in the place of a value that may not be shown, where a text cannot do without (R6).
_NEUTRAL: dict[str, tuple[str, str]] = {
    "code": ("của quý khách", "of yours"),
    "product": ("sản phẩm đã chọn", "what you chose"),
    "store": ("cửa hàng", "our store"),
    "carrier": ("đơn vị vận chuyển", "the carrier"),
    "service": ("dịch vụ đã hẹn", "your appointment"),
    "text": ("thông tin đã ghi nhận", "the details we have"),
}


def neutral(name: str, lang: Lang) -> str:
    """The words for a value of this name or kind."""
    vi, en = _NEUTRAL.get(name, _NEUTRAL["text"])
    return vi if lang == "vi" else en


def is_code(text: str) -> bool:
    """Whether a text is a code, and no host or number to call."""
    return len(text) <= LONGEST_CODE and bool(_CODE.fullmatch(text)) and is_plain(text)


def is_plain(text: str) -> bool:
    """Whether a text is a few printable words without a link, a host, an e-mail address or a phone number."""
    plain = unicodedata.normalize("NFKC", text).translate(_DOTS)
    if len(plain) > LONGEST or any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in text):
        return False
    return not ("@" in plain or _SCHEME.search(plain) or _HOST.search(plain) or _PHONE.search(plain))


def without_links(text: str) -> str:
    """A text for staff, who need its names and numbers, without what could be tapped by mistake."""
    plain = text.translate(_DOTS)
    return text if not (_SCHEME.search(plain) or _HOST.search(plain)) else _HOST.sub(" […]", _SCHEME.sub("[…]", plain))


# Dots of other scripts, which browsers take for a host's.
_DOTS = str.maketrans(dict.fromkeys("。．｡․‧∙·•", "."))

"""Which values from outside may stand in a message under the shop's name, by their kind (X24, R6, R20).

The holder of a tracking key writes order codes, stores and names. A phone turns each address and number in a message
into something to tap, so a value with one of them is refused and neutral words stand in its place.
"""

from __future__ import annotations

import re
import unicodedata

from shared.domain.common.localized_text import Lang

# The most characters of a value, and of a code.
LONGEST, LONGEST_CODE = 200, 40
# What a link or a number becomes in a note to staff.
LEFT_OUT = "[…]"

_CODE = re.compile(r"[\w\-./#:]*")
# A host name may hide behind the letters that follow it, "evil.comrmstm2"; the parts of a code are counted, not named.
_NAMED_PART = re.compile(r"\.[^\W\d_]{2}")
# Characters that look like the full stop of a host name; the raised ones only where they stand between two letters.
_FULL_STOPS = str.maketrans(dict.fromkeys("。｡․‧．", "."))
_RAISED_STOPS = re.compile(r"(?<=\w)[·•∙⋅・ꞏ](?=\w)")
# "evil [.] com", "evil (dot) com", "evil chấm com".
_SPOKEN_STOPS = re.compile(r"\s*[\[({<]\s*(?:\.|dot|chấm)\s*[\])}>]\s*|(?<=\w)\s+(?:dot|chấm)\s+(?=\w)", re.IGNORECASE)
_SCHEME = re.compile(
    r"h(?:tt|xx)ps?\b|\bwww\b|\b[a-z]{2,12}\s*:\s*/\s*/|\b(?:tel|sms|mailto|javascript)\s*:", re.IGNORECASE
)
_MAIL = re.compile(r"\w\s*@\s*\w|(?<!\w)@[^\W\d]")
_MARKUP = re.compile(r"<\s*[/!]?\s*[a-z]|&#?\w+;|{[{%#]|[%#}]}", re.IGNORECASE)
# Digits in groups, however they are parted.
_GROUPS = re.compile(r"\+?\(?\d+(?:[\s.\-_,/()#]{1,3}\d+)*\)?")
_NUMBER_TO_CALL = re.compile(r"(?:\+|00)?84[235789]\d{8}|0[235789]\d{8}|02\d{9}|1[89]00\d{4,6}|\+\d{8,15}")
_LETTER_O = re.compile(r"(?<=\d)[oO](?=[\s.\-]?\d)|(?<!\w)[oO](?=[\s.\-]?\d{2})|(?<=\d)[oO](?![^\W\d_])")
_LETTER_L = re.compile(r"(?<=\d)[lI](?=\d)")
_DOTTED_QUAD = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")


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


def is_code(value: str) -> bool:
    """Whether a value is the code of an order, a parcel or a voucher and nothing that a phone makes a link of."""
    return (
        0 < len(value) <= LONGEST_CODE
        and value.isascii()
        and _CODE.fullmatch(value) is not None
        and any(map(str.isalnum, value))
        and not _NAMED_PART.search(value)
        and not _tappable(value)
    )


def is_plain(value: str) -> bool:
    """Whether a value is one line of words without links, hosts, mail addresses, numbers to call and hidden signs."""
    return 0 < len(value) <= LONGEST and not _hidden(value) and not _tappable(value)


def has_link(value: str) -> bool:
    """Whether a phone makes a link of something in a text of any length: an address, a host, a mail address."""
    return _has_link(_seen(value))


def has_number_to_call(value: str) -> bool:
    """Whether a text of any length holds a number that a phone offers to call."""
    return _has_number_to_call(_seen(value))


def without_links(value: str) -> str:
    """A text for staff with every word that a phone makes a link of left out; numbers and names stay."""
    if not _has_link(_seen(value)):
        return value
    shown = "".join(LEFT_OUT if _has_link(_seen(word)) else word for word in re.split(r"(\s+)", value))
    if not _has_link(_seen(shown)):
        return shown
    # What is an address over several words is none without its stops.
    apart = re.sub(r"[^\w\s]+", " ", shown)
    return LEFT_OUT if _has_link(_seen(apart)) else apart


def _hidden(value: str) -> bool:
    """Whether a value has unseen characters: controls, zero widths, other directions, new lines."""
    return any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in value)


def _tappable(value: str) -> bool:
    plain = _seen(value)
    return _has_link(plain) or _MARKUP.search(plain) is not None or _has_number_to_call(plain)


def _seen(value: str) -> str:
    """A text as a reader takes it: composed, without hidden signs, each kind of full stop and dash as one."""
    visible = "".join(char for char in value if unicodedata.category(char) not in ("Cf", "Cc") or char in "\n\t")
    raised = _RAISED_STOPS.sub(".", visible)
    plain = unicodedata.normalize("NFKC", raised.translate(_FULL_STOPS)).translate(_FULL_STOPS)
    plain = "".join("-" if unicodedata.category(char) == "Pd" else char for char in plain)
    return _SPOKEN_STOPS.sub(".", plain)


def _has_link(plain: str) -> bool:
    return bool(_SCHEME.search(plain) or _MAIL.search(plain) or _DOTTED_QUAD.search(plain) or _has_host(plain))


def _has_host(plain: str) -> bool:
    folded = plain.casefold()
    if _HOST.search(folded) or _PARTED_HOST.search(folded):
        return True
    # A path behind two words with a full stop between them is an address whatever the last of them is.
    if re.search(r"[^\W_]\.[^\W\d_]{2,}/\w*[^\W\d_]", folded) or re.search(r"\bxn--", folded):
        return True
    # Names of top-level domains in other scripts; a Vietnamese word behind a full stop is Latin.
    return any(
        not unicodedata.name(char, "").startswith("LATIN")
        for ending in re.findall(r"\w\s?\.([^\W\d_]{2,})", folded)
        for char in unicodedata.normalize("NFC", ending)
    )


def _has_number_to_call(plain: str) -> bool:
    digits = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in plain)
    digits = _LETTER_L.sub("1", _LETTER_O.sub("0", digits))
    for found in _GROUPS.finditer(digits):
        sign = "+" if found[0].startswith("+") else ""
        groups = re.findall(r"\d+", found[0])
        for first in range(len(groups)):
            joined = sign if first == 0 else ""
            # No number to call has more groups than digits.
            for group in groups[first : first + 15]:
                joined += group
                if len(joined) > 16:
                    break
                if _NUMBER_TO_CALL.fullmatch(joined):
                    return True
    return False


# Endings of host names that a phone knows: every country's, and the common ones of other kinds. What is missing here is
# still refused with a scheme, "www" or a path.
_COUNTRIES = """
    ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf
    cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg
    gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn
    kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na
    nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh
    si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve
    vg vi vn vu wf ws ye yt za zm zw
"""
_OTHERS = """
    academy accountant accountants actor ads adult aero agency airforce apartments app archi army arpa art arte asia
    associates attorney auction audio author auto autos baby band bank bar barcelona bargains baseball basketball bayern
    beauty beer best bet bible bid bike bingo bio biz black blackfriday blog blue boats bond boo book boston bot
    boutique box broker build builders business buy buzz cab cafe cam camera camp capital car cards care career careers
    cars casa cash casino cat catering center ceo charity chat cheap christmas church city claims cleaning click clinic
    clothing cloud club coach codes coffee college com community company computer condos construction consulting contact
    contractors cooking cool coop country coupon coupons courses credit creditcard creditunion cricket cruises cyou
    dance date dating day dealer deals degree delivery democrat dental dentist desi design dev diamonds diet digital
    direct directory discount diy doctor dog domains download earth eat eco edu education email energy engineer
    engineering enterprises equipment esq estate events exchange expert exposed express fail faith family fan fans farm
    fashion feedback film finance financial fish fishing fit fitness flights florist flowers foo food football forex
    forsale forum foundation free frl fun fund furniture futbol fyi gallery game games garden gay gdn gift gifts gives
    giving glass global gmbh gold golf google gov graphics gratis green gripe grocery group guide guitars guru hair haus
    health healthcare help hiphop hiv hockey holdings holiday homes horse hospital host hosting hot hotels house how icu
    immo immobilien inc industries info ing ink institute insurance insure int international investments irish jetzt
    jewelry jobs joburg juegos kaufen kids kim kitchen kiwi kyoto land lat law lawyer lease legal lgbt life lifestyle
    lighting limited limo link live living llc loan loans locker lol lotto love ltd luxe luxury maison makeup management
    map market marketing markets mba meet meme memorial men menu mil mobi mobile moda moe mom money monster mortgage
    motorcycles mov movie museum music nagoya name navy net network new news nexus ngo ninja now nowruz nyc observer
    okinawa one ong onl online ooo org organic osaka page paris partners parts party pay pet phone photo photography
    photos physio pics pictures pid pink pizza place plumbing plus poker porn post press prime pro productions prof
    promo properties property pub qpon quest racing radio realestate realtor realty recipes red rehab reise reisen rent
    rentals repair report republican rest restaurant review reviews rich rip rocks rodeo rsvp rugby run ryukyu safe sale
    salon sarl save sbs school schule science secure security select services sex sexy shoes shop shopping show singles
    site ski skin soccer social software solar solutions space spot srl storage store stream studio study style sucks
    supplies supply support surf surgery sydney systems talk tattoo tax taxi team tech technology tel tennis theater
    tickets tienda tips tires today tokyo tools top tours town toys trade trading training travel trust tube
    university uno vacations vegas ventures vet viajes video villas vin vip vision vodka vote voto voyage wang watch web
    webcam website wedding wiki win wine work works world wow wtf xxx xyz yachts yoga you zero zip zone
"""
_ENDINGS = "|".join(sorted({*_COUNTRIES.split(), *_OTHERS.split()}))
_HOST = re.compile(rf"[^\W_]-?\.(?:{_ENDINGS})(?![\w-])")
# Blanks around the full stop: before it for any ending, only behind it for those that end no sentence.
_PARTED_HOST = re.compile(rf"[^\W_]\s+\.\s*(?:{_ENDINGS})(?![\w-])|[^\W_]\.\s+(?:com|net|org|vn|info|xyz|ly)(?![\w-])")

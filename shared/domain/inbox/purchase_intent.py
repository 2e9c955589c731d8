"""Whether a customer who writes to the shop is about to buy: the cart of a shop that sells by chat is a question (R19).

Short messages as customers type them: with marks, without, in teencode, in the words of the North and the South, and in
English. A customer who complains, asks for a parcel, exchanges, thanks or wants no messages is not asking to buy.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from shared.domain.common.text_folding import fold
from shared.domain.customers.opt_out_phrases import asks_to_stop

Topic = Literal["price", "size", "stock", "shipping", ""]

# A longer story has to be read by a person.
LONGEST = 240

# Words that only their marks tell apart from ours: fake and old are no price, much is not how much, torn is not "no".
_OTHER_WORDS = frozenset(("giả", "già", "giã", "nhiều", "hỏng", "xịn", "hơn"))
_TEENCODE = {
    "khong": ("k", "ko", "kh", "hk", "hok", "khg", "kg", "khum", "hum", "hong", "hem", "hăm", "hon"),
    "baonhieu": ("bn", "bnhieu", "bnhiu", "bnh", "bhieu", "bnhiêu", "nhiêu", "nhiu", "baonhiu", "bnhju", "nhju"),
    "size": ("sz", "siz", "saiz", "cỡ", "sizes"),
    "shop": ("sop", "shopp", "sốp", "ad", "add", "sh"),
    "ship": ("shjp", "síp", "sip", "freeship", "fship"),
    "inbox": ("ib", "inb", "ibox"),
    "duoc": ("dc", "đc", "dk", "đk"),
    "roi": ("r", "rui", "rồi", "ròi"),
    "gi": ("j", "ji", "zi"),
    "hang": ("hag", "hàg", "hg"),
    "khuyen mai": ("km",),
}  # fmt: skip
_PLAIN = {short: word for word, shorts in _TEENCODE.items() for short in shorts}
_YOU = r"(?:shop|ban|minh|em|chi|anh|c|e|a|ad|nha|nhe|lam|qua|nhieu|nhiều|baonhieu|you|so|much)"
_THANKS = re.compile(rf"\b(?:cam on|camon|thanks?|tks|thks)\b(?: {_YOU}\b)*")


def _rule(phrases: str) -> re.Pattern[str]:
    """Any of the phrases, which stand apart by a comma or a line."""
    one_by_one = "|".join(re.split(r", |\s*\n\s*", phrases.strip()))
    return re.compile(rf"\b(?:{one_by_one})(?!\w)")


# What a message may also be; any of these and a person reads it: a parcel that is waited for, something that is not
# right, something that is over, and words that only look like ours.
_SOMETHING_ELSE = _rule(r"""
    don( hang)?( \w+){0,2} (cua|toi|em|minh|chi|anh|mk|t|e|c), don (hang )?(cua|minh|em|nay|do|so|ma), (ma )?van don
    (toi|den|di|o) dau (roi|vay), (da|vua|moi|lo) (dat|mua|nhan|chuyen khoan|ck|lay)
    (dat|mua|ck) (tu|hom (qua|truoc|kia|bua|no)|hoi|tuan|thang|lan truoc)
    hom (truoc|bua|no|kia) (em |minh |chi |anh )?(mua|dat), chua (nhan|thay|giao|ship|gui|den|toi)
    (nhan|giao|giao hang|ship|ship hang|gui|gui hang|toi|den) chua
    (khi nao|bao gio|chung nao|bua nao) (\w+ )?(giao|nhan|toi|den), giao (lau|cham|tre), ship (lau|cham|tre) qua
    huy (don|hang), where is my, my (order|parcel|package), tracking, cancel
    doi (giup|size|hang|tra|mau|lai|sang|cai|ao|quan|vay|dam|giay), tra (hang|lai), hoan (tien|hang|lai), bao hanh
    (sai|nham|lon|thieu) (size|mau|hang|don), (giao|gui|ship) (nham|sai|thieu|hang loi|do loi)
    bi (loi|rach|hong|hỏng|vo|hu|phai|xu|bong|bung|chat|rong|ban|tre|dao), hỏng, loi, rach, bung chi
    that vong, lua, lua dao, khieu nai, thai do, buc minh, boc phot, to cao, hang gia, hang giả, kem chat luong
    khong (vua|giong|dung|dep|on|hai long|nhu|mac duoc|rep|tra loi)
    refund, return, exchange, broken, wrong, damaged, complain
    (khong|thoi|ngung) (mua|lay|can|dat|quan tam|hoi), tong don, tuyen, tuyen dung, ctv, cong tac vien
    danh gia, gia dinh, gia han, tham gia, quoc gia, gia cong, chuyen gia
""")
# A question, or what stands for one.
_ASKED = _rule(r"""
    khong, sao, the nao, nao, baonhieu, nhieu tien, bao tien, bao lau, bao gio, khi nao, may, gi, chua, het, ha, hả
    phai, xin, inbox, rep, hoi, tu van, tvan, check, bao (em|chi|minh|gia), con (size|hang|mau), [sml] hay x?[sml]
    cho (em|minh|chi|anh|e|c|m|mk) (hoi|xin|biet|xem)
    how, what, which, do you, is there, is it, are, any, have, can you, does
""")
# Of two questions in one message the first of these counts: "giá size M" asks what it costs.
_TOPICS: tuple[tuple[Topic, re.Pattern[str]], ...] = (
    ("shipping", _rule(r"""
        ship, (phi |tien )?van chuyen, giao hang, giao (ve|toi|den|tan|lien|nhanh|trong|hoa toc|di)
        gui (ve|ra|vao|di|xe), hoa toc, cod, nhan hang (roi )?(moi )?(tra|thanh toan), shipping, delivery, deliver
        (bao lau|may ngay|may hom|may bua) (\w+ )?(co|nhan|toi|den|ve)
    """)),
    ("price", _rule(r"""
        gia, baonhieu(?! (diem|ngay|lau|size|kg|cm|ky|mau|loai)), bao tien, may (tien|k|tram|nghin|ngan|cu|chai)
        nhieu (tien|vay|the|a|shop|em|chi|anh|ban|1|mot|\?), price, prices, how much, cost
    """)),
    ("size", _rule(r"""
        size, (bang )?so do, freesize, oversize, form (rong|nho|om|to|the|sao|nao|co), mac (vua|duoc|size|lot)
        (vua|rong|chat) khong, \d+ ?(kg|ky|ki|can), 1 ?m ?\d+, \d+cm, nang \d+, so [34]\d, [sml] hay x?[sml]
    """)),
    ("stock", _rule(r"""
        con (hang|mau|khong|cai|ao|quan|vay|dam|giay|tui|bo|set|chiec|san|nua|do|nhung|loai|m|s|l|xl)
        het (hang|mau|size|chua), san (hang|khong|o|tai), hang (san|con|ve|moi ve), co (san|hang|mau|ban)
        ve (hang|lai|them), mau (\w+ )?(con|khac|nao), restock, stock, in stock, available, have (this|it|any)
    """)),
)  # fmt: skip
# A question this short needs no question mark: "giá ạ", "size M shop", "ib giá".
_SHORT = 4


def asks_to_buy(text: str) -> Topic:
    """What a customer asks about before buying, or "" when the message is anything else."""
    if not text.strip() or len(text) > LONGEST or asks_to_stop(text):
        return ""
    said = _THANKS.sub(" ", _flat(text))
    if _SOMETHING_ELSE.search(said):
        return ""
    if "?" not in said and not _ASKED.search(said) and len(said.split()) > _SHORT:
        return ""
    return next((topic for topic, words in _TOPICS if words.search(said)), "")


def _flat(text: str) -> str:
    """The message in one spelling: folded but for what marks tell apart, teencode written out, only "?" kept."""
    composed = unicodedata.normalize("NFC", text).lower()
    words = re.findall(r"\?|[^\W_]+", composed)
    flat: list[str] = []
    for number, word in enumerate(words):
        before = " ".join(flat[-2:])
        after = words[number + 1] if number + 1 < len(words) else ""
        flat.append(_word(word, before, after))
    return " ".join(flat).replace("bao nhieu", "baonhieu").replace("bao baonhieu", "baonhieu")


def _word(word: str, before: str, after: str) -> str:
    if word in _OTHER_WORDS:
        return word
    plain = re.sub(r"(\D)\1{2,}", r"\1", fold(word))
    if word == "bn" and after in ("oi", "ơi", "co", "có", "con", "còn", "cho", "gui", "gửi"):
        return "ban"
    # "50 kg" weighs, "200 k" costs, "bị hong" is broken.
    if plain in ("k", "kg") and re.search(r"(?<!size )(?<!so )\b(?:\d+|may)$", before):
        return plain
    if plain == "hong" and before.endswith("bi"):
        return plain
    return _PLAIN.get(word) or _PLAIN.get(plain) or plain

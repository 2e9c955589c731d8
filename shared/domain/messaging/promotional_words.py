"""Words that change what a message is: promotion where only service is approved, and an invoice that is none.

Networks and Zalo approve a template as service or as promotion by its words, and take the account's right away when it
says the other. "Hoá đơn" is a word of tax law: a till's slip is a "biên nhận".
"""

from __future__ import annotations

import re
import unicodedata

from shared.domain.common.text_folding import fold

# With marks as written; a text without marks is recognised by the same words folded. What would then mean something
# else ("tang 2" is a floor) stands in `_ONLY_WITH_MARKS`.
_PROMOTIONAL = (
    "khuyến mãi", "khuyến mại", "ưu đãi", "giảm giá", "giảm đến", "giảm tới", "giảm ngay", "giảm thêm", "giảm sâu",
    "mã giảm", "mã ưu đãi", "phiếu mua hàng", "phiếu quà tặng", "quà tặng", "tặng kèm", "tặng ngay", "tặng bạn",
    "tặng quý khách", "tặng thêm", "nhận quà", "mua 1 tặng", "mua một tặng", "đồng giá", "giá sốc", "giá tốt",
    "giá rẻ", "giá hời", "giá chỉ", "giá ưu", "hoàn tiền", "chiết khấu", "trúng thưởng", "rút thăm", "bốc thăm",
    "quay số", "xả hàng", "xả kho", "thanh lý", "nhân đôi điểm", "mua ngay", "đặt ngay", "săn ngay", "chốt đơn ngay",
    "duy nhất hôm nay", "chỉ hôm nay", "cơ hội", "đừng bỏ lỡ", "nhanh tay", "số lượng có hạn", "miễn phí vận chuyển",
    "miễn phí giao hàng", "miễn phí ship", "ra mắt", "bộ sưu tập mới", "hàng mới về", "black friday", "cyber monday",
    "flash sale", "big sale", "siêu sale", "sale", "sale off", "voucher", "coupon", "freeship", "free ship", "combo",
    "deal", "hot deal", "cashback", "discount", "promotion", "promo", "minigame",
)  # fmt: skip
_ONLY_WITH_MARKS = ("tặng", "săn", "rẻ")
_A_CUT = r"(?:giảm|giam|off|sale|-)\s*\d+(?:[.,]\d+)*\s*(?:%|k\b|đ\b|₫|vnd\b|nghìn|ngàn|triệu|tr\b)"


def _either_spelling(words: tuple[str, ...]) -> str:
    spellings = {spelling for word in words for spelling in (word, fold(word))}
    # Longer ones first, so that "sale off" is found whole.
    return "|".join(re.escape(word) for word in sorted(spellings, key=lambda word: (-len(word), word)))


_PROMOTION = re.compile(
    rf"\b(?:{_either_spelling(_PROMOTIONAL)}|{'|'.join(_ONLY_WITH_MARKS)})\b|(?<!\w){_A_CUT}|\d+\s*%\s*off\b"
)
_INVOICE = re.compile(r"\b(?:hoá đơn|hóa đơn|hoa don|invoice)\b")
_NO_INVOICE = re.compile(
    r"(?:không phải(?: là)?|không thay(?: thế)?(?: cho)?|khong phai(?: la)?|khong thay(?: the)?(?: cho)?|not an?)\s+$"
)


def promotional_words(text: str) -> list[str]:
    """The words of promotion in a text, as found, each once; empty for what service templates may say."""
    return list(dict.fromkeys(found.group().strip() for found in _PROMOTION.finditer(_flat(text))))


def false_invoice_words(text: str, *, invoice_look_up: bool) -> list[str]:
    """Words that call a receipt an invoice; fine where the message says how to look the e-invoice up.

    "Biên nhận này không thay hoá đơn" is true and stays.
    """
    if invoice_look_up:
        return []
    flat = _flat(text)
    found = [match.group() for match in _INVOICE.finditer(flat) if not _NO_INVOICE.search(flat[: match.start()])]
    return list(dict.fromkeys(found))


def _flat(text: str) -> str:
    """Composed, in lower case and with single spaces, but with its marks."""
    return " ".join(unicodedata.normalize("NFC", text).lower().split())

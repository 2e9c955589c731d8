"""Phrases by which a draft promises, offers, ranks, quotes or hurries, for `draft_checks` (X27).

Most are recognised with their marks, without them and half of each; what would then mean something else ("quà" and
"qua", "nhất" and "nhật") counts with its marks only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from shared.domain.messaging.draft_figures import Spelled, unmarked

# What stands in a text where a placeholder did.
FILLED = "\ufffc"


class Phrases:
    """Phrases to look for, as patterns parted by new lines or "|"; `marked` are those that need their marks."""

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


# Ways to say that delivery costs nothing.
FREE_SHIPPING = re.compile(
    r"\b(?:free ?ship(?:ping)?|mien phi (?:van chuyen|giao hang|giao|ship)|(?:giao hang|van chuyen|giao|ship) mien phi"
    r"|mien (?:phi )?(?:phi )?ship|ship 0 ?(?:d|dong)|0 ?(?:d|dong) ship)\b"
)
FREE = re.compile(r"\bmien phi(?: \w+)?|\bfree\b(?: \w+)?")

PROMISES = Phrases(
    r"""
    cam kết|bảo đảm|đảm bảo|chắc chắn|tuyệt đối|trăm phần trăm|trọn đời|vĩnh viễn|suốt đời|không lo|luôn có sẵn
    hoàn (?:tiền|lại|phí|\d+ ?%)|trả lại tiền|đổi (?:trả|mới|size|hàng|nếu|thoải mái)|thoải mái đổi|một đổi một|1 đổi 1
    bảo hành|trả góp|bao (?:ship|đổi|test)|không (?:tính|thu) phí|mua \w+ tính (?:tiền )?\w+
    chính hãng|hàng thật|hàng auth|không hài lòng|giữ giá|giá không đổi|không mất phí|không tốn phí|không phụ phí
    trị dứt điểm|khỏi hẳn|không tác dụng phụ|an toàn cho mọi|hiệu quả ngay|hiệu quả tức thì
    giao nhanh|giao ngay|giao hỏa tốc|giao trong ngày|nhận trong ngày|tận nơi|tận nhà
    refund|money back|guarantee|guaranteed|warranty|lifetime
    """,
    "hứa|sẽ hài lòng|sẽ hối hận|không hối hận",
)
# What somebody of the shop is said to do later.
WILL_DO = re.compile(
    r"\b(?:shop|tiem|em|ben em|chung toi|chung em|cua hang|nhan vien|doi ngu)\b(?: \w+){0,2} se (?:\w+ )?"
    r"(?:goi|giao|gui|hoan|tang|giu|lien he|doi|bu|den|mang|ho tro|uu tien)\b"
)

# By kind: a brief that has an offer of a kind lets a draft call it by any of its names.
OFFERS: Mapping[str, Phrases] = {
    "discount": Phrases(
        """
        giảm giá|giảm ngay|giảm thêm|giảm sâu|giảm đến|giảm tới|giảm còn|giảm mạnh|hạ giá|ưu đãi|khuyến mãi|khuyến mại
        đồng giá|xả hàng|xả kho|thanh lý hàng|chiết khấu|giá sốc|giá hời|giá tốt|giá rẻ|giá ưu|rẻ hơn|giá chỉ còn
        giá đặc biệt|sale|sale off|deal|flash sale|discount|promotion
        """
    ),
    "gift": Phrases(
        """
        tặng kèm|tặng ngay|tặng thêm|được tặng|tặng quý khách|tặng chị|tặng anh|tặng bạn|nhận (?:được )?quà|có quà
        kèm quà|phần quà|quà (?:tặng kèm|tri ân|miễn phí|bí mật|bất ngờ)|tặng miễn phí|gift
        """,
        f"tặng {FILLED}(?! (?:một )?ưu đãi)|tặng một|tặng món|tặng quà",
    ),
    "voucher": Phrases(
        "voucher|coupon|mã giảm|mã giảm giá|mã ưu đãi|mã quà tặng|phiếu mua hàng|phiếu quà tặng|nhập mã"
    ),
    "points": Phrases("tích điểm|nhân đôi điểm|điểm thưởng|cộng điểm|thưởng điểm|x2 điểm|hoàn điểm|cashback"),
    "draw": Phrases("trúng thưởng|bốc thăm|rút thăm|quay số|minigame|vòng quay may mắn"),
}
A_CUT = re.compile(r"\b(?:giam|off|sale)\b[^.;]{0,20}?\d|\d+ ?% ?off")
A_GIFT = re.compile(r"\b(?:tang|qua tang)\b")

_PEOPLE = "khách|khách hàng|người|chị em|phụ nữ|gia đình|lượt|đánh giá|đơn hàng|mẹ|chuyên gia|bác sĩ"
# "… nhất" ranks, but for these.
_NO_RANK = "ít|thứ|thống|hợp|đồng|mới|sớm|gần|cao|bậc|ngày"
STATISTICS = Phrases(
    rf"""
    hàng (?:chục|trăm|nghìn|ngàn|vạn|triệu) \w+|\d[\d.,]*\+? (?:{_PEOPLE})|\d+ ?/ ?\d+ (?:{_PEOPLE})|\d+ trên \d+
    chín trên mười|đa số|phần lớn|hầu hết|gấp đôi|gấp ba|gấp \d+ lần|\d(?:[.,]\d)? sao|năm sao|lượt mua|đã bán
    bán chạy|bán chạy nhất|best ?sell(?:er|ing)?|top \d+|số 1|số một|hàng đầu|dẫn đầu|đứng đầu|duy nhất|độc quyền
    tốt nhất|rẻ nhất|lớn nhất|uy tín nhất|đẹp nhất|hot nhất|chất lượng nhất|yêu thích nhất|ưa chuộng nhất|độc nhất
    vượt trội|hot trend|cháy hàng|giải thưởng|kỷ lục|được chứng minh|đã kiểm chứng|theo nghiên cứu|nghiên cứu cho thấy
    """,
    rf"(?!(?:{_NO_RANK}) )\w+ nhất(?! (?:là|định|thiết|trí|quán)\b)",
)

_LIKE = "khen|mê|ưng|thích|hài lòng|chọn|lựa chọn|tin dùng|tin tưởng|yêu thích|ưa chuộng|săn đón|yêu mến|ủng hộ"
_SAY = "nói|chia sẻ|phản hồi|đánh giá|bảo|kể"
_DO = "mua|quay lại|đặt|dùng"
_MANY = "khách|khách hàng|người|chị em|anh chị|chị|mẹ|gia đình|bạn"
TESTIMONIALS = Phrases(
    rf"""
    khách (?:hàng )?(?:\w+ )?(?:{_LIKE}|{_SAY})|nhiều (?:{_MANY})(?: \w+){{0,2}}? (?:{_LIKE}|{_DO})
    được (?:\w+ )?(?:khách hàng|khách|nhiều người|chị em|mọi người|giới trẻ) (?:\w+ )?(?:{_LIKE}|{_SAY})
    được (?:yêu thích|ưa chuộng|tin dùng|săn đón)|ai cũng|ai nấy|mọi người đều|chị em nào cũng|khách nào cũng
    đánh giá cao|đánh giá tốt|phản hồi tốt|phản hồi tích cực|(?:chuyên gia|bác sĩ) khuyên(?: dùng)?|người nổi tiếng
    theo (?:chị|anh|cô|chú|bác) \w+|feedback|review
    """
)

# Words of a hurry are for an offer that ends; words of a shortage or a last day for what the brief calls so.
HASTE = Phrases("nhanh tay|nhanh chân|nhanh lên|đừng bỏ lỡ|đừng để lỡ|chớ bỏ lỡ|kẻo lỡ|kẻo muộn|hurry", "vội")
_SOON = (
    "hôm nay|ngay hôm nay|ngày hôm nay|tối nay|đêm nay|ngày mai|tuần này|tháng này|cuối (?:ngày|tuần|tháng)(?: này)?"
)
SHORTAGE = Phrases(
    rf"""
    sắp hết|gần hết|hết hàng|kẻo hết|còn ít|còn rất ít|còn vài|chỉ còn|còn lại|sắp (?:kết thúc|khép lại|hết hạn)
    suất cuối|đợt cuối|số lượng có hạn|số lượng giới hạn|số lượng ít|có giới hạn|giới hạn|limited|last chance|giờ vàng
    phút chót|lần cuối|ngày cuối|ngày cuối cùng|giờ cuối|phút cuối|cơ hội cuối|cơ hội cuối cùng|cơ hội duy nhất
    cơ hội có một không hai|(?:chỉ|duy nhất|trong|hết|đến hết|tới hết|riêng|đến|trước) (?:{_SOON})|hôm nay thôi
    """
)
# "Until the end of the day", which is wrong for an offer that ends at an hour.
UNTIL_NIGHT = re.compile(r"\b(?:het|tron|ca|cuoi) (?:ngay|hom)\b")

# What the reader is said to have bought or liked: true for some of those who get the message.
PERSONAL = re.compile(
    rf"(?:\b(?:chi|anh|ban|quy khach|co|chu|bac|anh/chi)|{FILLED})(?: \w+)? (?:da|tung|vua|hay|thuong)(?: \w+)?"
    r" (?:mua|dat|chon|xem|thich|quan tam|dung|so huu|yeu thich|ghe|bo quen)\b"
    r"|\b(?:lan|don|mon|san pham) (?:mua )?(?:truoc|gan day|vua roi|da mua)\b"
)

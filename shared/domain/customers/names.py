"""Names as they stand in tills: who may be greeted by name, and whether two names could be one person's.

Names never join profiles: a fifth of people share their full name with another person. They only greet, and they only
forbid a join that a shared phone would suggest.
"""

from __future__ import annotations

import re
import unicodedata

from shared.domain.common.text_folding import _TONES, fold


def _spelling(word: str) -> tuple[str, str]:
    """A syllable without its tone, and the tone: hòa and hoà are the same word."""
    parts = unicodedata.normalize("NFD", word.lower())
    return "".join(char for char in parts if char not in _TONES), "".join(char for char in parts if char in _TONES)


def clean_name(raw: str | None) -> str | None:
    """The name to greet by, such as "Nguyễn Thị Lan" or "Lan", or None when the text gives none with certainty.

    Titles, phone numbers, brackets and what staff noted behind the name ("chị Lan Q7 bom hàng" → "Lan") fall away.
    Walk-ins, organisations, relations ("mẹ bé Na") and words that are no Vietnamese names greet nobody: the caller says
    "Quý khách" then, which is never wrong.
    """
    if not raw:
        return None
    text = _tidy(raw)
    folded = fold(re.sub(r"[^\w\s]", " ", text))
    if _NOBODY.search(folded):
        return None
    words = _without_titles(_words(text))
    if not words:
        return None
    name, note = _name_before_note(words)
    if note is not None and not _is_note(note, cased=not _one_case(text)):
        return None
    if not name or len(name) > 6 or _ends_before_the_given_name(name):
        return None
    return " ".join(word[:1].upper() + word[1:].lower() for word in _surname_first(name))


def given_name(name: str) -> str:
    """The word people are called by: the last one."""
    return name.split()[-1]


def same_person(one: str | None, other: str | None) -> bool:
    """Could these be two ways to write one person's name? Only ever a veto: True joins nobody.

    Marks, tone placement, order of words, titles and notes do not count; "Lan" may be "Nguyễn Thị Lan", "N. T. Lan" and
    "Nguyễn Lan" too. Nothing known on one side forbids nothing.
    """
    if one == other:
        return True
    first, second = _folded_words(one), _folded_words(other)
    if not first or not second:
        return True
    orders = [(first, second), (_turned(first), second), (first, _turned(second))]
    return any(_one_person(a, b) for a, b in orders)


def _one_person(a: list[str], b: list[str]) -> bool:
    short, long = sorted((a, b), key=len)
    if len(short) == 1 and len(long) > 1:
        return _may_be(short[0], long[-1]) or short[0] == long[0]
    return sorted(short) == sorted(long) or (_may_be(short[-1], long[-1]) and _fits(short[:-1], long[:-1]))


def _tidy(raw: str) -> str:
    text = unicodedata.normalize("NFKC", raw).replace("ð", "đ").replace("Ð", "Đ")
    text = "".join("" if unicodedata.category(char) == "Cf" else char for char in text)
    return re.sub(r"\([^)]*\)?|\[[^\]]*\]?", " | ", text).strip()


def _words(text: str) -> list[str]:
    """Words and "|" where punctuation separates; a dot or slash between words ("c.Lan", "anh/chị") is only a space."""
    spaced = re.sub(r"(?<=\w)[./](?=\w)|\.", " ", text)
    return re.findall(r"\w+|[^\w\s]", re.sub(r"[^\w\s]+", " | ", spaced))


def _without_titles(words: list[str]) -> list[str]:
    """From the first word that can begin a name; after a title, a second one may be the name itself ("chị Anh")."""
    rest = words
    titled = False
    ascii_only = "".join(words).isascii()
    while rest:
        word = rest[0]
        # "Chu Thị Phú" is of the Chu family, "chu Phu" is uncle Phú typed without marks.
        surname = fold(word) == "chu" and len(rest) > 1 and fold(rest[1]) in {"thi", "van"}
        title = not surname and (word.lower() in _TITLES or (ascii_only and word.lower() in _TITLES_FOLDED))
        if not (title or word == "|" or _has_digit(word) or _is_initial(word)):
            break
        if title and titled and not (len(rest) > 1 and _looks_like_name(rest[1])):
            break
        titled = titled or title
        rest = rest[1:]
    return rest


def _name_before_note(words: list[str]) -> tuple[list[str], str | None]:
    """The leading words that are names, and the word that ended them ("|" for punctuation, numbers and places)."""
    one_case = _one_case(" ".join(words))
    full_name = _is_surname(words[0])
    name: list[str] = []
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        place = bool(name) and not full_name and _PLACES.match(fold(" ".join(words[at:])))
        number = _has_digit(word) or (fold(word) in _BEFORE_NUMBERS and _has_digit(following))
        if place or number or _is_initial(word):
            return name, "|"
        # Written in one case, only words known from names are names; with capitals, the capital says what is one.
        named = _is_name(word) or (not one_case and _SYLLABLE.fullmatch(_spelling(word)[0]))
        if _is_note_word(word) or not named or not (one_case or word[0].isupper()):
            return name, word
        name.append(word)
    return name, None


def _is_note(word: str, *, cased: bool) -> bool:
    """Whether the name surely ended here: an unknown word could also be a part of it."""
    return word == "|" or _is_note_word(word) or (cased and word[0].islower())


def _is_note_word(word: str) -> bool:
    return word.lower() in _NOTES or fold(word) in _NOTES


def _is_name(word: str) -> bool:
    return _spelling(word) in _KNOWN or word.lower() in _KNOWN_FOLDED


def _looks_like_name(word: str) -> bool:
    return word != "|" and not _has_digit(word) and len(word) > 1 and not _is_note_word(word)


def _is_surname(word: str) -> bool:
    return fold(word) in _SURNAMES


def _is_only_surname(word: str) -> bool:
    """Lệ and Trân are given names, Lê and Trần are not: without marks only three surnames can be distinguished."""
    return _spelling(word) in _ONLY_SURNAMES or word.lower() in {"nguyen", "pham", "huynh"}


def _surname_first(name: list[str]) -> list[str]:
    """ "Lan Nguyễn", written as abroad, in the order that makes the last word the given name."""
    abroad = len(name) > 1 and _is_only_surname(name[-1]) and not _is_surname(name[0])
    return [name[-1], *name[:-1]] if abroad else name


def _ends_before_the_given_name(name: list[str]) -> bool:
    if len(name) == 1:
        return _is_only_surname(name[0])
    return len(name) == 2 and _is_surname(name[0]) and name[1].lower() in {"thị", "văn", "thi", "van"}


def _one_case(text: str) -> bool:
    return text == text.lower() or text == text.upper()


def _is_initial(word: str) -> bool:
    return len(word) == 1 and fold(word) != "y"


def _has_digit(word: str) -> bool:
    return any(char.isdigit() for char in word)


def _folded_words(raw: str | None) -> list[str]:
    clean = clean_name(raw)
    if clean is not None:
        return fold(clean).split()
    text = fold(re.sub(r"[^\w\s]", " ", _tidy(raw or "")))
    if _NOBODY.search(text):
        return []
    words = [word for word in text.split() if not _has_digit(word)]
    return [word for at, word in enumerate(words) if at or word not in _TITLES_FOLDED]


def _turned(words: list[str]) -> list[str]:
    """Given name first, as abroad, turned: "lan tran" to "tran lan"."""
    return [words[-1], *words[:-1]] if words[-1] in _SURNAMES else words


def _may_be(a: str, b: str) -> bool:
    """The same word, or one of them its initial."""
    return a == b or (a[0] == b[0] and min(len(a), len(b)) == 1)


def _fits(short: list[str], long: list[str]) -> bool:
    """Whether each word of the one finds a word of its own in the other."""
    left = list(long)
    for word in short:
        match = next((other for other in left if _may_be(word, other)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TITLES = _set(
    """
    anh chị cô chú bác ông bà dì cậu em bé bạn sếp thầy a c ac mr ms mrs miss dr bs ths ts kh khách hàng quý vip
    """
)
_TITLES_FOLDED = frozenset(map(fold, _TITLES))
# Some only as the whole or the beginning, for "Đài Ly", "Trương" and "Võ Chí" are people.
_NOBODY = re.compile(
    r"\b(?:khach (?:hang )?(?:le|vang lai|quen|moi|si|online|web|mua|qua duong)|vang lai|khong ten|ko ten|chua ro|"
    r"walk ?in|guest|unknown|anonymous|no name|noname|customer|admin|cong ty|cty|tnhh|cua hang|shop|sieu thi|benh vien|"
    r"truong (?:hoc|mam non|tieu hoc|thcs|thpt|dai hoc)|ngan hang|khach san|nha thuoc|nha hang|company|ltd)\b"
    r"|^(?:dai ly|ho kinh doanh|me|chong|con) |^(?:cha|chau) (?:be|cua) |^(?:test|null|none|nan|n a)$"
)
# Entries with marks count only as written with marks: "hang" may be Hằng.
_NOTES = _set(
    """
    bom boom bung ship cod ck zalo fb face facebook shopee tiktok lazada sdt dt tel vip hcm hn sg tphcm tp ko khong hay
    hàng đơn quận phường đường huyện tỉnh nợ sỉ lẻ đổi trả không đừng gọi khó mua bán giao nhận đặt cũ mới quen nhà số
    vợ chồng mẹ bạn của ở và hoặc
    """
)
_BEFORE_NUMBERS = _set("quan q phuong p huyen duong so nha lau tang hem ngo ngach to khu lo block kp ap")
_PLACES = re.compile(
    r"(?:ha noi|sai gon|da nang|binh duong|thu duc|go vap|tan binh|binh thanh|phu nhuan|bien hoa|dong nai|can tho|"
    r"hai phong|vung tau|da lat|nha trang|long an|tan phu|binh tan|hoc mon|cu chi|nha be|cau giay|dong da|ba dinh|"
    r"hoan kiem|ha dong|thanh xuan|hoang mai|long bien|tay ho)\b"
)
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|kh|ph|th|tr|ch|gh|gi|qu|[bcdđghklmnpqrstvx])?"
    r"[aeiouy\u0302\u0306\u031b]{1,6}(?:ng|nh|ch|[cmnpt])?"
)

# Syllables of Vietnamese names: the tokens of at least three of 8,736 people and two lists of given names, from
# duyet/vietnamese-namedb (MIT), without misspelt ones and those that are everyday words of a sales note.
_NAMES = """
    an anh ba biên biển bành bào bá bách bé bình bích bông bùi băng bạch bảo bắc bằng bổng bội bửu bữu cam canh cao
    chi chinh chiêu chiến chiểu chu chung chuyên chuẩn chánh châu chí chính chương chưởng chấn chế cung cáp cát công
    cù cúc cơ cương cường cảnh cấn cầm cần cầu cẩm cẩn danh dao dinh diên diễm diệp diệu doanh doãn du dung duy duyên
    duyệt duệ dân dã dũng dư dương dạ dụng dự em gia giang giàu giác giáng giáp hiên hiến hiếu hiền hiển hiểu hiệp
    hiệu hoa hoan hoà hoài hoàn hoàng hoán hoạ hoạt huy huynh huyền huân huấn huệ huỳnh hà hàm hàn hành hào hán hân
    hãn hóa hùng hưng hương hướng hường hưởng hạ hạc hạnh hạo hải hảo hậu hằng học hồ hồng hổ hội hợp hứa hữu hỷ kha
    khai khang khanh khiêm khiết khiếu khoa khoan khoát khuyên khuyến khuê khánh khê khôi khúc khương khả khải khắc
    khởi kim kiên kiếm kiến kiết kiều kiện kiệt kê kính kỳ kỷ la lai lam lan lanh linh liêm liên liễu liệt loan long
    luân luận luật ly lâm lân lã lê lý lăng lĩnh lưu lương lượng lạc lại lập lễ lệ lịch lộ lộc lợi lục lữ lực mai mi
    minh miên my mã mạc mạnh mẫn mậu mến mộc mộng mỹ nam nga nghi nghiêm nghiệp nghĩa nghị ngoan nguyên nguyễn nguyện
    nguyệt ngà ngân ngô ngôn ngạn ngọc nhan nhi nhiên nhiệm nhu nhung nhuận nhàn nhân nhã nhơn như nhượng nhạn nhất
    nhẫn nhật nhữ nhựt ninh niệm nông năng nương nữ oanh phan phi phong phu pháp phát phó phùng phú phúc phương phước
    phượng phạm phục phụng quang quy quyên quyết quyền quách quân quí quý quảng quế quốc quỳnh sa san sang sinh siêu
    song sáng sâm sĩ sơn sương sầm sử sỹ thanh thao thi thiên thiếu thiều thiện thiệu thoa thu thuyết thuý thuấn thuần
    thuận thuật thuỳ thuỷ thy thành thái thân thìn thông thúc thăng thơ thư thương thường thưởng thượng thạc thạch
    thạnh thảo thất thắm thắng thế thể thị thịnh thọ thống thời thụ thục thụy thức thực tinh tiên tiến tiếp tiển tiểu
    tiệp toàn toán toại toản trang tranh tri trinh triết triều triển triệu trung truyền trà trác tráng trâm trân trình
    trí trúc trương trường trưởng trạch trầm trần trịnh trọng trụ trực tuyên tuyến tuyết tuyền tuyển tuân tuấn tuệ ty
    tài tâm tân tây tình tích tín tính tô tôn tùng tùy tú túy tý tăng tường tưởng tạ tấn tất tịnh tố tống tổ tụ tứ từ
    tự ung uy uyên uyển vi vinh viên viết viễn việt vu vy vành vân võ văn vĩ vĩnh vũ vương vượng vạn vịnh vọng vỹ
    xuyến xuân y yên yến ái án ánh ân âu ý đan đinh điền điệp đoan đoàn đài đàm đàn đào đình đôn đông đăng đường đại
    đạo đạt đậu đắc đặng đệ định đồng đỗ độ đức ất ấu ẩn
"""
_KNOWN = frozenset(map(_spelling, _set(_NAMES)))
_KNOWN_FOLDED = frozenset(map(fold, _set(_NAMES)))
_ONLY_SURNAMES = frozenset(
    _spelling(word)
    for word in _set(
        """
        nguyễn trần lê phạm phan bùi trương đỗ đặng hồ ngô đinh trịnh đào phùng tạ tô chu quách tôn tống lữ hứa đậu đàm
        lại mạc sầm nghiêm nhữ cù võ huỳnh đoàn
        """
    )
)
_SURNAMES = _set(
    """
    nguyen tran le pham phan bui truong do dang ho ngo dinh trinh dao phung ta to chu quach ton tong lu hua dau dam lai
    mac sam nghiem nhu cu vo huynh doan hoang vu duong cao mai luong luu lam ha thai ly van vuong chau tu dong tang diep
    kieu trieu la thach chung
    """
)

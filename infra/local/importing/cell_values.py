"""What one cell of a shop's export means: days, money, quantities, and the words for status, payment and channel.

Every reader takes the cell as the file holds it (text from a CSV; text or number from Excel) and either returns the
value or raises `Unclear` with the reason a person can act on. Nothing is guessed: a cell that can be read in two
ways is refused.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from shared.domain.common.money import GROUPED, sign_of, vnd_of
from shared.domain.errors import KhachQuenError
from shared.domain.vietnam_time import VIETNAM, local_day

Cell = str | int | float | bool | None

EARLIEST_EVENT = date(1990, 1, 1)
EARLIEST_BIRTH = date(1900, 1, 1)
# Excel stores a day as the number of days since this one (its 1900 leap-year error included).
_EXCEL_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 (a calendar day, not a moment)


class Unclear(KhachQuenError):
    """The cell cannot be read, or can be read in two ways; the message is the reason."""


@lru_cache(maxsize=10_000)
def fold(words: str) -> str:
    """Letters and digits only, without marks, lower case, single spaces: "Thời_gian bán" → "thoi gian ban"."""
    split_camel = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words.replace("%", " phan tram "))
    plain = unicodedata.normalize("NFD", split_camel.replace("đ", "d").replace("Đ", "D"))
    marks_off = "".join(c for c in plain if not unicodedata.combining(c)).lower()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", marks_off).split())


def text(cell: Cell) -> str:
    """The cell as clean text (NFC, no wrapping quotes of Excel, no invisible spaces); "" when it is empty."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if not isinstance(cell, str):
        return str(cell)
    if cell.isascii() and cell[:1].isalnum() and cell.isprintable() and "  " not in cell:
        return cell.rstrip()
    clean = " ".join(unicodedata.normalize("NFC", cell).replace("\u200b", "").replace("\ufeff", "").split())
    if clean.startswith('="') and clean.endswith('"'):
        clean = clean[2:-1]  # ="0901234567": how exports keep Excel from eating the zero
    return clean.removeprefix("'")


def clean(cell: Cell) -> Cell:
    """The cell with its text cleaned, and None where there is none."""
    if isinstance(cell, str):
        return text(cell) or None
    return cell


# ---------------------------------------------------------------- days and moments

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?(?:\s*(?P<half>SA|CH|AM|PM))?"
_DAY = r"(?P<day>\d{1,2})(?P<sep>[/.-])(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4})"
_DAY_FIRST = re.compile(rf"(?:{_DAY})(?:[ ,T]+{_CLOCK})?", re.IGNORECASE)
_CLOCK_FIRST = re.compile(rf"{_CLOCK}[ ,]+{_DAY}", re.IGNORECASE)
_ISO = re.compile(
    r"\d{4}[-/]\d{2}[-/]\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s?(Z|[+-]\d{2}:?\d{2})?)?", re.IGNORECASE
)
_SHORT_YEAR = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}(\D.*)?")


def _readable(cell: Cell) -> datetime:
    """A date and time; naive means the shop's wall clock."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if not 1 <= cell < 110_000:
            raise Unclear("not a date")
        return _EXCEL_DAY_ZERO + timedelta(seconds=round(cell * 86_400))
    words = text(cell)
    if _ISO.fullmatch(words):
        try:
            return datetime.fromisoformat(words.replace("/", "-").replace(",", ".").replace(" +", "+").upper())
        except ValueError:
            raise Unclear("no such day or time") from None
    found = _DAY_FIRST.fullmatch(words) or _CLOCK_FIRST.fullmatch(words)
    if found is None:
        if _SHORT_YEAR.fullmatch(words):
            raise Unclear("the year has two digits: write day/month/year with four")
        if re.fullmatch(r"\d{4}", words):
            raise Unclear("only a year: write day/month/year, or leave it empty")
        raise Unclear("not a date: write day/month/year")
    if int(found["month"]) > 12:
        raise Unclear("there is no such month: dates are read as day/month/year")
    hour = int(found["hour"] or 0)
    half = (found["half"] or "").upper()
    if half:
        if not 1 <= hour <= 12:
            raise Unclear("no such day or time")
        hour = hour % 12 + (12 if half in ("CH", "PM") else 0)
    try:
        return datetime(  # noqa: DTZ001 (the caller gives it the shop's zone)
            int(found["year"]),
            int(found["month"]),
            int(found["day"]),
            hour,
            int(found["minute"] or 0),
            int(found["second"] or 0),
        )
    except ValueError:
        raise Unclear("no such day or time") from None


def moment(cell: Cell, now: datetime) -> datetime:
    """When something happened, in UTC, from day/month/year or ISO or an Excel number.

    Without a zone it is the shop's wall clock; a day without a time is its first moment.
    Raises Unclear, also for the future and for years before 1990.
    """
    when = _readable(cell)
    when = (when.replace(tzinfo=VIETNAM) if when.tzinfo is None else when).astimezone(UTC)
    if when > now:
        raise Unclear("lies in the future")
    if local_day(when) < EARLIEST_EVENT:
        raise Unclear("lies before 1990")
    return when


def day(cell: Cell) -> date:
    """A calendar day, such as the day points expire; raises Unclear."""
    when = _readable(cell)
    return when.date() if when.tzinfo is None else local_day(when)


def birthday(cell: Cell, now: datetime) -> date:
    """A day of birth; raises Unclear."""
    born = day(cell)
    if born > local_day(now):
        raise Unclear("lies in the future")
    if born < EARLIEST_BIRTH:
        raise Unclear("lies before 1900")
    return born


# ---------------------------------------------------------------- money and numbers


def money(cell: Cell) -> int:
    """Whole Vietnamese đồng, may be negative (a return): 1.250.000, 1,250,000, 1250000, 1.250.000 ₫, 1250000.00.

    A dot or comma before exactly three digits groups thousands, for the đồng has no fractions. Raises Unclear.
    """
    if isinstance(cell, bool):
        raise Unclear("not an amount")
    if isinstance(cell, int):
        return cell
    if isinstance(cell, float):
        if abs(cell - round(cell)) > 1e-6 * max(1.0, abs(cell) / 1e9):
            raise Unclear("has a fraction of a đồng")
        return round(cell)
    if isinstance(cell, str) and cell.isascii() and cell.isdigit():
        return int(cell)
    try:
        return vnd_of(text(cell))
    except ValueError as error:
        raise Unclear(str(error)) from None


def quantity(cell: Cell) -> Decimal:
    """How many, or how much of goods sold by weight; raises Unclear."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return Decimal(str(cell)).normalize()
    words = text(cell)
    sign, words = sign_of(words)
    if re.fullmatch(r"[0-9]+", words):
        return Decimal(sign * int(words))
    found = re.fullmatch(r"([0-9]+)[.,]([0-9]+)", words)
    if found is None:
        raise Unclear("not a quantity")
    if len(found[2]) == 3 and found[1] != "0" and len(found[1]) <= 3:
        raise Unclear("can be read as two different quantities")
    return sign * Decimal(f"{found[1]}.{found[2]}").normalize()


# ---------------------------------------------------------------- what is said of a product

_UNIT_DAYS = {
    **dict.fromkeys(("ngay", "day", "days", "d"), Decimal(1)),
    **dict.fromkeys(("tuan", "week", "weeks"), Decimal(7)),
    **dict.fromkeys(("thang", "month", "months", "th"), Decimal(365) / 12),
    **dict.fromkeys(("nam", "year", "years", "y"), Decimal(365)),
}
DURATION_UNITS = frozenset(_UNIT_DAYS)
# Nothing of which to remind anybody: no warranty, and one that never ends.
_NO_DURATION = frozenset(
    {"khong", "khong bao hanh", "khong co", "no", "none", "n a", "tron doi", "vinh vien", "khong thoi han", "lifetime"}
)
_LONGEST_DURATION = 36_500


def duration(cell: Cell, header: str = "") -> int | None:
    """Whole days: 90, 12 tháng, 2 năm, 6 weeks; a bare number counts in the unit its column's header names, or in days.

    A year has 365 days and a month a twelfth of it. None for none and for ever. Raises Unclear.
    """
    words = text(cell).lower()
    folded = fold(words)
    if not folded or folded in _NO_DURATION:
        return None
    found = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*([^\d.,]*)", words)
    unit = fold(found[2]) if found else ""
    if found is None or (unit and unit not in _UNIT_DAYS):
        raise Unclear("not a time: write days, or 12 tháng, 2 năm")
    unit = unit or next((word for word in reversed(fold(header).split()) if word in _UNIT_DAYS), "ngay")
    days = int(Decimal(found[1].replace(",", ".")) * _UNIT_DAYS[unit])
    if days > _LONGEST_DURATION:
        raise Unclear("longer than 100 years")
    return days or None


def percent(cell: Cell) -> Decimal:
    """40 for 40, "40%" and "40,5 %" alike, and for the 0.4 that Excel keeps behind 40 %; raises Unclear."""
    words = text(cell)
    number = words.removesuffix("%").strip()
    if not re.fullmatch(r"[-−]?\d{1,3}([.,]\d{1,4})?", number):
        raise Unclear("not a percentage")
    value = Decimal(number.replace("−", "-").replace(",", "."))
    return value if words.endswith("%") or abs(value) >= 1 else value * 100


def link(cell: Cell) -> str:
    """An address of the web; raises Unclear."""
    words = text(cell)
    try:
        address = urlsplit(words)
    except ValueError:
        address = urlsplit("")
    if address.scheme not in ("http", "https") or not address.hostname or " " in words:
        raise Unclear("not a link: write it whole, with https://")
    if len(words) > 1_000:
        raise Unclear("longer than 1,000 characters")
    return words


def codes(cell: Cell) -> list[str]:
    """Codes divided by ; or | without repetitions, in their order."""
    return list(dict.fromkeys(part.strip() for part in re.split(r"[;|]", text(cell)) if part.strip()))


# ---------------------------------------------------------------- words

_YES = frozenset(
    {"co", "yes", "y", "true", "1", "x", "ok", "dong y", "da dong y", "co dong y", "chap nhan", "subscribed"}
)
_NO = frozenset({"khong", "no", "n", "false", "0", "tu choi", "khong dong y", "chua", "chua dong y", "unsubscribed"})


def yes_no(cell: Cell) -> bool | None:
    """Yes, no, or None for an empty cell; raises Unclear for anything else."""
    words = fold(text(cell))
    if not words:
        return None
    if words in _YES:
        return True
    if words in _NO:
        return False
    raise Unclear("neither yes (có) nor no (không)")


_GENDERS = {
    "nam": "male", "male": "male", "m": "male", "anh": "male", "ong": "male",
    "nu": "female", "female": "female", "f": "female", "chi": "female", "ba": "female",
    "khac": "other", "other": "other",
}  # fmt: skip


def gender(cell: Cell) -> str:
    """male, female or other; raises Unclear."""
    try:
        return _GENDERS[fold(text(cell))]
    except KeyError:
        raise Unclear("not a gender: write Nam, Nữ or Khác") from None


class Status(NamedTuple):
    """What became of an order: the event that says so beside `Order Completed`, or None while nothing more is known."""

    event: str | None
    done: bool = False


_STATUSES: dict[Status, tuple[str, ...]] = {
    Status(None, done=True): (
        "hoan thanh", "da hoan thanh", "hoan tat", "da thanh toan", "thanh cong", "completed", "complete", "done",
        "paid", "closed", "da dong", "da ban", "fulfilled",
    ),
    Status(None): (
        "dang xu ly", "moi", "don moi", "cho xu ly", "cho xac nhan", "da xac nhan", "xac nhan", "dang giao",
        "dang giao hang", "dang van chuyen", "dang dong goi", "cho lay hang", "da lay hang", "dat hang", "da dat hang",
        "chua giao", "cho giao", "cho giao hang", "dang giao dich", "dang lay hang", "cho thanh toan",
        "chua thanh toan", "da xuat kho", "pending", "processing", "confirmed", "open", "new", "shipping", "shipped",
        "in transit", "unfulfilled", "authorized", "placed",
    ),
    Status("Order Delivered"): (
        "da giao", "da giao hang", "giao thanh cong", "giao hang thanh cong", "da nhan", "da nhan hang", "delivered",
    ),
    Status("Order Cancelled"): (
        "da huy", "huy", "huy don", "da huy don", "huy bo", "cancelled", "canceled", "voided", "void",
    ),
    Status("Delivery Failed"): (
        "khong giao duoc", "giao that bai", "giao hang that bai", "giao khong thanh cong", "delivery failed",
        "undelivered", "undeliverable", "failed",
    ),
    Status("Returned To Sender"): (
        "chuyen hoan", "da chuyen hoan", "hoan hang", "da hoan hang", "hoan ve", "da hoan ve", "hoan", "da hoan",
        "bom hang", "khach khong nhan", "tu choi nhan hang", "returned to sender", "rto", "refused",
    ),
    Status("Order Refunded"): (
        "tra hang", "da tra hang", "da tra", "hoan tien", "da hoan tien", "khach tra hang", "returned", "refunded",
        "return", "tra hang mot phan", "hoan tien mot phan", "partially refunded", "partially returned",
        "tra mot phan",
    ),
}  # fmt: skip
_STATUS_OF = {word: status for status, words in _STATUSES.items() for word in words}
_DRAFTS = frozenset({"phieu tam", "nhap", "draft", "don nhap", "luu tam", "tam"})


def is_number(cell: Cell) -> bool:
    """Whether a cell is an amount rather than a word or a code."""
    return isinstance(cell, int | float) or bool(GROUPED.fullmatch(text(cell)) or re.fullmatch(r"\d+", text(cell)))


def is_partial(cell: Cell) -> bool:
    """Whether a status says that only a part came back."""
    return bool({"phan", "partially"} & set(fold(text(cell)).split()))


def status(cell: Cell) -> Status:
    """What a status cell says; an empty one says the sale was made. Raises Unclear for a word it does not know."""
    words = fold(text(cell))
    if not words:
        return Status(None)
    if words in _DRAFTS:
        raise Unclear("a draft is not a sale")
    try:
        return _STATUS_OF[words]
    except KeyError:
        raise Unclear("not a status this import knows") from None


_PAYMENTS = (
    ("cod", ("cod", "thu ho", "khi nhan hang", "cash on delivery")),
    ("prepaid", ("prepaid", "tra truoc", "da thanh toan", "online")),
    (
        "transfer",
        ("chuyen khoan", "ck", "transfer", "bank", "qr", "vietqr", "vi", "vi dien tu", "momo", "zalopay", "vnpay"),
    ),
    ("card", ("the", "card", "visa", "mastercard", "pos", "napas", "credit")),
    ("cash", ("tien mat", "cash", "mat")),
)


def payment(cell: Cell) -> str | None:
    """cod, prepaid, transfer, card or cash; None when the words say none of these."""
    words = f" {fold(text(cell))} "
    return next((kind for kind, signs in _PAYMENTS if any(f" {sign} " in words for sign in signs)), None)


_CHANNELS = (
    ("facebook", ("facebook", "fb", "messenger")),
    ("zalo", ("zalo",)),
    ("shopee", ("shopee",)),
    ("lazada", ("lazada",)),
    ("tiktok", ("tiktok", "tiktokshop", "tik tok")),
    ("tiki", ("tiki",)),
    ("sendo", ("sendo",)),
    ("web", ("web", "website", "online", "haravan", "sapo web")),
    ("store", ("truc tiep", "cua hang", "tai quay", "pos", "offline", "store", "quay")),
)


def channel(cell: Cell) -> str:
    """store, web, facebook, zalo, shopee, …; a word of the shop's own comes back as a slug, an empty cell as ""."""
    words = fold(text(cell))
    spaced = f" {words} "
    known = next((name for name, signs in _CHANNELS if any(f" {sign} " in spaced for sign in signs)), None)
    return known or words.replace(" ", "_")

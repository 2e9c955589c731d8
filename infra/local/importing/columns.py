"""Which column of a shop's export is which: headers as KiotViet, Sapo and Haravan write them, in Vietnamese or English.

Headers are compared folded (no marks, no case, no punctuation). A field's names stand in order of preference, and a
column is claimed once: "Khách cần trả" is the total and "Tổng tiền hàng" the sum before discount when both exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from infra.local.importing.cell_values import DURATION_UNITS, fold
from shared.domain.errors import KhachQuenError

Kind = Literal["orders", "customers"]
# Products have a command of their own, so no file is ever taken for one of products by its headers.
Contents = Kind | Literal["products"]

_PERSON: dict[str, tuple[str, ...]] = {
    "phone": (
        "so dien thoai nguoi mua", "dien thoai nguoi mua", "dien thoai thanh toan", "so dien thoai khach hang",
        "sdt khach hang", "dien thoai khach hang", "sdt khach", "customer phone", "customer mobile", "so dien thoai",
        "sdt", "dien thoai", "dien thoai di dong", "dt", "di dong", "so di dong", "phone", "phone number", "mobile",
        "mobile phone", "contact number", "tel", "telephone", "dien thoai 1", "billing phone",
        "so dien thoai nguoi nhan", "sdt nguoi nhan", "dien thoai nguoi nhan", "shipping phone",
    ),
    "last_name": ("ho", "ho dem", "ho va ten dem", "last name", "family name"),
    "first_name": ("first name", "given name"),
    "name": (
        "ten khach hang", "ho ten khach hang", "ho va ten", "ho ten", "ten khach", "customer name", "full name",
        "fullname", "buyer name", "ten nguoi mua", "nguoi mua", "khach hang", "name", "customer", "ten",
    ),
    "email": ("email khach hang", "customer email", "email", "e mail", "dia chi email", "thu dien tu"),
    "customer_code": (
        "ma khach hang", "ma kh", "ma khach", "customer code", "customer id", "customer number", "customer no",
    ),
}  # fmt: skip

_ORDER: dict[str, tuple[str, ...]] = {
    "order_id": (
        "ma hoa don", "invoice id", "invoice code", "ma don hang", "ma don", "ma dh", "so don hang", "order id",
        "order code", "order number", "order no", "order", "don hang", "ma dat hang", "ma don dat hang", "ma chung tu",
        "so chung tu", "ma phieu", "invoice", "invoice no", "invoice number", "so hoa don",
    ),
    "invoice_of": (
        "thuoc don hang", "invoice of", "ma dat hang", "ma don dat hang", "ma don hang", "order id", "order code",
    ),
    "exchange_of": ("doi tu hoa don", "doi tu don hang", "ma hoa don doi", "exchange of"),
    "date": (
        "thoi gian", "thoi gian ban", "ngay ban", "ngay gio", "ngay hoa don", "ngay dat hang", "ngay dat",
        "thoi gian dat hang", "ngay mua", "thoi gian mua", "ngay chung tu", "order date", "purchase date",
        "invoice date", "placed at", "date", "ngay", "ngay tao don", "ngay tao", "thoi gian tao", "created at",
        "created on", "created date", "datetime", "timestamp", "time",
    ),
    "total": (
        "khach can tra", "khach phai tra", "tong thanh toan", "tong tien thanh toan", "tong gia tri don hang",
        "tong gia tri", "gia tri don hang", "tong cong", "tong tien hoa don", "tong tien don hang", "grand total",
        "order total", "total price", "total amount", "total", "tong tien", "tong", "amount", "doanh thu",
    ),
    "subtotal": ("tong tien hang", "tien hang", "tam tinh", "subtotal", "subtotal price"),
    "order_discount": (
        "giam gia hoa don", "giam gia don hang", "chiet khau hoa don", "chiet khau don hang", "order discount",
    ),
    "discount": (
        "giam gia", "chiet khau", "tien giam gia", "khuyen mai", "total discounts", "discount amount", "discount",
    ),
    "coupon": (
        "ma giam gia", "ma khuyen mai", "ma voucher", "voucher", "coupon", "coupon code", "discount code",
        "voucher code", "ma coupon",
    ),
    "refund_total": (
        "tien tra hang", "gia tri tra hang", "tien hoan", "tien hoan tra", "refund total", "refunded amount",
    ),
    "delivered_at": (
        "ngay giao hang", "thoi gian giao hang", "ngay giao", "ngay nhan hang", "ngay hoan thanh", "delivered at",
        "delivered on", "completed on", "completed at",
    ),
    "cancelled_at": ("ngay huy", "thoi gian huy", "cancelled at", "cancelled on", "canceled at"),
    "returned_at": ("ngay tra hang", "ngay tra", "thoi gian tra hang", "ngay hoan", "ngay hoan hang", "returned at"),
    "store": (
        "chi nhanh", "chi nhanh ban", "cua hang", "store", "branch", "branch name", "diem ban", "kho", "location",
    ),
    "channel": (
        "kenh ban", "kenh ban hang", "kenh", "nguon don", "nguon don hang", "channel", "source name", "sales channel",
    ),
    "cashier": (
        "nguoi ban", "thu ngan", "nhan vien ban hang", "nhan vien", "nhan vien ban", "cashier", "sold by", "staff",
        "seller", "nguoi tao", "sold by name",
    ),
    "payment": (
        "phuong thuc thanh toan", "hinh thuc thanh toan", "pttt", "thanh toan", "payment", "payment method",
        "payment gateway", "loai thanh toan",
    ),
    "pay_cod": ("con can thu cod", "tien thu ho", "thu ho cod", "tien cod", "cod amount", "cod"),
    "pay_cash": ("tien mat",),
    "pay_card": ("the",),
    "pay_transfer": ("chuyen khoan",),
    "pay_wallet": ("vi", "vi dien tu"),
    "delivery_status": (
        "trang thai giao hang", "trang thai van chuyen", "delivery status", "shipping status", "fulfillment status",
    ),
    "status": (
        "trang thai", "trang thai don hang", "trang thai hoa don", "tinh trang", "status", "order status",
        "status value",
    ),
    "sku": (
        "ma hang", "ma hang hoa", "ma san pham", "ma sp", "sku", "product code", "product id", "product sku",
        "item code", "lineitem sku", "ma sku", "ma vach",
    ),
    "product": (
        "ten hang", "ten hang hoa", "ten san pham", "ten sp", "product name", "product", "item name", "item",
        "lineitem name", "san pham", "mat hang",
    ),
    "category": ("nhom hang", "nhom san pham", "nhom hang hoa", "danh muc", "loai hang", "loai san pham", "category"),
    "quantity": ("so luong", "so luong san pham", "sl", "so luong ban", "quantity", "qty", "lineitem quantity"),
    "price": ("gia ban", "don gia", "gia san pham", "unit price", "price", "lineitem price", "gia"),
    "line_total": ("thanh tien", "tien hang dong", "line total", "line amount"),
}  # fmt: skip

_CUSTOMER: dict[str, tuple[str, ...]] = {
    "birthday": ("ngay sinh", "sinh nhat", "birthday", "birth date", "birthdate", "date of birth", "dob"),
    "gender": ("gioi tinh", "gender", "sex"),
    "city": (
        "tinh thanh pho", "tinh tp", "tinh thanh", "thanh pho", "tinh", "city", "province", "khu vuc giao hang",
        "khu vuc",
    ),
    "home_store": ("cua hang chinh", "home store", "chi nhanh tao", "chi nhanh", "cua hang", "store", "branch"),
    "points": (
        "diem hien tai", "so diem hien tai", "diem tich luy", "diem thuong", "so diem", "diem", "points",
        "loyalty points", "reward points",
    ),
    "tier": (
        "hang thanh vien", "hang the", "hang khach hang", "hang", "cap do", "tier", "membership tier", "rank", "level",
    ),
    "points_expire_on": (
        "han diem", "han dung diem", "han su dung diem", "ngay het han diem", "points expire at", "points expire on",
        "points expiry", "points expiry date",
    ),
    "group": ("nhom khach hang", "nhom khach", "customer group"),
    "updated_at": ("ngay cap nhat", "thoi gian cap nhat", "cap nhat luc", "updated at", "modified on", "modified date"),
    "consent_at": ("ngay dong y", "thoi gian dong y", "consent at", "consent date"),
    "consent_proof": ("bang chung dong y", "nguon dong y", "consent proof", "consent source"),
}  # fmt: skip

_DAYS: dict[str, tuple[str, ...]] = {
    "lifespan_days": (
        "tuoi tho", "vong doi", "vong doi san pham", "thoi gian su dung", "lifespan", "expected lifespan",
        "useful life",
    ),
    "maintain_every_days": (
        "chu ky bao duong", "bao duong dinh ky", "bao duong", "chu ky bao tri", "bao tri dinh ky", "bao tri",
        "chu ky thay loi", "thay loi", "maintain every", "maintenance interval", "maintenance",
    ),
    "warranty_days": (
        "thoi gian bao hanh", "thoi han bao hanh", "han bao hanh", "bao hanh", "warranty period", "warranty",
    ),
    "repurchase_days": (
        "chu ky mua lai", "thoi gian mua lai", "mua lai", "repurchase cycle", "repurchase", "reorder interval",
    ),
}  # fmt: skip

_PRODUCT: dict[str, tuple[str, ...]] = {
    "sku": _ORDER["sku"],
    "name": (*_ORDER["product"], "ten", "name", "title"),
    "category": (*_ORDER["category"], "nganh hang", "product type", "type"),
    "price": (*_ORDER["price"], "gia ban le", "gia niem yet", "retail price", "selling price"),
    "cost": ("gia von", "gia nhap", "gia nhap cuoi", "cost price", "cost", "unit cost", "cost per item"),
    "margin": (
        "bien loi nhuan", "bien loi nhuan phan tram", "bien lai", "bien lai phan tram", "ty suat loi nhuan",
        "loi nhuan", "loi nhuan gop", "lai gop", "margin", "margin phan tram", "margin percent", "gross margin",
        "gross margin phan tram", "gross profit",
    ),
    "guide_url": (
        "link huong dan", "huong dan su dung", "huong dan", "link hdsd", "hdsd", "video huong dan", "guide url",
        "guide link", "guide", "manual",
    ),
    "url": (
        "link san pham", "duong dan san pham", "duong dan", "lien ket", "link", "product url", "product link", "url",
    ),
    **{name: (*said, *(f"{word} {unit}" for word in said for unit in DURATION_UNITS)) for name, said in _DAYS.items()},
    "complements": (
        "san pham mua kem", "hang mua kem", "mua kem", "san pham ban kem", "ban kem", "san pham di kem", "hang di kem",
        "san pham bo sung", "goi y mua kem", "complements", "complementary products", "cross sells", "cross sell",
        "related products",
    ),
    "replaced_by": (
        "san pham thay the", "hang thay the", "ma thay the", "thay the bang", "thay the boi", "replaced by",
        "replacement",
    ),
    "store": _ORDER["store"],
    "size": ("size", "kich co", "co", "kich thuoc"),
    "stock": (
        "ton kho", "so luong ton", "so luong ton kho", "sl ton", "ton", "co the ban", "stock", "on hand",
        "quantity on hand", "available", "inventory", "inventory quantity", "so luong", "quantity", "qty",
    ),
}  # fmt: skip

# Consent is channel × purpose: a column that names no channel is not a consent.
_CONSENT_CHANNELS = {
    "sms": ("sms", "tin nhan"), "email": ("email", "e mail"), "zalo": ("zalo",), "zns": ("zns",),
    "messenger": ("messenger",), "call": ("call", "goi dien", "cuoc goi"),
}  # fmt: skip
_CONSENT_PURPOSES = {
    "marketing": ("marketing", "quang cao", "khuyen mai", "tiep thi"),
    "service": ("service", "cham soc", "cskh"),
    "transactional": ("transactional", "giao dich"),
}
_CONSENT_SIGNS = ("consent", "dong y", "accepts", "opt in", "chap nhan")


class ConsentColumn(NamedTuple):
    """A column that says yes or no to one purpose on one channel."""

    channel: str
    purpose: str


class Unusable(KhachQuenError):
    """The file cannot be imported at all; the message says what to do."""


@dataclass(frozen=True)
class Columns:
    """Where each field stands in a row, and what nobody claimed."""

    kind: Contents
    at: Mapping[str, int]
    headers: tuple[str, ...]
    consents: Mapping[ConsentColumn, int] = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    def has(self, *names: str) -> bool:
        return any(name in self.at for name in names)

    def header(self, name: str) -> str:
        """The field's header as the file writes it, or the field's own name when it has no column."""
        return self.headers[self.at[name]] if name in self.at else name


def _folded(header: str) -> tuple[str, str]:
    """A header, and the same without a unit in brackets: "Tổng tiền (VND)" → "tong tien vnd", "tong tien"."""
    return fold(header), fold(re.sub(r"\(.*?\)", " ", header))


def _claim(headers: Sequence[str], fields: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    places: dict[str, int] = {}
    # A header as it stands goes before one that only fits without its brackets: "Điện thoại (người nhận)".
    for spelled in (0, 1):
        for number, header in enumerate(headers):
            if form := _folded(header)[spelled]:
                places.setdefault(form, number)
    claimed: dict[str, int] = {}
    for name, aliases in fields.items():
        free = (places[alias] for alias in aliases if alias in places and places[alias] not in claimed.values())
        if (place := next(free, None)) is not None:
            claimed[name] = place
    return claimed


def _consents(headers: Sequence[str]) -> dict[ConsentColumn, int]:
    found: dict[ConsentColumn, int] = {}
    for place, header in enumerate(headers):
        words = f" {fold(header)} "
        if not any(f" {sign} " in words for sign in _CONSENT_SIGNS):
            continue
        channels = [name for name, signs in _CONSENT_CHANNELS.items() if any(f" {sign} " in words for sign in signs)]
        purposes = [name for name, signs in _CONSENT_PURPOSES.items() if any(f" {sign} " in words for sign in signs)]
        if len(channels) == 1 and len(purposes) == 1:
            found.setdefault(ConsentColumn(channels[0], purposes[0]), place)
    return found


def score(headers: Sequence[str]) -> int:
    """How many of these cells are headers this import knows: the header line of a file is the one with the most."""
    return max(len(_claim(headers, fields)) for fields in (_PERSON | _ORDER, _PERSON | _CUSTOMER, _PRODUCT))


def recognise(headers: Sequence[str], kind: Kind | None = None, *, named_system: bool = False) -> Columns:
    """The columns of a header line. An order id, a total or lines make the file one of orders; `kind` forces it.

    `named_system`: customer numbers come from a system with a name, so that they may identify.
    Raises Unusable, naming what was found and what is needed.
    """
    as_orders = _claim(headers, _ORDER | _PERSON)
    if kind is None:
        is_orders = any(name in as_orders for name in ("order_id", "total", "subtotal", "quantity", "sku"))
        kind = "orders" if is_orders else "customers"
    consents = _consents(headers) if kind == "customers" else {}
    at = as_orders if kind == "orders" else _claim(headers, _CUSTOMER | _PERSON)
    columns = _columns(kind, headers, at, consents)
    _demand(columns, _lacking(columns, named_system=named_system))
    return columns


def recognise_products(headers: Sequence[str]) -> Columns:
    """The columns of a file of products; raises Unusable where none tells which product a row is of."""
    columns = _columns("products", headers, _claim(headers, _PRODUCT), {})
    _demand(columns, [] if columns.has("sku") else ["the product's code (Mã hàng / Mã sản phẩm / SKU)"])
    return columns


def _columns(
    kind: Contents, headers: Sequence[str], at: Mapping[str, int], consents: Mapping[ConsentColumn, int]
) -> Columns:
    used = {*at.values(), *consents.values()}
    unused = tuple(header for place, header in enumerate(headers) if place not in used and header)
    return Columns(kind, at, tuple(headers), consents, unused)


def _demand(columns: Columns, lacking: Sequence[str]) -> None:
    if not lacking:
        return
    places = sorted(columns.at.items(), key=lambda pair: pair[1])
    known = ", ".join(f"{columns.headers[place]} ({name})" for name, place in places)
    raise Unusable(
        f"This file of {columns.kind} lacks {' and '.join(lacking)}. "
        f"Recognised columns: {known or 'none'}. "
        f"Other columns: {', '.join(columns.unused) or 'none'}."
    )


def _lacking(columns: Columns, *, named_system: bool) -> list[str]:
    if columns.kind == "customers":
        if columns.has("phone", "email") or (named_system and columns.has("customer_code")):
            return []
        return [
            "a column that tells who the customer is (SĐT / Điện thoại / phone, or Email, or Mã khách hàng together "
            "with --system)"
        ]
    lacking = []
    if not columns.has("order_id"):
        lacking.append("the order's number (Mã hóa đơn / Mã đơn hàng / order_id)")
    if not columns.has("date"):
        lacking.append("the day of the sale (Thời gian / Ngày bán / date)")
    if not (columns.has("total", "subtotal", "line_total") or {"price", "quantity"} <= columns.at.keys()):
        lacking.append("the amount (Khách cần trả / Tổng tiền / total, or Số lượng with Đơn giá)")
    return lacking

"""R12 and R20: promotion is not service, and a receipt is not an invoice."""

import pytest

from shared.domain.messaging.promotional_words import false_invoice_words, promotional_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Tặng chị voucher 50.000đ cho đơn sau", ["tặng", "voucher"]),
        ("Giảm 20% khi mua tại cửa hàng", ["giảm 20%"]),
        ("KHUYẾN MÃI lớn, GIẢM GIÁ đến 50%", ["khuyến mãi", "giảm giá"]),
        ("Khuyen mai lon, giam gia den 50%", ["khuyen mai", "giam gia"]),
        ("Ưu đãi  sinh nhật: sale off 30%", ["ưu đãi", "sale off"]),
        ("Giảm 50k, freeship", ["giảm 50k", "freeship"]),
        ("Mua 1 tặng 1", ["mua 1 tặng"]),
    ],
)
def test_r12_words_of_promotion_are_found_with_and_without_marks(text, words):
    assert promotional_words(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "Cảm ơn Anh/Chị Lan. Đơn DH-20 tổng 1.250.000đ đã được giao.",
        "Đơn hàng của chị ở tầng 2, cửa hàng Nguyễn Trãi",
        "Don hang cua chi o tang 2",
        "Chị được cộng 120 điểm, tổng điểm 1.340",
        "Sản phẩm được bảo hành miễn phí 12 tháng",
        "Nhân viên Lan (sales) đã nhận yêu cầu đổi trả",
        "Số tiền 500.000đ đã được hoàn về tài khoản",
        "Lịch hẹn giảm còn 1 buổi",
    ],
)
def test_r12_what_service_says_is_not_promotion(text):
    assert promotional_words(text) == []


def test_r12_marks_written_apart_do_not_hide_a_word():
    assert promotional_words("u\u031bu \u0111a\u0303i") == ["ưu đãi"]


def test_r20_a_receipt_is_called_a_receipt():
    assert false_invoice_words("Biên nhận mua hàng DH-20", invoice_look_up=False) == []
    assert false_invoice_words("Hoá đơn mua hàng, hóa đơn DH-20", invoice_look_up=False) == ["hoá đơn", "hóa đơn"]
    assert false_invoice_words("HOA DON mua hang", invoice_look_up=False) == ["hoa don"]


def test_r20_an_invoice_may_be_named_where_it_can_be_looked_up():
    assert false_invoice_words("Hoá đơn điện tử: tra cứu mã ABC123", invoice_look_up=True) == []


def test_r20_saying_that_it_is_no_invoice_is_true():
    assert false_invoice_words("Biên nhận này không thay thế hoá đơn", invoice_look_up=False) == []
    assert false_invoice_words("Đây không phải là hóa đơn. Hóa đơn gửi sau.", invoice_look_up=False) == ["hóa đơn"]

"""R19: the real cart is a chat: who asks for the price, a size, the stock or the shipping is about to buy."""

from __future__ import annotations

import pytest

from shared.domain.inbox.purchase_intent import LONGEST, asks_to_buy

PRICE = [
    "giá áo dài cưới thuê bao nhiêu 1 ngày",
    "gia le bao nhieu si bao nhieu",
    "Bao nhiu tiền dzậy shop",
    "Giá sao shop",
    "gia sao shop",
    "giá bn vậy shop",
    "gia bnhieu a",
    "Cái này bao nhiêu tiền ạ?",
    "bao nhieu 1 cai vay shop",
    "ib giá",
    "ib gia e voi",
    "inbox giá giúp em",
    "xin giá ạ",
    "Xin giá mẫu này với shop ơi",
    "cho em hỏi giá áo này với ạ",
    "chị cho em xin giá cái váy hoa",
    "giá?",
    "Giá ạ",
    "giá sỉ sao bạn",
    "bộ này nhiêu shop",
    "cái này nhiêu v shop",
    "đầm này bao tiền thế em",
    "váy này mấy tiền vậy em",
    "áo này giá thế nào ạ",
    "Áo này còn size L không, giá bao nhiêu ạ",
    "bn tiền vậy ad",
    "báo giá giúp mình cái túi này nhé shop",
    "giáaaa shop ơi",
    "sp này giá bao nhiêu v ạ",
    "có giảm giá không shop",
    "How much is this dress?",
    "price pls",
    "cam on shop, cai nay bao nhieu vay",
    "mấy k 1 cái vậy shop",
    "Shop ơi mẫu trong hình giá sao ạ?",
    "cai nay nhieu tien shop",
]
SIZE = [
    "e nang 47kg mac s hay m",
    "Bé 15kg mặc size mấy ạ",
    "còn size M k ạ",
    "con size L ko shop",
    "Áo này có size XL không ạ?",
    "size nào cho người 50kg vậy shop",
    "em 1m58 48kg mặc size gì ạ",
    "e cao 1m6 nặng 52 ký mặc vừa hông",
    "tư vấn size giúp em với",
    "cho mình xin bảng size",
    "có cỡ lớn không em",
    "co sz 38 k shop",
    "sz M còn hk",
    "quần này form rộng hay ôm vậy shop, có ai cao 1m7 mặc chưa",
    "60kg mặc được không ạ",
    "What size should I take?",
    "do you have size S?",
    "giày này có số 39 không em",
    "size M shop",
    "bầu 5 tháng mặc vừa không shop",
    "chị 65kg có mặc được không",
]
STOCK = [
    "Mẫu này hết chưa shop",
    "con mau hong ko",
    "còn hàng không shop",
    "con hang ko",
    "còn hàng hông shop",
    "con hàg k ạ",
    "Mẫu này còn không ạ",
    "mau den con khong shop",
    "còn màu be không em",
    "hết hàng chưa shop",
    "áo này có sẵn ở cửa hàng Quận 1 không",
    "bao giờ về hàng vậy shop",
    "khi nào có hàng lại ạ",
    "Còn mẫu này hok ad",
    "shop có màu khác không",
    "bn ơi còn hàng ko",
    "is it still available?",
    "do you have this in stock?",
    "còn cái nào màu đỏ không chị",
    "túi này còn hong sốp",
    "con k shop",
]
SHIPPING = [
    "tiền ship bao nhiêu v",
    "nhận hàng rồi trả tiền được không",
    "ship về Huế nhiêu",
    "ship ve Da Nang bao nhieu shop",
    "phí ship bn ạ",
    "phi ship sao shop",
    "có freeship không",
    "giao hàng tận nơi không shop",
    "shop có ship cod không ạ",
    "ship Hà Nội mất mấy ngày vậy",
    "đặt hôm nay thì mấy ngày có ạ",
    "giao về Cần Thơ được không",
    "Gửi về quê được hông shop",
    "có ship hỏa tốc không ạ",
    "Do you ship to Hue?",
    "how much is shipping?",
    "đặt bây giờ bao lâu nhận được hàng ạ",
    "mua 2 cái có free ship k",
]
NOTHING = [
    "đổi giúp mình size to hơn",
    "Áo mặc một lần đã bung chỉ, giá thì cao",
    "cho chị size M màu đen nhé, ship về Huế",
    "áo size M mình mua hôm trước bị dão rồi",
    "Tổng đơn bao nhiêu để chị ck",
    "dạ em cám ơn chị nhìu",
    "Bảo hành bao nhiêu tháng",
    "giao lâu quá vậy shop",
    # Where is my parcel?
    "đơn của em tới đâu rồi",
    "don hang cua minh den dau roi shop",
    "sao chưa giao hàng cho mình vậy",
    "bao giờ giao vậy shop",
    "ship chưa shop",
    "mình đặt hôm qua mà chưa thấy gửi",
    "em mua tuần trước giờ vẫn chưa nhận được hàng",
    "cho em xin mã vận đơn",
    "khi nào mình nhận được hàng ạ",
    "Where is my order?",
    "gui hang chua em",
    "đơn em đặt size M giao chưa ạ",
    "huy don giup minh",
    # It is not right.
    "giao sai size rồi shop ơi",
    "áo bị rách",
    "ao bi hong khuy",
    "cho em đổi size L được không",
    "Đổi hàng thế nào ạ",
    "em muốn trả hàng hoàn tiền",
    "hàng giả à?",
    "hang gia a shop",
    "shop làm ăn lừa đảo",
    "size M chật quá mặc không vừa",
    "giao thiếu hàng rồi",
    "thái độ nhân viên quá tệ",
    "áo không giống hình",
    "Quần lỗi đường chỉ, xử lý sao đây",
    "The zip is broken",
    "máy bị hỏng, bảo hành bao lâu ạ",
    "sao mua giá cao mà hàng kém chất lượng vậy",
    # Thanks, talk, and whatever is over.
    "Cảm ơn shop nhiều ạ",
    "cam on shop nhieu",
    "thanks shop nhiu nha",
    "tks",
    "ok shop",
    "Dạ vâng ạ",
    "mặc vừa lắm shop ơi, đẹp lắm",
    "áo đẹp xịn, giá rẻ, sẽ ủng hộ shop dài dài",
    "chốt cho chị 1 cái đen nhé em",
    "lấy em 1 áo size M, 1 áo size L nha shop",
    "hello shop",
    "👍",
    "",
    "   ",
    "thôi em không mua nữa",
    "Thôi để chị hỏi lại chồng",
    "chào em",
    "Shop mở cửa mấy giờ",
    "cửa hàng ở đâu vậy ạ",
    "em được bao nhiêu điểm rồi ạ",
    "shop có tuyển ctv không",
    "Chúc mừng sinh nhật chị Hoa nha",
    "gia đình em đi du lịch về rồi",
    "mình đã đánh giá 5 sao rồi nhé",
    "con chị thích lắm em ơi",
    "0901234567",
    "Lan 12 Nguyễn Trãi Quận 1",
    # No more messages.
    "TC",
    "STOP",
    "không nhận tin nữa",
    "dung gui tin quang cao nua",
    "từ chối nhận tin",
]


@pytest.mark.parametrize("text", PRICE)
def test_r19_who_asks_what_it_costs_is_about_to_buy(text):
    assert asks_to_buy(text) == "price"


@pytest.mark.parametrize("text", SIZE)
def test_r19_who_asks_for_a_size_is_about_to_buy(text):
    assert asks_to_buy(text) == "size"


@pytest.mark.parametrize("text", STOCK)
def test_r19_who_asks_whether_it_is_there_is_about_to_buy(text):
    assert asks_to_buy(text) == "stock"


@pytest.mark.parametrize("text", SHIPPING)
def test_r19_who_asks_how_it_comes_is_about_to_buy(text):
    assert asks_to_buy(text) == "shipping"


@pytest.mark.parametrize("text", NOTHING)
def test_r19_who_complains_waits_thanks_chats_or_wants_to_be_left_alone_is_not(text):
    assert asks_to_buy(text) == ""


def test_a_long_story_is_for_a_person_to_read():
    assert asks_to_buy("giá sao shop " + "áo đẹp " * (LONGEST // 7)) == ""

"""Which of two languages a message is in; what could be either is Vietnamese, or the writer's own."""

from __future__ import annotations

import pytest

from shared.domain.common.language import language_of


@pytest.mark.parametrize(
    "text",
    ["Where is my order?", "how long is the warranty", "what's your return policy?", "How do I wash linen?",
     "do you ship to Da Nang", "Opening hours please", "can I return it"],
)  # fmt: skip
def test_english_is_english(text: str):
    assert language_of(text) == "en"


@pytest.mark.parametrize(
    "text",
    ["don em toi dau roi", "shop có ship HN không", "free ship ko shop", "order cua e toi chua", "co size M khong shop",
     "hi shop", "thanks shop", "ok", "TC", "STOP", "", "😂", "check email giup e", "Đơn order của em sao rồi ad"],
)  # fmt: skip
def test_vietnamese_with_english_words_in_it_is_vietnamese(text: str):
    assert language_of(text) == "vi"


def test_who_is_known_to_speak_english_says_stop_in_english():
    assert language_of("STOP", "en") == "en"
    assert language_of("hello", "en") == "en"
    assert language_of("don em toi dau roi", "en") == "vi"

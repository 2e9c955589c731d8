"""Whatever is written: who may be somebody else learns nothing, and what is serious meets no machine (R5, X13)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bot.reply import Answer, HandOver
from shared.domain.triage.triage import INTENTS, SENTIMENTS, SEVERITIES, Triage
from tests.support.bot_questions import QUESTIONS
from tests.support.bot_replies import LAN, order, say
from tests.support.max_examples import max_examples

WORDS = [
    "đơn",
    "DH10234",
    "của em",
    "tới đâu rồi",
    "bill",
    "chuyển khoản",
    "#1",
    "{you}",
    "{code}",
    "hủy",
    "?",
    "tc",
    "😂",
]
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
    st.sampled_from([question["text"] for question in QUESTIONS]),
)
READ = st.builds(
    Triage,
    st.sampled_from(INTENTS), st.sampled_from(SEVERITIES), st.sampled_from(SENTIMENTS), st.integers(0, 100),
    st.booleans(), st.just(()),
)  # fmt: skip
ORDERS = st.lists(
    st.sampled_from(["placed", "shipped", "out_for_delivery", "delivered", "in_store", "cancelled", "returned"]).map(
        lambda state: order(state, payment="transfer")
    ),
    max_size=4,
)
SHOWN = st.lists(st.sampled_from(["image", "sticker", "file"]), max_size=2)
TURNS = st.lists(st.sampled_from(["hours", "own_orders", "delivery_fee"]), max_size=4)


@max_examples(300)
@given(TEXTS, READ, ORDERS, SHOWN, TURNS)
def test_r5_what_is_said_to_a_stranger_does_not_depend_on_whose_name_they_use(
    text: str, read: Triage, orders: list[dict[str, object]], shown: list[str], turns: list[str]
):
    known = {"attachments": shown, "turns": turns, "verified": False}
    assert say(text, read, orders=orders, **known) == say(text, read, orders=[], **known | {"traits": {}})
    told = say(text, read, orders=orders, **known)
    assert "chị Lan" not in told.text
    assert not (isinstance(told, Answer) and any(source.startswith("order:") for source in told.sources))


@max_examples(300)
@given(TEXTS, READ, ORDERS, SHOWN, TURNS)
def test_x13_what_is_serious_or_shown_is_for_people_and_every_word_is_filled_in(
    text: str, read: Triage, orders: list[dict[str, object]], shown: list[str], turns: list[str]
):
    told = say(text, read, orders=orders, attachments=shown, turns=turns, traits=LAN)
    if read.severity in ("critical", "high") or set(shown) - {"sticker"}:
        assert isinstance(told, HandOver)
    if read.severity == "critical":
        assert told.text == ""
    assert "{" not in told.text
    if isinstance(told, HandOver):
        assert told.words["vi"]
        assert told.words["en"]

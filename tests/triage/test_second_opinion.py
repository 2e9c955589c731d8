"""A reader outside is asked where ours is unsure: within its budget, without whom it came from, and never for less."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.adapters.aws.bedrock import BedrockReader
from shared.adapters.local.sqlite_table import SqliteTable
from shared.domain.triage.redaction import redacted
from shared.domain.triage.second_opinion import AGREED, merged
from shared.domain.triage.triage import Triage
from shared.runtime.playbook.triage import asking, triager
from shared.use_cases.triage.escalating_classifier import EscalatingClassifier

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
UNSURE = Triage("other", "normal", "neutral", 40, False, ("dạ",))
SURE = {"intent": "refund", "severity": "high", "sentiment": "negative", "bot": False}


class Bedrock:
    """Speaks the converse call as AWS does: what it was asked, and what it says next (status, body, or a pause)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.says: Callable[[], tuple[int, Any]] = lambda: (200, message(json.dumps(SURE)))
        self.hanging = threading.Event()
        bedrock = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                bedrock.asked.append((self.path, body))
                status, answer = bedrock.says()
                content = json.dumps(answer).encode() if not isinstance(answer, bytes) else answer
                self.send_response(status)
                if status >= 400:
                    self.send_header("x-amzn-ErrorType", "ThrottlingException")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


def message(text: str) -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": [{"text": text}]}}, "stopReason": "end_turn"}


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    stand_in = Bedrock()
    yield stand_in
    stand_in.hanging.set()
    stand_in.server.shutdown()
    stand_in.server.server_close()


def reader(bedrock: Bedrock) -> BedrockReader:
    return BedrockReader(
        "some.model-v1:0",
        asking().system(),
        region="ap-southeast-1",
        endpoint_url=bedrock.url,
        credentials={"access_key": "AKIDEXAMPLE", "secret_key": "secret"},
    )


class Unsure:
    """Our own reader on a bad day."""

    def __init__(self, says: Triage = UNSURE) -> None:
        self.says = says

    def read(self, *_: str) -> Triage:
        return self.says


def two(
    bedrock: Bedrock, table: SqliteTable | None = None, own: Unsure | None = None, **asked: Any
) -> EscalatingClassifier:
    rules = asking().model_copy(update={"floor": 60, "calls_a_day": 5, **asked})
    now = asked.pop("now", NOW)
    return EscalatingClassifier(own or Unsure(), reader(bedrock), table or SqliteTable(clock=lambda: NOW), rules, now)


def test_the_model_is_asked_by_the_converse_call_with_our_instructions_and_labels(bedrock: Bedrock):
    assert reader(bedrock).read("trả tiền đây") == Triage("refund", "high", "negative", 0, False, ())

    ((path, body),) = bedrock.asked
    assert path == "/model/some.model-v1%3A0/converse"
    assert body["messages"] == [{"role": "user", "content": [{"text": "trả tiền đây"}]}]
    assert body["inferenceConfig"] == {"maxTokens": 120, "temperature": 0.0}
    assert all(label in body["system"][0]["text"] for label in ("human_request", "critical", "negative"))


def test_words_around_the_answer_do_not_matter(bedrock: Bedrock):
    bedrock.says = lambda: (200, message(f"Here you are:\n```json\n{json.dumps(SURE)}\n```"))

    assert reader(bedrock).read("x") is not None


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (429, {"message": "slow down"}, "ThrottlingException"),
        (500, b"<html>", "no second opinion"),
        (200, b"not json", "no message"),
        (200, {"output": {}}, "ResponseParserError"),
        (200, {}, "no message"),
        (200, message("I cannot say"), "no JSON"),
        (200, message('["refund"]'), "unknown labels"),
        (200, message(json.dumps({**SURE, "intent": "delete_everything"})), "unknown labels: intent"),
        (200, message(json.dumps({**SURE, "severity": None, "bot": "yes"})), "unknown labels: severity, bot"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_none_and_the_log_says_why_without_the_message(
    bedrock: Bedrock, caplog: pytest.LogCaptureFixture, status: int, answer: Any, reason: str
):
    bedrock.says = lambda: (status, answer)
    with caplog.at_level(logging.WARNING):
        assert reader(bedrock).read("tiền của Nguyễn Thị Lan") is None

    assert reason in caplog.text
    assert "Lan" not in caplog.text
    assert len(bedrock.asked) == 1  # nothing is tried twice


def test_a_model_that_hangs_is_waited_for_briefly(bedrock: Bedrock):
    bedrock.says = lambda: (bedrock.hanging.wait(30), (200, message(json.dumps(SURE))))[1]

    began = time.monotonic()
    assert reader(bedrock).read("x") is None
    assert time.monotonic() - began < 5


def test_a_model_that_cannot_be_reached_is_none():
    gone = BedrockReader("m", "i", region="ap-southeast-1", endpoint_url="http://127.0.0.1:9",
                         credentials={"access_key": "a", "secret_key": "b"})  # fmt: skip

    assert gone.read("x") is None


def test_only_what_we_are_unsure_of_is_asked(bedrock: Bedrock):
    sure = two(bedrock, own=Unsure(UNSURE._replace(confidence=60)))

    assert sure.read("gì đó").confidence == 60
    assert bedrock.asked == []
    assert two(bedrock).read("gì đó", "Thưa shop")[:3] == ("refund", "high", "negative")
    assert bedrock.asked[0][1]["messages"][0]["content"][0]["text"] == "Thưa shop\ngì đó"


def test_the_same_message_is_asked_once_however_often_the_work_begins_anew(bedrock: Bedrock):
    readers = two(bedrock)

    assert len({readers.read("gì đó") for _ in range(3)}) == 1
    assert len(bedrock.asked) == 1


def test_a_day_has_its_budget_and_the_next_day_another(bedrock: Bedrock):
    table = SqliteTable(clock=lambda: NOW)
    for number in range(8):
        answer = two(bedrock, table).read(f"gì đó {number}")
        assert answer.intent == ("refund" if number < 5 else "other")
    assert len(bedrock.asked) == 5

    two(bedrock, table, calls_a_day=0).read("gì đó")
    assert len(bedrock.asked) == 5
    EscalatingClassifier(Unsure(), reader(bedrock), table, asking(), NOW + timedelta(days=1)).read("gì đó")
    assert len(bedrock.asked) == 6


def test_a_call_that_fails_has_been_paid_for(bedrock: Bedrock):
    table = SqliteTable(clock=lambda: NOW)
    bedrock.says = lambda: (500, {})
    for number in range(8):
        assert two(bedrock, table).read(f"gì đó {number}") == UNSURE
    assert len(bedrock.asked) == 5


def test_numbers_addresses_and_names_stay_here(bedrock: Bedrock):
    two(bedrock).read("Em là Trần Thị Bông, gọi 0936 845 127 hoặc bong.tran@thuquen.vn, tiền 2.500.000đ đơn 4410")

    sent = json.dumps(bedrock.asked, ensure_ascii=False)
    assert not any(word in sent for word in ("Bông", "936", "845", "thuquen"))
    assert "2.500.000" in sent
    assert "4410" in sent


@pytest.mark.parametrize("second", ["high", "normal", "low"])
def test_critical_stays_critical_whatever_another_reader_says(second: str):
    ours = UNSURE._replace(severity="critical")

    assert merged(ours, UNSURE._replace(severity=second, intent="refund"))[:2] == ("refund", "critical")


def test_another_reader_may_raise_the_severity_and_lets_the_bot_answer_nothing_we_would_not():
    ours = UNSURE._replace(severity="low", bot=True)

    assert merged(ours, ours._replace(severity="critical")).severity == "critical"
    assert not merged(ours, ours._replace(severity="critical")).bot
    assert not merged(ours, ours._replace(sentiment="negative")).bot
    assert not merged(ours._replace(bot=False), ours).bot
    assert merged(ours, ours) == ours._replace(confidence=AGREED)
    assert merged(ours, ours._replace(intent="refund")).confidence == ours.confidence


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("gọi em số +84 936-845-127 nha", "gọi em số 0900000000 nha"),
        ("stk 19036845127012 techcombank", "stk 0900000000 techcombank"),
        ("mail a.b+c@shop.com.vn.", "mail khach@example.vn."),
        ("đơn 4410 giá 12.500.000 và 15000000", "đơn 4410 giá 12.500.000 và 15000000"),
        ("Trân trọng,\nPhạm Thu Hà", "Trân trọng,\nLan"),
        ("bạn nhân viên tên Vy thái độ", "bạn nhân viên tên Lan thái độ"),
        ("áo đẹp lắm shop ơi, giao Hà Nội", "áo đẹp lắm shop ơi, giao Hà Nội"),
    ],
)
def test_unnamed(said: str, kept: str):
    assert redacted(said) == kept


def test_our_own_reader_alone_answers_where_there_is_no_other(bedrock: Bedrock):
    assert triager().read("Shop mở cửa mấy giờ ạ?").intent == "store_info"
    assert bedrock.asked == []

"""SMS through eSMS.vn: care messages one by one after registered templates, advertisements in approved batches (R11).

The gateway's answer says only that it took a message; what became of it comes by callback. Its RequestId refuses a
repetition for 24 hours, which makes a care message safe to try again. For advertisements none is documented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

from shared.adapters.channels.error_table import Trouble
from shared.adapters.provider_http import HttpAnswer, HttpClient
from shared.domain.messaging.channel_errors import AD_LEAST, AD_MOST, ChannelError, TroubleKind
from shared.domain.messaging.sms_encoding import advertisement_errors, measured
from shared.ports import Clock, Outgoing, Receiver, Sent

BASE_URL = "https://rest.esms.vn"
_PATH = "/MainService.svc/json"

TAKEN = "100"
NOT_FOUND = "105"
REPEATED = "124"

SAME_TEXT_REFUSED = timedelta(minutes=5)

# The gateway's table of codes: what to do, and what it means. Whatever is not here waits for a human too.
CODES: Mapping[str, Trouble] = {
    "99": Trouble("unreachable", "the number is blocked at the gateway"),
    "101": Trouble("misconfigured", "ApiKey or SecretKey is wrong"),
    "102": Trouble("misconfigured", "the account has no price list"),
    "103": Trouble("misconfigured", "the balance is used up"),
    "104": Trouble("misconfigured", "the brandname does not exist or is not active"),
    "105": Trouble("misconfigured", "the message is not known"),
    "106": Trouble("misconfigured", "the recording is missing"),
    "107": Trouble("misconfigured", "an advertisement needs 30 different numbers"),
    "108": Trouble("unreachable", "the number is not valid"),
    "110": Trouble("misconfigured", "the data are wrong"),
    "115": Trouble("misconfigured", "the hash of the phone is wrong"),
    "118": Trouble("misconfigured", "the message type is not supported"),
    "120": Trouble("misconfigured", "the list of numbers is too long"),
    "124": Trouble("uncertain", "the RequestId was used, but the gateway does not find its message"),
    "140": Trouble("misconfigured", "our IP address is not allowed"),
    "143": Trouble("misconfigured", "the account is inactive or locked"),
    "146": Trouble("misconfigured", "the text follows no registered template"),
    "160": Trouble("back_off", "too many calls per second"),
    "163": Trouble("misconfigured", "more than one number at a fixed price"),
    "171": Trouble("misconfigured", "the voucher code is not valid"),
    "177": Trouble("misconfigured", "the brandname is not registered with this network"),
    "199": Trouble("misconfigured", "the registration exists already"),
    "201": Trouble("misconfigured", "the text holds a blocked word"),
    "204": Trouble("misconfigured", "the OAID does not exist"),
    "210": Trouble("misconfigured", "the payload is wrong"),
    "300": Trouble("misconfigured", "the message type is missing"),
    "301": Trouble("misconfigured", "the service type is not supported"),
    "687": Trouble("misconfigured", "more than 500 numbers"),
    "789": Trouble("misconfigured", "the template is not set up for this OA"),
    "790": Trouble("misconfigured", "the template is wrong"),
    "791": Trouble("misconfigured", "OAID or template id is missing"),
    "799": Trouble("misconfigured", "the OA is inactive, wrong or not in the account"),
    "801": Trouble("misconfigured", "over-quota messages cannot be scheduled"),
    "802": Trouble("misconfigured", "the OA may not send over its quota"),
    "851": Trouble("misconfigured", "the message id is missing"),
    "854": Trouble("misconfigured", "there are no data"),
}


class EsmsStatus(NamedTuple):
    """Where a message or batch is; `state`: 1 awaits approval, 2 waits, 4 rejected, 5 done, 7 awaits reports."""

    provider_id: str
    state: int
    succeeded: int
    failed: int
    price: int


class _Gateway:
    """What both kinds of SMS share: the account, the brandname, and asking about a message."""

    def __init__(
        self,
        *,
        credentials: Mapping[str, str],
        brandname: str,
        clock: Clock,
        base_url: str = BASE_URL,
        callback_url: str = "",
        price_per_part: int = 0,
        sandbox: bool = False,
        same_text_code: str = "",
    ) -> None:
        """`same_text_code` is the answer to the same text to the same number within five minutes: a rule the gateway
        states without its code, so it has to be seen first."""
        self._clock = clock
        self._same_text_code = same_text_code
        self._http = HttpClient(base_url, clock=clock)
        self._keys = {"ApiKey": credentials["api_key"], "SecretKey": credentials["secret_key"]}
        self._common = {
            **self._keys,
            "Brandname": brandname,
            "Sandbox": "1" if sandbox else "0",
            **({"CallbackUrl": callback_url} if callback_url else {}),
        }
        self._price = price_per_part

    def status(self, reference: str) -> EsmsStatus | None:
        """The gateway's view of an SMSID or RequestId of the last 7 days; None when it knows none (yet)."""
        content, code = _read(self._http.get(f"{_PATH}/GetSendStatus", query={"RefId": reference, **self._keys}))
        if code == NOT_FOUND:
            return None
        if code != TAKEN:
            raise self._trouble(code)
        return EsmsStatus(
            str(content.get("SMSID", "")),
            whole(content.get("SendStatus")),
            whole(content.get("SendSuccess")),
            whole(content.get("SendFailed")),
            whole(content.get("TotalPrice")),
        )

    def _cost(self, text: str) -> int:
        return measured(text, self._price).price

    def _trouble(self, code: str) -> ChannelError:
        if code == self._same_text_code:
            return ChannelError(
                "back_off", code, "the same text went there just now", self._clock() + SAME_TEXT_REFUSED
            )
        trouble = CODES.get(code) or Trouble("misconfigured", "a code that is not in the gateway's table")
        return ChannelError(trouble.kind, code, trouble.reason)


class EsmsCare(_Gateway):
    """`sms_care`: one message to one person, after a template registered for the brandname."""

    def send(self, message: Outgoing) -> Sent:
        body = {
            **self._common,
            "Phone": local_number(message.to),
            "Content": message.text,
            "SmsType": "2",
            # The gateway's 0 means plain letters, not GSM-7: it would strip the à that GSM-7 has.
            "IsUnicode": "0" if message.text.isascii() else "1",
            "RequestId": message.tracking_id,
        }
        content, code = _read(self._http.post_json(f"{_PATH}/SendMultipleMessage_V4_post_json/", body))
        if code == TAKEN:
            return Sent(str(content.get("SMSID", "")), self._cost(message.text))
        if code == REPEATED:
            known = self._earlier(message.tracking_id)
            if known is not None:
                return Sent(known.provider_id, self._cost(message.text))
        raise self._trouble(code)

    def _earlier(self, tracking_id: str) -> EsmsStatus | None:
        """An earlier try was taken, or was refused after its RequestId was noted: the gateway's books decide."""
        try:
            return self.status(tracking_id)
        except ChannelError as error:
            # Nobody may take this for "surely not sent".
            raise ChannelError("uncertain", REPEATED, f"tried before, and {error.reason}") from error

    def was_taken(self, tracking_id: str) -> Sent | Literal["cannot_tell"] | None:
        """None also when asked too early: another try is harmless then, its RequestId would be refused."""
        known = self.status(tracking_id)
        return None if known is None else Sent(known.provider_id, known.price)


class EsmsAds(_Gateway):
    """`sms_ad`: one content to at least 30 people, looked at by the gateway before it goes out."""

    def send(self, message: Outgoing) -> Sent:  # noqa: ARG002
        raise ChannelError(
            "misconfigured", "one_by_one", f"an advertisement goes to at least {AD_LEAST} people at once"
        )

    def send_batch(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """One answer per message, in order, all with the batch's SMSID; a ChannelError is about the whole batch."""
        text = _common_text(messages)
        phones = list(dict.fromkeys(local_number(message.to) for message in messages))
        if not AD_LEAST <= len(phones) <= AD_MOST:
            raise ChannelError("misconfigured", "107" if len(phones) < AD_LEAST else "120", "a batch has 30 to 5000")
        body = {**self._common, "Phones": phones, "Content": text, "SmsType": "1"}
        content, code = _read(self._http.post_json(f"{_PATH}/SendMultipleSMSBrandname_json/", body))
        if code != TAKEN:
            raise self._trouble(code)
        return [Sent(str(content.get("SMSID", "")), self._cost(text)) for _ in messages]

    def was_taken(self, tracking_id: str) -> Sent | Literal["cannot_tell"] | None:  # noqa: ARG002
        """Batches carry no id of ours."""
        return "cannot_tell"

    def receivers(self, provider_id: str) -> list[Receiver]:
        """What became of each number of a batch, since its callback only counts them."""
        query = {"RefId": provider_id, **self._keys}
        content, code = _read(self._http.get(f"{_PATH}/GetSmsReceiverStatus_get", query=query))
        if code != TAKEN:
            raise self._trouble(code)
        entries = [entry for entry in content.get("ReceiverList") or [] if isinstance(entry, dict)]
        return [
            Receiver(
                international(str(entry.get("Phone", ""))),
                bool(entry.get("SentResult")) if entry.get("IsSent") else None,
            )
            for entry in entries
        ]


def _common_text(messages: Sequence[Outgoing]) -> str:
    texts = {message.text for message in messages}
    if len(texts) != 1:
        raise ChannelError("misconfigured", "content", "a batch has one content; personal words are no sms_ad")
    text = texts.pop()
    if errors := advertisement_errors(text):
        raise ChannelError("misconfigured", "label", "; ".join(error.reason for error in errors))
    return text


def _read(answer: HttpAnswer) -> tuple[dict[str, Any], str]:
    """The answer and its code; sending calls it CodeResult, the status call CodeResponse."""
    content = answer.json()
    code = content.get("CodeResult", content.get("CodeResponse"))
    if code is None:
        kind: TroubleKind = "uncertain" if answer.status >= 500 else "misconfigured"
        raise ChannelError(kind, f"http_{answer.status}", "the answer has no CodeResult")
    return content, str(code)


def local_number(phone: str) -> str:
    """+84901234567 as the gateway writes it, 0901234567; numbers of other countries it does not serve."""
    if not phone.startswith("+84"):
        raise ChannelError("unreachable", "foreign", "the gateway serves Vietnamese numbers only")
    return f"0{phone[3:]}"


def international(phone: str) -> str:
    """The gateway's 0901234567 or 84901234567 as we keep it, +84901234567."""
    digits = phone.lstrip("+")
    return f"+84{digits[1:]}" if digits.startswith("0") else f"+{digits}" if digits else ""


# Of the largest number that is taken from the gateway.
_DIGITS = 15


def whole(value: Any) -> int:
    """A number the gateway may write as 850, "850" or "850.0000"; a fraction of a đồng counts as one, and what nobody
    would count or pay as none."""
    try:
        number = Decimal(str(value))
        return int(number.to_integral_value(ROUND_CEILING)) if number.adjusted() < _DIGITS else 0
    except (InvalidOperation, ValueError, OverflowError):
        return 0

"""A stand-in for SES v2, End User Messaging SMS and Social, and the Converse call of Bedrock: what botocore sends to
them, the events they publish, and the mails that people write to the shop.

As the real ones it knows no client token: the same message twice is two messages. Events go out as EventBridge's API
destination posts them, with the connection's token, or as SNS posts them, signed by a key made at start.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cached_property
from typing import Any, Literal

from infra.local.providers.base import Callback, Received, Reply, Request, StandIn, json_reply
from shared.adapters.webhooks.aws import TOKEN_HEADER
from shared.domain.messaging.sms_encoding import measured
from shared.ports import Clock

CONVERSE = re.compile(r"/model/[^/]+/converse")
EMAIL, SMS, WHATSAPP = "/v2/email/outbound-emails", "/", "/v1/whatsapp/send"
SMS_TARGET = "PinpointSMSVoiceV2.SendTextMessage"

# How Bedrock says that it is busy, and that it is out of order.
_BEDROCK_REPLIES = ((429, "ThrottlingException"), (503, "ServiceUnavailableException"))

Envelope = Literal["eventbridge", "sns"]

# What a service takes before it reports the message as delivered.
DELIVERY = timedelta(seconds=3)
TOPIC = "arn:aws:sns:ap-southeast-1:123456789012:khach-quen"
CERTIFICATE = "https://sns.ap-southeast-1.amazonaws.com/SimpleNotificationService-standin.pem"

SHOP_MAIL = "cskh@khachquen.example"

# Local parts with a fate, as those of SES's mailbox simulator.
_MAIL_FATES = {"bounce": "Bounce", "complaint": "Complaint"}
_REPLIES: Mapping[str, tuple[tuple[int, str], tuple[int, str]]] = {
    # By path: how the service says that it is busy, and that it is out of order.
    EMAIL: ((429, "TooManyRequestsException"), (503, "ServiceUnavailable")),
    SMS: ((400, "ThrottlingException"), (503, "ServiceUnavailable")),
    WHATSAPP: ((429, "ThrottledRequestException"), (503, "ServiceUnavailable")),
}


class AwsStandIn(StandIn):
    """Takes every well-formed call, whatever key signed it.

    `phone_fates` gives numbers another end than TEXT_DELIVERED; those in `opted_out` are refused. `refuse` makes the
    next calls of a path fail with an error of the service's own. `model` is what the models of Bedrock say to a
    message, and `asked` what they were asked, with the path.
    """

    name = "aws"
    sends: Mapping[str, str] = {EMAIL: "email", SMS: "sms_care", WHATSAPP: "whatsapp"}
    # EventBridge and SNS try for a day; the first tries are what a simulated day sees.
    retry_after = tuple(timedelta(seconds=20 * 2**attempt) for attempt in range(10))

    def __init__(
        self,
        *,
        clock: Clock,
        envelope: Envelope = "eventbridge",
        token: str = "aws-token",  # noqa: S107
        callback_path: str = "/webhooks/ses",
        senders: frozenset[str] = frozenset(),
        seed: int = 0,
    ) -> None:
        """`senders` are the verified e-mail senders; none means that any sender is."""
        self.envelope = envelope
        self.token = token
        self.callback_path = callback_path
        self.senders = senders
        self.phone_fates: dict[str, str] = {}
        self.opted_out: set[str] = set()
        self._refusals: dict[str, tuple[int, str, str]] = {}
        self._mails: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.model: Callable[[str], str] = drafted
        super().__init__(clock=clock, seed=seed)

    def refuse(self, path: str, status: int, code: str, reason: str = "") -> None:
        """From now on calls of a path fail so; an empty code ends it."""
        with self.lock:
            self._refusals[path] = (status, code, reason)

    def handle(self, request: Request) -> Reply:
        if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
            return _error(request.path, 403, "MissingAuthenticationTokenException")
        if refusal := self._refusals.get(request.path):
            status, code, reason = refusal
            if code:
                return _error(request.path, status, code, reason)
        if CONVERSE.fullmatch(request.path):
            return self._converse(request)
        take = self._takers.get((request.method, request.path))
        if take is None or (request.path == SMS and request.headers.get("x-amz-target") != SMS_TARGET):
            return _error(request.path, 400, "UnknownOperationException")
        return take(request.json())

    def error_reply(self, request: Request) -> Reply:
        return _error(request.path, *_REPLIES.get(request.path, _BEDROCK_REPLIES)[1])

    def rate_limit_reply(self, request: Request) -> Reply:
        return _error(request.path, *_REPLIES.get(request.path, _BEDROCK_REPLIES)[0])

    @property
    def _takers(self) -> Mapping[tuple[str, str], Callable[[dict[str, Any]], Reply]]:
        return {("POST", EMAIL): self._email, ("POST", SMS): self._sms, ("POST", WHATSAPP): self._whatsapp}

    # What models are asked

    def _converse(self, request: Request) -> Reply:
        asked = request.json()
        self.asked.append((request.path, asked))
        text = asked["messages"][0]["content"][0]["text"]
        said = self.model(text)
        return json_reply(
            {
                "output": {"message": {"role": "assistant", "content": [{"text": said}]}},
                "stopReason": "end_turn",
                # Four characters make a token, near enough.
                "usage": {"inputTokens": len(text) // 4, "outputTokens": len(said) // 4},
            }
        )

    # What is sent

    def _email(self, asked: Mapping[str, Any]) -> Reply:
        to, content = asked["Destination"]["ToAddresses"], asked["Content"]["Simple"]
        sender = asked.get("FromEmailAddress", "")
        if self.senders and sender.rpartition("<")[2].rstrip(">") not in self.senders:
            return _error(EMAIL, 400, "MessageRejected")
        now, mail_id = self.clock(), self._new_id()
        tags = {tag["Name"]: [tag["Value"]] for tag in asked.get("EmailTags", [])}
        headers = content.get("Headers", [])
        body = {name.lower(): part["Data"] for name, part in content["Body"].items()}
        self._mails[mail_id] = {
            "timestamp": _iso(now),
            "source": sender,
            "messageId": mail_id,
            "destination": to,
            "headersTruncated": False,
            "headers": [{"name": header["Name"], "value": header["Value"]} for header in headers],
            "commonHeaders": {"subject": content["Subject"]["Data"]},
            "tags": tags,
        }
        self.received.append(
            Received(
                at=now,
                channel="email",
                to=to[0],
                text=body.get("text") or body.get("html", ""),
                tracking_id=tags.get("tracking_id", [""])[0],
                provider_id=mail_id,
                detail={
                    "subject": content["Subject"]["Data"],
                    "html": body.get("html", ""),
                    "headers": {header["Name"]: header["Value"] for header in headers},
                    "configuration_set": asked.get("ConfigurationSetName", ""),
                },
            )
        )
        if asked.get("ConfigurationSetName"):
            self._mail_events(mail_id, to[0], now)
        return json_reply({"MessageId": mail_id})

    def _mail_events(self, mail_id: str, to: str, now: datetime) -> None:
        fate = _MAIL_FATES.get(to.partition("@")[0], "Delivery")
        self._mail_event(mail_id, "Send", {}, now)
        if fate == "Bounce":
            recipient = {
                "emailAddress": to,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "550 no such user",
            }
            bounce = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [recipient]}
            self._mail_event(mail_id, "Bounce", {**bounce, "feedbackId": f"f-{mail_id}"}, now + DELIVERY)
            return
        delivery = {"recipients": [to], "smtpResponse": "250 ok", "processingTimeMillis": 900}
        self._mail_event(mail_id, "Delivery", delivery, now + DELIVERY)
        if fate == "Complaint":
            complaint = {"complainedRecipients": [{"emailAddress": to}], "complaintFeedbackType": "abuse"}
            self._mail_event(
                mail_id, "Complaint", {**complaint, "feedbackId": f"f-{mail_id}"}, now + timedelta(hours=1)
            )

    def open(self, provider_id: str, *, user_agent: str, ip: str = "", at: datetime | None = None) -> None:
        """A person, or a machine, loads an e-mail's pixel."""
        with self.lock:
            self._mail_event(provider_id, "Open", {"userAgent": user_agent, "ipAddress": ip}, at or self.clock())

    def click(self, provider_id: str, link: str, *, user_agent: str, ip: str = "", at: datetime | None = None) -> None:
        """A person, or a machine, follows a link of an e-mail."""
        click = {"userAgent": user_agent, "ipAddress": ip, "link": link, "linkTags": None}
        with self.lock:
            self._mail_event(provider_id, "Click", click, at or self.clock())

    def write_mail(
        self,
        sender: str,
        subject: str,
        text: str = "",
        *,
        html: str = "",
        files: Mapping[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        to: str = SHOP_MAIL,
        at: datetime | None = None,
        **verdicts: str,
    ) -> None:
        """A customer writes an e-mail to the shop, which a receipt rule hands to SNS as it is, in base64.

        `verdicts` are those of spam, virus, spf, dkim and dmarc where they are not PASS.
        """
        at = at or self.clock()
        mail = EmailMessage()
        domain = sender.rpartition("@")[2].rstrip(">")
        mail["From"], mail["To"], mail["Subject"] = sender, to, subject
        mail["Message-ID"] = f"<{self._new_id()}@{domain}>"
        for name, value in (headers or {}).items():
            mail[name] = value
        if text or not html:
            mail.set_content(text)
        if html and text:
            mail.add_alternative(html, subtype="html")
        elif html:
            mail.set_content(html, subtype="html")
        for name, content in (files or {}).items():
            kind = "image" if name.endswith((".jpg", ".png")) else "application"
            mail.add_attachment(content, maintype=kind, subtype=name.rpartition(".")[2], filename=name)
        found = {name: {"status": verdicts.get(name, "PASS")} for name in ("spam", "virus", "spf", "dkim", "dmarc")}
        event = {
            "notificationType": "Received",
            "mail": {
                "timestamp": _iso(at),
                "source": parseaddr(sender)[1],
                "messageId": self._new_id().replace("-", ""),
                "destination": [to],
                "headersTruncated": False,
                "headers": [{"name": name, "value": str(value)} for name, value in mail.items()],
                "commonHeaders": {
                    "returnPath": parseaddr(sender)[1],
                    "from": [sender],
                    "to": [to],
                    "messageId": str(mail["Message-ID"]),
                    "subject": subject,
                },
            },
            "receipt": {
                "timestamp": _iso(at),
                "processingTimeMillis": 400,
                "recipients": [to],
                **{f"{name}Verdict": verdict for name, verdict in found.items()},
                "action": {"type": "SNS", "topicArn": TOPIC, "encoding": "BASE64"},
            },
            "content": base64.b64encode(mail.as_bytes()).decode(),
        }
        with self.lock:
            self.call_back(self._notification(event, at))

    def _mail_event(self, mail_id: str, name: str, fields: Mapping[str, Any], at: datetime) -> None:
        details = {"Send": "Sent", "Delivery": "Delivered", "Bounce": "Bounced", "Complaint": "Complaint Received"}
        event = {
            "eventType": name,
            "mail": self._mails[mail_id],
            name.lower(): {**fields, **({"timestamp": _iso(at)} if fields else {})},
        }
        self._publish("aws.ses", f"Email {details.get(name, name + 'ed')}", event, at)

    def _sms(self, asked: Mapping[str, Any]) -> Reply:
        to, text = asked["DestinationPhoneNumber"], asked["MessageBody"]
        if to in self.opted_out:
            return _error(SMS, 400, "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT")
        now, sms_id, context = self.clock(), self._new_id(), asked.get("Context", {})
        self.received.append(
            Received(
                at=now,
                channel="sms_care",
                to=to,
                text=text,
                tracking_id=context.get("tracking_id", ""),
                provider_id=sms_id,
                detail={name: value for name, value in asked.items() if name not in ("MessageBody", "Context")},
            )
        )
        if asked.get("ConfigurationSetName"):
            counted = measured(text)
            common = {
                "eventVersion": "1.0",
                "originationPhoneNumber": asked["OriginationIdentity"],
                "destinationPhoneNumber": to,
                "isoCountryCode": "VN",
                "messageId": sms_id,
                "messageRequestTimestamp": _millis(now),
                "messageEncoding": "GSM" if counted.encoding == "GSM-7" else "Unicode",
                "messageType": asked.get("MessageType", ""),
                "context": context,
                "totalMessageParts": counted.parts,
                "totalMessagePrice": 0.0412 * counted.parts,
            }
            self._sms_event(common, "TEXT_SENT", now, final=False)
            self._sms_event(common, self.phone_fates.get(to, "TEXT_DELIVERED"), now + DELIVERY, final=True)
        return json_reply({"MessageId": sms_id})

    def _sms_event(self, common: Mapping[str, Any], name: str, at: datetime, *, final: bool) -> None:
        fields = {"eventType": name, "eventTimestamp": _millis(at), "isFinal": final}
        fields |= {"messageStatus": name.removeprefix("TEXT_"), "messageStatusDescription": name.lower()}
        self._publish("aws.sms-voice", "Text Message Delivery Status Updated", {**common, **fields}, at)

    def _whatsapp(self, asked: Mapping[str, Any]) -> Reply:
        message = json.loads(base64.b64decode(asked["message"]))
        template = message.get("template", {})
        filled = [entry["text"] for part in template.get("components", []) for entry in part["parameters"]]
        now, aws_id = self.clock(), self._new_id()
        self.received.append(
            Received(
                at=now,
                channel="whatsapp",
                to=message["to"],
                text=message.get("text", {}).get("body", "") or " ".join(filled),
                tracking_id=message.get("biz_opaque_callback_data", ""),
                provider_id=aws_id,
                detail={"type": message["type"], "template": template.get("name", "")},
            )
        )
        for status, at in (("sent", now), ("delivered", now + DELIVERY)):
            self._whatsapp_status(message, aws_id, status, at)
        return json_reply({"messageId": aws_id})

    def _whatsapp_status(self, message: Mapping[str, Any], aws_id: str, status: str, at: datetime) -> None:
        if self.envelope == "eventbridge":
            detail = {"messageId": aws_id, "status": status, "eventTimestamp": str(int(at.timestamp()))}
            self._publish("aws.social-messaging", f"WhatsApp Message {status.capitalize()}", detail, at)
            return
        fields = {
            "id": f"wamid.{aws_id}",
            "status": status,
            "timestamp": str(int(at.timestamp())),
            "recipient_id": message["to"].lstrip("+"),
            "biz_opaque_callback_data": message.get("biz_opaque_callback_data", ""),
        }
        self._publish_entry({"messaging_product": "whatsapp", "statuses": [fields]}, aws_id, at)

    def write(self, sender: str, text: str, *, at: datetime | None = None) -> None:
        """A customer writes to the shop on WhatsApp; the text comes by SNS only."""
        at = at or self.clock()
        with self.lock:
            fields = {
                "id": f"wamid.{self._new_id()}",
                "from": sender.lstrip("+"),
                "timestamp": str(int(at.timestamp())),
                "type": "text",
                "text": {"body": text},
            }
            self._publish_entry({"messaging_product": "whatsapp", "messages": [fields]}, self._new_id(), at)

    def _publish_entry(self, value: Mapping[str, Any], aws_id: str, at: datetime) -> None:
        entry = {"id": "1163793972139053", "changes": [{"field": "messages", "value": value}]}
        event = {
            "context": {"MetaWabaIds": [], "MetaPhoneNumberIds": []},
            "whatsAppWebhookEntry": json.dumps(entry, ensure_ascii=False),
            "aws_account_id": "123456789012",
            "message_timestamp": _iso(at),
            "messageId": aws_id,
        }
        self.call_back(self._notification(event, at))

    # What is published

    def _publish(self, source: str, kind: str, event: Mapping[str, Any], at: datetime) -> None:
        if self.envelope == "sns":
            self.call_back(self._notification(event, at))
            return
        content = {
            "version": "0",
            "id": self._new_id(),
            "detail-type": kind,
            "source": source,
            "account": "123456789012",
            "time": _iso(at),
            "region": "ap-southeast-1",
            "resources": [],
            "detail": event,
        }
        self.call_back(self._post(content, {TOKEN_HEADER: self.token}, at))

    def _notification(self, event: Mapping[str, Any], at: datetime) -> Callback:
        message = {
            "Type": "Notification",
            "MessageId": self._new_id(),
            "TopicArn": TOPIC,
            "Message": json.dumps(event, ensure_ascii=False),
            "Timestamp": _iso(at),
        }
        return self._post(self.signed(message), {"x-amz-sns-message-type": "Notification"}, at)

    def _post(self, content: Mapping[str, Any], headers: Mapping[str, str], at: datetime) -> Callback:
        body = json.dumps(content, ensure_ascii=False).encode()
        kind = {"content-type": "application/json; charset=utf-8"}
        return Callback("POST", self.callback_path, {**kind, **headers}, body, at)

    # SNS's signature

    def signed(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """An SNS message with version, signature (2: SHA-256) and the address of its certificate."""
        # Only callers that want signatures need the library.
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        # SNS signs these in order of the alphabet.
        names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {
            **message,
            "SignatureVersion": "2",
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": CERTIFICATE,
        }

    @cached_property
    def _key(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def certificate(self) -> str:
        """The PEM text behind `CERTIFICATE`."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = self.clock().astimezone(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def drafted(asked: str) -> str:
    """What an honest model answers to a request for drafts: all that has to be said, and nothing beyond."""
    brief = json.loads(asked)
    greeting = "{{ greeting.opening }} ơi, " if "{{ greeting.opening }}" in brief["placeholders"] else ""
    links = [name for name in brief["placeholders"] if name.startswith("{{ links.")]
    invitations = ("mời ghé xem", "mời xem thử", "tiệm mong được đón", "ghé tiệm khi tiện nhé", "mời chọn mẫu hợp ý")
    drafts = []
    for invitation in invitations[: brief["count"]]:
        sentences = [f"{greeting}hàng mới đã về, {invitation}.", *brief["must_say"], *links[:1]]
        words = {"subject": "Hàng mới đã về", "greeting": "Thân chào,", "text": " ".join(sentences), "cta": "Xem ngay"}
        drafts.append({part: words[part] for part in brief["parts"]})
    return json.dumps({"drafts": drafts}, ensure_ascii=False)


def _error(path: str, status: int, code: str, reason: str = "") -> Reply:
    """As the service writes it: the SMS service names the error in the body, the others in a header."""
    content = {"message": code, "Message": code, **({"Reason": reason} if reason else {})}
    if path == SMS:
        return json_reply({"__type": f"com.amazonaws.smsvoice#{code}", **content}, status)
    return json_reply(content, status, {"x-amzn-ErrorType": code})


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)

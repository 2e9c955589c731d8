"""The signature of SNS, held to a cryptography library: what it signed passes, whatever was touched does not."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from infra.local.providers.aws import CERTIFICATE, TOPIC, AwsStandIn
from infra.local.providers.base import Reply, Request, StandIn
from shared.adapters.webhooks import sns
from shared.adapters.webhooks.sns import CertificateStore, public_key, signed_by, subscription_to_confirm, verify
from shared.domain.errors import Busy

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
MESSAGE = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": TOPIC,
    "Subject": "Amazon SES Email Event Notification",
    "Message": '{"eventType":"Send"}',
    "Timestamp": "2026-11-21T02:00:00.000Z",
}
CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
    "Token": "2336412f37",
    "TopicArn": TOPIC,
    "Message": "You have chosen to subscribe.",
    "SubscribeURL": "https://sns.ap-southeast-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37",
    "Timestamp": "2026-11-21T02:00:00.000Z",
}


@pytest.fixture(scope="module")
def aws():
    stand_in = AwsStandIn(clock=lambda: NOW)
    yield stand_in
    stand_in.stop()


def accepted(aws: AwsStandIn, message: dict) -> bool:
    return verify(json.dumps(message).encode(), {TOPIC}, lambda _: aws.certificate)


@pytest.mark.parametrize("message", [MESSAGE, CONFIRMATION], ids=lambda m: m["Type"])
def test_a_signed_message_passes(message, aws):
    assert accepted(aws, aws.signed(message))


def test_a_message_without_a_subject_passes(aws):
    assert accepted(aws, aws.signed({name: value for name, value in MESSAGE.items() if name != "Subject"}))


@pytest.mark.parametrize("name", MESSAGE)
def test_a_touched_field_does_not(name, aws):
    signed = aws.signed(MESSAGE)

    assert not accepted(aws, {**signed, name: signed[name] + "x"})
    assert not accepted(aws, {other: value for other, value in signed.items() if other != name})


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "á", base64.b64encode(b"\xff" * 256).decode()])
def test_a_made_up_signature_does_not(signature, aws):
    assert not accepted(aws, {**aws.signed(MESSAGE), "Signature": signature})


def test_a_message_of_somebody_elses_topic_does_not(aws):
    other = {**MESSAGE, "TopicArn": "arn:aws:sns:ap-southeast-1:666666666666:evil"}

    assert not accepted(aws, aws.signed(other))


def test_the_older_signature_is_not_taken(aws):
    assert not accepted(aws, {**aws.signed(MESSAGE), "SignatureVersion": "1"})


@pytest.mark.parametrize(
    "address",
    [
        "http://sns.ap-southeast-1.amazonaws.com/x.pem",
        "https://sns.ap-southeast-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.ap-southeast-1.amazonaws.com/x.pem",
        "https://sns.ap-southeast-1.amazonaws.com@evil.example/x.pem",
        "https://sns.ap-southeast-1.amazonaws.com:8443/x.pem",
        "https://s3.ap-southeast-1.amazonaws.com/x.pem",
        "https://sns.ap-southeast-1.amazonaws.com/x.txt",
        "https://sns.ap-southeast-1.amazonaws.com/a/../x.pem",
        "https://sns.ap-southeast-1.amazonaws.com/x.pem\n",
        "https://sns.ap-southeast-1.amazonaws.com/x.pem#@evil",
        "https://[",
        "",
    ],
)
def test_a_certificate_is_fetched_from_sns_and_nowhere_else(address, aws):
    def certificates(asked: str) -> str:
        raise AssertionError(f"nobody should fetch {asked}")

    message = {**aws.signed(MESSAGE), "SigningCertURL": address}
    assert not verify(json.dumps(message).encode(), {TOPIC}, certificates)


@pytest.mark.parametrize("size", [2048, 3072])
def test_keys_of_any_size_agree_with_the_library(size):
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    signature = key.sign(b"content", padding.PKCS1v15(), hashes.SHA256())
    numbers = key.public_key().public_numbers()
    read = public_key(certificate_of(key))

    assert (read.modulus, read.exponent) == (numbers.n, numbers.e)
    assert signed_by(read, signature, b"content")
    assert not signed_by(read, signature, b"Content")
    assert not signed_by(read, signature[:-1], b"content")
    assert not signed_by(read, b"\x00" + signature, b"content")
    assert not signed_by(read, (int.from_bytes(signature) + read.modulus).to_bytes(size // 8 + 1), b"content")


def test_a_signature_has_one_spelling():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    read = public_key(certificate_of(key))
    contents = (str(number).encode() for number in range(10_000))
    signed = ((content, int.from_bytes(key.sign(content, padding.PKCS1v15(), hashes.SHA256()))) for content in contents)
    # The same number modulo the key, where it still fits.
    content, again = next((content, one + read.modulus) for content, one in signed if one + read.modulus < 1 << 2048)

    assert not signed_by(read, again.to_bytes(256), content)


def test_another_digest_or_padding_does_not_pass():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    read = public_key(certificate_of(key))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)

    assert not signed_by(read, key.sign(b"content", padding.PKCS1v15(), hashes.SHA512()), b"content")
    assert not signed_by(read, key.sign(b"content", pss, hashes.SHA256()), b"content")


def test_a_short_block_with_rubbish_behind_the_digest_does_not_pass():
    """Bleichenbacher's forgery of 2006: readers that stop at the digest take it, whoever compares whole does not."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = key.private_numbers()
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"content")
    block = b"\x00\x01" + b"\xff" * 8 + b"\x00" + sns._SHA256 + digest.finalize()
    block += b"\x07" * (256 - len(block))
    forged = pow(int.from_bytes(block), numbers.d, numbers.public_numbers.n).to_bytes(256)

    assert not signed_by(public_key(certificate_of(key)), forged, b"content")


def test_a_weak_key_is_not_taken():
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    signature = key.sign(b"content", padding.PKCS1v15(), hashes.SHA256())

    assert not signed_by(public_key(certificate_of(key)), signature, b"content")


def test_a_certificate_of_another_kind_or_in_pieces_is_refused(aws):
    elliptic = certificate_of(ec.generate_private_key(ec.SECP256R1()))
    der = base64.b64decode("".join(aws.certificate.splitlines()[1:-1]))
    pieces = [
        f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der[:end]).decode()}\n-----END CERTIFICATE-----\n"
        for end in range(0, len(der), 29)
    ]

    for pem in [elliptic, "", "x", *pieces]:
        assert not verify(json.dumps(aws.signed(MESSAGE)).encode(), {TOPIC}, lambda _, pem=pem: pem)


def test_a_subscription_is_confirmed_where_sns_says(aws):
    assert subscription_to_confirm(CONFIRMATION) == CONFIRMATION["SubscribeURL"]
    assert subscription_to_confirm(MESSAGE) is None
    assert subscription_to_confirm({**CONFIRMATION, "SubscribeURL": "https://evil.example/"}) is None


def test_a_certificate_is_fetched_once_and_an_outage_of_sns_is_no_forgery(aws, monkeypatch):
    server = _Certificates(aws.certificate)
    real = sns.HttpClient
    monkeypatch.setattr(sns, "HttpClient", lambda _, **more: real(server.url, **more))
    store = CertificateStore(lambda: NOW)
    try:
        server.status = 404
        assert not verify(json.dumps(aws.signed(MESSAGE)).encode(), {TOPIC}, store)
        server.status = 500
        with pytest.raises(Busy):
            store(CERTIFICATE)
        server.status = 200
        assert [public_key(store(CERTIFICATE)) for _ in range(3)] == [public_key(aws.certificate)] * 3
        assert server.asked == 3
    finally:
        server.stop()
    with pytest.raises(Busy, match="cannot be reached"):
        CertificateStore(lambda: NOW)(CERTIFICATE)


class _Certificates(StandIn):
    """Serves one certificate."""

    name = "certificates"

    def __init__(self, pem: str) -> None:
        self.pem, self.asked, self.status = pem, 0, 200
        super().__init__(clock=lambda: NOW)

    def handle(self, request: Request) -> Reply:  # noqa: ARG002
        self.asked += 1
        return Reply(self.status, self.pem.encode())


def certificate_of(key) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

"""E-mails to the shop: built only where a stage names an address, and nobody else may publish on the way."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.aws import stages
from tests.infra.conftest import Synthesized

pytestmark = pytest.mark.cdk

TO = "cskh.nhamay.example"


@pytest.fixture(scope="module")
def with_mail(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    if importlib.util.find_spec("aws_cdk") is None or shutil.which("node") is None:
        pytest.skip("the infra extra or Node.js is not installed")
    from infra.aws.app import build

    folder: Path = tmp_path_factory.mktemp("with-mail")
    dev = stages.STAGES["dev"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(stages.STAGES, "dev", dataclasses.replace(dev, inbound_mail=TO))
        build("dev", out=folder, assets=False).synth()
    return Synthesized("dev", folder)


def one(stage: Synthesized, kind: str) -> dict[str, Any]:
    (properties,) = stage.all(kind).values()
    return properties  # type: ignore[no-any-return]


def test_a_stage_without_an_address_receives_no_mail(dev: Synthesized) -> None:
    for kind in ("AWS::SES::ReceiptRule", "AWS::SES::ReceiptRuleSet", "AWS::SNS::Subscription"):
        assert not dev.all(kind)


def test_t6_a_mail_goes_whole_and_scanned_to_the_topic_of_the_stage(with_mail: Synthesized) -> None:
    rule = one(with_mail, "AWS::SES::ReceiptRule")
    topics = {topic["TopicName"]: name for name, topic in with_mail.all("AWS::SNS::Topic").items()}

    assert one(with_mail, "AWS::SES::ReceiptRuleSet")["RuleSetName"] == "kq-dev-inbound"
    assert (rule["Rule"]["Name"], rule["Rule"]["Enabled"], rule["Rule"]["ScanEnabled"]) == (
        "kq-dev-to-tickets",
        True,
        True,
    )
    assert rule["Rule"]["Recipients"] == [TO]
    assert rule["Rule"]["Actions"] == [
        {"SNSAction": {"Encoding": "Base64", "TopicArn": {"Ref": topics["kq-dev-inbound-mail"]}}}
    ]


def test_the_topic_signs_as_the_door_expects_and_what_it_cannot_deliver_is_kept(with_mail: Synthesized) -> None:
    (topic,) = [t for t in with_mail.all("AWS::SNS::Topic").values() if t["TopicName"] == "kq-dev-inbound-mail"]
    subscription = one(with_mail, "AWS::SNS::Subscription")
    dlqs = {p["QueueName"]: name for name, p in with_mail.all("AWS::SQS::Queue").items()}

    assert topic["SignatureVersion"] == "2"
    assert subscription["Protocol"] == "https"
    assert "/webhooks/ses" in str(subscription["Endpoint"])
    assert "RawMessageDelivery" not in subscription
    assert subscription["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dlqs["kq-dev-events-dlq"], "Arn"]}


def test_only_this_rule_of_this_account_may_publish_a_mail(with_mail: Synthesized) -> None:
    allowed = [
        statement
        for policy in with_mail.all("AWS::SNS::TopicPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and statement["Principal"].get("Service") == "ses.amazonaws.com"
    ]

    (statement,) = allowed
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert str(statement["Condition"]["StringEquals"]["aws:SourceArn"]).endswith(
        ":receipt-rule-set/kq-dev-inbound:receipt-rule/kq-dev-to-tickets']]}"
    )


def test_it_adds_no_door_and_no_role(dev: Synthesized, with_mail: Synthesized) -> None:
    for kind in ("AWS::Lambda::Function", "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::SQS::Queue"):
        assert with_mail.all(kind).keys() == dev.all(kind).keys()

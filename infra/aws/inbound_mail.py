"""E-mails to the shop: SES receives, a topic hands them to the webhook."""

from __future__ import annotations

from typing import cast

from aws_cdk import (
    CfnOutput,
    Stack,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

from infra.aws.naming import arn_of
from infra.aws.stages import Stage


def inbound_mail(stack: Stack, stage: Stage, recipient: str, public_url: str, dead_letters: sqs.Queue) -> None:
    """Mails to a domain or an address, whole and scanned, by a topic to the door that checks its signature.

    One rule set of an account is active at a time, and which is no business of a stack: `aws ses
    set-active-receipt-rule-set`. The topic's ARN belongs into the secret of the channels, as aws.topics.
    """
    topic = sns.Topic(stack, "InboundMail", topic_name=stage.named("inbound-mail"), enforce_ssl=True)
    # The door takes no older signature.
    cast(sns.CfnTopic, topic.node.default_child).signature_version = "2"
    rules = ses.CfnReceiptRuleSet(stack, "InboundRules", rule_set_name=stage.named("inbound"))
    rule_name = stage.named("to-tickets")
    rule_arn = arn_of(stack, "ses", f"receipt-rule-set/{rules.rule_set_name}:receipt-rule/{rule_name}")
    allowed = topic.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[
                iam.ServicePrincipal(
                    "ses.amazonaws.com",
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": rule_arn},
                    },
                )
            ],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
        )
    )
    # Base64 keeps a mail as it is, whatever characters it is written in.
    to_topic = ses.CfnReceiptRule.SNSActionProperty(topic_arn=topic.topic_arn, encoding="Base64")
    rule = ses.CfnReceiptRule(
        stack,
        "InboundRule",
        rule_set_name=rules.ref,
        rule=ses.CfnReceiptRule.RuleProperty(
            name=rule_name,
            enabled=True,
            recipients=[recipient],
            scan_enabled=True,
            tls_policy="Optional",
            actions=[ses.CfnReceiptRule.ActionProperty(sns_action=to_topic)],
        ),
    )
    if allowed.policy_dependable:
        # SES tries the topic when the rule is made.
        rule.node.add_dependency(allowed.policy_dependable)
    door = f"{public_url}/webhooks/ses"
    topic.add_subscription(
        subscriptions.UrlSubscription(door, protocol=sns.SubscriptionProtocol.HTTPS, dead_letter_queue=dead_letters)
    )
    CfnOutput(stack, "InboundMailTopic", value=topic.topic_arn)

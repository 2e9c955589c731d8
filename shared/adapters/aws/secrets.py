"""Secrets from AWS Secrets Manager."""

from __future__ import annotations

from shared.adapters.aws.clients import call


def read_secret(arn: str) -> bytes:
    """The secret's current value; text comes as UTF-8."""
    answer = call("secretsmanager", "get_secret_value", SecretId=arn)
    text: str | None = answer.get("SecretString")
    if text is not None:
        return text.encode()
    value: bytes = answer["SecretBinary"]
    return value

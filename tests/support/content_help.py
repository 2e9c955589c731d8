"""A local stack whose stage names a model that drafts messages: the stand-in of Bedrock, over HTTP."""

from __future__ import annotations

from typing import Any

from infra.local.stack.local_stack import LocalStack
from shared.adapters.aws.bedrock_copy import BedrockCopyWriter
from shared.runtime.playbook.content_help import content_help

MODEL = "apac.some.model-v1:0"
# Where it is asked, as the stand-in sees it.
PATH = "/model/apac.some.model-v1%3A0/converse"


def name_a_model(stack: LocalStack, **more: Any) -> None:
    """From now on the model drafts the words of campaigns."""
    account = {name: stack.providers["ses"][name] for name in ("region", "endpoint_url", "credentials")}
    stack.outside.content_help = BedrockCopyWriter(MODEL, content_help().instructions, **account, **more)

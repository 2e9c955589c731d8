"""The one logger: JSON lines to standard error, with ids and counts, never a name, a phone number or a text."""

from __future__ import annotations

import logging
import sys
import traceback

from aws_lambda_powertools import Logger

logger = Logger(service="khach-quen", stream=sys.stderr)

# An alarm of the stage looks for this text.
KEY_CAP_REACHED = "a write key has used up its messages of this hour"

# The resolver logs the text of what a route raised, which may quote personal data; `log_failure` logs it without.
logging.getLogger("aws_lambda_powertools.event_handler.api_gateway").disabled = True


def log_failure(message: str, error: BaseException) -> None:
    """Log where an error was raised and its type, without its text: that may quote personal data."""
    logger.error(message, error=type(error).__name__, places=places(error))


def places(error: BaseException) -> list[str]:
    """The traceback of an error as file, line and function, the innermost last; nothing of its values."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]

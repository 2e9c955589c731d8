"""The one logger: JSON lines to standard error, with ids and counts and never a name, a number or a text."""

from __future__ import annotations

import logging
import sys
import traceback

from aws_lambda_powertools import Logger

logger = Logger(service="khach-quen", stream=sys.stderr)

# The resolver logs what a route raised in its own words, which may quote somebody's data; `log_failure` does it for us.
logging.getLogger("aws_lambda_powertools.event_handler.api_gateway").disabled = True


def log_failure(message: str, error: Exception) -> None:
    """Log where something broke and by what kind of error, without its words: they may quote somebody's data."""
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    logger.error(message, error=type(error).__name__, places=places)

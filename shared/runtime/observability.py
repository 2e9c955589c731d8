"""The one logger: JSON lines to standard error, with ids and counts and never a name, a number or a text."""

from __future__ import annotations

import sys

from aws_lambda_powertools import Logger

logger = Logger(service="khach-quen", stream=sys.stderr)

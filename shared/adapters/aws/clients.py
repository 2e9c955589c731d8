"""AWS clients, made on first use and kept; from botocore alone, since boto3 drags s3transfer into every cold start."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from shared.domain.errors import Busy

# Throttled, colliding or passing: the same call may be repeated. Any 5xx answer counts as well.
_BUSY_CODES = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "Throttling",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


@cache
def client(service: str) -> Any:
    """The client of a service; region, credentials and AWS_ENDPOINT_URL come from the environment."""
    # All services answer within milliseconds, so a door need not spend its time on a dead connection.
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 4},
        # The adapters build the parameters from checked values.
        parameter_validation=False,
    )
    return session().create_client(service, config=config)


@cache
def session() -> Any:
    """What all clients are made from. At its most talkative it would log whole requests: who is told what."""
    logging.getLogger("botocore").setLevel(logging.INFO)
    return botocore.session.get_session()


def forget() -> None:
    """Make clients anew on their next use: the environment has changed."""
    client.cache_clear()
    session.cache_clear()


def call(service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    """The answer to one call; Busy when it may be repeated, else botocore's ClientError."""
    try:
        answer: dict[str, Any] = getattr(client(service), operation)(**parameters)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or error_code(error) in _BUSY_CODES:
            raise Busy(f"{service} is busy: {error_code(error)}") from error
        raise
    except (ConnectionError, HTTPClientError) as error:
        raise Busy(f"{service} cannot be reached") from error
    return answer


def error_code(error: ClientError) -> str:
    """AWS's name for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))

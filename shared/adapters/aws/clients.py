"""AWS clients by boto3: the client interface, each client made on its first call and kept."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from shared.domain.errors import Busy

# Throttled, collided or transient: the same call may be repeated. Any 5xx answer counts as well.
_BUSY_CODES = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "Throttling",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


@cache
def client(service: str) -> Any:
    """The client of a service; region, credentials and AWS_ENDPOINT_URL come from the environment."""
    # All services answer within milliseconds, so a door does not wait long for a dead connection.
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 4},
        # The adapters build the parameters from checked values.
        parameter_validation=False,
    )
    return session().client(service, config=config)


@cache
def session() -> Any:
    """The session all clients are made from. At level DEBUG botocore would log whole requests, with personal data."""
    from boto3.session import Session  # a door that makes no call does not load it

    logging.getLogger("botocore").setLevel(logging.INFO)
    return Session()


def forget() -> None:
    """Drop all clients; the next call makes new ones from the environment as it is then."""
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

"""Calls to AWS services that send: none of them knows a client token, so nothing is ever repeated by itself.

The clients of `aws.clients` repeat what failed, which is right for a table and would send a message twice here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
    SSLError,
)

from shared.adapters.aws.clients import session
from shared.adapters.channels.error_table import Trouble
from shared.adapters.provider_http import CONNECT_SECONDS, READ_SECONDS
from shared.domain.messaging.channel_errors import ChannelError

# What any AWS service may answer; each channel adds its own. The services' words for "slow down" differ.
COMMON: Mapping[str, Trouble] = {
    "Throttling": Trouble("back_off", "too many calls per second"),
    "ThrottlingException": Trouble("back_off", "too many calls per second"),
    "ThrottledRequestException": Trouble("back_off", "too many calls per second"),
    "TooManyRequestsException": Trouble("back_off", "too many calls per second"),
    "RequestThrottled": Trouble("back_off", "too many calls per second"),
    "RequestLimitExceeded": Trouble("back_off", "too many calls per second"),
    "ServiceUnavailable": Trouble("back_off", "the service cannot right now"),
    "ServiceUnavailableException": Trouble("back_off", "the service cannot right now"),
    # The request reached the service, which then stumbled: before or after sending, nobody knows.
    "InternalServerError": Trouble("uncertain", "the service broke while it had the message"),
    "InternalServerException": Trouble("uncertain", "the service broke while it had the message"),
    "InternalServiceException": Trouble("uncertain", "the service broke while it had the message"),
    "InternalFailure": Trouble("uncertain", "the service broke while it had the message"),
    "AccessDeniedException": Trouble("misconfigured", "our role may not send"),
    "UnrecognizedClientException": Trouble("misconfigured", "the credentials are not known"),
    "InvalidClientTokenId": Trouble("misconfigured", "the credentials are not known"),
    "MissingAuthenticationTokenException": Trouble("misconfigured", "the call was not signed"),
    "InvalidSignatureException": Trouble("misconfigured", "the signature is wrong"),
    "SignatureDoesNotMatch": Trouble("misconfigured", "the signature is wrong"),
    "ExpiredTokenException": Trouble("misconfigured", "the credentials have expired"),
    "ValidationException": Trouble("misconfigured", "a parameter is not accepted"),
    "ResourceNotFoundException": Trouble("misconfigured", "something the call names does not exist"),
}

_NOTHING_WRITTEN = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


class AwsSender:
    """One AWS service with its table of errors.

    A row may be named by the code alone or by code and reason ("ConflictException.DESTINATION_PHONE_NUMBER_OPTED_OUT");
    the longer name wins. `credentials` (access_key, secret_key) and `endpoint_url` come from the environment if empty.
    """

    def __init__(
        self,
        service: str,
        errors: Mapping[str, Trouble],
        *,
        region: str,
        endpoint_url: str = "",
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self._service = service
        self._errors = {**COMMON, **errors}
        self._region = region
        self._endpoint_url = endpoint_url
        self._credentials = credentials or {}

    def send(self, operation: str, id_name: str, **parameters: Any) -> str:
        """The id under which the service took a message; ChannelError when it did not say that it did."""
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
        except ClientError as error:
            raise self._refusal(error) from None
        except _NOTHING_WRITTEN as error:
            raise ChannelError(
                "back_off", "connect", f"the service cannot be reached ({type(error).__name__})"
            ) from None
        except (NoCredentialsError, SSLError) as error:
            raise ChannelError("misconfigured", type(error).__name__, "the call could not be made") from None
        except BotoCoreError as error:
            # The cause is left out: its text may hold what was sent.
            raise ChannelError("uncertain", type(error).__name__, "the connection broke before an answer") from None
        if not answer.get(id_name):
            raise ChannelError("uncertain", "no_id", "the answer names no message")
        return str(answer[id_name])

    def _refusal(self, error: ClientError) -> ChannelError:
        answer: Mapping[str, Any] = error.response
        code = str(answer.get("Error", {}).get("Code", ""))
        reason = str(answer.get("Reason", ""))
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        name = f"{code}.{reason}" if reason else code
        trouble = self._errors.get(name) or self._errors.get(code) or _by_status(status)
        return ChannelError(trouble.kind, name, trouble.reason)

    @cached_property
    def _client(self) -> Any:
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            # The channels build the parameters from checked values.
            parameter_validation=False,
        )
        return session().client(
            self._service,
            region_name=self._region,
            endpoint_url=self._endpoint_url or None,
            aws_access_key_id=self._credentials.get("access_key"),
            aws_secret_access_key=self._credentials.get("secret_key"),
            config=config,
        )


def _by_status(status: int) -> Trouble:
    """An error that is in no table: its HTTP status says at least whether it may have been sent."""
    if status in (429, 503):
        return Trouble("back_off", "the service asks for patience")
    if status >= 500:
        return Trouble("uncertain", "the service broke while it had the message")
    return Trouble("misconfigured", "an error that is not in our table")

"""Calls to Zalo with an access token: errors come with HTTP 200, and a refused token is renewed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize

from shared.adapters.channels.error_table import Hours, Trouble, channel_error
from shared.adapters.channels.zalo_token import ZaloTokens
from shared.adapters.provider_http import HttpAnswer, HttpClient
from shared.domain.messaging.channel_errors import ChannelError
from shared.ports import Clock

TOKEN_REFUSED = frozenset({-124, -216, -220})


@dataclass(frozen=True, slots=True)
class ZaloTemplate:
    """An approved template: price of one message in VND, and the parameters with the most characters each may have."""

    price: int
    limits: Mapping[str, int] = field(default_factory=dict)


def template_data(templates: Mapping[str, ZaloTemplate], name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """What fills a template, checked before it costs a call; ChannelError `misconfigured` names what is wrong.

    Zalo counts composed characters, so that is how the values are counted and sent.
    """
    template = templates.get(name)
    if template is None:
        raise ChannelError("misconfigured", "template_unknown", f"template {name!r} is not in the playbook")
    values = {key: normalize("NFC", value) for key, value in parameters.items()}
    if wrong := sorted(template.limits.keys() ^ values.keys()):
        raise ChannelError("misconfigured", "parameters", f"missing or not of this template: {', '.join(wrong)}")
    if empty := sorted(key for key, value in values.items() if not value.strip()):
        raise ChannelError("misconfigured", "parameter_empty", f"empty: {', '.join(empty)}")
    if long := sorted(key for key, value in values.items() if len(value) > template.limits[key]):
        raise ChannelError("misconfigured", "parameter_too_long", f"too long: {', '.join(long)}")
    return values


class ZaloApi:
    """One of Zalo's hosts, with its own table of errors (the same code may mean another thing on another host)."""

    def __init__(
        self, base_url: str, tokens: ZaloTokens, errors: Mapping[int, Trouble], *, clock: Clock, hours: Hours
    ) -> None:
        self._http = HttpClient(base_url, clock=clock)
        self._tokens = tokens
        self._errors = errors
        self._clock = clock
        self._hours = hours

    def post(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The `data` of the answer; raises ChannelError."""
        return self._call(lambda headers: self._http.post_json(path, content, headers=headers))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The `data` of the answer to a question; raises ChannelError."""
        return self._call(lambda headers: self._http.get(path, query=query, headers=headers))

    def _call(self, ask: Callable[[dict[str, str]], HttpAnswer]) -> dict[str, Any]:
        token = self._tokens.access()
        code, data = _read(ask({"access_token": token}))
        if code in TOKEN_REFUSED:
            # Zalo looked at nothing but the token, so the call can be made again.
            code, data = _read(ask({"access_token": self._tokens.renewed(token)}))
        if code:
            raise channel_error(self._errors, code, self._clock(), self._hours)
        return data


def number(value: Any) -> int | None:
    """A count, which Zalo writes as a number, as text or as null."""
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else None


def _read(answer: HttpAnswer) -> tuple[int, dict[str, Any]]:
    content = answer.json()
    try:
        code = int(content["error"])
    except (KeyError, TypeError, ValueError):
        raise ChannelError("uncertain", f"http_{answer.status}", "the answer has no error number") from None
    data = content.get("data")
    return code, data if isinstance(data, dict) else {}

"""Care of a Zalo Official Account's tokens: refresh tokens work once, so one writer refreshes and saves before use.

One row per account holds the pair. The refreshing process locks the row by a conditional write, calls, and writes the
new pair before any process uses it. If the answer is lost, so is the pair: the connection needs a human.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from shared.adapters.channels.error_table import Trouble, channel_error
from shared.adapters.provider_http import HttpClient
from shared.domain.errors import Busy, Conflict
from shared.domain.messaging.channel_errors import ChannelError
from shared.domain.vietnam_time import stamp
from shared.ports import Clause, Clock, Item, Key, Put, Table, Update, absent_or_at_most, equals

OAUTH_URL = "https://oauth.zaloapp.com"
TOKEN_PATH = "/v4/oa/access_token"  # noqa: S105 - a path
# A token is renewed after four fifths of its life: 20 of its 25 hours.
RENEW_AFTER = 0.8
# Longer than a call may take, with its connection, and the write after it.
LOCK_SECONDS = 30
SAVE_ATTEMPTS = 3
NEEDS_HUMAN = "needs_reauthorisation"
REFUSED = "no_token"

# Zalo says no without using up the refresh token; any other answer without a token may have cost it.
_NOT_USED_UP = {
    -32: Trouble("back_off", "the rate of the app is used up", "next_minute"),
    -14002: Trouble("misconfigured", "Zalo does not know this app, or it is not active"),
    -14003: Trouble("misconfigured", "the redirect address is not the one of the console"),
}


def pkce_challenge(verifier: str) -> str:
    """The challenge of a PKCE verifier of exactly 43 characters."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def permission_url(app_id: str, redirect_uri: str, verifier: str, oauth_url: str = OAUTH_URL) -> str:
    """Where an administrator of the account goes to let us in; it answers to `redirect_uri?code=…&oa_id=…`."""
    query = {"app_id": app_id, "redirect_uri": redirect_uri, "code_challenge": pkce_challenge(verifier)}
    return f"{oauth_url}/v4/oa/permission?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class _Pair:
    access: str
    refresh: str
    lives: timedelta

    def __repr__(self) -> str:
        return "_Pair(…)"


class ZaloTokens:
    """The access token of one account. `app_secret` and tokens never appear in errors, representations or logs."""

    def __init__(
        self, table: Table, *, app_id: str, app_secret: str, oa_id: str, clock: Clock, oauth_url: str = OAUTH_URL
    ) -> None:
        self._table = table
        self._app_id = app_id
        self._app_secret = app_secret
        self._key = Key(f"OATOKEN#{oa_id}", "T")
        self._clock = clock
        self._http = HttpClient(oauth_url, clock=clock)
        # What the table said last: token and when to renew it. Reading it for every message would double its cost.
        self._known: tuple[str, str] = ("", "")

    def connect(self, code: str, verifier: str) -> None:
        """Store the first pair, or the one of a renewed permission; `code` is what the administrator brought back."""
        form = {"code": code, "app_id": self._app_id, "grant_type": "authorization_code", "code_verifier": verifier}
        self._known = ("", "")
        pair = self._ask(form)
        self._table.write(Put({"pk": self._key.pk, "sk": self._key.sk, **self._fields(pair)}))

    def state(self) -> str:
        """One of: unconnected, ok, needs_reauthorisation."""
        row = self._table.get(self._key)
        return str(row["state"]) if row else "unconnected"

    def access(self) -> str:
        """A token to call with, renewed when it is getting old; raises ChannelError."""
        token, renew_at = self._known
        if token and stamp(self._clock()) < renew_at:
            return token
        return self._from_row("")

    def renewed(self, refused: str) -> str:
        """Another token than the one that Zalo just refused; raises ChannelError."""
        self._known = ("", "")
        return self._from_row(refused)

    def _from_row(self, refused: str) -> str:
        row = self._table.get(self._key)
        if row is None:
            raise ChannelError("misconfigured", "unconnected", "nobody has connected this Official Account yet")
        if row["state"] == NEEDS_HUMAN:
            raise _needs_human()
        now = self._clock()
        if row["access"] != refused and stamp(now) < row["renew_at"]:
            return self._remember(row)
        # While another process renews, or Zalo cannot be reached, an ageing token is as good as a new one.
        usable = row["access"] != refused and stamp(now) < row["expires_at"]
        held = row.get("locked_until", "")
        if held <= stamp(now) and self._lock(row, now):
            try:
                return self._refresh(row)
            except ChannelError as error:
                if error.kind != "back_off" or not usable:
                    raise
        if usable:
            return str(row["access"])
        raise ChannelError(
            "back_off", "token_refresh", "the token is being renewed", now + timedelta(seconds=LOCK_SECONDS)
        )

    def _lock(self, row: Item, now: datetime) -> bool:
        until = stamp(now + timedelta(seconds=LOCK_SECONDS))
        free = (*_unspent(row), absent_or_at_most(("locked_until",), stamp(now)))
        try:
            self._table.write(Update(self._key, set={("locked_until",): until}, when=free))
        except Conflict:
            return False
        return True

    def _refresh(self, row: Item) -> str:
        """Renew under the lock; a row that still holds the same refresh token was renewed by nobody else."""
        form = {"refresh_token": row["refresh"], "app_id": self._app_id, "grant_type": "refresh_token"}
        try:
            pair = self._ask(form)
        except ChannelError as error:
            if error.kind == "uncertain" or error.code == REFUSED:
                return self._lost(row)
            self._write(Update(self._key, remove=[("locked_until",)], when=_unspent(row)))
            raise
        new = Update(
            self._key,
            set={(name,): value for name, value in self._fields(pair).items()},
            remove=[("locked_until",)],
            when=_unspent(row),
        )
        if not self._write(new):
            return self._from_row(str(row["access"]))
        self._known = (pair.access, stamp(self._clock() + pair.lives * RENEW_AFTER))
        return pair.access

    def _lost(self, row: Item) -> str:
        mark = Update(self._key, set={("state",): NEEDS_HUMAN}, remove=[("locked_until",)], when=_unspent(row))
        if self._write(mark):
            raise _needs_human()
        # A process whose lock had run out brought a good pair after all.
        return self._from_row(str(row["access"]))

    def _write(self, update: Update) -> bool:
        """Change the row unless its condition fails; a busy table is asked again, for a pair must not be lost to it."""
        for attempt in range(1, SAVE_ATTEMPTS + 1):
            try:
                self._table.write(update)
                break
            except Conflict:
                return False
            except Busy:
                if attempt == SAVE_ATTEMPTS:
                    raise
        return True

    def _ask(self, form: dict[str, str]) -> _Pair:
        """One call to the token endpoint; the kind of its error says whether the refresh token may be used up."""
        answer = self._http.post_form(TOKEN_PATH, form, headers={"secret_key": self._app_secret}).json()
        access, refresh, lives = answer.get("access_token"), answer.get("refresh_token"), answer.get("expires_in")
        if isinstance(access, str) and isinstance(refresh, str) and access and refresh and str(lives).isdecimal():
            return _Pair(access, refresh, timedelta(seconds=int(str(lives))))
        code = answer.get("error")
        if code in _NOT_USED_UP:
            raise channel_error(_NOT_USED_UP, code, self._clock())
        raise ChannelError("misconfigured", REFUSED, f"Zalo gave no token (error {str(code)[:12]})")

    def _fields(self, pair: _Pair) -> Item:
        now = self._clock()
        return {
            "state": "ok",
            "access": pair.access,
            "refresh": pair.refresh,
            "obtained_at": stamp(now),
            "renew_at": stamp(now + pair.lives * RENEW_AFTER),
            "expires_at": stamp(now + pair.lives),
        }

    def _remember(self, row: Item) -> str:
        self._known = (str(row["access"]), str(row["renew_at"]))
        return self._known[0]


def _unspent(row: Item) -> tuple[Clause, ...]:
    return (equals(("refresh",), row["refresh"]),)


def _needs_human() -> ChannelError:
    return ChannelError("misconfigured", NEEDS_HUMAN, "an administrator has to connect the Official Account again")

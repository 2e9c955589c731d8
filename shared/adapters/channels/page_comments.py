"""Comments under the posts of a Facebook page: hidden, or answered in public (R25).

The token needs pages_manage_engagement beside what Messenger needs.
"""

from __future__ import annotations

from shared.adapters.channels.error_table import Trouble
from shared.adapters.channels.messenger import ERRORS as MESSENGER
from shared.adapters.channels.messenger import GRAPH_URL, VERSION, content_of, signed_query
from shared.adapters.provider_http import HttpClient
from shared.ports import Clock

ERRORS: dict[tuple[int, int], Trouble] = MESSENGER | {
    (100, 33): Trouble("unreachable", "the comment was deleted, or the token may not see it"),
}


class FacebookComments:
    """`ports.PageComments` by the Graph API."""

    def __init__(
        self, page_token: str, *, clock: Clock, app_secret: str = "", base_url: str = GRAPH_URL, version: str = VERSION
    ) -> None:
        self._http = HttpClient(base_url, clock=clock)
        self._version = version
        self._query = signed_query(page_token, app_secret)

    def hide(self, comment_id: str) -> None:
        self._post(comment_id, {"is_hidden": True})

    def say(self, comment_id: str, text: str) -> None:
        self._post(f"{comment_id}/comments", {"message": text})

    def _post(self, path: str, content: dict[str, object]) -> None:
        content_of(self._http.post_json(f"/{self._version}/{path}", content, query=self._query), ERRORS)

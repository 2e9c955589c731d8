"""Comments under the posts of this deployment's page, for a door: the playbook's words and the page itself."""

from __future__ import annotations

import random

from shared.domain.errors import NotFound
from shared.runtime import wiring
from shared.runtime.playbook.comments import comment_rules
from shared.use_cases.inbox.moderate_comments import Moderator


def moderate(ref: str) -> None:
    """Bring one comment as far as it goes now; raises NotFound without an account of the page."""
    from shared.adapters.channels.page_comments import FacebookComments

    outside = wiring.outside()
    account = outside.channel_accounts.get("messenger")
    if account is None:
        raise NotFound("there is no account of messenger here")
    page = FacebookComments(
        account["page_token"],
        clock=outside.clock,
        app_secret=account.get("app_secret", ""),
        **({"base_url": account["base_url"]} if "base_url" in account else {}),
    )
    Moderator(outside.table, page, comment_rules(), outside.clock, random.random).work(ref)

"""Counters of a campaign's messages by outcome."""

from __future__ import annotations

from shared.domain.campaigns.campaign import JOURNEY
from shared.domain.messaging.message import FINAL, PROGRESS, Message
from shared.ports import Table
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork

OUTCOMES = (*PROGRESS, *sorted(FINAL))


def tally(uow: UnitOfWork, before: Message, after: Message) -> None:
    """Move the counters of a campaign when one of its messages changed its outcome or cost; ignores other messages."""
    if after["journey"] != JOURNEY:
        return
    amounts = dict.fromkeys(("cost", *OUTCOMES), 0)
    amounts["cost"] = after["cost"] - before["cost"]
    for message, amount in ((before, -1), (after, 1)):
        if message["status"] in OUTCOMES:
            amounts[message["status"]] += amount
    uow.count(table_keys.campaign_tally(after["run"]), **amounts)


def counted(table: Table, campaign_id: str) -> dict[str, int]:
    """The number of messages by outcome, and their `cost` in VND."""
    item = table.get(table_keys.campaign_tally(campaign_id), consistent=False) or {}
    return {name: item.get(name, 0) for name in (*OUTCOMES, "cost")}

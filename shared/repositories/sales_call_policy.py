"""Whether staff may make a sales call to a customer, by the policy of messages: a sales call is marketing too."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.customers.profile import Profile
from shared.domain.messaging.policy import Wish, decide
from shared.domain.messaging.policy_rules import SendingRules
from shared.repositories import table_keys
from shared.repositories.policy_facts import person, situation
from shared.repositories.unit_of_work import UnitOfWork

# Reasons against a call today; hours, the daily cap and Tết only move it, and calls use no message budget.
NOT_NOW = frozenset(("complaint_open", "do_not_call_list_old"))


def why_no_sales_call(uow: UnitOfWork, members: list[Profile], rules: SendingRules, now: datetime) -> str:
    """Why a sales call is not allowed now, or "" (R10, R17, R26).

    A call needs no opt-in, only no refusal; marketing messages need consent.
    """
    uow.load([table_keys.HALT, table_keys.DO_NOT_CALL_STATE])
    known = person(members, {}, "", now)
    known = replace(known, consent={"call:marketing": True, **known.consent})
    everybody = situation(uow, now, "", {})
    decided = decide(Wish("marketing", ""), "call", known, everybody, rules.model_copy(update={"tet_rests": ()}))
    return decided.reason if decided.outcome == "suppress" or decided.reason in NOT_NOW else ""

"""The do-not-call list as a sender meets it: one last look at the number in the write that claims a message (R17)."""

from __future__ import annotations

from shared.domain.customers.profile import Profile
from shared.domain.errors import Conflict
from shared.ports import Check, Table, Update, absent
from shared.repositories import table_keys
from shared.repositories.identity_resolution import link_of_phone
from shared.repositories.unit_of_work import UnitOfWork


def require_unlisted(table: Table, uow: UnitOfWork, customer: Profile, phone: str, secret: bytes) -> None:
    """Hold the commit to the number (+84…) not being listed; raises Conflict, with the customer flagged, where it is.

    A number may have been listed before its customer was known, so the customer's flag alone is not enough.
    """
    number = table_keys.do_not_call(link_of_phone(phone, secret))
    if table.get(number):
        profile = table_keys.profile(customer["customer_id"])
        table.write(Update(profile, set={("do_not_call",): True}, add={("version",): 1}))
        raise Conflict("the number is on the do-not-call list")
    uow.also(Check(number, (absent(),)))

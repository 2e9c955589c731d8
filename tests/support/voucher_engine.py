"""One voucher in an engine without doors, and the tills that ask for it."""

from __future__ import annotations

from shared.domain.customers.identity import identity
from shared.domain.errors import Busy, Refused
from shared.domain.vouchers.voucher import Use, Voucher, read_code
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork
from shared.repositories.vouchers import issue
from shared.runtime.playbook.offers import offers
from shared.use_cases.vouchers.redeem import redeem
from tests.support.engine import SECRET, START, Engine, identify, on
from tests.support.vouchers import PHONE

CODE = "SN-22223333"


def shop(bad_manners=None):
    """An engine with one customer, who was given the code."""
    engine = Engine(bad_manners=bad_manners)
    engine.take(identify(on(0), PHONE, name="Lan"))
    with engine.honest():
        (lead,) = engine.leads()
        uow = UnitOfWork(engine.table)
        issue(uow, offers(), "birthday", lead["customer_id"], CODE, START, journey="j", run="r", step="s")
        while True:
            try:
                uow.commit()
            except Busy:
                uow = UnitOfWork(engine.table)
                continue
            return engine


def ask(engine, order_id, table=None):
    """One till: the order that holds the code afterwards, or why not. Whoever is told to try again does."""
    use = Use(order_id, engine.now, f"store of {order_id}", 500_000)
    while True:
        try:
            return redeem(engine.journeys(table), SECRET, CODE, use, identity("phone", PHONE))[1].order_id
        except Refused as refused:
            return refused.reason
        except Busy:
            continue


def stored(engine):
    return next(
        Voucher.model_validate({k: v for k, v in item.items() if k not in ("pk", "sk", "version")})
        for item in engine.items(table_keys.voucher(read_code(CODE)).pk)
    )

"""What a run wants to say is taken as new; what stands there already is neither said again nor in the way (X1)."""

from __future__ import annotations

from shared.domain.messaging.message import Intent, planned, with_log_entry
from shared.repositories import table_keys
from shared.repositories.unit_of_work import UnitOfWork
from shared.runtime.playbook.templates import templates


def test_x1_a_message_that_stands_there_already_is_not_planned_anew_and_its_run_goes_on(shop):
    lan = shop.guest(chat=True)
    shop.cart(lan, "áo linen")
    (run,) = shop.stack.table.get(table_keys.journeys_of(lan.id))["runs"].values()
    intent = Intent(lan.id, run["journey"], run["run"], "remind", templates()["cart_reminder"].purpose, "cart_reminder")
    before = with_log_entry(planned(intent, shop.now), "suppressed", "goal_reached", shop.now)
    uow = UnitOfWork(shop.stack.table)
    uow.put(table_keys.message(intent.message_id), before)
    uow.commit()
    shop.later(days=3)

    assert shop.got("abandoned_cart", lan) == []
    (message,) = shop.of("abandoned_cart")
    assert {name: message[name] for name in before} == before
    assert shop.ends(lan, "abandoned_cart") == [("abandoned_cart", "done")]

"""The product recommendations of this deployment."""

from __future__ import annotations

from datetime import datetime

from shared.domain.vietnam_time import local_day
from shared.repositories.co_purchase import CoPurchase
from shared.repositories.products import Products
from shared.runtime import wiring
from shared.runtime.playbook.offers import offers
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.suggestions import suggestion_rules
from shared.use_cases.recommendations.suggest_products import Suggester


def suggester(now: datetime) -> Suggester:
    """The suggester at this moment."""
    outside = wiring.outside()
    table, memory = outside.table, outside.memory
    return Suggester(
        table=table,
        products=Products(table, memory, now),
        together=CoPurchase(table, memory),
        rules=suggestion_rules(),
        book=offers(),
        sending=sending_rules(),
        today=local_day(now),
    )

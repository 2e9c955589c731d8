"""The weekly pass over everybody, and a table that counts what a wake costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from shared.repositories.profiles import RulesToday
from shared.use_cases.segments.weekly_cutoffs import publish, relabel_pass
from tests.support.engine import RULES


class Counted:
    """Counts what a table is asked for."""

    def __init__(self, table):
        self._table, self.operations = table, Counter()

    def __getattr__(self, name):
        operation = getattr(self._table, name)
        if not callable(operation):
            return operation

        def counted(*args, **options):
            self.operations[name] += 1
            return operation(*args, **options)

        return counted


def weekly(engine, pages=1000):
    """The weekly pass; answers with the ruling now in force."""
    rules_today = engine.rules_today
    cutoffs = publish(engine.table, rules_today, engine.now)
    journeys = replace(engine.journeys(), rules_today=RulesToday(RULES, cutoffs, rules_today.today))
    return journeys, relabel_pass(journeys, pages=pages)

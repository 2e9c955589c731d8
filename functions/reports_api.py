"""Door: reports. KPIs and the facts behind them, campaigns and journeys with their proof, funnels, spending."""

from __future__ import annotations

from datetime import date, timedelta

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.field_reader import Reader
from shared.domain.errors import FieldError, Forbidden, Invalid, NotFound
from shared.domain.reports.kpi import CUTS
from shared.domain.vietnam_time import local_day, read_day
from shared.runtime import wiring
from shared.runtime.http import HttpDoor, answer, listing
from shared.runtime.kpi_files import kpis
from shared.use_cases.reports import read
from shared.use_cases.reports.spend import report_spend

# A period of a report, and what it is where none is named: the last four weeks with today.
LONGEST, USUAL = 400, 28

handler = HttpDoor()


@handler.routes.get("/v1/reports/kpis")
def get_kpis() -> Response[str]:
    query = _query()
    first, last = _period(query)
    by = query.get("by", "")
    if by and by not in ("day", *CUTS):
        raise Invalid([FieldError("by", f"is one of day, {', '.join(CUTS)}")])
    return answer(read.kpis(wiring.outside().table, kpis(), first, last, by=by, wanted=_cut(query)))


@handler.routes.get("/v1/reports/kpis/<kpi>/facts")
def get_facts(kpi: str) -> Response[str]:
    """The facts that a figure is the sum of, from the lake itself."""
    if kpi not in kpis():
        raise NotFound(f"there is no KPI {kpi}")
    query = _query()
    first, last = _period(query)
    limit, start = handler.page()
    # The lake's own libraries are loaded by this call alone.
    from shared.runtime.factories.reports import facts_behind

    after = int(start) if start and start.isdigit() else 0
    found = facts_behind(kpi, first, last, _cut(query), limit=limit + 1, after=after)
    return listing(found[:limit], str(after + limit) if len(found) > limit else None)


@handler.routes.get("/v1/reports/campaigns")
def get_campaigns() -> Response[str]:
    _whole_chain()
    return answer(read.campaigns(wiring.outside().table, *_period(_query())))


@handler.routes.get("/v1/reports/funnel")
def get_funnel() -> Response[str]:
    _whole_chain()
    query = _query()
    if not (journey := query.get("journey", "")):
        raise Invalid([FieldError("journey", "names the journey")])
    return answer(read.funnel(wiring.outside().table, journey, *_period(query)))


@handler.routes.put("/v1/reports/spend")
def put_spend() -> Response[str]:
    """Money spent outside of us; the same day, purpose, channel and campaign again replaces what was reported."""
    _whole_chain()
    outside = wiring.outside()
    return answer(report_spend(outside.table, handler.json(), local_day(outside.clock())))


def _query() -> dict[str, str]:
    return handler.event.get("queryStringParameters") or {}


def _period(query: dict[str, str]) -> tuple[date, date]:
    """`from` and `to`, both local days and both included; raises Invalid."""
    given = Reader()
    today = local_day(wiring.outside().clock())
    days: dict[str, date] = {"to": today}
    for name in ("to", "from"):
        if name in query:
            try:
                days[name] = read_day(query[name])
            except ValueError:
                given.wrong(name, "must be a day such as 2026-11-21")
    last = days["to"]
    first = days.get("from", last - timedelta(days=USUAL - 1))
    if not given.errors and not timedelta() <= last - first < timedelta(days=LONGEST):
        given.wrong("from", f"must be at or before `to`, and within {LONGEST} days")
    if given.errors:
        raise Invalid(given.errors)
    return first, last


def _cut(query: dict[str, str]) -> dict[str, str]:
    """The store, channel or segment asked for; a key with stores sees one of its own."""
    wanted = {name: query[name] for name in CUTS if name in query}
    stores = handler.caller.stores if handler.caller else frozenset()
    if stores:
        wanted.setdefault("store", min(stores) if len(stores) == 1 else "")
        if wanted["store"] not in stores:
            raise Forbidden("the key sees its own stores only: name one of them as `store`")
    return wanted


def _whole_chain() -> None:
    """Figures that are not kept by store are for keys without stores."""
    if handler.caller and handler.caller.stores:
        raise Forbidden("these figures are of the whole chain")

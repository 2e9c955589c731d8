"""Every KPI once more, in plain Python over the facts: (numerator, denominator) of a period, by another way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from shared.domain.vietnam_time import local_day, moment
from tests.reports.lake_of_facts import Fact, Lake

Parts = tuple[int, int]
# Channels whose providers tell that a message was opened.
TELLS_OPENS = ("email", "zalo", "zns", "messenger", "whatsapp")


class Period:
    """The facts of a lake, seen from one period of local days."""

    def __init__(self, lake: Lake, first: date, last: date) -> None:
        self.first, self.last = first, last
        self.orders = lake.latest("order")
        self.messages = lake.latest("message")
        self.tickets = lake.latest("ticket")
        self.surveys = lake.latest("survey")
        self.segments = lake.latest("segment")
        self.customers = lake.latest("customer")
        self.spends = lake.latest("spend")
        self.engagements = lake.latest("engagement")

    def inside(self, day: str) -> bool:
        return self.first.isoformat() <= day <= self.last.isoformat()

    def sales(self) -> list[Fact]:
        return [o for o in self.orders if o["total"] > 0 and o["status"] != "cancelled" and self.inside(o["day"])]

    def bought(self, until: str = "~") -> dict[str, list[Fact]]:
        """The purchases of each customer, in order of time."""
        found: dict[str, list[Fact]] = {}
        for order in sorted(self.orders, key=lambda o: (o["at"], o["fact_id"])):
            if order["customer_id"] and order["counts"] and order["day"] <= until:
                found.setdefault(order["customer_id"], []).append(order)
        return found

    def sent(self, *purposes: str) -> list[Fact]:
        return [
            m for m in self.messages
            if m["sent_at"] and self.inside(local_day(moment(m["sent_at"])).isoformat())
            and (not purposes or m["purpose"] in purposes)
        ]  # fmt: skip

    def leading(self) -> list[Fact]:
        return [c for c in self.customers if c["lead"] == c["fact_id"]]

    def known_before(self) -> int:
        return sum(c["day"] < self.first.isoformat() for c in self.leading())

    def asked(self, survey: str) -> list[int]:
        return [s["score"] for s in self.surveys if s["survey"] == survey and self.inside(s["day"])]

    def opened_tickets(self) -> list[Fact]:
        return [t for t in self.tickets if self.inside(t["day"])]

    def firsts(self) -> list[Fact]:
        return [one[0] for one in self.bought().values() if self.inside(one[0]["day"])]


def _csat(p: Period) -> Parts:
    return sum(score >= 4 for score in p.asked("csat")), len(p.asked("csat"))


def _nps(p: Period) -> Parts:
    scores = p.asked("nps")
    return sum(s >= 9 for s in scores) - sum(s <= 6 for s in scores), len(scores)


def _clv(p: Period) -> Parts:
    bought = p.bought(p.last.isoformat())
    return sum(o["kept"] for one in bought.values() for o in one), len(bought)


def _clv_margin(p: Period) -> Parts:
    known = {
        who: [o["margin"] for o in one if o["margin"] is not None] for who, one in p.bought(p.last.isoformat()).items()
    }
    return sum(map(sum, known.values())), sum(bool(margins) for margins in known.values())


def _repeat_rate(p: Period) -> Parts:
    bought = p.bought(p.last.isoformat())
    return sum(len(one) >= 2 for one in bought.values()), len(bought)


def _churn(p: Period) -> Parts:
    lost = sum(
        s["lifecycle"] == "lost" and s["lifecycle_before"] not in (None, "lost", "prospect") and p.inside(s["day"])
        for s in p.segments
    )
    stands: dict[str, Fact] = {}
    for change in sorted(p.segments, key=lambda s: (s["at"], s["version"])):
        if change["day"] < p.first.isoformat():
            stands[change["customer_id"]] = change
    return lost, sum(s["lifecycle"] not in ("prospect", "lost") for s in stands.values())


def _frt(p: Period, *names: str) -> Parts:
    waits = [[t[name] for name in names if t[name] is not None] for t in p.opened_tickets()]
    answered = [min(one) for one in waits if one]
    return sum(answered), len(answered)


def _handling(p: Period) -> Parts:
    times = [t["handled_seconds"] for t in p.opened_tickets() if t["handled_seconds"] is not None]
    return sum(times), len(times)


def _revenue_per_ticket(p: Period) -> Parts:
    served = [t for t in p.tickets if t["served_at"]]
    answered = [t for t in served if p.inside(local_day(moment(t["served_at"])).isoformat())]
    credited = 0
    for order in p.orders:
        if order["total"] <= 0 or order["exchange"] or not order["customer_id"]:
            continue
        at = moment(order["at"])
        windows = [
            (t["served_at"], t["fact_id"]) for t in served
            if t["customer_id"] == order["customer_id"] and not t["credit_excluded"]
            and moment(t["served_at"]) < at <= moment(t["served_at"]) + timedelta(days=7)
        ]  # fmt: skip
        if windows and p.inside(local_day(moment(max(windows)[0])).isoformat()):
            credited += order["kept"]
    return credited, len(answered)


def _repurchase(p: Period) -> Parts:
    sent, bought = p.sent("marketing"), p.bought()
    came = sum(
        any(
            moment(m["sent_at"]) < moment(o["at"]) <= moment(m["sent_at"]) + timedelta(days=14)
            for o in bought.get(m["customer_id"], ())
        )
        for m in sent
    )
    return came, len(sent)


def _rate(p: Period, *names: str, channels: tuple[str, ...] = ()) -> Parts:
    sent = [m for m in p.sent("marketing", "service") if not channels or m["channel"] in channels]
    return sum(any(m[name] for name in names) for m in sent), len(sent)


def _cost(p: Period, *purposes: str) -> int:
    found = 0
    for m in p.messages:
        day = local_day(moment(m["sent_at"])).isoformat() if m["sent_at"] else m["day"]
        found += m["cost"] if p.inside(day) and (not purposes or m["purpose"] in purposes) else 0
    return found


def _old(p: Period) -> Parts:
    first = {who: one[0]["at"] for who, one in p.bought().items()}
    kept = [o for o in p.orders if o["customer_id"] and p.inside(o["day"])]
    old = sum(o["kept"] for o in kept if first.get(o["customer_id"], "~") < o["at"])
    return old, sum(o["kept"] for o in kept)


def _returning(p: Period) -> int:
    return sum(p.inside(o["day"]) for one in p.bought().values() for o in one[1:])


def _fake_phones(p: Period) -> Parts:
    till = [o for o in p.sales() if o["cashier"] or o["bad_phone"]]
    return sum(o["bad_phone"] for o in till), len(till)


def _reachable(p: Period) -> Parts:
    known = [c for c in p.leading() if c["day"] <= p.last.isoformat()]
    return sum(bool(c["consented"]) for c in known), len(known)


def _spent(p: Period, *purposes: str) -> int:
    return sum(s["amount"] for s in p.spends if s["purpose"] in purposes and p.inside(s["day"]))


def _engaged(p: Period) -> Parts:
    theirs = [e for e in p.engagements if not e["backfill"] and e["source"] != "staff" and p.inside(e["day"])]
    met = {(e["customer_id"], e["day"]) for e in theirs if e["type"] in ("page", "screen", "track")}
    return len(met), p.known_before()


BRUTE: dict[str, Callable[[Period], Parts]] = {
    "csat": _csat,
    "nps": _nps,
    "clv": _clv,
    "clv_margin": _clv_margin,
    "repeat_rate": _repeat_rate,
    "churn": _churn,
    "frt": lambda p: _frt(p, "first_response_seconds", "bot_first_response_seconds"),
    "frt_people": lambda p: _frt(p, "first_response_seconds"),
    "frt_bot": lambda p: _frt(p, "bot_first_response_seconds"),
    "unanswered": lambda p: (sum(not t["served_at"] for t in p.opened_tickets()), len(p.opened_tickets())),
    "handling_time": _handling,
    "complaint_rate": lambda p: (sum(t["complaint"] for t in p.opened_tickets()), len(p.sales())),
    "return_rate": lambda p: (
        sum(o["status"] in ("returned", "refunded", "partly_refunded") for o in p.sales()),
        len(p.sales()),
    ),
    "revenue": lambda p: (sum(o["kept"] for o in p.orders if p.inside(o["day"])), 0),
    "revenue_old_customers": _old,
    "identified": lambda p: (
        sum(o["kept"] for o in p.orders if o["customer_id"] and p.inside(o["day"])),
        sum(o["kept"] for o in p.orders if p.inside(o["day"])),
    ),
    "revenue_per_ticket": _revenue_per_ticket,
    "open_rate": lambda p: _rate(p, "opened_at", "clicked_at", "replied_at", channels=TELLS_OPENS),
    "click_rate": lambda p: _rate(p, "clicked_at"),
    "reply_rate": lambda p: _rate(p, "replied_at"),
    "repurchase_rate": _repurchase,
    "message_cost": lambda p: (_cost(p), len(p.sent())),
    "cost_per_customer": lambda p: (_cost(p), p.known_before()),
    "fake_phones": _fake_phones,
    "reachable": _reachable,
    "acquisition_cost": lambda p: (_spent(p, "ads", "acquisition"), len(p.firsts())),
    "retention_cost": lambda p: (_cost(p, "marketing", "service"), _returning(p)),
    "roas": lambda p: (sum(o["kept"] for o in p.firsts()), _spent(p, "ads")),
    "engagement": _engaged,
}

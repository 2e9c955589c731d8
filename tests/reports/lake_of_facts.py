"""A lake of made-up facts with all that goes wrong in one, and the facts as a careful reader would take them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from shared.domain.facts.schema import KINDS, Kind, columns
from shared.domain.vietnam_time import day_start, local_day, stamp

Fact = dict[str, Any]

FIRST = date(2026, 9, 1)
DAYS = 60


class Lake:
    """Facts by kind, as they were told: versions in any order, some taken back."""

    def __init__(self) -> None:
        self.told: dict[Kind, list[Fact]] = {kind: [] for kind in KINDS}

    def tell(self, kind: Kind, fact_id: str, at: datetime, version: int = 1, **values: Any) -> None:
        fact: Fact = dict.fromkeys(columns(kind))
        fact |= {"fact_id": fact_id, "version": f"{version:05d}", "deleted": False, "at": stamp(at)}
        fact["day"] = local_day(at).isoformat()
        unknown = values.keys() - fact.keys()
        assert not unknown, unknown
        self.told[kind].append(fact | values)

    def latest(self, kind: Kind) -> list[Fact]:
        """The facts that hold, with customers folded to the one who leads."""
        best: dict[str, Fact] = {}
        for fact in self.told[kind]:
            if fact["fact_id"] not in best or fact["version"] > best[fact["fact_id"]]["version"]:
                best[fact["fact_id"]] = fact
        found = [dict(fact) for fact in best.values() if not fact["deleted"]]
        if kind != "customer":
            for fact in found:
                if fact.get("customer_id"):
                    fact["customer_id"] = self.lead(fact["customer_id"])
        return found

    def lead(self, customer_id: str) -> str:
        leads = {fact["fact_id"]: fact["lead"] for fact in self.latest("customer")}
        while leads.get(customer_id, customer_id) != customer_id:
            customer_id = leads[customer_id]
        return customer_id

    def files(self, folder: Path, random: Random) -> dict[Kind, list[Path]]:
        """The facts as raw objects, shuffled, some of them twice."""
        found: dict[Kind, list[Path]] = {}
        for kind, facts in self.told.items():
            lines = [fact for fact in facts for _ in range(random.choice((1, 1, 2)))]
            random.shuffle(lines)
            found[kind] = []
            for number in range(0, len(lines), 40):
                path = folder / f"{kind}-{number}.jsonl.gz"
                path.write_bytes(gzip.compress(_lines(lines[number : number + 40])))
                found[kind].append(path)
        return found


def _lines(facts: Iterable[Fact]) -> bytes:
    # As the writer of facts does, which leaves out what is unknown.
    return "".join(
        json.dumps({name: value for name, value in fact.items() if value is not None}) + "\n" for fact in facts
    ).encode()


def made_up(seed: int) -> Lake:
    """Two months of a shop with twenty customers; times fall on midnights and on the ends of windows as well."""
    random, lake = Random(seed), Lake()
    people = [f"c{number}" for number in range(20)]
    stores = ["Q1", "Q3", None]

    def moment() -> datetime:
        at = day_start(FIRST) + timedelta(days=random.randrange(DAYS))
        return at + random.choice(
            (timedelta(), timedelta(milliseconds=-1), timedelta(seconds=random.randrange(86_400)))
        )

    for number, who in enumerate(people):
        lead = random.choice(people[:number]) if number and random.random() < 0.2 else who
        made = day_start(FIRST) + timedelta(days=random.randrange(-30, DAYS), hours=random.randrange(24))
        for version in range(random.randint(1, 3)):
            lake.tell(
                "customer", who, made, version, customer_id=who, lead=who if version == 0 else lead,
                store=random.choice(stores), lifecycle=random.choice(("new", "active", None)),
                value=random.choice(("vip", "loyal", "regular", "one_time", "none", None)),
                consented=random.choice((None, "sms_ad,zns")), held_out=random.random() < 0.2,
            )  # fmt: skip
    for number in range(150):
        total, at = random.choice((0, 100_000, 350_000, 1_200_000, -90_000)), moment()
        for version in range(random.randint(1, 3)):
            kept = random.choice((0, total, total // 2))
            lake.tell(
                "order", f"o{number}", at, version, deleted=random.random() < 0.03,
                customer_id=random.choice([*people, None]), store=random.choice(stores),
                channel=random.choice(("store", "online", None)), cashier=random.choice(("an", "binh", None)),
                total=total, kept=kept, counts=kept > 0, exchange=random.random() < 0.1,
                status=random.choice(("placed", "delivered", "cancelled", "returned", "partly_refunded")),
                bad_phone=random.random() < 0.1, margin=random.choice((None, kept // 3)), backfill=False,
            )  # fmt: skip
    for number in range(80):
        planned, sent = moment(), random.random() < 0.8
        sent_at = planned + timedelta(hours=random.choice((0, 1, 30))) if sent else None

        def later(at: datetime | None, chance: float) -> str | None:
            return stamp(at + timedelta(hours=1)) if at and random.random() < chance else None

        lake.tell(
            "message", f"m{number}", planned, random.randint(1, 3), customer_id=random.choice(people),
            journey=random.choice(("winback_30", "birthday", "campaign")), run=f"k{number % 3}",
            purpose=random.choice(("marketing", "service", "transactional")),
            channel=random.choice(("email", "zns", "sms_ad")), status="sent" if sent else "suppressed",
            cost=random.choice((0, 300)) if sent else 0, sent_at=sent_at and stamp(sent_at),
            opened_at=later(sent_at, 0.4), clicked_at=later(sent_at, 0.2), replied_at=later(sent_at, 0.1),
        )  # fmt: skip
    for number in range(60):
        at, who = moment(), random.choice(people)
        people_seconds, bot_seconds = random.choice((None, 60, 4000)), random.choice((None, 2))
        first = min((s for s in (people_seconds, bot_seconds) if s is not None), default=None)
        resolved = random.random() < 0.5
        lake.tell(
            "ticket", f"t{number}", at, random.randint(1, 4), customer_id=who, channel=random.choice(("zalo", "web")),
            store=random.choice(stores), complaint=random.random() < 0.3, credit_excluded=random.random() < 0.2,
            first_response_seconds=people_seconds, bot_first_response_seconds=bot_seconds,
            served_at=None if first is None else stamp(at + timedelta(seconds=first)),
            handled_seconds=random.randrange(90_000) if resolved else None,
        )  # fmt: skip
        if resolved:
            lake.tell("survey", f"s{number}", moment(), customer_id=who, survey=random.choice(("csat", "nps")),
                      score=random.randint(1, 5), store=random.choice(stores), channel="zalo")  # fmt: skip
    for number in range(40):
        lake.tell("survey", f"n{number}", moment(), customer_id=random.choice(people), survey="nps",
                  score=random.randint(0, 10), channel="email")  # fmt: skip
    for who in people:
        before: str | None = None
        at = day_start(FIRST) + timedelta(hours=random.randrange(48))
        for number in range(random.randint(0, 5)):
            now = random.choice(("prospect", "new", "active", "lapsed_90", "lost"))
            lake.tell("segment", f"{who}#{number}", at, number, customer_id=who, lifecycle=now, lifecycle_before=before,
                      value="regular")  # fmt: skip
            before, at = now, at + timedelta(days=random.randint(1, 20), hours=1)
    for number in range(12):
        at = day_start(FIRST) + timedelta(days=number * 4)
        purpose = random.choice(("ads", "acquisition", "other"))
        lake.tell("spend", f"x{number}", at, purpose=purpose, amount=random.randrange(1_000_000))
    for number in range(60):
        lake.tell("engagement", f"e{number}", moment(), customer_id=random.choice(people),
                  type=random.choice(("page", "track", "journey")), name="Product Viewed",
                  source=random.choice((None, "web", "staff")),
                  backfill=random.random() < 0.2)  # fmt: skip
    for number in range(60):
        lake.tell("journey_step", f"j{number}", moment(), customer_id=random.choice(people),
                  journey=random.choice(("winback_30", "birthday")), run=f"r{number}",
                  arm=random.choice(("live", "live", "holdout")), event=random.choice(("entered", "entered", "step")),
                  step="hello")  # fmt: skip
    return lake

"""The demo's picture in the terminal: tables, and bars made of blocks."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.local.demo.api_client import OUTAGES
from infra.local.demo.figures import worded
from infra.local.demo.phone_view import Deed, Phone
from infra.local.demo.results import SHOWN_OF_WINBACK, Campaigned, Picture
from infra.local.demo.texts import (
    Words,
    action,
    channel,
    count,
    day_month,
    days_months,
    ended,
    intent,
    label,
    outcome,
    reason,
    say,
    share,
    short_vnd,
    status,
    ticket_note,
    vnd_sum,
)
from shared.domain.segments.segmentation import LIFECYCLE, TAGS, VALUE

COLORS = {
    "prospect": "grey50",
    "new": "deep_sky_blue1",
    "active": "green3",
    "lapsed_30": "gold1",
    "lapsed_60": "dark_orange",
    "lapsed_90": "red1",
    "lost": "grey37",
    "vip": "medium_purple1",
    "loyal": "slate_blue1",
    "regular": "steel_blue1",
    "one_time": "light_steel_blue",
    "none": "grey50",
}
BLOCKS = " ▁▂▃▄▅▆▇█"
# So much of a message says which it is.
BUBBLE = 110


def show(picture: Picture, console: Console) -> None:
    """Print everything; in Vietnamese, with the English word behind."""
    console.print()
    console.print(Panel(_headline(picture), title=f"[bold]{say('title').vi}[/bold] · {say('title').en}", expand=False))
    for table in (
        _labels(picture, say("lifecycle"), LIFECYCLE, console.width),
        _labels(picture, say("value"), VALUE, console.width),
        _labels(picture, say("tags"), TAGS, console.width),
        _months(picture),
        _cashiers(picture),
        _journeys(picture),
        *([_phone(picture.phone)] if picture.phone else []),
        _vouchers(picture),
        _tasks(picture),
        *([_tickets(picture)] if picture.tickets else []),
        *([_campaign(picture.campaign)] if picture.campaign else []),
        _winback(picture),
        _messages(picture),
        _turns(picture),
        _kpis(picture),
        _proofs(picture),
        _meter(picture),
    ):
        console.print()
        console.print(table)


def _headline(picture: Picture) -> RenderableType:
    grid = Table.grid(padding=(0, 3))
    for key, value in (
        ("customers", count(picture.customers)),
        ("revenue", f"{short_vnd(picture.revenue)} ₫"),
        ("identified", share(picture.named, picture.revenue)),
        ("returning", share(picture.returning, picture.customers)),
        ("at_risk", count(picture.labels["at_risk"])),
        ("messages_total", f"{count(picture.sent_count)} · {vnd_sum(picture.message_cost)}"),
    ):
        grid.add_row(_both(say(key)), Text(value, style="bold"))
    days = f"{day_month(picture.first)} – {day_month(picture.last)}"
    speed = f"{count(picture.events)} sự kiện / events, {picture.seconds:.0f} s"
    return Group(Text(f"{days}: {speed}", style="dim"), Text(), grid)


def _labels(picture: Picture, title: Words, labels: tuple[str, ...], width: int) -> Table:
    # A narrow terminal gets every second or third week.
    step = -(-len(picture.weeks) // max(10, width - 44))
    table = _table(title)
    table.add_column("", min_width=30)
    table.add_column("", justify="right", min_width=5)
    table.add_column(f"{day_month(picture.weeks[0].day)} → {day_month(picture.weeks[-1].day)}")
    for name in labels:
        over_time = [week.labels[name] for week in picture.weeks[::-step]][::-1]
        table.add_row(
            _both(label(name)), count(over_time[-1]), Text(_sparkline(over_time), style=COLORS.get(name, "gold1"))
        )
    return table


def _months(picture: Picture) -> Table:
    table = _table(say("months"))
    table.add_column("")
    table.add_column(say("revenue").vi, justify="right")
    table.add_column(say("identified").vi, justify="right")
    table.add_column(f"█ {say('named').vi}  ░ {say('walk_in').vi}")
    highest = max(month.revenue for month in picture.months)
    for month in picture.months:
        named = round(40 * max(0, month.named) / highest)
        rest = max(0, round(40 * month.revenue / highest) - named)
        bar = Text("█" * named, style="steel_blue1") + Text("░" * rest, style="grey50")
        table.add_row(f"{month.first:%m/%Y}", f"{short_vnd(month.revenue)} ₫", share(month.named, month.revenue), bar)
    return table


def _cashiers(picture: Picture) -> Table:
    table = _table(say("cashiers"))
    for key in ("cashier", "store"):
        table.add_column(say(key).vi)
    for key in ("orders", "bad"):
        table.add_column(say(key).vi, justify="right")
    table.add_column("%", justify="right")
    table.add_column("")
    for one in picture.cashiers:
        percent = 100 * one.fakes / max(1, one.orders)
        bar = Text("█" * round(percent * 2), style="red1")
        table.add_row(one.name, one.store, count(one.orders), count(one.fakes), f"{percent:.1f}".replace(".", ","), bar)
    return table


def _winback(picture: Picture) -> Table:
    table = _table(say("winback").filled(day=day_month(picture.weeks[-1].day)))
    for key in ("name", "store", "tier"):
        table.add_column(say(key).vi)
    table.add_column(say("risk").vi, justify="right")
    table.add_column(say("action").vi)
    table.add_column(say("reason").vi, max_width=64)
    for entry in picture.winback[:SHOWN_OF_WINBACK]:
        table.add_row(
            entry["name"] or "–",
            entry["store"] or "–",
            label(entry["value"]).vi,
            f"{short_vnd(entry['value_at_risk'])} ₫",
            action(entry["action"]).vi,
            entry["reason"],
        )
    shown = min(SHOWN_OF_WINBACK, len(picture.winback))
    table.caption = say("winback_note").filled(listed=len(picture.winback), shown=shown).vi
    return table


def _messages(picture: Picture) -> Table:
    table = _table(say("messages"))
    for key in ("channel", "outcome", "why"):
        table.add_column(say(key).vi)
    for key in ("sent_count", "spent"):
        table.add_column(say(key).vi, justify="right")
    for tally in picture.messages:
        outcome = (channel(tally.channel), status(tally.status), reason(tally.reason))
        table.add_row(*(words.vi for words in outcome), count(tally.messages), vnd_sum(tally.cost))
    table.add_row(say("total").vi, "", "", count(picture.message_count), vnd_sum(picture.message_cost), style="bold")
    table.caption = say("messages_note").filled(count=count(picture.message_count)).vi
    return table


def _turns(picture: Picture) -> Table:
    table = _table(say("turns"))
    for key in ("channel", "why"):
        table.add_column(say(key).vi)
    table.add_column(say("sent_count").vi, justify="right")
    for turn in picture.turns:
        table.add_row(channel(turn.channel).vi, reason(turn.reason).vi, count(turn.messages))
    table.caption = say("turns_note").filled(days=days_months(OUTAGES)).vi
    return table


def _journeys(picture: Picture) -> Table:
    table = _table(say("journeys"))
    table.add_column(say("journey").vi)
    for key in ("entered", "sent_kept", "converted", "held_out", "inside", "spent"):
        table.add_column(say(key).vi, justify="right")
    table.add_column(say("ended_why").vi, style="dim")
    for row in picture.journeys:
        held = share(row.holdout.converted, row.holdout.entered)
        said = sorted(row.live.ended.items(), key=lambda one: (-one[1], one[0]))
        table.add_row(
            row.title.vi,
            count(row.live.entered),
            f"{count(row.sent)} / {count(row.unsent)}",
            share(row.live.converted, row.live.entered) if row.aimed else "–",
            f"{count(row.holdout.entered)} ({held})" if row.holdout.entered else "–",
            count(row.inside),
            vnd_sum(row.cost),
            " · ".join(f"{ended(why).vi} {count(number)}" for why, number in said),
        )
    table.caption = say("journeys_note").filled(entered=count(picture.entered), count=len(picture.journeys)).vi
    return table


def _vouchers(picture: Picture) -> Table:
    table = _table(say("vouchers"))
    table.add_column(say("offer").vi)
    for key in ("issued", "redeemed", "expired_count", "open_count", "given", "liability"):
        table.add_column(say(key).vi, justify="right")
    for row in picture.vouchers:
        numbers = (count(one) for one in (row.issued, row.redeemed, row.expired, row.open))
        table.add_row(row.title.vi, *numbers, vnd_sum(row.given), vnd_sum(row.liability))
    table.caption = say("vouchers_note").vi
    return table


def _tasks(picture: Picture) -> Table:
    table = _table(say("tasks"))
    table.add_column(say("task").vi)
    for key in ("opened_count", "open_tasks"):
        table.add_column(say(key).vi, justify="right")
    table.add_column(say("outcomes_of").vi, style="dim")
    for row in picture.tasks:
        said = " · ".join(f"{outcome(name).vi} {count(number)}" for name, number in row.outcomes.items())
        table.add_row(row.title.vi, count(row.opened), count(row.open), said)
    table.caption = say("tasks_note").vi
    return table


def _tickets(picture: Picture) -> Table:
    table = _table(say("tickets"))
    table.add_column(say("matter").vi)
    for key in ("ticket_count", "by_bot", "missed_count", "answer_minutes"):
        table.add_column(say(key).vi, justify="right")
    for row in picture.tickets:
        waited = "–" if row.minutes is None else count(row.minutes)
        table.add_row(intent(row.intent).vi, count(row.tickets), count(row.bot), count(row.missed), waited)
    table.caption = ticket_note(picture.per_ticket).vi
    return table


def _campaign(campaign: Campaigned) -> Table:
    table = _table(say("campaign").filled(name=campaign.name))
    table.add_column("")
    for key in ("previewed", "real"):
        table.add_column(say(key).vi, justify="right")
    for key, promised, real in campaign.figures:
        amount = vnd_sum if key == "spent" else count
        table.add_row(say(key).vi, amount(promised), amount(real))
    table.caption = say("campaign_note").filled(day=day_month(campaign.day)).vi
    return table


def _phone(phone: Phone) -> Table:
    table = _table(say("phone"))
    table.add_column("", no_wrap=True)
    table.add_column(say("channel").vi)
    table.add_column(phone.name)
    for one in phone.shown:
        if isinstance(one, Deed):
            table.add_row(f"{one.at:%d/%m %H:%M}", "", Text(f"↩ {say(one.what).filled(**one.figures).vi}", "italic"))
            continue
        said = " ".join(one.text.split())
        short = said if len(said) <= BUBBLE else f"{said[: BUBBLE - 1]}…"
        kept = f"{say('not_sent').vi}: {reason(one.reason).vi}"
        body = Text.assemble((f"{one.journey.vi}. ", "bold"), short or kept)
        way = f"{channel(one.channel).vi}, {status(one.status).vi.lower()}" if short else ""
        table.add_row(f"{one.at:%d/%m %H:%M}", way, body, style="" if short else "dim")
    got = sum(bool(bubble.text) for bubble in phone.bubbles)
    table.caption = say("phone_note").filled(name=phone.name, got=got, kept=len(phone.bubbles) - got).vi
    return table


def _kpis(picture: Picture) -> Table:
    table = _table(say("kpis"))
    table.add_column("")
    table.add_column(say("figure").vi, justify="right")
    table.add_column(say("parts").vi, justify="right", style="dim")
    for one in picture.kpis:
        table.add_row(_both(one.title), Text(one.value, style="bold"), one.parts)
    table.caption = say("kpis_note").vi
    return table


def _proofs(picture: Picture) -> Table:
    table = _table(say("proofs"))
    table.add_column(say("journey").vi)
    for key in ("targeted", "bought_of", "held_out", "spent", "credited", "caused"):
        table.add_column(say(key).vi, justify="right")
    table.add_column("", min_width=24)
    for one in picture.proofs:
        style = {"works": "green3", "harms": "red1"}.get(one.verdict, "dim")
        lift = "–" if one.lift is None else f"{one.lift:+.1f} [{one.low:+.1f}; {one.high:+.1f}]".replace(".", ",")
        held = f"{count(one.held)} ({worded(one.held_cr, '%')})" if one.held else "–"
        table.add_row(
            one.title.vi,
            count(one.targeted),
            worded(one.cr, "%"),
            held,
            vnd_sum(one.cost),
            vnd_sum(one.revenue),
            lift,
            Text(one.said.vi, style=style),
        )
    table.caption = say("proofs_note").vi
    return table


def _meter(picture: Picture) -> Table:
    table = _table(say("meter"))
    table.add_column(say("door").vi)
    keys = {"requests": "requests", "reads": "read_units", "writes": "write_units", "sends": "queue_sends"}
    for key in keys:
        table.add_column(say(key).vi, justify="right")
    for door, use in picture.meter.items():
        table.add_row(door, *(count(use[name]) for name in keys.values()))
    cost = f"{picture.cost_per_thousand():.2f} USD".replace(".", ",")
    messages = f"{vnd_sum(round(picture.messages_per_thousand()))} {say('cost_messages').vi}"
    each = f"{picture.cost_per_customer_and_month():.5f} USD".replace(".", ",")
    table.caption = f"{cost} {say('cost').vi}; {each} {say('cost_each').vi}; {messages}. {say('meter_note').vi}"
    return table


def _table(title: Words) -> Table:
    return Table(
        title=Text.assemble((title.vi, "bold"), (f"  {title.en}", "dim")),
        title_justify="left",
        caption_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        header_style="dim",
    )


def _both(words: Words) -> Text:
    return Text.assemble(words.vi, (f"  {words.en}", "dim"))


def _sparkline(values: list[int]) -> str:
    highest = max(*values, 1)
    return "".join(BLOCKS[-(-value * (len(BLOCKS) - 1) // highest)] for value in values)

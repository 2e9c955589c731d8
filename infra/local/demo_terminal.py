"""The demo's picture in the terminal: tables, and bars made of blocks."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.local.demo import OUTAGES, SHOWN_OF_WINBACK, Phone, Picture
from infra.local.demo_words import (
    Words,
    action,
    channel,
    count,
    day_month,
    days_months,
    label,
    reason,
    say,
    share,
    short_vnd,
    status,
    vnd_sum,
)
from shared.domain.segmentation import LIFECYCLE, TAGS, VALUE

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
        _winback(picture),
        _messages(picture),
        _turns(picture),
        *([_phone(picture.phone)] if picture.phone else []),
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
        ("messages_total", f"{count(picture.message_count)} · {vnd_sum(picture.message_cost)}"),
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


def _phone(phone: Phone) -> Table:
    table = _table(say("phone"))
    table.add_column("", no_wrap=True)
    table.add_column(say("channel").vi)
    table.add_column(say("outcome").vi)
    table.add_column(phone.name)
    for bubble in phone.bubbles:
        said = " ".join(bubble.text.split()) or reason(bubble.reason).vi
        short = said if len(said) <= BUBBLE else f"{said[: BUBBLE - 1]}…"
        table.add_row(f"{bubble.at:%d/%m %H:%M}", channel(bubble.channel).vi, status(bubble.status).vi, short)
    table.caption = say("phone_note").filled(name=phone.name).vi
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
    table.caption = f"{cost} {say('cost').vi}; {messages}. {say('meter_note').vi}"
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

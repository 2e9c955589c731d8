"""The demo's picture as one HTML page without any other file: Vietnamese first, for light, dark, desk and phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from infra.local import svg
from infra.local.demo import OUTAGES, SHOWN_OF_WINBACK, Bubble, Picture
from infra.local.demo_words import (
    Words,
    action,
    axis_vnd,
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
from infra.local.svg import Series
from shared.domain.segmentation import LIFECYCLE, TAGS, VALUE

WIDE, NARROW, HEIGHT = 762, 330, 260

# From the bottom up: who is there stands on the ground, who is gone on top.
LIFECYCLE_BANDS = ("active", "new", "lapsed_30", "lapsed_60", "lapsed_90", "lost", "prospect")
VALUE_BANDS = ("vip", "loyal", "regular", "one_time", "none")


def page(picture: Picture) -> str:
    """The whole document."""
    title, lead = say("title"), say("lead")
    lead = lead.filled(customers=count(picture.customers), first=day_month(picture.first), last=day_month(picture.last))
    style = Path(__file__).with_name("demo_report.css").read_text(encoding="utf-8")
    sections = (_lifecycle, _value, _months, _winback, _messages, _phone, _cashiers, _tags, _meter)
    return f"""<!DOCTYPE html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title.vi)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{_both(title)}</h1>
<p>{escape(lead.vi)}</p>
<p lang="en">{escape(lead.en)}</p>
{_tiles(picture)}
{"".join(section(picture) for section in sections)}
<footer>{escape(say("source").vi)}<br><span lang="en">{escape(say("source").en)}</span></footer>
</main>
</body>
</html>
"""


def _tiles(picture: Picture) -> str:
    figures = (
        ("customers", count(picture.customers)),
        ("revenue", f"{short_vnd(picture.revenue)} ₫"),
        ("identified", share(picture.named, picture.revenue)),
        ("returning", share(picture.returning, picture.customers)),
        ("at_risk", count(picture.labels["at_risk"])),
        ("messages_total", count(picture.message_count)),
    )
    tiles = (f'<div class="tile"><b>{value}</b>{_both(say(key))}</div>' for key, value in figures)
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _lifecycle(picture: Picture) -> str:
    return _section(say("lifecycle"), _bands(picture, LIFECYCLE_BANDS) + _legend(picture, LIFECYCLE))


def _value(picture: Picture) -> str:
    return _section(say("value"), _bands(picture, VALUE_BANDS) + _legend(picture, VALUE))


def _bands(picture: Picture, names: Sequence[str]) -> str:
    days = [week.day for week in picture.weeks]
    bands = [Series(label(name).vi, name, [week.labels[name] for week in picture.weeks]) for name in names]
    return _drawn(lambda width: svg.stacked_area(width, HEIGHT, days, bands, count))


def _legend(picture: Picture, names: Sequence[str]) -> str:
    entries = (
        f'<li><i style="background:var(--{name})"></i>{_both(label(name))} <b>{count(picture.labels[name])}</b></li>'
        for name in names
    )
    return f'<ul class="legend">{"".join(entries)}</ul>'


def _months(picture: Picture) -> str:
    months = picture.months
    columns = [
        Series(say("named").vi, "named", [month.named for month in months]),
        Series(say("walk_in").vi, "walk_in", [month.revenue - month.named for month in months]),
    ]
    labels = [f"T{month.first.month}" for month in months]
    notes = [share(month.named, month.revenue) for month in months]
    chart = _drawn(lambda width: svg.stacked_bars(width, HEIGHT, labels, columns, axis_vnd, short_vnd, notes))
    legend = "".join(
        f'<li><i style="background:var(--{key})"></i>{_both(say(key))} <b>{short_vnd(total)} ₫</b></li>'
        for key, total in (("named", picture.named), ("walk_in", picture.revenue - picture.named))
    )
    return _section(say("months"), f'{chart}<ul class="legend">{legend}</ul>', say("months_note"))


def _winback(picture: Picture) -> str:
    rows = [
        (
            ("", f"<b>{escape(entry['name'] or '–')}</b>"),
            ("number", f"{short_vnd(entry['value_at_risk'])} ₫"),
            ("", f"{escape(entry['store'] or '–')} · {escape(label(entry['value']).vi)}"),
            ("", escape(action(entry["action"]).vi)),
            ("why", escape(entry["reason"])),
        )
        for entry in picture.winback[:SHOWN_OF_WINBACK]
    ]
    heads = [("", say("name")), ("number", say("risk")), ("", say("where")), ("", say("action")), ("", say("reason"))]
    day = day_month(picture.weeks[-1].day)
    note = say("winback_note").filled(listed=len(picture.winback), shown=len(rows))
    return _section(say("winback").filled(day=day), _table(heads, rows, "cards"), note)


def _messages(picture: Picture) -> str:
    rows = []
    for tally in picture.messages:
        outcome = f'<i class="dot {escape(tally.status)}"></i>{_both(status(tally.status))}'
        told = _both(reason(tally.reason))
        cells = [("", _both(channel(tally.channel))), ("", outcome), ("why", told)]
        rows.append([*cells, ("number", count(tally.messages)), ("number", vnd_sum(tally.cost))])
    total = [("", f"<b>{say('total').vi}</b>"), ("", ""), ("why", "")]
    sums = (count(picture.message_count), vnd_sum(picture.message_cost))
    rows.append([*total, *(("number", f"<b>{one}</b>") for one in sums)])
    heads = [("", say("channel")), ("", say("outcome")), ("why", say("why"))]
    heads += [("number", say("sent_count")), ("number", say("spent"))]
    note = say("messages_note").filled(count=count(picture.message_count))
    return _section(say("messages"), _table(heads, rows, "outcomes"), note) + _turns(picture)


def _turns(picture: Picture) -> str:
    if not picture.turns:
        return ""
    rows = [
        (
            ("", _both(channel(turn.channel))),
            ("why", _both(reason(turn.reason))),
            ("number", count(turn.messages)),
        )
        for turn in picture.turns
    ]
    heads = [("", say("channel")), ("why", say("why")), ("number", say("sent_count"))]
    return _section(say("turns"), _table(heads, rows, "outcomes"), say("turns_note").filled(days=days_months(OUTAGES)))


def _phone(picture: Picture) -> str:
    if picture.phone is None:
        return ""
    bubbles, day = [], ""
    for bubble in picture.phone.bubbles:
        if (today := day_month(bubble.at.date())) != day:
            day = today
            bubbles.append(f'<p class="day">{today}</p>')
        bubbles.append(_bubble(bubble))
    name = escape(picture.phone.name)
    screen = f'<div class="screen"><h3>{name}</h3><div class="talk">{"".join(bubbles)}</div></div>'
    note = say("phone_note").filled(name=picture.phone.name)
    return _section(say("phone"), f'<div class="phone">{screen}</div>', note)


def _bubble(bubble: Bubble) -> str:
    """One message; one that was never sent is an empty frame with the reason in it."""
    body = escape(bubble.text) if bubble.text else f"{escape(say('not_sent').vi)}: {escape(reason(bubble.reason).vi)}"
    cost = f" · {vnd_sum(bubble.cost)}" if bubble.cost else ""
    foot = f"{bubble.at:%H:%M} · {escape(status(bubble.status).vi)}{cost}"
    kind = escape(bubble.channel) if bubble.text else "unsent"
    head = escape(channel(bubble.channel).vi)
    return f'<div class="bubble {kind}"><b>{head}</b><p>{body}</p><small>{foot}</small></div>'


def _cashiers(picture: Picture) -> str:
    highest = max((one.fakes / max(1, one.orders) for one in picture.cashiers), default=0) or 1
    rows = []
    for one in picture.cashiers:
        rate = one.fakes / max(1, one.orders)
        percent = f"{100 * rate:.1f} %".replace(".", ",")
        cells = [("", escape(one.name)), ("", escape(one.store))]
        cells += [("number", count(one.orders)), ("number", count(one.fakes)), ("number", percent)]
        rows.append([*cells, ("bar", f'<i style="width:{100 * rate / highest:.0f}%"></i>' if one.fakes else "")])
    heads = [("", say("cashier")), ("", say("store")), ("number", say("orders")), ("number", say("bad"))]
    heads += [("number", Words("%", "")), ("bar", Words("", ""))]
    return _section(say("cashiers"), _table(heads, rows), say("cashiers_note"))


def _tags(picture: Picture) -> str:
    rows = [
        (("", _both(label(name))), ("number", f"<b>{count(picture.labels[name])}</b>"))
        for name in TAGS
        if picture.labels[name]
    ]
    return _section(say("tags"), _table((), rows))


def _meter(picture: Picture) -> str:
    keys = {"requests": "requests", "reads": "read_units", "writes": "write_units", "sends": "queue_sends"}
    heads = [("", say("door")), *(("number", say(key)) for key in keys)]
    rows = [
        [("", escape(door)), *(("number", count(use[name])) for name in keys.values())]
        for door, use in picture.meter.items()
    ]
    total = [sum(use[name] for use in picture.meter.values()) for name in keys.values()]
    rows.append([("", f"<b>{say('total').vi}</b>"), *(("number", f"<b>{count(one)}</b>") for one in total)])
    cost = f"{picture.cost_per_thousand():.2f} USD".replace(".", ",")
    line = f"<p><b>{cost}</b> {_both(say('cost'))}</p>"
    messages = vnd_sum(round(picture.messages_per_thousand()))
    line += f"<p><b>{messages}</b> {_both(say('cost_messages'))}</p>"
    return _section(say("meter"), f"{line}{_table(heads, rows)}", say("meter_note"))


def _section(title: Words, body: str, note: Words | None = None) -> str:
    said = f'<p class="note">{escape(note.vi)}<br><span lang="en">{escape(note.en)}</span></p>' if note else ""
    return f"<section><h2>{_both(title)}</h2>{body}{said}</section>\n"


def _drawn(chart: Callable[[int], str]) -> str:
    """The chart twice: for a desk and for a phone."""
    return f'<div class="wide">{chart(WIDE)}</div><div class="narrow">{chart(NARROW)}</div>'


def _table(heads: Sequence[tuple[str, Words]], rows: Sequence[Sequence[tuple[str, str]]], look: str = "") -> str:
    head = "".join(f'<th class="{css}">{_both(words)}</th>' for css, words in heads)
    body = "".join(f"<tr>{''.join(f'<td class={css!r}>{cell}</td>' for css, cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="{look}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _both(words: Words) -> str:
    english = f' <span lang="en">{escape(words.en)}</span>' if words.en and words.en != words.vi else ""
    return escape(words.vi) + english

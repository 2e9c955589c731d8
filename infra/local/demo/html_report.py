"""The demo's picture as one HTML page without any other file: Vietnamese first, for light, dark, desk and phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from infra.local.demo import svg_charts
from infra.local.demo.api_client import OUTAGES
from infra.local.demo.figures import Proof, worded
from infra.local.demo.message_results import JourneyRow
from infra.local.demo.phone_view import Bubble, Deed
from infra.local.demo.results import SHOWN_OF_WINBACK, Picture
from infra.local.demo.svg_charts import Bar, Series
from infra.local.demo.texts import (
    Words,
    action,
    axis_vnd,
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

WIDE, NARROW, HEIGHT = 762, 330, 260

# From the bottom up: who is there stands on the ground, who is gone on top.
LIFECYCLE_BANDS = ("active", "new", "lapsed_30", "lapsed_60", "lapsed_90", "lost", "prospect")
VALUE_BANDS = ("vip", "loyal", "regular", "one_time", "none")


def page(picture: Picture) -> str:
    """The whole document."""
    title, lead = say("title"), say("lead")
    lead = lead.filled(customers=count(picture.customers), first=day_month(picture.first), last=day_month(picture.last))
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    sections = (
        _lifecycle, _value, _months, _journeys, _phone, _vouchers, _tasks, _tickets, _campaign, _winback, _messages,
        _cashiers, _tags, _kpis, _proofs, _meter,
    )  # fmt: skip
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
        ("messages_total", count(picture.sent_count)),
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
    return _drawn(lambda width: svg_charts.stacked_area(width, HEIGHT, days, bands, count))


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
    chart = _drawn(lambda width: svg_charts.stacked_bars(width, HEIGHT, labels, columns, axis_vnd, short_vnd, notes))
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


def _journeys(picture: Picture) -> str:
    rows = []
    for row in picture.journeys:
        sent = f"{count(row.sent)} / {count(row.unsent)}"
        held = f"{count(row.holdout.entered)} ({_rate(row.holdout.converted, row.holdout.entered)})"
        cells = [("name", f"<b>{_both(row.title)}</b><small>{_ended(row)}</small>")]
        cells += [("number", count(row.live.entered)), ("number", sent)]
        reached = f"{count(row.live.converted)} ({_rate(row.live.converted, row.live.entered)})"
        cells += [("number", reached if row.aimed else "–")]
        cells += [("number", held if row.holdout.entered else "–"), ("number", count(row.inside))]
        rows.append([*cells, ("number", vnd_sum(row.cost))])
    total = [("name", f"<b>{say('total').vi}</b>"), ("number", count(picture.entered))]
    total += [
        ("number", f"{count(sum(r.sent for r in picture.journeys))} / {count(sum(r.unsent for r in picture.journeys))}")
    ]
    total += [("number", count(sum(row.live.converted for row in picture.journeys)))]
    total += [("number", count(sum(row.holdout.entered for row in picture.journeys)))]
    total += [("number", count(sum(row.inside for row in picture.journeys)))]
    rows.append([*total, ("number", vnd_sum(sum(row.cost for row in picture.journeys)))])
    keys = ("entered", "sent_kept", "converted", "held_out", "inside", "spent")
    note = say("journeys_note").filled(entered=count(picture.entered), count=len(picture.journeys))
    return _section(say("journeys"), _wide_table(say("journey"), keys, rows), note)


def _ended(row: JourneyRow) -> str:
    """Why it was over, the most frequent first."""
    said = sorted(row.live.ended.items(), key=lambda one: (-one[1], one[0]))
    told = (f"{escape(ended(why).vi)} {count(number)}" for why, number in said)
    return " · ".join(told)


def _rate(part: int, whole: int) -> str:
    return share(part, whole) if whole else "–"


def _vouchers(picture: Picture) -> str:
    keys = ("issued", "redeemed", "expired_count", "open_count", "given", "liability")
    rows = [
        [
            ("name", f"<b>{_both(row.title)}</b>"),
            *(("number", count(one)) for one in (row.issued, row.redeemed, row.expired, row.open)),
            ("number", vnd_sum(row.given)),
            ("number", vnd_sum(row.liability)),
        ]
        for row in picture.vouchers
    ]
    of = picture.vouchers
    sums = (sum(r.issued for r in of), sum(r.redeemed for r in of), sum(r.expired for r in of), sum(r.open for r in of))
    total = [("name", f"<b>{say('total').vi}</b>"), *(("number", count(one)) for one in sums)]
    total += [("number", vnd_sum(sum(row.given for row in of))), ("number", vnd_sum(sum(row.liability for row in of)))]
    return _section(say("vouchers"), _wide_table(say("offer"), keys, [*rows, total]), say("vouchers_note"))


def _tasks(picture: Picture) -> str:
    rows = []
    for row in picture.tasks:
        said = " · ".join(f"{escape(outcome(name).vi)} {count(number)}" for name, number in row.outcomes.items())
        cells = [("name", f"<b>{_both(row.title)}</b><small>{said}</small>")]
        rows.append([*cells, ("number", count(row.opened)), ("number", count(row.open))])
    total = [("name", f"<b>{say('total').vi}</b>")]
    total += [("number", count(sum(row.opened for row in picture.tasks)))]
    rows.append([*total, ("number", count(sum(row.open for row in picture.tasks)))])
    return _section(say("tasks"), _wide_table(say("task"), ("opened_count", "open_tasks"), rows), say("tasks_note"))


def _tickets(picture: Picture) -> str:
    if not picture.tickets:
        return ""
    rows = []
    for row in picture.tickets:
        figures = (row.tickets, row.bot, row.missed)
        waited = "–" if row.minutes is None else count(row.minutes)
        rows.append([("name", f"<b>{_both(intent(row.intent))}</b>"), *(("number", count(one)) for one in figures)])
        rows[-1].append(("number", waited))
    keys = ("ticket_count", "by_bot", "missed_count", "answer_minutes")
    return _section(say("tickets"), _wide_table(say("matter"), keys, rows), ticket_note(picture.per_ticket))


def _campaign(picture: Picture) -> str:
    if picture.campaign is None:
        return ""
    campaign = picture.campaign
    rows = []
    for key, promised, real in campaign.figures:
        amount = vnd_sum if key == "spent" else count
        rows.append([("name", _both(say(key))), ("number", amount(promised)), ("number", amount(real))])
    note = say("campaign_note").filled(day=day_month(campaign.day))
    table = _wide_table(Words("", ""), ("previewed", "real"), rows)
    return _section(say("campaign").filled(name=campaign.name), table, note)


def _wide_table(first: Words, keys: Sequence[str], rows: Sequence[Sequence[tuple[str, str]]]) -> str:
    """A table whose rows become cards on a phone, each figure with its heading."""
    heads = [("name", first), *(("number", say(key)) for key in keys)]
    body = ""
    for row in rows:
        cells = "".join(
            f'<td class="{css}" data-label="{escape(heads[place][1].vi)}">{cell}</td>'
            for place, (css, cell) in enumerate(row)
        )
        body += f"<tr>{cells}</tr>"
    head = "".join(f'<th class="{css}">{_both(words)}</th>' for css, words in heads)
    return f'<table class="figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _phone(picture: Picture) -> str:
    if picture.phone is None:
        return ""
    lines, day = [], ""
    for one in picture.phone.shown:
        if (today := day_month(one.at.date())) != day:
            day = today
            lines.append(f'<p class="day">{today}</p>')
        lines.append(_bubble(one) if isinstance(one, Bubble) else _deed(one))
    name = escape(picture.phone.name)
    screen = f'<div class="screen"><h3>{name}</h3><div class="talk" tabindex="0">{"".join(lines)}</div></div>'
    got = sum(bool(bubble.text) for bubble in picture.phone.bubbles)
    kept = len(picture.phone.bubbles) - got
    note = say("phone_note").filled(name=picture.phone.name, got=got, kept=kept)
    return _section(say("phone"), f'<div class="phone">{screen}</div>', note)


def _bubble(bubble: Bubble) -> str:
    """One message; one that was never sent is an empty frame with the reason in it."""
    kept = f"{say('not_sent').vi}: {reason(bubble.reason).vi}"
    body = escape(bubble.text or kept)
    cost = f" · {vnd_sum(bubble.cost)}" if bubble.cost else ""
    foot = f"{bubble.at:%H:%M} · {escape(status(bubble.status).vi)}{cost}"
    kind = escape(bubble.channel) if bubble.text else "unsent"
    head = escape(" · ".join(part for part in (bubble.text and channel(bubble.channel).vi, bubble.journey.vi) if part))
    used = escape(say("voucher_used").filled(code=bubble.voucher).vi)
    mark = f'<p class="used">{used}</p>' if bubble.voucher else ""
    return f'<div class="bubble {kind}"><b>{head}</b><p>{body}</p>{mark}<small>{foot}</small></div>'


def _deed(deed: Deed) -> str:
    return f'<p class="deed">{escape(say(deed.what).filled(**deed.figures).vi)}</p>'


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


def _kpis(picture: Picture) -> str:
    tiles = (
        f'<div class="tile" title="{escape(one.formula)}"><b>{escape(one.value)}</b>{_both(one.title)}'
        f"<small>{escape(one.parts)}</small></div>"
        for one in picture.kpis
    )
    return _section(say("kpis"), f'<div class="tiles">{"".join(tiles)}</div>', say("kpis_note"))


def _proofs(picture: Picture) -> str:
    rows = []
    for one in picture.proofs:
        held = f"{count(one.held)} ({worded(one.held_cr, '%')})" if one.held else "–"
        cells = [("name", f"<b>{_both(one.title)}</b><small>{_both(one.said)}</small>")]
        cells += [("number", count(one.targeted)), ("number", worded(one.cr, "%")), ("number", held)]
        cells += [("number", vnd_sum(one.cost)), ("number", vnd_sum(one.revenue))]
        caused = "–" if one.incremental is None else vnd_sum(one.incremental)
        rows.append([*cells, ("number", caused)])
    keys = ("targeted", "bought_of", "held_out", "spent", "credited", "caused_revenue")
    measured = [one for one in picture.proofs if one.lift is not None]
    chart = _drawn(lambda width: svg_charts.intervals(width, _bars(measured), _points)) if measured else ""
    return _section(say("proofs"), chart + _wide_table(say("journey"), keys, rows), say("proofs_note"))


def _bars(proofs: Sequence[Proof]) -> list[Bar]:
    colors = {"works": "active", "harms": "fake"}
    return [
        Bar(one.title.vi, colors.get(one.verdict, "none"), one.lift or 0, one.low or 0, one.high or 0) for one in proofs
    ]


def _points(value: float) -> str:
    return f"{value:+.1f}".replace(".", ",")


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
    each = f"{picture.cost_per_customer_and_month():.5f} USD".replace(".", ",")
    line += f"<p><b>{each}</b> {_both(say('cost_each'))}</p>"
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

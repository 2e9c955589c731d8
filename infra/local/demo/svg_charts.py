"""Small charts as inline SVG: no scripts, no assets; colours come from the page's style sheet (`var(--<color>)`).

Every chart is drawn for a given width in real pixels, so that its text stays readable on a phone; the page shows the
one that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

LEFT, RIGHT, TOP, BOTTOM = 46, 10, 14, 24
Format = Callable[[float], str]


@dataclass(frozen=True)
class Series:
    """One band or one colour of bars; `color` names a custom property of the page."""

    name: str
    color: str
    values: Sequence[float]


def stacked_area(width: int, height: int, days: Sequence[date], series: Sequence[Series], number: Format) -> str:
    """Bands over time, the first series at the bottom."""
    totals = [sum(column) for column in zip(*(one.values for one in series), strict=True)]
    frame = _Frame(width, height, max(totals, default=0))
    span = max(1, (days[-1] - days[0]).days)
    across = [LEFT + (width - LEFT - RIGHT) * (day - days[0]).days / span for day in days]
    below = [0.0] * len(days)
    bands = []
    for one in series:
        above = [low + value for low, value in zip(below, one.values, strict=True)]
        there = [f"{x:.1f},{frame.y(value):.1f}" for x, value in zip(across, above, strict=True)]
        back = [f"{x:.1f},{frame.y(value):.1f}" for x, value in zip(across, below, strict=True)]
        title = f"{one.name}: {number(one.values[-1])}"
        bands.append(
            f'<path d="M{" L".join(there + back[::-1])} Z" style="fill:var(--{one.color})" class="band">'
            f"<title>{escape(title)}</title></path>"
        )
        below = above
    months = [at for at, day in enumerate(days) if at == 0 or day.month != days[at - 1].month]
    step = 1 if width > 500 else 3
    # A month that has only just begun has no room for its name.
    labels = [(across[at], f"T{days[at].month}") for at in months[::step] if across[at] < width - RIGHT - 20]
    return frame.drawn("".join(bands), labels, number)


def stacked_bars(
    width: int,
    height: int,
    labels: Sequence[str],
    series: Sequence[Series],
    axis: Format,
    number: Format,
    notes: Sequence[str],
) -> str:
    """One column per label, the first series at the bottom, what is negative below zero; a note above each column."""
    columns = list(zip(*(one.values for one in series), strict=True))
    highest = max(sum(value for value in column if value > 0) for column in columns)
    lowest = min(sum(value for value in column if value < 0) for column in columns)
    frame = _Frame(width, height, highest * 1.08, lowest)
    slot = (width - LEFT - RIGHT) / len(labels)
    thick = min(34.0, slot * 0.72)
    parts = []
    for at, label in enumerate(labels):
        x = LEFT + slot * at + (slot - thick) / 2
        up = down = 0.0
        for one in series:
            value = one.values[at]
            start = up if value >= 0 else down
            top, bottom = sorted((frame.y(start), frame.y(start + value)))
            title = escape(f"{label}, {one.name}: {number(value)}")
            parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{thick:.1f}" height="{max(0.0, bottom - top - 1):.1f}" '
                f'rx="1.5" style="fill:var(--{one.color})"><title>{title}</title></rect>'
            )
            up, down = up + max(0.0, value), down + min(0.0, value)
        if width > 500:
            middle, above = x + thick / 2, frame.y(up) - 5
            parts.append(f'<text x="{middle:.1f}" y="{above:.1f}" text-anchor="middle">{escape(notes[at])}</text>')
    step = 1 if width > 500 else 3
    ticks = [(LEFT + slot * (at + 0.5), label) for at, label in enumerate(labels)][::step]
    return frame.drawn("".join(parts), ticks, axis, centred=True)


@dataclass(frozen=True)
class Bar:
    """One estimate with its interval; `color` as of `Series`."""

    name: str
    color: str
    value: float
    low: float
    high: float


def intervals(width: int, bars: Sequence[Bar], number: Format) -> str:
    """One line per estimate: its interval, its value, and where nothing would be."""
    left, row = (200, 26) if width > 500 else (118, 26)
    least, most = min(0.0, *(bar.low for bar in bars)), max(0.0, *(bar.high for bar in bars))
    scale = (width - left - 54) / ((most - least) or 1)

    def x(value: float) -> float:
        return left + (value - least) * scale

    height = row * len(bars) + 8
    marks = [f'<line x1="{x(0):.1f}" y1="0" x2="{x(0):.1f}" y2="{height}" class="grid"/>']
    for place, bar in enumerate(bars):
        y = row * place + row / 2 + 4
        name = bar.name if width > 500 or len(bar.name) <= 18 else f"{bar.name[:17]}…"
        told = f"{bar.name}: {number(bar.value)} [{number(bar.low)}; {number(bar.high)}]"
        marks.append(
            f"<g><title>{escape(told)}</title>"
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>'
            f'<line x1="{x(bar.low):.1f}" y1="{y:.1f}" x2="{x(bar.high):.1f}" y2="{y:.1f}" '
            f'style="stroke:var(--{bar.color});stroke-width:3"/>'
            f'<circle cx="{x(bar.value):.1f}" cy="{y:.1f}" r="5" style="fill:var(--{bar.color})"/>'
            f'<text x="{x(bar.high) + 6:.1f}" y="{y + 4:.1f}">{escape(number(bar.value))}</text></g>'
        )
    body = "".join(marks)
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">{body}</svg>'


class _Frame:
    """The value axis with its grid, and the place of a value on it."""

    def __init__(self, width: int, height: int, highest: float, lowest: float = 0.0) -> None:
        self.width, self.height = width, height
        self.step = _nice((highest - lowest) / 4)
        self.high, self.low = max(self.step, highest), lowest

    def y(self, value: float) -> float:
        return self.height - BOTTOM - (self.height - TOP - BOTTOM) * (value - self.low) / (self.high - self.low)

    def drawn(self, marks: str, labels: Sequence[tuple[float, str]], number: Format, *, centred: bool = False) -> str:
        grid = []
        value = 0.0
        while value <= self.high:
            y = self.y(value)
            grid.append(f'<line x1="{LEFT}" x2="{self.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
            grid.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(number(value))}</text>')
            value += self.step
        anchor = "middle" if centred else "start"
        below = self.height - 7
        ticks = "".join(
            f'<text x="{x:.1f}" y="{below}" text-anchor="{anchor}">{escape(label)}</text>' for x, label in labels
        )
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" role="img">'
            f"{''.join(grid)}{marks}{ticks}</svg>"
        )


def _nice(step: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** (len(str(int(step))) - 1) if step >= 1 else 1.0
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step)

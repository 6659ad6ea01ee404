"""Draws plots as SVG text: lines over categories and bars of shares, in the colours of their page."""

import csv
import html
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, BOTTOM = 64, 20, 46
TICKS = 5
LETTER = 6.6
LEGEND_LINE = 18
BAR_HEIGHT, BAR_STEP = 20, 46
# For a drawing on its own, outside of a page that names the colours; readable on white and on black.
COLOURS = ("#4477e0", "#12917f", "#b07a00", "#b355c9", "#d4484e", "#80828c")
DASHES = ("", "6 4", "2 3")
FONT = 'font-family="Inter, Segoe UI, Cantarell, Noto Sans, sans-serif" font-size="12"'

Scale = Callable[[float], float]
Place = Callable[[int], float]


@dataclass(frozen=True)
class Series:
    """One line: its name and a value a category; None where there is none.

    Attributes:
        name: in the legend.
        values: one a category.
        spread: the lowest and the highest value a category, drawn as a band behind the line; () for none.
        plain: drawn thin and without points: a value to compare with.
    """

    name: str
    values: tuple[float | None, ...]
    spread: tuple[tuple[float, float], ...] = ()
    plain: bool = False


@dataclass(frozen=True)
class LinePlot:
    """What is drawn as lines with a point a value.

    Attributes:
        title: above the plot.
        across: what the categories are.
        up: what the values are, with their unit.
        categories: from left to right, at equal distances.
        series: one value a category each.
    """

    title: str
    across: str
    up: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]

    def __post_init__(self) -> None:
        """Refuses lines that do not fit the categories.

        Raises:
            ValueError: a series has not as many values as there are categories.
        """
        if any(len(one.values) != len(self.categories) for one in self.series):
            raise ValueError("a series has not one value a category")

    @property
    def most(self) -> float:
        """The largest value; 0 without any."""
        values = [value for one in self.series for value in one.values if value is not None]
        return max([*values, *(high for one in self.series for _, high in one.spread)], default=0.0)

    def to_csv(self) -> str:
        """A row a category, a column a series, as RFC 4180 has it."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        writer.writerow((self.across, *(one.name for one in self.series)))
        for position, category in enumerate(self.categories):
            values = (one.values[position] for one in self.series)
            writer.writerow((category, *("" if value is None else f"{value:g}" for value in values)))
        return stream.getvalue()


def line_plot(plot: LinePlot) -> str:
    """A plot as SVG; the upright axis begins at 0."""
    series, categories = plot.series, plot.categories
    legend, top = _legend([one.name for one in series], 44 if series[1:] else 26, lines=True)
    height = HEIGHT + top - 44
    ticks = nice_ticks(plot.most)
    bottom = height - BOTTOM

    def y_of(value: float) -> float:
        return bottom - (bottom - top) * value / ticks[-1]

    def x_of(position: int) -> float:
        room = WIDTH - LEFT - RIGHT
        return LEFT + room * (position + 0.5) / max(len(categories), 1)

    parts = [
        _words(0, 16, plot.title, weight=True),
        *(legend if series[1:] else []),
        *_upright_axis(ticks, y_of, plot.up, top),
        *_level_axis(categories, x_of, plot.across, bottom, height),
    ]
    for number, one in enumerate(series):
        parts += _line(number, one, categories, x_of, y_of)
    return _drawing(plot.title, height, parts)


def fixed_colours(drawing: str) -> str:
    """A drawing on white for programs that know no CSS variables, which most viewers of SVG files are."""
    head, _, rest = re.sub(r"var\(--[\w-]+, ([^)]*)\)", r"\1", drawing).partition("\n")
    # Not in percent, which SVG Tiny does not have.
    width, height = head.partition('viewBox="0 0 ')[2].partition('"')[0].split()
    return f'{head}\n<rect width="{width}" height="{height}" fill="#ffffff"/>\n{rest}'


def share_bars(title: str, bars: Mapping[str, Mapping[str, float]]) -> str:
    """One bar a name, cut into parts as wide as their shares of the bar's sum.

    Args:
        title: above the bars.
        bars: by name of the bar: values by name of the part, not below 0; the same part has one colour.
    """
    names = list(dict.fromkeys(part for parts in bars.values() for part in parts))
    legend, top = _legend(names, 44, lines=False)
    drawn = [_words(0, 16, title, weight=True), *legend]
    for number, (bar, parts) in enumerate(bars.items()):
        y = top + 18 + number * BAR_STEP
        drawn.append(_words(0, y - 6, bar, muted=True))
        total, x = sum(parts.values()) or 1.0, 0.0
        for part, value in parts.items():
            width = WIDTH * value / total
            share = f"{value / total:.0%}"
            drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{max(width - 1, 0.5):.1f}" height="{BAR_HEIGHT}"'
                f" {_fill(names.index(part))}><title>{html.escape(part)}: {share}</title></rect>"
            )
            if width > len(share) * LETTER + 14:
                drawn.append(_words(x + width / 2, y + 14, share, anchor="middle", inside=True))
            x += width
    return _drawing(title, top + 6 + len(bars) * BAR_STEP, drawn)


def nice_ticks(most: float, count: int = TICKS) -> list[float]:
    """Even steps of 1, 2 or 5 times a power of ten from 0 to at least `most`; about `count` of them."""
    if not (math.isfinite(most) and most > 0):
        return [0.0, 1.0]
    rough = most / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [number * step for number in range(math.ceil(most / step - 1e-9) + 1)]


def _upright_axis(ticks: Sequence[float], y_of: Scale, name: str, top: float) -> list[str]:
    middle = (top + y_of(0)) / 2
    drawn = [
        f'<text x="12" y="{middle:.1f}" transform="rotate(-90 12 {middle:.1f})" text-anchor="middle"'
        f" {_text(muted=True)}>{html.escape(name)}</text>"
    ]
    for tick in ticks:
        y = y_of(tick)
        drawn.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
            f' style="stroke: var(--line, #d5d7de)"/>'
        )
        drawn.append(_words(LEFT - 8, y + 4, f"{tick:g}", anchor="end", muted=True))
    return drawn


def _level_axis(categories: Sequence[str], x_of: Place, name: str, bottom: float, height: float) -> list[str]:
    # Names that would run into each other are left out, but for every n-th.
    room = (WIDTH - LEFT - RIGHT) / max(len(categories), 1)
    every = math.ceil((max(map(len, categories), default=1) + 2) * LETTER / room)
    drawn = [
        _words(x_of(position), bottom + 18, category, anchor="middle", muted=True)
        for position, category in enumerate(categories)
        if position % every == 0
    ]
    return [*drawn, _words((LEFT + WIDTH - RIGHT) / 2, height - 8, name, anchor="middle", muted=True)]


def _line(number: int, one: Series, categories: Sequence[str], x_of: Place, y_of: Scale) -> list[str]:
    points = [
        (x_of(position), y_of(value), categories[position], value)
        for position, value in enumerate(one.values)
        if value is not None
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points)
    drawn = [_band(number, one, x_of, y_of)] if one.spread else []
    if points:
        drawn.append(f'<polyline points="{path}" fill="none" {_stroke(number, plain=one.plain)}/>')
    if one.plain:
        return drawn
    for x, y, category, value in points:
        words = html.escape(f"{one.name}, {category}: {value:.4g}")
        drawn.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" {_fill(number)}><title>{words}</title></circle>'
        )
    return drawn


def _band(number: int, one: Series, x_of: Place, y_of: Scale) -> str:
    """What lies between the lowest and the highest values."""
    up = [(x_of(place), y_of(high)) for place, (_, high) in enumerate(one.spread)]
    down = [(x_of(place), y_of(low)) for place, (low, _) in enumerate(one.spread)]
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*up, *reversed(down)))
    return f'<polygon points="{corners}" fill-opacity="0.14" {_fill(number)}/>'


def _legend(names: Sequence[str], top: float, *, lines: bool) -> tuple[list[str], float]:
    """The keys of a plot, in as many lines as they need, and where the plot begins below them."""
    drawn, x, y = [], 0.0, 38.0
    for number, name in enumerate(names):
        width = 30 + len(name) * LETTER + 14
        if x and x + width > WIDTH:
            x, y = 0.0, y + LEGEND_LINE
        drawn.append(
            f'<line x1="{x}" x2="{x + 22}" y1="{y - 4}" y2="{y - 4}" {_stroke(number)}/>'
            if lines
            else f'<rect x="{x}" y="{y - 10}" width="11" height="11" rx="2" {_fill(number)}/>'
        )
        drawn.append(_words(x + (28 if lines else 16), y, name))
        x += width
    return drawn, max(top, y + 18 if names else 0)


def _words(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    weight: bool = False,
    muted: bool = False,
    inside: bool = False,
) -> str:
    look = _text(muted=muted) if not inside else 'style="fill: var(--card, #ffffff)" font-weight="600"'
    bold = ' font-weight="600"' if weight else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{bold} {look}>{html.escape(text)}</text>'


def _text(*, muted: bool) -> str:
    return f'style="fill: var(--{"muted, #70737e" if muted else "text, #55575f"})"'


def _colour(number: int) -> str:
    position = number % len(COLOURS)
    return f"var(--series-{position + 1}, {COLOURS[position]})"


def _fill(number: int) -> str:
    return f'style="fill: {_colour(number)}"'


def _stroke(number: int, *, plain: bool = False) -> str:
    dash = DASHES[number // len(COLOURS) % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    width = 1 if plain else 2
    return f'style="stroke: {_colour(number)}" stroke-width="{width}" stroke-linejoin="round"{dashed}'


def _drawing(title: str, height: float, parts: Sequence[str]) -> str:
    inner = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
        f' aria-label="{html.escape(title)}" {FONT}>\n{inner}\n</svg>'
    )

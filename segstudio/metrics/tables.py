"""Plain text tables with ruled borders, as TAO prints them."""

import math
from collections.abc import Sequence

ABSENT = "absent"


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with centred cells between rules of dashes; every row is as long as the header."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [
        "|" + "|".join(f" {cell:^{width}} " for cell, width in zip(row, widths, strict=True)) + "|"
        for row in (header, *rows)
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], *([rule] if rows else [])])


def percent(fraction: float | None, absent: str = ABSENT) -> str:
    """A fraction in percent with two decimals; the word where there is none."""
    return absent if fraction is None or math.isnan(fraction) else f"{100 * fraction:.2f}"


def interval_text(interval: tuple[float, float] | None) -> str:
    """An interval of fractions in percent with three digits, as in [0.00-58.1]; "" without one."""
    return "" if interval is None else f"[{_three_digits(interval[0])}-{_three_digits(interval[1])}]"


def counted(number: int, noun: str) -> str:
    """A number with its noun, as in 1 image, 2 images."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _three_digits(fraction: float) -> str:
    value = 100 * fraction
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"

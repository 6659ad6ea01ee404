"""Colours of plots: series, kinds of errors, and classes such that they can be seen on either theme."""

from PySide6.QtGui import QColor, QPalette

from segstudio.annotation.palette import Palette
from segstudio.gui.theme import DARK, LIGHT, Theme, contrast
from segstudio.metrics.segments import Kind

# Distinct in hue and in lightness, on light and on dark.
SERIES = (
    "#4C8DFF", "#12A594", "#E5A000", "#E5484D", "#C355D9", "#8D8D86", "#4CC38A", "#F76B15", "#5B5BD6",
    "#D6409F", "#7CE2FE", "#BDEE63",
)  # fmt: skip
# From what changes a thing's name to what only moves its border.
KINDS = {
    Kind.TAKEN_OVER: "#E5484D",
    Kind.MISSED: "#E5A000",
    Kind.INVENTED: "#C355D9",
    Kind.SPLIT: "#12A594",
    Kind.MERGED: "#4CC38A",
    Kind.LEAK: "#4C8DFF",
    Kind.EDGE_SLACK: "#A0785A",
}
KIND_COLOURS = {kind.name.lower(): colour for kind, colour in KINDS.items()}
# Below this contrast to the background (as WCAG 2.2 measures it), a colour gets an outline.
SEEN = 2.0


def series_colour(position: int) -> QColor:
    """The colour of the n-th series."""
    return QColor(SERIES[position % len(SERIES)])


def kind_words(kind: str) -> str:
    """A kind of error as people read it."""
    return kind.replace("_", " ")


def class_colours(palette: Palette) -> list[QColor]:
    """The colours of a palette's classes, by id."""
    return [QColor(*entry.rgb) for entry in palette.classes]


def theme_of(palette: QPalette) -> Theme:
    """The theme whose colours a widget has."""
    # The text's colour: style sheets make some backgrounds transparent, which counts as black.
    return DARK if palette.color(QPalette.ColorRole.Text).lightness() > 128 else LIGHT


def needs_outline(colour: QColor, theme: Theme) -> bool:
    """Whether a colour is hard to see on the theme's panels."""
    return contrast(colour.name(), theme.colours["panel"]) < SEEN

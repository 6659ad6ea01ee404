"""The labels over the image: sampled at screen resolution, coloured by table, outlined and hatched."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage, QPainter

from segstudio.gui.canvas.difference import (
    VERDICT_COLOURS,
    DifferenceKind,
    differing,
    screen_side,
    verdicts,
    wide_only,
)
from segstudio.gui.canvas.modes import Layer, OutlineMode
from segstudio.gui.canvas.patterns import PATTERN_TABLE, pattern_marks
from segstudio.gui.canvas.view import View

IGNORE = 255
HATCH_PERIOD = 12
HATCH_WIDTH = 2
HATCH = 0x5AFFFFFF
HATCH_DARK = 0x46000000
GREY = (128, 128, 128)
BOTH_SIDES_FROM = 2.0
Labels = NDArray[np.uint8]
Places = NDArray[np.intp]
Table = NDArray[np.uint32]


def packed(colours: Sequence[int]) -> Table:
    """uint32 [256] in Qt's premultiplied form of up to 256 ARGB values; the others are clear."""
    table = np.zeros(256, np.uint32)
    table[: len(colours)] = colours
    alpha = table >> 24
    channels = [((table >> shift & 0xFF) * alpha + 127) // 255 << shift for shift in (16, 8, 0)]
    return np.asarray(alpha << 24 | channels[0] | channels[1] | channels[2], np.uint32)


HATCH_COLOURS = packed([0, HATCH, HATCH_DARK])
PATTERN_COLOURS = packed(PATTERN_TABLE)


@dataclass(frozen=True)
class OverlayStyle:
    """How labels are shown; changing it costs a table of 256 colours.

    Attributes:
        colours: of all ids, 256 times red, green, blue.
        opacity: of areas, 0-1.
        outline: areas, lines or both.
        hidden: ids that are not shown.
        solo: the only id in colour, or None.
        patterns: whether areas carry the stripes of their class.
        difference: which disagreements the difference layer shows.
        border: disagreements up to so many image pixels wide are noise, for DifferenceKind.WIDE.
        active: the class that DifferenceKind.ACTIVE judges.
    """

    colours: bytes = bytes(768)
    opacity: float = 0.5
    outline: OutlineMode = OutlineMode.FILL
    hidden: frozenset[int] = frozenset()
    solo: int | None = None
    patterns: bool = False
    difference: DifferenceKind = DifferenceKind.ALL
    border: int = 2
    active: int = 0

    @cached_property
    def fill_table(self) -> Table:
        """Colours of the areas."""
        alpha = 0.0 if self.outline is OutlineMode.OUTLINE else self.opacity
        return packed(self._table(alpha))

    @cached_property
    def line_table(self) -> Table:
        """Colours of the outlines: nearly opaque, whatever the areas are."""
        return packed(self._table(max(self.opacity, 0.9) if self.opacity > 0 else 0.0))

    @cached_property
    def heat_table(self) -> Table:
        """Colours of confidence."""
        return packed(heat_colours(self.opacity))

    @cached_property
    def verdict_table(self) -> Table:
        """Colours of what is right, extra and missed of the active class."""
        return packed([_argb(colour, self.opacity) for colour in VERDICT_COLOURS])

    @property
    def reach(self) -> int:
        """How many image pixels around an edit look different after it, at most, in the difference layer."""
        return self.border + 1 if self.difference is DifferenceKind.WIDE else 1

    def _table(self, alpha: float) -> list[int]:
        table = []
        for number in range(256):
            rgb = tuple(self.colours[number * 3 : number * 3 + 3])
            opacity = alpha
            if number == IGNORE or number in self.hidden:
                opacity = 0.0
            elif self.solo is not None and number != self.solo:
                rgb, opacity = GREY, alpha * 0.6
            table.append(_argb(rgb, opacity))
        return table


def heat_colours(opacity: float) -> list[int]:
    """256 ARGB values for confidence: unsure is opaque orange, sure is clear."""
    table = []
    for number in range(256):
        doubt = 1.0 - number / 255.0
        table.append(
            _argb((255, int(90 + 120 * (1 - doubt)), 30), min(1.0, doubt * 1.6) * min(1.0, opacity * 1.6))
        )
    return table


def _argb(rgb: tuple[int, ...], opacity: float) -> int:
    return round(opacity * 255) << 24 | rgb[0] << 16 | rgb[1] << 8 | rgb[2]


class Overlay:
    """Draws a layer for any rectangle of the screen; holds no pixels of its own.

    `layer` is what a canvas shows unless it is told otherwise; `unit` is how many screen pixels a widget
    pixel has, so that lines and stripes are no finer on a finer screen.
    """

    def __init__(self) -> None:
        self.mask: Labels | None = None
        self.prediction: Labels | None = None
        self.confidence: Labels | None = None
        self.version: Labels | None = None
        self.layer = Layer.MASK
        self.unit = 1
        self.style = OverlayStyle()

    def source(self, layer: Layer | None = None) -> Labels | None:
        """The array whose pixels a layer shows (the canvas's own unless one is named), or None."""
        layer = layer or self.layer
        sources = {
            Layer.MASK: self.mask,
            Layer.CONFIDENCE: self.confidence,
            Layer.VERSION: self.version,
            Layer.IMAGE: None,
        }
        return sources.get(layer, self.prediction)

    def paint(self, painter: QPainter, view: View, area: QRect, layer: Layer | None = None) -> None:
        """Paints a screen rectangle; the painter works in screen pixels."""
        layer = layer or self.layer
        source = self.source(layer)
        if source is None:
            return
        # One pixel more on every side: outlines compare with neighbours.
        columns, left = view.columns(area.x() - 1, area.x() + area.width() + 1, source.shape[1])
        rows, top = view.rows(area.y() - 1, area.y() + area.height() + 1, source.shape[0])
        if not columns.size or not rows.size:
            return
        style = self.style
        if layer is Layer.CONFIDENCE:
            _draw(painter, sampled(source, rows, columns), left, top, style.heat_table)
        elif layer is not Layer.DIFFERENCE:
            labels = sampled(source, rows, columns)
            self._areas(painter, labels, view, left, top)
            if style.opacity > 0:
                _hatch(painter, labels, left, top, left - view.left + top - view.top, self.unit)
            self._lines(painter, labels, view, left, top)
        elif self.mask is not None and self.mask.shape == source.shape:
            self._difference(painter, view, (rows, columns), left, top)

    def _areas(self, painter: QPainter, labels: Labels, view: View, left: int, top: int) -> None:
        style = self.style
        if style.outline is OutlineMode.OUTLINE:
            return
        _draw(painter, labels, left, top, style.fill_table)
        if style.patterns and style.opacity > 0:
            colours = np.frombuffer(style.colours, np.uint8).reshape(256, 3)
            place = left - view.left, top - view.top
            marks = pattern_marks(labels, place, colours, style.hidden, self.unit)
            _draw(painter, marks, left, top, PATTERN_COLOURS)

    def _lines(self, painter: QPainter, labels: Labels, view: View, left: int, top: int) -> None:
        if self.style.outline is not OutlineMode.FILL:
            # Where there is room each side has its line: one of both would change colour at every step.
            marks = borders(labels, both_sides=self.unit > 1 or view.scale >= BOTH_SIDES_FROM)
            _draw(painter, marks, left, top, self.style.line_table)

    def _difference(
        self, painter: QPainter, view: View, places: tuple[Places, Places], left: int, top: int
    ) -> None:
        assert self.mask is not None
        assert self.prediction is not None
        style, (rows, columns) = self.style, places
        labels = sampled(self.prediction, rows, columns)
        mask = sampled(self.mask, rows, columns)
        if style.difference is DifferenceKind.ACTIVE:
            _draw(painter, verdicts(mask, labels, style.active), left, top, style.verdict_table)
            return
        if style.difference is DifferenceKind.WIDE:
            same = self._wide(view, rows, columns, left, top) == 0
        else:
            same = mask == labels
        labels[same] = IGNORE
        self._areas(painter, labels, view, left, top)
        self._lines(painter, labels, view, left, top)

    def _wide(self, view: View, rows: Places, columns: Places, left: int, top: int) -> Labels:
        """uint8 [rows,columns]: 1 where a difference is wide; exact from 100 % on, else of the sample."""
        assert self.mask is not None
        assert self.prediction is not None
        height, width = self.mask.shape
        if view.scale >= 1.0:
            side = self.style.border + 1
            first_row, first_column = max(int(rows[0]) - side, 0), max(int(columns[0]) - side, 0)
            box = (
                slice(first_row, min(int(rows[-1]) + side + 1, height)),
                slice(first_column, min(int(columns[-1]) + side + 1, width)),
            )
            wide = wide_only(differing(self.mask[box], self.prediction[box]), side)
            return sampled(wide, rows - first_row, columns - first_column)
        side = screen_side(self.style.border, view.scale)
        more_columns, first = view.columns(left - side, left + columns.size + side, width)
        more_rows, above = view.rows(top - side, top + rows.size + side, height)
        mask, labels = (sampled(array, more_rows, more_columns) for array in (self.mask, self.prediction))
        wide = wide_only(differing(mask, labels), side)
        return wide[top - above : top - above + rows.size, left - first : left - first + columns.size]


def _hatch(painter: QPainter, labels: Labels, left: int, top: int, phase: int, unit: int) -> None:
    """Stripes where no class is, so that it is never mistaken for a class or for nothing."""
    empty = labels == IGNORE
    if not empty.any():
        return
    # A wholly unlabelled image stays readable under it: the stripes are thin and faint.
    height, width = labels.shape
    # Counted from the image's corner, so that stripes move with it.
    stripe = (np.arange(phase, phase + width + height - 1) // unit % HATCH_PERIOD).astype(np.uint8)
    tones = np.where(stripe < HATCH_WIDTH, 1, np.where(stripe < 2 * HATCH_WIDTH, 2, 0)).astype(np.uint8)
    # Row y begins at tone y: one pixel further along the slant.
    slanted = np.lib.stride_tricks.as_strided(tones, labels.shape, (1, 1), writeable=False)
    marks = slanted * empty
    _draw(painter, marks, left, top, HATCH_COLOURS)


def sampled(source: Labels, rows: Places, columns: Places) -> Labels:
    """The labels under screen rows and columns, uint8 [rows,columns], contiguous."""
    if _is_run(rows) and _is_run(columns):
        return source[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    # Without the crop whole rows of the image would be gathered for a few columns.
    near: Labels = source[:, columns[0] : columns[-1] + 1]
    found: Labels = np.take(near[rows], columns - columns[0], axis=1)
    return found


def _is_run(positions: Places) -> bool:
    return bool(positions[-1] - positions[0] + 1 == positions.size)


def borders(labels: Labels, *, both_sides: bool = False) -> Labels:
    """The labels of pixels that differ from their left or upper neighbour; 255 elsewhere.

    On both sides, also of those that differ from their right or lower one: a line of two pixels.
    """
    edge = np.zeros(labels.shape, np.uint8)
    if labels.shape[1] > 1:
        edge[:, 1:] = cv2.compare(labels[:, 1:], labels[:, :-1], cv2.CMP_NE)
    if labels.shape[0] > 1:
        edge[1:] |= np.asarray(cv2.compare(labels[1:], labels[:-1], cv2.CMP_NE), np.uint8)
    if both_sides:
        edge[:, :-1] |= np.where(labels[:, 1:] != labels[:, :-1], 255, 0).astype(np.uint8)
        edge[:-1] |= np.where(labels[1:] != labels[:-1], 255, 0).astype(np.uint8)
    marked = labels | ~edge
    # Beside unlabelled pixels the line takes the colour of the class on the other side.
    bare = (edge != 0) & (labels == IGNORE)
    if bare.any():
        rows, columns = np.nonzero(bare)
        left = labels[rows, np.maximum(columns - 1, 0)]
        above = labels[np.maximum(rows - 1, 0), columns]
        # With lines on both sides the class's own side carries the other half.
        marked[rows, columns] = np.where(left != IGNORE, left, above)
    return marked


def _draw(painter: QPainter, indices: Labels, left: int, top: int, table: Table) -> None:
    height, width = indices.shape
    # Looked up here and handed over premultiplied: Qt's own way from indices takes twice as long.
    pixels = np.take(table, indices)
    image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied)
    painter.drawImage(QPoint(left, top), image)

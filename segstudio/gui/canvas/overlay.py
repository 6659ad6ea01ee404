"""The labels over the image: sampled at screen resolution, coloured by table, outlined and hatched."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage, QPainter

from segstudio.gui.canvas.modes import Layer, OutlineMode
from segstudio.gui.canvas.view import View

IGNORE = 255
HATCH_PERIOD = 12
HATCH_WIDTH = 2
HATCH = 0x5AFFFFFF
HATCH_DARK = 0x46000000
GREY = (128, 128, 128)


@dataclass(frozen=True)
class OverlayStyle:
    """How labels are shown; changing it costs a table of 256 colours."""

    colours: bytes = bytes(768)
    opacity: float = 0.5
    outline: OutlineMode = OutlineMode.FILL
    hidden: frozenset[int] = frozenset()
    solo: int | None = None

    def fill_table(self) -> list[int]:
        """256 ARGB values for the areas."""
        alpha = 0.0 if self.outline is OutlineMode.OUTLINE else self.opacity
        return self._table(alpha)

    def line_table(self) -> list[int]:
        """256 ARGB values for the outlines: nearly opaque, whatever the areas are."""
        return self._table(max(self.opacity, 0.9) if self.opacity > 0 else 0.0)

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


def heat_table(opacity: float) -> list[int]:
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
    """Draws one layer for any rectangle of the screen; holds no pixels of its own."""

    def __init__(self) -> None:
        self.mask: NDArray[np.uint8] | None = None
        self.prediction: NDArray[np.uint8] | None = None
        self.confidence: NDArray[np.uint8] | None = None
        self.layer = Layer.MASK
        self._style = OverlayStyle()
        self._fill = self._style.fill_table()
        self._line = self._style.line_table()

    @property
    def style(self) -> OverlayStyle:
        """How labels are shown."""
        return self._style

    @style.setter
    def style(self, style: OverlayStyle) -> None:
        self._style = style
        self._fill, self._line = style.fill_table(), style.line_table()

    def source(self) -> NDArray[np.uint8] | None:
        """The array whose pixels the layer shows, or None when it has none."""
        if self.layer is Layer.MASK:
            return self.mask
        if self.layer is Layer.CONFIDENCE:
            return self.confidence
        return self.prediction

    def paint(self, painter: QPainter, view: View, x: int, y: int, width: int, height: int) -> None:
        """Paints the screen rectangle at (x, y); the painter works in screen pixels."""
        source = self.source()
        if source is None:
            return
        # One pixel more on the left and above: outlines compare with those neighbours.
        columns, left = view.columns(x - 1, x + width, source.shape[1])
        rows, top = view.rows(y - 1, y + height, source.shape[0])
        if not columns.size or not rows.size:
            return
        labels = sampled(source, rows, columns)
        if self.layer is Layer.CONFIDENCE:
            _draw(painter, labels, left, top, heat_table(self._style.opacity))
            return
        if self.layer is Layer.DIFFERENCE:
            if self.mask is None:
                return
            same = sampled(self.mask, rows, columns) == labels
            labels[same] = IGNORE
        if self._style.outline is not OutlineMode.OUTLINE:
            _draw(painter, labels, left, top, self._fill)
        if self.layer is not Layer.DIFFERENCE:
            self._hatch(painter, labels, left, top, left - view.left + top - view.top)
        if self._style.outline is not OutlineMode.FILL:
            _draw(painter, borders(labels), left, top, self._line)

    def _hatch(self, painter: QPainter, labels: NDArray[np.uint8], left: int, top: int, phase: int) -> None:
        """Stripes where no class is, so that it is never mistaken for a class or for nothing."""
        empty = labels == IGNORE
        if not empty.any() or self._style.opacity == 0:
            return
        # A wholly unlabelled image stays readable under it: the stripes are thin and faint.
        height, width = labels.shape
        # Counted from the image's corner, so that stripes move with it.
        slant = np.arange(phase, phase + width)[None, :] + np.arange(height)[:, None]
        stripe = slant % HATCH_PERIOD
        marks = np.zeros(labels.shape, np.uint8)
        marks[empty & (stripe < HATCH_WIDTH)] = 1
        marks[empty & (stripe >= HATCH_WIDTH) & (stripe < 2 * HATCH_WIDTH)] = 2
        _draw(painter, marks, left, top, [0, HATCH, HATCH_DARK] + [0] * 253)


def sampled(
    source: NDArray[np.uint8], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """The labels under screen rows and columns, uint8 [rows,columns], contiguous."""
    if _is_run(rows) and _is_run(columns):
        return source[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return np.take(source[rows], columns, axis=1)


def _is_run(positions: NDArray[np.intp]) -> bool:
    return bool(positions[-1] - positions[0] + 1 == positions.size)


def borders(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The labels of pixels that differ from their left or upper neighbour; 255 elsewhere."""
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:, :] |= labels[1:, :] != labels[:-1, :]
    marked = np.where(edge, labels, np.uint8(IGNORE))
    # Beside unlabelled pixels the line takes the colour of the class on the other side.
    bare = edge & (labels == IGNORE)
    if bare.any():
        rows, columns = np.nonzero(bare)
        left = labels[rows, np.maximum(columns - 1, 0)]
        above = labels[np.maximum(rows - 1, 0), columns]
        marked[rows, columns] = np.where(left != IGNORE, left, above)
    return marked


def _draw(painter: QPainter, indices: NDArray[np.uint8], left: int, top: int, table: list[int]) -> None:
    height, width = indices.shape
    indices = np.ascontiguousarray(indices)
    image = QImage(indices.data, width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable(table)
    painter.drawImage(QPoint(left, top), image)

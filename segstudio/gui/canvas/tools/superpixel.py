"""The superpixel tool: cells of like colour are added to a class one by one, or as many as a drag crosses."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.regions import Region
from segstudio.annotation.superpixels import Superpixels
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.cell_stroke import AddedCells, CellStroke
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.held import HeldTool
from segstudio.gui.canvas.tools.tool import UNLABELLED, Touch

# A drag looks for cells at so many places of a cell's side.
PLACES_A_SIDE = 4


class SuperpixelTool(HeldTool):
    """Cells take the active class; a cell clicked again gets back what was below it.

    The opposite removes: what was added is given back, other cells become unlabelled. With Shift a cell ends
    at the borders of the predicted classes, or of the mask's where there is no prediction.
    """

    has_options = True

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._cells: Superpixels | None = None
        self._of: NDArray[np.uint8] | None = None
        self._added = AddedCells()
        self._keeps_borders = False

    def begin(self, touch: Touch) -> CellStroke | None:
        """See HeldTool."""
        canvas, cells = self._canvas, self._found()
        if touch.pixel is None or cells is None or canvas.document is None:
            return None
        self._keeps_borders = touch.shift
        classes = self._classes()
        if classes is canvas.document.array:
            # The stroke itself must not move the borders.
            classes = classes.copy()
        return CellStroke(
            canvas.document,
            lambda x, y: cells.cell_at(x, y, classes),
            self._added,
            cells.side / PLACES_A_SIDE,
            canvas.active_class,
            UNLABELLED if touch.opposite else None,
            canvas.protection_at(touch.pixel),
            True if touch.opposite else None,
            touch.point,
        )

    def hover(self, touch: Touch) -> None:
        """See CanvasTool."""
        self._keeps_borders = touch.shift

    def forget(self) -> None:
        """See CanvasTool."""
        self._cells = self._of = None
        self._added.clear()

    def marks(self, cursor: Point) -> QRect:
        """See CanvasTool."""
        cell = self._cell(cursor)
        return QRect() if cell is None else cursors.screen_rect(self._canvas.view, cell.rect, 3)

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the outline of the cell at the cursor."""
        cell = self._cell(cursor) if cursor is not None else None
        if cell is not None:
            cursors.draw_region(painter, self._canvas.view, cell, screen)

    def _cell(self, cursor: Point) -> Region | None:
        pixel, cells = self._canvas.pixel_at(cursor), self._found()
        return None if pixel is None or cells is None else cells.cell_at(*pixel, self._classes())

    def _found(self) -> Superpixels | None:
        """The cells of the image that is shown, in the size that is chosen."""
        rgb, side = self._canvas.rgb, self._canvas.options.cell
        if rgb is None:
            return None
        if self._cells is None or rgb is not self._of or side != self._cells.side:
            self._cells, self._of = Superpixels(rgb, side), rgb
        return self._cells

    def _classes(self) -> NDArray[np.uint8] | None:
        """The classes whose borders cells keep to, uint8 [H,W]; None for none."""
        canvas = self._canvas
        if not self._keeps_borders or canvas.document is None:
            return None
        prediction = canvas.overlay.prediction
        fits = prediction is not None and prediction.shape == canvas.document.array.shape
        return prediction if fits else canvas.document.array

"""The superpixel tool: cells of like colour are added to a class one by one, or as many as a drag crosses."""

from time import monotonic

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.regions import Region
from segstudio.annotation.superpixels import Superpixels, Tile
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.cell_stroke import AddedCells, CellStroke
from segstudio.gui.canvas.cell_tiles import TileQuestion
from segstudio.gui.canvas.interactions import HoverRegion
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.held import HeldTool
from segstudio.gui.canvas.tools.tool import UNLABELLED, Touch

# So long the window may stand still for what a stroke still waits for, in seconds.
LONGEST_S = 0.08
WAIT = "The cells under the last stroke are being found: it ends in a moment"
STOPPED = "Finding cells was stopped: the rest of the stroke is not painted"


class SuperpixelTool(HeldTool):
    """Cells take the active class; a cell clicked again gets back what was below it.

    The opposite removes: what was added is given back, other cells become unlabelled. With Shift a cell ends
    at the borders of the predicted classes, or of the mask's where there is no prediction.

    Cells are found tile by tile by a worker. A stroke waits where they are not at hand, and goes on when they
    come, even after its release; so what it paints never depends on how fast they came.
    """

    has_options = True

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._cells: Superpixels | None = None
        self._of: NDArray[np.uint8] | None = None
        self._added = AddedCells()
        self._keeps_borders = False
        self._hover = HoverRegion()
        self._cursor: Point | None = None
        self._question: TileQuestion | None = None
        # Whether the button came up while the stroke waited.
        self._ending = False

    # -- the stroke ---------------------------------------------------------------------------------------

    @property
    def is_held(self) -> bool:
        """See CanvasTool; a stroke that was let go and waits is not held."""
        return super().is_held and not self._ending

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
            cells,
            classes,
            self._added,
            canvas.active_class,
            UNLABELLED if touch.opposite else None,
            canvas.protection_at(touch.pixel),
            True if touch.opposite else None,
            touch.point,
        )

    def press(self, touch: Touch) -> None:
        """Begins the stroke, unless the one before still waits."""
        if self._stroke is not None:
            self._canvas.status_text.emit(WAIT)
            return
        super().press(touch)
        self._ask_for_stroke()

    def drag(self, touch: Touch) -> None:
        """Moves it along, as far as cells are at hand."""
        if not self._ending:
            super().drag(touch)
            self._ask_for_stroke()

    def release(self, touch: Touch) -> None:
        """Ends it, once its cells are at hand."""
        self._end()

    def focus_lost(self) -> None:
        """Ends it: nobody may say that the button came up."""
        self._end()

    def _end(self) -> None:
        self._ending = self._waiting() is not None
        if not self._ending:
            self.finish()

    def finish(self) -> None:
        """Ends it now: another mask or tool comes at once, and nothing that is painted may be lost.

        Cells that are missing are found here for as long as nobody notices; what is left is not painted.
        """
        stroke, start, slowest = self._waiting(), monotonic(), 0.0
        while stroke is not None and (tile := stroke.waits_for) is not None:
            before = monotonic()
            if before - start + slowest > LONGEST_S:
                stroke.stop_here()
                self._canvas.status_text.emit(STOPPED)
                break
            stroke.cells.keep(tile, stroke.cells.find(tile))
            self._canvas.update_image_rect(stroke.go_on())
            slowest = max(slowest, monotonic() - before)
        self._ending = False
        super().finish()

    def cancel(self) -> bool:
        """Takes it back."""
        self._ending = False
        return super().cancel()

    def _waiting(self) -> CellStroke | None:
        """The stroke, if it waits for a tile."""
        stroke = self._stroke
        return stroke if isinstance(stroke, CellStroke) and stroke.waits_for is not None else None

    # -- tiles --------------------------------------------------------------------------------------------

    def _ask_for_stroke(self) -> None:
        stroke = self._waiting()
        if stroke is not None and stroke.waits_for is not None:
            self._ask(stroke.cells, stroke.waits_for)

    def _ask(self, cells: Superpixels, tile: Tile) -> None:
        asked = self._question
        if asked is None or asked.cells is not cells or asked.tile != tile:
            self._question = TileQuestion(cells, tile, self._answered)
            self._canvas.ask_cells(self._question)

    def _answered(self, question: TileQuestion) -> None:
        """A tile came, or nobody looks for it any more."""
        if question is not self._question:
            return
        self._question = None
        is_here, stroke = question.cells.knows(question.tile), self._stroke
        if isinstance(stroke, CellStroke):
            if not is_here and (stroke.cells, stroke.waits_for) == (question.cells, question.tile):
                stroke.stop_here()
                self._canvas.status_text.emit(STOPPED)
            self._canvas.update_image_rect(stroke.go_on())
            self._ask_for_stroke()
            if self._ending:
                self._end()
        if is_here and self._cursor is not None:
            self._canvas.update_screen_rect(self.marks(self._cursor))

    def _found(self) -> Superpixels | None:
        """The cells of the image that is shown, in the size that is chosen."""
        rgb, side = self._canvas.rgb, self._canvas.options.cell
        if rgb is None:
            return None
        if self._cells is None or rgb is not self._of or side != self._cells.side:
            self._cells, self._of = Superpixels(rgb, side), rgb
            self._hover.forget()
        return self._cells

    # -- the cursor ---------------------------------------------------------------------------------------

    def hover(self, touch: Touch) -> None:
        """See CanvasTool."""
        self._keeps_borders = touch.shift

    def mask_changed(self) -> None:
        """The cell under the cursor may end at other borders."""
        cell = self._hover.forget()
        if cell is not None:
            self._canvas.update_screen_rect(cursors.screen_rect(self._canvas.view, cell.rect, 3))

    def forget(self) -> None:
        """See CanvasTool."""
        self._cells = self._of = self._question = self._cursor = None
        self._hover.forget()
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
        """The cell at the cursor; None beside the image and while it is being found."""
        self._cursor = cursor
        pixel, cells = self._canvas.pixel_at(cursor), self._found()
        if pixel is None or cells is None:
            return None
        tile = cells.tile_at(*pixel)
        if not cells.knows(tile) and self._waiting() is None:
            self._ask(cells, tile)
        if not cells.knows(tile):
            return None
        classes, document = self._classes(), self._canvas.document
        if document is not None and document.in_stroke and classes is document.array:
            # The stroke moves the borders.
            self._hover.forget()
        stamp = (id(classes), document.revision if document is not None else 0)
        return self._hover.found(stamp, lambda: cells.cell_at(*pixel, classes), *pixel)

    def _classes(self) -> NDArray[np.uint8] | None:
        """The classes whose borders cells keep to, uint8 [H,W]; None for none."""
        canvas = self._canvas
        if not self._keeps_borders or canvas.document is None:
            return None
        prediction = canvas.overlay.prediction
        fits = prediction is not None and prediction.shape == canvas.document.array.shape
        return prediction if fits else canvas.document.array

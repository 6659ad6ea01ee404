"""Tools that change the region that is clicked: fill, relabel, and take over what was predicted."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.regions import Region
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors, interactions
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.tool import CanvasTool, Touch

# Regions of more pixels take so long to find that the window would stumble.
HUGE = 4_000_000


class RegionTool(CanvasTool):
    """Outlines the region under the cursor; subclasses say what a click does to it."""

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._hover = interactions.HoverRegion()
        self._resting = False

    def region(self, cursor: Point | None) -> Region | None:
        """The region under the cursor, or None."""
        canvas = self._canvas
        pixel = canvas.pixel_at(cursor) if cursor is not None else None
        if pixel is None or canvas.document is None or self._resting:
            return None
        array, revision = self.source()
        return None if array is None else self._hover.at(array, revision, *pixel)

    def source(self) -> tuple[NDArray[np.uint8] | None, int]:
        """The ids in which regions are looked for, uint8 [H,W], and the revision that they have."""
        document = self._canvas.document
        return (document.array, document.revision) if document is not None else (None, 0)

    def mask_changed(self) -> None:
        """The region under the cursor may be another one, with another outline."""
        region = self._hover.forget()
        if region is not None:
            # To find another huge one at once would double the time of the edit that was just made.
            self._resting = region.area > HUGE
            self._canvas.update_screen_rect(cursors.screen_rect(self._canvas.view, region.rect, 3))

    def hover(self, touch: Touch) -> None:
        """The pointer moved: the region there is of interest again."""
        self._resting = False

    def forget(self) -> None:
        """See CanvasTool."""
        self._hover.forget()
        self._resting = False

    def marks(self, cursor: Point) -> QRect:
        """See CanvasTool."""
        region = self.region(cursor)
        return QRect() if region is None else cursors.screen_rect(self._canvas.view, region.rect, 3)

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the region's outline."""
        region = self.region(cursor)
        if region is not None:
            cursors.draw_region(painter, self._canvas.view, region, screen)


class FillTool(CanvasTool):
    """The clicked region takes the active class; with Ctrl, its class does so everywhere."""

    def press(self, touch: Touch) -> None:
        """See CanvasTool."""
        canvas = self._canvas
        if touch.pixel is None or canvas.document is None:
            return
        protection = canvas.protection_at(touch.pixel)
        value, document = canvas.active_class, canvas.document
        if touch.control:
            everywhere = interactions.fill_everywhere(document, *touch.pixel, value, protection, "Fill class")
            canvas.change_mask(everywhere)
        else:
            canvas.report_edit(interactions.relabel(document, *touch.pixel, value, protection, "Fill"))


class RelabelTool(RegionTool):
    """The clicked region takes the active class."""

    def press(self, touch: Touch) -> None:
        """See CanvasTool."""
        canvas = self._canvas
        if touch.pixel is not None and canvas.document is not None:
            document, value = canvas.document, canvas.active_class
            protection = canvas.protection_at(touch.pixel)
            region = self._hover.at(document.array, document.revision, *touch.pixel)
            canvas.report_edit(interactions.relabel_region(document, region, value, protection, "Relabel"))


class AcceptRegionTool(RegionTool):
    """The clicked region of the prediction is taken over."""

    def source(self) -> tuple[NDArray[np.uint8] | None, int]:
        """The prediction's."""
        return self._canvas.overlay.prediction, 0

    def press(self, touch: Touch) -> None:
        """See CanvasTool."""
        canvas = self._canvas
        document, prediction = canvas.document, canvas.overlay.prediction
        if touch.pixel is None or document is None:
            return
        if prediction is None or prediction.shape != document.array.shape:
            canvas.status_text.emit("There is no prediction to accept from: predict this image first")
            return
        protection = canvas.protection_at(touch.pixel)
        canvas.report_edit(interactions.accept_at(document, prediction, *touch.pixel, protection))

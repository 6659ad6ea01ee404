"""Tools that change nothing: the eyedropper, and the hand that pans."""

from PySide6.QtCore import Qt

from segstudio.gui.canvas.tools.tool import CanvasTool, Touch


class PickTool(CanvasTool):
    """The class of the clicked pixel becomes active."""

    edits = False

    def press(self, touch: Touch) -> None:
        """See CanvasTool."""
        document = self._canvas.document
        if touch.pixel is not None and document is not None:
            self._canvas.class_picked.emit(int(document.array[touch.pixel[1], touch.pixel[0]]))


class PanTool(CanvasTool):
    """The Pointer pans; this only looks like a hand."""

    edits = False
    shape = Qt.CursorShape.OpenHandCursor

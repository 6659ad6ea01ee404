"""Keeps the brush's size on screen while the zoom changes, if the user wants that."""

from PySide6.QtCore import QObject

from segstudio.gui.canvas.canvas import Canvas


class ScreenBrush(QObject):
    """Follows the zoom with the brush's radius, which stays one in image pixels.

    The size that was chosen last is kept, so that a brush at its limit comes back as the zoom does.
    """

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._on_screen = canvas.brush_radius * canvas.view.scale
        self._following = False
        canvas.zoom_changed.connect(self._zoomed)
        canvas.brush_radius_changed.connect(self._resized)

    def _zoomed(self, scale: float) -> None:
        if not self._canvas.options.on_screen:
            self._on_screen = self._canvas.brush_radius * scale
            return
        self._following = True
        self._canvas.set_brush_radius(self._on_screen / scale)
        self._following = False

    def _resized(self, radius: float) -> None:
        if not self._following:
            self._on_screen = radius * self._canvas.view.scale

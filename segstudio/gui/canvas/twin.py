"""The twin: a second view of the canvas's scene that shows another layer, moves with it and edits nothing."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent

from segstudio.annotation.rect import Rect
from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.captions import Captions, Legend
from segstudio.gui.canvas.furniture import Furniture
from segstudio.gui.canvas.looks import CanvasLooks
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.canvas.names import Crosshair
from segstudio.gui.canvas.navigation import Navigation
from segstudio.gui.canvas.viewer import Viewer

PANNING = (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton)


class Twin(Viewer):
    """Shares image, labels and looks with a canvas; both always show the same part at the same scale.

    `pointed` carries the image point under the cursor, None when it is elsewhere.
    """

    pointed = Signal(object)

    def __init__(self, canvas: CanvasLooks) -> None:
        self.layer = Layer.IMAGE
        super().__init__(canvas.scene)
        self._canvas = canvas
        self._navigation = Navigation(canvas)
        self.captions, self.legend = Captions(self), Legend(self)
        self.captions.named = True
        self.crosshair = Crosshair(self)
        self.furniture = Furniture(self, (self.crosshair, self.captions, self.legend))
        self.setAccessibleName("Compared layer")
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        canvas.view_changed.connect(self.follow)
        canvas.repainted.connect(self._repaint)
        self.follow()

    def shown_layers(self) -> tuple[Layer, ...]:
        """The layer that is compared with."""
        return (self.layer,)

    def set_layer(self, layer: Layer) -> None:
        """Shows another layer."""
        if layer is not self.layer:
            self.layer = layer
            self.update()

    def follow(self) -> None:
        """Shows the part that the canvas shows."""
        self.set_view(self._canvas.view)

    def _repaint(self, rect: Rect | None) -> None:
        if rect is None:
            self.update()
        elif self.layer in (Layer.MASK, Layer.DIFFERENCE):
            around = rect.grown(self.scene.overlay.style.reach)
            self.update_screen_rect(cursors.screen_rect(self.view, around, 3))

    # -- mouse --------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes the image along."""
        if event.button() in PANNING:
            self._navigation.take(event.position())
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pans both, or shows on the canvas where the cursor is."""
        place = event.position()
        if self._navigation.is_panning:
            self._navigation.drag(place)
            return
        ratio = self.devicePixelRatioF()
        self.pointed.emit(self.view.to_image(place.x() * ratio, place.y() * ratio))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Lets the image go."""
        if event.button() in PANNING:
            self._navigation.let_go()
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zooms both about the cursor, or pans both by a touchpad."""
        event.accept()
        if self.has_image:
            self._navigation.wheel(event)

    def leaveEvent(self, event: QEvent) -> None:
        """The cursor went."""
        self.pointed.emit(None)
        super().leaveEvent(event)

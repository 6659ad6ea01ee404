"""Viewer: a widget that shows a scene at a view; the canvas and its twin beside it are viewers."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.gui.canvas.furniture import Furniture
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.canvas.painting import (
    Frame,
    Painting,
    Pane,
    Scene,
    paint_empty,
    rectangles,
    screen_size,
    surround,
)
from segstudio.gui.canvas.view import View, fitted, fitted_width

HINT = "Open a folder of images to begin"


class Viewer(QWidget):
    """Draws what is visible of a scene.

    Painting costs what it touches: the image is drawn once a view into a buffer of the screen's size, labels
    are sampled from the arrays themselves for the dirty rectangle alone.
    """

    zoom_changed = Signal(float)
    view_changed = Signal()

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scene = scene
        self.view = View()
        self.furniture = Furniture(self, ())
        self._painting = Painting(scene)
        self._fitting = True
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)

    @property
    def has_image(self) -> bool:
        """Whether an image is shown."""
        return self.scene.image is not None

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the image, (0, 0) without one."""
        return self.scene.size

    def shown_layers(self) -> tuple[Layer, ...]:
        """The layers in sight, from left to right."""
        return (self.scene.overlay.layer,)

    def panes(self) -> list[Pane]:
        """The parts of the widget and the layer of each; none when the bare image is shown."""
        return [Pane(QRect(QPoint(), QSize(*self.screen_size())), layer) for layer in self.shown_layers()]

    # -- view ---------------------------------------------------------------------------------------------

    def set_view(self, view: View, *, fitting: bool = False) -> None:
        """Shows another part or scale; moves drawn pixels where it can."""
        old, self.view, self._fitting = self.view, view, fitting
        if view == old:
            return
        ratio = self.devicePixelRatioF()
        dx, dy = view.left - old.left, view.top - old.top
        whole = ratio == int(ratio) and dx % int(ratio) == dy % int(ratio) == 0
        # Pixels of one pane must not be moved into another.
        if view.scale == old.scale and whole and len(self.panes()) < 2:
            self.view = old
            self.update_marks()
            self.view = view
            self.scroll(dx // int(ratio), dy // int(ratio))
            self.update_marks()
        else:
            self.update()
        if view.scale != old.scale:
            self.zoom_changed.emit(view.scale)
        self.view_changed.emit()

    def update_marks(self) -> None:
        """Repaints what does not move with the image; called before and after drawn pixels are moved."""
        self.furniture.update()

    def view_state(self) -> View:
        """What `set_view_state` brings back."""
        return self.view

    def set_view_state(self, state: View) -> None:
        """Shows the part and scale of before."""
        self.set_view(state)

    def fit(self) -> None:
        """Shows the whole image."""
        if self.has_image:
            self.set_view(fitted(self.image_size, self.screen_size()), fitting=True)

    def fit_width(self) -> None:
        """Shows the whole width of the image."""
        if self.has_image:
            self.set_view(fitted_width(self.image_size, self.screen_size()))

    def zoom_to(self, scale: float) -> None:
        """Shows the image at a scale (1 is one screen pixel an image pixel), about the middle."""
        width, height = self.screen_size()
        self.set_view(self.view.zoomed(scale, width / 2, height / 2))

    def zoom_by(self, factor: float, anchor: tuple[float, float] | None = None) -> None:
        """Multiplies the scale; the image point under `anchor` (screen pixels) stays there."""
        width, height = self.screen_size()
        x, y = anchor or (width / 2, height / 2)
        self.set_view(self.view.zoomed(self.view.scale * factor, x, y))

    def screen_size(self) -> tuple[int, int]:
        """(width, height) in screen pixels."""
        return screen_size(self)

    # -- painting -----------------------------------------------------------------------------------------

    def update_screen_rect(self, rect: QRect) -> None:
        """Repaints screen pixels."""
        ratio = self.devicePixelRatioF()
        left, top = int(rect.left() // ratio) - 1, int(rect.top() // ratio) - 1
        right, bottom = int(rect.right() // ratio) + 2, int(rect.bottom() // ratio) + 2
        self.update(QRect(QPoint(left, top), QPoint(right, bottom)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws what the event's region needs, in screen pixels."""
        painter = QPainter(self)
        if not self.has_image:
            paint_empty(self, painter, event.rect(), HINT)
            return
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        self.scene.overlay.unit = max(1, round(ratio))
        width, height = self.screen_size()
        areas = rectangles(event.region(), ratio, width, height)
        self._painting.paint(painter, Frame(self.view, (width, height), surround(self)), areas, self.panes())
        self.paint_tool(painter, QRect(0, 0, width, height))
        painter.scale(ratio, ratio)
        self.furniture.paint(painter, event.rect())

    def paint_tool(self, painter: QPainter, screen: QRect) -> None:
        """Draws what a tool shows over the image, in screen pixels."""

    def sizeHint(self) -> QSize:
        """Large enough to work in."""
        return QSize(960, 640)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps a fitted image fitted."""
        self._painting.forget()
        if self._fitting:
            self.fit()
        super().resizeEvent(event)

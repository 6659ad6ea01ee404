"""What lies on the canvas and stays in place while the image moves: minimap, divider, captions, legend."""

from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, QRect, Qt
from PySide6.QtGui import QCursor, QFont, QMouseEvent, QPainter

from segstudio.gui.canvas.modes import Layer
from segstudio.gui.canvas.painting import Scene
from segstudio.gui.canvas.view import View

LEFT = Qt.MouseButton.LeftButton
NO_BUTTON = Qt.MouseButton.NoButton


class Host(Protocol):
    """The widget that furniture lies on; places are widget pixels."""

    scene: Scene
    view: View

    def shown_layers(self) -> tuple[Layer, ...]:
        """The layers in sight, from left to right; none when the bare image is shown."""

    def set_view(self, view: View) -> None:
        """Shows another part or scale."""

    def update(self, rect: QRect) -> None:
        """Repaints a rectangle."""

    def width(self) -> int:
        """Of the widget."""

    def height(self) -> int:
        """Of the widget."""

    def devicePixelRatioF(self) -> float:
        """Screen pixels a widget pixel."""

    def font(self) -> QFont:
        """For texts."""

    def cursor(self) -> QCursor:
        """The mouse cursor's shape at present."""

    def setCursor(self, cursor: QCursor | Qt.CursorShape) -> None:
        """Changes it."""

    def leaveEvent(self, event: QEvent) -> None:
        """The cursor is no longer over the image."""


class Piece:
    """One thing on the canvas; this base lies nowhere and takes nothing."""

    shape = Qt.CursorShape.ArrowCursor
    # Whether it lies on the image, so that scrolled pixels carry it along.
    is_on_image = False

    def __init__(self, host: Host) -> None:
        self.host = host

    def rect(self) -> QRect:
        """Where it is, empty when it is not shown."""
        return QRect()

    def paint(self, painter: QPainter) -> None:
        """Draws it."""

    def holds(self, place: QPointF) -> bool:
        """Whether a press there is meant for it."""
        return False

    def press(self, place: QPointF) -> None:
        """The left button went down on it."""

    def drag(self, place: QPointF) -> None:
        """The cursor moved with the button held."""

    def release(self) -> None:
        """The button went up."""

    def stroke_near(self, place: QPointF | None) -> None:
        """Somebody draws on the image at a place; None when that ended."""


class Furniture:
    """All pieces of a canvas: paints them, and gives them the mouse where they lie."""

    def __init__(self, host: Host, pieces: tuple[Piece, ...]) -> None:
        self._host = host
        self._pieces = pieces
        self._held: Piece | None = None
        self._over: Piece | None = None
        self._shape = QCursor()

    def update(self) -> None:
        """Repaints every piece that stays, before and after the pixels under it are moved."""
        for piece in self._pieces:
            rect = QRect() if piece.is_on_image else piece.rect()
            if not rect.isEmpty():
                self._host.update(rect)

    def paint(self, painter: QPainter, dirty: QRect) -> None:
        """Draws the pieces that a dirty rectangle touches, in widget pixels."""
        for piece in self._pieces:
            if piece.rect().intersects(dirty):
                painter.save()
                piece.paint(painter)
                painter.restore()

    def takes(self, event: QMouseEvent) -> bool:
        """Whether a mouse event was for a piece; then the tool must not see it."""
        kind, place = event.type(), event.position()
        if kind == QEvent.Type.MouseMove:
            return self._moved(event, place)
        if kind == QEvent.Type.MouseButtonRelease:
            return self._released(event)
        if self._held is None and event.button() == LEFT and event.buttons() in (LEFT, NO_BUTTON):
            self._held = self._under(place)
        if self._held is None:
            return False
        if event.button() == LEFT:
            self._held.press(place)
        return True

    def _under(self, place: QPointF) -> Piece | None:
        return next((piece for piece in self._pieces if piece.holds(place)), None)

    def _moved(self, event: QMouseEvent, place: QPointF) -> bool:
        if self._held is not None:
            self._held.drag(place)
            return True
        if event.buttons() != NO_BUTTON:
            for piece in self._pieces:
                piece.stroke_near(place)
            return False
        under = self._under(place)
        if under is not self._over:
            self._enter(under)
        return under is not None

    def _enter(self, piece: Piece | None) -> None:
        host = self._host
        if self._over is None:
            self._shape = host.cursor()
            host.leaveEvent(QEvent(QEvent.Type.Leave))
        self._over = piece
        host.setCursor(self._shape if piece is None else piece.shape)

    def _released(self, event: QMouseEvent) -> bool:
        for piece in self._pieces:
            piece.stroke_near(None)
        if self._held is None:
            return False
        if event.button() == LEFT:
            self._held.release()
            self._held = None
        return True

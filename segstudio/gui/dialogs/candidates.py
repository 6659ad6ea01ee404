"""A short list at the cursor of what the model sees in a region; a digit, Enter or a click picks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from segstudio.gui.keys.held_keys import plain_press
from segstudio.gui.keys.physical_keys import class_slot
from segstudio.gui.panels.parts import ElidedLabel, caption, rule
from segstudio.gui.theme import ThemeSwitch

ROW_HEIGHT = 30
WIDTH = 300
BAR_WIDTH, SCORE_WIDTH = 56, 36
# Digits name no more.
SHOWN = 9
DISTANCE = 14
MARGIN = 8


@dataclass(frozen=True)
class CandidateRow:
    """A class's name, its score 0-1 and its colour."""

    name: str
    score: float
    colour: tuple[int, int, int]


class _Rows(QWidget):
    """The rows, painted; they follow the mouse and the arrow keys."""

    def __init__(
        self, rows: Sequence[CandidateRow], themes: ThemeSwitch, take: Callable[[int], None]
    ) -> None:
        super().__init__()
        self.rows = tuple(rows[:SHOWN])
        self.current = 0
        self._themes = themes
        self._take = take
        self.setFixedHeight(ROW_HEIGHT * len(self.rows))
        self.setMouseTracking(True)

    def step(self, by: int) -> None:
        self.choose((self.current + by) % len(self.rows))

    def choose(self, row: int) -> None:
        self.current = min(max(row, 0), len(self.rows) - 1)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.choose(int(event.position().y()) // ROW_HEIGHT)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.rect().contains(event.position().toPoint()):
            self._take(int(event.position().y()) // ROW_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, row in enumerate(self.rows):
            area = QRect(0, number * ROW_HEIGHT, self.width(), ROW_HEIGHT)
            self._paint_row(painter, area, number, row)

    def _paint_row(self, painter: QPainter, area: QRect, number: int, row: CandidateRow) -> None:
        theme, middle = self._themes.current, Qt.AlignmentFlag.AlignVCenter
        if number == self.current:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("selection"))
            painter.drawRoundedRect(area, 6, 6)
        inner = area.adjusted(8, 0, -8, 0)
        painter.setPen(theme.colour("muted"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | middle, str(number + 1))
        painter.setPen(theme.colour("edge"))
        painter.setBrush(QColor(*row.colour))
        painter.drawRoundedRect(QRect(inner.left() + 18, inner.center().y() - 6, 13, 13), 3, 3)
        painter.setPen(theme.colour("text"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | middle, f"{row.score:.2f}")
        bar = QRectF(inner.right() - SCORE_WIDTH - BAR_WIDTH, inner.center().y() - 1.5, BAR_WIDTH, 4)
        words = inner.adjusted(40, 0, 0, 0)
        words.setRight(int(bar.left()) - 8)
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideMiddle, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | middle, name)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("pressed"))
        painter.drawRoundedRect(bar, 2, 2)
        painter.setBrush(theme.colour("accent"))
        bar.setWidth(max(BAR_WIDTH * min(row.score, 1.0), 2))
        painter.drawRoundedRect(bar, 2, 2)


class CandidateChooser(QFrame):
    """Lies in its window at the cursor; Esc or a click elsewhere leaves.

    `chosen` is called with the place of a row after it has closed.
    """

    def __init__(
        self,
        window: QWidget,
        themes: ThemeSwitch,
        title: str,
        rows: Sequence[CandidateRow],
        chosen: Callable[[int], None],
    ) -> None:
        super().__init__(window)
        self.setObjectName("chooser")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"What the model sees in {title}")
        self._chosen = chosen
        self._before = window.focusWidget()
        head = ElidedLabel(title, Qt.TextElideMode.ElideMiddle)
        head.setProperty("role", "heading")
        self.rows = _Rows(rows, themes, self._take)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for widget in (head, rule(), self.rows, caption("A digit or Enter takes it, Esc leaves", "small")):
            layout.addWidget(widget)
        self.setFixedWidth(WIDTH)

    def open_at(self, place: QPoint) -> None:
        """Shows it beside a point of the window, wholly inside, with the keyboard."""
        parent = self.parentWidget()
        assert parent is not None
        self.adjustSize()
        x, y = place.x() + DISTANCE, place.y() + DISTANCE
        if x + self.width() > parent.width() - MARGIN:
            x = place.x() - DISTANCE - self.width()
        if y + self.height() > parent.height() - MARGIN:
            y = place.y() - DISTANCE - self.height()
        self.move(max(x, MARGIN), max(y, MARGIN))
        self.show()
        self.raise_()
        self.setFocus()

    def leave(self) -> None:
        """Closes it and gives the keyboard back, unless that is elsewhere already."""
        if self.isVisible():
            if self.hasFocus() and self._before is not None:
                self._before.setFocus()
            self.close()

    def _take(self, place: int) -> None:
        if 0 <= place < len(self.rows.rows):
            self.leave()
            self._chosen(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Enter, Esc and digits; nothing goes on to the window."""
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.rows.current)
        elif key == Qt.Key.Key_Escape:
            self.leave()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.rows.step(-1 if key == Qt.Key.Key_Up else 1)
        elif (digit := class_slot(plain_press(event))) is not None:
            self._take(digit)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """A click elsewhere leaves."""
        super().focusOutEvent(event)
        QTimer.singleShot(0, self, self.leave)

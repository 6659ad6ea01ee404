"""A list to type into: commands (Ctrl+K) and classes (/) are found by parts of their names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGraphicsDropShadowEffect,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.panels.parts import rule
from segstudio.gui.theme import ThemeSwitch

CHOICE_ROLE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
ROW_HEIGHT = 34
WIDTH, ROWS = 560, 10


@dataclass(frozen=True)
class Choice:
    """An entry: its text, a remark at the right, the path where it belongs, and the value it stands for."""

    text: str
    value: Any
    remark: str = ""
    path: str = ""
    colour: tuple[int, int, int] | None = None


def matching(choices: Sequence[Choice], typed: str) -> list[Choice]:
    """Choices that hold every typed word in text or path; those whose text starts with it come first."""
    words = typed.casefold().split()
    found = [
        choice
        for choice in choices
        if all(word in f"{choice.path} {choice.text}".casefold() for word in words)
    ]
    start = typed.casefold().strip()
    return sorted(found, key=lambda choice: not choice.text.casefold().startswith(start)) if start else found


class _ChoiceModel(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.choices: list[Choice] = []

    def show(self, choices: list[Choice]) -> None:
        self.beginResetModel()
        self.choices = choices
        self.endResetModel()

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.choices)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        choice = self.choices[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return choice.text
        return choice if role == CHOICE_ROLE else None


class _ChoiceDelegate(QStyledItemDelegate):
    def __init__(self, themes: ThemeSwitch, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(WIDTH - 16, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        choice = index.data(CHOICE_ROLE)
        theme = self._themes.current
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = QRect(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("selection"))
            painter.drawRoundedRect(row, 6, 6)
        area = row.adjusted(10, 0, -10, 0)
        if choice.colour is not None:
            painter.setPen(theme.colour("edge"))
            painter.setBrush(QColor(*choice.colour))
            painter.drawRoundedRect(QRect(area.left(), area.center().y() - 7, 14, 14), 3, 3)
            area.setLeft(area.left() + 24)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.colour("text"))
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | middle, choice.text)
        used = painter.fontMetrics().horizontalAdvance(choice.text)
        small = QFont(option.font)
        small.setPixelSize(max(round(option.font.pixelSize() * 0.85), 9))
        painter.setFont(small)
        painter.setPen(theme.colour("muted"))
        painter.drawText(area.adjusted(used + 12, 1, 0, 0), Qt.AlignmentFlag.AlignLeft | middle, choice.path)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | middle, choice.remark)
        painter.restore()


class Chooser(QFrame):
    """Type, arrow keys, Enter; Esc or a click elsewhere leaves.

    It lies inside its window rather than being one: no window system has to place it or lend it the keyboard.
    `chosen` is called with the value after it has closed.
    """

    def __init__(
        self,
        window: QWidget,
        themes: ThemeSwitch,
        prompt: str,
        choices: Sequence[Choice],
        chosen: Callable[[Any], None],
    ) -> None:
        super().__init__(window)
        self.setObjectName("chooser")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(prompt)
        self._choices = tuple(choices)
        self._chosen = chosen
        self._before = window.focusWidget()
        self.field = QLineEdit()
        self.field.setPlaceholderText(prompt)
        self.field.setAccessibleName(prompt)
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)
        self._model = _ChoiceModel()
        self.view = QListView()
        self.view.setObjectName("choices")
        self.view.setModel(self._model)
        self.view.setItemDelegate(_ChoiceDelegate(themes, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setFixedHeight(ROW_HEIGHT * ROWS)
        self.view.clicked.connect(lambda _: self._take())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.setSpacing(4)
        for widget in (self.field, rule(), self.view):
            layout.addWidget(widget)
        self.setFixedWidth(WIDTH)
        self._cast_shadow()
        self._filter("")

    def _cast_shadow(self) -> None:
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(32)
        shadow.setOffset(0, 8)
        shadow.setColor(QColor(0, 0, 0, 90))
        self.setGraphicsEffect(shadow)

    @property
    def shown(self) -> list[Choice]:
        """What the typed text leaves."""
        return list(self._model.choices)

    def open_at_top(self) -> None:
        """Shows the list in the upper middle of its window, ready to type."""
        parent = self.parentWidget()
        assert parent is not None
        self.adjustSize()
        self.move((parent.width() - self.width()) // 2, parent.height() // 8)
        self.show()
        self.raise_()
        self.field.setFocus()

    def leave(self) -> None:
        """Closes it and gives the keyboard back."""
        if self.isVisible():
            self.close()
            if self._before is not None:
                self._before.setFocus()

    def _filter(self, typed: str) -> None:
        self._model.show(matching(self._choices, typed))
        if self._model.choices:
            self.view.setCurrentIndex(self._model.index(0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the field keeps the keyboard."""
        if watched is self.field and event.type() == QEvent.Type.FocusOut:
            QTimer.singleShot(0, self, self.leave)
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
                QApplication.sendEvent(self.view, event)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.leave()
                return True
        return super().eventFilter(watched, event)

    def _take(self) -> None:
        index = self.view.currentIndex()
        if index.isValid():
            value = self._model.choices[index.row()].value
            self.leave()
            self._chosen(value)

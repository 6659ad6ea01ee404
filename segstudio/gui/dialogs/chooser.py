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
)
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
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


class Chooser(QDialog):
    """Type, arrow keys, Enter; Esc leaves. `chosen` is called with the value after the dialog has closed."""

    def __init__(
        self,
        parent: QWidget,
        themes: ThemeSwitch,
        prompt: str,
        choices: Sequence[Choice],
        chosen: Callable[[Any], None],
    ) -> None:
        super().__init__(parent)
        self.setObjectName("commandPalette")
        self.setWindowFlags(Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(prompt)
        self._choices = tuple(choices)
        self._chosen = chosen
        self.field = QLineEdit()
        self.field.setPlaceholderText(prompt)
        self.field.setAccessibleName(prompt)
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)
        self._model = _ChoiceModel()
        self.view = QListView()
        self.view.setObjectName("palette")
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
        layout.addWidget(self.field)
        layout.addWidget(rule())
        layout.addWidget(self.view)
        self.setFixedWidth(WIDTH)
        self._filter("")

    @property
    def shown(self) -> list[Choice]:
        """What the typed text leaves."""
        return list(self._model.choices)

    def open_at_top(self) -> None:
        """Shows the dialog in the upper middle of its window, ready to type."""
        parent = self.parentWidget()
        assert parent is not None
        window = parent.window()
        corner = window.mapToGlobal(window.rect().topLeft())
        self.adjustSize()
        self.move(corner.x() + (window.width() - self.width()) // 2, corner.y() + window.height() // 8)
        self.show()
        self.field.setFocus()

    def _filter(self, typed: str) -> None:
        self._model.show(matching(self._choices, typed))
        if self._model.choices:
            self.view.setCurrentIndex(self._model.index(0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the field keeps the keyboard."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
                QApplication.sendEvent(self.view, event)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take()
                return True
        return super().eventFilter(watched, event)

    def _take(self) -> None:
        index = self.view.currentIndex()
        if index.isValid():
            value = self._model.choices[index.row()].value
            self.accept()
            self._chosen(value)

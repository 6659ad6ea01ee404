"""A list to type into: commands and classes are found by parts of their names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter
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

from segstudio.gui.fuzzy import START, fit
from segstudio.gui.panels.parts import caption, rule
from segstudio.gui.theme import ThemeSwitch

CHOICE_ROLE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
ROW_HEIGHT = 34
WIDTH, ROWS = 560, 10
# The number of an entry, typed in full, is meant before any text.
NUMBER = -1.0


@dataclass(frozen=True)
class Choice:
    """An entry of the list.

    Attributes:
        text: what it is called.
        value: what it stands for.
        remark: stands at the right, such as a key.
        path: where it belongs; found as well.
        colour: of the square before the text, None for no square.
        aliases: other names that find it.
        number: finds it too, None for no number.
        why: why it cannot be chosen now, "" if it can.
    """

    text: str
    value: Any
    remark: str = ""
    path: str = ""
    colour: tuple[int, int, int] | None = None
    aliases: tuple[str, ...] = ()
    number: int | None = None
    why: str = ""


def matching(choices: Sequence[Choice], typed: str) -> list[Choice]:
    """The choices that fit, the best first; what cannot be chosen comes last, equals keep their order."""
    if not typed.strip():
        return sorted(choices, key=lambda choice: bool(choice.why))
    found = [(fitted, choice) for choice in choices if (fitted := _fitted(choice, typed)) is not None]
    found.sort(key=lambda pair: (bool(pair[1].why), pair[0][0]))
    return [replace(choice, path=f"also {alias}") if alias else choice for (_, alias), choice in found]


def _fitted(choice: Choice, typed: str) -> tuple[float, str] | None:
    """(cost, the alias that fits better than all else or ""); None where nothing fits."""
    ways: list[tuple[float | None, str]] = [(fit(typed, choice.text), "")]
    number = str(choice.number) if choice.number is not None else ""
    if number.startswith(typed.strip()):
        ways.append((NUMBER if number == typed.strip() else START, ""))
    ways += [(_dearer(fit(typed, f"{choice.path} {choice.text}"), 1.0), "")]
    ways += [(_dearer(fit(typed, alias), 0.5), alias) for alias in choice.aliases]
    fitting = [(cost, alias) for cost, alias in ways if cost is not None]
    return min(fitting, default=None)


def _dearer(cost: float | None, by: float) -> float | None:
    return None if cost is None else cost + by


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
        return QSize(160, ROW_HEIGHT)

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
        painter.setPen(theme.colour("muted" if choice.why else "text"))
        small = QFont(option.font)
        small.setPixelSize(max(round(option.font.pixelSize() * 0.85), 9))
        remark = choice.why or choice.remark
        kept = QFontMetrics(small).horizontalAdvance(remark) + 16 * bool(remark)
        text = painter.fontMetrics().elidedText(choice.text, Qt.TextElideMode.ElideRight, area.width() - kept)
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | middle, text)
        left = area.adjusted(painter.fontMetrics().horizontalAdvance(text) + 12, 1, -kept, 0)
        painter.setFont(small)
        painter.setPen(theme.colour("muted"))
        path = painter.fontMetrics().elidedText(choice.path, Qt.TextElideMode.ElideRight, left.width())
        painter.drawText(left, Qt.AlignmentFlag.AlignLeft | middle, path)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | middle, remark)
        painter.restore()


class Chooser(QFrame):
    """Type, arrow keys, Enter; Esc or a click elsewhere leaves.

    It lies inside its window rather than being one: no window system has to place it or lend it the keyboard.
    `chosen` is called with the value, and whether Shift was down, after it has closed.
    """

    def __init__(
        self,
        window: QWidget,
        themes: ThemeSwitch,
        prompt: str,
        choices: Sequence[Choice],
        chosen: Callable[[Any, bool], None],
        *,
        hint: str = "",
        width: int = WIDTH,
    ) -> None:
        """The hint stands below the list."""
        super().__init__(window)
        self.setObjectName("chooser")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(prompt)
        self._choices = tuple(choices)
        self._chosen = chosen
        self._before = window.focusWidget()
        self._model = _ChoiceModel()
        self.field = self._make_field(prompt)
        self.view = self._make_view(themes)
        self._empty = caption("Nothing is called so.", "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setFixedHeight(self.view.height())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.setSpacing(4)
        for widget in (self.field, rule(), self.view, self._empty):
            layout.addWidget(widget)
        if hint:
            told = caption(hint, "small")
            told.setContentsMargins(8, 2, 8, 2)
            layout.addWidget(rule())
            layout.addWidget(told)
        self.setFixedWidth(width)
        self._cast_shadow()
        self._filter("")

    def _make_field(self, prompt: str) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(prompt)
        field.setAccessibleName(prompt)
        field.textChanged.connect(self._filter)
        field.installEventFilter(self)
        return field

    def _make_view(self, themes: ThemeSwitch) -> QListView:
        view = QListView()
        view.setObjectName("choices")
        view.setModel(self._model)
        view.setItemDelegate(_ChoiceDelegate(themes, view))
        view.setUniformItemSizes(True)
        view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setFixedHeight(ROW_HEIGHT * ROWS)
        view.clicked.connect(lambda _: self._take())
        return view

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
        self._open()

    def open_at(self, point: QPoint) -> None:
        """Shows the list beside a point of its window, as a menu would, but wholly inside."""
        parent = self.parentWidget()
        assert parent is not None
        self.adjustSize()
        room = parent.rect().adjusted(8, 8, -8 - self.width(), -8 - self.height())
        x = min(max(point.x() + 12, room.left()), max(room.right(), room.left()))
        y = min(max(point.y() - 20, room.top()), max(room.bottom(), room.top()))
        self.move(x, y)
        self._open()

    def _open(self) -> None:
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
        found = bool(self._model.choices)
        self.view.setVisible(found)
        self._empty.setVisible(not found)
        if found:
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
                self._take(other=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.leave()
                return True
        return super().eventFilter(watched, event)

    def _take(self, *, other: bool = False) -> None:
        index = self.view.currentIndex()
        if index.isValid() and not self._model.choices[index.row()].why:
            value = self._model.choices[index.row()].value
            self.leave()
            self._chosen(value, other)

"""The list of classes as Qt sees it: a model over the class state and the painter of its rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.gui.class_state import ClassState
from segstudio.gui.icons import Icons
from segstudio.gui.keys.physical_keys import slot_text
from segstudio.gui.theme import ThemeSwitch

CLASS_ROLE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()

ROW_HEIGHT = 26
KEY_WIDTH = 26
SWATCH = 14
SHARE_WIDTH = 48
BUTTON = 24
DRAG_HINT = "Drag it up or down to give it another key"


class ClassModel(QAbstractListModel):
    """One row a class in the order of the slots, and a last row for what is unlabelled."""

    def __init__(self, classes: ClassState) -> None:
        super().__init__()
        self.classes = classes
        self._colours: NDArray[np.uint8] = np.zeros((256, 3), np.uint8)
        self._shares: NDArray[np.float64] | None = None
        self.drop: int | None = None
        classes.changed.connect(self._repaint)

    def reload(self) -> None:
        """Follows another palette."""
        self.beginResetModel()
        self._shares = None
        self.endResetModel()

    def set_colours(self, colours: NDArray[np.uint8]) -> None:
        """Sets the colour of every value, uint8 [256,3]."""
        self._colours = colours
        self._repaint()

    def set_shares(self, shares: NDArray[np.float64] | None) -> None:
        """Sets the share of pixels of every value, float64 [256] in 0-1; None where no mask is open."""
        self._shares = shares
        self._repaint()

    def set_drop(self, row: int | None) -> None:
        """Shows above which row a dragged class would land; None while nothing is dragged."""
        if row != self.drop:
            self.drop = row
            self._repaint()

    def rowCount(self, parent: Index = ROOT) -> int:
        """The classes and the unlabelled row."""
        if parent.isValid() or self.classes.palette is None:
            return 0
        return len(self.classes.classes) + 1

    def class_id(self, row: int) -> int:
        """The class of a row; the last row stands for the ignore value."""
        classes = self.classes.classes
        if row < len(classes):
            return classes[row].id
        return self.classes.palette.ignore_id if self.classes.palette else 255

    def colour(self, class_id: int) -> QColor:
        """The colour of a class."""
        red, green, blue = (int(channel) for channel in self._colours[class_id])
        return QColor(red, green, blue)

    def share_text(self, class_id: int) -> str:
        """The share of the image that a class covers, in percent."""
        if self._shares is None:
            return ""
        share = float(self._shares[class_id]) * 100
        if share == 0:
            return "–"
        return "< 0.1 %" if share < 0.05 else f"{share:.1f} %"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, id, tooltip and accessible text of a row."""
        if not index.isValid():
            return None
        class_id = self.class_id(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.classes.name(class_id)
        if role == CLASS_ROLE:
            return class_id
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._describe(class_id)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._describe(class_id) + (f"\n{DRAG_HINT}" if self.is_class(index.row()) else "")
        return None

    def _describe(self, class_id: int) -> str:
        parts = [f"{self.classes.name(class_id)} (id {class_id})", self.share_text(class_id)]
        parts += ["hidden"] * (class_id in self.classes.hidden) + ["locked"] * (
            class_id in self.classes.locked
        )
        return " · ".join(part for part in parts if part)

    def is_class(self, row: int) -> bool:
        """Whether a row is a class that can be painted."""
        return row < len(self.classes.classes)

    def _repaint(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))


def eye_box(row: QRect) -> QRect:
    """Where a row's visibility button is."""
    return QRect(row.right() - 8 - 2 * BUTTON, row.top() + (row.height() - BUTTON) // 2, BUTTON, BUTTON)


def lock_box(row: QRect) -> QRect:
    """Where a row's lock button is."""
    return eye_box(row).translated(BUTTON, 0)


class ClassDelegate(QStyledItemDelegate):
    """Paints key, colour, name, share, visibility and lock of a class."""

    def __init__(self, themes: ThemeSwitch, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes
        self._icons = icons

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All rows are equally high."""
        return QSize(160, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws one row."""
        model = index.model()
        if not isinstance(model, ClassModel):
            return
        class_id = model.class_id(index.row())
        is_class = model.is_class(index.row())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = QRect(option.rect)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        self._paint_back(painter, row, hovered, is_class and class_id == model.classes.active)
        if is_class:
            self._paint_key(painter, row, option.font, slot_text(index.row()))
        self._paint_swatch(painter, row, model.colour(class_id), is_class)
        self._paint_words(painter, row, option.font, model, class_id)
        if is_class:
            self._paint_buttons(painter, row, model.classes, class_id, hovered)
        if model.drop == index.row():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._themes.current.colour("accent"))
            painter.drawRoundedRect(QRectF(row).adjusted(8, 0, -8, 2 - row.height()), 1, 1)
        painter.restore()

    def _paint_back(self, painter: QPainter, row: QRect, hovered: bool, active: bool) -> None:
        theme = self._themes.current
        box = QRectF(row).adjusted(4, 1, -4, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if active or hovered:
            painter.setBrush(theme.colour("selection" if active else "hover"))
            painter.drawRoundedRect(box, 5, 5)
        if active:
            painter.setBrush(theme.colour("accent"))
            painter.drawRoundedRect(QRectF(box.left(), box.top() + 5, 3, box.height() - 10), 1.5, 1.5)

    def _paint_key(self, painter: QPainter, row: QRect, font: QFont, text: str) -> None:
        painter.setFont(_small(font))
        painter.setPen(self._themes.current.colour("muted"))
        painter.drawText(QRect(row.left() + 8, row.top(), KEY_WIDTH, row.height()), _CENTRE, text)

    def _paint_swatch(self, painter: QPainter, row: QRect, colour: QColor, is_class: bool) -> None:
        left = row.left() + 8 + KEY_WIDTH + 4
        box = QRectF(left, row.top() + (row.height() - SWATCH) / 2, SWATCH, SWATCH)
        painter.setPen(self._themes.current.colour("edge"))
        if is_class:
            painter.setBrush(colour)
        else:
            painter.setBrush(Qt.BrushStyle.BDiagPattern)
        painter.drawRoundedRect(box, 3, 3)

    def _paint_words(
        self, painter: QPainter, row: QRect, font: QFont, model: ClassModel, class_id: int
    ) -> None:
        theme, classes = self._themes.current, model.classes
        left = row.left() + 8 + KEY_WIDTH + 4 + SWATCH + 8
        right = eye_box(row).left() - 4
        faded = class_id in classes.hidden or (classes.solo is not None and classes.solo != class_id)
        is_class = model.is_class(model.rowCount() - 1) or class_id != model.class_id(model.rowCount() - 1)
        bold = QFont(font)
        bold.setWeight(QFont.Weight.DemiBold if class_id == classes.active else QFont.Weight.Normal)
        painter.setFont(bold)
        painter.setPen(theme.colour("text" if is_class and not faded else "muted"))
        room = QRect(left, row.top(), right - SHARE_WIDTH - left, row.height())
        name = painter.fontMetrics().elidedText(
            classes.name(class_id), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(_small(font))
        painter.setPen(theme.colour("muted"))
        share = QRect(right - SHARE_WIDTH, row.top(), SHARE_WIDTH, row.height())
        painter.drawText(
            share, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, model.share_text(class_id)
        )

    def _paint_buttons(
        self, painter: QPainter, row: QRect, classes: ClassState, class_id: int, hovered: bool
    ) -> None:
        hidden, locked = class_id in classes.hidden, class_id in classes.locked
        idle = "muted" if hovered else "disabled"
        eye_role = "accent" if classes.solo == class_id else "text" if hidden else idle
        self._paint_icon(painter, eye_box(row), "eye-slash" if hidden else "eye", eye_role)
        lock_icon = "lock-simple-fill" if locked else "lock-simple-open"
        self._paint_icon(painter, lock_box(row), lock_icon, "warning" if locked else idle)

    def _paint_icon(self, painter: QPainter, box: QRect, name: str, role: str) -> None:
        self._icons.icon(name, role).paint(painter, box.adjusted(4, 4, -4, -4))


_CENTRE = Qt.AlignmentFlag.AlignCenter


def _small(font: QFont) -> QFont:
    small = QFont(font)
    small.setPixelSize(max(round(font.pixelSize() * 0.85), 9))
    return small

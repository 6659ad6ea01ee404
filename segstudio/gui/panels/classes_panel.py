"""The list of classes: choose the one to paint, hide, lock or show one alone."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from segstudio.gui.class_state import ClassState
from segstudio.gui.icons import Icons
from segstudio.gui.panels.class_rows import ClassDelegate, ClassModel, eye_box, lock_box
from segstudio.gui.panels.parts import RowList, Section, icon_button
from segstudio.gui.theme import ThemeSwitch


class ClassesPanel(Section):
    """Classes with key, colour, name, share of the image, visibility and lock; dragged, they change keys."""

    def __init__(self, classes: ClassState, themes: ThemeSwitch, icons: Icons) -> None:
        super().__init__("Classes")
        self._classes = classes
        self._grabbed: tuple[int, QPoint] | None = None
        self.model = ClassModel(classes)
        self.view = RowList("Classes")
        self.view.setModel(self.model)
        self.view.setItemDelegate(ClassDelegate(themes, icons, self.view))
        self.view.setSelectionMode(RowList.SelectionMode.NoSelection)
        self.view.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.view.setMinimumHeight(92)
        self.view.viewport().installEventFilter(self)
        self.view.installEventFilter(self)
        self._unlock = icon_button(icons, "lock-simple-open", "Unlock all classes", role="warning")
        self._unlock.clicked.connect(classes.unlock_all)
        self._show = icon_button(icons, "eye", "Show all classes", role="warning")
        self._show.clicked.connect(classes.show_all)
        self.row.addWidget(self._show)
        self.row.addWidget(self._unlock)
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(0, 8, 0, 4)
        self.row.setContentsMargins(12, 0, 8, 0)
        self.body.addWidget(self.view, 1)
        classes.changed.connect(self._refresh)
        classes.active_changed.connect(self._scroll_to_active)
        self._refresh()

    def reload(self, colours: NDArray[np.uint8]) -> None:
        """Follows another palette; colours are uint8 [256,3]."""
        self.model.set_colours(colours)
        self.model.reload()
        self._refresh()

    def _refresh(self) -> None:
        self._unlock.setVisible(bool(self._classes.locked))
        self._show.setVisible(bool(self._classes.hidden) or self._classes.solo is not None)

    def _scroll_to_active(self, class_id: int) -> None:
        if self._classes.palette is not None:
            index = self.model.index(self._classes.slot(class_id))
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Clicks on a row's buttons, and Enter or Space on a row reached by keyboard."""
        if watched is self.view.viewport() and isinstance(event, QMouseEvent):
            point = event.position().toPoint()
            pressed = event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)
            if pressed and event.button() == Qt.MouseButton.LeftButton:
                return self._press(point, event.modifiers())
            if event.type() == QEvent.Type.MouseMove and self._grabbed is not None:
                return self._drag(point, event.buttons())
            if event.type() == QEvent.Type.MouseButtonRelease and self._grabbed is not None:
                return self._drop(point)
        if watched is self.view and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            index = self.view.currentIndex()
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and index.isValid():
                self._choose(index)
                return True
        return super().eventFilter(watched, event)

    def _press(self, point: QPoint, modifiers: Qt.KeyboardModifier) -> bool:
        index = self.view.indexAt(point)
        if not index.isValid() or not self.model.is_class(index.row()):
            return False
        row, class_id = self.view.visualRect(index), self.model.class_id(index.row())
        if eye_box(row).contains(point):
            if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
                self._classes.toggle_solo(class_id)
            else:
                self._classes.toggle_hidden(class_id)
        elif lock_box(row).contains(point):
            self._classes.toggle_locked(class_id)
        else:
            self._grabbed = (index.row(), point)
        return True

    # -- order --------------------------------------------------------------------------------------------

    def _drag(self, point: QPoint, buttons: Qt.MouseButton) -> bool:
        assert self._grabbed is not None
        if not buttons & Qt.MouseButton.LeftButton:
            self._let_go()
        elif self.model.drop is not None or (
            abs(point.y() - self._grabbed[1].y()) >= QApplication.startDragDistance()
        ):
            self.view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            self.model.set_drop(self._gap(point))
            self.view.scrollTo(self.view.indexAt(point))
        return True

    def _drop(self, point: QPoint) -> bool:
        assert self._grabbed is not None
        row, gap = self._grabbed[0], self.model.drop
        self._let_go()
        if gap is None:
            self._choose(self.model.index(row))
        else:
            self._classes.move(self.model.class_id(row), gap - (gap > row))
        return True

    def _let_go(self) -> None:
        self._grabbed = None
        self.model.set_drop(None)
        self.view.viewport().unsetCursor()

    def _gap(self, point: QPoint) -> int:
        """Above which row a class that is let go at a point lands."""
        index = self.view.indexAt(point)
        count = len(self._classes.classes)
        if not index.isValid():
            return 0 if point.y() < 0 else count
        box = self.view.visualRect(index)
        return min(index.row() + (point.y() > box.center().y()), count)

    def _choose(self, index: QModelIndex) -> None:
        if self.model.is_class(index.row()):
            self._classes.set_active(self.model.class_id(index.row()))


def panel_column() -> QWidget:
    """A plain side column in the panel's colour."""
    column = QWidget()
    column.setObjectName("panel")
    column.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    return column

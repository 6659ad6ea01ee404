"""The gallery of error segments: each as image, truth and prediction side by side, the worst first."""

from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPainterPath, QPalette, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QTableView,
)

from segstudio.gui.dashboards.bars import faded
from segstudio.gui.dashboards.figures_table import Index
from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.facts import DESTINATION_TEXT, VERDICT_TEXT, decisions, pair, short
from segstudio.gui.failures.kept_selection import KeptSelection
from segstudio.gui.failures.orders import Rows
from segstudio.gui.failures.pictures import PANE, make_strips
from segstudio.gui.keys.typed_keys import types_character
from segstudio.gui.samples.pictures import Limits, Pictures
from segstudio.gui.session import Session
from segstudio.metrics.segment_shape import SegmentSpot

ROOT = QModelIndex()
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
LEAST_CELL = 270
PAD, GAP, TEXT = 8, 2, 38
# Strips in memory, about 240 of them, and those that may wait for the worker: more are out of sight again.
KEPT_BYTES, WAITING = 96 * 2**20, 24
NOT_THERE = "prediction\nnot kept\nany more"


class GalleryModel(QAbstractTableModel):
    """The chosen segments of a book, line by line, in as many columns as there is room for.

    A table scrolls two million cells without laying them out one by one, as a list would.
    """

    def __init__(self, parent: QObject, session: Session, book: FailureBook) -> None:
        super().__init__(parent)
        self._session = session
        self._book = book
        self.columns = 1
        self.shown = book.chosen.rows
        limits = Limits(room=KEPT_BYTES, waiting=WAITING)
        self.crops = Pictures(session.bridge, "Pictures of failures", make_strips, limits)
        self.crops.ready.connect(self._refresh)
        book.loaded.connect(self.forget)
        book.loaded.connect(self._renew)
        book.chosen_changed.connect(self._renew)

    def _renew(self) -> None:
        """The same segments in the same order keep their cells, and with them selection and place."""
        rows = self._book.chosen.rows
        if not np.array_equal(rows, self.shown):
            self.beginResetModel()
            self.shown = rows
            self.endResetModel()

    def forget(self) -> None:
        """Other segments, or other masks, come: nothing that is here or under way is of use."""
        self.crops.set_project(self._session.project)

    def set_columns(self, columns: int) -> None:
        """Puts so many segments into a line."""
        if columns != self.columns:
            self.beginResetModel()
            self.columns = columns
            self.endResetModel()

    def rowCount(self, parent: Index = ROOT) -> int:
        """Lines."""
        return 0 if parent.isValid() else -(-len(self.shown) // self.columns)

    def columnCount(self, parent: Index = ROOT) -> int:
        """Segments in a line."""
        return 0 if parent.isValid() else self.columns

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Behind the last segment there is nothing to select."""
        there = self.segment(index) is not None
        return Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled if there else Qt.ItemFlag.NoItemFlags

    def segment(self, index: Index) -> int | None:
        """The row number of the segment in a cell; None behind the last one."""
        place = index.row() * self.columns + index.column()
        rows = self.shown
        return int(rows[place]) if index.isValid() and 0 <= place < len(rows) else None

    def at(self, place: int) -> QModelIndex:
        """The cell of a place among the chosen segments."""
        return self.index(place // self.columns, place % self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, and the picture once a worker made it."""
        failures, row = self._book.failures, self.segment(index)
        if failures is None or row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return pair(failures, row)
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DecorationRole:
            palette = self._session.classes.palette
            if palette is None:
                return None
            spot = SegmentSpot.of(failures.table, row)
            return self.crops.shown(row, (spot, failures.evaluation.model, palette.colours()))
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            sample = failures.table.samples[int(failures.table.sample[row])]
            return f"{pair(failures, row)}\n{short(failures, row)}\n{sample}"
        return None

    def _refresh(self, row: int) -> None:
        place = self._book.position(row)
        if place >= 0:
            self.dataChanged.emit(self.at(place), self.at(place), [Qt.ItemDataRole.DecorationRole])


class Gallery(QTableView):
    """Cells that fill the width; arrows go on to the next line at its end."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__()
        self.setObjectName("gallery")
        self.setAccessibleName("Pictures of error segments")
        self.segments = GalleryModel(self, session, book)
        self._book = book
        self._following = False
        self.setModel(self.segments)
        model = self.segments
        self._kept = KeptSelection(self, book, lambda: model.shown, lambda: model.columns)
        self.setItemDelegate(_CellDelegate(self, session, book))
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setMinimumSectionSize(1)
        book.chosen_changed.connect(self.follow)
        book.current_changed.connect(lambda _: self.follow())
        book.words_changed.connect(self.viewport().update)
        self.selectionModel().currentChanged.connect(self._moved)

    def renew(self) -> None:
        """Other masks or predictions came: what is in sight is asked for again."""
        self.segments.forget()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Gives as many cells as fit the width."""
        super().resizeEvent(event)
        width = self.viewport().width()
        columns = max(width // LEAST_CELL, 1)
        cell = width // columns
        pane = (cell - 2 * PAD - 2 * GAP - 6) // 3
        self.horizontalHeader().setDefaultSectionSize(cell)
        self.verticalHeader().setDefaultSectionSize(pane * PANE[1] // PANE[0] + TEXT + 2 * PAD + 6)
        self.segments.set_columns(columns)
        self.follow()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keeps arrows and the like; what types a character goes on to the page."""
        if types_character(event):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Left and right go over the ends of lines, down to the last one from above a gap; Home and End go to
        the first and the last segment.
        """
        actions = QAbstractItemView.CursorAction
        last, columns = len(self._book.chosen.rows) - 1, self.segments.columns
        place = self.currentIndex().row() * columns + self.currentIndex().column()
        wanted = {
            actions.MoveLeft: place - 1,
            actions.MovePrevious: place - 1,
            actions.MoveRight: place + 1,
            actions.MoveNext: place + 1,
            actions.MoveDown: place + columns if place // columns < last // columns else place,
            actions.MoveUp: place - columns if place >= columns else place,
            actions.MoveHome: 0,
            actions.MoveEnd: last,
        }.get(action)
        if wanted is None:
            found = super().moveCursor(action, modifiers)
            return found if self.segments.segment(found) is not None else self.segments.at(last)
        return self.segments.at(min(max(wanted, 0), last)) if last >= 0 else QModelIndex()

    def selected_rows(self) -> Rows:
        """int64 [m], numbers of the selected segments; the current one where none is selected."""
        return self._book.or_current(self._kept.selected())

    def follow(self) -> None:
        """Selects the book's current segment."""
        place = self._book.position(self._book.current)
        if place < 0 or self.segments.segment(self.currentIndex()) == self._book.current:
            return
        self._following = True
        index = self.segments.at(place)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.scrollTo(index)
        self._following = False

    def _moved(self, index: QModelIndex) -> None:
        row = self.segments.segment(index)
        if not self._following and row is not None:
            self._book.set_current(row)


class _CellDelegate(QStyledItemDelegate):
    """Paints the three panes, the classes, the facts and what was decided."""

    def __init__(self, parent: QObject, session: Session, book: FailureBook) -> None:
        super().__init__(parent)
        self._session = session
        self._book = book

    def sizeHint(self, option: Any, index: Index) -> QSize:
        return QSize(LEAST_CELL, TEXT)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        row, failures = index.data(ROW_ROLE), self._book.failures
        if row is None or failures is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell = QRect(option.rect).adjusted(3, 3, -3, -3)
        _paint_back(painter, option, cell)
        inner = cell.adjusted(PAD, PAD, -PAD, -2)
        width = (inner.width() - 2 * GAP) // 3
        height = width * PANE[1] // PANE[0]
        pixmap = index.data(Qt.ItemDataRole.DecorationRole)
        for number in range(3):
            box = QRect(inner.left() + number * (width + GAP), inner.top(), width, height)
            _paint_pane(painter, option.palette, box, pixmap, number)
        words = QRect(inner.left(), inner.top() + height + 3, inner.width(), TEXT - 4)
        self._paint_words(painter, option, words, row)
        painter.restore()

    def _paint_words(self, painter: QPainter, option: Any, area: QRect, row: int) -> None:
        failures = self._book.failures
        assert failures is not None
        half = area.height() // 2
        verdict, sent = decisions(failures, row)
        said = VERDICT_TEXT[verdict] if verdict is not None else ""
        marks = " · ".join(
            [*([said] if said else []), *(text for to, text in DESTINATION_TEXT.items() if to in sent)]
        )
        upper = QRect(area.left(), area.top(), area.width(), half)
        lower = QRect(area.left(), area.top() + half, area.width(), half)
        left = self._paint_chips(painter, option, upper, row)
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        painter.setFont(option.font)
        _paint_text(painter, upper.adjusted(left, 0, 0, 0), pair(failures, row))
        small = QFont(option.font)
        small.setPixelSize(max(round(small.pixelSize() * 0.85), 9))
        painter.setFont(small)
        used = 0
        if marks:
            painter.setPen(option.palette.color(QPalette.ColorRole.Link))
            used = min(painter.fontMetrics().horizontalAdvance(marks) + 12, lower.width() * 2 // 3)
            box = QRect(lower.right() - used + 8, lower.top(), used - 8, half)
            shown = painter.fontMetrics().elidedText(marks, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
        _paint_text(painter, lower.adjusted(0, 0, -used, 0), short(failures, row))

    def _paint_chips(self, painter: QPainter, option: Any, area: QRect, row: int) -> int:
        """The colours of both classes; returns the room that they take."""
        failures, palette = self._book.failures, self._session.classes.palette
        if failures is None or palette is None:
            return 0
        rows = failures.table.rows
        for number, class_id in enumerate((int(rows.truth[row]), int(rows.predicted[row]))):
            if class_id >= palette.count:
                continue
            chip = QRectF(area.left() + number * 14, area.center().y() - 5, 11, 11)
            painter.setPen(faded(option.palette.color(QPalette.ColorRole.Text), 0.3))
            painter.setBrush(QColor(*palette.classes[class_id].rgb))
            painter.drawRoundedRect(chip, 3, 3)
        return 33


def _paint_back(painter: QPainter, option: Any, cell: QRect) -> None:
    selected = bool(option.state & QStyle.StateFlag.State_Selected)
    hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
    if selected or hovered:
        role = QPalette.ColorRole.Highlight if selected else QPalette.ColorRole.Mid
        painter.setPen(Qt.PenStyle.NoPen)
        # The view's own palette has no selection colour: the cell is painted here, not by the style.
        painter.setBrush(faded(QApplication.palette().color(role), 1.0 if selected else 0.45))
        painter.drawRoundedRect(cell, 6, 6)
    if option.state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(option.palette.color(QPalette.ColorRole.Link))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(cell).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def _paint_pane(
    painter: QPainter, palette: QPalette, box: QRect, pixmap: QPixmap | None, number: int
) -> None:
    """One of the panes of a strip; what is missing is said."""
    outline = QPainterPath()
    outline.addRoundedRect(QRectF(box), 4, 4)
    painter.save()
    painter.setClipPath(outline)
    painter.fillRect(box, palette.color(QPalette.ColorRole.Base))
    if pixmap is not None:
        width = PANE[0]
        if pixmap.width() >= (number + 1) * width:
            painter.drawPixmap(QRectF(box), pixmap, QRectF(number * width, 0, width, PANE[1]))
        elif number in (0, 2):
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            text = "cannot be read" if pixmap.isNull() else NOT_THERE
            if not (pixmap.isNull() and number == 2):
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)
    painter.restore()


def _paint_text(painter: QPainter, area: QRect, text: str) -> None:
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

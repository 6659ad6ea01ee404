"""The list of runs: a row has the state's sign, the name, how far it is, and a bar while it lives."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.gui.dashboards.plot_colours import theme_of
from segstudio.gui.panels.parts import RowList
from segstudio.gui.theme import Theme
from segstudio.gui.training.run_words import progress_text, state_role, state_text
from segstudio.workflows.retrain.runs import RunStatus

STATUS_ROLE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
ROW_HEIGHT, BAR_HEIGHT, SIGN = 56, 3, 9
MARGIN = 16


class RunModel(QAbstractListModel):
    """One row a run; a Look that changes figures only repaints the rows that changed."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[RunStatus, ...] = ()

    def show_runs(self, statuses: tuple[RunStatus, ...]) -> bool:
        """Shows these runs; says whether rows came, went or moved."""
        before, paths = self._rows, [status.run.path for status in statuses]
        if paths != [status.run.path for status in before]:
            self.beginResetModel()
            self._rows = statuses
            self.endResetModel()
            return True
        self._rows = statuses
        for row, (old, new) in enumerate(zip(before, statuses, strict=True)):
            if (old.state, old.pace, old.doing, old.place) != (new.state, new.pace, new.doing, new.place):
                self.dataChanged.emit(self.index(row), self.index(row))
        return False

    def row_of(self, path: Path | None) -> int:
        """The row of a run, -1 for none."""
        return next((row for row, status in enumerate(self._rows) if status.run.path == path), -1)

    def rowCount(self, parent: Index = ROOT) -> int:
        """As many as there are runs."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, status, tip and what a screen reader says."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        status = self._rows[index.row()]
        words = f"{state_text(status)}  ·  {progress_text(status)}".removesuffix("  ·  ")
        if role == Qt.ItemDataRole.DisplayRole:
            return status.run.name
        if role == STATUS_ROLE:
            return status
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{status.run.name}\n{words}"
        return f"{status.run.name}, {words}" if role == Qt.ItemDataRole.AccessibleTextRole else None


class RunDelegate(QStyledItemDelegate):
    """Paints a row."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All rows are equally high."""
        return QSize(200, max(ROW_HEIGHT, 2 * option.fontMetrics.height() + 24))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws one row."""
        status = index.data(STATUS_ROLE)
        if not isinstance(status, RunStatus):
            return
        theme = theme_of(option.palette)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _paint_back(painter, option, theme)
        area = QRect(option.rect).adjusted(MARGIN, 8, -MARGIN, -8)
        upper, lower = QRect(area), QRect(area)
        upper.setBottom(area.center().y())
        lower.setTop(area.center().y() + 1)
        painter.setFont(option.font)
        painter.setPen(theme.colour("text"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        metrics = painter.fontMetrics()
        name = metrics.elidedText(status.run.name, Qt.TextElideMode.ElideMiddle, upper.width())
        painter.drawText(upper, left, name)
        _paint_state(painter, lower, option.font, status, theme)
        if status.state.alive and status.pace.steps:
            _paint_bar(painter, QRectF(area.left(), option.rect.bottom() - 6, area.width(), BAR_HEIGHT),
                       status.pace.step / status.pace.steps, theme)  # fmt: skip
        painter.restore()


def _paint_back(painter: QPainter, option: QStyleOptionViewItem, theme: Theme) -> None:
    selected = bool(option.state & QStyle.StateFlag.State_Selected)
    hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
    if selected or hovered:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("selection" if selected else "hover"))
        painter.drawRoundedRect(QRectF(option.rect).adjusted(4, 1, -4, -1), 6, 6)


def _paint_state(painter: QPainter, area: QRect, font: QFont, status: RunStatus, theme: Theme) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(state_role(status)))
    middle = area.center().y() + 0.5
    painter.drawEllipse(QRectF(area.left(), middle - SIGN / 2, SIGN, SIGN))
    small = QFont(font)
    small.setPixelSize(max(round(font.pixelSize() * 0.85), 9))
    painter.setFont(small)
    painter.setPen(theme.colour("muted"))
    words = "  ·  ".join(filter(None, (state_text(status), progress_text(status))))
    room = area.adjusted(SIGN + 7, 0, 0, 0)
    text = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _paint_bar(painter: QPainter, track: QRectF, share: float, theme: Theme) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("pressed"))
    painter.drawRoundedRect(track, 1.5, 1.5)
    painter.setBrush(theme.colour("accent"))
    painter.drawRoundedRect(
        QRectF(track.left(), track.top(), track.width() * min(share, 1.0), BAR_HEIGHT), 1.5, 1.5
    )


class RunList(RowList):
    """Runs, of which one is chosen; `chosen` carries the folder of another choice."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Runs")
        self.setParent(parent)
        self.rows = RunModel()
        self.rows.setParent(self)
        self.setModel(self.rows)
        self.setItemDelegate(RunDelegate(self))
        self._path: Path | None = None
        self._wanted: Path | None = None
        self.selectionModel().currentChanged.connect(self._moved)

    @property
    def path(self) -> Path | None:
        """The folder of the chosen run."""
        return self._path

    def show_runs(self, statuses: tuple[RunStatus, ...]) -> None:
        """Shows these runs; the choice stays while its run is there, else it is the first one."""
        moved = self.rows.show_runs(statuses)
        if not moved and self._wanted is None and self.currentIndex().isValid():
            return
        found = (self.rows.row_of(self._wanted), self.rows.row_of(self._path), 0 if statuses else -1)
        row = next((row for row in found if row >= 0), -1)
        if row >= 0:
            self.setCurrentIndex(self.rows.index(row))
        elif self._path is not None:
            self._path = None
            self.chosen.emit(None)

    def choose(self, path: Path) -> None:
        """Chooses a run, now or when it appears."""
        self._wanted = path
        row = self.rows.row_of(path)
        if row >= 0:
            self.setCurrentIndex(self.rows.index(row))

    def _moved(self, now: QModelIndex) -> None:
        status = now.data(STATUS_ROLE)
        if isinstance(status, RunStatus):
            before, self._path = self._path, status.run.path
            if self._path == self._wanted:
                self._wanted = None
            if before != self._path:
                self.chosen.emit(self._path)

"""The table of per-class scores: one row a class, sortable, with bars and the reference's column."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSize, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor, QFont

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.figures_table import RIGHT, FiguresTable, Index
from segstudio.workflows.scoreboard import ClassRow, Scoreboard

SORT_ROLE = Qt.ItemDataRole.UserRole + 2
CLASS, BAR, IOU, REFERENCE, DIFFERENCE, ACCURACY, F1, PIXELS, SAMPLES = range(9)
HEADINGS = ("Class", "", "IoU", "Reference", "Δ", "Acc", "F1", "Pixels", "Samples")
TOOLTIPS = {
    BAR: "IoU as a bar; the tick is the reference's value",
    IOU: "Intersection over union, summed over all evaluated samples",
    REFERENCE: "The published value, measured under its own protocol",
    DIFFERENCE: "IoU minus the reference, in points",
    ACCURACY: "Recall: share of the class's pixels that were found",
    F1: "Harmonic mean of precision and recall",
    PIXELS: "Pixels of this class in the masks",
    SAMPLES: "Samples whose mask holds this class",
}


def percent(value: float | None) -> str:
    """A fraction as percent with one decimal; "–" for a class that never occurs."""
    return "–" if value is None else f"{value * 100:.1f}"


def points(value: float | None) -> str:
    """A difference of fractions in signed points."""
    if value is None:
        return "–"
    rounded = round(value * 100, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def thousands(count: int) -> str:
    """A count with an SI suffix above 10 000."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if count >= limit:
            return f"{count / (1e3 if suffix == 'k' else limit):.1f} {suffix}"
    return str(count)


class ClassTableModel(QAbstractTableModel):
    """Rows of a `Scoreboard`."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[ClassRow, ...] = ()
        self._colours: list[QColor] = []
        self._numeric = QFont()
        self._numeric.setStyleHint(QFont.StyleHint.SansSerif)
        self._numeric.setFeature(QFont.Tag("tnum"), 1)

    def show_scoreboard(self, board: Scoreboard, colours: list[QColor]) -> None:
        """Replaces all rows; colours by class id."""
        self.beginResetModel()
        self._rows, self._colours = board.rows, colours
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """One row a class."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The columns of HEADINGS."""
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column names and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return TOOLTIPS.get(section)
        if role == Qt.ItemDataRole.TextAlignmentRole and section > BAR:
            return RIGHT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, bar, swatch, alignment or the number to sort by."""
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.DecorationRole and column == CLASS:
            return self._colours[row.class_id]
        if role == BAR_ROLE and column == BAR and row.iou is not None:
            return Bar(((row.iou, self._colours[row.class_id]),), row.reference)
        if role == SORT_ROLE:
            return self._sort_key(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column > BAR:
            return RIGHT
        if role == Qt.ItemDataRole.FontRole and column > BAR:
            return self._numeric
        if role == Qt.ItemDataRole.ToolTipRole and row.iou is None:
            return f"{row.name} occurs neither in the masks nor in the predictions"
        return None

    def _text(self, row: ClassRow, column: int) -> str:
        texts = {
            CLASS: row.name,
            BAR: "",
            IOU: percent(row.iou),
            REFERENCE: percent(row.reference),
            DIFFERENCE: points(row.difference),
            ACCURACY: percent(row.accuracy),
            F1: percent(row.f1),
            PIXELS: thousands(row.pixels),
            SAMPLES: str(row.samples),
        }
        return texts[column]

    def _sort_key(self, row: ClassRow, column: int) -> float | str:
        values: dict[int, float | str | None] = {
            CLASS: row.name,
            BAR: row.iou,
            IOU: row.iou,
            REFERENCE: row.reference,
            DIFFERENCE: row.difference,
            ACCURACY: row.accuracy,
            F1: row.f1,
            PIXELS: float(row.pixels),
            SAMPLES: float(row.samples),
        }
        value = values[column]
        return -2.0 if value is None else value


class ClassTable(FiguresTable):
    """The view on a `ClassTableModel`, in the palette's order until a heading is clicked."""

    def __init__(self) -> None:
        self.rows = ClassTableModel()
        in_order = QSortFilterProxyModel()
        in_order.setSourceModel(self.rows)
        in_order.setSortRole(SORT_ROLE)
        super().__init__("Scores of every class", in_order, BAR)
        self.rows.setParent(self)
        self.horizontalHeader().setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        # Enabling sorts by the first column at once; this brings the palette's order back.
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setIconSize(QSize(12, 12))

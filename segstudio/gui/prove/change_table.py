"""The table of a comparison: one row a class, the largest loss first, its change as a bar with whiskers."""

import math
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSize, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor, QFont

from segstudio.gui.dashboards.figures_table import LEFT, RIGHT, FiguresTable, Index
from segstudio.gui.prove.change_bars import CHANGE_ROLE, Change, ChangeDelegate, verdict_colour
from segstudio.gui.theme import ThemeSwitch
from segstudio.workflows.prove.proof import ClassProof, Proof, percent, points, span
from segstudio.workflows.prove.verdict import ClassVerdict

SORT_ROLE = Qt.ItemDataRole.UserRole + 2
CLASS, CHANGE, POINTS, BEFORE, AFTER, VERDICT, FIXED, BROKEN = range(8)
HEADINGS = ("Class", "Change", "Points [95 %]", "Before", "After", "Verdict", "Fixed", "Broken")
TOOLTIPS = {
    CHANGE: "The candidate's IoU minus the current one's. Where the whiskers cross the middle, other samples "
    "of the same kind could say the opposite",
    POINTS: "The change of IoU in points; in brackets where it lies for 95 % of draws of as many samples "
    "(paired bootstrap)",
    FIXED: "Errors in regions of this class that only the current model makes",
    BROKEN: "Errors in regions of this class that only the candidate makes",
}
LEAST_SCALE = 0.01
ROOT = QModelIndex()


class ChangeTableModel(QAbstractTableModel):
    """The classes of a `Proof` that occur."""

    def __init__(self, themes: ThemeSwitch) -> None:
        super().__init__()
        self._themes = themes
        self._rows: list[ClassProof] = []
        self._colours: list[QColor] = []
        self._most = LEAST_SCALE
        self._numeric = QFont()
        self._numeric.setFeature(QFont.Tag("tnum"), 1)

    def show_proof(self, proof: Proof, colours: list[QColor]) -> None:
        """Replaces all rows; colours by class id."""
        self.beginResetModel()
        self._rows, self._colours = proof.by_change, colours
        ends = [abs(value) for row in self._rows for value in (row.difference, *row.interval)]
        self._most = max([LEAST_SCALE, *(value for value in ends if not math.isnan(value))])
        self.endResetModel()

    def rowCount(self, parent: Index = ROOT) -> int:
        """One row a class."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = ROOT) -> int:
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
        if role == Qt.ItemDataRole.TextAlignmentRole:
            if section == CHANGE:
                return Qt.AlignmentFlag.AlignCenter
            return LEFT if section in (CLASS, VERDICT) else RIGHT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, bar, swatch, colour, alignment or what to sort by."""
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.DecorationRole and column == CLASS:
            return self._colours[row.class_id]
        if role == CHANGE_ROLE and column == CHANGE:
            known = None if math.isnan(row.interval[0]) else row.interval
            return Change(row.difference, known, row.verdict, self._most)
        if role == SORT_ROLE:
            return _key(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT if column in (CLASS, VERDICT) else RIGHT
        if role == Qt.ItemDataRole.FontRole and column > CHANGE:
            return self._numeric
        if role == Qt.ItemDataRole.ForegroundRole and column == VERDICT:
            return verdict_colour(self._themes.current, row.verdict)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole) and column == CHANGE:
            text = f"{row.name}: {points(row.difference)} points, {span(row.interval)} at 95 %"
            return f"{text}, on {row.samples:,} sample{'' if row.samples == 1 else 's'}"
        return None


def _text(row: ClassProof, column: int) -> str:
    if column in (FIXED, BROKEN):
        tally = row.changes.fixed if column == FIXED else row.changes.broken
        return f"{tally.count:,}"
    texts = {
        CLASS: row.name,
        POINTS: f"{points(row.difference)}  [{span(row.interval)}]",
        BEFORE: percent(row.before),
        AFTER: percent(row.after),
        VERDICT: row.verdict.value,
    }
    return texts.get(column, "")


def _key(row: ClassProof, column: int) -> float | str:
    keys: dict[int, float | str] = {
        CLASS: row.name,
        BEFORE: row.before,
        AFTER: row.after,
        VERDICT: list(ClassVerdict).index(row.verdict),
        FIXED: row.changes.fixed.count,
        BROKEN: row.changes.broken.count,
    }
    value = keys.get(column, row.difference)
    return -2.0 if isinstance(value, float) and math.isnan(value) else value


class ChangeTable(FiguresTable):
    """The view on a `ChangeTableModel`; any column sorts."""

    def __init__(self, themes: ThemeSwitch) -> None:
        self.rows = ChangeTableModel(themes)
        in_order = QSortFilterProxyModel()
        in_order.setSourceModel(self.rows)
        in_order.setSortRole(SORT_ROLE)
        super().__init__("What became of every class", in_order, CHANGE)
        self.rows.setParent(self)
        self.setItemDelegateForColumn(CHANGE, ChangeDelegate(self, themes))
        self.setSortingEnabled(True)
        self.sortByColumn(CHANGE, Qt.SortOrder.AscendingOrder)
        self.setIconSize(QSize(12, 12))
        self.setTabKeyNavigation(False)

    def show_proof(self, proof: Proof, colours: list[QColor]) -> None:
        """Replaces all rows."""
        self.rows.show_proof(proof, colours)
        self.fit_columns()

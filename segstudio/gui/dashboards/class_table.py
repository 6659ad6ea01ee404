"""The table of per-class scores: one row a class, sortable, with what its IoU lacks as a bar."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPoint, QSize, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QMouseEvent, QPalette

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar, faded, part_at
from segstudio.gui.dashboards.figures_table import LEFT, RIGHT, FiguresTable, Index
from segstudio.gui.dashboards.plot_colours import KIND_COLOURS, kind_words
from segstudio.gui.dashboards.plot_tools import to_csv
from segstudio.query import quoted
from segstudio.workflows.scoreboard import ClassRow, Loss, Scoreboard

SORT_ROLE = Qt.ItemDataRole.UserRole + 2
(
    CLASS, BAR, IOU, REFERENCE, DIFFERENCE, COST, ACCURACY, PRECISION, F1, BOUNDARY, SAMPLES, REGIONS, PIXELS,
) = range(13)  # fmt: skip
HEADINGS = (
    "Class", "IoU and what it lacks", "IoU [95 %]", "Other", "Δ", "Cost", "Acc", "Prec", "F1", "Edge IoU",
    "Samples", "Regions", "Pixels",
)  # fmt: skip
TOOLTIPS = {
    BAR: "Grey is IoU; colours are what each kind of error takes from it. A click asks for these regions",
    IOU: "Intersection over union, summed over all evaluated samples; in brackets where it lies for 95 % of "
    "other draws of as many samples (bootstrap)",
    REFERENCE: "IoU of what is compared with: another model, or a published row under its own protocol",
    DIFFERENCE: "IoU minus the other one, in points",
    COST: "The share of the lost mIoU that this class costs; all classes together are 100 %",
    ACCURACY: "Recall: share of the class's pixels that were found",
    PRECISION: "Share of the pixels predicted as this class that are right",
    F1: "Harmonic mean of precision and recall",
    BOUNDARY: "Boundary IoU: the same within a band along the borders, half a percent of the diagonal wide",
    SAMPLES: "Samples whose mask holds this class",
    REGIONS: "Connected regions of this class in the masks",
    PIXELS: "Pixels of this class in the masks",
}
NO_VALUE = -2.0


def percent(value: float | None) -> str:
    """A fraction as percent with one decimal; "–" where there is none."""
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


def iou_text(row: ClassRow) -> str:
    """IoU with its interval, and how few samples it hangs on where they are few; or that there is none."""
    if row.iou is None:
        return "absent"
    interval = f" [{'–'.join(short(end) for end in row.interval)}]" if row.interval else ""
    few = f", {row.samples} sample{'' if row.samples == 1 else 's'}" if row.is_rare else ""
    return f"{percent(row.iou)}{interval}{few}"


def short(end: float) -> str:
    """The end of an interval: a decimal matters only where the number is small."""
    return f"{end * 100:.0f}" if end >= 0.0995 else f"{end * 100:.1f}"


def loss_words(name: str, loss: Loss) -> str:
    """One part of what a class lost, as a sentence."""
    return (
        f"{name}, {kind_words(loss.kind)}: {loss.total * 100:.1f} points "
        f"({loss.lost * 100:.1f} of its own pixels lost, {loss.taken * 100:.1f} taken from others)"
    )


class ClassTableModel(QAbstractTableModel):
    """Rows of a `Scoreboard`."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[ClassRow, ...] = ()
        # Made once: a table of 150 classes asks thousands of times.
        self._texts: list[tuple[str, ...]] = []
        self._keys: list[tuple[float | str, ...]] = []
        self._colours: list[QColor] = []
        self._hit_colour = QColor("#888888")
        self._numeric = QFont()
        self._numeric.setStyleHint(QFont.StyleHint.SansSerif)
        self._numeric.setFeature(QFont.Tag("tnum"), 1)

    def show_scoreboard(self, board: Scoreboard, colours: list[QColor]) -> None:
        """Replaces all rows; colours by class id."""
        self.beginResetModel()
        self._rows, self._colours = board.rows, colours
        self._texts, self._keys = (
            [row_texts(row) for row in board.rows],
            [row_keys(row) for row in board.rows],
        )
        self.endResetModel()

    def set_text_colour(self, colour: QColor) -> None:
        """What the grey of the bars is made from."""
        self._hit_colour = faded(colour, 0.30)

    def row(self, number: int) -> ClassRow:
        """One class."""
        return self._rows[number]

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
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section > IOU else LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, bar, swatch, alignment or the number to sort by."""
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._texts[index.row()][column]
        if role == Qt.ItemDataRole.DecorationRole and column == CLASS:
            return self._colours[row.class_id]
        if role == BAR_ROLE and column == BAR and row.iou is not None:
            return self._bar(row)
        if role == SORT_ROLE:
            return self._keys[index.row()][column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column > IOU else LEFT
        if role == Qt.ItemDataRole.FontRole and column > BAR:
            return self._numeric
        if role == Qt.ItemDataRole.ToolTipRole and row.iou is None:
            return f"{row.name} occurs neither in the masks nor in the predictions"
        if role == Qt.ItemDataRole.ToolTipRole and not row.samples:
            return f"{row.name} is predicted, but in no mask"
        return None

    def _bar(self, row: ClassRow) -> Bar:
        assert row.iou is not None
        parts = [(row.iou, self._hit_colour)]
        parts += [(loss.total, QColor(KIND_COLOURS[loss.kind])) for loss in row.losses]
        tips = [f"{row.name}: {percent(row.iou)} % IoU"]
        tips += [loss_words(row.name, loss) for loss in row.losses]
        return Bar(tuple(parts), row.reference, tuple(tips))


def row_texts(row: ClassRow) -> tuple[str, ...]:
    """What a row shows, by column."""
    return (
        row.name,
        "",
        iou_text(row),
        percent(row.reference),
        points(row.difference),
        "–" if row.cost is None else f"{row.cost * 100:.1f} %",
        percent(row.accuracy),
        percent(row.precision),
        percent(row.f1),
        percent(row.boundary_iou),
        thousands(row.samples),
        "–" if row.regions is None else thousands(row.regions),
        thousands(row.pixels),
    )


def row_keys(row: ClassRow) -> tuple[float | str, ...]:
    """What a row is sorted by, by column; what is not known comes before everything."""
    values = (
        row.iou, row.iou, row.reference, row.difference, row.cost, row.accuracy, row.precision, row.f1,
        row.boundary_iou, row.samples, row.regions, row.pixels,
    )  # fmt: skip
    return (row.name, *(NO_VALUE if value is None else float(value) for value in values))


class ClassTable(FiguresTable):
    """The view on a `ClassTableModel`: what costs most at first, in the palette's order without a sorting.

    `asked` is a query of error segments, from a double click, Enter, or a click on a part of a bar.
    """

    asked = Signal(str)

    def __init__(self) -> None:
        self.rows = ClassTableModel()
        in_order = QSortFilterProxyModel()
        in_order.setSourceModel(self.rows)
        in_order.setSortRole(SORT_ROLE)
        super().__init__("Scores of every class", in_order, BAR)
        self.rows.setParent(self)
        self.horizontalHeader().setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        self.sortByColumn(COST, Qt.SortOrder.DescendingOrder)
        self.setIconSize(QSize(12, 12))
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)

    def show_scoreboard(self, board: Scoreboard, colours: list[QColor]) -> None:
        """Replaces all rows; what is chosen stays chosen."""
        chosen = self.chosen()
        self.rows.set_text_colour(self.palette().color(QPalette.ColorRole.Text))
        self.rows.show_scoreboard(board, colours)
        self.setColumnHidden(REFERENCE, board.comparison is None or not board.comparison.iou)
        self.setColumnHidden(DIFFERENCE, self.isColumnHidden(REFERENCE))
        self.fit_columns()
        if chosen is not None:
            self.choose(chosen.class_id)

    def chosen(self) -> ClassRow | None:
        """The class of the current row."""
        return self._row(self.currentIndex())

    def choose(self, class_id: int) -> None:
        """Makes a class's row the current one."""
        if class_id < self.rows.rowCount():
            proxy = self.model()
            assert isinstance(proxy, QSortFilterProxyModel)
            self.setCurrentIndex(proxy.mapFromSource(self.rows.index(class_id, CLASS)))

    def _row(self, index: QModelIndex) -> ClassRow | None:
        proxy = self.model()
        assert isinstance(proxy, QSortFilterProxyModel)
        return self.rows.row(proxy.mapToSource(index).row()) if index.isValid() else None

    def _ask_row(self, index: QModelIndex) -> None:
        row = self._row(index)
        if row is not None:
            self.asked.emit(f"class={quoted(row.name)}")

    def _loss_at(self, place: QPoint) -> tuple[ClassRow, Loss] | None:
        """The part of a bar under a point of the viewport."""
        index = self.indexAt(place)
        row, bar = self._row(index), index.data(BAR_ROLE)
        if row is None or not isinstance(bar, Bar):
            return None
        part = part_at(bar, self.visualRect(index), place.x())
        return (row, row.losses[part - 1]) if part else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A hand over what can be clicked."""
        super().mouseMoveEvent(event)
        over = self._loss_at(event.position().toPoint()) is not None
        shape = Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on a part of a bar asks for the regions behind it."""
        super().mouseReleaseEvent(event)
        found = self._loss_at(event.position().toPoint())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            row, loss = found
            self.asked.emit(f"class={quoted(row.name)} kind={loss.kind}")

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click asks for the regions of the class; on a part of a bar, a click has asked already."""
        super().mouseDoubleClickEvent(event)
        place = event.position().toPoint()
        if self._loss_at(place) is None:
            self._ask_row(self.indexAt(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter asks for the regions of the class."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._ask_row(self.currentIndex())
        else:
            super().keyPressEvent(event)


def scores_csv(board: Scoreboard) -> str:
    """A scoreboard with all its figures as fractions, a row a class."""
    kinds = [loss.kind for row in board.rows for loss in row.losses]
    names = list(dict.fromkeys(kinds))
    headings = (
        "class", "iou", "iou_low", "iou_high", "other", "difference", "cost", "accuracy", "precision", "f1",
        "boundary_iou", "samples", "regions", "pixels", *(f"lost_{name}" for name in names),
        *(f"taken_{name}" for name in names),
    )  # fmt: skip
    rows = []
    for row in board.rows:
        low, high = row.interval or (None, None)
        losses = {loss.kind: loss for loss in row.losses}
        lost = [losses[name].lost if name in losses else None for name in names]
        taken = [losses[name].taken if name in losses else None for name in names]
        rows.append(
            (
                row.name, row.iou, low, high, row.reference, row.difference, row.cost, row.accuracy,
                row.precision, row.f1, row.boundary_iou, row.samples, row.regions, row.pixels, *lost, *taken,
            )
        )  # fmt: skip
    return to_csv(headings, rows)

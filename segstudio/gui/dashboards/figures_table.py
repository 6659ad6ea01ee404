"""The look that the tables of all dashboards share: quiet, one row a line, figures to the right."""

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from segstudio.gui.dashboards.bars import BarDelegate

Index = QModelIndex | QPersistentModelIndex
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
ROW_HEIGHT = 28
LEAST_WIDTH = 52
MOST_WIDTH = 260
MEASURED = 8
# What the style puts around a cell's text and a heading's.
CELL_MARGIN, HEAD_MARGIN = 26, 30


class FiguresTable(QTableView):
    """A table that is read, not edited; one column holds bars and takes the room that is left."""

    def __init__(self, name: str, model: QAbstractItemModel, bar_column: int) -> None:
        super().__init__()
        model.setParent(self)
        self.setModel(model)
        self.setObjectName("figures")
        self.setAccessibleName(name)
        self.setItemDelegateForColumn(bar_column, BarDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(bar_column, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(LEAST_WIDTH)
        header.setHighlightSections(False)
        self._bar_column = bar_column

    def fit_columns(self) -> None:
        """Makes columns as wide as their texts and no wider, so that many fit beside the bars."""
        model, header = self.model(), self.horizontalHeader()
        cells, heads = self.fontMetrics(), header.fontMetrics()
        for column in range(model.columnCount()):
            if column == self._bar_column:
                continue
            head = str(model.headerData(column, Qt.Orientation.Horizontal) or "")
            texts = [str(model.index(row, column).data() or "") for row in range(model.rowCount())]
            icon = 0 if column else self.iconSize().width() + 8
            # Few of the most letters are enough to find the widest.
            longest = sorted(texts, key=len)[-MEASURED:]
            room = max(map(cells.horizontalAdvance, longest), default=0) + icon + CELL_MARGIN
            # The arrow of a sorted column stands beside its heading.
            least = heads.horizontalAdvance(head) + HEAD_MARGIN
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, min(max(room, least), MOST_WIDTH))

"""The look that the tables of all dashboards share: quiet, one row a line, figures to the right."""

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from segstudio.gui.dashboards.bars import BarDelegate

Index = QModelIndex | QPersistentModelIndex
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
ROW_HEIGHT = 28
LEAST_WIDTH = 64


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

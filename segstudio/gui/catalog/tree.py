"""The models as a tree, each below what it came from, with their figures in columns."""

import re
from collections.abc import Mapping

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView

from segstudio.gui.catalog.texts import IN_USE, NONE, day, miou_text, size_text, state_text
from segstudio.gui.dashboards.figures_table import LEFT, RIGHT
from segstudio.inference.lineage import Branch, Presence
from segstudio.workflows.model_facts import CatalogFacts, ModelFacts

HEADINGS = ("Model", "State", "mIoU", "images/s", "Classes", "Size", "Created", "Tags")
NUMBERS = (2, 3, 4, 5)
NAME_ROLE = Qt.ItemDataRole.UserRole + 1
TAGS = len(HEADINGS) - 1
# What gives way where names lack room; the detail has it all.
DISPENSABLE = (6, 4, 5)
LEAST_NAME, MOST_TAGS = 220, 160


class ModelTree(QTreeView):
    """`chosen` comes when other models are selected; at most two are of interest."""

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._rows = QStandardItemModel(0, len(HEADINGS), self)
        self._rows.setHorizontalHeaderLabels(list(HEADINGS))
        self._telling = True
        self.setModel(self._rows)
        self.setObjectName("figures")
        self.setAccessibleName("Models")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        for column in NUMBERS:
            self._rows.horizontalHeaderItem(column).setTextAlignment(RIGHT)
        for column in (0, 1, 6, 7):
            self._rows.horizontalHeaderItem(column).setTextAlignment(LEFT)
        self.selectionModel().selectionChanged.connect(lambda *_: self._tell())

    def show_models(self, facts: CatalogFacts, used: str, *, archived: bool, words: str) -> None:
        """Draws the tree anew; models that are left out hand their children up.

        Args:
            facts: the catalog.
            used: the model in use.
            archived: whether archived ones are shown.
            words: beginnings of words in a name, tag or class; "" for any.
        """
        before = self.names()
        wanted = {
            one.name: one
            for one in facts.models
            if (archived or not one.entry.notes.archived) and _holds(one, words)
        }
        self._telling = False
        self._rows.removeRows(0, self._rows.rowCount())
        for branch in facts.tree:
            self._add(self._rows.invisibleRootItem(), branch, wanted, used, lost=not words)
        self.expandAll()
        self._fit()
        self._telling = True
        self.select(before or (used,))

    def names(self) -> tuple[str, ...]:
        """The selected models in the order of the tree; "" where one is missing."""
        rows = sorted(self.selectionModel().selectedRows(), key=lambda index: self.visualRect(index).top())
        return tuple(str(index.data(NAME_ROLE)) for index in rows if index.data(NAME_ROLE))

    def select(self, names: tuple[str, ...]) -> None:
        """Selects models, the first one where none of them is there."""
        places = [index for index in self._indexes() if index.data(NAME_ROLE)]
        found = [index for index in places if index.data(NAME_ROLE) in names] or places[:1]
        self._telling = False
        self.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for index in found:
            self.selectionModel().select(index, flags)
        if found:
            self.selectionModel().setCurrentIndex(found[0], QItemSelectionModel.SelectionFlag.NoUpdate)
        self._telling = True
        self._tell()

    def place_of(self, name: str) -> QModelIndex:
        """The first cell of a model; an invalid one where it is not shown."""
        found = (index for index in self._indexes() if index.data(NAME_ROLE) == name)
        return next(found, QModelIndex())

    def texts(self, name: str) -> tuple[str, ...]:
        """What the row of a model says."""
        index = self.place_of(name)
        return tuple(str(index.siblingAtColumn(column).data() or "") for column in range(len(HEADINGS)))

    def _tell(self) -> None:
        if self._telling:
            self.chosen.emit()

    def _indexes(self) -> list[QModelIndex]:
        found: list[QModelIndex] = []
        pending = [self._rows.index(row, 0) for row in range(self._rows.rowCount())]
        while pending:
            index = pending.pop(0)
            found.append(index)
            pending = [
                *(self._rows.index(row, 0, index) for row in range(self._rows.rowCount(index))), *pending
            ]  # fmt: skip
        return found

    def _add(
        self,
        above: QStandardItem,
        branch: Branch,
        wanted: Mapping[str, ModelFacts],
        used: str,
        *,
        lost: bool,
    ) -> None:
        facts = wanted.get(branch.name) if branch.presence is Presence.HERE else None
        row = above
        if facts is not None:
            cells = _cells(facts, used)
            above.appendRow(cells)
            row = cells[0]
        elif branch.presence is not Presence.HERE and lost:
            cells = _lost(branch, self.palette())
            above.appendRow(cells)
            row = cells[0]
        for child in branch.children:
            self._add(row, child, wanted, used, lost=lost)
        if facts is None and row is not above and not row.hasChildren():
            above.removeRow(row.row())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names take the room that figures leave."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        header = self.header()
        header.setStretchLastSection(True)
        for column in range(len(HEADINGS) - 1):
            header.setSectionHidden(column, False)
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            self.resizeColumnToContents(column)
        tags = min(max(self.sizeHintForColumn(TAGS), header.sectionSizeHint(TAGS)), MOST_TAGS)
        wide = [header.sectionSize(column) for column in range(1, TAGS)]
        room = self.viewport().width() - sum(wide) - tags - 2
        for column in DISPENSABLE:
            if room < LEAST_NAME:
                room += header.sectionSize(column)
                header.setSectionHidden(column, True)
        header.resizeSection(TAGS, tags)
        header.resizeSection(0, max(min(header.sectionSize(0) + 8, room), LEAST_NAME))


def _holds(facts: ModelFacts, words: str) -> bool:
    spec = facts.entry.spec
    texts = (facts.name, *facts.entry.notes.tags, *(spec.classes if spec is not None else ()))
    # At the start of a word: "rain" is neither terrain nor train.
    starts = [re.compile(rf"(?<![^\W_]){re.escape(word)}", re.IGNORECASE) for word in words.split()]
    return all(any(start.search(text) for text in texts) for start in starts)


def _cells(facts: ModelFacts, used: str) -> list[QStandardItem]:
    spec, speed = facts.entry.spec, next(iter(facts.speeds), None)
    texts = (
        facts.name,
        state_text(facts, used),
        miou_text(facts.measured),
        f"{speed.fps:.1f}" if speed is not None else NONE,
        str(len(spec.classes)) if spec is not None else NONE,
        size_text(facts.size),
        day(spec.created) if spec is not None else NONE,
        ", ".join(facts.entry.notes.tags),
    )
    cells = [QStandardItem(text) for text in texts]
    for column in NUMBERS:
        cells[column].setTextAlignment(RIGHT)
    cells[0].setData(facts.name, NAME_ROLE)
    cells[0].setToolTip(facts.entry.problem or facts.name)
    if IN_USE in texts[1]:
        font = cells[0].font()
        font.setBold(True)
        cells[0].setFont(font)
        cells[1].setFont(font)
    return cells


def _lost(branch: Branch, palette: QPalette) -> list[QStandardItem]:
    texts = (branch.name, branch.presence.value, *("" for _ in HEADINGS[2:]))
    cells = [QStandardItem(text) for text in texts]
    for cell in cells:
        cell.setForeground(palette.brush(QPalette.ColorRole.PlaceholderText))
        cell.setSelectable(False)
    tip = "Models were made from it; " + (
        "it is in the trash" if branch.presence is Presence.DELETED else "it is not here"
    )
    cells[0].setToolTip(tip)
    return cells

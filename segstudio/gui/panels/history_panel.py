"""The list of edits of the open sample; a click jumps to the state after that edit."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFont, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QStackedLayout

from segstudio.gui.panels.parts import EmptyState, RowList, Section
from segstudio.gui.theme import ThemeSwitch

START = "As opened"


class HistoryPanel(Section):
    """Shows titles of edits, oldest first; those undone are faded. `jumped` carries how many stay done."""

    jumped = Signal(int)

    def __init__(self, themes: ThemeSwitch) -> None:
        super().__init__("History")
        self._themes = themes
        self._shown: tuple[tuple[str, ...], int] = ((), 0)
        self._steps = QStandardItemModel()
        self.view = RowList("History of edits")
        self.view.setModel(self._steps)
        self.view.setObjectName("history")
        self.view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.view.setEditTriggers(RowList.EditTrigger.NoEditTriggers)
        self.view.clicked.connect(self._jump)
        self.view.activated.connect(self._jump)
        self._stack = QStackedLayout()
        self._stack.addWidget(EmptyState("Edits of this sample appear here."))
        self._stack.addWidget(self.view)
        self.body.addLayout(self._stack, 1)
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(0, 8, 0, 4)
        self.row.setContentsMargins(12, 0, 8, 0)
        themes.changed.connect(lambda _: self._fill())

    def show_steps(self, titles: Sequence[str], done: int) -> None:
        """Lists all edits, of which the first `done` are applied."""
        if (tuple(titles), done) != self._shown:
            self._shown = (tuple(titles), done)
            self._fill()

    @property
    def titles(self) -> list[str]:
        """What the rows say, the start state first."""
        return [self._steps.item(row).text() for row in range(self._steps.rowCount())]

    def _fill(self) -> None:
        titles, done = self._shown
        self._stack.setCurrentIndex(1 if titles else 0)
        self._steps.clear()
        colours = self._themes.current
        for step, title in enumerate((START, *titles)):
            entry = QStandardItem(title)
            entry.setForeground(colours.colour("disabled" if step > done else "text"))
            entry.setToolTip(title)
            if step == done:
                font = QFont(self.view.font())
                font.setWeight(QFont.Weight.DemiBold)
                entry.setFont(font)
            self._steps.appendRow(entry)
        current = self._steps.index(done, 0)
        self.view.setCurrentIndex(current)
        self.view.scrollTo(current)

    def _jump(self, index: QModelIndex) -> None:
        self.jumped.emit(index.row())

"""The left side of the editor: the listed samples with their status, and the count of what is done."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.class_state import ClassState
from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import EmptyState, caption, rule
from segstudio.gui.panels.queue_bar import QueueBar
from segstudio.gui.panels.sample_rows import ROW_HEIGHT, SAMPLE_ROLE, SampleDelegate, SampleModel
from segstudio.gui.samples.sample_book import NEEDS_WORK
from segstudio.gui.samples.sample_lister import SampleLister
from segstudio.gui.samples.thumbnails import Thumbnails
from segstudio.gui.theme import ThemeSwitch
from segstudio.project.sample import Sample, SampleStatus


class SampleTable(QTableView):
    """A table of one column: unlike a list view it lays out 100 000 equally high rows at no cost."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("samples")
        self.setAccessibleName("Samples")
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        # A click must not take the keyboard from the canvas; Tab still reaches the table.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keeps arrows and the like; what types a character goes on to the window."""
        if event.text().strip():
            event.ignore()
        else:
            super().keyPressEvent(event)


class SamplesPanel(QWidget):
    """Lists samples; `opened` asks for the one that the user chose."""

    opened = Signal(str)

    def __init__(
        self,
        lister: SampleLister,
        classes: ClassState,
        thumbnails: Thumbnails,
        themes: ThemeSwitch,
        icons: Icons,
    ) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        book = self._book = lister.book
        self.model = SampleModel(book, thumbnails)
        self._current: str | None = None
        self.bar = QueueBar(lister, classes, icons, wide=False)
        self.bar.entered.connect(self._open_first)
        self._make_view(themes)
        self.count = caption("", "small")
        self._stack = QStackedLayout()
        self._empty = EmptyState()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._empty)
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 12, 8)
        top.addWidget(self.bar)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 6, 12, 6)
        foot.addWidget(self.count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(rule())
        layout.addLayout(self._stack, 1)
        layout.addWidget(rule())
        layout.addLayout(foot)
        book.reset.connect(self._listed)
        book.refreshed.connect(self._show_count)
        self._listed()

    def _make_view(self, themes: ThemeSwitch) -> None:
        self.view = SampleTable()
        self.view.setModel(self.model)
        self.view.setItemDelegate(SampleDelegate(themes, self.view))
        self.view.selectionModel().currentChanged.connect(self._chosen)

    def show_current(self, key: str) -> None:
        """Selects a sample's row and scrolls to it, without asking to open it again."""
        self._current = key
        row = self._book.row(key)
        selection = self.view.selectionModel()
        if row is None:
            selection.clearSelection()
            return
        index = self.model.index(row)
        if selection.currentIndex().row() != row or not selection.isSelected(index):
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.view.scrollTo(index)

    def _open_first(self) -> None:
        if self._book.listed:
            self.opened.emit(self._book.listed[0].key)

    def _chosen(self, index: QModelIndex, _previous: QModelIndex) -> None:
        sample = index.data(SAMPLE_ROLE)
        if isinstance(sample, Sample) and sample.key != self._current:
            self._current = sample.key
            self.opened.emit(sample.key)

    def _listed(self) -> None:
        if self._current is not None:
            self.show_current(self._current)
        if self._book.listed:
            self._stack.setCurrentWidget(self.view)
        else:
            self._empty.set_text(
                "No sample matches.\nClear the filter to see all of them."
                if self._book.samples
                else "No images yet"
            )
            self._stack.setCurrentWidget(self._empty)
        self._show_count()

    def _show_count(self) -> None:
        total, listed = len(self._book.samples), len(self._book.listed)
        done = total - self._book.count(NEEDS_WORK)
        shown = f"{listed:,} of {total:,}" if listed != total else f"{total:,}"
        rejected = self._book.count(frozenset({SampleStatus.REJECTED}))
        back = f"  ·  {rejected:,} rejected" if rejected else ""
        self.count.setText(f"{shown} samples  ·  {done:,} done{back}")

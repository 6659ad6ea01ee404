"""The left side of the editor: all samples with their status, a filter, and the count of what is done."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.panels.parts import EmptyState, caption, rule
from segstudio.gui.panels.sample_rows import ROW_HEIGHT, SAMPLE_ROLE, SampleDelegate, SampleModel
from segstudio.gui.sample_book import NEEDS_WORK, STATUS_TEXT, SampleBook, SampleFilter
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.thumbnails import Thumbnails
from segstudio.project.sample import Sample, SampleStatus

TYPING_PAUSE_MS = 120
ALL = "All"
TO_DO = "Needs work"
SEARCH_WIDTH = 84


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

    def __init__(self, book: SampleBook, thumbnails: Thumbnails, themes: ThemeSwitch) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._book = book
        self.model = SampleModel(book, thumbnails)
        self._current: str | None = None
        self._make_filter()
        self._make_view(themes)
        self._count = caption("", "small")
        self._stack = QStackedLayout()
        self._empty = EmptyState()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._empty)
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 12, 8)
        top.setSpacing(8)
        top.addWidget(self.search, 3)
        top.addWidget(self.status, 2)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 6, 12, 6)
        foot.addWidget(self._count)
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

    def _make_filter(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter")
        self.search.setAccessibleName("Filter samples by name")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(SEARCH_WIDTH)
        self.status = QComboBox()
        self.status.setAccessibleName("Filter samples by status")
        self.status.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.status.setMinimumContentsLength(4)
        self.status.addItem(ALL, frozenset())
        self.status.addItem(TO_DO, NEEDS_WORK)
        self.status.insertSeparator(2)
        for status, text in STATUS_TEXT.items():
            self.status.addItem(text, frozenset({status}))
        self.status.setMaxVisibleItems(12)
        self._pause = QTimer(self, interval=TYPING_PAUSE_MS, singleShot=True)
        self._pause.timeout.connect(self._filter)
        self.search.textChanged.connect(lambda _: self._pause.start())
        self.search.returnPressed.connect(self._open_first)
        self.status.currentIndexChanged.connect(lambda _: self._filter())

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

    def _filter(self) -> None:
        self._pause.stop()
        statuses: frozenset[SampleStatus] = self.status.currentData() or frozenset()
        self._book.set_filter(SampleFilter(self.search.text(), statuses))

    def _open_first(self) -> None:
        self._filter()
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
        self._count.setText(f"{shown} samples  ·  {done:,} done")

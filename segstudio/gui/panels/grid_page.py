"""The grid: the listed samples as tiles with their overlays, or all regions of one class as crops."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QPushButton,
    QSlider,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.correcting.region_tiles import REGION_ROLE, RegionModel
from segstudio.gui.icons import Icons
from segstudio.gui.panels.ask_popover import AskPopover
from segstudio.gui.panels.parts import EmptyState, Segments, caption, rule
from segstudio.gui.panels.queue_bar import QueueBar
from segstudio.gui.panels.region_bar import RegionBar
from segstudio.gui.panels.sample_rows import SAMPLE_ROLE, SampleModel
from segstudio.gui.panels.sample_tiles import RegionTileDelegate, SampleTileDelegate, tile_size
from segstudio.gui.panels.tile_view import TileView
from segstudio.gui.samples.overlay_pictures import OverlayPictures, look_of
from segstudio.gui.samples.sample_batches import SampleBatches
from segstudio.gui.samples.sample_book import STATUS_TEXT
from segstudio.gui.samples.sample_lister import SampleLister
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.gui.view.view_state import ViewState
from segstudio.metrics.tables import counted
from segstudio.project.sample import Sample, SampleStatus
from segstudio.workflows.class_regions import ClassRegion

# What people decide; the others follow from masks and predictions.
DECIDED = (SampleStatus.IN_PROGRESS, SampleStatus.SUBMITTED, SampleStatus.ACCEPTED, SampleStatus.SKIPPED)
HEIGHT = 44
SMALLEST, USUAL, LARGEST = 112, 184, 400
SIZE_MEMORY = "grid_tile"
SAMPLES, REGIONS = "samples", "regions"
NO_HITS = "No sample matches.\nClear the filter to see all of them."
NO_IMAGES = "No images yet.\nPut some in the folder and look for new images."


class GridPage(QWidget):
    """`opened` asks for a sample and, if it is not empty, the place in it to show."""

    opened = Signal(str, object)

    def __init__(
        self,
        session: Session,
        lister: SampleLister,
        view: ViewState,
        link: CanvasLink,
        themes: ThemeSwitch,
        icons: Icons,
    ) -> None:
        super().__init__()
        self.setObjectName("page")
        self._session = session
        self._view, self._link = view, link
        self.batches = SampleBatches(session)
        self.pictures = OverlayPictures(session)
        self.model = SampleModel(session.book, self.pictures)
        self.tiles = TileView("Samples", tile_size(USUAL, self.font()))
        self.tiles.setModel(self.model)
        self.tiles.setItemDelegate(SampleTileDelegate(themes, self.tiles))
        self.found = RegionModel(session)
        self.crops = TileView("Regions of one class", tile_size(USUAL, self.font()))
        self.crops.setModel(self.found)
        self.crops.setItemDelegate(RegionTileDelegate(themes, self.crops))
        self.bar = QueueBar(lister, session.classes, icons, wide=True)
        self.regions = RegionBar(self.found, session.classes)
        self._make_parts()
        self._lay_out()
        self._connect(themes)
        self.show_mode(SAMPLES)
        self._resize_tiles(self.zoom.value())

    def _make_parts(self) -> None:
        modes = [
            (SAMPLES, "Samples", "The listed samples with their masks, or else predictions"),
            (REGIONS, "Regions", "Every region of one class, as a crop"),
        ]
        self.modes = Segments("What the grid shows", modes)
        self.zoom = QSlider(Qt.Orientation.Horizontal)
        self.zoom.setAccessibleName("Size of the tiles")
        self.zoom.setToolTip("Size of the tiles")
        self.zoom.setRange(SMALLEST, LARGEST)
        self.zoom.setFixedWidth(112)
        remembered = self._session.memory.tools.get(SIZE_MEMORY, USUAL)
        self.zoom.setValue(remembered if isinstance(remembered, int) else USUAL)
        self.count = caption("", "small")
        self.status_button = self._menu_button("Status", self._fill_statuses)
        self.split_button = self._menu_button("Split", self._fill_splits)
        self.assign_button = self._menu_button("Assign", self._fill_people)
        self.predict_button = QPushButton("Predict")
        self.open_button = QPushButton("Open")
        self._empty = EmptyState()

    def _menu_button(self, text: str, fill: Callable[[QMenu], None]) -> QPushButton:
        button = QPushButton(f"{text} ▾")
        button.setAccessibleName(f"{text} of the chosen samples")
        menu = QMenu(button)
        menu.aboutToShow.connect(partial(fill, menu))
        button.setMenu(menu)
        return button

    def _lay_out(self) -> None:
        top, foot = QWidget(), QWidget()
        for strip, name in ((top, "bar"), (foot, "panel")):
            strip.setObjectName(name)
            strip.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
            strip.setMinimumHeight(HEIGHT)
        across = QHBoxLayout(top)
        across.setContentsMargins(12, 4, 12, 4)
        across.setSpacing(12)
        across.addWidget(self.modes)
        across.addWidget(self.bar, 1)
        across.addWidget(self.zoom)
        below = QHBoxLayout(foot)
        below.setContentsMargins(12, 4, 12, 4)
        below.setSpacing(8)
        below.addWidget(self.count, 1)
        for button in (
            self.status_button,
            self.split_button,
            self.assign_button,
            self.predict_button,
            self.open_button,
        ):
            below.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addWidget(self.regions)
        # Widgets come after the stack has its parent: it would show the first as a window of its own.
        self._stack = QStackedLayout()
        layout.addLayout(self._stack, 1)
        for widget in (self.tiles, self.crops, self._empty):
            self._stack.addWidget(widget)
        layout.addWidget(rule())
        layout.addWidget(foot)

    def _connect(self, themes: ThemeSwitch) -> None:
        session = self._session
        self.modes.chosen.connect(self.show_mode)
        self.zoom.valueChanged.connect(self._resize_tiles)
        self.tiles.activated.connect(self._open)
        self.crops.activated.connect(self._open)
        self.open_button.clicked.connect(lambda: self._open(self._shown.currentIndex()))
        self.predict_button.clicked.connect(lambda: self.batches.predict(self.chosen()))
        self.bar.entered.connect(self.tiles.setFocus)
        for view in (self.tiles, self.crops):
            view.selectionModel().selectionChanged.connect(lambda *_: self._show_state())
        session.book.reset.connect(self._show_state)
        session.book.refreshed.connect(lambda _: self._show_state())
        session.predictions.models_changed.connect(self._show_state)
        session.project_changed.connect(lambda: self.show_mode(SAMPLES))
        self.found.moved.connect(self._show_state)
        self.pictures.looks_changed.connect(self.tiles.viewport().update)
        self._view.changed.connect(self._show_look)
        session.classes.changed.connect(self._show_look)
        themes.changed.connect(lambda _: self._resize_tiles(self.zoom.value()))

    # -- what is shown ------------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        """Samples or regions."""
        return self.modes.value

    @property
    def _shown(self) -> TileView:
        return self.crops if self.mode == REGIONS else self.tiles

    def show_mode(self, mode: str) -> None:
        """Shows samples or regions; regions are looked for when they are first asked for."""
        self.modes.set_value(mode)
        self.regions.setVisible(mode == REGIONS)
        self._show_state()
        if self.isVisible():
            self._shown.setFocus()

    def look_for(self, class_id: int) -> None:
        """Shows the regions of a class."""
        self.show_mode(REGIONS)
        self.regions.look_for(class_id)

    def showEvent(self, event: QShowEvent) -> None:
        """Shows the open sample's tile and takes the keyboard."""
        super().showEvent(event)
        self._show_look()
        key = self._session.current
        row = self._session.book.row(key) if key is not None else None
        if row is not None:
            index = self.model.index(row)
            flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.tiles.selectionModel().setCurrentIndex(index, flag)
            self.tiles.scrollTo(index)
        self._shown.setFocus()

    def _resize_tiles(self, width: int) -> None:
        self._session.memory.tools[SIZE_MEMORY] = width
        self.pictures.set_edge(width * self.devicePixelRatioF())
        for view in (self.tiles, self.crops):
            view.set_tile(tile_size(width, self.font()))

    def _show_look(self) -> None:
        colours = self._link.colours()
        self.pictures.set_look(look_of(colours, self._view, self._session.classes))
        self.regions.set_colours(colours)

    def _show_state(self) -> None:
        """Brings counts, buttons and empty states in step."""
        book, is_regions = self._session.book, self.mode == REGIONS
        chosen, rows = sum(len(part) for part in self._chosen_parts()), self._shown.count
        what = "regions" if is_regions else "samples"
        parts = [f"{chosen:,} of {rows:,} {what} chosen" if chosen else f"{rows:,} {what}"]
        if is_regions and self.found.is_searching:
            parts.append("looking for more…")
        self.count.setText("  ·  ".join(parts))
        if is_regions:
            empty = "" if rows else self.regions.empty_text()
        else:
            empty = "" if rows else (NO_HITS if book.samples else NO_IMAGES)
        self._empty.set_text(empty)
        self._stack.setCurrentWidget(self._empty if empty else self._shown)
        for button in (self.status_button, self.split_button, self.assign_button, self.open_button):
            button.setEnabled(chosen > 0)
        self.predict_button.setEnabled(chosen > 0 and self._session.predictions.entry is not None)

    # -- the chosen ones ----------------------------------------------------------------------------------

    def chosen_rows(self) -> list[int]:
        """Rows of the chosen tiles, ascending."""
        return sorted(row for part in self._chosen_parts() for row in part)

    def _chosen_parts(self) -> list[range]:
        chosen = self._shown.selectionModel().selection()
        parts = [chosen.at(number) for number in range(chosen.count())]
        return [range(part.top(), part.bottom() + 1) for part in parts]

    def chosen(self) -> list[str]:
        """The samples of the chosen tiles, each once, in order."""
        view = self._shown
        return list(dict.fromkeys(str(view.model().index(row, 0).data()) for row in self.chosen_rows()))

    def _open(self, index: QModelIndex) -> None:
        sample, region = index.data(SAMPLE_ROLE), index.data(REGION_ROLE)
        if isinstance(sample, Sample):
            self.opened.emit(sample.key, None)
        elif isinstance(region, ClassRegion):
            self.opened.emit(region.key, region.rect)

    def _fill_statuses(self, menu: QMenu) -> None:
        menu.clear()
        for status in DECIDED:
            menu.addAction(STATUS_TEXT[status], partial(self._set_status, status))
        menu.addAction(f"{STATUS_TEXT[SampleStatus.REJECTED]}…", self.ask_reason)

    def _fill_splits(self, menu: QMenu) -> None:
        menu.clear()
        for split in self.batches.splits():
            menu.addAction(split, partial(self._set_split, split))
        menu.addSeparator()
        menu.addAction("No split", partial(self._set_split, ""))
        menu.addAction("Another split…", self.ask_split)

    def _fill_people(self, menu: QMenu) -> None:
        menu.clear()
        for person in self._session.reviews.facts.people:
            menu.addAction(person, partial(self._assign, person))
        menu.addSeparator()
        menu.addAction("Nobody", partial(self._assign, ""))
        menu.addAction("Somebody else…", self.ask_person)

    def _assign(self, person: str) -> None:
        self.batches.assign(self.chosen(), person)

    def ask_person(self) -> AskPopover:
        """Asks who labels the chosen samples."""
        keys = self.chosen()
        people = self._session.reviews.facts.people
        popover = AskPopover(self, f"Assign {counted(len(keys), 'sample')}", "Name", "Assign", people)
        popover.answered.connect(partial(self.batches.assign, keys))
        popover.closed.connect(self._shown.setFocus)
        popover.show_at(self.assign_button.mapToGlobal(self.assign_button.rect().bottomLeft()))
        return popover

    def _set_status(self, status: SampleStatus) -> None:
        self.batches.set_status(self.chosen(), status)

    def ask_reason(self) -> AskPopover:
        """Asks why the chosen samples are rejected, and rejects them."""
        keys = self.chosen()
        title = f"Reject {counted(len(keys), 'sample')}"
        reasons = self._session.reviews.facts.reasons
        popover = AskPopover(self, title, "What is to be corrected?", "Reject", reasons)
        popover.answered.connect(partial(self.batches.set_status, keys, SampleStatus.REJECTED))
        popover.closed.connect(self._shown.setFocus)
        popover.show_at(self.status_button.mapToGlobal(self.status_button.rect().bottomLeft()))
        return popover

    def _set_split(self, split: str) -> None:
        self.batches.set_split(self.chosen(), split)

    def ask_split(self) -> QInputDialog:
        """Asks for the name of a split and puts the chosen samples into it."""
        dialog, keys = QInputDialog(self), self.chosen()
        dialog.setWindowTitle("Split")
        dialog.setLabelText("Name of the split")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(lambda name: self.batches.set_split(keys, name.strip()))
        dialog.open()
        return dialog

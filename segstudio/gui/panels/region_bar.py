"""Which regions the grid shows: of which class, in masks or predictions, in which order."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QProgressBar, QPushButton, QWidget

from segstudio.gui.class_state import ClassState
from segstudio.gui.correcting.region_tiles import DOUBTFUL, LARGEST, SMALLEST, RegionModel, Search
from segstudio.gui.panels.parts import Segments, caption
from segstudio.project.sample_queue import Source

SQUARE = 12
ORDER_TEXT = {
    LARGEST: ("Largest", "The largest regions first"),
    SMALLEST: ("Smallest", "The smallest regions first: specks"),
    DOUBTFUL: ("Most doubtful", "Where the model sees the class least: mislabelled ones first"),
}


class RegionBar(QWidget):
    """Asks the model of regions; every choice looks anew, except that of the order."""

    def __init__(self, found: RegionModel, classes: ClassState) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._found, self._classes = found, classes
        self._colours: NDArray[np.uint8] = np.zeros((256, 3), np.uint8)
        self.class_box = QComboBox()
        self.class_box.setAccessibleName("Class of the regions")
        self.class_box.setMinimumContentsLength(16)
        self.class_box.setMaxVisibleItems(20)
        self.sources = Segments(
            "Regions of",
            [
                ("mask", "Masks", "Regions as people drew them"),
                ("prediction", "Predictions", "Regions as the model sees them"),
            ],
        )
        self.sources.set_value("mask")
        orders = [(order, *texts) for order, texts in ORDER_TEXT.items()]
        self.orders = Segments("Order of the regions", orders)
        self.orders.set_value(LARGEST)
        self.again = QPushButton("Look again")
        self.again.setToolTip("Looks through the samples that are listed now")
        self.progress = QProgressBar()
        self.progress.setFixedWidth(120)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Samples that were looked through")
        self._lay_out()
        self.class_box.activated.connect(lambda _: self._look())
        self.sources.chosen.connect(lambda _: self._look())
        self.orders.chosen.connect(found.set_order)
        self.again.clicked.connect(self._look)
        found.moved.connect(self._show_progress)
        classes.changed.connect(self._fill)
        self._fill()
        self._show_progress()

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 6)
        layout.setSpacing(12)
        layout.addWidget(caption("Class", "muted"))
        layout.addWidget(self.class_box)
        layout.addWidget(self.sources)
        layout.addWidget(self.orders)
        layout.addStretch(1)
        layout.addWidget(self.progress)
        layout.addWidget(self.again)

    @property
    def source(self) -> Source:
        """Where regions are looked for."""
        return "mask" if self.sources.value == "mask" else "prediction"

    def look_for(self, class_id: int) -> None:
        """Looks for the regions of a class."""
        self.class_box.setCurrentIndex(self.class_box.findData(class_id))
        self._look()

    def _look(self) -> None:
        class_id = self.class_box.currentData()
        if class_id is not None:
            self._found.look_for(Search(int(class_id), self.source))

    def empty_text(self) -> str:
        """What the grid says while there are no regions."""
        if self._found.is_searching:
            return "Looking for regions…"
        if self._found.search is None:
            return "Choose a class to see all of its regions in the listed samples."
        name = self._classes.name(self._found.search.class_id)
        where = "mask" if self._found.search.source == "mask" else "prediction"
        return f"No {where} of the listed samples has a region of {name}.\nChoose another class or filter."

    def _show_progress(self) -> None:
        done, total = self._found.searched
        self.progress.setVisible(self._found.is_searching)
        self.progress.setRange(0, int(total))
        self.progress.setValue(int(done))

    def set_colours(self, colours: NDArray[np.uint8]) -> None:
        """Shows the classes in the colours on screen, uint8 [256,3]."""
        if not np.array_equal(colours, self._colours):
            self._colours = colours
            self._fill()

    def _fill(self) -> None:
        """Lists the classes in the order of their keys."""
        with QSignalBlocker(self.class_box):
            chosen = self.class_box.currentData()
            self.class_box.clear()
            for entry in self._classes.classes:
                square = QPixmap(SQUARE, SQUARE)
                square.fill(QColor(*self._colours[entry.id].tolist()))
                self.class_box.addItem(square, entry.name, entry.id)
            place = self.class_box.findData(chosen)
            self.class_box.setCurrentIndex(max(place, 0) if self._classes.classes else -1)

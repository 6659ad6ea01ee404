"""Asks which classes a new project has, once, when a folder is opened for the first time."""

import html
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.annotation.palette import Palette, list_palettes, load_palette
from segstudio.gui.panels.parts import caption

DEFAULT = "cityscapes"
SHOWN = 12


class PaletteChoice(QDialog):
    """A short form: the folder, its classes, and Create. `chosen` carries the palette's name."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget, folder: Path) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("New project")
        self.setMinimumWidth(480)
        self.palettes = QComboBox()
        self.palettes.setAccessibleName("Classes")
        self._names = list_palettes()
        for name in self._names:
            self.palettes.addItem(f"{name}   ({load_palette(name).count} classes)", name)
        self.palettes.setCurrentIndex(max(self.palettes.findData(DEFAULT), 0))
        self.palettes.currentIndexChanged.connect(lambda _: self._describe())
        self._classes = caption("", "small", wrap=True)
        self._classes.setTextFormat(Qt.TextFormat.RichText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(8)
        layout.addWidget(caption(folder.name or str(folder), "large"))
        text = "Which classes do its masks have? Masks that are there already must use the same ids."
        layout.addWidget(caption(text, "muted", wrap=True))
        layout.addSpacing(8)
        layout.addWidget(self.palettes)
        layout.addWidget(self._classes)
        layout.addSpacing(8)
        layout.addStretch(1)
        layout.addLayout(self._make_buttons())
        self._describe()

    def _make_buttons(self) -> QHBoxLayout:
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        self.create_button = QPushButton("Create project")
        self.create_button.setProperty("role", "primary")
        self.create_button.setDefault(True)
        self.create_button.clicked.connect(self._create)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.create_button)
        return buttons

    def _create(self) -> None:
        name = str(self.palettes.currentData())
        self.accept()
        self.chosen.emit(name)

    def _describe(self) -> None:
        self._classes.setText(swatches(load_palette(str(self.palettes.currentData()))))


def swatches(palette: Palette) -> str:
    """Rich text with a coloured square before each of the first classes' names."""
    words = [
        f'<span style="color: rgb{entry.rgb}">■</span>&nbsp;{html.escape(entry.name).replace(" ", "&nbsp;")}'
        for entry in palette.classes[:SHOWN]
    ]
    more = palette.count - SHOWN
    return "&nbsp;&nbsp; ".join(words) + (f"&nbsp;&nbsp; and {more} more" if more > 0 else "")

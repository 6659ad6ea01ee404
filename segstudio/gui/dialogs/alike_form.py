"""The left side of the dialog on regions that are alike: which ones, where to look, and what they become."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from segstudio.annotation.alike import SOURCES, Likeness
from segstudio.annotation.palette import Palette
from segstudio.gui.dialogs.import_parts import CalmSpin
from segstudio.gui.panels.parts import Segments, caption, rule

WIDTH = 264
LARGEST_AREA = 99_999_999
ANY = "Any"
SWATCH = 14


class AlikeForm(QWidget):
    """`changed` says that other regions are wanted, `target_changed` what they are to become."""

    changed = Signal()
    target_changed = Signal()

    def __init__(
        self, palette: Palette, class_id: int, target: int, scopes: Sequence[tuple[str, str]]
    ) -> None:
        """Scopes are (value, text)."""
        super().__init__()
        self._palette = palette
        self.setFixedWidth(WIDTH)
        tips = ("Regions of the masks", "Regions of the predictions; their pixels in the masks change")
        choices = [(value, value.capitalize(), tip) for value, tip in zip(SOURCES, tips, strict=True)]
        self.source = Segments("Look in", choices)
        self.source.set_value(SOURCES[0])
        self.class_box = self._class_box("Class of the regions", class_id)
        self.scope = QComboBox()
        self.scope.setAccessibleName("Samples")
        for value, text in scopes:
            self.scope.addItem(text, value)
        self.scope.setCurrentIndex(min(1, len(scopes) - 1))
        self.least, self.most = _spin(1, LARGEST_AREA, 1, " px"), _spin(0, LARGEST_AREA, 0, " px")
        self.most.setSpecialValueText(ANY)
        self.least_sure, self.surest = _spin(0, 100, 0, " %"), _spin(0, 100, 100, " %")
        self.top, self.bottom = _spin(0, 100, 0, " %"), _spin(0, 100, 100, " %")
        self.touching = self._class_box("Touching", None, optional=True)
        self.second = self._class_box("Second choice", None, optional=True)
        self.target = self._class_box("Class that they take", target)
        self.accepted = QCheckBox("Accepted samples too")
        self.accepted.setToolTip("Otherwise samples that are accepted stay as they are")
        self._lay_out()
        self._connect()

    def _class_box(self, name: str, class_id: int | None, *, optional: bool = False) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(8)
        box.setMaxVisibleItems(16)
        if optional:
            box.addItem(ANY, None)
        colours = self._palette.colours()
        for entry in self._palette.classes:
            swatch = QPixmap(SWATCH, SWATCH)
            swatch.fill(QColor(*(int(channel) for channel in colours[entry.id])))
            box.addItem(QIcon(swatch), entry.name, entry.id)
            box.setItemData(box.count() - 1, entry.name, Qt.ItemDataRole.ToolTipRole)
        box.currentTextChanged.connect(box.setToolTip)
        box.setCurrentIndex(max(box.findData(class_id), 0))
        box.setToolTip(box.currentText())
        return box

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        rows: tuple[tuple[str, tuple[QWidget, ...]], ...] = (
            ("Regions of", (self.class_box,)),
            ("in the", (self.source,)),
            ("of", (self.scope,)),
            ("Area, from and to", (self.least, self.most)),
            ("Model's certainty, from and to", (self.least_sure, self.surest)),
            ("Middle between rows, from the top", (self.top, self.bottom)),
            ("Touching", (self.touching,)),
            ("Model's second choice", (self.second,)),
        )
        for text, widgets in rows:
            self._add(layout, text, widgets)
        layout.addSpacing(8)
        layout.addWidget(rule())
        layout.addSpacing(4)
        self._add(layout, "They become", (self.target,))
        layout.addWidget(self.accepted)
        layout.addStretch(1)

    @staticmethod
    def _add(layout: QVBoxLayout, text: str, widgets: tuple[QWidget, ...]) -> None:
        layout.addWidget(caption(text, "small"))
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in widgets:
            row.addWidget(widget, 0 if isinstance(widget, Segments) else 1)
        if any(isinstance(widget, Segments) for widget in widgets):
            row.addStretch(1)
        layout.addLayout(row)
        layout.addSpacing(4)

    def _connect(self) -> None:
        self.source.chosen.connect(lambda _: self.changed.emit())
        for box in (self.class_box, self.scope, self.touching, self.second):
            box.currentIndexChanged.connect(lambda _: self.changed.emit())
        for spin in (self.least, self.most, self.least_sure, self.surest, self.top, self.bottom):
            spin.valueChanged.connect(lambda _: self.changed.emit())
        self.target.currentIndexChanged.connect(lambda _: self.target_changed.emit())

    @property
    def likeness(self) -> Likeness:
        """Which regions are wanted."""
        source = next(name for name in SOURCES if name == self.source.value)
        return Likeness(
            int(self.class_box.currentData()),
            source,
            self.least.value(),
            self.most.value(),
            self.least_sure.value() / 100,
            self.surest.value() / 100,
            _class_of(self.touching.currentData()),
            self.top.value() / 100,
            self.bottom.value() / 100,
            _class_of(self.second.currentData()),
        )

    @property
    def target_id(self) -> int:
        """The class that they are to take."""
        return int(self.target.currentData())


def _class_of(value: Any) -> int | None:
    return None if value is None else int(value)


def _spin(least: int, most: int, value: int, suffix: str) -> CalmSpin:
    spin = CalmSpin()
    spin.setRange(least, most)
    spin.setSuffix(suffix)
    spin.setValue(value)
    spin.setKeyboardTracking(False)
    spin.setGroupSeparatorShown(True)
    return spin

"""The part of the options row with the lists and the second number that some tools have."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.class_state import ClassState
from segstudio.gui.correcting.tool_choices import (
    CHOICES,
    CHOICES_OF_TOOL,
    ERASE_TO,
    UNLABELLED,
    Choice,
    Value,
)
from segstudio.gui.correcting.tool_state import SMOOTHING, ToolState
from segstudio.gui.dialogs.import_parts import CalmSpin
from segstudio.gui.panels.parts import caption


class CalmList(QComboBox):
    """A list that the wheel does not turn: it would change what the next stroke does unseen."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leaves the wheel to whoever scrolls."""
        event.ignore()


class ToolExtras(QWidget):
    """Shows the lists of the present tool; `finished` asks to give the keyboard back to the canvas."""

    finished = Signal()

    def __init__(self, state: ToolState, classes: ClassState) -> None:
        super().__init__()
        self._state = state
        self._classes = classes
        self._tool = ToolName.BRUSH
        self.lists = {choice.field: self._make_list(choice) for choice in CHOICES}
        self._smooth_name = caption(SMOOTHING.text, "muted")
        self.smooth = CalmSpin()
        self.smooth.setRange(SMOOTHING.least, SMOOTHING.most)
        self.smooth.setSuffix(SMOOTHING.suffix)
        self.smooth.setAccessibleName(SMOOTHING.text)
        self.smooth.setToolTip("Rounds the border of what the wand takes")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (*self.lists.values(), self._smooth_name, self.smooth):
            layout.addWidget(widget)
        self.smooth.valueChanged.connect(partial(state.set_amount, SMOOTHING))
        self.smooth.lineEdit().returnPressed.connect(self.finished)
        state.changed.connect(self._follow)
        self.show_classes()

    def _make_list(self, choice: Choice) -> QComboBox:
        combo = CalmList()
        combo.setAccessibleName(choice.name)
        combo.setToolTip(choice.tip)
        combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        combo.activated.connect(partial(self._chosen, choice, combo))
        return combo

    def show_tool(self, tool: ToolName) -> None:
        """Follows the canvas."""
        self._tool = tool
        self._follow()

    def show_classes(self) -> None:
        """Follows the palette: what a class's id meant in the project before, it does not mean here."""
        palette = self._classes.palette
        classes = palette.classes if palette is not None else ()
        for choice in CHOICES:
            combo = self.lists[choice.field]
            combo.clear()
            for value, text in choice.entries:
                combo.addItem(text, value)
            for entry in classes if choice.classes else ():
                combo.addItem(f"{choice.classes} {entry.name}", entry.id)
        if isinstance(self._state.options.erase_to, int):
            self._state.choose(ERASE_TO.field, UNLABELLED)
        self._follow()

    def _chosen(self, choice: Choice, combo: QComboBox, row: int) -> None:
        value: Value = combo.itemData(row)
        self._state.choose(choice.field, value)
        self.finished.emit()

    def _follow(self) -> None:
        shown = CHOICES_OF_TOOL.get(self._tool, ())
        for choice in CHOICES:
            combo = self.lists[choice.field]
            wanted = getattr(self._state.options, choice.field)
            rows = (row for row in range(combo.count()) if combo.itemData(row) == wanted)
            combo.setCurrentIndex(next(rows, 0))
            combo.setVisible(choice in shown)
        for widget in (self._smooth_name, self.smooth):
            widget.setVisible(self._tool is ToolName.WAND)
        self.smooth.setValue(self._state.value(SMOOTHING))
        self.setVisible(bool(shown))

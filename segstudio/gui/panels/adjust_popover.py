"""The small window with sliders for brightness, contrast, gamma and local contrast of the image on screen."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.actions.action_set import ActionSet
from segstudio.gui.canvas.adjust import NEUTRAL, Adjustment
from segstudio.gui.panels.parts import caption
from segstudio.gui.view.view_state import ViewState

SLIDER_WIDTH = 200
GAP = 6


@dataclass(frozen=True)
class Knob:
    """A number of an Adjustment that can be turned: its field, what it is called, its range and unit."""

    field: str
    text: str
    least: int
    most: int
    suffix: str = ""


KNOBS = (
    Knob("brightness", "Brightness", -100, 100),
    Knob("contrast", "Contrast", -100, 100),
    Knob("gamma", "Gamma", 20, 300, " %"),
    Knob("local", "Local contrast", 0, 100, " %"),
)


class AdjustPopover(QFrame):
    """Sliders over the window, open beside other work; they change what is seen and nothing else.

    Esc or whatever opened it closes it; `closed` asks to give the keyboard back to the canvas.
    """

    closed = Signal()

    def __init__(self, view: ViewState, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self.setObjectName("popover")
        self.setAccessibleName("Image on screen")
        self._view = view
        self.sliders: dict[str, QSlider] = {}
        self._values: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for row, knob in enumerate(KNOBS):
            self._add(grid, row, knob)
        below = QHBoxLayout()
        below.addWidget(caption("On screen only: files and models never see it", "small"), 1)
        self.reset = QPushButton("Reset")
        self.reset.clicked.connect(actions["view.neutral"].trigger)
        below.addWidget(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 12, 8)
        layout.setSpacing(12)
        layout.addLayout(grid)
        layout.addLayout(below)
        view.changed.connect(self._follow)
        self._follow()

    def _add(self, grid: QGridLayout, row: int, knob: Knob) -> None:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(knob.least, knob.most)
        slider.setFixedWidth(SLIDER_WIDTH)
        slider.setAccessibleName(knob.text)
        slider.valueChanged.connect(lambda value: self._turned(knob.field, value))
        value = caption("", "muted")
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setFixedWidth(value.fontMetrics().horizontalAdvance("+300 %") + 4)
        grid.addWidget(caption(knob.text), row, 0)
        grid.addWidget(slider, row, 1)
        grid.addWidget(value, row, 2)
        self.sliders[knob.field], self._values[knob.field] = slider, value

    def _turned(self, field: str, value: int) -> None:
        changes: dict[str, int] = {field: value}
        self._view.set_adjustment(replace(self._view.adjustment, **changes))

    def _follow(self) -> None:
        adjustment = self._view.adjustment
        for knob in KNOBS:
            slider, number = self.sliders[knob.field], number_of(adjustment, knob)
            slider.blockSignals(True)
            slider.setValue(number)
            slider.blockSignals(False)
            sign = "+" if knob.least < 0 and number > 0 else ""
            self._values[knob.field].setText(f"{sign}{number}{knob.suffix}".replace("-", "−"))
        self.reset.setEnabled(adjustment != NEUTRAL)

    def toggle_below(self, button: QWidget) -> None:
        """Opens right-aligned under a button of the same window, or closes."""
        if self.isVisible():
            self.close_again()
            return
        window = button.window()
        self.setParent(window)
        self.adjustSize()
        self.move(button.mapTo(window, QPoint(button.width() - self.width(), button.height() + GAP)))
        self.show()
        self.raise_()
        self.sliders[KNOBS[0].field].setFocus(Qt.FocusReason.PopupFocusReason)

    def close_again(self) -> None:
        """Closes and lets the canvas have the keyboard."""
        self.hide()
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_again()
        else:
            super().keyPressEvent(event)


def number_of(adjustment: Adjustment, knob: Knob) -> int:
    """The present number of a knob."""
    return {
        "brightness": adjustment.brightness,
        "contrast": adjustment.contrast,
        "gamma": adjustment.gamma,
        "local": adjustment.local,
    }[knob.field]

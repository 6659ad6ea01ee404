"""The narrow strip of tools left of the canvas."""

from math import log

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QSlider, QVBoxLayout, QWidget

from segstudio.gui.actions.action_set import ActionSet
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.parts import caption

# Two columns: sixteen tools and the slider would be taller than a small window.
COLUMNS, BUTTON, GAP, MARGIN = 2, 32, 4, 6
WIDTH = COLUMNS * BUTTON + (COLUMNS - 1) * GAP + 2 * MARGIN
# The slider is logarithmic: fine where brushes are small, and 2000 px still in reach.
SLIDER_STEPS = 100
LARGEST = 2000.0


def radius_from_slider(step: int) -> float:
    """The brush radius in image pixels, 0.5-1000, of a slider place 0-100."""
    return float(0.5 * LARGEST ** (step / SLIDER_STEPS))


def slider_from_radius(radius: float) -> int:
    """The slider place nearest to a radius."""
    return round(SLIDER_STEPS * log(max(radius, 0.5) / 0.5) / log(LARGEST))


class ToolStrip(QWidget):
    """One button a tool, with its key in the tooltip, and the brush size below."""

    radius_changed = Signal(float)

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self.setObjectName("toolStrip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, 8, MARGIN, 8)
        layout.setSpacing(GAP)
        grid = QGridLayout()
        grid.setSpacing(GAP)
        for place, spec in enumerate(spec for spec in ACTIONS if spec.strip):
            button = actions.button(spec.id)
            button.setFixedSize(BUTTON, BUTTON)
            grid.addWidget(button, place // COLUMNS, place % COLUMNS)
        layout.addLayout(grid)
        layout.addStretch(1)
        self._size = caption("", "small")
        self._size.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.slider = QSlider(Qt.Orientation.Vertical)
        self.slider.setRange(0, SLIDER_STEPS)
        self.slider.setFixedHeight(120)
        self.slider.setAccessibleName("Brush size")
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.slider.valueChanged.connect(lambda step: self.radius_changed.emit(radius_from_slider(step)))
        layout.addWidget(self.slider, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self._size)

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        self.slider.setToolTip(keys.fill("Brush size ({tool.smaller} and {tool.bigger}, Shift+wheel)"))

    def show_radius(self, radius: float) -> None:
        """Follows the canvas, without echo."""
        self.slider.blockSignals(True)
        self.slider.setValue(slider_from_radius(radius))
        self.slider.blockSignals(False)
        self._size.setText(f"{round(2 * radius)} px")

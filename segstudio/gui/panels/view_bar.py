"""The bar above the canvas: which layer, how opaque, how outlined."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from segstudio.gui.action_set import ActionSet
from segstudio.gui.key_book import KeyBook
from segstudio.gui.panels.parts import Segments, caption
from segstudio.gui.view_state import ViewState

HEIGHT = 44


class ViewBar(QWidget):
    """Everything about display that is changed often enough to be in sight."""

    def __init__(self, view: ViewState, actions: ActionSet) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self._view = view
        self.layers = Segments(
            "Layer",
            [
                ("mask", "Mask", "Your mask"),
                ("prediction", "Prediction", "What the model says"),
                ("difference", "Difference", "Where mask and prediction differ"),
                ("confidence", "Confidence", "How sure the model is"),
            ],
        )
        self.outlines = Segments(
            "Outline",
            [
                ("fill", "Fill", "Filled regions"),
                ("outline", "Line", "Outlines only"),
                ("both", "Both", "Filled regions with outlines"),
            ],
        )
        self.opacity = self._make_opacity()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 12, 0)
        layout.setSpacing(4)
        layout.addWidget(self.layers)
        layout.addSpacing(8)
        layout.addWidget(self.outlines)
        layout.addStretch(1)
        layout.addWidget(caption("Opacity", "muted"))
        layout.addWidget(self.opacity)
        layout.addWidget(self.percent)
        layout.addWidget(actions.button("view.fit"))
        self.layers.chosen.connect(view.set_layer)
        self.outlines.chosen.connect(view.set_outline)
        view.changed.connect(self._follow)
        self._follow()

    def _make_opacity(self) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setFixedWidth(96)
        slider.setAccessibleName("Overlay opacity")
        slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        slider.valueChanged.connect(lambda value: self._view.set_opacity(value / 100))
        self.percent = caption("", "muted")
        self.percent.setFixedWidth(self.percent.fontMetrics().horizontalAdvance("100 %") + 4)
        return slider

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        self.opacity.setToolTip(keys.fill("{view.less} and {view.more} change it"))
        self.layers.buttons["mask"].setToolTip(keys.fill("Your mask ({layer.next}: next layer)"))
        self.outlines.buttons["fill"].setToolTip(keys.fill("Filled regions ({style.next}: next style)"))

    def _follow(self) -> None:
        self.layers.set_value(self._view.layer)
        self.outlines.set_value(self._view.outline)
        self.opacity.blockSignals(True)
        self.opacity.setValue(round(self._view.opacity * 100))
        self.opacity.blockSignals(False)
        shown = f"{round(self._view.opacity * 100)} %" if self._view.overlay else "off"
        self.percent.setText(shown)

    def show_prediction(self, there: bool) -> None:
        """Layers that need a prediction are of no use without one."""
        for layer in ("prediction", "difference", "confidence"):
            self.layers.buttons[layer].setEnabled(there)

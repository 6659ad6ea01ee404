"""The bar above the canvas: which layer, how opaque, how outlined."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QSlider, QToolButton, QWidget

from segstudio.gui.actions.action_set import ICON, ActionSet
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.dialogs.import_parts import CalmSpin
from segstudio.gui.icons import Icons
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.adjust_popover import AdjustPopover
from segstudio.gui.panels.parts import Segments, caption
from segstudio.gui.view.view_state import DIFFERENCES, WIDEST_BORDER, ViewState

HEIGHT = 44
SLIDER_WIDTH = 72
DIFFERENCE_TEXTS = {"all": "All", "active": "Active class", "wide": "Wider than"}


class ViewBar(QWidget):
    """Everything about display that is changed often enough to be in sight."""

    def __init__(self, view: ViewState, actions: ActionSet, icons: Icons) -> None:
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
                ("version", "Version", "The earlier state chosen in the list of versions"),
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
        self.difference, self.border = self._make_difference(), self._make_border()
        self.sign = self._make_sign(icons)
        self.compare = self._make_compare(actions, icons)
        self.adjust = self._make_adjust(actions, icons)
        self.popover = AdjustPopover(view, actions, self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 12, 0)
        layout.setSpacing(4)
        layout.addWidget(self.layers)
        layout.addSpacing(8)
        layout.addWidget(self.outlines)
        for widget in (self.difference, self.border):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self.sign)
        layout.addWidget(self.opacity)
        layout.addWidget(self.percent)
        for button in (self.compare, self.adjust, actions.button("view.fit")):
            layout.addWidget(button)
        self.layers.chosen.connect(view.set_layer)
        self.outlines.chosen.connect(view.set_outline)
        view.changed.connect(self._follow)
        self._follow()

    def _make_opacity(self) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setFixedWidth(SLIDER_WIDTH)
        slider.setAccessibleName("Overlay opacity")
        slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        slider.valueChanged.connect(lambda value: self._view.set_opacity(value / 100))
        self.percent = caption("", "muted")
        self.percent.setFixedWidth(self.percent.fontMetrics().horizontalAdvance("100 %") + 4)
        return slider

    def _make_difference(self) -> QComboBox:
        box = QComboBox()
        box.addItems([DIFFERENCE_TEXTS[kind] for kind in DIFFERENCES])
        box.setAccessibleName("Difference")
        box.setToolTip("Which disagreements are shown; the active class: right, predicted only, missed")
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        box.activated.connect(lambda place: self._view.set_difference(DIFFERENCES[place]))
        return box

    def _make_border(self) -> CalmSpin:
        spin = CalmSpin()
        spin.setRange(1, WIDEST_BORDER)
        spin.setSuffix(" px")
        spin.setAccessibleName("Border width")
        spin.setToolTip("Bands up to this wide along borders are noise and left out")
        spin.valueChanged.connect(self._view.set_border)
        return spin

    def _make_compare(self, actions: ActionSet, icons: Icons) -> QToolButton:
        button = QToolButton()
        icons.bind(button, "columns")
        button.setIconSize(ICON)
        button.setAccessibleName("Compare")
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        for spec in ACTIONS:
            if spec.group in ("compare", "other"):
                if spec.id == "other.prediction":
                    menu.addSection("with")
                menu.addAction(actions[spec.id])
        button.setMenu(menu)
        return button

    def _make_adjust(self, actions: ActionSet, icons: Icons) -> QToolButton:
        """Pressed while the image is not shown as it is; its action's own button has no such state."""
        action, button = actions["view.adjust"], QToolButton()
        icons.bind(button, "sliders-horizontal")
        button.setIconSize(ICON)
        button.setAccessibleName("Adjust image")
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(action.trigger)
        button.clicked.connect(self._follow)
        action.enabledChanged.connect(button.setEnabled)
        button.setEnabled(action.isEnabled())
        return button

    def _make_sign(self, icons: Icons) -> QToolButton:
        """A picture where the bar has no room for a word; a click shows or hides the overlay."""
        button = QToolButton()
        icons.bind(button, "circle-half", "muted")
        button.setIconSize(ICON)
        button.setAccessibleName("Overlay")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self._view.set_overlay(not self._view.overlay))
        return button

    def show_adjustments(self) -> None:
        """Opens or closes the sliders for the image on screen."""
        self.popover.toggle_below(self.adjust)

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        ways = "{compare.split} split, {compare.beside} side by side, {view.hold_blink} blinks"
        self.compare.setToolTip(keys.fill(f"Compare with another layer ({ways})"))
        self.sign.setToolTip(keys.tip("view.overlay"))
        self.adjust.setToolTip(keys.tip("view.adjust"))
        self.popover.reset.setToolTip(keys.tip("view.neutral"))
        self.opacity.setToolTip(keys.fill("{view.less} and {view.more} change it"))
        self.layers.buttons["mask"].setToolTip(keys.fill("Your mask ({layer.next}: next layer)"))
        self.outlines.buttons["fill"].setToolTip(keys.fill("Filled regions ({style.next}: next style)"))

    def _follow(self) -> None:
        self.layers.set_value(self._view.shown_layer)
        self.outlines.set_value(self._view.outline)
        self.opacity.blockSignals(True)
        self.opacity.setValue(round(self._view.opacity * 100))
        self.opacity.blockSignals(False)
        shown = f"{round(self._view.opacity * 100)} %" if self._view.overlay else "off"
        self.percent.setText(shown)
        self.compare.setChecked(self._view.comparison != "off")
        self.adjust.setChecked(not self._view.adjustment.is_neutral)
        self._follow_layer()

    def _follow_layer(self) -> None:
        """Offers the layers that there are, and the options of the one that is shown."""
        view = self._view
        for layer, button in self.layers.buttons.items():
            button.setEnabled(layer in view.available)
        self.layers.buttons["version"].setVisible("version" in view.available)
        differing = view.shown_layer == "difference"
        self.difference.setVisible(differing)
        self.difference.setCurrentIndex(DIFFERENCES.index(view.difference))
        self.border.setVisible(differing and view.difference == "wide")
        self.border.blockSignals(True)
        self.border.setValue(view.border)
        self.border.blockSignals(False)
        self.outlines.setVisible(view.shown_layer != "confidence" and not differing)

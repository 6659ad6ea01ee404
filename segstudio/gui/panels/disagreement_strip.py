"""The strip over the canvas while one goes through disagreements: what differs, and whose side to take."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QPushButton, QWidget

from segstudio.gui.dialogs.import_parts import CalmSpin
from segstudio.gui.icons import Icons
from segstudio.gui.panels.floating_strip import FloatingStrip
from segstudio.gui.panels.parts import caption

WIDEST_BORDER = 16


class DisagreementStrip(FloatingStrip):
    """Says what it is told; its buttons ask. `options_changed` carries border and unlabelled."""

    model_side = Signal()
    mask_side = Signal()
    options_changed = Signal(int, bool)
    finished = Signal()

    def __init__(self, over: QWidget, icons: Icons) -> None:
        super().__init__(
            over, icons, "Disagreements", "Previous disagreement (Shift+N)", "Next disagreement (N)"
        )
        self.model_button = QPushButton("Model's side  ↵")
        self.model_button.setProperty("role", "primary")
        self.model_button.setToolTip("The region becomes what the model says (Enter)")
        self.mask_button = QPushButton("Keep the mask's  ⇧↵")
        self.mask_button.setToolTip("The region stays, and does not come back (Shift+Enter)")
        self.border = CalmSpin()
        self.border.setRange(0, WIDEST_BORDER)
        self.border.setSuffix(" px")
        self.border.setKeyboardTracking(False)
        self.border.setAccessibleName("Narrowest disagreement left out")
        self.border.setToolTip("Bands along borders that are no wider than this are left out")
        self.unlabelled = QCheckBox("Unlabelled too")
        self.unlabelled.setToolTip("Also where the mask has no class yet")
        for widget in (self.model_button, self.mask_button):
            self.controls.addWidget(widget)
        self.controls.addStretch(1)
        self.controls.addWidget(caption("Wider than", "muted"))
        self.controls.addWidget(self.border)
        self.controls.addWidget(self.unlabelled)
        self._connect()

    def _connect(self) -> None:
        for button in (self.model_button, self.mask_button, self.unlabelled):
            # A click must not take the keyboard from the canvas; Tab still reaches the button.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.model_button.clicked.connect(self.model_side)
        self.mask_button.clicked.connect(self.mask_side)
        self.border.valueChanged.connect(self._options_changed)
        self.unlabelled.toggled.connect(self._options_changed)
        self.border.lineEdit().returnPressed.connect(self.finished)

    def _options_changed(self) -> None:
        self.options_changed.emit(self.border.value(), self.unlabelled.isChecked())

    def set_options(self, border: int, unlabelled: bool) -> None:
        """Shows options without telling anybody."""
        for widget in (self.border, self.unlabelled):
            widget.blockSignals(True)
        self.border.setValue(border)
        self.unlabelled.setChecked(unlabelled)
        for widget in (self.border, self.unlabelled):
            widget.blockSignals(False)

    def show_text(self, text: str, *, decide: bool) -> None:
        """Says something; with `decide` there is a region whose side can be taken."""
        for button in (self.model_button, self.mask_button):
            button.setEnabled(decide)
        self.say(text)

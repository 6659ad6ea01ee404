"""The strip over the canvas while one goes through disagreements: what differs, and whose side to take."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.dialogs.import_parts import CalmSpin
from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import ElidedLabel, caption, icon_button

WIDTH = 620
TOP = 12
WIDEST_BORDER = 16


class DisagreementStrip(QWidget):
    """Says what it is told; its buttons ask. `options_changed` carries border and unlabelled."""

    model_side = Signal()
    mask_side = Signal()
    stepped = Signal(int)
    closed = Signal()
    options_changed = Signal(int, bool)
    finished = Signal()

    def __init__(self, over: QWidget, icons: Icons) -> None:
        super().__init__(over)
        self.setObjectName("floating")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Disagreements")
        self.text = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.text.setProperty("role", "heading")
        self.back = icon_button(icons, "caret-left", "Previous disagreement (Shift+N)")
        self.on = icon_button(icons, "caret-right", "Next disagreement (N)")
        self.cross = icon_button(icons, "x", "Leave (Esc)", role="muted")
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
        self._over = over
        self._lay_out()
        self._connect()
        over.installEventFilter(self)
        self.hide()

    def _lay_out(self) -> None:
        upper, lower = QHBoxLayout(), QHBoxLayout()
        for row in (upper, lower):
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
        upper.addWidget(self.text, 1)
        for button in (self.back, self.on, self.cross):
            upper.addWidget(button)
        lower.addWidget(self.model_button)
        lower.addWidget(self.mask_button)
        lower.addStretch(1)
        lower.addWidget(caption("Wider than", "muted"))
        lower.addWidget(self.border)
        lower.addWidget(self.unlabelled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 10)
        layout.setSpacing(8)
        layout.addLayout(upper)
        layout.addLayout(lower)

    def _connect(self) -> None:
        for button in (self.model_button, self.mask_button, self.unlabelled):
            # A click must not take the keyboard from the canvas; Tab still reaches the button.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.back.clicked.connect(lambda: self.stepped.emit(-1))
        self.on.clicked.connect(lambda: self.stepped.emit(1))
        self.cross.clicked.connect(self.closed)
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
        self.text.setText(text)
        self.setAccessibleDescription(text)
        for button in (self.model_button, self.mask_button):
            button.setEnabled(decide)
        self.place()
        self.show()
        self.raise_()

    def place(self) -> None:
        """Moves to the upper middle."""
        width = min(WIDTH, self._over.width() - 2 * TOP)
        self.resize(width, self.sizeHint().height())
        self.move((self._over.width() - width) // 2, TOP)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stays in its place when what it lies over is resized."""
        if watched is self._over and event.type() == QEvent.Type.Resize and self.isVisible():
            self.place()
        return super().eventFilter(watched, event)

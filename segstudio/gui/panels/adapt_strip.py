"""The strip over the canvas while a model is adapted: what is learnt from, what changes, keep or drop."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.panels.floating_strip import FloatingStrip
from segstudio.gui.panels.parts import Segments, caption

MASK, BEFORE, AFTER = "mask", "before", "after"
CHOICES = (
    (MASK, "Mask", "The mask of this sample"),
    (BEFORE, "Before", "What the model says of this image now"),
    (AFTER, "After", "What the adapted model says of it"),
)


class AdaptStrip(FloatingStrip):
    """Says what it is told; `asked` begins, `looked` carries what to show, `kept` and `dropped` decide."""

    asked = Signal()
    looked = Signal(str)
    kept = Signal()
    dropped = Signal()

    def __init__(self, over: QWidget, icons: Icons) -> None:
        super().__init__(over, icons, "Adapt the model", "Before", "After")
        # There is nothing to step through.
        self.back.hide()
        self.on.hide()
        self.detail = caption("", "small", wrap=True)
        self.warning = caption("", "small", wrap=True)
        self.warning.setProperty("tone", "warning")
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(1, self.detail)
        layout.insertWidget(2, self.warning)
        self.begin_button = self._button("Adapt", "Fits the model's last layer to what is confirmed")
        self.begin_button.setProperty("role", "primary")
        self.keep_button = self._button("Keep", "Makes a new model of it; the one in use stays as it is")
        self.keep_button.setProperty("role", "primary")
        self.again_button = self._button("Adapt again", "Also learns from what was confirmed meanwhile")
        self.drop_button = self._button("Drop", "Forgets it; nothing was changed")
        self.choice = Segments("Shown on the image", CHOICES)
        for widget in (self.begin_button, self.choice, self.keep_button, self.again_button, self.drop_button):
            self.controls.addWidget(widget)
        self.controls.insertStretch(2, 1)
        self.begin_button.clicked.connect(self.asked)
        self.again_button.clicked.connect(self.asked)
        self.keep_button.clicked.connect(self.kept)
        self.drop_button.clicked.connect(self.dropped)
        self.choice.chosen.connect(self.looked)

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def show_offer(self, title: str, detail: str, *, possible: bool) -> None:
        """Before anything was fitted."""
        self._show(title, detail, begin=True)
        self.begin_button.setEnabled(possible)

    def show_work(self, title: str, detail: str) -> None:
        """While it works."""
        self._show(title, detail, begin=True)
        self.begin_button.setEnabled(False)

    def show_result(self, title: str, detail: str, warning: str, name: str) -> None:
        """What was fitted, and the name that it would be kept under."""
        self.keep_button.setText(f"Keep as {name}")
        self._show(title, detail, warning)

    def _show(self, title: str, detail: str, warning: str = "", *, begin: bool = False) -> None:
        self.detail.setText(detail)
        self.warning.setText(warning)
        self.warning.setVisible(bool(warning))
        self.begin_button.setVisible(begin)
        for widget in (self.choice, self.keep_button, self.again_button, self.drop_button):
            widget.setVisible(not begin)
        self.say(title)

    def place(self) -> None:
        """Moves to the upper middle, as high as its texts need."""
        super().place()
        layout = self.layout()
        if layout is not None:
            # The first pass settles how wide the texts are, which says how high they are.
            layout.activate()
            self.resize(self.width(), layout.heightForWidth(self.width()))

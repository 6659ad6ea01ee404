"""The strip over the canvas while one goes through error segments: which one it is, and what was done."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.panels.floating_strip import FloatingStrip


class WalkStrip(FloatingStrip):
    """Says what it is told; `settled` asks to take the region off the list."""

    settled = Signal()

    def __init__(self, over: QWidget, icons: Icons) -> None:
        super().__init__(over, icons, "Regions to correct", "Previous region", "Next region")
        self.done = QPushButton("Done  ↵")
        self.done.setProperty("role", "primary")
        self.done.setToolTip("Takes the region off the correction queue and goes on (Enter)")
        self.done.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.done.clicked.connect(self.settled)
        self.controls.addWidget(self.done)
        self.controls.addStretch(1)

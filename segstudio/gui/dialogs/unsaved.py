"""Before the window or a folder is closed with edits that could not be saved: which, why, and what then."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.errors import SegstudioError
from segstudio.gui.panels.parts import ElidedLabel, caption

NAMED = 6
KEPT = "They are kept beside the project and are offered when it is opened next."
LOST = "They could not be kept beside the project either: what is closed now is lost."


class UnsavedDialog(QDialog):
    """Names the samples; staying is the default."""

    def __init__(
        self,
        parent: QWidget,
        problems: Mapping[str, SegstudioError],
        kept: bool,
        leave: Callable[[], object],
        stay: Callable[[], object],
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Edits are not saved")
        self.setMinimumWidth(480)
        count = "One sample is" if len(problems) == 1 else f"{len(problems)} samples are"
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(caption(f"{count} not saved", "large"))
        for key in list(problems)[:NAMED]:
            layout.addWidget(ElidedLabel(key))
        if len(problems) > NAMED:
            layout.addWidget(caption(f"and {len(problems) - NAMED} more", "muted"))
        reason = next(iter(problems.values()))
        layout.addWidget(caption(str(reason), "muted", wrap=True))
        layout.addWidget(
            caption(f"Edits of these samples are in this window. {KEPT if kept else LOST}", wrap=True)
        )
        self.leave_button = QPushButton("Close all the same")
        self.leave_button.clicked.connect(self.accept)
        self.stay_button = QPushButton("Stay")
        self.stay_button.setProperty("role", "primary")
        self.stay_button.setDefault(True)
        self.stay_button.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.leave_button)
        buttons.addStretch(1)
        buttons.addWidget(self.stay_button)
        layout.addSpacing(8)
        layout.addLayout(buttons)
        self.accepted.connect(leave)
        self.rejected.connect(stay)

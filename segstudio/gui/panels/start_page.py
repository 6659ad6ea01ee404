"""The first page: what to do when no folder is open."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.parts import ElidedLabel, caption, icon_button

SHOWN = 6
WIDTH = 560


class StartPage(QWidget):
    """Open a folder, the demo, or a project of before."""

    open_asked = Signal()
    demo_asked = Signal()
    recent_asked = Signal(str)
    forgotten = Signal(str)

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._icons = icons
        column = QWidget()
        column.setFixedWidth(WIDTH)
        self._column = QVBoxLayout(column)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(24)
        self._column.addWidget(self._make_heading())
        self._column.addWidget(self._make_drop_zone())
        self._recent = QWidget()
        self._column.addWidget(self._recent)
        across = QHBoxLayout(self)
        across.addStretch(1)
        centre = QVBoxLayout()
        centre.addStretch(2)
        centre.addWidget(column)
        centre.addStretch(3)
        across.addLayout(centre)
        across.addStretch(1)

    def _make_heading(self) -> QWidget:
        heading = QWidget()
        layout = QVBoxLayout(heading)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(caption("segstudio", "title"))
        layout.addWidget(
            caption(
                "A model proposes masks, you correct them, the scores show what still fails.",
                "muted",
            )
        )
        return heading

    def _make_drop_zone(self) -> QWidget:
        self._zone = QWidget()
        self._zone.setObjectName("dropZone")
        self._zone.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.open_button = QPushButton("Open folder…")
        self.open_button.setProperty("role", "primary")
        self._icons.bind(self.open_button, "folder-open", "on-primary")
        self.open_button.clicked.connect(self.open_asked)
        self.demo_button = QPushButton("Open the demo project")
        self._icons.bind(self.demo_button, "play-circle")
        self.demo_button.clicked.connect(self.demo_asked)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.demo_button)
        buttons.addStretch(1)
        text = caption("Drop a folder of images here", "large")
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        hint = caption("Masks are written beside them; the images stay as they are.", "muted")
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self._zone)
        layout.setContentsMargins(24, 40, 24, 40)
        layout.setSpacing(8)
        layout.addWidget(text)
        layout.addWidget(hint)
        layout.addSpacing(16)
        layout.addLayout(buttons)
        return self._zone

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        self.open_button.setToolTip(keys.tip("file.open"))

    def set_drag_over(self, over: bool) -> None:
        """Shows that a dragged folder can be dropped."""
        self._zone.setProperty("over", "true" if over else "false")
        self._zone.style().unpolish(self._zone)
        self._zone.style().polish(self._zone)

    def show_recent(self, folders: Sequence[str]) -> None:
        """Lists projects of before, newest first."""
        replacement = QWidget()
        layout = QVBoxLayout(replacement)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        if folders:
            layout.addWidget(caption("RECENT", "section"))
        for folder in folders[:SHOWN]:
            layout.addWidget(self._recent_row(folder))
        self._column.replaceWidget(self._recent, replacement)
        self._recent.deleteLater()
        self._recent = replacement

    def _recent_row(self, folder: str) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        button = QPushButton(Path(folder).name or folder)
        button.setProperty("role", "quiet")
        self._icons.bind(button, "folder-simple", "muted")
        button.setToolTip(folder)
        button.clicked.connect(lambda: self.recent_asked.emit(folder))
        where = ElidedLabel(str(Path(folder).parent))
        where.setProperty("role", "small")
        cross = icon_button(self._icons, "x", "Forget this project", role="muted")
        cross.clicked.connect(lambda: self.forgotten.emit(folder))
        layout.addWidget(button)
        layout.addWidget(where, 1)
        layout.addWidget(cross)
        return row

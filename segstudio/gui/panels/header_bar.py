"""The bar below the menus: which folder and sample are open, the pages, undo and redo, submit."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from segstudio.gui.actions.action_set import ActionSet
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.parts import ElidedLabel, Segments, caption

HEIGHT = 44


class HeaderBar(QWidget):
    """`page_chosen` carries the id of a page."""

    page_chosen = Signal(str)

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self.project = caption("", "heading")
        self.sample = ElidedLabel()
        self.sample.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._slash = caption("/", "muted")
        self.place = caption("", "muted")
        self.pages = Segments("Page", [(s.argument, s.text, "") for s in ACTIONS if s.group == "page"])
        self.pages.chosen.connect(self.page_chosen)
        layout = QGridLayout(self)
        layout.setContentsMargins(12, 0, 8, 0)
        layout.setHorizontalSpacing(16)
        layout.addLayout(self._make_left(actions), 0, 0)
        layout.addWidget(self.pages, 0, 1)
        layout.addLayout(self._make_right(actions), 0, 2)
        layout.setColumnStretch(0, 1)
        layout.setColumnStretch(2, 1)

    def _make_left(self, actions: ActionSet) -> QHBoxLayout:
        left = QHBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.project)
        left.addWidget(self._slash)
        left.addWidget(self.sample, 1)
        left.addWidget(self.place)
        arrows = QHBoxLayout()
        arrows.setSpacing(0)
        for action_id in ("go.previous", "go.next"):
            arrows.addWidget(actions.button(action_id))
        left.addLayout(arrows)
        return left

    def _make_right(self, actions: ActionSet) -> QHBoxLayout:
        right = QHBoxLayout()
        right.setSpacing(4)
        right.addStretch(1)
        for action_id in ("edit.undo", "edit.redo"):
            right.addWidget(actions.button(action_id))
        right.addSpacing(8)
        right.addWidget(actions.button("go.submit", text=True))
        right.addWidget(actions.button("help.commands"))
        return right

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        for page, button in self.pages.buttons.items():
            button.setToolTip(keys.tip(f"page.{page}"))

    def show_project(self, name: str) -> None:
        """Names the open folder."""
        self.project.setText(name)

    def show_sample(self, name: str, place: str) -> None:
        """Names the open sample and its place in the list, such as "12 of 101"."""
        self.sample.setText(name)
        self.place.setText(place)
        self._slash.setVisible(bool(name))

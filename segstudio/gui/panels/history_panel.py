"""What happened to the open sample: the edits of this session, versions on the disk, what people said."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QStackedLayout, QWidget

from segstudio.annotation.history import Edit
from segstudio.gui.icons import Icons
from segstudio.gui.panels.comment_list import CommentList, Entry
from segstudio.gui.panels.history_model import HistoryModel
from segstudio.gui.panels.parts import EmptyState, RowList, Section, Segments
from segstudio.gui.panels.version_list import VersionList
from segstudio.gui.samples.sample_versions import SampleVersions
from segstudio.gui.theme import ThemeSwitch

STEPS, VERSIONS, COMMENTS = "steps", "versions", "comments"
PARTS = (
    (STEPS, "Steps", "Edits since the sample was opened; a click goes back or forth to one"),
    (VERSIONS, "Versions", "Earlier states of this mask on the disk; a click looks at one"),
    (COMMENTS, "Comments", "What was said about this sample; a click goes to the place"),
)


class HistoryPanel(Section):
    """Three lists under one title. `jumped` carries how many edits stay done."""

    jumped = Signal(int)

    def __init__(self, themes: ThemeSwitch, versions: SampleVersions, icons: Icons) -> None:
        super().__init__("History")
        self._themes = themes
        self.model = HistoryModel()
        self.view = RowList("History of edits")
        self.view.setModel(self.model)
        self.view.setObjectName("history")
        self.view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.view.setEditTriggers(RowList.EditTrigger.NoEditTriggers)
        self.view.clicked.connect(self._jump)
        self.view.activated.connect(self._jump)
        self.versions = VersionList(versions)
        self.comments = CommentList(themes, icons)
        self.parts = Segments("History", PARTS)
        self.parts.setProperty("narrow", True)
        self.parts.set_value(STEPS)
        self.parts.chosen.connect(self.show_part)
        # The names of the parts say enough, and need the room.
        self._title.hide()
        self.row.insertWidget(0, self.parts)
        self._stack = QStackedLayout()
        self._empty = EmptyState("Edits of this sample appear here.")
        for part in (self._empty, self.view, self.versions, self.comments):
            self._stack.addWidget(part)
        self.body.addLayout(self._stack, 1)
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(0, 8, 0, 4)
        self.row.setContentsMargins(12, 0, 8, 0)
        themes.changed.connect(lambda _: self._look())
        self._look()

    def show_part(self, part: str) -> None:
        """Shows edits, versions or comments."""
        self.parts.set_value(part)
        steps: QWidget = self.view if self.model.rowCount() > 1 else self._empty
        shown = {VERSIONS: self.versions, COMMENTS: self.comments}.get(part, steps)
        self._stack.setCurrentWidget(shown)

    def show_comments(self, entries: Sequence[Entry]) -> None:
        """Lists what was said; the number of open comments stands beside the word."""
        self.comments.show_entries(entries)
        still_open = sum(not entry.comment.resolved for entry in entries)
        self.parts.buttons[COMMENTS].setText(f"Comments {still_open}" if still_open else "Comments")

    def show_steps(self, edits: Sequence[Edit], done: int, name: Callable[[int], str]) -> None:
        """Lists all edits, of which the first `done` are applied; `name` gives a class's name."""
        self.model.show(edits, done, name)
        self.show_part(self.parts.value)
        current = self.model.index(done, 0)
        if self.view.currentIndex() != current:
            self.view.setCurrentIndex(current)
            self.view.scrollTo(current)

    @property
    def titles(self) -> list[str]:
        """What the rows say, the start state first."""
        return [self.model.item(row).text() for row in range(self.model.rowCount())]

    def _look(self) -> None:
        usual, current = QFont(self.view.font()), QFont(self.view.font())
        current.setWeight(QFont.Weight.DemiBold)
        theme = self._themes.current
        self.model.set_looks(theme.colour("text"), theme.colour("disabled"), usual, current)

    def _jump(self, index: QModelIndex) -> None:
        self.jumped.emit(index.row())

"""Where the open sample stands in review: its status, who did it, who is to do it, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.parts import ElidedLabel, Section, caption
from segstudio.gui.samples.sample_book import STATUS_ROLE, STATUS_TEXT
from segstudio.gui.theme import ThemeSwitch
from segstudio.project.sample import SampleStatus

DOT = 8
LONGEST_NAME = 84
SUBMIT, ACCEPT, REJECT, REOPEN = "go.submit", "review.accept", "review.reject", "review.reopen"


@dataclass(frozen=True)
class ReviewState:
    """What the panel shows of a sample.

    Attributes:
        status: how far it is.
        told: who moved it there and when, and who reviews it.
        assignee: who labels it, "" for nobody.
        people: who it can be given to.
        locked: whether it must be reopened before it is changed.
    """

    status: SampleStatus
    told: str = ""
    assignee: str = ""
    people: tuple[str, ...] = ()
    locked: bool = False


class StatusDot(QWidget):
    """A dot in the colour of a status."""

    def __init__(self, themes: ThemeSwitch) -> None:
        super().__init__()
        self._themes = themes
        self.status = SampleStatus.UNLABELLED
        self.setFixedSize(DOT, DOT)
        themes.changed.connect(lambda _: self.update())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._themes.current.colour(STATUS_ROLE[self.status]))
        painter.drawEllipse(QRectF(0, 0, DOT, DOT))


class ReviewPanel(Section):
    """`asked` carries an action's id, `given` the person that a sample is given to; "" is nobody."""

    asked = Signal(str)
    given = Signal(str)
    other_asked = Signal()

    def __init__(self, themes: ThemeSwitch) -> None:
        super().__init__("Review")
        self.dot, self.status = StatusDot(themes), caption("", "small")
        self.row.insertWidget(1, self.status)
        self.row.insertWidget(1, self.dot)
        self.row.insertSpacing(1, 8)
        self.told = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.told.setProperty("role", "small")
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(12, 4, 8, 8)
            layout.setSpacing(4)
        self.assignee = QToolButton()
        self.assignee.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.assignee.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._menu = QMenu(self)
        self.assignee.setMenu(self._menu)
        self.row.addWidget(self.assignee)
        lower = QHBoxLayout()
        lower.setSpacing(8)
        lower.setContentsMargins(0, 0, 4, 0)
        lower.addWidget(self.told, 1)
        self.buttons: dict[str, QPushButton] = {}
        for action_id, text, role in (
            (SUBMIT, "Submit", "primary"),
            (ACCEPT, "Accept", "primary"),
            (REJECT, "Reject…", ""),
            (REOPEN, "Reopen", ""),
        ):
            lower.addWidget(self._button(action_id, text, role))
        self.body.addLayout(lower)
        self.show_state(None)

    def _button(self, action_id: str, text: str, role: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", role)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.asked.emit(action_id))
        self.buttons[action_id] = button
        return button

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        for action_id, button in self.buttons.items():
            button.setToolTip(keys.tip(action_id))

    def show_enabled(self, enabled: dict[str, bool]) -> None:
        """Enables the buttons whose actions are of use now."""
        for action_id, button in self.buttons.items():
            button.setEnabled(enabled.get(action_id, True))

    def show_state(self, state: ReviewState | None) -> None:
        """Shows where a sample stands; None without one."""
        self.setEnabled(state is not None)
        state = state or ReviewState(SampleStatus.UNLABELLED)
        self.dot.status = state.status
        self.dot.update()
        self.status.setText(STATUS_TEXT[state.status])
        self.setAccessibleDescription(f"{STATUS_TEXT[state.status]} {state.told}")
        self.told.setText(state.told)
        self._show_assignee(state.assignee, state.people)
        judges = state.status is SampleStatus.SUBMITTED
        wanted = {ACCEPT, REJECT} if judges else {REOPEN} if state.locked else {SUBMIT}
        for action_id, button in self.buttons.items():
            button.setVisible(action_id in wanted)

    def _show_assignee(self, assignee: str, people: Sequence[str]) -> None:
        name = assignee or "Nobody"
        shown = self.assignee.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, LONGEST_NAME)
        self.assignee.setText(f"{shown} ▾")
        self.assignee.setToolTip(f"Labelled by {assignee or 'nobody'}")
        self.assignee.setAccessibleName(f"Labelled by {name}")
        self._menu.clear()
        for person in ("", *people):
            action = self._menu.addAction(person or "Nobody")
            action.setCheckable(True)
            action.setChecked(person == assignee)
            action.triggered.connect(lambda _=False, person=person: self.given.emit(person))
        self._menu.addSeparator()
        self._menu.addAction("Somebody else…", self.other_asked.emit)

    @property
    def choices(self) -> list[str]:
        """Whom the sample can be given to, as the menu says it."""
        return [action.text() for action in self._menu.actions() if not action.isSeparator()]

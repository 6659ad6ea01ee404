"""What all dashboards share: a titled page that follows the project, but reads it only while on screen."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import DASHBOARD_LANE
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.jobs import JobContext
from segstudio.project.sample import Changes

T = TypeVar("T")


class DashboardPage(QWidget):
    """A head with title and controls, and a body that is either the contents or a placeholder."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("page")
        self._session = session
        self._stale = True
        self._body = QStackedWidget()
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(24, 16, 24, 16)
        self._rows.setSpacing(16)

    def lay_out(
        self, title: str, controls: Sequence[QWidget], contents: QWidget, placeholder: QWidget
    ) -> None:
        """Builds the head and the body; more rows may follow below."""
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(caption(title, "title"))
        head.addStretch(1)
        for control in controls:
            head.addWidget(control)
        self._body.addWidget(scrolling(contents))
        self._body.addWidget(placeholder)
        self._rows.addLayout(head)
        self._rows.addWidget(self._body, 3)

    def follow(self, button: QPushButton | None = None, work: str = "") -> None:
        """Follows project and scores; the button is off without a model and while a Job named `work` runs."""
        session = self._session
        session.changed.connect(self._changed)
        session.project_changed.connect(self.refresh)
        if button is None:
            return

        def enable(_: object = None) -> None:
            busy = any(job.title.startswith(work) for job in session.jobs.active())
            ready = session.project is not None and session.predictions.entry is not None
            button.setEnabled(ready and not busy)

        session.project_changed.connect(enable)
        session.predictions.models_changed.connect(enable)
        session.bridge.started.connect(enable)
        session.bridge.finished.connect(enable)
        enable()

    def _changed(self, changes: Changes) -> None:
        if changes.scores:
            self.refresh()

    def refresh(self) -> None:
        """Reads everything again; when not on screen, as soon as it is."""
        self._stale = not self.isVisible()
        if not self._stale:
            self.show_contents()

    def show_contents(self) -> None:
        """Reads the project and shows what it holds; for the page to define.

        Raises:
            NotImplementedError: the page does not define it.
        """
        raise NotImplementedError

    def read(self, work: Callable[[JobContext], T], show: Callable[[T], None], what: str = "") -> None:
        """Does `work` in a worker and shows its result, unless overtaken by newer work or another project;
        work on one thing does not overtake that on another.
        """
        project = self._session.project

        def done(result: T) -> None:
            if project is self._session.project:
                show(result)

        self._session.bridge.start(
            "Read for the dashboard",
            work,
            lane=DASHBOARD_LANE,
            replaces=f"dashboard {id(self)} {what}",
            replies=Replies(done=done),
        )

    def show_placeholder(self, wanted: bool) -> None:
        """Shows the placeholder in place of the contents, or the contents."""
        self._body.setCurrentIndex(1 if wanted else 0)

    def changeEvent(self, event: QEvent) -> None:
        """Shows everything again in the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what happened meanwhile."""
        super().showEvent(event)
        if self._stale:
            self.refresh()


class Shrinking(QWidget):
    """Gives contents the room there is, down to their least; a layout asks for what wrapped texts prefer."""

    def __init__(self, contents: QWidget) -> None:
        super().__init__()
        self._contents = contents
        contents.setParent(self)

    def minimumSizeHint(self) -> QSize:
        """That of the contents."""
        return self._contents.minimumSizeHint().expandedTo(self._contents.minimumSize())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The contents fill it."""
        self._contents.setGeometry(self.rect())

    def event(self, event: QEvent) -> bool:
        """What the contents need may have changed."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().event(event)


def scrolling(contents: QWidget) -> QScrollArea:
    """Contents that scroll where there is less room than they need: no page makes the window larger."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(Shrinking(contents))
    return area


def fill(box: QComboBox, texts: Sequence[str]) -> None:
    """Replaces the entries of a combo box and keeps the chosen one where it still exists."""
    offer(box, texts, box.currentText())


def offer(box: QComboBox, texts: Sequence[str], chosen: str) -> None:
    """Replaces the entries of a combo box and chooses one of them, or the first."""
    box.blockSignals(True)
    box.clear()
    box.addItems(texts)
    found = box.findText(chosen, Qt.MatchFlag.MatchExactly)
    box.setCurrentIndex(max(found, 0) if texts else -1)
    box.setToolTip(box.currentText())
    box.blockSignals(False)


def stacked(spacing: int) -> tuple[QWidget, QVBoxLayout]:
    """A widget without margins whose layout puts rows below each other."""
    widget = QWidget()
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    return widget, layout

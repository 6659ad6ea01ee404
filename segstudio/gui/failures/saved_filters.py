"""The button with the queries that the project keeps: use one, save the present one, delete one."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QInputDialog, QMenu, QPushButton, QWidget

from segstudio.gui.job_bridge import Replies
from segstudio.gui.session import Session
from segstudio.project.project import Project
from segstudio.project.sample_queue import SEGMENTS

Filters = dict[str, str]


class SavedFilters(QPushButton):
    """`chosen` carries a saved query; `query` gives the one that would be saved."""

    chosen = Signal(str)

    def __init__(self, session: Session, query: Callable[[], str], parent: QWidget | None = None) -> None:
        super().__init__("Saved  ▾", parent)
        self.setToolTip("Queries that this project keeps")
        self.setAccessibleName("Saved queries")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._session = session
        self._query = query
        self.filters: Filters = {}
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)
        session.project_changed.connect(lambda: self._with_filters(lambda _: None))
        self._with_filters(lambda _: None)

    def save(self, name: str) -> None:
        """Keeps the present query under a name, in place of an older one of that name."""
        query = self._query()
        if name.strip() and query:
            self._with_filters(lambda project: project.queue.save_filter(SEGMENTS, name.strip(), query))

    def delete(self, name: str) -> None:
        """Forgets a saved query."""
        self._with_filters(lambda project: project.queue.delete_filter(SEGMENTS, name))

    def _with_filters(self, act: Callable[[Project], object]) -> None:
        """Does something to the project's queries in a worker, then reads them again."""
        project = self._session.project
        if project is None:
            self.filters = {}
            return

        def work(_: object) -> Filters:
            act(project)
            return project.queue.filters(SEGMENTS)

        def done(found: Filters) -> None:
            if project is self._session.project:
                self.filters = found

        replies = Replies(done=done, failed=self._session.explain)
        self._session.bridge.start("Saved queries", work, lane="project", replies=replies)

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        for name, query in self.filters.items():
            menu.addAction(name, partial(self.chosen.emit, query)).setToolTip(query)
        if self.filters:
            menu.addSeparator()
        menu.addAction("Save this query…", self.ask_name).setEnabled(bool(self._query()))
        if self.filters:
            deleting = menu.addMenu("Delete")
            for name in self.filters:
                deleting.addAction(name, partial(self.delete, name))

    def ask_name(self) -> QInputDialog:
        """Asks what the present query is to be called, and saves it."""
        dialog = QInputDialog(self)
        dialog.setWindowTitle("Save query")
        dialog.setLabelText(f"Name of the query\n{self._query()}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(self.save)
        dialog.open()
        return dialog

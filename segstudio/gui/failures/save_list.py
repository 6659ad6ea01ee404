"""The button that writes the chosen failures as a list which other programs read."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton

from segstudio.gui.failures.book import FailureBook
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import FAILURES_LANE
from segstudio.gui.message import SUCCESS, Message
from segstudio.gui.session import Session
from segstudio.workflows.segment_list import save_segments

FORMATS = ("CSV (*.csv)", "JSON (*.json)")


class SaveList(QPushButton):
    """Asks for a file and writes what the query chooses, in the order that is shown."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__("Save list…")
        self._session = session
        self._book = book
        self.setToolTip("Write these failures, in this order, as CSV or JSON")
        self.setAccessibleName("Save the list of failures")
        self.clicked.connect(self.ask_file)
        book.chosen_changed.connect(lambda: self.setEnabled(len(book.chosen.rows) > 0))

    def ask_file(self) -> QFileDialog:
        """Asks where to write the list; the window goes on meanwhile."""
        dialog = QFileDialog(self, "Save the list of failures")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(FORMATS))
        dialog.setDefaultSuffix("csv")
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(chosen.split()[0].lower()))
        dialog.fileSelected.connect(lambda path: self.save(Path(path)))
        dialog.open()
        return dialog

    def save(self, path: Path) -> None:
        """Writes the chosen failures in a worker: JSON or CSV by the suffix."""
        failures, rows = self._book.failures, self._book.chosen.rows
        if failures is None:
            return

        def done(count: int) -> None:
            noun = "failure" if count == 1 else "failures"
            self._session.message.emit(Message(SUCCESS, f"{count:,} {noun} written to {path.name}"))

        self._session.bridge.start(
            f"Save {path.name}",
            lambda _: save_segments(failures.table, rows.tolist(), path),
            lane=FAILURES_LANE,
            replies=Replies(done=done, failed=self._session.explain),
        )

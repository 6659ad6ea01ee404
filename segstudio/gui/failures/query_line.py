"""The one line that says which error segments are looked at, with completion and its errors in place."""

from collections.abc import Callable

from PySide6.QtCore import QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCompleter, QLineEdit, QListView, QWidget

from segstudio.gui.failures.query_text import Completion

PAUSE_MS = 180
LEAVING = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
EXAMPLE = "Which failures?  Such as  class=train kind!=edge_slack area>500 conf<0.6"


class QueryLine(QLineEdit):
    """A field for queries; `asked` carries the text a moment after it changed, at once for Enter.

    `left` tells that the user is through: Enter, or Escape, while no completion is in sight.
    """

    asked = Signal(str)
    left = Signal()

    def __init__(self, complete: Callable[[str, int], Completion], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(EXAMPLE)
        self.setAccessibleName("Query")
        self.setClearButtonEnabled(True)
        self._complete = complete
        self._offered = Completion(0, 0, ())
        self._texts = QStringListModel(self)
        self._popup = QListView()
        self._completer = QCompleter(self._texts, self)
        self._completer.setPopup(self._popup)
        self._completer.setWidget(self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.activated.connect(self._insert)
        self._pause = QTimer(self, interval=PAUSE_MS, singleShot=True)
        self._pause.timeout.connect(self._ask_later)
        self.textEdited.connect(self._edited)
        self.returnPressed.connect(self._ask)
        self.textChanged.connect(lambda text: None if text else self._ask())

    def show_query(self, text: str) -> None:
        """Writes a query and asks for it at once."""
        self._hide_offer()
        self.setText(text)
        self._ask()

    def offered(self) -> list[str]:
        """The completions in sight."""
        return self._texts.stringList() if self._popup.isVisible() else []

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Down and Ctrl+Space offer completions, Enter and Escape give the keyboard back to the list."""
        shown, key = self._popup.isVisible(), Qt.Key(event.key())
        asks = event.key() == Qt.Key.Key_Space and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if key == Qt.Key.Key_Down or asks:
            self._offer()
        elif key in (Qt.Key.Key_Tab, Qt.Key.Key_Return) and shown:
            event.ignore()
        elif key == Qt.Key.Key_Escape and shown:
            self._hide_offer()
        elif key in LEAVING:
            super().keyPressEvent(event)
            # The list must not take the same Enter for itself.
            event.accept()
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _edited(self) -> None:
        self._pause.start()
        self._offer()

    def _ask(self) -> None:
        self._pause.stop()
        self.asked.emit(self.text())

    def _ask_later(self) -> None:
        """A word that is being typed and has no sign yet is no mistake."""
        found = self._offered if self._popup.isVisible() else None
        if found is None or not self.text()[found.begin : found.end].isidentifier():
            self._ask()

    def _offer(self) -> None:
        found = self._complete(self.text(), self.cursorPosition())
        begun = self.text()[found.begin : found.end]
        if not found.texts or found.texts == (begun,):
            self._hide_offer()
            return
        self._offered = found
        self._texts.setStringList(list(found.texts))
        area = self.rect()
        area.setWidth(min(max(280, area.width() // 3), area.width()))
        self._completer.complete(area)

    def _hide_offer(self) -> None:
        self._popup.hide()

    def _insert(self, text: str) -> None:
        found = self._offered
        before, after = self.text()[: found.begin], self.text()[found.end :]
        self.setText(before + text + after)
        self.setCursorPosition(len(before) + len(text))
        if text[-1:] in "=<>":
            self._offer()
        self._pause.start()

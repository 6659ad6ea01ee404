"""A text of several lines that tells its content once it is left."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QPlainTextEdit

LINES = 4


class NotesField(QPlainTextEdit):
    """`edited` carries the text when the field is left and it is another one than was shown."""

    edited = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText("What is worth knowing of it")
        self.setTabChangesFocus(True)
        self.setFixedHeight(LINES * self.fontMetrics().lineSpacing() + 20)
        self._shown = ""

    def show_text(self, text: str, *, other: bool, read_only: bool) -> None:
        """Shows a text; one that is being written stays, unless this is about another thing."""
        self.setReadOnly(read_only)
        if other or self.toPlainText() == self._shown:
            self.setPlainText(text)
        self._shown = text

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tells what was written."""
        super().focusOutEvent(event)
        self.commit()

    def commit(self) -> None:
        """Tells what was written, once."""
        text = self.toPlainText()
        if text != self._shown and not self.isReadOnly():
            self._shown = text
            self.edited.emit(text)

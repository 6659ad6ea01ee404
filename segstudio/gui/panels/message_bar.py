"""The strip above the editor that says what went wrong and what to do; quiet successes pass by below."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.message import Message
from segstudio.gui.panels.parts import caption, icon_button

ICON_NAMES = {"info": "info", "success": "check-circle", "warning": "warning", "error": "warning-circle"}
ROLES = {"info": "accent", "success": "success", "warning": "warning", "error": "danger"}
# Good news leaves by itself; a problem stays until it is closed or solved.
SECONDS = {"info": 6, "success": 6}


class MessageRow(QWidget):
    """One message with its button and a cross."""

    def __init__(self, message: Message, icons: Icons, close: Callable[[], None]) -> None:
        super().__init__()
        self.message = message
        self.setObjectName("messageBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("level", message.level)
        self.setAccessibleName(f"{message.level}: {message.text} {message.hint}")
        sign = icon_button(icons, ICON_NAMES[message.level], message.level, role=ROLES[message.level])
        sign.setEnabled(True)
        sign.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        sign.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        text = caption(message.text, "heading", wrap=True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(text)
        if message.hint:
            words.addWidget(caption(message.hint, "muted", wrap=True))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(8)
        layout.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        if message.action and message.act is not None:
            button = QPushButton(message.action)
            button.clicked.connect(message.act)
            layout.addWidget(button)
        cross = icon_button(icons, "x", "Close this message", role="muted")
        cross.clicked.connect(close)
        layout.addWidget(cross, 0, Qt.AlignmentFlag.AlignTop)


class MessageBar(QWidget):
    """Shows at most three messages, newest first; one topic never twice."""

    LIMIT = 3

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._icons = icons
        self._rows: dict[str, MessageRow] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.hide()

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is shown, oldest first."""
        return tuple(row.message for row in self._rows.values())

    def show_message(self, message: Message) -> None:
        """Adds a message, in place of the one with the same topic."""
        self.clear(message.key)
        while len(self._rows) >= self.LIMIT:
            self.clear(next(iter(self._rows)))
        row = MessageRow(message, self._icons, lambda: self.clear(message.key))
        self._rows[message.key] = row
        self._layout.insertWidget(0, row)
        self.show()
        seconds = SECONDS.get(message.level)
        if seconds:
            QTimer.singleShot(seconds * 1000, row, lambda: self._expire(row))

    def clear(self, key: str) -> None:
        """Removes the message of a topic, if it is shown."""
        row = self._rows.pop(key, None)
        if row is not None:
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        if not self._rows:
            self.hide()

    def _expire(self, row: MessageRow) -> None:
        if self._rows.get(row.message.key) is row:
            self.clear(row.message.key)

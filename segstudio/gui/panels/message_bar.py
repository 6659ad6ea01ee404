"""The strip above the editor that says what went wrong and what to do; quiet successes pass by below."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.message import Message
from segstudio.gui.panels.parts import caption, icon_button

ICON_NAMES = {"info": "info", "success": "check-circle", "warning": "warning", "error": "warning-circle"}
ROLES = {"info": "accent", "success": "success", "warning": "warning", "error": "danger"}
# Good news leaves by itself; a problem stays until it is closed or solved.
SECONDS = {"info": 6, "success": 6}
LIMIT = 3
TOAST_MARGIN = 24


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
        is_toast = message.level in SECONDS
        text = caption(message.text, "" if is_toast else "heading", wrap=not is_toast)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(text)
        if message.hint:
            words.addWidget(caption(message.hint, "muted", wrap=not is_toast))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(8)
        layout.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        if message.action and message.act is not None:
            button = QPushButton(message.action)
            button.clicked.connect(message.act)
            layout.addWidget(button)
        if not message.lasting:
            cross = icon_button(icons, "x", "Close this message", role="muted")
            cross.clicked.connect(close)
            layout.addWidget(cross, 0, Qt.AlignmentFlag.AlignTop)


class Toasts(QWidget):
    """Where good news floats: over the lower middle of the pages, so that nothing below it moves."""

    def __init__(self, over: QStackedWidget) -> None:
        super().__init__(over)
        self._over = over
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(8)
        over.installEventFilter(self)
        # A page that comes to the front is raised above its siblings, this one included.
        over.currentChanged.connect(lambda _: self.raise_())
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stays in its place when the widget below is resized."""
        if watched is self._over and event.type() == QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)

    def place(self) -> None:
        """Moves to the lower middle."""
        self.column.activate()
        self.resize(self.column.sizeHint())
        x = (self._over.width() - self.width()) // 2
        self.move(x, self._over.height() - self.height() - TOAST_MARGIN)
        self.raise_()


class MessageBar(QWidget):
    """Shows problems as strips that stay, good news as toasts that go; one topic never twice."""

    def __init__(self, icons: Icons, over: QStackedWidget) -> None:
        super().__init__()
        self._icons = icons
        self._rows: dict[str, MessageRow] = {}
        self._toasts = Toasts(over)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.hide()

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is shown, oldest first."""
        return tuple(row.message for row in self._rows.values())

    def show_message(self, message: Message) -> None:
        """Adds a message, in place of the one with the same topic."""
        self.clear(message.key)
        seconds = SECONDS.get(message.level)
        alike = [
            row
            for row in self._rows.values()
            if (row.message.level in SECONDS) == (seconds is not None) and not row.message.lasting
        ]
        if len(alike) >= LIMIT:
            self.clear(alike[0].message.key)
        row = MessageRow(message, self._icons, lambda: self.clear(message.key))
        self._rows[message.key] = row
        if seconds is None:
            self._column.insertWidget(0, row)
            self.show()
        else:
            row.setProperty("toast", "true")
            self._toasts.column.addWidget(row, 0, Qt.AlignmentFlag.AlignHCenter)
            # A layout ignores a new child until its show event, and the rows would be squeezed.
            row.show()
            self._toasts.show()
            QTimer.singleShot(seconds * 1000, row, lambda: self._expire(row))
        self._toasts.place()

    def clear(self, key: str) -> None:
        """Removes the message of a topic, if it is shown."""
        row = self._rows.pop(key, None)
        if row is None:
            return
        for column in (self._column, self._toasts.column):
            column.removeWidget(row)
        row.hide()
        row.deleteLater()
        levels = {other.message.level for other in self._rows.values()}
        self.setVisible(not levels <= SECONDS.keys())
        self._toasts.setVisible(bool(levels & SECONDS.keys()))
        self._toasts.place()

    def _expire(self, row: MessageRow) -> None:
        if self._rows.get(row.message.key) is row:
            self.clear(row.message.key)

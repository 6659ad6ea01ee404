"""A field that takes the next key that is pressed, whatever it is."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from segstudio.gui.keys.key_map import key_of

MODIFIERS = frozenset(
    {
        Qt.Key.Key_Shift,
        Qt.Key.Key_Control,
        Qt.Key.Key_Alt,
        Qt.Key.Key_Meta,
        Qt.Key.Key_CapsLock,
        Qt.Key.Key_NumLock,
        Qt.Key.Key_ScrollLock,
        Qt.Key.Key_Super_L,
        Qt.Key.Key_Super_R,
        Qt.Key.Key_Hyper_L,
        Qt.Key.Key_Hyper_R,
        Qt.Key.Key_Direction_L,
        Qt.Key.Key_Direction_R,
        Qt.Key.Key_unknown,
        Qt.Key(0),
    }
)
# AltGr, Compose, the keys of input methods, and dead keys: they begin a character, and no shortcut has them.
FIRST_COMPOSING, LAST_COMPOSING = Qt.Key.Key_AltGr, Qt.Key.Key_Dead_Longsolidusoverlay


class KeyRecorder(QLineEdit):
    """`recorded` carries the key as `key_map` writes it; `escaped` and `left` end it without one."""

    recorded = Signal(str)
    escaped = Signal()
    left = Signal()

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setPlaceholderText(prompt)
        self.setAccessibleName(prompt)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def event(self, event: QEvent) -> bool:
        """Takes keys before shortcuts, buttons and the way to the next control see them."""
        if isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.KeyPress and not event.isAutoRepeat():
                self._take(event)
            event.accept()
            return True
        return super().event(event)

    def _take(self, event: QKeyEvent) -> None:
        if event.key() in MODIFIERS or FIRST_COMPOSING <= event.key() <= LAST_COMPOSING:
            return
        key = key_of(event)
        if key == "Esc":
            self.escaped.emit()
        else:
            self.recorded.emit(key)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The keyboard went elsewhere."""
        super().focusOutEvent(event)
        self.left.emit()

"""Which keys type a character: lists leave them to the page, whose keys they are."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


def types_character(event: QKeyEvent) -> bool:
    """Whether a key press types a letter, a digit or a sign; Enter and Space do not count."""
    ends = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
    return bool(event.text().strip()) and not ends and not event.modifiers() & MODIFIERS

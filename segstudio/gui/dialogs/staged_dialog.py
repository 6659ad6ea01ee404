"""A dialog that goes through stages: a place for one notice, and Enter for the next thing to do."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.message import Message
from segstudio.gui.panels.message_bar import MessageRow


class StagedDialog(QDialog):
    """What the dialogs that run a command have in common.

    Attributes:
        banner: the notice that is shown, if one is.
    """

    def __init__(self, parent: QWidget, icons: Icons) -> None:
        super().__init__(parent)
        self._icons = icons
        self.banner: MessageRow | None = None
        self._notices = QVBoxLayout()
        self._notices.setContentsMargins(0, 0, 0, 0)

    def _go(self) -> None:
        raise NotImplementedError

    def _fit_now(self) -> None:
        """Takes the size that the content wants."""
        raise NotImplementedError

    def _make_room(self) -> None:
        """Takes the room that a notice wants."""
        self._fit_now()

    def _show_banner(self, message: Message) -> None:
        self._clear_banner()
        self.banner = MessageRow(message, self._icons, self._clear_banner)
        self._notices.addWidget(self.banner)
        # A layout shows a new child only later, and until then it has no size.
        self.banner.show()
        QTimer.singleShot(0, self, self._make_room)

    def _clear_banner(self) -> None:
        if self.banner is not None:
            self._notices.removeWidget(self.banner)
            self.banner.hide()
            self.banner.deleteLater()
            self.banner = None

    def showEvent(self, event: QShowEvent) -> None:
        """Takes its size from the text's size."""
        super().showEvent(event)
        self._fit_now()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter does the next thing, once, wherever the keyboard is; a button takes its own Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self._go()
        else:
            super().keyPressEvent(event)

"""A small window that asks for one line of text, with answers of before to choose from."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.panels.parts import ElidedLabel

WIDTH = 340


class AskPopover(QFrame):
    """Enter or the button answers, Esc or a click elsewhere lets go; `answered` carries the text.

    `closed` comes first, so that the keyboard can go back to where it was.
    """

    answered = Signal(str)
    closed = Signal()

    def __init__(
        self, parent: QWidget, title: str, prompt: str, button: str, offers: Sequence[str] = ()
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("popover")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(title)
        self.setFixedWidth(WIDTH)
        heading = ElidedLabel(title)
        heading.setProperty("role", "heading")
        self.field = QLineEdit()
        self.field.setPlaceholderText(prompt)
        self.field.setAccessibleName(prompt)
        self.send = QPushButton(button)
        self.send.setProperty("role", "primary")
        self.send.setEnabled(False)
        self.field.textChanged.connect(lambda text: self.send.setEnabled(bool(text.strip())))
        self.field.returnPressed.connect(lambda: self._answer(self.field.text()))
        self.send.clicked.connect(lambda: self._answer(self.field.text()))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.send)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(heading)
        layout.addLayout(row)
        self.offers = [self._offer(text) for text in offers]
        for offer in self.offers:
            layout.addWidget(offer)

    def _offer(self, text: str) -> QPushButton:
        room = WIDTH - 64
        offer = QPushButton(self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room))
        offer.setProperty("role", "quiet")
        offer.setToolTip(text)
        offer.setAccessibleName(text)
        offer.clicked.connect(lambda: self._answer(text))
        return offer

    def _answer(self, text: str) -> None:
        if text.strip():
            self.close()
            self.answered.emit(text.strip())

    def show_at(self, place: QPoint) -> None:
        """Opens at a place of the screen, inside it."""
        self.adjustSize()
        screen = self.screen().availableGeometry()
        left = min(max(place.x(), screen.left()), screen.right() - self.width())
        top = min(max(place.y(), screen.top()), screen.bottom() - self.height())
        self.move(left, top)
        self.show()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Says so."""
        super().closeEvent(event)
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc lets go."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

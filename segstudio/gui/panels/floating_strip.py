"""A strip that floats over the upper middle of something, and stays there when that is resized."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import ElidedLabel, icon_button

WIDTH = 620
TOP = 12


class FloatingStrip(QWidget):
    """A text with arrows and a cross above a row of controls, which subclasses fill."""

    stepped = Signal(int)
    closed = Signal()

    def __init__(self, over: QWidget, icons: Icons, name: str, back: str, on: str) -> None:
        super().__init__(over)
        self.setObjectName("floating")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(name)
        self.text = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.text.setProperty("role", "heading")
        self.back = icon_button(icons, "caret-left", back)
        self.on = icon_button(icons, "caret-right", on)
        self.cross = icon_button(icons, "x", "Leave (Esc)", role="muted")
        self.back.clicked.connect(lambda: self.stepped.emit(-1))
        self.on.clicked.connect(lambda: self.stepped.emit(1))
        self.cross.clicked.connect(self.closed)
        self._over = over
        upper, self.controls = QHBoxLayout(), QHBoxLayout()
        for row in (upper, self.controls):
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
        upper.addWidget(self.text, 1)
        for button in (self.back, self.on, self.cross):
            upper.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 10)
        layout.setSpacing(8)
        layout.addLayout(upper)
        layout.addLayout(self.controls)
        over.installEventFilter(self)
        self.hide()

    def say(self, text: str) -> None:
        """Shows a text, and itself."""
        self.text.setText(text)
        self.setAccessibleDescription(text)
        self.place()
        self.show()
        self.raise_()

    def place(self) -> None:
        """Moves to the upper middle."""
        width = min(WIDTH, self._over.width() - 2 * TOP)
        self.resize(width, self.sizeHint().height())
        self.move((self._over.width() - width) // 2, TOP)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stays in its place when what it lies over is resized."""
        if watched is self._over and event.type() == QEvent.Type.Resize and self.isVisible():
            self.place()
        return super().eventFilter(watched, event)

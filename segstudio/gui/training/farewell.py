"""The note that stays for a moment when the window closes while a run goes on."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

SECONDS = 4


class Farewell(QLabel):
    """Asks nothing: it says that the training goes on, and leaves by itself or by a click."""

    def __init__(self, names: str) -> None:
        super().__init__(
            f"{names} goes on training.\nIt will be here again when you open this folder.",
            None,
            Qt.WindowType.ToolTip,
        )
        self.setObjectName("farewell")
        # The program ends with the last window, and this one is to be read.
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setContentsMargins(24, 16, 24, 16)
        self.adjustSize()
        screen = QGuiApplication.primaryScreen().availableGeometry()
        self.move(screen.right() - self.width() - 24, screen.bottom() - self.height() - 24)
        QTimer.singleShot(SECONDS * 1000, self, self.close)

    def mousePressEvent(self, event: object) -> None:
        """Leaves at once."""
        self.close()

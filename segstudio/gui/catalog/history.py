"""The project's models in use, one after the other, and the way back."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.catalog.texts import promotion_text
from segstudio.gui.panels.parts import caption
from segstudio.project.promotions import Promotion

ROWS_SHOWN = 4
EMPTY_TEXT = "Nobody chose a model for this project yet: select one and press Use."


class UseHistory(QWidget):
    """Who put which model to use; `back_asked` carries the number of a promotion."""

    back_asked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.rows = QListWidget()
        self.rows.setObjectName("history")
        self.rows.setAccessibleName("Models in use by this project")
        self.rows.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.back_button = QPushButton("Roll back")
        self.back_button.setToolTip("Use the selected earlier model again; the history keeps both")
        self._empty = caption(EMPTY_TEXT, "muted", wrap=True)
        head = QHBoxLayout()
        head.addWidget(caption("Models in use by this project", "heading"))
        head.addStretch(1)
        head.addWidget(self.back_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self._empty)
        layout.addWidget(self.rows)
        self.rows.currentRowChanged.connect(lambda _: self._enable())
        self.back_button.clicked.connect(self._ask)

    def show_history(self, promotions: tuple[Promotion, ...]) -> None:
        """Lists promotions, newest first; the one before the last is chosen to go back to."""
        self.rows.clear()
        for one in promotions:
            row = QListWidgetItem(promotion_text(one))
            row.setData(Qt.ItemDataRole.UserRole, one.number)
            row.setToolTip(promotion_text(one))
            self.rows.addItem(row)
        self.rows.setFixedHeight(min(len(promotions), ROWS_SHOWN) * max(self.rows.sizeHintForRow(0), 1))
        self.rows.setVisible(bool(promotions))
        self._empty.setVisible(not promotions)
        self.back_button.setVisible(len(promotions) > 1)
        self.rows.setCurrentRow(1 if len(promotions) > 1 else -1)
        self._enable()

    def _enable(self) -> None:
        self.back_button.setEnabled(self.rows.currentRow() > 0)

    def _ask(self) -> None:
        row = self.rows.currentItem()
        if row is not None:
            self.back_asked.emit(int(row.data(Qt.ItemDataRole.UserRole)))

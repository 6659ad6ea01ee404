"""Small boxes that show one figure each, in a row above a dashboard's table."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget


class Tile(QFrame):
    """A figure with its name above and a remark below."""

    def __init__(self, name: str, remark: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tile")
        self._name = QLabel(name)
        self._name.setObjectName("tileName")
        self._figure = QLabel("–")
        self._figure.setObjectName("tileFigure")
        self._remark = QLabel(remark)
        self._remark.setObjectName("tileRemark")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(2)
        for text in (self._name, self._figure, self._remark):
            text.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
            layout.addWidget(text)
        self.setAccessibleName(name)

    def show_figure(self, figure: str, remark: str | None = None) -> None:
        """Sets the figure and, when given, the remark."""
        self._figure.setText(figure)
        if remark is not None:
            self._remark.setText(remark)
        self.setAccessibleDescription(f"{figure} {self._remark.text()}")

    @property
    def figure(self) -> str:
        """The text that is shown."""
        return self._figure.text()


class TileRow(QWidget):
    """Tiles of equal width side by side, by key."""

    def __init__(self, tiles: dict[str, tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.tiles = {key: Tile(name, remark) for key, (name, remark) in tiles.items()}
        for tile in self.tiles.values():
            layout.addWidget(tile, 1)

    def show_figure(self, key: str, figure: str, remark: str | None = None) -> None:
        """Sets one tile's figure."""
        self.tiles[key].show_figure(figure, remark)


class Placeholder(QWidget):
    """What a dashboard shows while it has nothing to show: why, and the one next step."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel(title)
        self._title.setProperty("role", "large")
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text = QLabel(text)
        self._text.setProperty("role", "muted")
        self._text.setWordWrap(True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout()
        column.addStretch(2)
        column.addWidget(self._title)
        # Without an alignment of its own, a wrapped text gets the height that its width needs.
        column.addWidget(self._text)
        self._steps = QHBoxLayout()
        column.addLayout(self._steps)
        column.addStretch(3)
        layout = QHBoxLayout(self)
        layout.addStretch(1)
        layout.addLayout(column, 2)
        layout.addStretch(1)

    def add_step(self, button: QWidget) -> None:
        """Puts a button below the text: the next step, to be done from here."""
        self._steps.setContentsMargins(0, 16, 0, 0)
        self._steps.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)

    def explain(self, title: str, text: str) -> None:
        """Replaces both texts."""
        self._title.setText(title)
        self._text.setText(text)

"""The line at the bottom: what is under the cursor, zoom, whether all is saved, and the running Job."""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from segstudio.gui.panels.job_strip import JobStrip
from segstudio.gui.panels.parts import ElidedLabel


@dataclass(frozen=True)
class Reading:
    """What lies under the cursor; `predicted` and `confidence` (0-1) are None without a prediction.

    `area` is that of the mask's region there in pixels, None while it is not known.
    """

    x: int
    y: int
    rgb: tuple[int, int, int]
    name: str
    predicted: str | None = None
    confidence: float | None = None
    area: int | None = None


def reading_text(reading: Reading) -> tuple[str, str, str]:
    """The reading as three short texts: place, colour, classes."""
    place = f"{reading.x}, {reading.y}"
    colour = "RGB {:3d} {:3d} {:3d}".format(*reading.rgb)
    classes = reading.name
    if reading.predicted is not None and reading.confidence is not None:
        classes += f"   ·   model: {reading.predicted} {reading.confidence * 100:.0f} %"
    if reading.area is not None:
        classes += f"   ·   region: {reading.area:,} px"
    return place, colour, classes


class StatusBar(QWidget):
    """Fixed places for each fact, so that nothing jumps while the mouse moves."""

    def __init__(self, jobs: JobStrip, training: QWidget) -> None:
        super().__init__()
        self.setObjectName("statusBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(28)
        self.place = self._fixed("88888, 88888")
        self.colour = self._fixed("RGB 888 888 888")
        self.classes = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.classes.setProperty("role", "strong")
        self.brush = self._fixed("Brush 8888 px")
        self.zoom = self._fixed("88888 %")
        self.saved = self._fixed("Saving failed")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 8, 0)
        layout.setSpacing(16)
        layout.addWidget(self.place)
        layout.addWidget(self.colour)
        layout.addWidget(self.classes, 1)
        for widget in (jobs, training, self.brush, self.zoom, self.saved):
            layout.addWidget(widget)

    def _fixed(self, widest: str) -> QLabel:
        line = QLabel()
        line.setMinimumWidth(line.fontMetrics().horizontalAdvance(widest))
        return line

    def show_reading(self, reading: Reading | None) -> None:
        """Shows what is under the cursor; None when the cursor is elsewhere."""
        texts = reading_text(reading) if reading else ("", "", "")
        for line, text in zip((self.place, self.colour, self.classes), texts, strict=True):
            line.setText(text)

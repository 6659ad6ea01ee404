"""A stacked bar of where the time of one image goes, stage by stage, with its legend."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.gui.dashboards.bars import faded

BAR_HEIGHT = 20
LEGEND_HEIGHT = 24
# Distinct in hue and in lightness, on light and on dark.
STAGE_COLOURS = ("#4C8DFF", "#12A594", "#E5A000", "#C355D9", "#E5484D", "#8D8D86")


def stage_colour(position: int) -> QColor:
    """The colour of the n-th stage."""
    return QColor(STAGE_COLOURS[position % len(STAGE_COLOURS)])


class StageBar(QWidget):
    """Shows milliseconds per stage; the whole width is their sum."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stages: dict[str, float] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_stages(self, stages: dict[str, float]) -> None:
        """Milliseconds per image by the stage's name, in order."""
        self._stages = {name: value for name, value in stages.items() if value > 0}
        words = ", ".join(f"{name} {value:.1f} ms" for name, value in self._stages.items())
        self.setAccessibleName(f"Time of one image: {words}")
        self.update()

    def sizeHint(self) -> QSize:
        """Bar above, legend below."""
        return QSize(480, BAR_HEIGHT + LEGEND_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Parts side by side, then a legend that leaves out what does not fit."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        text_colour = self.palette().color(QPalette.ColorRole.Text)
        total = sum(self._stages.values())
        if total <= 0:
            painter.setBrush(faded(text_colour, 0.10))
            painter.drawRoundedRect(QRectF(0, 0, self.width(), BAR_HEIGHT), 4, 4)
            return
        left = 0.0
        for position, value in enumerate(self._stages.values()):
            width = self.width() * value / total
            painter.setBrush(stage_colour(position))
            painter.drawRect(QRectF(left, 0, max(width - 1, 1), BAR_HEIGHT))
            left += width
        self._paint_legend(painter, text_colour)

    def _paint_legend(self, painter: QPainter, text_colour: QColor) -> None:
        metrics = QFontMetrics(self.font())
        left = 0
        for position, (name, value) in enumerate(self._stages.items()):
            text = f"{name} {value:.1f} ms"
            width = 14 + metrics.horizontalAdvance(text) + 20
            if left + width > self.width() + 20:
                return
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(stage_colour(position))
            painter.drawRoundedRect(QRectF(left, BAR_HEIGHT + 10, 8, 8), 2, 2)
            painter.setPen(text_colour)
            painter.drawText(
                QRectF(left + 14, BAR_HEIGHT + 4, width, LEGEND_HEIGHT - 4),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                text,
            )
            left += width

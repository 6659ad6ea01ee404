"""Texts on the canvas: which layer is where, that the image is adjusted, and what the colours mean."""

from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QLinearGradient, QPainter

from segstudio.gui.canvas.difference import VERDICT_COLOURS, VERDICT_NAMES, DifferenceKind
from segstudio.gui.canvas.furniture import Host, Piece
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.canvas.overlay import heat_colours

TEXTS = {
    Layer.MASK: "Mask",
    Layer.PREDICTION: "Prediction",
    Layer.DIFFERENCE: "Difference",
    Layer.CONFIDENCE: "Confidence",
    Layer.VERSION: "Version",
    Layer.IMAGE: "Image",
}
MARGIN, PAD_X, PAD_Y, GAP = 12, 8, 4, 6
RADIUS = 6.0
BACK, TEXT = QColor(24, 24, 27, 205), QColor(255, 255, 255)
NOTICE = QColor(255, 214, 10)
SWATCH, HEAT_WIDTH = 12, 96


def draw_pill(painter: QPainter, rect: QRect) -> None:
    """A dark rounded ground on which white text can be read over any image."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BACK)
    painter.drawRoundedRect(QRectF(rect), RADIUS, RADIUS)


@dataclass(frozen=True)
class Caption:
    """A text in a pill; a notice is in another colour."""

    text: str
    rect: QRect
    notice: bool = False


class Captions(Piece):
    """Names the layers while two are in sight, and says when the image is not shown as it is."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.named = False
        self.reset_key = ""

    def captions(self) -> list[Caption]:
        """What is said now and where."""
        host = self.host
        if host.scene.image is None:
            return []
        metrics = QFontMetrics(host.font())
        height = metrics.height() + 2 * PAD_Y
        layers = host.shown_layers()
        found: list[Caption] = []
        for number, layer in enumerate(layers if self.named else ()):
            width = metrics.horizontalAdvance(TEXTS[layer]) + 2 * PAD_X
            x = MARGIN if number == 0 else host.width() - MARGIN - width
            found.append(Caption(TEXTS[layer], QRect(x, MARGIN, width, height)))
        if not host.scene.adjustment.is_neutral:
            text = f"Image adjusted · {self.reset_key} resets" if self.reset_key else "Image adjusted"
            width = metrics.horizontalAdvance(text) + 2 * PAD_X
            y = MARGIN + (height + GAP if found else 0)
            found.append(Caption(text, QRect(MARGIN, y, width, height), notice=True))
        return found

    def rect(self) -> QRect:
        """The box of all."""
        box = QRect()
        for caption in self.captions():
            box = box.united(caption.rect)
        return box

    def paint(self, painter: QPainter) -> None:
        """Draws them."""
        painter.setFont(self.host.font())
        for caption in self.captions():
            draw_pill(painter, caption.rect)
            painter.setPen(NOTICE if caption.notice else TEXT)
            painter.drawText(caption.rect, Qt.AlignmentFlag.AlignCenter, caption.text)


class Legend(Piece):
    """What the colours of a layer mean whose colours are not those of classes."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.class_name = ""

    def _is_heat(self) -> bool:
        return Layer.CONFIDENCE in self.host.shown_layers() and self.host.scene.overlay.confidence is not None

    def _is_verdict(self) -> bool:
        overlay = self.host.scene.overlay
        active = overlay.style.difference is DifferenceKind.ACTIVE
        return active and Layer.DIFFERENCE in self.host.shown_layers() and overlay.prediction is not None

    def _lines(self) -> list[str]:
        return [self.class_name, *VERDICT_NAMES] if self.class_name else list(VERDICT_NAMES)

    def rect(self) -> QRect:
        """Bottom left, empty where colours are those of classes."""
        if self.host.scene.image is None:
            return QRect()
        metrics = QFontMetrics(self.host.font())
        line = metrics.height()
        if self._is_heat():
            size = metrics.horizontalAdvance("unsuresure") + HEAT_WIDTH + 4 * PAD_X, line + 2 * PAD_Y
        elif self._is_verdict():
            widest = max(metrics.horizontalAdvance(text) for text in self._lines())
            size = widest + SWATCH + 3 * PAD_X, len(self._lines()) * (line + 2) + 2 * PAD_Y
        else:
            return QRect()
        return QRect(MARGIN, self.host.height() - MARGIN - size[1], *size)

    def paint(self, painter: QPainter) -> None:
        """Draws the scale of confidence, or a swatch a verdict."""
        rect = self.rect()
        painter.setFont(self.host.font())
        draw_pill(painter, rect)
        inner = rect.adjusted(PAD_X, PAD_Y, -PAD_X, -PAD_Y)
        if self._is_heat():
            self._paint_heat(painter, inner)
            return
        line = QFontMetrics(self.host.font()).height() + 2
        lines = self._lines()
        for number, text in enumerate(lines):
            row = QRect(inner.x(), inner.y() + number * line, inner.width(), line)
            verdict = number - (len(lines) - len(VERDICT_NAMES))
            if verdict >= 0:
                swatch = QRect(row.x(), row.y() + (line - SWATCH) // 2, SWATCH, SWATCH)
                painter.fillRect(swatch, QColor(*VERDICT_COLOURS[verdict]))
                row.setLeft(swatch.right() + 1 + PAD_X)
            painter.setPen(TEXT)
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _paint_heat(self, painter: QPainter, inner: QRect) -> None:
        """The colours of the layer's own table, on a grey of middle lightness as images have."""
        painter.setPen(TEXT)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, "unsure")
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, "sure")
        advance = QFontMetrics(self.host.font()).horizontalAdvance("unsure")
        bar = QRect(
            inner.x() + advance + PAD_X, inner.y() + (inner.height() - SWATCH) // 2, HEAT_WIDTH, SWATCH
        )
        colours = heat_colours(self.host.scene.overlay.style.opacity)
        gradient = QLinearGradient(bar.x(), 0, bar.right(), 0)
        for stop in range(5):
            gradient.setColorAt(stop / 4, QColor.fromRgba(colours[round(stop * 255 / 4)]))
        painter.fillRect(bar, QColor(120, 120, 120))
        painter.fillRect(bar, gradient)

"""Bars cut into parts: a stacked bar with its legend, and that of where the time of one image goes."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from segstudio.gui.dashboards.bars import faded
from segstudio.gui.dashboards.plot_colours import series_colour
from segstudio.gui.dashboards.plot_tools import to_csv

BAR_HEIGHT = 20
LEGEND_LINE = 20
LEGEND_GAP = 4


@dataclass(frozen=True)
class Part:
    """One part of a bar: its name, how much it is, that as text, and its colour."""

    name: str
    value: float
    text: str
    colour: QColor


class PartsBar(QWidget):
    """A bar whose whole width is the sum of its parts, and a legend in as many lines as it needs."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what = what
        self._parts: tuple[Part, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(what)

    def show_parts(self, parts: Sequence[Part]) -> None:
        """Replaces the parts; those of nothing are left out."""
        self._parts = tuple(part for part in parts if part.value > 0)
        words = ", ".join(f"{part.name} {part.text}" for part in self._parts)
        self.setAccessibleName(f"{self._what}: {words}")
        self.updateGeometry()
        self.update()

    def to_csv(self) -> str:
        """A row a part."""
        return to_csv(("part", "value"), [(part.name, part.value) for part in self._parts])

    def sizeHint(self) -> QSize:
        """Bar above, legend below."""
        return QSize(480, self.heightForWidth(max(self.width(), 480)))

    def heightForWidth(self, width: int) -> int:
        """As high as the lines of the legend need."""
        lines = self._legend(width)[-1][1] + 1 if self._parts else 1
        return BAR_HEIGHT + LEGEND_GAP + lines * LEGEND_LINE

    def _rects(self) -> list[QRectF]:
        total, left, found = sum(part.value for part in self._parts), 0.0, []
        for part in self._parts:
            width = self.width() * part.value / total
            found.append(QRectF(left, 0, max(width - 1, 1), BAR_HEIGHT))
            left += width
        return found

    def _legend(self, width: int) -> list[tuple[int, int, int]]:
        """Left end, line and width of each entry."""
        metrics, found, left, line = QFontMetrics(self.font()), [], 0, 0
        for part in self._parts:
            room = 14 + metrics.horizontalAdvance(f"{part.name} {part.text}")
            if left and left + room > width:
                left, line = 0, line + 1
            found.append((left, line, room))
            left += room + 20
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        """Parts side by side, then the legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        text_colour = self.palette().color(QPalette.ColorRole.Text)
        if not self._parts:
            painter.setBrush(faded(text_colour, 0.10))
            painter.drawRoundedRect(QRectF(0, 0, self.width(), BAR_HEIGHT), 4, 4)
            return
        for part, rect in zip(self._parts, self._rects(), strict=True):
            painter.setBrush(part.colour)
            painter.drawRect(rect)
        for part, (left, line, width) in zip(self._parts, self._legend(self.width()), strict=True):
            top = BAR_HEIGHT + LEGEND_GAP + line * LEGEND_LINE
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(part.colour)
            painter.drawRoundedRect(QRectF(left, top + 6, 8, 8), 2, 2)
            painter.setPen(text_colour)
            painter.drawText(
                QRectF(left + 14, top, width, LEGEND_LINE),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                f"{part.name} {part.text}",
            )

    def part_at(self, place: QPointF) -> Part | None:
        """The part under a point of the bar."""
        for part, rect in zip(self._parts, self._rects(), strict=True):
            if rect.adjusted(0, 0, 1, 0).contains(place):
                return part
        return None

    def event(self, event: QEvent) -> bool:
        """Says what is under the pointer; the legend may not tell which colour is which to everybody."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            part = self.part_at(QPointF(event.pos()))
            if part is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), f"{part.name}: {part.text}", self)
            return True
        return super().event(event)


class StageBar(PartsBar):
    """Shows milliseconds per stage; the whole width is their sum."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Time of one image", parent)

    def show_stages(self, stages: dict[str, float]) -> None:
        """Milliseconds per image by the stage's name, in order."""
        known = {name: value for name, value in stages.items() if value > 0}
        self.show_parts(
            [
                Part(name, value, f"{value:.1f} ms", series_colour(number))
                for number, (name, value) in enumerate(known.items())
            ]
        )

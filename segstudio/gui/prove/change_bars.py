"""Paints the change of a score as a bar from zero, with its 95 % interval as whiskers."""

from dataclasses import dataclass

from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.gui.dashboards.figures_table import Index
from segstudio.gui.theme import Theme, ThemeSwitch
from segstudio.workflows.prove.verdict import ClassVerdict

CHANGE_ROLE = Qt.ItemDataRole.UserRole + 1
MARGIN, HEIGHT, CAP = 8, 10, 4
ROLES = {ClassVerdict.BETTER: "success", ClassVerdict.WORSE: "danger"}


@dataclass(frozen=True)
class Change:
    """What is painted: a difference of scores, its interval (None where unknown), the verdict, the scale.

    `most` is the difference, a fraction above 0, at which a bar reaches the end of its half.
    """

    difference: float
    interval: tuple[float, float] | None
    verdict: ClassVerdict
    most: float


def verdict_colour(theme: Theme, verdict: ClassVerdict) -> QColor:
    """Green for better, red for worse, grey for all that cannot be told."""
    return theme.colour(ROLES.get(verdict, "muted"))


class ChangeDelegate(QStyledItemDelegate):
    """Draws the `Change` that a model returns for CHANGE_ROLE."""

    def __init__(self, parent: QWidget, themes: ThemeSwitch) -> None:
        super().__init__(parent)
        self._themes = themes

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """The cell's background, the zero line, the bar, the whiskers."""
        super().paint(painter, option, index)
        change = index.data(CHANGE_ROLE)
        if not isinstance(change, Change):
            return
        theme = self._themes.current
        area = QRectF(option.rect).adjusted(MARGIN, 0, -MARGIN, 0)
        middle, y = area.center().x(), area.center().y()

        def place(value: float) -> float:
            share = min(max(value / change.most, -1.0), 1.0)
            return middle + share * area.width() / 2

        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = verdict_colour(theme, change.verdict)
        bar = QColor(colour)
        bar.setAlphaF(0.75 if change.verdict in ROLES else 0.35)
        left, right = sorted((middle, place(change.difference)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(bar)
        painter.drawRoundedRect(QRectF(left, y - HEIGHT / 2, max(right - left, 1), HEIGHT), 2, 2)
        painter.setPen(QPen(theme.colour("edge"), 1))
        painter.drawLine(QLineF(middle, option.rect.top(), middle, option.rect.bottom() + 1))
        if change.interval is not None:
            low, high = (place(end) for end in change.interval)
            painter.setPen(QPen(theme.colour("text"), 1.5))
            painter.drawLine(QLineF(low, y, high, y))
            for end in (low, high):
                painter.drawLine(QLineF(end, y - CAP, end, y + CAP))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Wide enough that a tenth of a point can be seen."""
        return QSize(220, super().sizeHint(option, index).height())

"""Tables of speeds: what was measured here, and what the model cards publish."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QWidget

from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar
from segstudio.gui.dashboards.plot_colours import series_colour


@dataclass(frozen=True)
class SpeedRow:
    """One row: texts by column, and the frames per second that its bar shows."""

    texts: tuple[str, ...]
    fps: float
    tip: str = ""


class SpeedTableModel(BarTableModel):
    """Rows with a bar in the last column; the bar's full width is the fastest row."""

    def show_rows(self, rows: Sequence[SpeedRow]) -> None:
        """Replaces all rows."""
        parent = self.parent()
        colour = series_colour(0)
        if isinstance(parent, QWidget):
            colour = parent.palette().color(QPalette.ColorRole.Link)
        fastest = max((row.fps for row in rows), default=1.0) or 1.0
        self.show_bars([_row(row, fastest, colour) for row in rows])


class SpeedTable(BarTable):
    """A table whose last column is a bar."""

    rows: SpeedTableModel

    def __init__(self, name: str, headings: Sequence[str], left: int = 1) -> None:
        super().__init__(name, SpeedTableModel(headings, left))


def _row(row: SpeedRow, fastest: float, colour: QColor) -> BarRow:
    return BarRow(row.texts, Bar(((row.fps / fastest, colour),)), row.tip)

"""Two models side by side: scores, classes, speed, size, and what differs in their specs."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from segstudio.gui.catalog.texts import NONE, percent, size_text
from segstudio.gui.dashboards.class_table import points
from segstudio.gui.dashboards.figures_table import RIGHT
from segstudio.gui.panels.parts import ElidedLabel, caption
from segstudio.workflows.model_comparison import ClassPair, ModelComparison


@dataclass(frozen=True)
class Row:
    """One line: what is compared, both values, and by how much the second one differs."""

    what: str
    first: str
    second: str
    change: str = ""


class SideBySide(QWidget):
    """The comparison of two selected models."""

    def __init__(self) -> None:
        super().__init__()
        self.heading = ElidedLabel()
        self.heading.setProperty("role", "large")
        self.notes = caption("", "small", wrap=True)
        self.rows = QTreeWidget()
        self.rows.setObjectName("figures")
        self.rows.setAccessibleName("Comparison")
        self.rows.setUniformRowHeights(True)
        self.rows.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.rows.setRootIsDecorated(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.heading)
        layout.addWidget(self.notes)
        layout.addWidget(self.rows, 1)

    def show_comparison(self, found: ModelComparison) -> None:
        """Shows two models."""
        one, two = found.first.name, found.second.name
        self.heading.setText(f"{one}  and  {two}")
        self.notes.setText(". ".join(found.notes))
        self.notes.setVisible(bool(found.notes))
        self.rows.clear()
        self.rows.setHeaderLabels(["", one, two, "Change"])
        for title, rows in groups(found):
            self._add_group(title, rows)
        self.rows.expandAll()
        header = self.rows.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.ResizeToContents)
        self.rows.headerItem().setTextAlignment(3, RIGHT)

    def texts(self, what: str) -> tuple[str, ...]:
        """The line about one thing; empty where there is none."""
        found = self.rows.findItems(what, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive)
        return tuple(found[0].text(column) for column in range(4)) if found else ()

    def _add_group(self, title: str, rows: Iterable[Row]) -> None:
        lines = [QTreeWidgetItem([row.what, row.first, row.second, row.change]) for row in rows]
        if not lines:
            return
        for line in lines:
            line.setTextAlignment(3, RIGHT)
            for column in range(3):
                line.setToolTip(column, line.text(column))
        group = QTreeWidgetItem([title])
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        group.addChildren(lines)
        self.rows.addTopLevelItem(group)
        group.setFirstColumnSpanned(True)


def groups(found: ModelComparison) -> list[tuple[str, list[Row]]]:
    """The lines of a comparison under their headings."""
    one, two = found.first, found.second
    scores, figures = [], [Row("Size", size_text(one.size), size_text(two.size))]
    if one.measured is not None and two.measured is not None:
        mean = ClassPair("mIoU", one.measured.miou, two.measured.miou)
        scores.append(_class_row(mean))
        scores += [_class_row(pair) for pair in found.classes]
    if found.speeds is not None:
        before, after = found.speeds
        ratio = f"{after.fps / before.fps:.2f} times" if before.fps else ""
        figures.insert(0, Row("Images/s", f"{before.fps:.1f}", f"{after.fps:.1f}", ratio))
    spec = [Row(entry.what.replace("_", " "), entry.first, entry.second) for entry in found.spec]
    if found.only_first or found.only_second:
        alone = (", ".join(found.only_first) or NONE, ", ".join(found.only_second) or NONE)
        spec.insert(0, Row("classes of one alone", *alone))
    return [("Speed and size", figures), ("Scores", scores), ("What differs", spec)]


def _class_row(pair: ClassPair) -> Row:
    change = "" if math.isnan(pair.change) else points(pair.change)
    return Row(pair.name, percent(pair.first), percent(pair.second), change)

"""The calibration view: reliability diagram, histogram of confidence, and the calibration error by class."""

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar, faded
from segstudio.gui.dashboards.chart import Chart, UprightBar
from segstudio.gui.dashboards.class_table import percent
from segstudio.gui.dashboards.page import stacked
from segstudio.gui.dashboards.plot_colours import class_colours, series_colour
from segstudio.gui.dashboards.plot_tools import to_csv
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.metrics.calibration import BINS, Calibration, calibration
from segstudio.workflows.class_scores import ClassScores

ALL = "All classes"
# Means that differ less than this are called equal.
CLOSE = 0.02
PERCENTS = [(value, str(value)) for value in range(0, 101, 20)]
HEADINGS = ("Predicted class", "ECE", "Says", "Right")


class ReliabilityChart(Chart):
    """How often the model is right, over how sure it says it is."""

    def __init__(self, session: Session) -> None:
        self._shown: Calibration | None = None
        super().__init__(session, "Reliability", least_height=220)
        self.graph.setLabel("left", "right, %")
        self.graph.setLabel("bottom", "confidence, %")
        self.graph.getAxis("bottom").setTicks([PERCENTS])

    def show_calibration(self, found: Calibration, name: str) -> None:
        """Draws the bins that hold pixels, and the line on which a calibrated model's bars end."""
        self._shown = found
        self.title.setText(f"Reliability: {name}")
        self.graph.clear()
        self.graph.setXRange(0, 100, padding=0.02)
        self.graph.setYRange(0, 100, padding=0.03)
        right, says = series_colour(0), self.theme.colour("danger")
        filled = [number for number in range(BINS) if found.pixels[number]]
        self.add_bars([_bar(found, number, 0, 100 * found.accuracy[number]) for number in filled], right)
        gaps = []
        for number in filled:
            low, high = sorted((100 * found.confidence[number], 100 * found.accuracy[number]))
            gaps.append(_bar(found, number, low, high))
        self.add_bars(gaps, faded(says, 0.35))
        self._mark_said(found, filled)
        diagonal = self.pen(self.theme.colour("muted"), Qt.PenStyle.DashLine, 1)
        self.graph.plot([0, 100], [0, 100], pen=diagonal)
        self.show_key([("right", right), ("said", says)])
        self.setAccessibleDescription(self.to_csv())

    def _mark_said(self, found: Calibration, filled: Sequence[int]) -> None:
        """A short level line a bin, at the mean confidence; all in one drawing."""
        across = [edge for number in filled for edge in _edges(number)]
        up = [100 * float(found.confidence[number]) for number in filled for _ in range(2)]
        self.graph.plot(across, up, pen=self.pen(self.theme.colour("danger")), connect="pairs")

    def to_csv(self) -> str:
        """A row a bin."""
        if self._shown is None:
            return ""
        found = self._shown
        rows = [
            (number / BINS, (number + 1) / BINS, int(found.pixels[number]), *_bin(found, number))
            for number in range(BINS)
        ]
        return to_csv(("from", "to", "pixels", "confidence", "right"), rows)


class ConfidenceChart(Chart):
    """How many pixels have which confidence."""

    def __init__(self, session: Session) -> None:
        self._shown: Calibration | None = None
        super().__init__(session, "Confidence", least_height=110)
        self.graph.setLabel("left", "pixels, %")
        self.graph.setLabel("bottom", "confidence, %")
        self.graph.getAxis("bottom").setTicks([PERCENTS])

    def show_calibration(self, found: Calibration) -> None:
        """Draws the share of the pixels in each bin."""
        self._shown = found
        self.graph.clear()
        self.graph.setXRange(0, 100, padding=0.02)
        total = max(int(found.pixels.sum()), 1)
        shares = [100 * int(pixels) / total for pixels in found.pixels]
        self.graph.setYRange(0, max(shares), padding=0.05)
        bars = [_bar(found, number, 0, share) for number, share in enumerate(shares) if share]
        self.add_bars(bars, series_colour(5))
        self.setAccessibleDescription(self.to_csv())

    def to_csv(self) -> str:
        """A row a bin."""
        if self._shown is None:
            return ""
        pixels = [int(count) for count in self._shown.pixels]
        rows = [(number / BINS, (number + 1) / BINS, count) for number, count in enumerate(pixels)]
        return to_csv(("from", "to", "pixels"), rows)


class CalibrationView(QWidget):
    """A verdict in one line, both charts of the chosen class, and the list to choose it from."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._scores: ClassScores | None = None
        self.verdict = caption("", "strong", wrap=True)
        self.reliability = ReliabilityChart(session)
        self.confidence = ConfidenceChart(session)
        self.classes = BarTable("Calibration error of every class", BarTableModel(HEADINGS, 1))
        self._body = QStackedWidget()
        contents, inner = stacked(12)
        inner.addWidget(self.verdict)
        inner.addWidget(
            caption(
                "Bars that end below the dashed line belong to a model that is more sure than right: its "
                "confidence hides errors. ECE is the mean distance between both, over pixels.",
                "small",
                wrap=True,
            )
        )
        row = QHBoxLayout()
        row.setSpacing(16)
        charts = QVBoxLayout()
        charts.setSpacing(12)
        charts.addWidget(self.reliability, 3)
        charts.addWidget(self.confidence, 2)
        row.addLayout(charts, 3)
        row.addWidget(self.classes, 2)
        inner.addLayout(row, 1)
        self._body.addWidget(contents)
        self._body.addWidget(
            Placeholder(
                "No confidence yet",
                "Predict the samples and press Evaluate: this view compares how sure the model says it is "
                "with how often it is right.",
            )
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._body)
        self.classes.selectionModel().currentRowChanged.connect(lambda *_: self._show_chosen())

    def show_scores(self, found: ClassScores) -> None:
        """Shows another evaluation; the chosen class stays."""
        if found.found is None:
            return
        before = max(self.classes.currentIndex().row(), 0) if self._scores is not None else 0
        self._scores = found
        counts = found.found.details.calibration
        known = bool(counts[:, :, 0].sum())
        self._body.setCurrentIndex(0 if known else 1)
        if known:
            self.classes.rows.show_bars(self._rows(found))
            # After a reset no row is current, so that this shows the row that it chooses.
            self.classes.selectRow(min(before, self.classes.rows.rowCount() - 1))

    def _rows(self, found: ClassScores) -> list[BarRow]:
        assert found.found is not None
        counts = found.found.details.calibration
        entries: list[tuple[str, Calibration, str]] = [(ALL, calibration(counts), "")]
        entries += [
            (name, calibration(counts, class_id), str(class_id))
            for class_id, name in enumerate(found.palette.names)
            if counts[class_id, :, 0].sum()
        ]
        most = max(one.ece for _, one, _ in entries) or 1.0
        colours = class_colours(found.palette)
        rows = []
        for name, one, key in entries:
            says, right = means(one)
            texts = (name, f"{percent(one.ece)} %", f"{percent(says)} %", f"{percent(right)} %")
            bar = Bar(((one.ece / most, series_colour(3)),))
            rows.append(BarRow(texts, bar, "", key, colours[int(key)] if key else None))
        return rows

    def _show_chosen(self) -> None:
        place = self.classes.currentIndex().row()
        if self._scores is None or self._scores.found is None or place < 0:
            return
        row = self.classes.rows.row(place)
        counts = self._scores.found.details.calibration
        found = calibration(counts, int(row.key) if row.key else None)
        self.verdict.setText(verdict(found, row.texts[0]))
        self.reliability.show_calibration(found, row.texts[0])
        self.confidence.show_calibration(found)


def means(found: Calibration) -> tuple[float, float]:
    """Mean confidence and share of right pixels over all bins, 0-1; NaN without pixels."""
    total = int(found.pixels.sum())
    if not total:
        return math.nan, math.nan
    weights = found.pixels / total
    filled = found.pixels > 0
    says = float((found.confidence[filled] * weights[filled]).sum())
    return says, float((found.accuracy[filled] * weights[filled]).sum())


def verdict(found: Calibration, name: str) -> str:
    """Whether the model is too sure, in one line."""
    says, right = means(found)
    figures = (
        f"it says {percent(says)} % and is right in {percent(right)} % of the pixels "
        f"(ECE {percent(found.ece)} %)"
    )
    if says - right > CLOSE:
        return f"{name}: over-confident: {figures}."
    if right - says > CLOSE:
        return f"{name}: too modest: {figures}."
    return f"{name}: about as sure as it is right: {figures}."


def bin_words(found: Calibration, number: int) -> str:
    """One bin as a sentence."""
    total = max(int(found.pixels.sum()), 1)
    pixels = int(found.pixels[number])
    return (
        f"Confidence {100 * number / BINS:.0f}–{100 * (number + 1) / BINS:.0f} %: "
        f"says {percent(found.confidence[number])} %, right {percent(found.accuracy[number])} %, "
        f"{pixels:,} pixels ({percent(pixels / total)} %)"
    )


def _edges(number: int) -> tuple[float, float]:
    """Left and right end of a bin's bar, in percent of confidence."""
    return 100 * number / BINS + 0.4, 100 * (number + 1) / BINS - 0.4


def _bar(found: Calibration, number: int, low: float, high: float) -> UprightBar:
    return UprightBar(*_edges(number), float(low), float(high), bin_words(found, number))


def _bin(found: Calibration, number: int) -> tuple[float | None, float | None]:
    if not found.pixels[number]:
        return None, None
    return float(found.confidence[number]), float(found.accuracy[number])

"""The calibration view against means worked out by hand."""

import csv
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio.gui.dashboards.calibration_view import ALL, CalibrationView, means, verdict
from segstudio.gui.dashboards.chart import Bars
from segstudio.gui.dashboards.classes_view import ClassesView
from segstudio.metrics.calibration import calibration, count_calibration
from tests.gui.conftest import PALETTE
from tests.gui.dashboards.desk import Desk, store_counts, store_evaluations, texts, visible_placeholder


def calibration_view(desk: Desk) -> CalibrationView:
    view = desk.page("classes")
    assert isinstance(view, ClassesView)
    QTest.mouseClick(view.parts.buttons["calibration"], Qt.MouseButton.LeftButton)
    desk.settle()
    return view.calibration


def test_without_confidence_the_view_says_what_to_do(opened: Desk) -> None:
    store_counts(opened)
    view = calibration_view(opened)
    assert "press Evaluate" in visible_placeholder(view)


def test_classes_are_listed_with_what_they_say_and_how_often_they_are_right(opened: Desk) -> None:
    store_evaluations(opened)
    view = calibration_view(opened)
    assert visible_placeholder(view) == ""
    found = {row[0]: row[1:] for row in zip(*(texts(view.classes, place) for place in range(4)), strict=True)}
    assert set(found) == {ALL, "road", "sky", "car", "bus"}
    # The bus is never right, and said with 128 of 255; everything else is right and said with 242.
    assert found["bus"] == ("50.2 %", "50.2 %", "0.0 %")
    assert found["sky"] == ("5.1 %", "94.9 %", "100.0 %")


def test_the_verdict_follows_the_chosen_class(opened: Desk) -> None:
    store_evaluations(opened)
    view = calibration_view(opened)
    assert view.verdict.text().startswith("All classes: too modest")
    view.classes.selectRow(texts(view.classes, 0).index("bus"))
    assert view.verdict.text() == (
        "bus: over-confident: it says 50.2 % and is right in 0.0 % of the pixels (ECE 50.2 %)."
    )
    rows = list(csv.DictReader(view.reliability.to_csv().splitlines()))
    filled = [row for row in rows if row["confidence"]]
    assert [(row["pixels"], float(row["right"])) for row in filled] == [("480", 0.0)]
    assert float(filled[0]["from"]) <= 128 / 255 <= float(filled[0]["to"])
    assert [row["pixels"] for row in csv.DictReader(view.confidence.to_csv().splitlines())].count("480") == 1


def test_bars_say_their_bin_under_the_pointer(opened: Desk) -> None:
    store_evaluations(opened)
    view = calibration_view(opened)
    graph: Any = view.reliability.graph
    right, gap = (item for item in graph.getPlotItem().items if isinstance(item, Bars))
    # Confidence 242 of 255, always right; 128 of 255, never.
    assert right.words_at(95, 50).startswith("Confidence 93–100 %: says 94.9 %, right 100.0 %")
    assert right.words_at(50, 1) == right.words_at(20, 1) == ""
    assert gap.words_at(50, 25).startswith("Confidence 47–53 %: says 50.2 %, right 0.0 %, 480 pixels")


def test_means_are_those_of_the_pixels() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, (40, 50)).astype(np.uint8)
    predicted = np.where(random.random(truth.shape) < 0.7, truth, 0).astype(np.uint8)
    sure = random.integers(60, 256, truth.shape).astype(np.uint8)
    found = calibration(count_calibration(truth, predicted, sure, 3))
    assert means(found) == pytest.approx((sure.mean() / 255, (truth == predicted).mean()))
    right = calibration(count_calibration(truth, truth, np.full_like(sure, 254), 3))
    assert "about as sure as it is right" in verdict(right, "x")
    assert np.isnan(means(calibration(np.zeros((3, 15, 3), np.int64), 1))).all()


def test_the_chosen_class_stays_with_new_scores(opened: Desk) -> None:
    store_evaluations(opened)
    view = calibration_view(opened)
    view.classes.selectRow(1)
    assert view.classes.rows.row(1).texts[0] == PALETTE.names[0]
    store_evaluations(opened)
    assert view.classes.currentIndex().row() == 1
    assert view.reliability.title.text() == f"Reliability: {PALETTE.names[0]}"

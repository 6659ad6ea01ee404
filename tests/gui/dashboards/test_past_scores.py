"""IoU over time: models in the order of their evaluation, lines of the chosen classes, reference lines."""

import csv
from typing import Any

import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio.gui.dashboards.classes_view import ClassesView
from segstudio.gui.dashboards.past_scores_view import MEAN, NO_LINES, PastScoresView
from segstudio.project.evaluation_store import EvaluationStore
from segstudio.project.sample import Evaluation
from segstudio.workflows.class_scores import read_past_scores
from segstudio.workflows.reference import load_reference
from tests.gui.dashboards.desk import Desk, store_evaluations, texts


@pytest.fixture
def view(opened: Desk, monkeypatch: pytest.MonkeyPatch) -> PastScoresView:
    """Two models, of which the one that comes first by name was evaluated last."""
    store_evaluations(opened, "z-old")
    store_evaluations(opened, "a-new", is_right=True)
    dated = [Evaluation("a-new", 2, "2026-02-01T00:00:00"), Evaluation("z-old", 2, "2026-01-01T00:00:00")]
    monkeypatch.setattr(EvaluationStore, "evaluations", lambda *_: dated)
    page = opened.page("classes")
    assert isinstance(page, ClassesView)
    QTest.mouseClick(page.parts.buttons["past"], Qt.MouseButton.LeftButton)
    opened.settle()
    return page.past


def test_models_stand_in_the_order_of_their_evaluation(opened: Desk, view: PastScoresView) -> None:
    project = opened.session.project
    assert project is not None
    assert [one.model for one in read_past_scores(project)] == ["z-old", "a-new"]
    rows = list(csv.DictReader(view.chart.to_csv().splitlines()))
    assert [row["model"] for row in rows] == ["z-old", "a-new"]
    # Road and sky are right; of two cars, one was called a bus: (1 + 1 + 0.5 + 0) / 4, then all right.
    assert [float(row["mIoU"]) for row in rows] == [0.625, 1.0]
    assert [row["samples"] for row in rows] == ["2", "2"]


def test_the_list_has_every_class_that_ever_occurred(view: PastScoresView) -> None:
    found = dict(zip(texts(view.classes, 0), texts(view.classes, 2), strict=True))
    assert found == {MEAN: "+37.5", "road": "0.0", "sky": "0.0", "car": "+50.0", "bus": "–"}


def test_chosen_lines_are_drawn_with_values_under_the_pointer(view: PastScoresView) -> None:
    view.classes.clearSelection()
    view.classes.selectRow(texts(view.classes, 0).index("car"))
    assert view.chosen() == ["car"]
    graph: Any = view.chart.graph
    items = graph.getPlotItem().listDataItems()
    (line,) = [one for one in items if isinstance(one, pg.PlotDataItem)]
    assert [values.tolist() for values in line.getData()] == [[0, 1], [50, 100]]
    (points,) = [one for one in items if isinstance(one, pg.ScatterPlotItem)]
    assert points.points()[0].data() == "car, z-old: 50.0 %, 2 samples, evaluated 2026-01-01"
    # The car's dark blue is seen on neither theme without an outline, or is outlined where it is not.
    assert "car" in view.chart.key.text()


def test_a_card_gives_dashed_lines_and_its_protocol(view: PastScoresView) -> None:
    card = load_reference().classes[0]
    choices = [view.reference_choice.itemText(row) for row in range(view.reference_choice.count())]
    assert choices == [NO_LINES, *(row.name for row in load_reference().for_palette("cityscapes"))]
    view.reference_choice.setCurrentText(card.name)
    view.reference_choice.activated.emit(1)
    graph: Any = view.chart.graph
    levels = [one.value() for one in graph.getPlotItem().items if isinstance(one, pg.InfiniteLine)]
    chosen = [card.iou.get(name, card.miou) for name in view.chosen() if name == MEAN or name in card.iou]
    assert levels == pytest.approx([100 * value for value in chosen])
    assert card.protocol in view.note.text()


def test_chosen_lines_stay_with_new_evaluations(opened: Desk, view: PastScoresView) -> None:
    view.classes.clearSelection()
    view.classes.selectRow(texts(view.classes, 0).index("sky"))
    store_evaluations(opened, "a-new")
    assert view.chosen() == ["sky"]

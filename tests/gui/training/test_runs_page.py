"""The page of runs shows what the files of runs say, while they grow, and asks before it ends anything."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPainter, QPicture
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from segstudio.errors import InputError
from segstudio.gui.training import looking, training_runs
from segstudio.gui.training.curve_chart import MOST_POINTS, smoothed, thinned
from segstudio.gui.training.run_head import acts_of
from segstudio.gui.training.runs_page import RunsPage
from segstudio.inference.model_changes import delete, rename
from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.workflows.retrain.chain import ChainResult
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.folder import RunFolder, read_json, write_json
from segstudio.workflows.retrain.runs import Pace, RunState, RunStatus, RunWatch, status_of
from tests.gui.dashboards.desk import Desk, colours, texts, visible_placeholder
from tests.gui.training import fake_runs

NAMES = ("road", "sky", "car")
EVENTS: list[dict[str, Any]] = [
    {"kind": "start", "steps": 200, "step": 0},
    {"kind": "step", "step": 50, "loss": 2.5, "lr": 6e-5},
    {"kind": "step", "step": 100, "loss": 1.25, "lr": 3e-5, "images_per_second": 8.0},
    {"kind": "validation", "step": 100, "miou": 0.5, "aacc": 0.75,
     "iou": {"road": 0.625, "sky": 0.375, "train": None}},
    {"kind": "step", "step": 200, "loss": 0.8125, "lr": 1e-5, "images_per_second": 8.0},
    {"kind": "validation", "step": 200, "miou": 0.4375, "aacc": 0.8125,
     "iou": {"road": 0.875, "sky": 0.0, "train": None}},
]  # fmt: skip


def project_of(desk: Desk) -> Project:
    assert desk.session.project is not None
    return desk.session.project


def runs_page(desk: Desk) -> RunsPage:
    page = desk.page("runs")
    assert isinstance(page, RunsPage)
    return page


def look(desk: Desk) -> None:
    """Looks at the runs again, and waits until all plots are drawn."""
    desk.session.runs.look()
    desk.settle()
    page = runs_page(desk)
    desk.qtbot.waitUntil(lambda: not page.plots.is_drawing, timeout=5000)


def click(button: QPushButton) -> None:
    assert button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def drawn_ticks(axis: Any) -> list[str]:
    """The texts at an axis for which there is room."""
    picture = QPicture()
    painter = QPainter(picture)
    found = axis.generateDrawSpecs(painter)[2]
    painter.end()
    return [text for _, _, text in found]


def figures(page: RunsPage) -> dict[str, str]:
    return {key: tile.figure for key, tile in page.tiles.tiles.items()}


def shown_acts(page: RunsPage) -> set[str]:
    return {act for act, button in page.head.buttons.items() if button.isVisible()} - {"folder"}


# -- empty and plain -----------------------------------------------------------------------------------------


def test_without_runs_the_page_offers_the_first(opened: Desk) -> None:
    page = runs_page(opened)
    assert "No runs yet" in visible_placeholder(page)
    assert not page.retrain_button.isVisible()
    with opened.qtbot.waitSignal(opened.session.runs.retrain_asked, timeout=1000):
        click(page.first_button)


def test_curves_and_figures_are_the_events(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "first", start="street-b0")
    fake_runs.add_events(run, EVENTS)
    fake_runs.finish(run, 200)
    page = runs_page(opened)
    assert page.list.path == run.path
    assert page.plots.loss.drawn()["loss"] == [(50, 2.5), (100, 1.25), (200, 0.8125)]
    assert page.plots.rate.drawn() == {"learning rate": [(50, 6e-5), (100, 3e-5), (200, 1e-5)]}
    assert page.plots.miou.drawn() == {
        "mIoU": [(100, 50.0), (200, 43.75)],
        "pixel accuracy": [(100, 75.0), (200, 81.25)],
    }
    assert page.plots.classes.chart.drawn() == {
        "road": [(100, 62.5), (200, 87.5)],
        "sky": [(100, 37.5), (200, 0.0)],
    }
    # The worst is at the top, and a class that never occurred has no row.
    assert texts(page.plots.classes.table, 0) == ["sky", "road"]
    assert texts(page.plots.classes.table, 3) == ["-37.5", "+25.0"]
    assert figures(page) == {
        "step": "200", "time": "6 s", "miou": "50.0 %", "loss": "0.812", "speed": "50.0 steps/s",
    }  # fmt: skip
    assert page.head.chip.text() == "Finished"
    assert "step,loss,smoothed" in page.plots.loss.to_csv()


def test_a_small_learning_rate_has_figures_at_its_axis(opened: Desk) -> None:
    fake_runs.add_events(fake_runs.make_run(project_of(opened), "first", start="street-b0"), EVENTS)
    axis = runs_page(opened).plots.rate.graph.getAxis("left")
    said = drawn_ticks(axis)
    assert len(said) >= 2
    assert all(text == "0" or text.endswith("e-5") for text in said)


def test_what_the_pointer_is_over_is_said_beside_the_title(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "first")
    fake_runs.add_events(run, EVENTS)
    chart = runs_page(opened).plots.miou
    assert chart.words_at(190, 80) == "pixel accuracy 81.2 %, step 200"
    assert chart.words_at(90, 40) == "mIoU 50.0 %, step 100"
    box = chart.graph.getPlotItem().getViewBox()
    place = chart.graph.mapFromScene(box.mapViewToScene(QPoint(100, 50)))
    QTest.mouseMove(chart.graph.viewport(), place)
    opened.qtbot.waitUntil(lambda: "step 100" in chart.title.text(), timeout=2000)
    assert "mIoU" in chart.title.text()


def test_a_run_whose_trainer_fell_silent_in_a_line_is_shown_so_far(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "cut")
    fake_runs.add_events(run, EVENTS[:3])
    with (run.train / "events.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"kind": "step", "time": 11')
    page = runs_page(opened)
    assert page.plots.loss.drawn()["loss"] == [(50, 2.5), (100, 1.25)]
    assert page.plots.miou.drawn() == {}
    assert figures(page)["miou"] == "–"
    assert page.head.reason.isVisible()
    assert {"resume", "remove"} <= shown_acts(page)


# -- growing -------------------------------------------------------------------------------------------------


def test_new_events_reach_the_lines_that_are_there(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "first")
    fake_runs.add_events(run, EVENTS[:4])
    page = runs_page(opened)
    lines = list(page.plots.loss.graph.getPlotItem().listDataItems())
    page.plots.classes.table.selectRow(1)
    assert page.plots.classes.chosen == {"road"}
    fake_runs.add_events(run, EVENTS[4:])
    look(opened)
    assert page.plots.loss.graph.getPlotItem().listDataItems() == lines, "lines are kept"
    assert page.plots.loss.drawn()["loss"][-1] == (200, 0.8125)
    assert page.plots.classes.chart.drawn()["road"][-1] == (200, 87.5)
    assert page.plots.classes.chosen == {"road"}, "what was picked out stays so"


def test_a_class_that_is_clicked_is_drawn_before_the_others(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "first")
    fake_runs.add_events(run, EVENTS)
    page = runs_page(opened)
    table, graph = page.plots.classes.table, page.plots.classes.chart.graph
    before = colours(graph.grab().toImage())
    place = table.visualRect(table.model().index(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QApplication.processEvents()
    assert page.plots.classes.chosen == {"sky"}
    assert colours(graph.grab().toImage()) != before


def test_another_run_is_shown_by_a_click(opened: Desk) -> None:
    for name, events in (("first", EVENTS), ("second", EVENTS[:2])):
        fake_runs.add_events(fake_runs.make_run(project_of(opened), name), events)
    page = runs_page(opened)
    rows = page.list.rows
    assert {rows.index(row).data() for row in range(2)} == {"first", "second"}
    for name, count in (("second", 1), ("first", 3), ("second", 1)):
        row = next(row for row in range(2) if rows.index(row).data() == name)
        place = page.list.visualRect(rows.index(row)).center()
        QTest.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
        opened.settle()
        assert page.head.name.text() == name
        assert len(page.plots.loss.drawn()["loss"]) == count


def test_a_long_run_is_drawn_with_few_points() -> None:
    points = [(step, float(step % 7)) for step in range(10_000)]
    few = thinned(points, MOST_POINTS)
    assert len(few) == MOST_POINTS
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert sum(value for _, value in few) / len(few) == pytest.approx(3.0, abs=0.1)
    flat = smoothed([(step, 4.0) for step in range(50)])
    assert [value for _, value in flat] == pytest.approx([4.0] * 50), "no pull to zero at the beginning"


def test_150_classes_have_a_row_each(opened: Desk) -> None:
    names = [f"a class with a rather long name {number}" for number in range(150)]
    run = fake_runs.make_run(project_of(opened), "many")
    fake_runs.add_events(run, fake_runs.training_events(names, 100))
    page = runs_page(opened)
    assert page.plots.classes.table.model().rowCount() == 150
    assert len(page.plots.classes.chart.drawn()) == 150


# -- steering ------------------------------------------------------------------------------------------------


def failed_run(desk: Desk) -> RunFolder:
    run = fake_runs.make_run(project_of(desk), "tired")
    fake_runs.add_events(run, [*EVENTS[:4], {"kind": "saved", "step": 100}])
    fake_runs.fail(run, "memory ran out", "choose smaller crops; resuming goes on from step 100")
    return run


def test_a_failed_run_says_why_and_is_resumed_by_a_click(opened: Desk) -> None:
    run = failed_run(opened)
    page = runs_page(opened)
    assert page.head.reason.message.text() == "Memory ran out"
    assert "resuming goes on from step 100" in page.head.reason.hint.text()
    click(page.head.buttons["resume"])
    opened.settle()
    assert status_of(run).state is RunState.QUEUED
    assert page.head.chip.text() == "Waiting"
    assert not page.head.reason.isVisible()


def test_a_run_is_removed_only_after_a_second_click(opened: Desk) -> None:
    run = failed_run(opened)
    page = runs_page(opened)
    click(page.head.buttons["remove"])
    assert page.head.confirm.isVisible()
    assert QApplication.focusWidget() in (page.head.confirm.no_button, None)
    click(page.head.confirm.no_button)
    assert not page.head.confirm.isVisible()
    assert run.path.is_dir()
    click(page.head.buttons["remove"])
    click(page.head.confirm.yes_button)
    opened.settle()
    assert not run.path.exists()
    assert "No runs yet" in visible_placeholder(page)


def test_a_run_that_never_began_is_started(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "fresh")
    page = runs_page(opened)
    assert page.head.chip.text() == "Ready"
    assert page.head.buttons["resume"].text() == "Start"
    click(page.head.buttons["resume"])
    opened.settle()
    assert status_of(run).state is RunState.QUEUED


def test_runs_wait_in_an_order_that_can_be_changed(opened: Desk) -> None:
    runs = [fake_runs.make_run(project_of(opened), f"wait-{number}") for number in range(3)]
    for number, run in enumerate(runs):
        write_json(run.queued, {"order": float(number)})
    page = runs_page(opened)
    rows = page.list.rows

    def order() -> list[str]:
        return [str(rows.index(row).data()) for row in range(rows.rowCount())]

    assert order() == ["wait-0", "wait-1", "wait-2"]
    page.list.choose(runs[2].path)
    opened.settle()
    assert shown_acts(page) == {"earlier", "later", "cancel"}
    click(page.head.buttons["earlier"])
    opened.settle()
    assert order() == ["wait-0", "wait-2", "wait-1"]
    assert page.head.name.text() == "wait-2", "the choice moves with its run"
    click(page.head.buttons["cancel"])
    click(page.head.confirm.yes_button)
    opened.settle()
    assert read_json(runs[2].ended)["state"] == "cancelled"
    assert page.head.chip.text() == "Cancelled"


def test_a_run_of_another_program_is_only_looked_at(opened: Desk) -> None:
    run = RunFolder(project_of(opened).runs_dir / "outside")
    run.train.mkdir(parents=True)
    fake_runs.add_events(run, fake_runs.training_events(NAMES, 100, until=50))
    page = runs_page(opened)
    assert page.head.chip.text() == "Training"
    assert shown_acts(page) == set()
    assert page.plots.loss.drawn()["loss"]


def test_compare_asks_the_window_for_the_model(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "good")
    fake_runs.add_events(run, EVENTS)
    fake_runs.finish(run, 200)
    page = runs_page(opened)
    assert shown_acts(page) == {"model", "remove"}
    fake_runs.make_model(run, "good")
    rename("good", "better")
    look(opened)
    assert shown_acts(page) == {"compare", "remove"}
    with opened.qtbot.waitSignal(opened.session.runs.compare_asked, timeout=1000) as asked:
        click(page.head.buttons["compare"])
    assert asked.args == ["better"]
    # What is no longer there can be made again; so can a model of what was learnt since.
    delete("better")
    look(opened)
    assert shown_acts(page) == {"model", "remove"}
    fake_runs.make_model(run, "again")
    look(opened)
    assert shown_acts(page) == {"compare", "remove"}
    run.best_weights.write_bytes(b"better weights")
    look(opened)
    assert shown_acts(page) == {"model", "remove"}


def test_making_a_model_holds_up_no_new_run(opened: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run, runs = fake_runs.make_run(project_of(opened), "good"), opened.session.runs
    answered = threading.Event()

    def make(*_: object) -> ChainResult:
        assert answered.wait(30)
        return ChainResult("good")

    def write(*_: object) -> RunFolder:
        raise InputError("no sample is accepted")

    monkeypatch.setattr(training_runs, "run_chain", make)
    monkeypatch.setattr(training_runs, "write_run", write)
    runs.make_model(run)
    with opened.qtbot.waitSignal(runs.refused, timeout=5000):
        runs.order(RetrainChoice())
    with opened.qtbot.waitSignal(runs.model_made, timeout=5000):
        answered.set()


def test_a_run_that_is_not_ours_talks_again(opened: Desk) -> None:
    run = RunFolder(project_of(opened).runs_dir / "outside")
    run.train.mkdir(parents=True)
    fake_runs.add_events(run, fake_runs.training_events(NAMES, 100, until=50, when=time.time() - 3600))
    page = runs_page(opened)
    assert page.head.chip.text() == "Failed"
    assert "It has said nothing since" in page.head.reason.message.text()
    fake_runs.add_events(run, [{"kind": "step", "step": 60, "loss": 0.5, "lr": 0.1, "time": time.time()}])
    look(opened)
    assert page.head.chip.text() == "Training"


def test_a_look_that_fails_is_followed_by_another(opened: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page, told = runs_page(opened), list[object]()
    runs = opened.session.runs
    runs.failed.disconnect()
    runs.failed.connect(told.append)
    monkeypatch.setattr(training_runs, "IDLE_MS", 1)
    with monkeypatch.context() as broken:

        def list_runs(_: object) -> list[RunFolder]:
            raise InputError("the disk is away")

        broken.setattr(looking, "list_runs", list_runs)
        runs.look()
        opened.qtbot.waitUntil(lambda: bool(told), timeout=5000)
    fake_runs.add_events(fake_runs.make_run(project_of(opened), "back"), EVENTS)
    opened.qtbot.waitUntil(lambda: page.list.rows.rowCount() == 1, timeout=5000)
    assert len(told) == 1


def test_one_run_that_cannot_be_read_hides_no_other(opened: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("good", "bad"):
        fake_runs.add_events(fake_runs.make_run(project_of(opened), name), EVENTS)
    usual = RunWatch.look

    def look_at(watch: RunWatch) -> object:
        if watch.run.name == "bad":
            raise PermissionError(13, "no rights")
        return usual(watch)

    monkeypatch.setattr(RunWatch, "look", look_at)
    assert runs_page(opened).head.name.text() == "good"


def test_what_follows_a_training_cannot_wait() -> None:
    pace = Pace(kind="end", step=8, steps=8)
    status = RunStatus(RunFolder(Path("run")), RunState.RUNNING, pace, doing="evaluating")
    assert acts_of(status, has_model=True) == ("stop", "cancel")
    assert "pause" in acts_of(replace(status, pace=Pace(kind="step", step=3, steps=8)), has_model=False)


# -- predictions and notes -----------------------------------------------------------------------------------


def test_predictions_change_as_the_slider_moves(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "seen")
    fake_runs.add_events(run, EVENTS)
    keys = fake_runs.add_pictures(run, project_of(opened), [100, 200])
    page = runs_page(opened)
    QTest.mouseClick(page.parts.buttons["predictions"], Qt.MouseButton.LeftButton)
    opened.settle()
    view, pane = page.watch, page.watch.panes.panes["Prediction"]
    assert view.sample.currentText() == keys[0]
    assert view.step.text() == "step 200  ·  2 of 2"
    last, truth = pane.pixmap.toImage(), view.panes.panes["Truth"].pixmap.toImage()
    assert last == truth, "the last one sees all of it"
    view.slider.setFocus()
    QTest.keyClick(view.slider, Qt.Key.Key_Left)
    opened.settle()
    assert view.step.text() == "step 100  ·  1 of 2"
    assert pane.pixmap.toImage() != last
    click(view.after)
    opened.settle()
    assert view.sample.currentText() == keys[1]
    assert not view.panes.panes["Image"].pixmap.isNull()


def test_a_failed_run_without_pictures_made_none(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "blind")
    fake_runs.add_events(run, EVENTS[:2])
    page = runs_page(opened)
    QTest.mouseClick(page.parts.buttons["predictions"], Qt.MouseButton.LeftButton)
    opened.settle()
    assert "This run made none" in visible_placeholder(page)


def test_notes_say_what_it_was_made_with_and_what_the_trainer_remarked(opened: Desk) -> None:
    run = fake_runs.make_run(project_of(opened), "noted", start="street-b0")
    fake_runs.add_events(run, [*EVENTS, {"kind": "notes", "lines": ["train.optim.lr is low"]}])
    page = runs_page(opened)
    QTest.mouseClick(page.parts.buttons["notes"], Qt.MouseButton.LeftButton)
    opened.settle()
    assert page.notes.facts["Started from"] == "street-b0"
    assert page.notes.facts["Samples"] == "accepted"
    assert page.notes.remarks == "train.optim.lr is low"


def test_pages_follow_the_theme(opened: Desk) -> None:
    fake_runs.add_events(fake_runs.make_run(project_of(opened), "first"), EVENTS)
    shades = []
    for theme in ("light", "dark"):
        opened.themes.choose(theme)
        page = runs_page(opened)
        QApplication.processEvents()
        shades.append(page.plots.loss.grab().toImage().pixelColor(2, 2).lightness())
        assert len(colours(page.grab().toImage())) > 8
    assert shades[0] > 200
    assert shades[1] < 80


def test_nothing_is_read_while_the_page_is_hidden(opened: Desk, tmp_path: Path) -> None:
    run = fake_runs.make_run(project_of(opened), "first")
    fake_runs.add_events(run, EVENTS[:2])
    page = runs_page(opened)
    page.hide()
    fake_runs.add_events(run, EVENTS[2:])
    opened.session.changed.emit(Changes())
    opened.session.runs.look()
    opened.settle()
    assert opened.session.runs.now.curves is None
    page.show()
    opened.settle()
    look(opened)
    assert page.plots.loss.drawn()["loss"][-1] == (200, 0.8125)

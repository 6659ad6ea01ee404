"""The model alone on the speed dashboard: kept runs as rows and plots, and timing in a process of its own."""

import csv
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from segstudio import paths
from segstudio.gui.dashboards.speed_bench import STOP, TIME, TIMED, BenchPanel, local_time
from segstudio.gui.dashboards.speed_plot import SpeedPlot
from segstudio.gui.dashboards.speed_view import SpeedView
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.memory import Memory
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.settings import Settings
from segstudio.workflows.bench import BenchResult, BenchRow
from segstudio.workflows.bench_history import BenchRecord, keep
from segstudio.workflows.machine import Machine, this_machine
from tests.gui.conftest import WAIT_MS, FakeBackend, backend

__all__ = ["backend"]
LATENCY = {"p50": 10.0, "p90": 12.0, "p95": 13.0, "p99": 14.0}
STAGES = {"preprocess": 0.1, "backbone": 0.6, "head": 0.2, "restore": 0.1}


def record(*batches: int, when: str = "2026-01-01T10:00:00Z", machine: Machine | None = None) -> BenchRecord:
    """A run whose figures tell its batches apart."""
    rows = tuple(
        BenchRow(64, 32, batch, 300, 100.0 / batch,
                 {name: milliseconds * batch for name, milliseconds in LATENCY.items()}, 0.02, STAGES)
        for batch in batches
    )  # fmt: skip
    result = BenchResult("fake", "onnx", "CPU", "fp32", "latency", 1, rows, "mit_b0", "ab", "1.2", 4)
    return BenchRecord(when, machine or this_machine(), result)


@pytest.fixture
def session(themes: ThemeSwitch, backend: FakeBackend, qtbot: QtBot) -> Iterator[Session]:
    """A session whose only model is "fake", chosen."""
    made = Session(Settings.load(), Memory())
    made.predictions.refresh()
    qtbot.waitUntil(lambda: made.predictions.entry is not None, timeout=WAIT_MS)
    yield made
    assert made.close()


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> BenchPanel:
    """The part of the page on the model alone, on screen."""
    view = SpeedView(session)
    qtbot.addWidget(view)
    view.resize(1200, 900)
    view.show()
    # Only who asks for it waits for the plots to load.
    assert not view.findChildren(BenchPanel)
    QTest.mouseClick(view.parts.buttons["model"], Qt.MouseButton.LeftButton)
    settle(session, qtbot)
    assert view.bench is not None
    assert view.bench.isVisible()
    assert view.time_button.isVisible()
    assert not view.measure_button.isVisible()
    return view.bench


def settle(session: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(session.bridge.is_idle, timeout=WAIT_MS)
    QApplication.processEvents()


def load(panel: BenchPanel, session: Session, qtbot: QtBot, *records: BenchRecord) -> None:
    for one in records:
        keep(one)
    panel.load()
    settle(session, qtbot)


def texts(panel: BenchPanel) -> list[list[str]]:
    model = panel.timed.rows
    return [
        [str(model.index(row, column).data()) for column in range(len(TIMED))]
        for row in range(model.rowCount())
    ]


def drawn(plot: SpeedPlot) -> list[list[tuple[float, float]]]:
    graph: Any = plot.findChild(pg.PlotWidget)
    lines = [
        curve.getData() for curve in graph.getPlotItem().listDataItems() if isinstance(curve, pg.PlotDataItem)
    ]
    return [list(zip(x.tolist(), y.tolist(), strict=True)) for x, y in lines]


def test_without_runs_the_panel_says_what_to_do(panel: BenchPanel) -> None:
    (shown,) = [found for found in panel.findChildren(Placeholder) if found.isVisible()]
    assert any(TIME in label.text() for label in shown.findChildren(QLabel))
    assert panel.time_button.isEnabled()
    assert not panel.copy_button.isEnabled()


def test_runs_of_this_machine_are_rows_and_the_newest_is_drawn(
    panel: BenchPanel, session: Session, qtbot: QtBot
) -> None:
    elsewhere = record(9, machine=Machine("another", 1, "x"))
    newest = record(1, 2, 4, when="2026-01-03T10:00:00Z")
    load(panel, session, qtbot, elsewhere, record(1), newest)
    assert [(row[5], row[6], row[9]) for row in texts(panel)] == [
        ("1", "10.0", "100.0"), ("2", "20.0", "50.0"), ("4", "40.0", "25.0"), ("1", "10.0", "100.0"),
    ]  # fmt: skip
    assert drawn(panel.throughput) == [[(0, 100.0), (1, 50.0), (2, 25.0)]]
    assert len(drawn(panel.latency)) == 4
    assert "Runs of other machines: 1," in panel.note.text()
    assert "backbone 6.0 ms" in panel.stages.accessibleName()
    # A run with a single row has no sweep.
    panel.timed.selectRow(3)
    assert not panel.throughput.isVisible()
    assert drawn(panel.latency) == [[(0, 10.0), (1, 12.0), (2, 13.0), (3, 14.0)]]


def test_points_say_their_figures(panel: BenchPanel, session: Session, qtbot: QtBot) -> None:
    load(panel, session, qtbot, record(1, 2))
    graph: Any = panel.throughput.findChild(pg.PlotWidget)
    (points,) = [one for one in graph.getPlotItem().listDataItems() if isinstance(one, pg.ScatterPlotItem)]
    assert [point.data() for point in points.points()] == [
        "64×32, 1: 100 images a second", "64×32, 2: 50 images a second",
    ]  # fmt: skip
    assert points.opts["hoverable"]


def test_figures_can_be_taken_along(
    panel: BenchPanel, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    load(panel, session, qtbot, record(1, 2))
    clipboard = QGuiApplication.clipboard()
    QTest.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    assert list(csv.reader(clipboard.text().splitlines())) == [list(TIMED), *texts(panel)]
    panel.throughput.tools.copy()
    assert list(csv.reader(clipboard.text().splitlines()))[1:] == [["1", "100"], ["2", "50"]]
    for name in ("plot.svg", "plot.png"):
        panel.throughput.tools.save(tmp_path / name)
    settle(session, qtbot)
    picture = ElementTree.fromstring((tmp_path / "plot.svg").read_text(encoding="utf-8"))
    assert picture.attrib["aria-label"] == "Throughput over batch"
    image = QImage(str(tmp_path / "plot.png"))
    assert image.width() >= panel.throughput.width()
    assert panel.throughput.tools.isVisible()


def test_a_picture_that_cannot_be_saved_is_explained(
    panel: BenchPanel, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    load(panel, session, qtbot, record(1, 2))
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with qtbot.waitSignal(session.message) as told:
        panel.latency.tools.save(tmp_path / "taken" / "plot.png")
    assert told.args is not None
    assert "cannot be written" in told.args[0].text


def child(panel: BenchPanel, monkeypatch: pytest.MonkeyPatch, code: str) -> list[str]:
    """Puts a small process in place of segstudio bench; gives the words it would have had."""
    words = panel.arguments()
    monkeypatch.setattr(panel, "arguments", lambda: [sys.executable, "-c", code])
    return words


def test_timing_runs_bench_as_a_child_and_shows_what_it_kept(
    panel: BenchPanel, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps(record(1, 2).to_json())
    path = paths.user_data_dir() / "bench.jsonl"
    panel.size_choice.setCurrentIndex(1)
    panel.batch_choice.setCurrentIndex(2)
    words = child(
        panel,
        monkeypatch,
        f"open({str(path)!r}, 'a').write({line + chr(10)!r}); print('{{\"result\": {{}}}}')",
    )
    assert words[1:4] == ["-m", "segstudio", "bench"]
    assert words[5:] == [
        "--size", "512x512", "--batch", "1,2,4,8,16", "--backend", "auto", "--profile", "--json-events",
    ]  # fmt: skip
    QTest.mouseClick(panel.time_button, Qt.MouseButton.LeftButton)
    assert panel.time_button.text() == STOP
    settle(session, qtbot)
    qtbot.waitUntil(lambda: len(texts(panel)) == 2, timeout=WAIT_MS)
    assert panel.time_button.text() == TIME


def has_text(button: QPushButton, expected: str) -> bool:
    return button.text() == expected


def test_timing_can_be_stopped(
    panel: BenchPanel, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    child(panel, monkeypatch, "import time; time.sleep(60)")
    for expected in (STOP, TIME):
        QTest.mouseClick(panel.time_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(partial(has_text, panel.time_button, expected), timeout=WAIT_MS)
    assert session.bridge.is_idle()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "import sys; print('segstudio: no such file. import it', file=sys.stderr); sys.exit(2)",
            "no such file. import it",
        ),
        ("import sys; sys.exit(1)", "ended with 1"),
        ("print('warming up')", "ended without a result"),
    ],
)
def test_a_bench_that_fails_is_explained(
    panel: BenchPanel, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(session, "explain", lambda error: told.append(str(error)))
    child(panel, monkeypatch, code)
    QTest.mouseClick(panel.time_button, Qt.MouseButton.LeftButton)
    settle(session, qtbot)
    assert len(told) == 1
    assert words in told[0]
    assert "segstudio:" not in told[0]
    assert panel.time_button.text() == TIME


def test_times_are_those_of_the_users_clock() -> None:
    assert local_time("2026-01-01T10:00:00+00:00") == local_time("2026-01-01T10:00:00Z")
    assert local_time("yesterday") == "yesterday"

"""The window starts runs, steers them, shows them on every page, and lets them go on without it."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.main_window import MainWindow
from segstudio.gui.memory import Memory
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.training.farewell import Farewell
from segstudio.gui.training.runs_page import RunsPage
from segstudio.jobs import JobContext
from segstudio.project.sample import SampleStatus
from segstudio.settings import Settings
from segstudio.workflows.retrain import supervise
from segstudio.workflows.retrain.choice import SCRATCH, RetrainChoice
from segstudio.workflows.retrain.control import STOP_ALL, asked
from segstudio.workflows.retrain.folder import RunFolder, list_runs
from segstudio.workflows.retrain.runs import RunState, status_of
from segstudio.workflows.retrain.write import write_run
from tests.gui.conftest import Studio, fill_folder

pytestmark = pytest.mark.usefixtures("trainer", "backend")


@pytest.fixture
def ready(studio: Studio, tmp_path: Path) -> Studio:
    """A window on twelve accepted samples."""
    studio.open(fill_folder(tmp_path / "street", count=12, masks=12))
    studio.session.set_status([sample.key for sample in studio.session.book.samples], SampleStatus.ACCEPTED)
    studio.settle()
    return studio


def page_of(studio: Studio) -> RunsPage:
    studio.window.show_page("runs")
    page = studio.window.pages.currentWidget()
    assert isinstance(page, RunsPage)
    return page


def click(page: RunsPage, act: str) -> None:
    QTest.mouseClick(page.head.buttons[act], Qt.MouseButton.LeftButton)


def order(studio: Studio, name: str) -> RunFolder:
    """A run from scratch, as the dialog orders it."""
    project = studio.session.project
    assert project is not None
    studio.session.runs.order(RetrainChoice(start=SCRATCH, name=name))
    run = RunFolder(project.runs_dir / name)
    studio.wait(lambda: studio.session.runs.now.of(run.path))
    return run


def wait_state(studio: Studio, run: RunFolder, state: RunState) -> None:
    studio.wait(lambda: (found := studio.session.runs.now.of(run.path)) and found.state is state)


def farewells() -> list[Farewell]:
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, Farewell) and one.isVisible()]


def let_go(run: RunFolder, step: int) -> None:
    """The stand-in may make this step."""
    (run.path / f"go{step}").touch()


def test_a_run_is_paused_stopped_resumed_and_finished_by_clicks(ready: Studio) -> None:
    run = order(ready, "tries")
    wait_state(ready, run, RunState.RUNNING)
    strip, page = ready.window.training_strip, page_of(ready)
    let_go(run, 1)
    ready.wait(lambda: "25 %" in strip.text.text())
    assert strip.isVisible()
    assert "tries" in strip.text.text()
    ready.wait(lambda: page.plots.loss.drawn().get("loss") == [(1, 2.0)])
    assert page.tiles.tiles["step"].figure == "1"
    click(page, "pause")
    wait_state(ready, run, RunState.PAUSED)
    assert page.head.chip.text() == "Paused"
    click(page, "go_on")
    wait_state(ready, run, RunState.RUNNING)
    click(page, "stop")
    wait_state(ready, run, RunState.STOPPED)
    assert not strip.isVisible()
    assert any("can go on from there" in text for text in ready.messages())
    for step in range(2, 5):
        let_go(run, step)
    click(page, "resume")
    wait_state(ready, run, RunState.FINISHED)
    ready.wait(lambda: any("has finished training" in text for text in ready.messages()))
    ready.wait(lambda: page.head.chip.text() == "Finished")


def test_the_second_run_waits_and_then_starts_by_itself(ready: Studio) -> None:
    first = order(ready, "first")
    wait_state(ready, first, RunState.RUNNING)
    second = order(ready, "second")
    wait_state(ready, second, RunState.QUEUED)
    assert "+1" in ready.window.training_strip.text.text()
    page = page_of(ready)
    page.list.choose(first.path)
    ready.wait(lambda: page.head.name.text() == "first")
    click(page, "cancel")
    QTest.mouseClick(page.head.confirm.yes_button, Qt.MouseButton.LeftButton)
    wait_state(ready, first, RunState.CANCELLED)
    wait_state(ready, second, RunState.RUNNING)
    supervise.cancel(second)
    wait_state(ready, second, RunState.CANCELLED)


def test_the_strip_shows_the_run_from_every_page(ready: Studio) -> None:
    run = order(ready, "seen")
    wait_state(ready, run, RunState.RUNNING)
    ready.window.show_page("editor")
    ready.wait(ready.window.training_strip.isVisible)
    QTest.mouseClick(ready.window.training_strip, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert ready.window.page == "runs"
    assert page_of(ready).head.name.text() == "seen"
    supervise.cancel(run)
    wait_state(ready, run, RunState.CANCELLED)


def test_a_run_goes_on_without_the_window_and_is_found_again(ready: Studio, themes: ThemeSwitch) -> None:
    run = order(ready, "lives")
    wait_state(ready, run, RunState.RUNNING)
    root = ready.session.project
    assert root is not None
    ready.window.close()
    (note,) = farewells()
    assert "lives goes on training" in note.text()
    note.close()
    assert status_of(run).state is RunState.RUNNING
    let_go(run, 1)
    again = Studio(MainWindow(Session(Settings.load(), Memory()), themes), ready.qtbot)
    again.window.show()
    again.open(root.root)
    again.wait(lambda: any("lives went on training" in text for text in again.messages()))
    again.wait(again.window.training_strip.isVisible)
    supervise.cancel(run)
    wait_state(again, run, RunState.CANCELLED)
    again.window.close()
    again.window.deleteLater()


def test_runs_stop_with_the_window_where_that_is_set(ready: Studio) -> None:
    ready.window.actions_by_id["train.stop_on_close"].trigger()
    assert ready.session.settings.get("stop_training_on_close") is True
    run = order(ready, "ends")
    wait_state(ready, run, RunState.RUNNING)
    ready.window.close()
    assert not farewells()
    ready.wait(lambda: status_of(run).state is RunState.STOPPED)
    # Whoever waits in the queue waits on until the folder is opened again.
    assert asked(run) == STOP_ALL


def test_a_run_of_the_command_line_is_seen(ready: Studio) -> None:
    project = ready.session.project
    assert project is not None
    page = page_of(ready)
    ready.settle()
    run = write_run(project, RetrainChoice(start=SCRATCH, name="outside"), JobContext())
    assert list_runs(project) == [run]
    ready.window.show_page("editor")
    ready.window.show_page("runs")
    ready.wait(lambda: page.list.path == run.path)
    assert page.head.chip.text() == "Ready"

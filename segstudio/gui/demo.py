"""The demo: a ready project in the window, or the main job performed on it offscreen with pictures."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt, QThread, qInstallMessageHandler
from PySide6.QtGui import QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog

from segstudio import paths
from segstudio.annotation.regions import Region, regions_of_class
from segstudio.gui.app import main as open_window
from segstudio.gui.app import make_application, make_window
from segstudio.gui.crash_net import qt_message, start_logging
from segstudio.images import read_mask
from segstudio.metrics.confusion import count_confusion, scores
from segstudio.workflows.demo import demo_folder, make_demo, true_mask
from segstudio.workflows.doctor import is_display_there

SIZE = (1440, 900)
STEP_SECONDS = 120.0
# Longer than the pauses after which the panels count classes and compare masks.
REST_SECONDS = 0.5
SUMMARY = "summary.json"
PAGES = ("samples", "classes", "failures", "progress", "speed", "runs", "models")


def run_demo(*, headless: bool = False, screenshots: Path | None = None) -> int:
    """Shows the demo in the window, or without a display performs it; returns the exit status."""
    if headless or not is_display_there():
        return run_headless(screenshots or Path("demo-output"))
    print("making the demo project", file=sys.stderr)
    return open_window(make_demo(demo_folder()))


def run_headless(out: Path) -> int:
    """Performs the main job offscreen with real mouse and key events, and says whether every step held.

    Writes one PNG a screen and summary.json to `out`. The user's own settings and projects are not touched.
    """
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    out.mkdir(parents=True, exist_ok=True)
    before = os.environ.get(paths.HOME_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="segstudio-demo-", ignore_cleanup_errors=True) as home:
        os.environ[paths.HOME_VARIABLE] = home
        # Qt's remarks about the offscreen screen go to the log.
        start_logging()
        qInstallMessageHandler(qt_message)
        try:
            performance = Performance(out)
            performance.run(Path(home))
        finally:
            qInstallMessageHandler(None)
            if before is None:
                del os.environ[paths.HOME_VARIABLE]
            else:
                os.environ[paths.HOME_VARIABLE] = before
    summary = performance.summary()
    (out / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({key: summary[key] for key in ("passed", "seconds", "pictures", "scores")}))
    return 0 if summary["passed"] else 1


@dataclass
class Performance:
    """The steps of the main job, done by events as a user's; each is checked."""

    out: Path
    steps: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)

    def run(self, home: Path) -> None:
        """Everything, from the empty window to the dashboards, light and dark."""
        application = make_application()
        window = make_window(application)
        self.window, self.session = window, window.session
        self.canvas = window.link.canvas
        window.choose_theme("light")
        window.resize(*SIZE)
        window.show()
        self.wait(lambda: window.isVisible())
        try:
            self.picture("start")
            folder = self.step("make the demo project", lambda: make_demo(home / "demo"))
            self.step("open the project", lambda: self.open(folder))
            self.picture("editor")
            self.step("predict one sample", self.predict)
            self.step("correct a region by mouse", self.correct)
            self.step("paint, undo and redo", self.paint)
            self.picture("editor-corrected")
            self.step("save by itself", self.saved)
            for layer in ("difference", "confidence"):
                window.actions_by_id[f"layer.{layer}"].trigger()
                self.picture(f"editor-{layer}")
            window.actions_by_id["layer.mask"].trigger()
            self.step("accept a prediction", self.accept)
            self.step("evaluate", self.evaluate)
            for page in PAGES:
                self.show(page)
                self.picture(page)
            self.wizard()
            self.dark()
        finally:
            window.close()
            application.processEvents()

    def wizard(self) -> None:
        """The export wizard over the page, as it opens: nothing is exported."""
        self.window.actions_by_id["model.export_model"].trigger()
        self.idle()
        wizard = next(dialog for dialog in self.window.findChildren(QDialog) if dialog.isVisible())
        self.picture("export", wizard)
        wizard.reject()

    def dark(self) -> None:
        """The same screens in the dark theme."""
        self.window.choose_theme("dark")
        for page in ("editor", *PAGES):
            self.show(page)
            self.picture(f"{page}-dark")

    # -- steps --------------------------------------------------------------------------------------------

    def step(self, name: str, act: Callable[[], Any]) -> Any:
        """Does one step, notes its time, and goes on only when it holds."""
        print(f"  {name}", file=sys.stderr, flush=True)
        began = time.perf_counter()
        result = act()
        self.steps.append({"step": name, "seconds": round(time.perf_counter() - began, 3)})
        return result

    def open(self, folder: Path) -> None:
        """Opens the demo project and the first sample whose mask is wrong."""
        session = self.session
        session.open_project(folder)
        self.wait(lambda: session.project is not None and session.current is not None)
        self.idle()
        wrong = [sample for sample in session.book.samples if sample.note]
        require(bool(wrong), "no sample with a wrong mask")
        session.open_sample(wrong[0].key)
        self.wait(lambda: session.current == wrong[0].key and session.entry is not None)
        facts = self.window.editor.prediction.facts
        self.wait(lambda: session.prediction is not None and session.prediction.model in facts.text())
        self.idle()

    def predict(self) -> None:
        """Predicts the open sample through its action."""
        self.window.actions_by_id["model.predict"].trigger()
        self.wait(lambda: bool(self.session.jobs.active()))
        self.idle()
        require(self.session.prediction is not None, "there is no prediction")

    def correct(self) -> None:
        """Finds the wrong region, chooses its class, and relabels it with one click."""
        key, mask = str(self.session.current), self.mask()
        truth = true_mask(key)
        region, right = wrong_region(mask, truth)
        before = miou(mask, truth)
        self.session.classes.set_active(right)
        QTest.keyClick(self.canvas, Qt.Key.Key_R)
        self.settle()
        row, column = (int(values[len(values) // 2]) for values in np.nonzero(region.inside))
        self.click(region.rect.x + column, region.rect.y + row)
        require(
            int(mask[region.rect.y + row, region.rect.x + column]) == right, "the region was not relabelled"
        )
        self.measured["mask_miou_before"], self.measured["mask_miou_after"] = before, miou(mask, truth)
        require(miou(mask, truth) > before, "the correction did not help")

    def paint(self) -> None:
        """A brush stroke, undone and made again by keys."""
        mask = self.mask()
        before = mask.copy()
        QTest.keyClick(self.canvas, Qt.Key.Key_B)
        self.settle()
        self.drag([(40, 300), (90, 310), (140, 305)])
        after = mask.copy()
        require(not np.array_equal(before, after), "the brush painted nothing")
        QTest.keyClick(self.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        self.settle()
        require(np.array_equal(mask, before), "undo did not restore the mask")
        QTest.keyClick(self.window, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
        self.settle()
        require(np.array_equal(mask, after), "redo did not repeat the stroke")
        QTest.keyClick(self.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        self.settle()

    def saved(self) -> None:
        """Waits for the autosave and compares the file with the screen."""
        key, project = str(self.session.current), self.session.project
        assert project is not None
        self.wait(lambda: not self.session.documents.dirty_keys)
        self.idle()
        require(
            np.array_equal(read_mask(project.mask_path(key)), self.mask()), "the file differs from the screen"
        )

    def accept(self) -> None:
        """Takes over the whole prediction of a sample that has no mask yet."""
        session = self.session
        empty = [sample for sample in session.book.samples if not sample.mask.exists()]
        require(bool(empty), "every sample has a mask")
        session.open_sample(empty[0].key)
        self.wait(lambda: session.current == empty[0].key and session.prediction is not None)
        self.window.editing.accept_all()
        self.wait(lambda: not session.documents.dirty_keys)
        self.idle()
        assert session.prediction is not None
        require(np.array_equal(self.mask(), session.prediction.ids), "the mask is not the prediction")

    def evaluate(self) -> None:
        """Presses Evaluate on the classes dashboard and reads the scores from the project."""
        from segstudio.gui.dashboards.classes_view import ClassesView

        self.show("classes")
        view = self.window.pages.currentWidget()
        require(isinstance(view, ClassesView), "the classes dashboard is not shown")
        assert isinstance(view, ClassesView)
        QTest.mouseClick(view.evaluate_button, Qt.MouseButton.LeftButton)
        self.idle()
        project = self.session.project
        assert project is not None
        counts = project.evaluation.counts(project.evaluation.names()[0])
        result = scores(np.sum(list(counts.values()), axis=0))
        self.measured |= {
            "samples": len(counts),
            "miou": result.miou,
            "macc": result.macc,
            "aacc": result.aacc,
        }
        self.measured["fps"] = project.speeds()[0].fps
        require(len(counts) > 0, "nothing was evaluated")

    # -- hands and eyes -----------------------------------------------------------------------------------

    def mask(self) -> NDArray[np.uint8]:
        """The pixels of the open mask."""
        entry = self.session.entry
        assert entry is not None
        return entry.document.array

    def place(self, x: float, y: float) -> QPoint:
        """Where an image point is on the canvas."""
        ratio = self.canvas.devicePixelRatioF()
        left, top = self.canvas.view.to_screen(x, y)
        return QPointF(left / ratio, top / ratio).toPoint()

    def click(self, x: int, y: int) -> None:
        """A left click on the middle of an image pixel."""
        place = self.place(x + 0.5, y + 0.5)
        QTest.mouseMove(self.canvas, place)
        QTest.mouseClick(self.canvas, Qt.MouseButton.LeftButton, pos=place)
        self.settle()

    def drag(self, points: list[tuple[int, int]]) -> None:
        """A stroke through image points."""
        places = [self.place(*point) for point in points]
        QTest.mousePress(self.canvas, Qt.MouseButton.LeftButton, pos=places[0])
        for place in places[1:]:
            QTest.mouseMove(self.canvas, place)
        QTest.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, pos=places[-1])
        self.settle()

    def show(self, page: str) -> None:
        """Goes to a page."""
        self.window.show_page(page)
        self.idle()

    def picture(self, name: str, dialog: QDialog | None = None) -> None:
        """Saves what the window shows when it has come to rest, with a dialog in its middle."""
        rested = time.monotonic() + REST_SECONDS
        self.wait(lambda: time.monotonic() > rested)
        file = f"{len(self.pictures) + 1:02d}-{name}.png"
        shown = self.window.grab()
        if dialog is not None:
            painter = QPainter(shown)
            painter.drawPixmap((self.window.rect().center() - dialog.rect().center()), dialog.grab())
            painter.end()
        require(shown.save(str(self.out / file)), f"{file} cannot be written")
        self.pictures.append(file)

    def settle(self) -> None:
        """Lets every event that is due happen."""
        for _ in range(3):
            QApplication.processEvents()

    def idle(self) -> None:
        """Waits until no Job runs and the window knows."""
        self.settle()
        self.wait(self.session.bridge.is_idle)
        self.settle()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Handles events until the condition holds.

        Raises:
            RuntimeError: it did not within two minutes.
        """
        deadline = time.monotonic() + STEP_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError("the window did not come to rest in time")
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            # Workers need the interpreter too.
            QThread.msleep(2)

    def summary(self) -> dict[str, Any]:
        """What was done, seen and measured."""
        return {
            "passed": True,
            "seconds": round(sum(step["seconds"] for step in self.steps), 2),
            "steps": self.steps,
            "pictures": self.pictures,
            "scores": self.measured,
        }


def wrong_region(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> tuple[Region, int]:
    """The largest region of the mask most of whose pixels have another class in truth, and that class."""
    wrong = np.where((mask != truth) & (truth != 255), mask, 255).astype(np.uint8)
    classes = [int(value) for value in np.unique(wrong) if value != 255]
    regions = [region for class_id in classes for region in regions_of_class(wrong, class_id)]
    require(bool(regions), "the mask has no wrong region")
    worst = max(regions, key=lambda region: region.area)
    inside = truth[worst.rect.slices][worst.inside]
    return worst, int(np.bincount(inside).argmax())


def miou(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Mean IoU of one mask against the truth, 0-1."""
    return scores(count_confusion(truth, mask, 19)).miou


def require(held: bool, otherwise: str) -> None:
    """Ends the demo when something that must hold does not.

    Raises:
        RuntimeError: with the words given.
    """
    if not held:
        raise RuntimeError(f"the demo failed: {otherwise}")

"""A window on a small project of drawn images, and a backend that knows the answer."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import delete, isValid

from segstudio import images, paths
from segstudio.annotation.palette import load_palette
from segstudio.gui.canvas.modes import Layer, ToolName
from segstudio.gui.main_window import MainWindow
from segstudio.gui.memory import Memory
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.settings import Settings
from tests.no_torch import refuse_torch, torch_is_not_asked_for

__all__ = ["torch_is_not_asked_for"]
refuse_torch()

PALETTE = load_palette("cityscapes")
ROAD, SKY, CAR = PALETTE.index("road"), PALETTE.index("sky"), PALETTE.index("car")
WIDTH, HEIGHT = 96, 64
# An upper bound alone: machines that test this are slow and shared.
WAIT_MS = 60_000


def make_image(seed: int) -> NDArray[np.uint8]:
    """A picture uint8 [64,96,3] whose red channel names its seed."""
    rgb = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    rgb[..., 0] = seed
    return rgb


def true_mask() -> NDArray[np.uint8]:
    """Sky above road."""
    mask = np.full((HEIGHT, WIDTH), ROAD, np.uint8)
    mask[: HEIGHT // 2] = SKY
    return mask


def fill_folder(root: Path, count: int = 4, masks: int = 2) -> Path:
    """A folder of images; the first ones have masks."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        images.write_image(root / f"frame_{number}.png", make_image(number))
        if number < masks:
            images.write_mask(root / "masks" / f"frame_{number}.png", true_mask(), PALETTE.colours())
    return root


@dataclass
class FakeBackend:
    """Predicts sky above, a car in the middle of the road below; can be made to wait."""

    name: str = "fake"
    device: str = "none"
    lanes: int = 1
    runs: int = 0
    before_run: Callable[[], object] | None = None

    def run(self, batch: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One answer for every image of the test's size."""
        if self.before_run is not None:
            self.before_run()
        self.runs += 1
        ids = np.repeat(predicted_mask()[None], len(batch), axis=0)
        return ids, np.full(ids.shape, 204, np.uint8)

    def core_kind(self) -> None:
        """It gives ids alone."""

    def scores(self, pixels: object) -> NDArray[np.float32]:
        raise AssertionError("there are none")

    def close(self) -> None:
        """Nothing to free."""


def predicted_mask() -> NDArray[np.uint8]:
    """What the fake backend says."""
    ids = true_mask()
    ids[40:56, 30:60] = CAR
    return ids


def delete_what_waits_for_it() -> None:
    """Deletes what was told to `deleteLater`."""
    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def delete_orphans() -> None:
    """Deletes the window's objects that have no parent, after the window.

    Signals hold the functions that are connected to them, and these hold the objects: the collector, which
    does not see into Qt, would keep every window of every test for ever.
    """
    for one in gc.get_objects():
        if (
            isinstance(one, QObject)
            and type(one).__module__.startswith("segstudio.")
            and isValid(one)
            and one.parent() is None
            and not one.isWidgetType()
        ):
            delete(one)


@pytest.fixture(scope="session")
def frozen_imports() -> None:
    """What is imported by now is no garbage and need not be looked through after every test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def garbage_is_collected_here(frozen_imports: None) -> Iterator[None]:
    """Widgets in cycles are freed by this thread, never by a worker that happens to allocate later.

    What was deleted for later goes as well: no loop of events runs between tests that would do it.
    """
    gc.disable()
    yield
    delete_what_waits_for_it()
    gc.collect()
    gc.enable()


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """A model named "fake" in the user's models, run by a FakeBackend; no bundled model is seen."""
    fake = FakeBackend()
    monkeypatch.setattr("segstudio.gui.models.predictions.open_backend", lambda *_: fake)
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    folder = paths.user_models_dir() / "fake"
    folder.mkdir()
    save_spec(ModelSpec("fake", "mit_b0", PALETTE.names, "cityscapes", {"onnx": "none.onnx"}), folder)
    return fake


class Studio:
    """A window with the words of a user."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window = window
        self.session = window.session
        self.canvas = window.link.canvas
        self.qtbot = qtbot

    def wait(self, condition: Callable[[], object]) -> None:
        """Until the condition holds."""
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)

    def open(self, root: Path, palette: str = "cityscapes") -> None:
        """Opens a project and waits for its first sample and for the list of models."""
        self.session.open_project(root, palette)
        self.wait(lambda: self.session.project is not None and self.session.current is not None)
        self.settle()

    def settle(self) -> None:
        """Until no Job runs and the actions follow."""
        self.wait(lambda: self.session.bridge.is_idle() and not self.session.opening)
        self.qtbot.wait(1)
        QApplication.processEvents()

    def open_sample(self, key: str) -> None:
        """Opens a sample and waits for it."""
        self.session.open_sample(key)
        self.wait(lambda: self.session.current == key and self.session.opening is None)
        QApplication.processEvents()

    def tool(self) -> ToolName:
        """The canvas's tool."""
        return self.canvas.tool

    def layer(self) -> Layer:
        """The layer that the canvas shows."""
        return self.canvas.overlay.layer

    def can_edit(self) -> bool:
        """Whether a sample is open with its mask."""
        return self.session.entry is not None

    def mask(self) -> NDArray[np.uint8]:
        """The open document's pixels."""
        entry = self.session.entry
        assert entry is not None
        return entry.document.array

    def point(self, x: float, y: float) -> QPoint:
        """Where an image point is on the canvas."""
        ratio = self.canvas.devicePixelRatioF()
        left, top = self.canvas.view.to_screen(x, y)
        return QPointF(left / ratio, top / ratio).toPoint()

    def click(
        self, x: float, y: float, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> None:
        """A left click on an image point."""
        QTest.mouseClick(self.canvas, Qt.MouseButton.LeftButton, modifier, self.point(x, y))

    def drag(self, *points: tuple[float, float]) -> None:
        """A stroke with the left button through image points."""
        first, *rest = (self.point(*point) for point in points)
        QTest.mousePress(self.canvas, Qt.MouseButton.LeftButton, pos=first)
        for point in rest:
            QTest.mouseMove(self.canvas, point)
        QTest.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, pos=rest[-1] if rest else first)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """A key while the canvas has the keyboard."""
        QTest.keyClick(self.canvas, key, modifier)
        QApplication.processEvents()

    def file_mask(self, key: str) -> NDArray[np.uint8] | None:
        """The mask on disk."""
        assert self.session.project is not None
        path = self.session.project.mask_path(key)
        return images.read_mask(path) if path.exists() else None

    def messages(self) -> list[str]:
        """Texts in the message bar."""
        return [message.text for message in self.window.messages.messages]


@pytest.fixture
def themes(qapp: QApplication) -> ThemeSwitch:
    """The light theme."""
    return ThemeSwitch(qapp, "light")


@pytest.fixture
def studio(qtbot: QtBot, themes: ThemeSwitch) -> Iterator[Studio]:
    """A shown window without a project."""
    window = MainWindow(Session(Settings.load(), Memory()), themes)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    studio = Studio(window, qtbot)
    yield studio
    window.close()
    assert not window.session.jobs.active()
    window.deleteLater()
    delete_what_waits_for_it()
    delete_orphans()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images, two of them with masks."""
    return fill_folder(tmp_path / "street")

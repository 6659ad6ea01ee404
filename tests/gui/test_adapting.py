"""Adapting in the window: offered, fitted, looked at on the image, kept or dropped; regions confirmed."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from segstudio import images, paths
from segstudio.gui.canvas.modes import Layer
from segstudio.inference.catalog import find_model
from segstudio.project.confirmations import Confirmations
from segstudio.project.sample import SampleStatus
from tests.colour_model import PALETTE, ROAD, TREE, drawn_frame, make_wrong_model
from tests.gui.conftest import Studio

COUNT = 5
CTRL_ALT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Drawn frames, the first four of them accepted, and one model that calls most trees sky."""
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    make_wrong_model(paths.user_models_dir() / "wrong")
    root = tmp_path / "street"
    for number in range(COUNT):
        image, mask = drawn_frame(number)
        images.write_image(root / f"frame_{number}.png", image)
        if number < COUNT - 1:
            images.write_mask(root / "masks" / f"frame_{number}.png", mask, PALETTE.colours())
    return root


def press(button: QAbstractButton) -> None:
    """A click with the mouse on what the user sees."""
    assert button.isVisible()
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def fit(studio: Studio) -> None:
    """Asks for an adaptation by its key, begins it, and waits for the preview."""
    studio.key(Qt.Key.Key_D, CTRL_ALT)
    strip = studio.window.adapting.strip
    studio.wait(strip.isVisible)
    press(strip.begin_button)
    studio.wait(lambda: studio.window.adapting.preview is not None)
    studio.settle()


def test_a_fit_is_looked_at_and_kept_as_a_new_model(studio: Studio, street: Path) -> None:
    studio.open(street)
    studio.open_sample("frame_4")
    fit(studio)
    strip = studio.window.adapting.strip
    assert "wrong adapted in" in strip.text.text()
    assert "sky → vegetation" in strip.detail.text()
    assert studio.layer() is Layer.VERSION
    truth = drawn_frame(4)[1]
    after = studio.canvas.overlay.version
    assert after is not None
    assert np.mean(after == truth) > 0.97
    press(strip.choice.buttons["before"])
    before = studio.canvas.overlay.version
    assert before is not None
    assert np.mean(before == truth) < 0.9
    press(strip.choice.buttons["mask"])
    assert studio.layer() is Layer.MASK
    press(strip.keep_button)
    studio.wait(lambda: "wrong-a1 is a new model, made of wrong" in studio.messages())
    studio.settle()
    assert find_model("wrong-a1")[1].parent == "wrong"
    assert [entry.name for entry in studio.session.predictions.models] == ["wrong", "wrong-a1"]
    assert studio.session.predictions.current == "wrong"
    assert not strip.isVisible()
    asked: list[str] = []
    studio.session.comparison_asked.connect(asked.append)
    message = next(one for one in studio.window.messages.messages if one.action == "Compare…")
    assert message.act is not None
    message.act()
    assert asked == ["wrong-a1"]
    studio.settle()


def test_what_is_dropped_leaves_nothing(studio: Studio, street: Path) -> None:
    studio.open(street)
    fit(studio)
    press(studio.window.adapting.strip.drop_button)
    assert not studio.window.adapting.strip.isVisible()
    assert studio.layer() is Layer.MASK
    assert [path.name for path in paths.user_models_dir().iterdir()] == ["wrong"]


def test_another_sample_is_previewed_when_it_is_opened(studio: Studio, street: Path) -> None:
    studio.open(street)
    fit(studio)
    studio.open_sample("frame_4")
    studio.wait(lambda: studio.window.adapting.preview and studio.window.adapting.preview.key == "frame_4")
    studio.settle()
    assert studio.layer() is Layer.VERSION


def test_a_part_that_is_shown_is_confirmed_and_learnt_from(studio: Studio, street: Path) -> None:
    studio.open(street)
    project = studio.session.project
    assert project is not None
    keys = [sample.key for sample in project.samples()]
    studio.session.note(project.set_status(keys[:-1], SampleStatus.IN_PROGRESS))
    studio.settle()
    studio.key(Qt.Key.Key_D, CTRL_ALT)
    strip = studio.window.adapting.strip
    studio.wait(strip.isVisible)
    assert "Nothing is confirmed yet" in strip.detail.text()
    assert not strip.begin_button.isEnabled()
    studio.key(Qt.Key.Key_C, CTRL_ALT)
    studio.wait(lambda: "confirmed regions of 1 more sample" in strip.detail.text())
    studio.settle()
    mask = project.load_mask("frame_0")
    assert mask is not None
    confirmed = Confirmations.of(project).confirmed("frame_0", mask)
    assert np.array_equal(confirmed, mask)
    press(strip.begin_button)
    studio.wait(lambda: studio.window.adapting.fitted is not None)
    studio.settle()
    assert "one image alone" in strip.warning.text()
    assert strip.warning.isVisible()
    assert {ROAD, TREE} <= set(np.unique(confirmed))


def test_a_model_that_cannot_be_adapted_says_why(studio: Studio, street: Path) -> None:
    (paths.user_models_dir() / "wrong" / "model.onnx").unlink()
    studio.open(street)
    studio.key(Qt.Key.Key_D, CTRL_ALT)
    strip = studio.window.adapting.strip
    studio.wait(strip.isVisible)
    press(strip.begin_button)
    studio.wait(lambda: any("model.onnx is missing" in text for text in studio.messages()))
    assert not strip.isVisible()

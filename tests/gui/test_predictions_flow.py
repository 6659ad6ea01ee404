"""Predict this, predict all, cancel, and take over what the model said."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio import images, paths
from segstudio.gui.canvas.modes import Layer, ToolName
from segstudio.gui.dashboards.speed_view import SpeedView
from segstudio.gui.message import ERROR
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.project.sample import SampleStatus
from tests.gui.conftest import (
    CAR,
    PALETTE,
    ROAD,
    SKY,
    FakeBackend,
    Studio,
    fill_folder,
    predicted_mask,
    true_mask,
)

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def predict(studio: Studio, key: str = "frame_0") -> None:
    """Opens a sample and predicts it with the key."""
    studio.open_sample(key)
    studio.key(Qt.Key.Key_P, CONTROL)
    studio.wait(lambda: studio.session.prediction is not None and studio.session.current == key)
    studio.settle()


def test_predict_this_is_shown_apart(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio)
    assert backend.runs == 1
    np.testing.assert_array_equal(studio.mask(), true_mask())
    prediction = studio.session.prediction
    assert prediction is not None
    np.testing.assert_array_equal(prediction.ids, predicted_mask())
    studio.window.view.set_layer("prediction")
    assert studio.canvas.overlay.layer is Layer.PREDICTION
    studio.wait(lambda: "80 % sure" in studio.window.editor.prediction.facts.text())
    assert "fake" in studio.window.editor.prediction.facts.text()
    assert studio.file_mask("frame_0") is not None
    np.testing.assert_array_equal(studio.file_mask("frame_0"), true_mask())


def test_an_unlabelled_sample_becomes_predicted(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio, "frame_3")
    sample = studio.session.book.get("frame_3")
    assert sample is not None
    assert sample.status is SampleStatus.PREDICTED


def test_accept_all_by_button_is_one_undoable_edit(
    studio: Studio, folder: Path, backend: FakeBackend
) -> None:
    studio.open(folder)
    predict(studio)
    button = studio.window.editor.prediction.buttons["model.accept"]
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    np.testing.assert_array_equal(studio.mask(), predicted_mask())
    studio.wait(lambda: np.array_equal(studio.file_mask("frame_0"), predicted_mask()))  # type: ignore[arg-type]  # numpy takes None
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), true_mask())


def test_accept_class(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio, "frame_2")
    studio.session.classes.set_active(CAR)
    studio.key(Qt.Key.Key_C, CONTROL | SHIFT)
    expected = np.where(predicted_mask() == CAR, CAR, 255)
    np.testing.assert_array_equal(studio.mask(), expected)


def test_fill_unlabelled_keeps_what_was_painted(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio, "frame_2")
    studio.session.classes.set_active(ROAD)
    studio.drag((10, 5), (80, 5))
    painted = studio.mask() == ROAD
    assert painted.any()
    studio.key(Qt.Key.Key_U, CONTROL | SHIFT)
    np.testing.assert_array_equal(studio.mask(), np.where(painted, ROAD, predicted_mask()))


def test_accept_region_by_click(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio)
    studio.key(Qt.Key.Key_U)
    assert studio.canvas.tool is ToolName.ACCEPT_REGION
    studio.click(40, 48)
    np.testing.assert_array_equal(studio.mask(), predicted_mask())
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), true_mask())


def test_locked_classes_are_not_taken_over(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio)
    studio.session.classes.toggle_locked(ROAD)
    studio.key(Qt.Key.Key_A, CONTROL | SHIFT)
    np.testing.assert_array_equal(studio.mask(), true_mask())
    assert any("Nothing to take over" in text for text in studio.messages())


def test_what_the_model_does_not_know_erases_nothing(
    studio: Studio, folder: Path, backend: FakeBackend
) -> None:
    studio.open(folder)
    assert studio.session.project is not None
    ids = predicted_mask()
    ids[:32] = 255
    changes = studio.session.project.save_prediction("frame_0", ids, np.zeros_like(ids), "fake")
    studio.session.note(changes)
    studio.wait(lambda: studio.session.prediction is not None)
    studio.key(Qt.Key.Key_A, CONTROL | SHIFT)
    assert (studio.mask()[:32] == SKY).all()
    assert (studio.mask()[40:56, 30:60] == CAR).all()


def test_predict_all_reports_and_spares_masks(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    (folder / "frame_1.png").write_bytes(b"no image")
    studio.open(folder)
    progress: list[tuple[float, float]] = []
    studio.session.bridge.progressed.connect(lambda job: progress.append((job.done, job.total)))
    studio.key(Qt.Key.Key_P, CONTROL | SHIFT)
    studio.wait(lambda: any("Predicted 3 samples" in text for text in studio.messages()))
    studio.settle()
    assert studio.session.project is not None
    assert studio.session.project.predicted_keys() == {"frame_0", "frame_2", "frame_3"}
    message = next(m for m in studio.window.messages.messages if "Predicted 3" in m.text)
    assert "images/s" in message.text
    assert "frame_1" in message.hint
    assert progress[-1][1] == 4
    np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), true_mask())
    assert studio.file_mask("frame_2") is None


def test_predict_all_can_be_cancelled(studio: Studio, tmp_path: Path, backend: FakeBackend) -> None:
    go_on, began = threading.Event(), threading.Event()

    def wait_for_the_test() -> None:
        began.set()
        assert go_on.wait(60)

    backend.before_run = wait_for_the_test
    studio.open(fill_folder(tmp_path / "many", 12, 0))
    studio.key(Qt.Key.Key_P, CONTROL | SHIFT)
    studio.wait(lambda: studio.window.job_strip.isVisible() and began.is_set())
    QTest.mouseClick(studio.window.job_strip.cancel_button, Qt.MouseButton.LeftButton)
    go_on.set()
    studio.settle()
    assert backend.runs == 1
    assert studio.session.project is not None
    assert len(studio.session.project.predicted_keys()) == 1
    assert not studio.window.job_strip.isVisible()
    assert studio.window.messages.messages == ()


def test_painting_goes_on_while_predictions_come(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    go_on = threading.Event()
    backend.before_run = lambda: go_on.wait(60)
    studio.open(folder)
    studio.key(Qt.Key.Key_P, CONTROL | SHIFT)
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    assert studio.mask()[10, 40] == CAR
    studio.wait(lambda: (saved := studio.file_mask("frame_0")) is not None and saved[10, 40] == CAR)
    go_on.set()
    studio.settle()
    assert studio.mask()[10, 40] == CAR


def test_discard_prediction(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio)
    studio.window.actions_by_id["model.drop"].trigger()
    studio.wait(lambda: studio.session.prediction is None)
    studio.settle()
    assert not studio.window.actions_by_id["model.accept"].isEnabled()
    assert studio.canvas.overlay.prediction is None


def test_without_a_model_the_panel_says_what_to_do(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    studio.open(folder)
    assert studio.session.predictions.entry is None
    assert not studio.window.actions_by_id["model.predict"].isEnabled()
    assert studio.window.editor.prediction.buttons["model.import_model"].isVisible()
    assert not studio.window.editor.prediction.buttons["model.predict"].isVisible()
    studio.key(Qt.Key.Key_P, CONTROL)
    studio.settle()
    assert studio.session.prediction is None


def test_a_model_that_cannot_be_opened_is_explained(studio: Studio, folder: Path) -> None:
    model = paths.user_models_dir() / "empty"
    model.mkdir()
    save_spec(ModelSpec("empty", "mit_b0", PALETTE.names, "cityscapes", {"onnx": "none.onnx"}), model)
    studio.open(folder)
    studio.session.predictions.choose("empty")
    studio.settle()
    studio.key(Qt.Key.Key_P, CONTROL)
    studio.wait(lambda: any(m.level == ERROR for m in studio.window.messages.messages))
    message = next(m for m in studio.window.messages.messages if m.level == ERROR)
    assert "none.onnx" in message.text
    assert message.hint


def test_evaluation_counts_predictions_against_masks(
    studio: Studio, folder: Path, backend: FakeBackend
) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_P, CONTROL | SHIFT)
    studio.settle()
    moved: list[frozenset[str]] = []
    studio.session.changed.connect(lambda changes: moved.append(changes.scores))
    studio.window.editing.evaluate()
    studio.settle()
    assert studio.session.project is not None
    counts = studio.session.project.evaluation.counts("fake")
    assert counts.keys() == {"frame_0", "frame_1"}
    assert moved[-1] == {"frame_0", "frame_1"}
    assert int(counts["frame_0"][ROAD, CAR]) == 16 * 30


def test_an_empty_mask_shows_the_proposal_until_it_is_edited(
    studio: Studio, folder: Path, backend: FakeBackend
) -> None:
    studio.open(folder)
    predict(studio, "frame_2")
    assert studio.layer() is Layer.PREDICTION
    QTest.mousePress(studio.canvas, Qt.MouseButton.LeftButton, pos=studio.point(20, 10))
    assert studio.layer() is Layer.MASK
    QTest.mouseRelease(studio.canvas, Qt.MouseButton.LeftButton, pos=studio.point(20, 10))
    assert studio.layer() is Layer.MASK


def test_accepting_leaves_the_proposal(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio, "frame_2")
    assert studio.layer() is Layer.PREDICTION
    studio.key(Qt.Key.Key_A, CONTROL | SHIFT)
    assert studio.layer() is Layer.MASK


def test_a_sample_with_a_mask_ends_the_proposal(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio, "frame_2")
    studio.open_sample("frame_0")
    assert studio.layer() is Layer.MASK
    studio.open_sample("frame_2")
    studio.wait(lambda: studio.layer() is Layer.PREDICTION)


def test_a_chosen_layer_stays_through_samples(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    predict(studio, "frame_2")
    predict(studio, "frame_0")
    studio.window.view.set_layer("difference")
    for key in ("frame_2", "frame_0"):
        studio.open_sample(key)
        studio.wait(lambda: studio.session.prediction is not None)
        assert studio.layer() is Layer.DIFFERENCE


def test_the_speed_page_says_how_fast_it_goes_now(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    studio.window.show_page("speed")
    studio.settle()
    view = studio.window.pages.currentWidget()
    assert isinstance(view, SpeedView)
    shown: list[str] = []
    studio.session.predictions.paced.connect(lambda _: shown.append(view.tiles.tiles["now"].figure))
    studio.window.actions_by_id["model.predict_all"].trigger()
    studio.settle()
    assert len(shown) == len(studio.session.book.samples)
    assert all(text.endswith(" FPS") and float(text.removesuffix(" FPS")) > 0 for text in shown)
    assert view.tiles.tiles["now"].figure == "–"

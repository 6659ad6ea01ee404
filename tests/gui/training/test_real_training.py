"""One real training of seconds, from the dialog's click to the model in the catalog."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.gui.training.retrain_dialog import RetrainDialog
from segstudio.gui.training.runs_page import RunsPage
from segstudio.scenes.street import draw_scene
from segstudio.workflows.retrain.runs import RunState
from tests.gui.conftest import Studio

COUNT = 8
# Importing torch and exporting take most of it, and CI is slow.
TRAINING_MS = 300_000
PALETTE = load_palette("cityscapes")
# A training of seconds: tiny crops, few steps, scored twice.
QUICK = {
    "crops:": "crops: [{start: 0.0, height: 32, width: 32, batch: 2}]",
    "max_steps:": "max_steps: 4",
    "log_every:": "log_every: 1",
    "validation_interval:": "validation_interval: 2",
    "evaluation:": "evaluation: {short_side: 32, bootstrap: 0}",
}


def quick(text: str) -> str:
    """The spec with other values; lists that belong to a replaced key go."""
    lines, skipping = [], False
    for line in text.splitlines():
        if skipping and line.strip().startswith("-"):
            continue
        key = next((key for key in QUICK if line.strip().startswith(key)), None)
        skipping = key == "crops:"
        indent = line[: len(line) - len(line.lstrip())]
        lines.append(indent + QUICK[key] if key else line)
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_a_training_from_the_dialog_to_the_catalog(studio: Studio, tmp_path: Path) -> None:
    root = tmp_path / "street"
    for seed in range(COUNT):
        scene = draw_scene(seed, 48, 64)
        images.write_image(root / f"frame_{seed}.png", scene.image)
        images.write_mask(root / "masks" / f"frame_{seed}.png", scene.mask, PALETTE.colours())
    studio.open(root)
    studio.window.actions_by_id["train.retrain"].trigger()
    studio.wait(lambda: studio.window.findChild(RetrainDialog) is not None)
    dialog = studio.window.findChild(RetrainDialog)
    assert dialog is not None
    box = dialog.form.start
    box.setCurrentIndex(box.count() - 1)
    box.activated.emit(box.currentIndex())
    dialog.form.name.setText("seconds")
    studio.wait(dialog.go_button.isEnabled)
    dialog.toggle_advanced(on=True)
    dialog.editor.text.setPlainText(quick(dialog.editor.text.toPlainText()))
    studio.wait(dialog.go_button.isEnabled)
    QTest.mouseClick(dialog.go_button, Qt.MouseButton.LeftButton)
    studio.wait(lambda: studio.window.page == "runs")
    page = studio.window.pages.currentWidget()
    assert isinstance(page, RunsPage)
    runs = studio.session.runs

    def ended() -> bool:
        return bool(runs.now.statuses) and not runs.now.living and not runs.now.waiting

    studio.qtbot.waitUntil(ended, timeout=TRAINING_MS)
    status = runs.now.statuses[0]
    assert status.state is RunState.FINISHED, status.reason
    studio.settle()
    studio.wait(lambda: len(page.plots.loss.drawn().get("loss", [])) == 4)
    assert [step for step, _ in page.plots.miou.drawn()["mIoU"]] == [2, 4]
    studio.wait(lambda: page.head.buttons["compare"].isVisible())
    studio.wait(lambda: "seconds" in {entry.name for entry in studio.session.predictions.models})
    QTest.mouseClick(page.parts.buttons["predictions"], Qt.MouseButton.LeftButton)
    studio.wait(lambda: not page.watch.panes.panes["Prediction"].pixmap.isNull())

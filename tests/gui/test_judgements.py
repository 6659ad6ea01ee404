"""Judging predictions and looking for errors in masks from the menu: the queue is ordered, the page shows."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.gui.failures.view import FailuresView
from segstudio.gui.message import Message
from segstudio.gui.pages import FAILURES
from segstudio.project.sample import SampleStatus
from tests.gui.conftest import PALETTE, FakeBackend, Studio
from tests.workflows.test_project_quality import REVIEWED, SHAPE, scene


@pytest.fixture
def street(studio: Studio, tmp_path: Path, backend: FakeBackend) -> Studio:
    """Reviewed samples with predictions of the model in use, the third mask with a planted error."""
    root = tmp_path / "street"
    for number in range(REVIEWED + 2):
        images.write_image(root / f"{number:02}.png", np.zeros((*SHAPE, 3), np.uint8))
        if number < REVIEWED:
            mask = scene(number)[0]
            if number == 2:
                mask[88:96, 60:90] = 9
            images.write_mask(root / "masks" / f"{number:02}.png", mask, PALETTE.colours())
    studio.open(root)
    project, entry = studio.session.project, studio.session.predictions.entry
    assert project is not None
    assert entry is not None
    keys = [f"{number:02}" for number in range(REVIEWED + 2)]
    for number, key in enumerate(keys):
        _, said, sure = scene(number)
        studio.session.note(project.save_prediction(key, said, sure, entry.name))
    studio.session.note(project.set_status(keys[:REVIEWED], SampleStatus.ACCEPTED))
    studio.settle()
    return studio


def told(studio: Studio, action: str) -> list[Message]:
    """What is said after an action of the menu."""
    messages: list[Message] = []
    studio.session.message.connect(messages.append)
    studio.window.actions_by_id[action].trigger()
    studio.settle()
    return messages


def test_predictions_are_judged_for_the_queue(street: Studio) -> None:
    said = told(street, "model.judge")
    assert said[-1].text == f"Judged {REVIEWED + 2} predictions by {REVIEWED} reviewed samples"
    project = street.session.project
    assert project is not None
    table = project.queue.table()
    quality = dict(zip(table.keys, table.quality, strict=True))
    assert quality[f"{REVIEWED:02}"] < quality[f"{REVIEWED + 1:02}"]


def test_suspect_masks_are_shown_as_failures_the_most_suspect_first(street: Studio) -> None:
    said = told(street, "model.suspects")
    assert "may be wrong" in said[-1].text
    assert street.window.page == FAILURES
    page = street.window.pages.currentWidget()
    assert isinstance(page, FailuresView)
    assert page.query.line.text() == "suspect>0"
    failures, first = page.book.failures, int(page.book.chosen.rows[0])
    assert failures is not None
    assert failures.table.row(first)["box"] == [60, 88, 30, 8]
    assert failures.table.row(first)["sample"] == "02"


def test_without_reviewed_masks_it_says_what_to_do(street: Studio) -> None:
    project = street.session.project
    assert project is not None
    keys = [sample.key for sample in project.samples()]
    street.session.note(project.set_status(keys, SampleStatus.IN_PROGRESS))
    said = told(street, "model.judge")
    assert "too few" in said[-1].text

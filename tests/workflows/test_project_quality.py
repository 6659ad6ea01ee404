"""A project judged without a truth: bad predictions are told from good ones, planted errors from masks."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.errors import InputError
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.metrics.segment_table import SegmentTable
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.project_quality import judge_project, project_suspects, suspicion

SHAPE = (96, 128)
REVIEWED = 12


def scene(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, prediction and confidence: regions that are wrong are the unsure ones."""
    random = np.random.default_rng(number)
    truth = np.zeros(SHAPE, np.uint8)
    said, sure = truth.copy(), np.full(SHAPE, 240, np.uint8)
    for place in range(20):
        x, y = 6 * (place % 20), 8 * int(random.integers(0, 11))
        value = int(random.integers(1, 4))
        box = (slice(y, y + 6), slice(x, x + 4))
        truth[box] = value
        wrong = random.random() < (0.9 if number in (REVIEWED, REVIEWED + 2) else 0.3)
        said[box] = value + 3 if wrong else value
        sure[box] = random.integers(60, 120) if wrong else random.integers(200, 250)
    return truth, said, sure


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Reviewed samples, and four that are only predicted: the first and third of them are bad."""
    for number in range(REVIEWED + 4):
        images.write_image(tmp_path / f"{number:02}.png", np.zeros((*SHAPE, 3), np.uint8))
    opened = Project.open(tmp_path)
    for number in range(REVIEWED + 4):
        truth, said, sure = scene(number)
        if number < REVIEWED:
            opened.save_mask(f"{number:02}", truth)
        opened.save_prediction(f"{number:02}", said, sure, "m")
    opened.set_status([f"{number:02}" for number in range(REVIEWED)], SampleStatus.ACCEPTED)
    return opened


def test_predictions_are_ranked_by_how_good_they_are(project: Project) -> None:
    found = judge_project(project, "m")
    assert (found.learnt, found.judged, found.skipped) == (REVIEWED, REVIEWED + 4, ())
    assert found.changes.scores == {f"{number:02}" for number in range(REVIEWED + 4)}
    table = project.queue.table()
    quality = dict(zip(table.keys, table.quality, strict=True))
    bad, good = {"12", "14"}, {"13", "15"}
    assert max(quality[key] for key in bad) < min(quality[key] for key in good)
    assert found.trust is not None
    assert found.trust.auroc is not None
    assert found.trust.auroc > 0.9


def test_too_few_reviewed_samples_are_refused(project: Project) -> None:
    project.set_status([f"{number:02}" for number in range(1, REVIEWED)], SampleStatus.IN_PROGRESS)
    with pytest.raises(InputError, match="too few to learn"):
        judge_project(project, "m")
    with pytest.raises(InputError):
        judge_project(project, "other")


def test_a_planted_error_is_the_most_suspect_and_known_to_the_segments(project: Project) -> None:
    mask = scene(2)[0]
    mask[88:96, 60:90] = 9
    project.save_mask("02", mask)
    found = project_suspects(project, "m")
    assert found.samples == REVIEWED
    first = found.suspects[0]
    assert (first.sample, first.mask_class, first.box) == ("02", 9, (60, 88, 30, 8))
    queue = project.queue.table()
    suspect = dict(zip(queue.keys, queue.suspect, strict=True))
    assert max(suspect, key=lambda key: np.nan_to_num(suspect[key])) == "02"
    assert np.isnan(suspect["13"])
    said = scene(2)[1]
    segments = evaluate_sample(mask, said, 19).segments
    table = SegmentTable.of(project.palette.names, [("02", segments)])
    scores = suspicion(project, "m", table)
    assert int(scores.argmax()) == int(np.flatnonzero(table.rows.truth == 9)[0])
    assert scores.max() == pytest.approx(first.score, abs=1e-4)


def test_before_anybody_looked_nothing_is_known(project: Project) -> None:
    table = SegmentTable.of(project.palette.names, [("00", evaluate_sample(*scene(0)[:2], 19).segments)])
    assert np.isnan(suspicion(project, "m", table)).all()
    with pytest.raises(InputError, match="a mask and a prediction of other"):
        project_suspects(project, "other")

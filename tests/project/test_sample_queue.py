"""Facts of samples: measured when masks and predictions are stored, void when they change, filled in."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import delete

from segstudio.errors import Cancelled, ProjectError
from segstudio.images import write_mask
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import count_confusion, scores
from segstudio.project import store
from segstudio.project.project import Project
from segstudio.project.queue_store import QueueStore
from segstudio.project.sample import SampleStatus, StoredPrediction
from segstudio.project.sample_facts import facts_of_mask, facts_of_prediction, histogram
from segstudio.project.sample_queue import mean_iou
from segstudio.project.schema import mask_facts, metadata, prediction_facts
from tests.project.conftest import HEIGHT, WIDTH, MakeFrames, OpenProject, some_mask

SURE = np.full((HEIGHT, WIDTH), 204, np.uint8)


def plane(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)


class TestMeasuring:
    """Numbers of planes, against plain numpy."""

    def test_a_histogram_counts_every_value_also_of_wide_planes(self) -> None:
        for shape in ((3, 5), (1, 300_000), (700, 1000), (0, 4)):
            values = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
            assert histogram(values).tolist() == np.bincount(values.ravel(), minlength=256).tolist()

    def test_a_prediction(self) -> None:
        ids, sure, margin = some_mask(1), plane(2), plane(3)
        facts = facts_of_prediction(StoredPrediction(ids, sure, "m", ids, margin), 19)
        assert facts.pixels.tolist() == [int((ids == number).sum()) for number in range(19)]
        assert facts.confidence == pytest.approx(sure.mean() / 255)
        assert facts.margin == pytest.approx(margin.mean() / 255)
        assert facts.unsure == pytest.approx((sure < 153).mean())
        assert facts_of_prediction(StoredPrediction(ids, sure, "m"), 19).margin == -1

    def test_a_mask_differs_where_it_is_labelled(self) -> None:
        mask, ids = some_mask(1), some_mask(2)
        labelled = mask != 255
        facts = facts_of_mask(mask, ids, 19)
        assert facts.differing == pytest.approx((mask != ids)[labelled].mean())
        assert facts_of_mask(mask, None, 19).differing == -1
        assert facts_of_mask(mask, ids[:-1], 19).differing == -1
        assert facts_of_mask(np.full_like(mask, 255), ids, 19).differing == -1

    def test_mean_iou_is_that_of_the_scores(self) -> None:
        counts = np.stack([count_confusion(some_mask(n), some_mask(n + 9), 19) for n in range(4)])
        counts[3] = 0
        expected = [scores(matrix).miou for matrix in counts]
        np.testing.assert_allclose(mean_iou(counts), expected)


class TestFollowing:
    """What is stored is measured, and forgotten with it."""

    def test_a_prediction_and_a_mask_are_measured_at_once(self, project: Project) -> None:
        project.save_prediction("b", some_mask(1), SURE, "m")
        project.save_mask("b", some_mask(2))
        table = project.queue.table()
        assert table.keys == ("a", "b", "c")
        assert table.has_prediction.tolist() == table.has_mask.tolist() == [False, True, False]
        assert table.predicted_pixels[1].tolist() == histogram(some_mask(1))[:19].tolist()
        assert table.mask_pixels[1].tolist() == histogram(some_mask(2))[:19].tolist()
        assert table.confidence[1] == pytest.approx(0.8)
        assert np.isnan(table.confidence[0])
        assert np.isnan(table.margin).all()
        labelled = some_mask(2) != 255
        assert table.differing[1] == pytest.approx((some_mask(1) != some_mask(2))[labelled].mean())

    def test_a_new_prediction_is_compared_with_the_mask(self, project: Project) -> None:
        project.save_mask("a", some_mask(2))
        assert np.isnan(project.queue.table().differing[0])
        project.save_prediction("a", some_mask(2), SURE, "m")
        assert project.queue.table().differing[0] == 0
        project.drop_prediction("a")
        table = project.queue.table()
        assert not table.has_prediction[0]
        assert np.isnan(table.differing[0])

    def test_a_mask_that_another_program_wrote_is_measured_again(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        write_mask(project.mask_path("a"), some_mask(5), project.palette.colours())
        project.rescan()
        assert not project.queue.table().has_mask[0]
        assert project.queue.fill(JobContext()) == {"a"}
        assert project.queue.table().mask_pixels[0].tolist() == histogram(some_mask(5))[:19].tolist()

    def test_facts_of_what_was_replaced_meanwhile_are_not_kept(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        project.queue.note_mask("a", some_mask(9), "the hash of an older file")
        assert project.queue.table().mask_pixels[0].tolist() == histogram(some_mask(1))[:19].tolist()

    def test_a_mask_is_saved_even_where_it_cannot_be_measured(
        self, project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(*_: object) -> bool:
            raise ProjectError("the disk is full")

        monkeypatch.setattr(QueueStore, "set_mask_facts", refuse)
        project.save_mask("a", some_mask(1))
        np.testing.assert_array_equal(project.load_mask("a"), some_mask(1))
        assert "a is not measured: the disk is full" in caplog.text


class TestFilling:
    """Projects from before, and what was not measured."""

    @pytest.fixture
    def older(self, make_frames: MakeFrames, open_project: OpenProject) -> Project:
        """Masks that nobody read yet in a and b, a prediction in c, no facts."""
        root = make_frames()
        for number, key in enumerate("ab"):
            write_mask(root / "masks" / f"{key}.png", some_mask(number), np.zeros((256, 3), np.uint8))
        project = open_project(root)
        project.save_prediction("c", some_mask(7), SURE, "m")
        with project._store.engine.begin() as connection:
            for table in (mask_facts, prediction_facts):
                connection.execute(delete(table))
        return project

    def test_what_is_missing_is_measured_once(self, older: Project) -> None:
        assert older.queue.fill(JobContext()) == {"a", "b", "c"}
        table = older.queue.table()
        assert table.has_mask.tolist() == [True, True, False]
        assert table.has_prediction.tolist() == [False, False, True]
        assert older.queue.fill(JobContext()) == frozenset()

    def test_it_can_be_stopped_and_goes_on_later(self, older: Project) -> None:
        class Impatient(JobContext):
            def progress(self, done: float, total: float, text: str = "") -> None:
                if done == 1:
                    raise Cancelled("enough")

        with pytest.raises(Cancelled):
            older.queue.fill(Impatient())
        assert len(older.queue.fill(JobContext())) == 2

    def test_what_cannot_be_read_is_passed_over(
        self, older: Project, caplog: pytest.LogCaptureFixture
    ) -> None:
        older.mask_path("a").write_bytes(b"no picture")
        assert older.queue.fill(JobContext()) == {"b", "c"}
        assert "a is not measured" in caplog.text


class TestTable:
    """All samples as columns."""

    def test_what_is_known_of_samples(self, project: Project) -> None:
        project.rescan()
        project.set_split(["a"], "val")
        project.set_note("b", "look")
        table = project.queue.table()
        assert table.split == ("val", "", "")
        assert table.note == ("", "look", "")
        assert table.width.tolist() == [WIDTH] * 3
        assert table.changed_at[0] > 0
        assert table.changed_at[2] == 0

    def test_iou_of_a_model(self, project: Project) -> None:
        counts = count_confusion(some_mask(1), some_mask(2), 19)
        project.record_counts("b", "m", counts)
        table = project.queue.table("m")
        assert table.iou[1] == pytest.approx(scores(counts).miou)
        assert np.isnan(table.iou[0])
        np.testing.assert_allclose(table.class_iou, scores(counts).iou)
        assert np.isnan(project.queue.table().iou).all()

    def test_quality_lasts_as_long_as_its_prediction(self, project: Project) -> None:
        project.save_prediction("a", some_mask(1), SURE, "m")
        assert project.queue.set_quality({"a": 0.25, "b": 0.5}).scores == {"a"}
        assert project.queue.table().quality[0] == 0.25
        project.save_prediction("a", some_mask(2), SURE, "m")
        assert np.isnan(project.queue.table().quality[0])

    def test_a_project_without_images_has_an_empty_one(
        self, tmp_path: Path, open_project: OpenProject
    ) -> None:
        table = open_project(tmp_path).queue.table("m")
        assert table.count == 0
        assert table.pixels.shape == (0, 19)

    def test_facts_of_other_classes_do_not_count(self, project: Project) -> None:
        project.save_prediction("a", some_mask(1), SURE, "m")
        with project._store.engine.begin() as connection:
            connection.execute(prediction_facts.update().values(pixels=b"\0" * 16))
        assert not project.queue.table().has_prediction.any()


def test_saved_filters_belong_to_what_they_are_about(project: Project) -> None:
    assert "filters" in metadata.tables
    queue = project.queue
    queue.save_filter("samples", "unsure trains", "class=train conf<0.6")
    queue.save_filter("segments", "unsure trains", "gt=train")
    queue.save_filter("samples", "a first", "status=predicted")
    queue.save_filter("samples", "unsure trains", "class=train conf<0.5")
    assert list(queue.filters("samples").items()) == [
        ("a first", "status=predicted"),
        ("unsure trains", "class=train conf<0.5"),
    ]
    assert queue.filters("segments") == {"unsure trains": "gt=train"}
    queue.delete_filter("samples", "unsure trains")
    queue.delete_filter("samples", "never there")
    assert queue.filters("samples") == {"a first": "status=predicted"}


@pytest.mark.parametrize("few", [0, 500])
def test_many_masks_that_came_at_once_begin_the_work_where_it_is_allowed(
    project: Project, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(store, "FEW", few)
    project.set_status(["b"], SampleStatus.SKIPPED)
    for key in "ab":
        write_mask(project.mask_path(key), some_mask(), project.palette.colours())
    changes = project.rescan()
    assert changes.statuses == {"a"}
    assert [sample.status for sample in project.samples()] == [
        SampleStatus.IN_PROGRESS,
        SampleStatus.SKIPPED,
        SampleStatus.UNLABELLED,
    ]

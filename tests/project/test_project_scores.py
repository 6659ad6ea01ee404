"""Predictions apart from masks, confusion counts that follow the masks, speeds, runs and splits."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.errors import ImageError, MaskError, ProjectError
from segstudio.images import write_image
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.project.project import Project
from segstudio.project.sample import Changes, SampleStatus, SpeedRecord
from segstudio.project.splits import divide
from tests.project.conftest import HEIGHT, WIDTH, MakeFrames, OpenProject, some_mask


def confidence(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)


class TestPredictions:
    """What models say, stored apart."""

    def test_they_come_back_and_leave_the_mask_alone(self, project: Project) -> None:
        changes = project.save_prediction("a", some_mask(1), confidence(), "street-b0", initiator="me")
        assert changes == Changes(predictions=frozenset("a"), statuses=frozenset("a"), initiator="me")
        stored = project.load_prediction("a")
        assert stored is not None
        np.testing.assert_array_equal(stored.ids, some_mask(1))
        np.testing.assert_array_equal(stored.confidence, confidence())
        assert stored.model == "street-b0"
        assert not project.mask_path("a").exists()
        assert project.predicting_models() == {"a": "street-b0"}
        assert project.info().predictions == 1

    def test_only_an_unlabelled_sample_becomes_predicted(self, project: Project) -> None:
        project.save_mask("a", some_mask())
        assert not project.save_prediction("a", some_mask(), confidence(), "m").statuses
        assert project.sample("a").status is SampleStatus.IN_PROGRESS
        assert not project.drop_prediction("a").statuses
        project.save_prediction("b", some_mask(), confidence(), "m")
        assert project.sample("b").status is SampleStatus.PREDICTED
        assert project.drop_prediction("b").statuses == {"b"}
        assert project.sample("b").status is SampleStatus.UNLABELLED
        assert project.load_prediction("b") is None

    @pytest.mark.parametrize("folder", ["predictions", "confidence"])
    @pytest.mark.parametrize("damage", ["truncate", "delete", "resize"])
    def test_a_damaged_one_is_dropped_with_the_reason(
        self, project: Project, folder: str, damage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        project.save_prediction("a", some_mask(), confidence(), "m")
        path = project.root / ".segstudio" / folder / "a.png"
        if damage == "truncate":
            path.write_bytes(path.read_bytes()[:60])
        elif damage == "delete":
            path.unlink()
        else:
            write_image(path, np.zeros((5, 5), np.uint8))
        with caplog.at_level(logging.WARNING):
            assert project.load_prediction("a") is None
        assert "the prediction of a is dropped" in caplog.text
        assert not project.predicted_keys()
        assert project.sample("a").status is SampleStatus.UNLABELLED

    def test_one_for_another_size_of_the_image_is_dropped(self, project: Project) -> None:
        project.save_prediction("a", some_mask(), confidence(), "m")
        write_image(project.sample("a").image, np.zeros((8, 9, 3), np.uint8))
        assert project.load_prediction("a") is None

    def test_one_in_the_classes_of_another_palette_is_dropped(
        self, project: Project, open_project: OpenProject
    ) -> None:
        project.save_prediction("a", some_mask(), confidence(), "m")
        project.close()
        other = open_project(project.root, palette="camvid-11")
        assert not other.predicted_keys()
        assert other.load_prediction("a") is None

    def test_sizes_that_differ_are_refused(self, project: Project) -> None:
        with pytest.raises(MaskError, match="confidence is"):
            project.save_prediction("a", some_mask(), confidence()[1:], "m")
        with pytest.raises(ProjectError, match="no sample"):
            project.save_prediction("x", some_mask(), confidence(), "m")

    def test_a_crash_between_its_files_never_mixes_models(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.save_prediction("a", some_mask(1), confidence(1), "old")
        real, calls = os.replace, []

        def second_fails(source: str, target: str) -> None:
            calls.append(target)
            if len(calls) == 2:
                raise OSError(5, "I/O error")
            real(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", second_fails)
            with pytest.raises(ImageError):
                project.save_prediction("a", some_mask(2), confidence(2), "new")
        assert project.load_prediction("a") is None

    def test_the_runner_up_comes_back_its_margin_in_steps(self, project: Project) -> None:
        project.save_prediction(
            "a", some_mask(1), confidence(), "m", second=some_mask(2), margin=confidence(3)
        )
        stored = project.load_prediction("a")
        assert stored is not None
        assert stored.second is not None
        assert stored.margin is not None
        np.testing.assert_array_equal(stored.second, some_mask(2))
        assert np.abs(stored.margin.astype(int) - confidence(3)).max() <= 8
        assert len(np.unique(stored.margin)) <= 16
        assert len(stored.planes) == 4

    def test_one_without_runner_up_takes_the_old_ones_away(self, project: Project) -> None:
        project.save_prediction(
            "a", some_mask(1), confidence(), "m", second=some_mask(2), margin=confidence(3)
        )
        project.save_prediction("a", some_mask(1), confidence(), "other")
        stored = project.load_prediction("a")
        assert stored is not None
        assert (stored.second, stored.margin) == (None, None)
        project.save_prediction(
            "a", some_mask(1), confidence(), "m", second=some_mask(2), margin=confidence(3)
        )
        project.drop_prediction("a")
        facts = project.root / ".segstudio"
        assert not [path for name in ("second", "margin") for path in (facts / name).rglob("*.png")]

    @pytest.mark.parametrize("folder", ["second", "margin"])
    @pytest.mark.parametrize("damage", ["truncate", "delete"])
    def test_a_damaged_runner_up_costs_nothing_else(
        self, project: Project, folder: str, damage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        project.save_prediction(
            "a", some_mask(1), confidence(), "m", second=some_mask(2), margin=confidence(3)
        )
        path = project.root / ".segstudio" / folder / "a.png"
        if damage == "truncate":
            path.write_bytes(path.read_bytes()[:60])
        else:
            path.unlink()
        stored = project.load_prediction("a")
        assert stored is not None
        np.testing.assert_array_equal(stored.ids, some_mask(1))
        assert (stored.second, stored.margin) == (None, None)

    def test_keys_that_look_like_suffixes_do_not_meet(
        self, make_frames: MakeFrames, open_project: OpenProject
    ) -> None:
        project = open_project(make_frames("a.png", "a.confidence.png"))
        project.save_prediction("a", some_mask(1), confidence(1), "m")
        project.save_prediction("a.confidence", some_mask(2), confidence(2), "m")
        stored = project.load_prediction("a")
        assert stored is not None
        np.testing.assert_array_equal(stored.confidence, confidence(1))


class TestCounts:
    """Confusion counts by sample and model."""

    COUNTS = np.arange(19 * 20, dtype=np.int64).reshape(19, 20) * 10**9

    def test_they_come_back_by_model_and_survive_a_restart(
        self, project: Project, open_project: OpenProject
    ) -> None:
        assert project.record_counts("a", "m", self.COUNTS).scores == {"a"}
        project.record_counts("b", "m", self.COUNTS + 1)
        project.record_counts("a", "n", self.COUNTS)
        project.record_counts("a", "n", self.COUNTS + 2)
        project.close()
        again = open_project(project.root)
        assert again.evaluation.names() == ["m", "n"]
        np.testing.assert_array_equal(again.evaluation.counts("m")["b"], self.COUNTS + 1)
        np.testing.assert_array_equal(again.evaluation.counts("n")["a"], self.COUNTS + 2)
        assert again.evaluation.counts("n").keys() == {"a"}
        assert again.evaluation.counts("other") == {}
        (first, _) = again.evaluation.models()
        assert (first.model, first.samples) == ("m", 2)
        assert first.when.startswith("20")

    def test_a_new_mask_makes_them_void(self, project: Project) -> None:
        for key in ("a", "b"):
            project.record_counts(key, "m", self.COUNTS)
        project.save_mask("a", some_mask())
        assert project.evaluation.counts("m").keys() == {"b"}

    def test_counts_of_a_mask_that_changed_meanwhile_are_left_out(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        project.load_mask("a")
        measured = project.mask_hash("a")
        assert project.record_counts("a", "m", self.COUNTS, mask_hash=measured).scores == {"a"}
        project.save_mask("a", some_mask(2))
        assert project.record_counts("a", "m", self.COUNTS, mask_hash=measured).is_empty
        assert not project.evaluation.counts("m")

    def test_they_belong_to_a_palette(self, project: Project, open_project: OpenProject) -> None:
        project.record_counts("a", "m", self.COUNTS)
        with pytest.raises(ValueError, match="19 classes"):
            project.record_counts("a", "m", self.COUNTS[:11, :12])
        other = open_project(project.root, palette="camvid-11")
        assert other.evaluation.counts("m") == {}
        assert other.evaluation.names() == []

    def test_samples_whose_images_are_gone_do_not_count(self, project: Project) -> None:
        for key in ("a", "b"):
            project.record_counts(key, "m", self.COUNTS)
        project.sample("b").image.unlink()
        project.rescan()
        assert project.evaluation.counts("m").keys() == {"a"}
        assert project.evaluation.models()[0].samples == 1


def test_speeds_come_back_newest_first(project: Project, open_project: OpenProject) -> None:
    slow = SpeedRecord(
        "m", "onnx", "CPU", 480, 360, 50, 10.0, 99.0, 105.5, 120.0, {"read": 4.5, "model": 90.0}
    )
    fast = SpeedRecord(
        "m", "openvino", "CPU", 480, 360, 50, 20.0, 49.0, 55.5, 60.0, when="2026-01-01T00:00:00"
    )
    project.record_speed(slow)
    project.record_speed(fast)
    project.close()
    again = open_project(project.root)
    newest, older = again.speeds()
    assert newest == fast
    assert (older.stages, older.fps) == (slow.stages, slow.fps)
    assert older.when > "2026"
    assert again.runs_dir == again.root / ".segstudio" / "runs"


class TestThumbnails:
    """The cache of small pictures."""

    def test_they_are_made_once_per_size_and_again_when_the_image_changes(self, project: Project) -> None:
        small = project.thumbnail("b", 16)
        assert max(small.shape[:2]) == 16
        path = project.root / ".segstudio" / "thumbs" / "16" / "b.jpg"
        made = path.stat().st_ino
        np.testing.assert_allclose(project.thumbnail("b", 16), small, atol=6)
        assert path.stat().st_ino == made
        assert max(project.thumbnail("b", 32).shape[:2]) == 32
        image = project.sample("b").image
        write_image(image, np.full((HEIGHT, WIDTH, 3), 200, np.uint8))
        # Older than the picture in the cache, as a file that was copied back is.
        os.utime(image, ns=(10**18, 10**18))
        assert project.thumbnail("b", 16).mean() > 190

    def test_a_damaged_one_is_made_again(self, project: Project) -> None:
        good = project.thumbnail("b", 16)
        path = project.root / ".segstudio" / "thumbs" / "16" / "b.jpg"
        about = path.stat()
        path.write_bytes(b"torn")
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
        np.testing.assert_array_equal(project.thumbnail("b", 16), good)

    def test_an_unreadable_image_says_so(self, project: Project) -> None:
        project.sample("a").image.write_bytes(b"")
        with pytest.raises(ImageError, match="is empty"):
            project.thumbnail("a", 16)
        Path(project.sample("b").image).unlink()
        with pytest.raises(ImageError, match="cannot be read"):
            project.thumbnail("b", 16)


class TestSplits:
    """Random splits that can be repeated."""

    @given(
        st.lists(st.text(min_size=1), unique=True, max_size=60),
        st.lists(st.integers(0, 10), min_size=1, max_size=4).filter(any),
        st.integers(),
    )
    def test_shares_are_right_and_the_order_does_not_matter(
        self, keys: list[str], weights: list[int], seed: int
    ) -> None:
        fractions = {f"s{number}": weight / sum(weights) for number, weight in enumerate(weights)}
        by_key = divide(keys, fractions, seed)
        assert by_key.keys() == set(keys)
        for name, share in fractions.items():
            assert abs(list(by_key.values()).count(name) - share * len(keys)) <= 1
        assert divide(keys[::-1], fractions, seed) == by_key

    def test_they_are_stored(self, make_frames: MakeFrames, open_project: OpenProject) -> None:
        project = open_project(make_frames(*(f"{number}.png" for number in range(10))))
        assert len(project.assign_splits({"train": 0.8, "val": 0.2}, seed=3).samples) == 10
        assert project.info().by_split == {"train": 8, "val": 2}
        project.assign_splits({"test": 1.0}, keys=["1", "2"])
        assert {project.sample(key).split for key in ("1", "2")} == {"test"}
        assert project.set_split(["1"], "").samples == {"1"}
        assert project.info().by_split["test"] == 1

    def test_shares_that_do_not_sum_to_one_are_refused(self, project: Project) -> None:
        for fractions in ({"train": 0.5}, {}, {"train": 1.5, "val": -0.5}):
            with pytest.raises(ProjectError, match="do not sum to 1"):
                project.assign_splits(fractions)


def test_changes_unite_and_the_first_initiator_stays() -> None:
    one = Changes(masks=frozenset({"a"}), initiator="editor")
    two = Changes(masks=frozenset({"b"}), scores=frozenset({"b"}), initiator="rescan")
    assert one | two == Changes(masks=frozenset({"a", "b"}), scores=frozenset({"b"}), initiator="editor")
    assert (Changes() | two).initiator == "rescan"
    assert Changes(initiator="x").is_empty
    assert not two.is_empty


class TestPooled:
    """The sums of an evaluation, without its segments."""

    def test_they_are_those_of_all_that_is_kept(self, project: Project) -> None:
        classes = project.palette.count
        for number, key in enumerate("ab"):
            found = evaluate_sample(some_mask(number), some_mask(number + 5), classes)
            project.evaluation.record(key, "m", found)
        whole, short = project.evaluation.load("m"), project.evaluation.pooled("m")
        assert short.keys == whole.keys == ("a", "b")
        assert short.is_detailed
        np.testing.assert_array_equal(short.confusion, whole.confusion.sum(axis=0))
        np.testing.assert_array_equal(short.details.boundary, whole.boundary.sum(axis=0))
        np.testing.assert_array_equal(short.details.ledger, whole.table.rows.ledger)
        np.testing.assert_array_equal(short.regions, np.bincount(whole.regions.truth, minlength=classes))

    def test_counts_alone_are_no_details(self, project: Project) -> None:
        classes = project.palette.count
        found = evaluate_sample(some_mask(1), some_mask(2), classes)
        project.evaluation.record("a", "m", found)
        project.record_counts("b", "m", found.confusion)
        project.record_counts("b", "n", found.confusion)
        short = project.evaluation.pooled("m")
        assert (short.keys, short.detailed) == (("a", "b"), 1)
        np.testing.assert_array_equal(short.confusion, 2 * found.confusion)
        assert project.evaluation.pooled("nobody").keys == ()

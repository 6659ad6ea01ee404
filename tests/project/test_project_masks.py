"""Masks come out as they went in, never open as empty, and are never written over somebody else's."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from segstudio.annotation.palette import load_palette
from segstudio.errors import MaskError, ProjectError
from segstudio.images import read_mask, write_image, write_mask
from segstudio.project.project import OutsideChange, Project
from segstudio.project.sample import Changes, SampleStatus
from tests.project.conftest import HEIGHT, WIDTH, MakeFrames, OpenProject, some_mask

COLOURS = load_palette("cityscapes").colours()
IDS = st.sampled_from([*range(19), 255])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mask=arrays(np.uint8, (HEIGHT, WIDTH), elements=IDS))
def test_a_saved_mask_comes_back_pixel_by_pixel(project: Project, mask: NDArray[np.uint8]) -> None:
    project.save_mask("a", mask)
    loaded = project.load_mask("a")
    assert loaded is not None
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded, mask)


def test_the_file_is_an_indexed_png_that_other_programs_read(project: Project) -> None:
    mask = some_mask()
    project.save_mask("a", mask)
    with Image.open(project.mask_path("a")) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), mask)
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), COLOURS[mask])


def test_a_sample_without_a_mask_has_none(project: Project) -> None:
    assert project.load_mask("a") is None


def test_a_broken_mask_blocks_instead_of_opening_as_empty(project: Project) -> None:
    path = project.mask_path("a")
    project.save_mask("a", some_mask())
    whole = path.read_bytes()
    for content, problem in (
        (b"", "is empty"),
        (b"hello", "is no image"),
        (whole[: len(whole) // 2], "a.png"),
    ):
        path.write_bytes(content)
        with pytest.raises(MaskError, match=problem) as caught:
            project.load_mask("a")
        assert str(path) in caught.value.message
        with pytest.raises(OutsideChange):
            project.save_mask("a", some_mask(1))
        assert path.read_bytes() == content


def test_a_mask_of_colours_is_refused(project: Project) -> None:
    write_image(project.mask_path("a"), COLOURS[some_mask()])
    with pytest.raises(MaskError, match="holds colours"):
        project.load_mask("a")


def test_a_mask_of_another_size_is_refused_both_ways(project: Project) -> None:
    write_mask(project.mask_path("a"), np.zeros((HEIGHT, WIDTH + 1), np.uint8), COLOURS)
    with pytest.raises(MaskError, match=f"{WIDTH + 1}x{HEIGHT}, its image {WIDTH}x{HEIGHT}"):
        project.load_mask("a")
    wide: Any = np.zeros((HEIGHT, WIDTH), np.int64)
    for wrong in (np.zeros((HEIGHT + 1, WIDTH), np.uint8), wide):
        with pytest.raises(MaskError, match="does not fit b"):
            project.save_mask("b", wrong)
    assert not project.mask_path("b").exists()


def test_ids_outside_the_palette_are_named(project: Project) -> None:
    mask = some_mask()
    mask[0, :3] = (19, 40, 41)
    write_mask(project.mask_path("a"), mask, COLOURS)
    with pytest.raises(MaskError, match=r"palette cityscapes does not have: 19, 40, 41"):
        project.load_mask("a")
    with pytest.raises(MaskError, match="19, 40, 41"):
        project.save_mask("b", mask)


def test_saving_starts_the_work_but_does_not_take_back_a_verdict(project: Project) -> None:
    expected = {
        SampleStatus.UNLABELLED: SampleStatus.IN_PROGRESS,
        SampleStatus.PREDICTED: SampleStatus.IN_PROGRESS,
        SampleStatus.REJECTED: SampleStatus.IN_PROGRESS,
        SampleStatus.IN_PROGRESS: SampleStatus.IN_PROGRESS,
        SampleStatus.SUBMITTED: SampleStatus.SUBMITTED,
        SampleStatus.ACCEPTED: SampleStatus.ACCEPTED,
        SampleStatus.SKIPPED: SampleStatus.SKIPPED,
    }
    assert expected.keys() == set(SampleStatus)
    for before, after in expected.items():
        assert project.set_status(["a"], before).statuses == {"a"}
        changes = project.save_mask("a", some_mask(), initiator="test")
        assert changes == Changes(
            masks=frozenset({"a"}),
            scores=frozenset({"a"}),
            statuses=frozenset({"a"}) if after is not before else frozenset(),
            initiator="test",
        )
        assert project.sample("a").status is after


def test_who_and_when_are_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    project.set_status(["a"], SampleStatus.ACCEPTED)
    monkeypatch.setenv("LOGNAME", "bert")
    project.rescan()
    project.load_mask("a")
    (row,) = project._store.rows(["a"])
    assert row.changed_by == "anna"
    before = row.changed_at
    project.save_mask("a", some_mask())
    (row,) = project._store.rows(["a"])
    assert row.changed_by == "bert"
    assert row.changed_at > before > 1.7e9


def test_unknown_samples_are_refused_and_nothing_is_changed(project: Project) -> None:
    with pytest.raises(ProjectError, match="no sample 'x'"):
        project.save_mask("x", some_mask())
    with pytest.raises(ProjectError, match="1 of the samples are unknown"):
        project.set_status(["a", "x"], SampleStatus.ACCEPTED)
    assert project.sample("a").status is SampleStatus.UNLABELLED


class TestOutsideChanges:
    """Every way in which another program can come between a load and a save."""

    def test_a_replaced_file_is_not_overwritten(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        write_mask(project.mask_path("a"), some_mask(2), COLOURS)
        with pytest.raises(OutsideChange) as caught:
            project.save_mask("a", some_mask(3))
        np.testing.assert_array_equal(read_mask(project.mask_path("a")), some_mask(2))
        change = caught.value
        assert change.known.exists
        assert change.known.digest != change.found.digest
        assert change.message.count("bytes of") == 2

    def test_force_overwrites_it_and_keeps_a_copy(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        write_mask(project.mask_path("a"), some_mask(2), COLOURS)
        project.save_mask("a", some_mask(3), force=True)
        np.testing.assert_array_equal(read_mask(project.mask_path("a")), some_mask(3))
        (copy,) = (project.root / ".segstudio" / "replaced").iterdir()
        np.testing.assert_array_equal(read_mask(copy), some_mask(2))
        project.save_mask("a", some_mask(4))

    def test_force_without_a_change_keeps_no_copy(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        project.save_mask("a", some_mask(2), force=True)
        assert not (project.root / ".segstudio" / "replaced").exists()

    def test_a_file_that_appears_is_not_overwritten(self, project: Project) -> None:
        assert project.load_mask("a") is None
        write_mask(project.mask_path("a"), some_mask(2), COLOURS)
        with pytest.raises(OutsideChange, match="here it was no file"):
            project.save_mask("a", some_mask(3))

    def test_a_file_that_nobody_read_here_is_not_overwritten(self, project: Project) -> None:
        write_mask(project.mask_path("a"), some_mask(2), COLOURS)
        with pytest.raises(OutsideChange):
            project.save_mask("a", some_mask(3))

    def test_loading_takes_the_other_file(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        write_mask(project.mask_path("a"), some_mask(2), COLOURS)
        project.load_mask("a")
        project.save_mask("a", some_mask(3))
        np.testing.assert_array_equal(read_mask(project.mask_path("a")), some_mask(3))

    def test_touching_or_copying_back_is_no_change(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        path = project.mask_path("a")
        os.utime(path, ns=(1, 1))
        project.save_mask("a", some_mask(2))
        content = path.read_bytes()
        path.write_bytes(content)
        project.save_mask("a", some_mask(3))

    def test_a_deleted_file_is_made_again(self, project: Project) -> None:
        project.save_mask("a", some_mask(1))
        project.mask_path("a").unlink()
        project.save_mask("a", some_mask(2))
        np.testing.assert_array_equal(read_mask(project.mask_path("a")), some_mask(2))

    def test_another_program_on_the_same_database_counts_as_outside(
        self, project: Project, open_project: OpenProject
    ) -> None:
        project.save_mask("a", some_mask(1))
        other = open_project(project.root)
        other.load_mask("a")
        other.save_mask("a", some_mask(2))
        with pytest.raises(OutsideChange):
            project.save_mask("a", some_mask(3))

    def test_what_an_earlier_session_saved_may_be_saved_over(
        self, project: Project, open_project: OpenProject
    ) -> None:
        project.save_mask("a", some_mask(1))
        project.close()
        open_project(project.root).save_mask("a", some_mask(2))

    def test_a_failed_write_leaves_the_old_file(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.save_mask("a", some_mask(1))

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", full)
            with pytest.raises(MaskError, match="No space left"):
                project.save_mask("a", some_mask(2))
        np.testing.assert_array_equal(read_mask(project.mask_path("a")), some_mask(1))
        assert [path.name for path in project.mask_path("a").parent.iterdir()] == ["a.png"]
        project.save_mask("a", some_mask(2))


def test_rescan_notices_changed_masks_and_forgets_their_counts(project: Project) -> None:
    counts = np.ones((19, 20), np.int64)
    for key in ("a", "b"):
        project.save_mask(key, some_mask(1))
        project.record_counts(key, "m", counts)
    write_mask(project.mask_path("a"), some_mask(2), COLOURS)
    os.utime(project.mask_path("b"), ns=(5, 5))
    changes = project.rescan()
    assert changes.masks == changes.scores == {"a"}
    assert project.evaluation.counts("m").keys() == {"b"}
    assert not project.rescan().masks
    # Who has the old pixels on screen is still told.
    with pytest.raises(OutsideChange):
        project.save_mask("a", some_mask(3))


def test_a_mask_that_cannot_be_paired_with_its_image_can_still_be_seen(project: Project) -> None:
    project.save_mask("a", some_mask())
    project.sample("a").image.write_bytes(b"")
    loaded = project.load_mask("a")
    assert loaded is not None
    np.testing.assert_array_equal(loaded, some_mask())


def test_images_that_differ_in_suffix_have_masks_of_their_own(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    project = open_project(make_frames("a.jpg", "a.png", "sub/a.jpg"))
    keys = [sample.key for sample in project.samples()]
    for number, key in enumerate(keys):
        project.save_mask(key, some_mask(number))
    for number, key in enumerate(keys):
        loaded = project.load_mask(key)
        assert loaded is not None
        np.testing.assert_array_equal(loaded, some_mask(number))


def test_left_over_parts_of_killed_writers_are_swept_when_old(project: Project) -> None:
    project.save_mask("a", some_mask())
    masks: Path = project.mask_path("a").parent
    old, young = masks / ".1.part", masks / ".2.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, ns=(10**18, 10**18))
    project.rescan()
    assert not old.exists()
    assert young.exists()

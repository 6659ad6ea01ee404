"""A batch over a project: what changes, what is protected, what undoing restores, and what a crash leaves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.annotation.alike import Likeness
from segstudio.annotation.protection import Protection
from segstudio.errors import ImageError, SegstudioError
from segstudio.images import atomic_write, write_image
from segstudio.jobs import JobContext
from segstudio.project import batches
from segstudio.project.batches import BatchState, begin_batch, list_batches
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.relabel_alike import Finds, Order, relabel, search, undo_batch

Mask = NDArray[np.uint8]
TRAIN, BUS = 16, 15
SHAPE = (16, 20)


def mask_of(seed: int) -> Mask:
    """Squares of road, bus and train."""
    random = np.random.default_rng(seed)
    small = np.array([0, BUS, TRAIN], np.uint8)[random.integers(0, 3, (4, 5))]
    return np.repeat(np.repeat(small, 4, 0), 4, 1)


def make(root: Path, count: int = 3) -> Project:
    """A project of frames with masks, the last frame without one."""
    root.mkdir(parents=True)
    for number in range(count + 1):
        write_image(root / f"f{number}.png", np.full((*SHAPE, 3), number, np.uint8))
    project = Project.open(root)
    for number in range(count):
        project.save_mask(f"f{number}", mask_of(number))
    return project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make(tmp_path / "frames") as made:
        yield made


def files(project: Project) -> dict[str, bytes]:
    """The bytes of every mask file."""
    return {path.name: path.read_bytes() for path in sorted((project.root / "masks").glob("*.png"))}


def found(project: Project, wanted: Likeness) -> list[Finds]:
    """What a search of all samples finds."""
    return search(project, project.samples(), wanted)[0]


def test_the_regions_change_and_undoing_restores_every_byte(project: Project) -> None:
    before, wanted = files(project), Likeness(BUS)
    chosen = found(project, wanted)
    assert [finds.key for finds in chosen] == ["f0", "f1", "f2"]
    result = relabel(project, chosen, Order(wanted, TRAIN, "Relabel bus as train"))
    assert result.changes.masks == {"f0", "f1", "f2"}
    assert result.regions == sum(len(finds.regions) for finds in chosen)
    assert result.pixels == sum(int((mask_of(number) == BUS).sum()) for number in range(3))
    for number in range(3):
        expected = np.where(mask_of(number) == BUS, TRAIN, mask_of(number))
        np.testing.assert_array_equal(project.load_mask(f"f{number}"), expected)
    (facts,) = list_batches(project.batches_dir)
    assert (facts.title, facts.samples, facts.state) == ("Relabel bus as train", 3, BatchState.DONE)
    undone = undo_batch(project)
    assert undone.restored == ("f0", "f1", "f2")
    assert not undone.left
    assert files(project) == before
    with pytest.raises(SegstudioError, match="no batch"):
        undo_batch(project)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31), lock_road=st.booleans(), source=st.sampled_from(["mask", "prediction"]))
def test_protected_pixels_never_change(
    tmp_path_factory: pytest.TempPathFactory, seed: int, lock_road: bool, source: str
) -> None:
    random = np.random.default_rng(seed)
    with make(tmp_path_factory.mktemp("made") / "frames", 2) as project:
        wanted = Likeness(BUS, "mask" if source == "mask" else "prediction")
        locked = frozenset({0} if lock_road else {TRAIN})
        ids = np.array([0, BUS], np.uint8)[random.integers(0, 2, SHAPE)]
        for key in ("f0", "f1", "f2"):
            project.save_prediction(key, ids, ids, "m")
        project.set_status(["f1"], SampleStatus.ACCEPTED)
        before = files(project)
        result = relabel(project, found(project, wanted), Order(wanted, 3, "R", Protection(locked)))
        own = mask_of(0)
        plane = own if source == "mask" else ids
        expected = np.where((plane == BUS) & ~np.isin(own, list(locked)), 3, own)
        np.testing.assert_array_equal(project.load_mask("f0"), expected)
        np.testing.assert_array_equal(project.load_mask("f1"), mask_of(1))
        assert ("f1", "it is accepted") in [(left.key, left.reason) for left in result.left]
        assert ("f2" in [left.key for left in result.left]) == (source == "prediction")
        undo_batch(project)
        assert files(project) == before


def test_accepted_samples_change_when_asked(project: Project) -> None:
    project.set_status(["f0"], SampleStatus.ACCEPTED)
    wanted = Likeness(BUS)
    result = relabel(project, found(project, wanted), Order(wanted, TRAIN, "R", accepted=True))
    assert "f0" in result.changes.masks
    assert project.sample("f0").status is SampleStatus.ACCEPTED


def test_a_sample_that_was_edited_since_is_left_and_named(project: Project) -> None:
    wanted = Likeness(BUS)
    relabel(project, found(project, wanted), Order(wanted, TRAIN, "R"))
    edited = project.load_mask("f1")
    assert edited is not None
    edited[0, 0] = 9
    project.save_mask("f1", edited)
    undone = undo_batch(project)
    assert undone.restored == ("f0", "f2")
    assert [(left.key, left.reason) for left in undone.left] == [("f1", "it was edited since")]
    np.testing.assert_array_equal(project.load_mask("f1"), edited)


def test_a_mask_that_is_gone_is_named(project: Project) -> None:
    wanted = Likeness(BUS)
    relabel(project, found(project, wanted), Order(wanted, TRAIN, "R"))
    project.mask_path("f1").unlink()
    undone = undo_batch(project)
    assert [(left.key, left.reason) for left in undone.left] == [("f1", "its mask is gone")]


def test_a_region_that_changed_after_the_search_stays(project: Project) -> None:
    wanted = Likeness(BUS)
    chosen = found(project, wanted)
    painted = np.zeros(SHAPE, np.uint8)
    project.save_mask("f0", painted)
    result = relabel(project, chosen, Order(wanted, TRAIN, "R"))
    assert "f0" not in result.changes.masks
    np.testing.assert_array_equal(project.load_mask("f0"), painted)


def test_cancelling_keeps_what_was_done_and_can_be_undone(project: Project) -> None:
    before, wanted = files(project), Likeness(BUS)
    context = JobContext(lambda done, total, text: context.cancel() if done == 1 else None)
    result = relabel(project, found(project, wanted), Order(wanted, TRAIN, "R"), context)
    assert result.changes.masks == {"f0", "f1"}
    assert [left.key for left in result.left] == ["f2"]
    undo_batch(project, result.batch)
    assert files(project) == before


def test_undoing_that_was_cancelled_goes_on_the_next_time(project: Project) -> None:
    before, wanted = files(project), Likeness(BUS)
    relabel(project, found(project, wanted), Order(wanted, TRAIN, "R"))
    context = JobContext(lambda done, total, text: context.cancel() if done == 1 else None)
    undone = undo_batch(project, context=context)
    assert undone.restored == ("f0", "f1")
    assert [left.key for left in undone.left] == ["f2"]
    assert list_batches(project.batches_dir)[0].state is BatchState.UNDOING
    undo_batch(project)
    assert files(project) == before


def test_a_search_reads_masks_that_are_open_instead_of_their_files(project: Project) -> None:
    shown = np.full(SHAPE, BUS, np.uint8)
    finds, _ = search(project, project.samples()[:1], Likeness(BUS), masks={"f0": shown})
    assert [entry.area for entry in finds[0].regions] == [shown.size]


def test_a_mask_that_cannot_be_read_is_named(project: Project) -> None:
    project.mask_path("f1").write_bytes(b"no mask")
    finds, left = search(project, project.samples(), Likeness(BUS))
    assert [entry.key for entry in finds] == ["f0", "f2"]
    assert [entry.key for entry in left] == ["f1"]


def test_a_step_that_cannot_be_recorded_leaves_the_mask(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, wanted = files(project), Likeness(BUS)
    chosen = found(project, wanted)
    real = atomic_write

    def refuse(path: Path, content: bytes) -> None:
        if path.suffix == ".step":
            raise ImageError(f"{path} cannot be written: full")
        real(path, content)

    monkeypatch.setattr(batches, "atomic_write", refuse)
    result = relabel(project, chosen, Order(wanted, TRAIN, "R"))
    assert [left.key for left in result.left] == ["f0", "f1", "f2"]
    assert "full" in result.left[0].reason
    assert files(project) == before


def test_open_masks_are_recorded_and_left_to_their_owner(project: Project) -> None:
    wanted, opened = Likeness(BUS), mask_of(7)
    chosen, _ = search(project, project.samples(), wanted, masks={"f0": opened})
    result = relabel(project, chosen, Order(wanted, TRAIN, "R"), masks={"f0": opened})
    assert result.changes.masks == {"f1", "f2"}
    assert result.keys == {"f0", "f1", "f2"}
    np.testing.assert_array_equal(project.load_mask("f0"), mask_of(0))
    np.testing.assert_array_equal(opened, mask_of(7))
    result.edits["f0"].put_after(opened)
    np.testing.assert_array_equal(opened, np.where(mask_of(7) == BUS, TRAIN, mask_of(7)))
    undone = undo_batch(project, masks={"f0": opened})
    assert set(undone.restored) == {"f0", "f1", "f2"}
    undone.edits["f0"].put_before(opened)
    np.testing.assert_array_equal(opened, mask_of(7))


def test_what_changes_nothing_leaves_no_batch(project: Project) -> None:
    wanted = Likeness(BUS)
    result = relabel(project, found(project, wanted), Order(wanted, BUS, "R"))
    assert (result.batch, result.regions, result.changes.masks) == ("", 0, frozenset())
    assert list_batches(project.batches_dir) == []


def test_only_the_last_batches_are_kept(project: Project) -> None:
    names = [begin_batch(project.batches_dir, f"{number}").facts.name for number in range(22)]
    kept = list_batches(project.batches_dir)
    assert [facts.name for facts in kept] == names[:-21:-1]


CHILD = """
import os, sys
from pathlib import Path
from segstudio.annotation.alike import Likeness
from segstudio.project.project import Project
from segstudio.workflows import relabel_alike
root, die_before, what = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
count = 0
real = os.replace
def replace(*names):
    global count
    if count == die_before:
        os.kill(os.getpid(), 9)
    count += 1
    real(*names)
project = Project.open(root)
wanted = Likeness(15)
chosen = relabel_alike.search(project, project.samples(), wanted)[0]
os.replace = replace
if what == "relabel":
    relabel_alike.relabel(project, chosen, relabel_alike.Order(wanted, 16, "R"))
else:
    relabel_alike.undo_batch(project)
print("done")
"""


def run_and_kill(root: Path, die_before: int, what: str) -> bool:
    """Whether the child came to its end."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(root), str(die_before), what],
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode == 0:
        return True
    assert child.returncode == -signal.SIGKILL, child.stderr
    return False


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
@pytest.mark.parametrize("die_before", [0, 1, 2, 3, 6])
def test_killed_at_any_file_the_batch_can_be_undone(tmp_path: Path, die_before: int) -> None:
    root = tmp_path / "frames"
    with make(root) as project:
        before = files(project)
    assert not run_and_kill(root, die_before, "relabel")
    with Project.open(root) as project:
        kept = list_batches(project.batches_dir)
        if die_before == 0:
            assert files(project) == before
            return
        assert kept[0].state is BatchState.RUNNING
        undo_batch(project)
        assert files(project) == before
        assert list_batches(project.batches_dir)[0].state is BatchState.UNDONE


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
@pytest.mark.parametrize("die_before", [1, 3])
def test_killed_while_undoing_it_is_finished_the_next_time(tmp_path: Path, die_before: int) -> None:
    root = tmp_path / "frames"
    with make(root) as project:
        before, wanted = files(project), Likeness(BUS)
        relabel(project, found(project, wanted), Order(wanted, TRAIN, "R"))
    assert not run_and_kill(root, die_before, "undo")
    with Project.open(root) as project:
        assert list_batches(project.batches_dir)[0].state is BatchState.UNDOING
        undo_batch(project)
        assert files(project) == before


def test_damaged_facts_are_passed_over_and_a_damaged_step_is_named(project: Project) -> None:
    wanted = Likeness(BUS)
    result = relabel(project, found(project, wanted), Order(wanted, TRAIN, "R"))
    broken = project.batches_dir / "20990101-000000-000000"
    broken.mkdir()
    (broken / "batch.json").write_text(json.dumps({"title": "x"}))
    assert [facts.name for facts in list_batches(project.batches_dir)] == [result.batch]
    step = next((project.batches_dir / result.batch).glob("*.step"))
    step.write_bytes(step.read_bytes()[:20])
    with pytest.raises(SegstudioError, match=r"\d{6}\.step cannot be read"):
        undo_batch(project)

"""Earlier states of masks: which are kept, that damage is harmless, and that no save ever fails by them."""

import errno
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segstudio.annotation.palette import load_palette
from segstudio.errors import MaskError, ProjectError
from segstudio.images import read_mask, write_mask
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample_masks import PAUSE_S, SPELL_S
from segstudio.project.versions import (
    ALWAYS,
    DAY,
    HOUR,
    INDEX,
    NEWEST,
    Version,
    VersionFiles,
    VersionNote,
    Why,
    thinned,
)
from tests.project.conftest import HEIGHT, WIDTH, MakeFrames, OpenProject, some_mask

COLOURS = load_palette("cityscapes").colours()
NOW = 1_800_000_000.0


def folder_of(project: Project, key: str = "a") -> Path:
    return project.facts_dir / "versions" / key


def age(project: Project, seconds: float, key: str = "a") -> None:
    """The mask file is as old as that; the project knows it so."""
    path = project.mask_path(key)
    when = time.time() - seconds
    os.utime(path, (when, when))
    project.load_mask(key)


def whys(project: Project, key: str = "a") -> list[Why]:
    return [version.note.why for version in project.versions(key)]


def test_the_mask_as_found_is_the_first_version(project: Project) -> None:
    write_mask(project.mask_path("a"), some_mask(1), COLOURS)
    found = project.mask_path("a").read_bytes()
    project.load_mask("a")
    assert project.versions("a") == []
    project.save_mask("a", some_mask(2))
    (version,) = project.versions("a")
    assert version.note == VersionNote(Why.FOUND)
    assert version.file.read_bytes() == found
    assert (version.who, version.pixels) == ("", None)
    np.testing.assert_array_equal(project.load_version("a", version.id), some_mask(1))


def test_a_sample_without_a_mask_was_found_unlabelled(project: Project) -> None:
    project.save_mask("a", some_mask(2))
    (version,) = project.versions("a")
    assert version.note.why is Why.FOUND
    assert (project.load_version("a", version.id) == 255).all()


def test_autosaves_of_one_spell_make_no_versions(project: Project) -> None:
    for seed in range(30):
        project.save_mask("a", some_mask(seed))
    assert whys(project) == [Why.FOUND]


def test_a_pause_of_work_makes_one(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    project.save_mask("a", some_mask(1))
    age(project, PAUSE_S + 1)
    monkeypatch.setenv("LOGNAME", "bert")
    for seed in (2, 3, 4):
        project.save_mask("a", some_mask(seed))
    by_why = {version.note.why: version for version in project.versions("a")}
    assert len(project.versions("a")) == 2
    np.testing.assert_array_equal(project.load_version("a", by_why[Why.SAVED].id), some_mask(1))
    assert by_why[Why.SAVED].who == "anna"


def test_work_without_a_pause_makes_one_now_and_then(project: Project) -> None:
    project.save_mask("a", some_mask(1))
    (first,) = project.versions("a")
    index = folder_of(project) / INDEX
    index.write_bytes(index.read_bytes().replace(str(round(first.when, 3)).encode(), b"1000000000.0"))
    age(project, 1)
    project.save_mask("a", some_mask(2))
    assert whys(project) == [Why.FOUND, Why.SAVED]
    assert SPELL_S > PAUSE_S


def test_notes_are_kept_at_once_with_what_they_replace(project: Project) -> None:
    project.save_mask("a", some_mask(1))
    project.save_mask("a", some_mask(2), note=VersionNote(Why.PREDICTION, "street-b0"))
    found, before, accepted = project.versions("a")
    assert [entry.note.why for entry in (found, before, accepted)] == [Why.FOUND, Why.SAVED, Why.PREDICTION]
    assert accepted.note.model == "street-b0"
    np.testing.assert_array_equal(project.load_version("a", before.id), some_mask(1))
    np.testing.assert_array_equal(project.load_version("a", accepted.id), some_mask(2))
    assert accepted.pixels == np.count_nonzero(some_mask(1) != some_mask(2))


def test_verdicts_and_equal_content_once(project: Project) -> None:
    assert project.keep_version("a", VersionNote(Why.SUBMITTED)) is None
    project.save_mask("a", some_mask(1))
    for why in (Why.SUBMITTED, Why.SUBMITTED, Why.REJECTED, Why.ACCEPTED):
        assert project.keep_version("a", VersionNote(why)) is not None
    versions = project.versions("a")
    assert [entry.note.why for entry in versions] == [Why.FOUND, Why.SUBMITTED, Why.REJECTED, Why.ACCEPTED]
    assert [entry.pixels for entry in versions[2:]] == [0, 0]
    assert len(list(folder_of(project).glob("*.png"))) == 2


def test_the_file_of_another_program_is_kept_when_it_is_overwritten(project: Project) -> None:
    project.save_mask("a", some_mask(1))
    write_mask(project.mask_path("a"), some_mask(2), COLOURS)
    project.save_mask("a", some_mask(3), force=True)
    kept = {entry.note.why: entry for entry in project.versions("a")}
    np.testing.assert_array_equal(read_mask(kept[Why.OUTSIDE].file), some_mask(2))


def test_any_program_reads_a_version(project: Project) -> None:
    version = project.keep_pixels("a", some_mask(4), VersionNote(Why.PUT_ASIDE))
    assert version is not None
    with Image.open(version.file) as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.asarray(picture), some_mask(4))


class TestDamage:
    """Whatever happens to the folder of versions, masks are saved and the rest of the versions is there."""

    @pytest.fixture
    def kept(self, project: Project) -> Project:
        for seed, why in enumerate((Why.SUBMITTED, Why.REJECTED, Why.ACCEPTED)):
            project.save_mask("a", some_mask(seed))
            project.keep_version("a", VersionNote(why))
        return project

    def test_a_torn_line_costs_itself(self, kept: Project) -> None:
        index = folder_of(kept) / INDEX
        index.write_bytes(index.read_bytes()[:-9])
        before = len(kept.versions("a"))
        kept.save_mask("a", some_mask(7))
        kept.keep_version("a", VersionNote(Why.SUBMITTED))
        assert len(kept.versions("a")) == before + 1
        assert kept.version_trouble is None

    def test_without_the_index_the_pictures_are_listed(self, kept: Project) -> None:
        ids = {entry.id for entry in kept.versions("a")}
        (folder_of(kept) / INDEX).write_bytes(b"\x00{}\n[1]\n\xff")
        assert {entry.id for entry in kept.versions("a")} == ids
        (folder_of(kept) / INDEX).unlink()
        assert {entry.id for entry in kept.versions("a")} == ids

    def test_a_picture_that_is_gone_is_left_out(self, kept: Project) -> None:
        gone = kept.versions("a")[1]
        gone.file.unlink()
        assert gone.id not in {entry.id for entry in kept.versions("a")}
        with pytest.raises(ProjectError, match="no version"):
            kept.load_version("a", gone.id)

    def test_a_damaged_picture_is_refused_by_name(self, kept: Project) -> None:
        version = kept.versions("a")[1]
        version.file.write_bytes(b"torn")
        with pytest.raises(MaskError, match=version.id):
            kept.load_version("a", version.id)
        kept.save_mask("a", some_mask(8), note=VersionNote(Why.RESTORED))
        write_mask(version.file, np.zeros((HEIGHT, WIDTH + 1), np.uint8), COLOURS)
        with pytest.raises(MaskError, match=f"{WIDTH + 1}x{HEIGHT}"):
            kept.load_version("a", version.id)

    def test_a_folder_that_cannot_be_made_stops_no_save(self, project: Project) -> None:
        (project.facts_dir / "versions").write_text("in the way")
        project.save_mask("a", some_mask(1))
        trouble = project.version_trouble
        assert trouble is not None
        assert "no version of a is kept" in trouble.message
        np.testing.assert_array_equal(read_mask(project.mask_path("a")), some_mask(1))
        (project.facts_dir / "versions").unlink()
        project.save_mask("a", some_mask(2))
        assert project.version_trouble is None

    def test_a_version_gives_way_to_the_mask_on_a_disk_with_room_for_one(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_mask(project.mask_path("a"), some_mask(1), COLOURS)
        project.load_mask("a")
        real = os.fsync

        def tight(descriptor: int) -> None:
            if list(folder_of(project).glob("*.png")):
                raise OSError(errno.ENOSPC, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", tight)
        project.save_mask("a", some_mask(2))
        np.testing.assert_array_equal(read_mask(project.mask_path("a")), some_mask(2))
        assert project.versions("a") == []
        assert project.version_trouble is not None
        assert "No space left" in project.version_trouble.message

    def test_rescan_without_the_folder(self, kept: Project) -> None:
        for path in folder_of(kept).iterdir():
            path.unlink()
        folder_of(kept).rmdir()
        kept.rescan()
        assert kept.versions("a") == []
        kept.save_mask("a", some_mask(9))
        assert whys(kept) == [Why.FOUND]


def version_at(when: float, why: Why = Why.SAVED) -> Version:
    return Version(Path(f"{when}.png"), when, "", VersionNote(why))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 40 * DAY), st.sampled_from(list(Why))), max_size=120))
def test_thinning_keeps_what_the_rule_says(ages: list[tuple[float, Why]]) -> None:
    versions = sorted((version_at(NOW - old, why) for old, why in ages), key=lambda entry: entry.when)
    kept = thinned(versions, NOW)
    assert kept == sorted(kept, key=lambda entry: entry.when)
    assert [entry for entry in versions if entry.note.why in ALWAYS] == [
        entry for entry in kept if entry.note.why in ALWAYS
    ]
    plain = [entry for entry in versions if entry.note.why not in ALWAYS]
    left = [entry for entry in kept if entry.note.why not in ALWAYS]
    assert left[-NEWEST:] == plain[-NEWEST:]
    # Nothing that was kept once makes another one go, and each hour or day that had one still has its last.
    assert thinned(kept, NOW) == kept
    for entry in plain:
        span = HOUR if NOW - entry.when < DAY else DAY
        assert any(other.when // span == entry.when // span and other.when >= entry.when for other in left)
    assert len(left) <= NEWEST + 25 + 41


def test_the_oldest_saves_of_the_project_make_room(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    project = open_project(make_frames(), versions_bytes=20_000)
    random = np.random.default_rng(0)
    for number in range(60):
        mask = random.integers(0, 19, (HEIGHT, WIDTH), np.uint8)
        key = "abc"[number % 3]
        project.save_mask(key, mask, note=VersionNote(Why.RESTORED if number % 4 else Why.ACCEPTED))
    files = VersionFiles(project.facts_dir / "versions")
    assert files.used > 20_000
    project.rescan()
    files = VersionFiles(project.facts_dir / "versions")
    assert files.used <= 20_000
    left = [entry for key in "abc" for entry in project.versions(key)]
    plain = [entry.when for entry in left if entry.note.why not in ALWAYS]
    assert {entry.note.why for entry in left} >= {Why.ACCEPTED}
    assert all(entry.file.is_file() for entry in left)
    assert not plain or min(plain) >= sorted(entry.when for entry in left)[0]
    used = files.used
    project.rescan(JobContext())
    assert VersionFiles(project.facts_dir / "versions").used == used


def test_lines_are_plain_facts(project: Project) -> None:
    project.save_mask("a", some_mask(1), note=VersionNote(Why.BATCH))
    lines = (folder_of(project) / INDEX).read_text(encoding="utf-8").splitlines()
    values = json.loads(lines[-1])
    assert values.keys() == {"file", "when", "who", "why", "model", "pixels"}
    assert values["why"] == "batch"

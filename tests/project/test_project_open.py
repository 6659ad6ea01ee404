"""Opening folders: plain ones, TAO's layout, existing projects, and what cannot be opened."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from segstudio import paths
from segstudio.annotation.palette import load_palette
from segstudio.errors import PaletteError, ProjectError
from segstudio.images import write_image, write_mask
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from tests.project.conftest import HEIGHT, WIDTH, MakeFrames, OpenProject, some_mask

COLOURS = load_palette("cityscapes").colours()


def listing(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and ".segstudio" not in path.parts
    }


def test_a_plain_folder_becomes_a_project_and_no_file_of_it_is_touched(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames("f10.png", "f9.jpg", "town/f1.png")
    (root / "notes.txt").write_text("mine")
    before = listing(root)
    project = open_project(root)
    samples = project.samples()
    assert [sample.key for sample in samples] == ["f9", "f10", "town/f1"]
    assert {sample.status for sample in samples} == {SampleStatus.UNLABELLED}
    assert samples[2].image == root / "town" / "f1.png"
    assert samples[2].mask == root / "masks" / "town" / "f1.png" == project.mask_path("town/f1")
    assert project.palette.name == "cityscapes"
    project.rescan()
    project.thumbnail("f9", 16)
    project.recovery.pending()
    assert listing(root) == before


def test_tao_layout_gives_splits_and_its_masks_count_as_accepted(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames("images/train/a.png", "images/train/b.png", "images/val/c.png")
    mask = some_mask()
    write_mask(root / "masks" / "train" / "a.png", mask, COLOURS)
    project = open_project(root)
    found = {sample.key: (sample.split, sample.status) for sample in project.samples()}
    assert found == {
        "train/a": ("train", SampleStatus.ACCEPTED),
        "train/b": ("train", SampleStatus.UNLABELLED),
        "val/c": ("val", SampleStatus.UNLABELLED),
    }
    loaded = project.load_mask("train/a")
    assert loaded is not None
    np.testing.assert_array_equal(loaded, mask)
    assert project.load_mask("val/c") is None
    info = project.info()
    assert info.samples == 3
    assert info.by_split == {"train": 2, "val": 1}
    assert info.by_status == {"accepted": 1, "unlabelled": 2}


def test_an_existing_project_opens_with_all_its_facts(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    project = open_project(root, palette="camvid-11")
    project.set_status(["a"], SampleStatus.SKIPPED)
    project.set_note("b", "zu dunkel – später 😀")
    project.set_split(["b", "c"], "val")
    project.close()
    again = open_project(root, create=False)
    assert again.palette.name == "camvid-11"
    assert [(s.status, s.note, s.split) for s in again.samples()] == [
        (SampleStatus.SKIPPED, "", ""),
        (SampleStatus.UNLABELLED, "zu dunkel – später 😀", "val"),
        (SampleStatus.UNLABELLED, "", "val"),
    ]
    assert not again.warnings


def test_a_project_apart_from_its_images_leaves_their_folder_alone(
    make_frames: MakeFrames, open_project: OpenProject, tmp_path: Path
) -> None:
    frames = make_frames()
    before = sorted(path.name for path in frames.rglob("*"))
    root = tmp_path / "straße" / "project"
    project = open_project(root, images=frames)
    project.save_mask("a", some_mask())
    project.close()
    assert sorted(path.name for path in frames.rglob("*")) == before
    again = open_project(root)
    assert [sample.image for sample in again.samples()] == [
        frames / name for name in ("a.png", "b.png", "c.png")
    ]
    assert (root / "masks" / "a.png").is_file()
    # Relative and with `/`: the two folders can be moved or mounted elsewhere together.
    assert 'images = "../../frames"' in (root / ".segstudio" / "project.toml").read_text(encoding="utf-8")
    again.close()
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(frames, moved / "frames")
    shutil.move(tmp_path / "straße", moved / "straße")
    assert len(open_project(moved / "straße" / "project").samples()) == 3


def test_masks_may_be_kept_in_a_folder_of_their_own(
    make_frames: MakeFrames, open_project: OpenProject, tmp_path: Path
) -> None:
    root = make_frames()
    open_project(root, masks=tmp_path / "truth").save_mask("a", some_mask())
    assert (tmp_path / "truth" / "a.png").is_file()
    assert open_project(root).load_mask("a") is not None


def test_a_palette_of_ones_own_is_copied_into_the_project(
    make_frames: MakeFrames, open_project: OpenProject, tmp_path: Path
) -> None:
    root = make_frames()
    text = (paths.palettes_dir() / "camvid-11.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text) | {"name": "mine"}
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert open_project(root, palette=str(own)).palette.name == "mine"
    own.unlink()
    assert open_project(root).palette.names == load_palette("camvid-11").names


def test_new_and_gone_images_are_noticed_and_facts_of_gone_ones_kept(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    project = open_project(root)
    project.set_note("b", "keep me")
    os.rename(root / "b.png", root / ".b.away")
    write_image(root / "d.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    changes = project.rescan()
    assert {"b", "d"} <= changes.samples
    assert [sample.key for sample in project.samples()] == ["a", "c", "d"]
    assert project.info().missing == 1
    with pytest.raises(ProjectError, match="no sample 'b'"):
        project.sample("b")
    os.rename(root / ".b.away", root / "b.png")
    assert "b" in project.rescan().samples
    assert project.sample("b").note == "keep me"
    assert project.info().missing == 0
    assert [sample.key for sample in project.samples()] == ["a", "b", "c", "d"]


def test_rescan_reads_sizes_once_and_again_when_an_image_is_replaced(project: Project) -> None:
    assert project.sample("a").width == 0
    seen: list[tuple[float, float]] = []
    context = JobContext(lambda done, total, text: seen.append((done, total)))
    assert project.rescan(context).samples == {"a", "b", "c"}
    assert seen
    assert (project.sample("a").width, project.sample("a").height) == (WIDTH, HEIGHT)
    assert project.rescan().is_empty
    write_image(project.sample("a").image, np.zeros((10, 12, 3), np.uint8))
    assert project.rescan().samples == {"a"}
    assert (project.sample("a").width, project.sample("a").height) == (12, 10)


def test_rescan_gets_past_files_that_are_no_images(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    (root / "empty.jpg").write_bytes(b"")
    (root / "text.png").write_text("hello")
    project = open_project(root)
    project.rescan()
    widths = {sample.key: sample.width for sample in project.samples()}
    assert widths == {"a": WIDTH, "b": WIDTH, "c": WIDTH, "empty": 0, "text": 0}
    assert project.rescan().is_empty


def test_masks_that_appear_start_the_work_and_strangers_are_reported(project: Project) -> None:
    write_mask(project.mask_path("a"), some_mask(), COLOURS)
    write_mask(project.mask_path("nobody"), some_mask(), COLOURS)
    changes = project.rescan()
    assert changes.statuses == {"a"}
    assert project.sample("a").status is SampleStatus.IN_PROGRESS
    assert any("nobody.png" in warning for warning in project.info().warnings)


def test_ten_thousand_images_are_listed_without_opening_one(
    tmp_path: Path, open_project: OpenProject
) -> None:
    for number in range(10_000):
        path = tmp_path / "many" / f"{number % 10}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    project = open_project(tmp_path / "many")
    keys = [sample.key for sample in project.samples()]
    assert len(set(keys)) == 10_000
    assert keys[:2] == ["0/0", "0/10"]
    project.close()
    assert [sample.key for sample in open_project(tmp_path / "many").samples()] == keys


def test_what_cannot_be_opened_says_what_to_do(make_frames: MakeFrames, tmp_path: Path) -> None:
    root = make_frames()
    with pytest.raises(ProjectError, match="is no folder"):
        Project.open(tmp_path / "nowhere")
    with pytest.raises(ProjectError, match="segstudio project init"):
        Project.open(root, create=False)
    with pytest.raises(PaletteError, match="no palette 'nonsense'"):
        Project.open(root, palette="nonsense")
    assert not (root / ".segstudio").exists()


def test_a_folder_that_cannot_be_written_to_says_how_to_keep_the_project_elsewhere(
    make_frames: MakeFrames, tmp_path: Path
) -> None:
    root = make_frames()
    # A file in the way refuses root as well, whom rights do not stop.
    (root / ".segstudio").write_text("")
    with pytest.raises(ProjectError, match="cannot hold a project") as caught:
        Project.open(root)
    assert f"segstudio project init DIR --images {root}" in caught.value.hint
    with Project.open(tmp_path / "apart", images=root) as project:
        assert len(project.samples()) == 3


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="rights do not stop this user")
def test_a_read_only_folder_is_refused(make_frames: MakeFrames) -> None:
    root = make_frames()
    root.chmod(0o555)
    try:
        with pytest.raises(ProjectError, match="cannot hold a project"):
            Project.open(root)
    finally:
        root.chmod(0o755)


def test_images_on_a_disk_that_is_away_are_an_error_not_a_loss(
    make_frames: MakeFrames, open_project: OpenProject, tmp_path: Path
) -> None:
    frames = make_frames()
    project = open_project(tmp_path / "p", images=frames)
    project.set_note("a", "keep me")
    project.close()
    os.rename(frames, tmp_path / "away")
    with pytest.raises(ProjectError, match="is not there"):
        Project.open(tmp_path / "p")
    os.rename(tmp_path / "away", frames)
    assert open_project(tmp_path / "p").sample("a").note == "keep me"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("palette = ", "cannot be read"),
        ("colour = 'x'", "unknown key 'colour'"),
        ("palette = 3", "must be text"),
    ],
)
def test_a_malformed_project_file_names_the_key(make_frames: MakeFrames, text: str, message: str) -> None:
    root = make_frames()
    Project.open(root).close()
    (root / ".segstudio" / "project.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ProjectError, match=message):
        Project.open(root)


def test_a_database_of_ones_own_choice_is_used_or_refused_with_the_reason(
    make_frames: MakeFrames, tmp_path: Path
) -> None:
    root = make_frames()
    (root / ".segstudio").mkdir()
    config = root / ".segstudio" / "project.toml"
    config.write_text(f'database = "sqlite:///{(tmp_path / "team.db").as_posix()}"\n', encoding="utf-8")
    with Project.open(root) as project:
        assert len(project.samples()) == 3
    assert (tmp_path / "team.db").is_file()
    assert not (root / ".segstudio" / "project.db").exists()
    config.write_text('database = "nonsense://host/name"\n', encoding="utf-8")
    with pytest.raises(ProjectError, match="nonsense"):
        Project.open(root)


def test_the_first_samples_and_one_more(tmp_path: Path) -> None:
    for number in range(5):
        write_image(tmp_path / f"{number}.png", np.zeros((4, 4, 3), np.uint8))
    with Project.open(tmp_path) as project:
        assert [sample.key for sample in project.first_samples(2)] == ["0", "1"]
        assert [sample.key for sample in project.first_samples(2, "4")] == ["0", "1", "4"]
        assert [sample.key for sample in project.first_samples(2, "0")] == ["0", "1"]
        assert project.first_samples(9, "gone") == project.samples()

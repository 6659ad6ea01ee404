"""A frozen manifest trains without the project, and notices what changed since."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from segstudio.cli.projects import app
from segstudio.errors import Cancelled, InputError, SpecError
from segstudio.images import write_image, write_mask
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.project.verdicts import Destination, SegmentPlace
from segstudio.training.data.manifest import read_manifest
from segstudio.training.data.split import Split, open_split
from segstudio.training.spec.load import spec_from_dict
from segstudio.workflows.freeze import FreezeResult, freeze

COLOURS = np.zeros((256, 3), np.uint8)


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    """Five samples: four accepted (two in train, one in val, one without split), one that was only begun."""
    root = tmp_path / "work" / "project"
    for number in range(5):
        image = np.random.default_rng(number).integers(0, 255, (16, 20, 3), np.uint8)
        write_image(root / "drive" / f"{number}.png", image)
    with Project.open(root, palette="camvid-11") as project:
        for number in range(5):
            project.save_mask(f"drive/{number}", np.full((16, 20), number, np.uint8))
        project.set_status([f"drive/{number}" for number in range(4)], SampleStatus.ACCEPTED)
        project.set_split(["drive/0", "drive/1"], "train")
        project.set_split(["drive/2"], "val")
    return root


def frozen(root: Path, out: Path, **options: Any) -> FreezeResult:
    with Project.open(root, create=False) as project:
        return freeze(project, out, JobContext(), **options)


def opened(out: Path, name: str = "train", **segment: Any) -> Split:
    source = {"kind": "manifest", "path": str(out / "manifest.json")}
    studio = {"sources": [source], "validation": [source]}
    return open_split(spec_from_dict({"dataset": {"segment": segment}, "studio": studio}), name, JobContext())


def test_a_manifest_is_read_back_by_split(project_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "work" / "frozen"
    result = frozen(project_folder, out)
    assert (result.samples, result.splits) == (4, {"train": 2, "val": 1, "": 1})
    manifest = read_manifest(out)
    assert manifest.palette.names == Project.open(project_folder, create=False).palette.names
    assert not Path(manifest.samples[0].image).is_absolute()
    train = opened(out)
    assert [Path(train.sources[0].name(n)).stem for n in range(len(train))] == ["0", "1"]
    # sky and building of CamVid, as Cityscapes numbers them.
    assert [int(train.sources[0].load(n)[1][0, 0]) for n in range(2)] == [10, 2]
    assert train.sources[0].load(1)[0].shape == (16, 20, 3)
    validation = opened(out, "validation")
    assert (len(validation), validation.palette.name) == (1, "camvid-11")
    assert int(validation.sources[0].load(0)[1][0, 0]) == 2
    with pytest.raises(SpecError, match=r"has no split 'fit'\. it has: train, val"):
        opened(out, train_split="fit")


def test_segments_that_were_sent_to_training_make_their_sample_come_more_often(
    project_folder: Path, tmp_path: Path
) -> None:
    with Project.open(project_folder, create=False) as project:
        places = [SegmentPlace("drive/1", 1, 2, (x, 2, 3, 3)) for x in (1, 9)]
        project.verdicts.send(places, Destination.WEIGHT)
    frozen(project_folder, tmp_path / "frozen")
    assert list(opened(tmp_path / "frozen").sources[0].visits) == [1, 3]
    file = tmp_path / "frozen" / "manifest.json"
    values = json.loads(file.read_text())
    for entry in values["samples"]:
        del entry["visits"]
    file.write_text(json.dumps(values))
    assert list(opened(tmp_path / "frozen").sources[0].visits) == [1, 1]


def test_later_work_on_the_project_changes_nothing(project_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "work" / "frozen"
    frozen(project_folder, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with Project.open(project_folder, create=False) as project:
        project.save_mask("drive/0", np.full((16, 20), 9, np.uint8))
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    shutil.rmtree(project_folder / "masks")
    assert len(opened(out)) == 2
    shutil.move(tmp_path / "work", tmp_path / "moved")
    assert len(opened(tmp_path / "moved" / "frozen")) == 2


def test_changed_files_are_skipped_with_the_reason(project_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    frozen(project_folder, out, splits=("train",))
    assert len(opened(out)) == 2
    write_mask(out / "masks" / "drive" / "0.png", np.full((16, 20), 3, np.uint8), COLOURS)
    split = opened(out)
    assert len(split) == 1
    assert split.skipped[0][1].endswith("0.png has changed since it was frozen")
    write_image(project_folder / "drive" / "1.png", np.zeros((16, 20, 3), np.uint8))
    with pytest.raises(SpecError, match=r"no usable sample.*1\.png has changed since it was frozen"):
        opened(out)


def test_what_cannot_be_frozen(project_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no submitted sample; it has 4 accepted, 1 in_progress"):
        frozen(project_folder, tmp_path / "a", statuses=(SampleStatus.SUBMITTED,))
    (project_folder / "masks" / "drive" / "0.png").write_bytes(b"")
    result = frozen(project_folder, tmp_path / "b", splits=("train",))
    assert result.samples == 1
    assert [path.stem for path, _ in result.skipped] == ["0"]
    with pytest.raises(InputError, match="exists"):
        frozen(project_folder, tmp_path / "b")
    with Project.open(project_folder, create=False) as project:
        context = JobContext()
        context.cancel()
        with pytest.raises(Cancelled):
            freeze(project, tmp_path / "c", context)
    assert not (tmp_path / "c" / "manifest.json").exists()


def test_damaged_manifests_are_explained(project_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "frozen"
    frozen(project_folder, out)
    path = out / "manifest.json"
    values = json.loads(path.read_text())
    for broken, reason in (
        ("", "cannot be read"),
        ("[]", "is no manifest"),
        (json.dumps({**values, "segstudio_manifest": 99}), "is of version 99"),
        (json.dumps({**values, "palette": {}}), "is damaged"),
        (json.dumps({**values, "samples": [{**values["samples"][0], "width": "20"}]}), "width is '20'"),
        (json.dumps({**values, "samples": [{"key": "a"}]}), "is damaged"),
    ):
        path.write_text(broken)
        with pytest.raises(SpecError, match=reason):
            opened(out)


def test_the_command(project_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "frozen"
    arguments = ["freeze", str(project_folder), str(out), "--split", "train", "--split", "val", "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    values = json.loads(result.stdout)
    assert values == {
        "manifest": str(out / "manifest.json"),
        "samples": 3,
        "splits": {"train": 2, "val": 1},
        "skipped": [],
    }
    with pytest.raises(InputError, match="no status 'done'"):
        CliRunner().invoke(
            app, ["freeze", str(project_folder), str(out), "--status", "done"], catch_exceptions=False
        )


def test_what_was_said_travels_along(project_folder: Path, tmp_path: Path) -> None:
    with Project.open(project_folder, create=False) as project:
        for number in (0, 4):
            project.review.comment(f"drive/{number}", f"about {number}", 3.5, 4.5, 1)
    frozen(project_folder, tmp_path / "frozen")
    rows = json.loads((tmp_path / "frozen" / "comments.json").read_text(encoding="utf-8"))["comments"]
    assert [(row["key"], row["text"], row["class"]) for row in rows] == [("drive/0", "about 0", "building")]
    frozen(project_folder, tmp_path / "val", splits=("val",))
    assert not (tmp_path / "val" / "comments.json").exists()

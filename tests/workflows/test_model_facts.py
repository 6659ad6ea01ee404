"""What the catalog knows of models: scores on a project, speed, exports, data, disk; and two side by side."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from segstudio import paths
from segstudio.annotation.palette import load_palette
from segstudio.images import write_image
from segstudio.inference import model_changes
from segstudio.inference.catalog import find_entry
from segstudio.project.project import Project
from segstudio.training.data.manifest import FrozenSample, Manifest, write_text
from segstudio.workflows.bench import BenchResult
from segstudio.workflows.bench_history import BenchRecord, keep
from segstudio.workflows.evaluate_project import fingerprint_of
from segstudio.workflows.export_history import ExportedFormat, history_file, note_export, read_exports
from segstudio.workflows.model_comparison import compare_models
from segstudio.workflows.model_disk import Freeable, disk_use, exports_trash, free
from segstudio.workflows.model_facts import ModelFacts, find_facts, read_catalog
from segstudio.workflows.model_use import follow_renames, model_in_use, note_weights
from tests.workflows.model_stand_ins import make_model
from tests.workflows.test_bench_history import MACHINE, row


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: tmp_path / "shipped")


def exported(name: str, folder: Path, choices: str = "") -> None:
    """Notes what lies in a folder as an export of a."""
    files = tuple(path.name for path in folder.iterdir())
    note_export("a", "a", folder, (ExportedFormat(name, str(folder), choices=choices, files=files),))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "frames"
    for split in ("train", "val"):
        write_image(root / split / "a.png", np.zeros((8, 8, 3), np.uint8))
    with Project.open(root) as opened:
        yield opened


def score(project: Project, model: str, road: int, sky: int) -> None:
    """Of 100 pixels each, so many are right on both samples."""
    counts = np.zeros((19, 20), np.int64)
    counts[0, [0, 10]] = road, 100 - road
    counts[10, [10, 0]] = sky, 100 - sky
    entry = find_entry(model)
    assert entry.spec is not None
    for key in ("train/a", "val/a"):
        project.evaluation.record_counts(key, model, counts)
    project.note_fingerprint(model, fingerprint_of(entry.folder, entry.spec))


def bench(model: str, weights: str, fps: float, when: str) -> None:
    result = BenchResult(model, "onnx", "a CPU", "fp32", "latency", 1, (row(fps=fps),), "mit_b0", weights)
    keep(BenchRecord(when, MACHINE, result))


def facts_of(name: str, project: Project | None = None) -> ModelFacts:
    return find_facts(read_catalog(project), name)


def test_scores_are_those_of_the_project_with_class_and_split(project: Project) -> None:
    make_model("a")
    score(project, "a", 80, 60)
    measured = facts_of("a", project).measured
    assert measured is not None
    # TP / (TP + FP + FN) over both samples.
    assert measured.classes["road"] == pytest.approx(80 / (100 + 40))
    assert measured.classes["sky"] == pytest.approx(60 / (100 + 20))
    assert math.isnan(measured.classes["car"])
    assert measured.miou == pytest.approx((80 / 140 + 60 / 120) / 2)
    assert (measured.samples, measured.splits, measured.outdated) == (2, {"train": 1, "val": 1}, False)
    assert measured.by_split == {"train": pytest.approx(measured.miou), "val": pytest.approx(measured.miou)}
    assert facts_of("a").measured is None


def test_scores_of_other_weights_are_told(project: Project) -> None:
    entry = make_model("a")
    score(project, "a", 80, 60)
    (entry.folder / "model.onnx").write_text("other", encoding="utf-8")
    measured = facts_of("a", project).measured
    assert measured is not None
    assert measured.outdated


def test_speeds_and_exports_follow_a_renamed_model_and_no_other(tmp_path: Path) -> None:
    make_model("a")
    bench("a", "a", 20.0, "2026-01-01T10:00:00Z")
    bench("a", "a", 30.0, "2026-01-02T10:00:00Z")
    bench("a", "others", 99.0, "2026-01-03T10:00:00Z")
    out = tmp_path / "out"
    out.mkdir()
    note_export("a", "a", tmp_path / "p.html", (ExportedFormat("onnx", str(out), 1.0, 0.5, 0.5, 12.0),))
    model_changes.rename("a", "b")
    facts = facts_of("b")
    assert [speed.fps for speed in facts.speeds] == [30.0, 20.0]
    ((record, form),) = facts.exports
    assert (record.model, form.format, form.is_there, form.agreement) == ("a", "onnx", True, 1.0)
    assert facts.to_json()["exports"][0]["miou_after"] == 0.5


def test_damaged_lines_of_the_exports_are_passed_over(tmp_path: Path) -> None:
    note_export("a", "a", tmp_path, (ExportedFormat("tao", "x"),))
    with history_file().open("a", encoding="utf-8") as stream:
        stream.write('{"when": "x"}\nnonsense\n{"cut')
    note_export("b", "b", tmp_path, (ExportedFormat("onnx", "y", fps=3.0),))
    assert [record.model for record in read_exports()] == ["b", "a"]
    assert math.isnan(read_exports()[1].formats[0].agreement)
    assert read_exports()[0].formats[0].fps == 3.0


def test_lineage_manifest_and_spec_file_are_found() -> None:
    make_model("a")
    entry = make_model("b", "a")
    sample = FrozenSample("k", "k.png", "0", "k.png", "0", 8, 8, "train", "accepted")
    manifest = Manifest("/frames", load_palette("cityscapes"), (sample,))
    (entry.folder / "manifest.json").write_text(write_text(manifest), encoding="utf-8")
    (entry.folder / "experiment.yaml").write_text("train: {}\n", encoding="utf-8")
    facts = facts_of("b")
    assert [one.name for one in facts.parents] == ["a"]
    assert facts.manifest is not None
    assert (facts.manifest.samples, facts.manifest.splits, facts.manifest.project) == (
        1, {"train": 1}, "/frames",
    )  # fmt: skip
    assert facts.spec_file == entry.folder / "experiment.yaml"
    assert facts_of("a").children == ("b",)
    (entry.folder / "manifest.json").write_text("{", encoding="utf-8")
    assert facts_of("b").manifest is None


def test_two_models_side_by_side(project: Project) -> None:
    make_model("a", precision="fp32")
    make_model("b", "a", precision="int8", classes=("road", "car"))
    score(project, "a", 80, 60)
    score(project, "b", 90, 60)
    bench("a", "a", 20.0, "2026-01-01T10:00:00Z")
    bench("b", "b", 40.0, "2026-01-01T10:00:00Z")
    found = compare_models(facts_of("a", project), facts_of("b", project))
    assert {one.what: (one.first, one.second) for one in found.spec} == {
        "precision": ("fp32", "int8"),
        "parent": ("–", "a"),
    }
    assert (found.only_first, found.only_second) == (("sky",), ("car",))
    assert {pair.name: pair.change > 0 for pair in found.classes} == {"road": True, "sky": True}
    assert found.speeds is not None
    assert [speed.fps for speed in found.speeds] == [20.0, 40.0]
    assert found.notes == ()
    assert compare_models(facts_of("a"), facts_of("b")).notes == (
        "no scores of a are known here", "no scores of b are known here",
    )  # fmt: skip


def test_disk_use_by_kind_and_what_is_freed(tmp_path: Path) -> None:
    entry = make_model("a", files={"onnx": "model.onnx", "openvino": "model.xml"})
    (entry.folder / "model.bin").write_bytes(b"x" * 50)
    (entry.folder / "README.md").write_bytes(b"x" * 7)
    cache = paths.user_cache_dir() / "openvino" / "deep" / "x.blob"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"x" * 30)
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "report.json").write_bytes(b"x" * 20)
        exported("onnx", folder)
    make_model("gone")
    model_changes.delete("gone")
    found = disk_use()
    kinds = dict(found.models["a"])
    assert (kinds["openvino"], kinds["onnx"]) == (50, 1)
    assert kinds["other"] == 7 + (entry.folder / "model.json").stat().st_size
    assert (found.caches["openvino"], found.old_exports, found.exports) == (30, {str(old): 20}, 40)
    assert found.trash > 0
    assert [free(what) for what in (Freeable.CACHES, Freeable.TRASH, Freeable.EXPORTS)] == [
        30, found.trash, 20,
    ]  # fmt: skip
    assert (cache.exists(), old.exists(), new.exists()) == (False, False, True)
    left = disk_use()
    assert (left.trash, sum(left.caches.values()), dict(left.old_exports)) == (20, 0, {})
    (discarded,) = exports_trash().rglob("report.json")
    assert discarded.parts[-3:] == (*old.parts[-2:], "report.json")
    free(Freeable.TRASH)
    assert disk_use().trash == 0
    assert "a" in left.models


def test_only_exports_that_were_made_again_in_the_same_way_are_freed(tmp_path: Path) -> None:
    for name, choices in (("small", "480"), ("large", "960"), ("mine", "480"), ("outer", "480")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(b"x")
        exported("onnx", tmp_path / name, choices)
    (tmp_path / "mine" / "photo.jpg").write_bytes(b"x")
    newest = tmp_path / "outer" / "newest"
    newest.mkdir()
    (newest / "report.json").write_bytes(b"x")
    exported("onnx", newest, "480")
    note_export("a", "a", tmp_path, (ExportedFormat("onnx", str(tmp_path / "large")),))
    assert list(disk_use().old_exports) == [str(tmp_path / "small")]
    # It is the only one left.
    shutil.rmtree(tmp_path / "outer")
    assert free(Freeable.EXPORTS) == 0


def test_a_project_finds_its_model_under_the_new_name(project: Project) -> None:
    entry = make_model("a")
    score(project, "a", 80, 60)
    project.promotions.promote("a", project.fingerprint("a"), reason="better")
    assert model_in_use(project) == (entry, "")
    model_changes.rename("a", "b")
    assert model_in_use(project)[0] is None
    changes = follow_renames(project)
    assert (changes.model, len(changes.scores)) == (True, 2)
    found, why = model_in_use(project)
    assert (found.name if found else "", why) == ("b", "")
    assert facts_of("b", project).measured is not None
    assert follow_renames(project).is_empty


def test_records_of_other_weights_do_not_follow(project: Project) -> None:
    entry = make_model("a")
    score(project, "a", 80, 60)
    model_changes.rename("a", "b")
    (find_entry("b").folder / "model.onnx").write_text("other", encoding="utf-8")
    assert follow_renames(project).is_empty
    assert entry.name in project.model_names.known()


def test_records_follow_a_model_that_hid_a_shipped_one(project: Project) -> None:
    entry = make_model("a")
    shipped = paths.bundled_models_dir() / "a"
    shutil.copytree(entry.folder, shipped)
    (shipped / "model.onnx").write_text("shipped", encoding="utf-8")
    score(project, "a", 80, 60)
    project.promotions.promote("a", project.fingerprint("a"))
    model_changes.rename("a", "mine")
    assert find_entry("a").bundled
    assert follow_renames(project).model
    found, _ = model_in_use(project)
    assert found is not None
    assert found.name == "mine"
    # What the shipped model gets from now on is its own.
    score(project, "a", 10, 10)
    assert follow_renames(project).is_empty
    assert model_changes.rename("mine", "a").name == "a"


def test_a_promoted_name_with_other_weights_is_not_the_model_in_use(project: Project) -> None:
    entry = make_model("a")
    project.promotions.promote("a", "weights of before")
    assert model_in_use(project) == (None, "a has other weights now than when it was promoted")
    model_changes.delete("a", force=True)
    assert model_in_use(project)[1] == "the model of this project, a, is in the trash"
    model_changes.empty_trash()
    assert model_in_use(project)[1] == "the model of this project, a, is not here"
    project.promotions.promote("b", "")
    (paths.user_models_dir() / "b").mkdir()
    (paths.user_models_dir() / "b" / "model.json").write_text("{", encoding="utf-8")
    assert "cannot be used" in model_in_use(project)[1]
    assert entry.name == "a"


def test_the_weights_of_a_model_that_goes_are_noted(project: Project) -> None:
    entry = make_model("a")
    note_weights(project, entry)
    assert project.fingerprint("a") == ""
    flat = np.zeros((8, 8), np.uint8)
    project.save_prediction("val/a", flat, flat, "a")
    note_weights(project, entry)
    assert entry.spec is not None
    assert project.fingerprint("a") == fingerprint_of(entry.folder, entry.spec)

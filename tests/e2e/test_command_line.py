"""The command line as a user calls it: real program, real model, awkward images, exit statuses."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image

from segstudio.annotation.palette import load_palette
from segstudio.cli import main as cli
from segstudio.images import read_mask, write_image, write_mask
from segstudio.scenes.street import draw_scene

HEIGHT, WIDTH = 96, 160


@dataclass(frozen=True)
class Outcome:
    """How a call ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        return json.loads(self.out)


Call = Callable[..., Outcome]


def call(*arguments: str | Path) -> Outcome:
    """`segstudio ARGUMENTS` in a process of its own."""
    command = [sys.executable, "-m", "segstudio", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=300)
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """`segstudio ARGUMENTS` inside this process, for what needs no model: many times quicker."""

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr("sys.argv", ["segstudio", *map(str, arguments)])
        status: object = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code or 0
        said = capfd.readouterr()
        assert isinstance(status, int)
        return Outcome(status, said.out, said.err)

    return run


@pytest.fixture(scope="module")
def street() -> NDArray[np.uint8]:
    return draw_scene(7, HEIGHT, WIDTH).image


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory, street: NDArray[np.uint8]) -> Path:
    """A folder as people have them: one good photo, odd formats, and files that are no images."""
    folder = tmp_path_factory.mktemp("awkward")
    write_image(folder / "good.png", street)
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned: what is stored is the street lying on its side.
    Image.fromarray(np.ascontiguousarray(np.rot90(street))).save(folder / "turned.png", exif=exif)
    Image.fromarray(street).convert("CMYK").save(folder / "print.jpg", quality=95)
    grey = np.asarray(Image.fromarray(street).convert("L"), np.uint16)
    Image.fromarray(grey * np.uint16(257)).save(folder / "deep.png")
    (folder / "sub").mkdir()
    Image.new("RGB", (1, 1), (90, 90, 90)).save(folder / "sub" / "dot.png")
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("milk, bread, butter", encoding="utf-8")
    whole = (folder / "good.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 3])
    (folder / "notes.txt").write_text("not an image and not said to be one", encoding="utf-8")
    return folder


READABLE = {"good": (HEIGHT, WIDTH), "turned": (HEIGHT, WIDTH), "print": (HEIGHT, WIDTH),
            "deep": (HEIGHT, WIDTH), "sub/dot": (1, 1)}  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predictions") / "out"


@pytest.fixture(scope="module")
def first(awkward: Path, out: Path) -> Outcome:
    return call("predict", awkward, "--out", out, "--model", "street-b0", "--json")


def test_predict_tells_what_it_did(first: Outcome, out: Path) -> None:
    assert first.status == 0, first.err
    values = first.json
    assert set(values) == {
        "images", "resumed", "seconds", "fps", "latency_ms", "stages", "skipped", "backend", "device", "out"
    }  # fmt: skip
    assert (values["images"], values["resumed"]) == (5, 0)
    assert values["fps"] > 0
    assert set(values["latency_ms"]) == {"p50", "p95", "p99"}
    assert set(values["stages"]) == {"decode", "inference", "write"}
    assert values["out"] == str(out)


def test_predict_lists_what_it_could_not_read(first: Outcome, awkward: Path) -> None:
    skipped = {entry["path"]: entry["reason"] for entry in first.json["skipped"]}
    assert set(skipped) == {str(awkward / name) for name in ("empty.png", "text.jpg", "cut.png")}
    assert "is empty" in skipped[str(awkward / "empty.png")]
    assert "is no image" in skipped[str(awkward / "text.jpg")]
    assert "cannot be read" in skipped[str(awkward / "cut.png")]


@pytest.mark.parametrize(("name", "shape"), READABLE.items())
def test_predict_labels_everything_else_at_its_size(
    first: Outcome, out: Path, name: str, shape: tuple[int, int]
) -> None:
    ids = read_mask(out / f"{name}.png")
    assert ids.shape == shape
    assert ids.max() < 19
    with Image.open(out / f"{name}.png") as stored:
        assert stored.getpalette() == load_palette("cityscapes").colours().ravel().tolist()


def test_a_turned_photo_is_labelled_upright(first: Outcome, out: Path) -> None:
    good, turned = read_mask(out / "good.png"), read_mask(out / "turned.png")
    assert len(np.unique(good)) >= 3
    assert np.array_equal(good, turned)


def test_odd_formats_are_understood_like_the_plain_one(first: Outcome, out: Path) -> None:
    good = read_mask(out / "good.png")
    assert np.mean(read_mask(out / "print.png") == good) > 0.7
    assert np.mean(read_mask(out / "deep.png") == good) > 0.4


def test_predicting_again_does_nothing(first: Outcome, awkward: Path, out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    again = call("predict", awkward, "--out", out)
    assert again.status == 0, again.err
    assert again.out.startswith("0 predicted, 5 were done before, 3 skipped")
    assert again.out.count("\n  skipped ") == 3
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.png")} == before


def test_evaluate_as_json(tmp_path: Path) -> None:
    colours = load_palette("cityscapes").colours()
    for seed in (1, 2):
        scene = draw_scene(seed, HEIGHT, WIDTH)
        write_image(tmp_path / f"images/{seed}.png", scene.image)
        write_mask(tmp_path / f"masks/{seed}.png", scene.mask, colours)
    (tmp_path / "images/3.png").write_bytes(b"")
    write_mask(tmp_path / "masks/3.png", scene.mask, colours)
    (tmp_path / "images/4.png").write_bytes(b"")
    done = call("evaluate", "--images", tmp_path / "images", "--masks", tmp_path / "masks", "--json")
    assert done.status == 0, done.err
    values = done.json
    assert {"model", "palette", "images", "miou", "macc", "aacc", "per_class", "confusion"} <= set(values)
    assert (values["model"], values["palette"], values["images"]) == ("street-b0", "cityscapes", 2)
    assert 0 < values["miou"] <= values["macc"] <= 1
    assert list(values["per_class"]) == list(load_palette("cityscapes").names)
    assert all({"iou", "acc", "f1", "pixels"} <= set(entry) for entry in values["per_class"].values())
    counts = np.array(values["confusion"])
    assert counts.shape == (19, 20)
    road = values["per_class"]["road"]
    assert road["iou"] == pytest.approx(
        counts[0, 0] / (counts[0].sum() + counts[:, 0].sum() - counts[0, 0]), abs=1e-9
    )
    assert road["pixels"] == counts[0].sum()
    assert values["orphans"] == [str(tmp_path / "images/4.png")]
    assert [entry["path"] for entry in values["skipped"]] == [str(tmp_path / "images/3.png")]


BAD_CALLS = {
    "there is no model 'nobody'": ("predict", "{tmp}/photos", "--out", "{tmp}/out", "--model", "nobody"),
    "none does not exist": ("predict", "{tmp}/none", "--out", "{tmp}/out"),
    "no images in": ("predict", "{tmp}/bare", "--out", "{tmp}/out"),
    "cannot save 'heat'": ("predict", "{tmp}/photos", "--out", "{tmp}/out", "--save", "ids,heat"),
    "window 'round'": ("predict", "{tmp}/photos", "--out", "{tmp}/out", "--window", "round"),
    "there is no backend 'abacus'": ("predict", "{tmp}/photos", "--out", "{tmp}/out", "--backend", "abacus"),
    "every 0 frames": ("predict", "{tmp}/photos", "--out", "{tmp}/out", "--every", "0"),
    "from 3 to 2 seconds": ("predict", "{tmp}/photos", "-o", "{tmp}/out", "--from", "3", "--to", "2"),
    "numbers '1,big'": ("predict", "{tmp}/photos", "--out", "{tmp}/out", "--scales", "1,big"),
    "would overwrite": ("predict", "{tmp}/photos", "--out", "{tmp}/photos"),
    "predict.json cannot be written": ("predict", "{tmp}/photos", "--out", "{tmp}/photos/dot.png"),
    "none is no folder": ("evaluate", "--images", "{tmp}/photos", "--masks", "{tmp}/none"),
    "no image in": ("evaluate", "--images", "{tmp}/photos", "--masks", "{tmp}/bare"),
    "nothing to evaluate": ("evaluate",),
    "studio.evaluation has windows": ("evaluate", "-e", "{tmp}/none.yaml", "--scales", "1,2"),
    "a spec says which images": ("evaluate", "-e", "{tmp}/none.yaml", "--images", "{tmp}/photos"),
    "unexpected 'train.seed=7'": ("evaluate", "--images", "{tmp}", "--masks", "{tmp}", "train.seed=7"),
    "add --robustness": ("evaluate", "--images", "{tmp}", "--masks", "{tmp}", "--kinds", "fog"),
    "there is no corruption 'rain'": ("evaluate", "--robustness", "--kinds", "rain"),
    "severities '1,x'": ("evaluate", "--robustness", "--severities", "1,x"),
    "nowhere.yaml": ("inference", "-e", "{tmp}/nowhere.yaml"),
    "there is no palette 'x'": ("evaluate", "--images", "{tmp}", "--masks", "{tmp}", "--palette", "x"),
    "there is no model 'x'": ("models", "show", "x"),
    "bare holds no weights": ("models", "import", "{tmp}/bare"),
    "none.yaml": ("train", "-e", "{tmp}/none.yaml"),
    "there is no task 'fly'": ("default-specs", "fly"),
    "size 'big'": ("bench", "street-b0", "--size", "64x64,big"),
    "count '0'": ("bench", "street-b0", "--batch", "1,0"),
    "there is no peer 'tf'": ("bench", "street-b0", "--against", "tf"),
    "precision 'int3'": ("bench", "street-b0", "--precision", "int3"),
    "a size, batch or time of 0.0": ("bench", "street-b0", "--seconds", "0"),
    "none": ("project", "info", "{tmp}/none"),
    "No such command": ("projects", "x"),
    "Missing option": ("predict", "{tmp}/photos"),
}  # fmt: skip


@pytest.mark.parametrize("message", BAD_CALLS)
def test_bad_input_ends_with_2_and_one_line(here: Call, tmp_path: Path, message: str) -> None:
    write_image(tmp_path / "photos/dot.png", np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "bare").mkdir()
    before = (tmp_path / "photos/dot.png").read_bytes()
    done = here(*(word.format(tmp=tmp_path) for word in BAD_CALLS[message]))
    assert done.status == 2, done.err
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert done.out == ""
    assert (tmp_path / "photos/dot.png").read_bytes() == before
    if done.err.startswith("segstudio: "):
        assert done.err.count("\n") == 1


def test_a_bug_ends_with_1_and_a_report(
    here: Call, monkeypatch: pytest.MonkeyPatch, isolated_home: Path
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("odd machine")

    monkeypatch.setattr("segstudio.workflows.doctor.examine", broken)
    done = here("doctor")
    assert done.status == 1
    assert "this is a bug" in done.err
    (report,) = (isolated_home / "log").glob("bug-*.txt")
    assert str(report) in done.err
    assert "ZeroDivisionError: odd machine" in report.read_text(encoding="utf-8")


def test_models_are_listed_and_shown(here: Call) -> None:
    entries = {entry["name"]: entry for entry in here("models", "list", "--json").json}
    assert entries["street-b0"]["bundled"] is True
    assert entries["street-b0"]["problem"] == ""
    assert "street-b0" in here("models", "list").out
    spec = here("models", "show", "street-b0", "--json").json
    assert spec["architecture"] == "mit_b0"
    assert len(spec["classes"]) == 19


def test_a_model_is_imported_under_another_name(here: Call, isolated_home: Path) -> None:
    folder = next(e["folder"] for e in here("models", "list", "--json").json if e["name"] == "street-b0")
    assert here("models", "import", folder, "--name", "mine").status == 0
    assert here("models", "show", "mine", "--json").json["name"] == "mine"
    entries = {entry["name"]: entry for entry in here("models", "list", "--json").json}
    assert entries["mine"]["folder"] == str(isolated_home / "data/models/mine")
    assert entries["mine"]["bundled"] is False
    again = here("models", "import", folder, "--name", "mine")
    assert (again.status, "there is a model 'mine' already" in again.err) == (2, True)


def test_doctor_finds_backends_and_models(here: Call) -> None:
    findings = {finding["topic"]: finding for finding in here("doctor", "--json").json}
    assert {"Python", "Processor", "Backend openvino", "Backend onnx", "NVIDIA GPU", "Models"} <= set(
        findings
    )
    assert findings["Models"]["found"].startswith("street-b0")
    assert any(findings[topic]["well"] for topic in ("Backend openvino", "Backend onnx"))
    # Whatever is not there comes with what to do about it.
    assert all(finding["well"] or finding["hint"] for finding in findings.values())
    lines = here("doctor").out.splitlines()
    assert sum(line.startswith(("ok ", "no ")) for line in lines) == len(findings)


def test_projects_are_made_counted_and_scanned_again(here: Call, tmp_path: Path) -> None:
    for seed in range(3):
        write_image(tmp_path / f"frame{seed}.png", draw_scene(seed, 32, 48).image)
    made = here("project", "init", tmp_path, "--json")
    assert made.status == 0, made.err
    assert made.json["samples"] == 3
    assert made.json["palette"] == "cityscapes"
    assert made.json["root"] == str(tmp_path)
    write_image(tmp_path / "frame9.png", draw_scene(9, 32, 48).image)
    assert here("project", "rescan", tmp_path, "--json").json["samples"] == 4
    assert "samples: 4" in here("project", "info", tmp_path).out.splitlines()


def test_samples_are_divided_into_splits(here: Call, tmp_path: Path) -> None:
    for seed in range(10):
        write_image(tmp_path / f"frame{seed}.png", draw_scene(seed, 32, 48).image)
    assert here("project", "init", tmp_path).status == 0
    assert here("project", "split", tmp_path, "train=0.8", "val=0.2", "--json").json["by_split"] == {
        "train": 8,
        "val": 2,
    }
    assert here("project", "split", tmp_path, "train=0.8", "val=0.1").status == 2
    refused = here("project", "split", tmp_path, "train")
    assert (refused.status, "no NAME=SHARE" in refused.err) == (2, True)


def test_the_default_spec_is_complete_and_valid(here: Call, tmp_path: Path) -> None:
    from segstudio.training.spec.load import load_spec, spec_yaml

    done = here("default_specs", "train")
    assert done.status == 0
    assert here("default-specs").out == done.out
    (tmp_path / "spec.yaml").write_text(done.out, encoding="utf-8")
    # Only where the user's images are has no default.
    loaded = load_spec(tmp_path / "spec.yaml", ["dataset.segment.root_dir=photos"]).spec
    assert loaded.dataset.segment.root_dir == "photos"
    values = yaml.safe_load(done.out)
    values["dataset"]["segment"]["root_dir"] = "photos"
    full = yaml.safe_load(spec_yaml(loaded))
    assert {key: full[key] for key in values} == values
    # Every task and preset has its own; unknown ones are refused.
    assert "vis_after_n_batches" in here("default_specs", "evaluate", "--preset", "tao").out
    assert here("default_specs", "train", "--preset", "best").status == 2


def test_which_calls_open_the_window() -> None:
    assert cli.is_folder_call([])
    assert cli.is_folder_call(["/photos"])
    assert not cli.is_folder_call(["--help"])
    assert not cli.is_folder_call(["predict", "/photos"])
    for name in ("predict", "models", "default_specs", "default-specs", "demo", "project"):
        assert not cli.is_folder_call([name])


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "predict --help",
        "models show x",
        "predict nothing -o out",
        "evaluate --images none --masks none",
        "evaluate -e none.yaml",
        "default_specs",
    ],
)
def test_light_commands_load_neither_torch_nor_qt(command: str) -> None:
    """Torch alone takes seconds to load: help and errors are to come at once."""
    code = """if 1:
        import sys
        from segstudio.cli import main as cli
        try:
            cli.main()
        finally:
            print(sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
    """
    argv = [sys.executable, "-c", code, *command.split()]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    loaded = yaml.safe_load(done.stderr.strip().splitlines()[-1])
    assert "segstudio" in loaded
    assert not {"torch", "PySide6", "openvino", "onnxruntime"} & set(loaded)


def test_help_names_every_command() -> None:
    done = call("--help")
    assert done.status == 0
    shown = set(done.out.split())
    assert shown >= {
        "predict",
        "evaluate",
        "inference",
        "train",
        "default_specs",
        "export",
        "bench",
        "doctor",
        "demo",
    }
    assert shown >= {"models", "project"}

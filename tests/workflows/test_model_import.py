"""Foreign models come into the catalog whole or not at all, and their weights go out again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from segstudio import paths
from segstudio.annotation.palette import load_palette
from segstudio.annotation.palette_choice import make_palette, save_palette
from segstudio.cli import main as cli
from segstudio.errors import InputError, ModelError, PaletteError
from segstudio.images import write_image
from segstudio.inference.backend import Options, open_backend
from segstudio.inference.catalog import find_model, list_models
from segstudio.inference.predictor import Predictor
from segstudio.inference.spec import ResizeRule
from segstudio.networks.architecture import HUGGINGFACE_EPS, Architecture
from segstudio.networks.key_maps import recognise
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import save_network_weights
from segstudio.workflows.model_export import export_weights
from segstudio.workflows.model_import import import_source, inspect_source, model_name, normalisation_name
from segstudio.workflows.model_source import ImportChoices, facts_from_dict
from tests.deploy.onnx_peers import mmseg_file

transformers = pytest.importorskip("transformers")

NAMES = {0: "cat", 1: "dog", 2: "bird house"}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Threads that wait for each other cost more than the work takes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder of a b0 with three classes of its own."""
    torch.manual_seed(0)
    made = tmp_path_factory.mktemp("hub") / "my pets"
    model = transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(id2label=NAMES)).eval()
    with torch.no_grad():
        model.decode_head.classifier.weight.normal_(0, 0.5)
    model.save_pretrained(made)
    settings = {"size": {"height": 64, "width": 96}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (made / "preprocessor_config.json").write_text(json.dumps(settings))
    return made


@pytest.fixture
def weights(tmp_path: Path) -> Callable[..., Path]:
    """Makes files of our own weights."""

    def make(classes: int = 19, name: str = "ours.safetensors", **options: Any) -> Path:
        network = SegFormer(Architecture("mit_b0", classes))
        save_network_weights(network.state_dict(), tmp_path / name)
        return tmp_path / name

    return make


def nothing_is_left() -> bool:
    """Whether the user's models and palettes are as empty as before."""
    return not [*paths.user_models_dir().iterdir(), *paths.user_palettes_dir().iterdir()]


def test_inspecting_says_what_a_folder_holds(folder: Path) -> None:
    facts = inspect_source(str(folder))
    assert (facts.kind, facts.producer, facts.network) == (
        "checkpoint",
        "Hugging Face",
        "mit_b0, head of 256",
    )
    assert (facts.classes, facts.class_names) == (3, tuple(NAMES.values()))
    assert facts.makes_palette
    assert (facts.height, facts.width) == (64, 96)
    assert facts.mean == facts.std == (0.5, 0.5, 0.5)
    assert facts.normalisation == "as the file says"
    assert facts.name == "my-pets"
    assert nothing_is_left()


def test_importing_makes_a_model_that_answers_like_its_source(folder: Path, tmp_path: Path) -> None:
    made = import_source(str(folder), ImportChoices(licence="mine"))
    assert (made.name, made.palette, made.matched, made.missing) == ("my-pets", "my-pets", 192, ())
    assert min(made.parity.values()) >= 0.9999
    assert len(made.parity) >= 1
    where, spec = find_model("my-pets")
    assert spec.classes == tuple(NAMES.values())
    assert spec.resize == ResizeRule("stretch", 64, 96)
    assert (spec.mean, spec.licence) == ((0.5, 0.5, 0.5), "mine")
    assert (spec.network["block_eps"], spec.network["embed_eps"]) == HUGGINGFACE_EPS
    assert load_palette("my-pets").names == spec.classes
    images = tmp_path / "images"
    write_image(images / "a.png", np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8))
    assert run("predict", str(images), "--model", "my-pets", "--out", str(tmp_path / "out")) == 0
    with pytest.raises(ModelError, match="already"):
        import_source(str(folder))
    brings_its_palette(where)
    round_trip(where, tmp_path)


def brings_its_palette(where: Path) -> None:
    """A copy on a machine that has never seen these classes knows them."""
    (paths.user_palettes_dir() / "my-pets.yaml").unlink()
    import_source(str(where), ImportChoices(name="copy"))
    assert load_palette(find_model("copy")[1].palette).names == tuple(NAMES.values())


def round_trip(where: Path, tmp_path: Path) -> None:
    """Out to Hugging Face's form, and byte-equal in again."""
    export_weights("my-pets", tmp_path / "again", "huggingface")
    again = transformers.SegformerForSemanticSegmentation.from_pretrained(tmp_path / "again")
    assert again.config.id2label == NAMES
    from segstudio.networks.checkpoint_file import read_checkpoint_file

    found = recognise(read_checkpoint_file(tmp_path / "again"))
    own = load_file(where / "weights.safetensors")
    assert set(found.tensors) == set(own)
    assert all(torch.equal(tensor, own[name]) for name, tensor in found.tensors.items())


def run(*words: str) -> int:
    """The exit status of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["segstudio", *words])
        try:
            cli.main()
        except SystemExit as error:
            return int(error.code or 0)
    return 0


def test_a_palette_of_other_classes_is_refused_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(PaletteError, match=r"3 classes, palette cityscapes has 19"):
        import_source(str(folder), ImportChoices(palette="cityscapes"))
    assert nothing_is_left()


def test_two_nameless_classes_could_be_anything(weights: Callable[..., Path]) -> None:
    source = str(weights(2))
    facts = inspect_source(source)
    assert facts.palette == ""
    assert "2 classes" in facts.palette_problem
    with pytest.raises(PaletteError, match="people"):
        import_source(source)
    assert nothing_is_left()


def test_a_failing_proof_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_reports: object) -> None:
        raise ModelError("the exported file differs")

    monkeypatch.setattr("segstudio.deploy.model_folder.require_parity", refuse)
    with pytest.raises(ModelError, match="differs"):
        import_source(str(folder))
    assert nothing_is_left()


def test_a_backbone_alone_is_no_model(tmp_path: Path) -> None:
    network = SegFormer(Architecture("mit_b0", 2))
    torch.save(network.backbone.state_dict(), tmp_path / "mit_b0.pth")
    with pytest.raises(ModelError, match="mit_b0 without a decode head"):
        import_source(str(tmp_path / "mit_b0.pth"))


@pytest.mark.parametrize("command", ["inspect", "import"])
def test_bad_sources_get_one_line(
    command: str, tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    whole = (folder / "model.safetensors").read_bytes()
    torch.save({"state_dict": {"a.weight": torch.zeros(300, 300)}}, tmp_path / "whole.pth")
    bad = {
        "secret.tlt": (b"\x00\x00\x00\x00" + bytes(range(200, 255)), "encrypted"),
        "secret.etlt": (b"\x00\x00\x00\x00" + bytes(range(200, 255)), "encrypted"),
        "cut.pth": ((tmp_path / "whole.pth").read_bytes()[:20000], "damaged"),
        "cut.safetensors": (whole[: len(whole) // 2], "safetensors"),
        "page.pth": (b"<!DOCTYPE html><html>", "web page"),
        "empty.pth": (b"", "empty"),
        "other.onnx": (b"not a graph", "ONNX"),
    }
    for name, (content, said) in bad.items():
        (tmp_path / name).write_bytes(content)
        refused(command, str(tmp_path / name), said, capsys)
    refused(command, str(tmp_path / "whole.pth"), "no SegFormer", capsys)
    refused(command, "nobody/such-model", "cannot be reached", capsys)
    assert nothing_is_left()


def refused(command: str, source: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", command, source) == 2, source
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert said.lower() in lines[0].lower(), lines[0]


def test_a_child_process_reports_by_json_lines(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("models", "inspect", str(folder), "--json-events") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["progress"][2] == "reading my pets"
    assert facts_from_dict(lines[-1]["result"]) == inspect_source(str(folder))


def test_an_onnx_file_and_a_palette_of_the_user_come_in_together(tmp_path: Path) -> None:
    source = tmp_path / "net work.onnx"
    source.write_bytes(mmseg_file(3))
    facts = inspect_source(str(source))
    assert (facts.kind, facts.classes, facts.palette, facts.name) == ("onnx", 3, "", "net-work")
    save_palette(make_palette("trees", ("oak", "elm", "ash")), tmp_path / "mine.yaml")
    choices = ImportChoices(palette=str(tmp_path / "mine.yaml"), mean=(0.1, 0.2, 0.3), short_side=64)
    made = import_source(str(source), choices)
    assert any("folded" in note for note in made.notes)
    spec = find_model(made.name)[1]
    assert (spec.classes, spec.mean) == (("oak", "elm", "ash"), (0.1, 0.2, 0.3))
    assert load_palette(spec.palette).names == spec.classes
    answer = predictor(made.name).predict(np.zeros((50, 70, 3), np.uint8))
    assert answer.ids.shape == (50, 70)


def predictor(name: str) -> Predictor:
    where, spec = find_model(name)
    return Predictor(open_backend(where, spec, "onnx", Options(threads=1)), spec)


def test_a_model_folder_is_copied(tmp_path: Path) -> None:
    source = paths.bundled_models_dir() / "street-b0"
    assert inspect_source(str(source)).kind == "model"
    made = import_source(str(source), ImportChoices(name="mine"))
    assert made.palette == "cityscapes"
    assert "mine" in {entry.name for entry in list_models()}


def test_words_of_the_options_are_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "import", str(folder), "--mean", "1,2") == 2
    assert "three numbers" in capsys.readouterr().err
    assert run("models", "import", str(folder), "--name", "a/b") == 2
    assert "no model name" in capsys.readouterr().err
    with pytest.raises(InputError, match="huggingface, nvlabs, mmseg"):
        export_weights("street-b0", Path("somewhere"), "tensorflow")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("nvidia/segformer-b0-finetuned-cityscapes-1024-1024", "segformer-b0-finetuned-cityscapes-1024-1024"),
        ("runs/büro 7/", "b-ro-7"),
        ("...", "model"),
    ],
)
def test_names_are_made_of_sources(source: str, name: str) -> None:
    assert model_name(source) == name


def test_a_file_that_is_called_like_all_others_takes_its_folders_name(tmp_path: Path) -> None:
    source = tmp_path / "city" / "pytorch_model.bin"
    source.parent.mkdir()
    source.touch()
    assert model_name(str(source)) == "city"


def test_normalisations_have_names() -> None:
    assert normalisation_name((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)) == "ImageNet"
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    red, green, blue = (value / 255 for value in mean)
    assert normalisation_name((red, green, blue), (std[0] / 255, std[1] / 255, std[2] / 255)) == "ImageNet"
    assert normalisation_name((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)) == "-1 to 1"
    assert normalisation_name((0.1, 0.5, 0.5), (0.5, 0.5, 0.5)) == ""

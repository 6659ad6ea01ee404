"""A foreign ONNX file becomes a model folder that answers alike, or leaves nothing behind."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.annotation.palette import load_palette
from segstudio.deploy import onnx_adopt, onnx_graph
from segstudio.deploy.export import Exported
from segstudio.deploy.model_folder import parity_images
from segstudio.deploy.onnx_adopt import Adopted, adopt_onnx
from segstudio.deploy.onnx_facts import inspect_onnx
from segstudio.deploy.onnx_fold import FoldOutcome
from segstudio.deploy.onnx_graph import load_onnx, opset
from segstudio.deploy.onnx_origin import HALVES, IMAGENET
from segstudio.deploy.onnx_wrap import original_answer, resized
from segstudio.deploy.parity import ParityReport
from segstudio.errors import BackendError, InputError, ModelError, PaletteError
from segstudio.inference.backend import Options, available_backends, open_backend
from segstudio.inference.spec import ResizeRule, load_spec, network_size
from tests.deploy.onnx_peers import (
    FIXED,
    ChannelsLast,
    Ids,
    MmsegForm,
    Probable,
    exported,
    ids_file,
    logits_file,
    mmseg_file,
)
from tests.deploy.test_onnx_fold import answer
from tests.inference.conftest import noise

Bytes = NDArray[np.uint8]
PICTURES = [noise(75, 110, 1), noise(97, 61, 2)]


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof on two small pictures; one test takes the real ones."""
    monkeypatch.setattr(onnx_adopt, "parity_images", lambda: PICTURES)


def adopted(content: bytes, folder: Path, **options: Any) -> Adopted:
    path = folder / "foreign.onnx"
    path.write_bytes(content)
    made = adopt_onnx(path, folder / "model", **arguments(short_side=64, **options))
    assert sorted(entry.name for entry in folder.iterdir()) == ["foreign.onnx", "model"]
    assert load_spec(folder / "model") == made.spec
    assert [report.backend for report in made.parity] == [
        one.name for one in available_backends() if one.available and one.needs == "onnx"
    ]
    assert all(report.passed for report in made.parity)
    return made


def answered(made: Adopted, image: Bytes) -> tuple[Bytes, Bytes]:
    backend = open_backend(made.folder, made.spec, "onnx", Options(threads=1))
    ids, confidence = backend.run(image[None])
    backend.close()
    return ids[0], confidence[0]


def prepared(made: Adopted, image: Bytes) -> NDArray[np.float32]:
    """The input of the file as it came, by independent arithmetic."""
    size = network_size(made.spec.resize, *image.shape[:2])
    planes = resized(image.transpose(2, 0, 1) / 255, size)
    centred = planes - np.reshape(made.spec.mean, (3, 1, 1))
    given: NDArray[np.float32] = (centred / np.reshape(made.spec.std, (3, 1, 1)))[None].astype(np.float32)
    return given


def arguments(palette: str = "", **options: Any) -> dict[str, Any]:
    return {"name": "adopted", "palette": load_palette(palette) if palette else None, **options}


def refused(content: bytes, folder: Path, words: str, **options: Any) -> InputError:
    path = folder / "foreign.onnx"
    path.write_bytes(content)
    with pytest.raises((ModelError, PaletteError), match=words) as caught:
        adopt_onnx(path, folder / "model", **arguments(**options))
    assert [entry.name for entry in folder.iterdir()] == ["foreign.onnx"]
    assert "\n" not in str(caught.value)
    return caught.value


def test_free_sizes(tmp_path: Path) -> None:
    made = adopted(logits_file(dynamic=True), tmp_path)
    assert made.folded
    assert made.spec.resize == ResizeRule("short_side", 64)
    assert (made.spec.palette, made.spec.classes) == ("cityscapes", load_palette("cityscapes").names)
    assert (made.spec.head, made.spec.embed_dim, made.spec.architecture) == ("ids+confidence", 32, "onnx")
    assert (made.spec.mean, made.spec.std) == IMAGENET
    assert "Hugging Face" in made.spec.notes
    assert "head folded, relative error" in made.spec.notes
    assert "foreign.onnx" in made.spec.notes
    model = onnx.load(made.folder / "model.onnx")
    dims = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims == ["batch", "height", "width", 3]
    assert inspect_onnx(made.folder / "model.onnx").kind == "deployment"


def test_fixed_size_and_batch(tmp_path: Path) -> None:
    made = adopted(logits_file(opset=13), tmp_path, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    assert made.spec.resize == ResizeRule("stretch", *FIXED)
    assert (made.spec.mean, made.spec.std) == ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
    model = onnx.load(made.folder / "model.onnx")
    assert opset(model) == 13
    ends = [*model.graph.input, *model.graph.output]
    assert [end.type.tensor_type.shape.dim[0].dim_value for end in ends] == [1, 1, 1]


def test_answers_are_those_of_the_file(tmp_path: Path) -> None:
    made = adopted(logits_file(), tmp_path)
    image = noise(80, 120, 9)
    logits = answer(load_onnx(tmp_path / "foreign.onnx"), prepared(made, image))[0]
    scores = resized(logits.astype(np.float64), (80, 120))
    shares = np.exp(scores - scores.max(0))
    ids, confidence = answered(made, image)
    assert (ids == scores.argmax(0)).mean() > 0.9999
    expected = 255 / shares.sum(0)
    assert np.abs(confidence - expected).max() < 1
    assert len(np.unique(ids)) > 3
    assert confidence.std() > 5


@pytest.mark.parametrize("channel", [1, 3])
def test_ids_are_restored_by_the_nearest_pixel(channel: int, tmp_path: Path) -> None:
    made = adopted(ids_file(channel), tmp_path)
    assert (made.spec.head, made.spec.palette) == ("ids", "cityscapes")
    assert "confidence is unknown" in made.spec.notes
    image = noise(80, 70, 9)
    given = answer(load_onnx(tmp_path / "foreign.onnx"), prepared(made, image)).reshape(FIXED)
    rows = [int((row + 0.5) * FIXED[0] / 80) for row in range(80)]
    columns = [int((column + 0.5) * FIXED[1] / 70) for column in range(70)]
    ids, confidence = answered(made, image)
    assert (ids == given[rows][:, columns]).mean() > 0.9999
    assert confidence.min() == 255


def test_old_opset_is_converted(tmp_path: Path) -> None:
    made = adopted(logits_file(opset=11, dynamic=True), tmp_path)
    assert opset(onnx.load(made.folder / "model.onnx")) == 13
    assert made.folded
    assert made.facts.opset == 11


def test_newer_opset_is_kept(tmp_path: Path) -> None:
    model = onnx.version_converter.convert_version(onnx.load_from_string(mmseg_file()), 19)
    made = adopted(model.SerializeToString(), tmp_path)
    assert opset(onnx.load(made.folder / "model.onnx")) == 19


def test_opset_that_cannot_be_converted_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("no adapter\nfor Frobnicate")

    monkeypatch.setattr(onnx.version_converter, "convert_version", fail)
    error = refused(logits_file(opset=11, dynamic=True), tmp_path, "opset 11, which cannot be brought to 13")
    assert "no adapter for Frobnicate" in error.message


def test_tao_file(tmp_path: Path) -> None:
    made = adopted(logits_file(tao=True, dynamic=True, biased=True), tmp_path)
    assert (made.spec.mean, made.spec.std) == HALVES
    assert made.folded


def test_channels_last_input(tmp_path: Path) -> None:
    made = adopted(exported(ChannelsLast(MmsegForm()), names=("x", "y"), shape=(1, *FIXED, 3)), tmp_path)
    assert made.folded
    assert "no known producer" in made.spec.notes


def test_network_that_ends_with_softmax(tmp_path: Path) -> None:
    made = adopted(exported(Probable(MmsegForm()), names=("x", "y"), dynamic=True), tmp_path)
    image = noise(80, 120, 9)
    shares = answer(load_onnx(tmp_path / "foreign.onnx"), prepared(made, image))[0]
    _, confidence = answered(made, image)
    expected = 255 * resized(shares.astype(np.float64), (80, 120)).max(0)
    assert np.abs(confidence - expected).max() < 1


@pytest.mark.parametrize("float_ends", [False, True])
def test_half_file_is_computed_in_float32(float_ends: bool, tmp_path: Path) -> None:
    class Ends(torch.nn.Module):
        """A float16 network with float32 at both ends."""

        def __init__(self) -> None:
            super().__init__()
            self.network = MmsegForm().half()

        def forward(self, pixels: Tensor) -> Tensor:
            logits: Tensor = self.network(pixels.half())
            return logits.float()

    network = Ends() if float_ends else MmsegForm().half()
    dtype = torch.float32 if float_ends else torch.float16
    made = adopted(exported(network, names=("x", "y"), dynamic=True, dtype=dtype), tmp_path)
    assert made.folded
    kinds = {tensor.data_type for tensor in onnx.load(made.folder / "model.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in kinds
    assert made.spec.precision == "fp32"


def test_head_that_cannot_be_folded_is_used_as_it_is(tmp_path: Path) -> None:
    made = adopted(exported(MmsegForm(mode="nearest"), dynamic=True), tmp_path)
    assert not made.folded
    assert "head not folded: a level is resized by nearest" in made.spec.notes


def test_own_deployment_graph_is_taken_as_it_is(tiny_model: Exported, tmp_path: Path) -> None:
    content = (tiny_model.folder / "model.onnx").read_bytes()
    made = adopted(content, tmp_path)
    assert (made.spec.name, made.spec.files) == ("adopted", {"onnx": "model.onnx"})
    assert (made.spec.resize, made.spec.classes) == (tiny_model.spec.resize, tiny_model.spec.classes)
    assert (made.spec.mean, made.spec.std) == (tiny_model.spec.mean, tiny_model.spec.std)
    assert made.spec.architecture == tiny_model.spec.architecture
    assert onnx.load(made.folder / "model.onnx") == onnx.load_from_string(content)


def test_deployment_graph_without_metadata_is_refused(tiny_model: Exported, tmp_path: Path) -> None:
    model = onnx.load(tiny_model.folder / "model.onnx")
    del model.metadata_props[:]
    refused(model.SerializeToString(), tmp_path, "without segstudio's metadata")


def test_proof_on_real_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_adopt, "parity_images", parity_images)
    made = adopted(logits_file(dynamic=True), tmp_path)
    stored = json.loads((made.folder / "parity.json").read_text(encoding="utf-8"))
    assert [entry["agreement"] for entry in stored] == [report.agreement for report in made.parity]
    assert [report.images for report in made.parity] == [len(parity_images())] * len(made.parity)


def test_failed_proof_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = ParityReport("onnx", 1, 100, 0.5, 90)
    monkeypatch.setattr(onnx_adopt, "_parity", lambda *arguments: [report])
    refused(mmseg_file(), tmp_path, "differs in onnx")


def test_wrong_restore_fails_the_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = original_answer
    monkeypatch.setattr(
        onnx_adopt,
        "original_answer",
        lambda session, facts, spec, image: honest(
            session, facts, dataclasses.replace(spec, mean=(0.406, 0.456, 0.485)), image
        ),
    )
    refused(mmseg_file(), tmp_path, "differs in")


def test_backend_that_refuses_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise BackendError("OpenVINO refuses it", hint="a hint")

    monkeypatch.setattr("segstudio.deploy.parity.open_backend", refuse)
    error = refused(mmseg_file(), tmp_path, "cannot be adopted: OpenVINO refuses it")
    assert error.hint == "a hint"


def test_palette_of_another_count_is_refused(tmp_path: Path) -> None:
    words = "has 19 classes, palette people has 2"
    error = refused(mmseg_file(), tmp_path, words, palette="people")
    assert "cityscapes" in error.hint


def test_two_classes_need_a_palette(tmp_path: Path) -> None:
    content = mmseg_file(2)
    error = refused(content, tmp_path, "has 2 classes and no names")
    assert "foreground-background, people" in error.hint
    made = adopted(content, tmp_path, palette="people")
    assert made.spec.classes == ("background", "person")


def test_count_that_no_palette_has(tmp_path: Path) -> None:
    error = refused(mmseg_file(7), tmp_path, "has 7 classes")
    assert error.hint == "name a palette with --palette: none is here, or the path of a YAML file"


def test_ids_of_unknown_count(tmp_path: Path) -> None:
    class Low(Ids):
        """Ids whose classifier is out of sight: a sum follows it."""

        def forward(self, pixels: Tensor) -> Tensor:
            ids: Tensor = (self.network(pixels) + pixels.mean()).argmax(1)
            return ids

    content = exported(Low(MmsegForm(), 1), names=("input", "output"))
    error = refused(content, tmp_path, "does not tell its classes")
    assert "cityscapes" in error.hint
    refused(content, tmp_path, r"gives id \d+, palette people has 2 classes", palette="people")
    assert adopted(content, tmp_path, palette="ade20k-150").spec.head == "ids"


def test_name_that_is_none_is_refused(tmp_path: Path) -> None:
    refused(mmseg_file(), tmp_path, "name is not usable", name="../up")


def test_large_model_keeps_its_weights_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_graph, "LARGEST_FILE", 10_000)
    made = adopted(mmseg_file(), tmp_path)
    names = {entry.name for entry in made.folder.iterdir()}
    assert set(made.spec.files.values()) | {"model.json", "parity.json"} == names
    assert "model.onnx.data" in names


@pytest.mark.parametrize(
    ("dims", "blocks", "name"),
    [((32, 64, 160, 256), 8, "mit_b0"), ((64, 128, 320, 512), 52, "mit_b5"), ((64, 128, 320, 512), 9, "onnx"),
     ((128, 256, 192, 192), 0, "fan_tiny_8_p4_hybrid"), ((), 8, "onnx")],
)  # fmt: skip
def test_architecture_by_channels_and_blocks(dims: tuple[int, ...], blocks: int, name: str) -> None:
    nodes = [onnx.helper.make_node("Conv", ["x", "w"], [f"y{number}"], group=4) for number in range(blocks)]
    weight = onnx.numpy_helper.from_array(np.ones((4, 1, 3, 3), np.float32), "w")
    graph = onnx.helper.make_graph(nodes, "blocks", [], [], [weight])
    outcome = FoldOutcome(onnx.helper.make_model(graph), True, dims=dims)
    assert onnx_adopt._architecture(outcome) == name

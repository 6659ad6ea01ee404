"""The folded network and the ONNX file against the plain network and independent arithmetic."""

import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx.utils import Extractor
from torch import Tensor
from torch.nn import functional as F

from segstudio.deploy.export import Exported
from segstudio.deploy.graph import DeploymentGraph, FoldedNetwork, restore
from segstudio.deploy.onnx import export_onnx
from segstudio.inference.spec import ModelSpec, ResizeRule, network_size
from segstudio.networks.segformer import SegFormer
from segstudio.scenes.street import draw_scene
from tests.inference.conftest import noise

Bytes = NDArray[np.uint8]
SIZES = [(1, 1), (33, 47), (64, 64), (120, 77), (200, 260)]


def axis_weights(given: int, wanted: int) -> NDArray[np.float64]:
    """Bilinear weights [wanted,given] of one axis: pixel centres at halves, edges repeated."""
    weights = np.zeros((wanted, given))
    for row in range(wanted):
        place = min(max((row + 0.5) * given / wanted - 0.5, 0.0), given - 1.0)
        low = int(place)
        high = min(low + 1, given - 1)
        weights[row, low] += 1 - (place - low)
        weights[row, high] += place - low
    return weights


def resized(planes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Planes [C,H,W] at another size, by two matrix products."""
    rows, columns = axis_weights(planes.shape[1], size[0]), axis_weights(planes.shape[2], size[1])
    result: NDArray[np.float64] = rows @ planes @ columns.T
    return result


def by_hand(network: SegFormer, spec: ModelSpec, image: Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """Ids, confidence and whether the answer is clear, in float64 with the published order of steps."""
    planes = resized(image.transpose(2, 0, 1) / 255, network_size(spec.resize, *image.shape[:2]))
    normalised = (planes - np.reshape(spec.mean, (3, 1, 1))) / np.reshape(spec.std, (3, 1, 1))
    with torch.inference_mode():
        logits = copy.deepcopy(network).double()(torch.from_numpy(normalised)[None])[0].numpy()
    scores = resized(logits, (image.shape[0], image.shape[1]))
    shares = np.exp(scores - scores.max(0))
    shares /= shares.sum(0)
    first, second = np.sort(scores, 0)[[-1, -2]]
    clear = first - second > 1e-3
    return scores.argmax(0).astype(np.uint8), np.rint(shares.max(0) * 255).astype(np.uint8), clear


def onnx_answer(path: Path, image: Bytes) -> tuple[Bytes, Bytes]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ids, confidence = session.run(["ids", "confidence"], {"images": image[None]})
    return ids[0], confidence[0]


def require_alike(found: tuple[Bytes, Bytes], network: SegFormer, spec: ModelSpec, image: Bytes) -> None:
    ids, confidence, clear = by_hand(network, spec, image)
    assert clear.mean() > 0.98
    np.testing.assert_array_equal(found[0][clear == 1], ids[clear == 1])
    assert np.abs(found[1].astype(int) - confidence.astype(int)).max() <= 1


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (70, 33)])
def test_folded_network_equals_the_plain_one(tiny_network: SegFormer, size: tuple[int, int]) -> None:
    torch.manual_seed(4)
    x = torch.randn(2, 3, *size)
    with torch.inference_mode():
        folded, plain = FoldedNetwork(tiny_network)(x), tiny_network(x)
        exact = copy.deepcopy(tiny_network).double()(x.double())
    assert folded.shape == plain.shape
    largest = float(exact.abs().max())
    assert float((folded - plain).abs().max()) < 1e-5 * largest
    assert float((folded.double() - exact).abs().max()) < 1e-5 * largest
    torch.testing.assert_close(folded.argmax(1), plain.argmax(1), rtol=0, atol=0)


def test_folding_leaves_the_network_as_it_was(tiny_network: SegFormer) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_network.state_dict().items()}
    FoldedNetwork(tiny_network)
    for name, tensor in tiny_network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("size", SIZES)
def test_torch_graph_equals_arithmetic_by_hand(
    tiny_model: Exported, tiny_network: SegFormer, size: tuple[int, int]
) -> None:
    image = noise(*size, 3)
    ids, confidence = DeploymentGraph(tiny_network, tiny_model.spec)(torch.from_numpy(image)[None])
    assert ids.dtype == confidence.dtype == torch.uint8
    require_alike((ids[0].numpy(), confidence[0].numpy()), tiny_network, tiny_model.spec, image)


@pytest.mark.parametrize("size", SIZES)
def test_onnx_file_equals_arithmetic_by_hand(
    tiny_model: Exported, tiny_network: SegFormer, size: tuple[int, int]
) -> None:
    image = noise(*size, 3)
    found = onnx_answer(tiny_model.folder / "model.onnx", image)
    require_alike(found, tiny_network, tiny_model.spec, image)


def test_onnx_file_equals_arithmetic_by_hand_on_a_scene(
    tiny_model: Exported, tiny_network: SegFormer
) -> None:
    image = draw_scene(5, 180, 240).image
    found = onnx_answer(tiny_model.folder / "model.onnx", image)
    require_alike(found, tiny_network, tiny_model.spec, image)
    assert len(np.unique(found[0])) > 2


@pytest.mark.parametrize(
    "rule",
    [
        ResizeRule("stretch", 64, 96),
        ResizeRule("stretch", 64),
        ResizeRule("native", 0),
        ResizeRule("short_side", 100, multiple=64),
    ],
)
def test_every_resize_rule_is_in_the_file(tiny_network: SegFormer, rule: ResizeRule, tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(tiny_network.architecture.classes))
    spec = ModelSpec(
        "ruled", "mit_b0", names, "cityscapes", {"onnx": "model.onnx"}, rule, mean=(0.4, 0.5, 0.6)
    )
    export_onnx(FoldedNetwork(tiny_network), spec, tmp_path / "model.onnx")
    for size in ((50, 83), (130, 90)):
        image = noise(*size)
        require_alike(onnx_answer(tmp_path / "model.onnx", image), tiny_network, spec, image)


@pytest.mark.parametrize(("rule", "multiple"), [("short_side", 32), ("short_side", 48), ("native", 32)])
def test_file_computes_the_same_network_size(
    tiny_model: Exported, tiny_network: SegFormer, rule: str, multiple: int, tmp_path: Path
) -> None:
    chosen = ResizeRule(rule, 352, multiple=multiple)  # type: ignore[arg-type]  # the test's own literal
    spec = ModelSpec("sized", "mit_b0", tiny_model.spec.classes, "cityscapes", {}, chosen)
    export_onnx(FoldedNetwork(tiny_network), spec, tmp_path / "model.onnx")
    whole = onnx.shape_inference.infer_shapes(onnx.load(tmp_path / "model.onnx"))
    part = Extractor(whole).extract_model(["images"], ["network_size"])
    session = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(7)
    sizes = [(1, 1), (33, 47), (360, 480), (1, 900), (64, 80), *random.integers(1, 1200, (40, 2)).tolist()]
    for height, width in sizes:
        (found,) = session.run(None, {"images": np.zeros((1, height, width, 3), np.uint8)})
        assert tuple(found.tolist()) == network_size(chosen, height, width)


def test_file_is_self_contained_with_bytes_at_both_ends(tiny_model: Exported) -> None:
    model = onnx.load(tiny_model.folder / "model.onnx")
    ends = {end.name: end.type.tensor_type for end in [*model.graph.input, *model.graph.output]}
    assert set(ends) == {"images", "ids", "confidence"}
    assert all(end.elem_type == onnx.TensorProto.UINT8 for end in ends.values())
    dims = [dim.dim_param or dim.dim_value for dim in ends["images"].shape.dim]
    assert dims == ["batch", "height", "width", 3]
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert {prop.key for prop in model.metadata_props} == {"segstudio"}


def test_confidence_is_the_largest_share(tiny_model: Exported) -> None:
    class Fixed(torch.nn.Module):
        """Three classes whose scores are known at every pixel."""

        def forward(self, x: Tensor) -> Tensor:
            scores = torch.tensor([0.0, 2.0, 1.0]).view(1, 3, 1, 1)
            return scores.expand(x.shape[0], 3, x.shape[2] // 4, x.shape[3] // 4)

    graph = DeploymentGraph(Fixed(), tiny_model.spec)
    ids, confidence = graph(torch.zeros(1, 40, 50, 3, dtype=torch.uint8))
    assert ids.unique().tolist() == [1]
    # e^2 / (1 + e^2 + e) = 0.66524
    assert confidence.unique().tolist() == [round(0.66524 * 255)]


def test_prepared_pixels_of_a_plain_image(tiny_model: Exported, tiny_network: SegFormer) -> None:
    spec = tiny_model.spec
    image = torch.tensor([255, 0, 51], dtype=torch.uint8).expand(1, 40, 50, 3)
    pixels = DeploymentGraph(tiny_network, spec).prepare(image)
    assert pixels.shape == (1, 3, 64, 96)
    for channel, value in enumerate((1.0, 0.0, 0.2)):
        expected = (value - spec.mean[channel]) / spec.std[channel]
        torch.testing.assert_close(pixels[0, channel], torch.full((64, 96), expected), rtol=1e-5, atol=1e-6)


def test_restore_is_bilinear_between_pixel_centres() -> None:
    logits = torch.randn(1, 3, 7, 9, dtype=torch.float64)
    expected = resized(logits[0].numpy(), (31, 40))
    np.testing.assert_allclose(restore(logits, 31, 40)[0].numpy(), expected, atol=1e-12)
    aligned = F.interpolate(logits, size=(31, 40), mode="bilinear", align_corners=True)
    assert not np.allclose(aligned[0].numpy(), expected, atol=1e-3)

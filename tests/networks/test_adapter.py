"""The ViT adapter backbones: TAO's numbers, names and counts; sizes, freezing, gradients, export."""

import math
import zlib
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import backward
from torch.nn import functional as F

from segstudio.networks.adapter import VitAdapter
from segstudio.networks.deformable import DeformableAttention, cell_centres, sampling
from segstudio.networks.dinov2 import NvDinoV2
from segstudio.networks.nvclip import NvClip
from segstudio.networks.radio import CRadio
from segstudio.networks.variants import VIT_VARIANTS, VitVariant

FAMILIES: dict[str, type[NvDinoV2] | type[NvClip] | type[CRadio]] = {
    "nvdinov2": NvDinoV2,
    "siglip": NvClip,
    "clipa": NvClip,
    "radio": CRadio,
}
DINO = VitVariant("nvdinov2", dim=32, depth=4, group=1, heads=4, hidden=96, patch=16, grid=4)
GIANT = VitVariant("nvdinov2", dim=32, depth=6, group=1, heads=4, hidden=96, patch=14, grid=5)
SIGLIP = VitVariant("siglip", dim=32, depth=4, group=1, heads=4, hidden=64, patch=16, grid=4)
CLIPA = VitVariant("clipa", dim=32, depth=4, group=1, heads=4, hidden=64, patch=14, grid=4)
RADIO = VitVariant("radio", dim=32, depth=4, group=1, heads=4, hidden=64, patch=16, grid=8)
SMALL = [DINO, GIANT, SIGLIP, CLIPA, RADIO]

# Float32 in another order; measured 3e-6 where the image is stretched, else 5e-7.
EXPORT_TOLERANCE = 2e-5

# By hand, per block: 4 dim^2 + 9 dim + attention's proj, fc1 (dim + 1) hidden, fc2 (inner + 1) dim; patches;
# positions. The giant has the 24 blocks that run. CLIPA's fixed positions are no parameters.
TRUNK_PARAMETERS = {
    "vit_large_nvdinov2": 304_925_952,
    "vit_giant_nvdinov2": 683_014_656,
    "vit_base_nvclip_16_siglip": 85_795_584,
    "vit_huge_nvclip_14_siglip": 630_430_720,
    "c_radio_v2_vit_base_patch16_224": 98_233_344,
    "c_radio_v2_vit_large_patch16_224": 319_881_216,
    "c_radio_v2_vit_huge_patch16_224": 651_642_880,
}
ADAPTER_NAMES = {
    "level_embed",
    "spm.stem.0.weight",
    "spm.stem.7.running_var",
    "spm.conv4.1.bias",
    "spm.fc1.bias",
    "interactions.0.injector.attn.sampling_offsets.weight",
    "interactions.1.injector.attn.attention_weights.bias",
    "interactions.2.injector.ls.gamma",
    "interactions.2.injector.feat_norm.weight",
    "interactions.3.extractor.query_norm.bias",
    "interactions.3.extractor.attn.value_proj.weight",
    "interactions.3.extractor.ffn.dwconv.dwconv.weight",
    "interactions.3.extra_extractors.1.attn.output_proj.bias",
    "interactions.3.extra_extractors.0.ffn.fc2.weight",
    "interactions.3.extra_extractors.0.ffn_norm.weight",
    "up.bias",
    "norm4.running_mean",
}
TRUNK_NAMES = {
    "nvdinov2": {
        "pos_embed",
        "patch_embed.proj.bias",
        "blocks.0.norm1.weight",
        "blocks.23.attn.qkv.bias",
        "blocks.5.attn.proj.weight",
        "blocks.23.norm2.bias",
        "blocks.12.mlp.fc1.weight",
        "blocks.23.mlp.fc2.weight",
    },
    "siglip": {
        "vision_transformer.pos_embed",
        "vision_transformer.patch_embed.proj.weight",
        "vision_transformer.blocks.11.attn.qkv.weight",
        "vision_transformer.blocks.0.mlp.fc2.bias",
    },
    "clipa": {
        "vision_transformer.positional_embedding",
        "vision_transformer.conv1.weight",
        "vision_transformer.transformer.resblocks.0.ln_1.weight",
        "vision_transformer.transformer.resblocks.31.attn.in_proj_weight",
        "vision_transformer.transformer.resblocks.31.attn.in_proj_bias",
        "vision_transformer.transformer.resblocks.7.attn.out_proj.bias",
        "vision_transformer.transformer.resblocks.31.ln_2.bias",
        "vision_transformer.transformer.resblocks.0.mlp.c_fc.weight",
        "vision_transformer.transformer.resblocks.0.mlp.c_proj.bias",
    },
    "radio": {
        "radio.radio.model.patch_generator.pos_embed",
        "radio.radio.model.patch_generator.embedder.weight",
        "radio.radio.model.patch_generator.cls_token.token",
        "radio.radio.model.blocks.0.norm1.weight",
        "radio.radio.model.blocks.11.attn.qkv.weight",
        "radio.radio.model.blocks.11.mlp.fc2.bias",
        "fc_summary.weight",
        "conv1.weight",
        "conv4.bias",
    },
}
# Side of the image, and three values of each map as TAO's own modules give them for the weights of `waves`.
PUBLISHED: list[tuple[VitVariant, int, list[list[float]]]] = [
    (
        DINO,
        96,
        [
            [65.86595, 0.28721, -3.51271],
            [-117.20885, 104.67616, 47.83036],
            [173.15651, 287.07434, -107.29781],
            [-76.58353, 1967.15613, -1637.9856],
        ],
    ),
    (
        CLIPA,
        224,
        [
            [56.26313, -1.84737, -1.69253],
            [-101.33739, 137.97205, 77.18817],
            [223.88811, 209.80862, -306.05399],
            [-984.07556, 1367.125, -206.16635],
        ],
    ),
    (
        RADIO,
        64,
        [
            [-8.23947, -19.2695, -2.95661],
            [-41.8395, -78.66357, -18.11876],
            [-14.71939, -82.95813, -5.69926],
            [-172.75233, 60.87469, 1202.03162],
        ],
    ),
]
# eps of the LayerNorms in the trunk and in the adapter.
EPS = {"nvdinov2": (1e-6, 1e-6), "siglip": (1e-6, 1e-6), "clipa": (1e-5, 1e-6), "radio": (1e-6, 1e-5)}


def build(shape: VitVariant) -> VitAdapter:
    return FAMILIES[shape.family](shape)


def vary(model: nn.Module) -> None:
    """Gives every norm, bias, scale and running statistic a value that shows when it is left out."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point() and tensor.ndim == 1:
                scales = "norm" in name and name.endswith(("weight", "var"))
                tensor.copy_(
                    (1.0 if scales or name.endswith("gamma") else 0.0) + 0.2 * torch.rand_like(tensor)
                )


def relative_error(given: Tensor, expected: Tensor) -> float:
    return float((given - expected).abs().max() / expected.abs().max())


def waves(model: nn.Module) -> None:
    """Weights that depend on nothing but their names and shapes."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        phase = zlib.crc32(name.encode()) % 1000
        wave = torch.sin(torch.arange(tensor.numel(), dtype=torch.float64) * 0.7 + phase)
        if tensor.ndim == 1 and name.endswith(("weight", "running_var", "gamma")):
            wave = 1 + 0.3 * wave
        elif tensor.ndim > 1 and name.endswith("weight"):
            wave = wave * 2 / math.sqrt(tensor[0].numel())
        else:
            wave = 0.3 * wave
        tensor.copy_(wave.reshape(tensor.shape))


@pytest.mark.parametrize(("shape", "side", "expected"), PUBLISHED, ids=["nvdinov2", "nvclip", "radio"])
def test_maps_equal_those_of_tao(shape: VitVariant, side: int, expected: list[list[float]]) -> None:
    model = build(shape).eval()
    pixels = torch.sin(torch.arange(3 * side * side, dtype=torch.float64) ** 1.5 * 0.01).float()
    with torch.no_grad():
        waves(model)
        maps = model(pixels.reshape(1, 3, side, side))
    for level, values in zip(maps, expected, strict=True):
        given = level.flatten()[[5, level.numel() // 2, -7]]
        torch.testing.assert_close(given, torch.tensor(values), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", sorted(VIT_VARIANTS))
def test_full_sizes_have_the_published_names_and_counts(name: str) -> None:
    family = VIT_VARIANTS[name].family
    with torch.device("meta"):
        model = FAMILIES[family](name)
    assert sum(parameter.numel() for parameter in model.trunk_parameters()) == TRUNK_PARAMETERS[name]
    assert TRUNK_NAMES[family] | ADAPTER_NAMES <= set(model.state_dict())
    assert model.dims == (VIT_VARIANTS[name].dim,) * 4
    assert model.multiple == 32
    trunk = {key for key, _ in model.named_parameters() if key.split(".")[0] in model.trunk_names}
    assert not trunk & ADAPTER_NAMES
    for key, module in model.named_modules():
        if isinstance(module, nn.LayerNorm):
            assert module.eps == EPS[family][key.startswith("interactions")], key


def test_every_variant_is_counted() -> None:
    assert set(TRUNK_PARAMETERS) == set(VIT_VARIANTS)


def test_adapter_has_as_many_parameters_as_by_hand() -> None:
    with torch.device("meta"):
        model = NvDinoV2("vit_large_nvdinov2")
    d, p = 1024, 56
    prior = (
        27 * p + 2 * 9 * p * p + 18 * p * p + 72 * p * p + 144 * p * p + 2 * (3 * p + 2 * p + 4 * p + 4 * p)
    )
    prior += (p + 2 * p + 4 * p + 4 * p + 4) * d
    values = d * d // 2 + d // 2 + d * d // 2 + d
    injector = 16 * 3 * 4 * 3 * (d + 1) + values + 5 * d
    extractor = 16 * 4 * 3 * (d + 1) + values + 6 * d
    extractor += d * d // 4 + d // 4 + 10 * d // 4 + d * d // 4 + d
    total = prior + 4 * injector + 6 * extractor + 3 * d + 4 * d * d + d + 4 * 2 * d
    adapter = sum(p.numel() for p in model.parameters()) - TRUNK_PARAMETERS["vit_large_nvdinov2"]
    assert adapter == total


@pytest.mark.parametrize("shape", SMALL, ids=lambda shape: f"{shape.family}{shape.patch}")
def test_four_maps_at_strides_4_to_32(shape: VitVariant) -> None:
    torch.manual_seed(0)
    model = build(shape).eval()
    for height, width in ((64, 96), (32, 32)):
        with torch.no_grad():
            maps = model(torch.randn(2, 3, height, width))
        assert [level.shape for level in maps] == [
            (2, 32, height // stride, width // stride) for stride in (4, 8, 16, 32)
        ]
        assert all(level.isfinite().all() for level in maps)


@pytest.mark.parametrize("shape", SMALL, ids=lambda shape: f"{shape.family}{shape.patch}")
def test_every_trainable_parameter_has_a_finite_gradient(shape: VitVariant) -> None:
    torch.manual_seed(0)
    model = build(shape).train()
    maps = model(torch.randn(4, 3, 64, 64))
    backward([(level * torch.randn_like(level)).sum() for level in maps])
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("shape", [DINO, CLIPA, RADIO], ids=lambda shape: shape.family)
def test_a_frozen_trunk_rests_while_the_adapter_learns(shape: VitVariant) -> None:
    torch.manual_seed(0)
    model = build(shape)
    for parameter in model.trunk_parameters():
        parameter.requires_grad_(False)
    model.train()
    for name, module in model.named_modules():
        if name:
            assert module.training != (name.split(".")[0] in model.trunk_names), name
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(model.embed(images)[0], model.embed(images)[0])
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learning >= {"level_embed", "spm.stem.0.weight", "up.weight", "norm1.weight"}
    assert not any(name.split(".")[0] in model.trunk_names for name in learning)
    backward([level.square().sum() for level in model(images)])
    assert all(parameter.grad is None for parameter in model.trunk_parameters())


def test_the_summary_joins_as_channels_beside_the_map() -> None:
    torch.manual_seed(0)
    model = CRadio(RADIO).eval()
    vary(model)
    level, extra = torch.randn(2, 32, 3, 5), torch.randn(2, 8, 32)
    with torch.no_grad():
        summary = model.fc_summary(extra.reshape(2, 256))[:, :, None, None].expand(-1, -1, 3, 5)
        expected = model.get_submodule("conv2")(torch.cat([summary, level], dim=1))
        torch.testing.assert_close(model.mix_extra(1, level, extra), expected)


def test_images_are_stretched_to_whole_patches_of_14() -> None:
    torch.manual_seed(0)
    model = build(CLIPA)
    exact, odd = torch.randn(1, 3, 224, 448), torch.randn(1, 3, 64, 96)
    assert torch.equal(model.whole_patches(exact), exact)
    stretched = F.interpolate(odd, size=(70, 98), mode="bilinear")
    assert torch.equal(model.whole_patches(odd), stretched)
    assert model.embed(stretched)[1] == (5, 7)


def bilinear(plane: Tensor, x: float, y: float) -> Tensor:
    """A map [C,h,w] at a place 0-1, zero outside, cell centres at (i + 0.5) / size."""
    _, height, width = plane.shape
    x, y = x * width - 0.5, y * height - 0.5
    left, top = math.floor(x), math.floor(y)
    total = torch.zeros_like(plane[:, 0, 0])
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= row < height and 0 <= column < width:
            total += plane[:, row, column] * (1 - abs(x - column)) * (1 - abs(y - row))
    return total


def test_deformable_attention_equals_a_loop() -> None:
    torch.manual_seed(0)
    heads, levels, points, width = 2, 2, 3, 4
    layer = DeformableAttention(16, heads, levels, points, 0.5).double()
    nn.init.normal_(layer.sampling_offsets.weight, std=0.5)
    nn.init.normal_(layer.attention_weights.weight)
    queries, grids = (2, 3), [(4, 5), (3, 2)]
    query, source = torch.randn(2, 6, 16).double(), torch.randn(2, 26, 16).double()
    with torch.no_grad():
        given = layer(query, source, sampling([queries], grids, query))
        offsets = layer.sampling_offsets(query).reshape(2, 6, heads, levels, points, 2)
        weights = layer.attention_weights(query).reshape(2, 6, heads, -1).softmax(3)
        values = layer.value_proj(source).reshape(2, 26, heads, width)
        mixed = torch.zeros(2, 6, heads, width).double()
        for n, q, h, p in torch.cartesian_prod(*(torch.arange(s) for s in (2, 6, heads, points))).tolist():
            for level, ((rows, columns), start) in enumerate(zip(grids, (0, 20), strict=True)):
                plane = values[n, start : start + rows * columns, h].T.reshape(width, rows, columns)
                dx, dy = offsets[n, q, h, level, p].tolist()
                x, y = (q % 3 + 0.5) / 3 + dx / columns, (q // 3 + 0.5) / 2 + dy / rows
                mixed[n, q, h] += weights[n, q, h, level * points + p] * bilinear(plane, x, y)
        expected = layer.output_proj(mixed.flatten(2))
    torch.testing.assert_close(given, expected)


def test_deformable_attention_starts_with_rays() -> None:
    bias = DeformableAttention(32, 4, 2, 3, 0.5).sampling_offsets.bias.detach().reshape(4, 2, 3, 2)
    rays = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    for point in range(3):
        torch.testing.assert_close(bias[:, 1, point], rays * (point + 1))


def test_cell_centres_run_row_by_row() -> None:
    centres = cell_centres((2, 4), torch.float32, torch.device("cpu"))
    assert centres[[0, 1, 4]].tolist() == [[0.125, 0.25], [0.375, 0.25], [0.125, 0.75]]


def test_half_precision_keeps_places_exact() -> None:
    assert sampling([(2, 2)], [(4, 4)], torch.zeros(1, dtype=torch.bfloat16)).centres.dtype == torch.float32
    layer = DeformableAttention(32, 4, 1, 4, 0.5).bfloat16()
    tokens = torch.randn(1, 4, 32).bfloat16()
    out = layer(tokens, tokens, sampling([(2, 2)], [(2, 2)], tokens))
    assert out.dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [GIANT, SIGLIP, RADIO], ids=lambda shape: shape.family)
@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export")
def test_exported_graph_answers_alike_at_any_size(shape: VitVariant, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build(shape).eval()
    vary(model)
    path = tmp_path / "backbone.onnx"
    axes = {"image": {0: "n", 2: "height", 3: "width"}}
    torch.onnx.export(
        model,
        (torch.randn(2, 3, 64, 96),),
        path,
        input_names=["image"],
        output_names=["c1", "c2", "c3", "c4"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert "GridSample" in operators
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for size in ((2, 3, 64, 96), (1, 3, 160, 128)):
        images = torch.randn(size)
        with torch.inference_mode():
            ours = model(images)
        theirs = session.run(None, {"image": images.numpy()})
        for level, other in zip(ours, theirs, strict=True):
            assert relative_error(torch.from_numpy(other), level) < EXPORT_TOLERANCE

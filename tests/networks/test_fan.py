"""The FAN hybrids compute what was published: sizes, names, arithmetic, gradients and the exported graph."""

import math
import warnings
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.convnext import ChannelNorm
from segstudio.networks.fan import ChannelProcessing, ClassBlock, Fan, FourierPosition
from segstudio.networks.variants import FAN_VARIANTS, FanVariant

# Learnable parameters of the backbone without the classifier's norm and head.
PUBLISHED = {
    "fan_tiny_8_p4_hybrid": 7_273_856,
    "fan_small_12_p4_hybrid": 25_732_176,
    "fan_base_16_p4_hybrid": 50_025_152,
    "fan_large_16_p4_hybrid": 76_373_180,
}
TINY = "fan_tiny_8_p4_hybrid"
MINI = FanVariant((8, 16, 24, 24), (1, 2), blocks=3, heads=4, tap=1)
BOTH = ("weight", "bias")

Network = TypeVar("Network", bound=nn.Module)


@pytest.fixture
def mini(monkeypatch: pytest.MonkeyPatch) -> str:
    """A variant small enough for slow formulas, whose third map leaves before the last block."""
    monkeypatch.setitem(FAN_VARIANTS, "mini", MINI)
    return "mini"


def lively(network: Network, dtype: torch.dtype = torch.float64) -> Network:
    """Parameters that leave no term near zero, as layer scales of 1e-6 would."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, value in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith(("gamma", "gamma1", "gamma2", "temperature", "running_var")):
                value.uniform_(0.4, 1.2)
            elif name.endswith("weight") and value.dim() == 1:
                value.uniform_(0.5, 1.5)
            elif name.endswith(("bias", "running_mean")):
                value.uniform_(-0.3, 0.3)
            elif value.dim() > 1:
                value.normal_(std=value[0].numel() ** -0.5)
    return network.to(dtype).eval()


def close(ours: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("variant", sorted(PUBLISHED))
def test_counts_equal_the_published_ones(variant: str) -> None:
    with torch.device("meta"):
        network = Fan(variant)
    assert sum(parameter.numel() for parameter in network.parameters()) == PUBLISHED[variant]


def test_every_variant_is_counted() -> None:
    assert set(PUBLISHED) == set(FAN_VARIANTS)


def expected_names(shape: FanVariant) -> set[str]:
    """The published names, built from the lists of what each part holds."""
    layers = ["patch_embed.backbone.stem.0", "patch_embed.backbone.stem.1", "patch_embed.proj"]
    layers += [f"patch_embed.backbone.stages.1.downsample.{place}" for place in (0, 1)]
    layers += ["pos_embed.token_projection"]
    single = ["cls_token"]
    for stage, depth in enumerate(shape.depths):
        for block in (f"patch_embed.backbone.stages.{stage}.blocks.{number}" for number in range(depth)):
            layers += [f"{block}.{part}" for part in ("conv_dw", "norm", "mlp.fc1", "mlp.fc2")]
            single.append(f"{block}.gamma")
    for block in (f"blocks.{number}" for number in range(shape.blocks)):
        layers += [
            f"{block}.{part}" for part in ("norm1", "attn.q", "attn.kv", "attn.proj", "norm2", "mlp.q")
        ]
        layers += [f"{block}.mlp.{part}" for part in ("norm_v", "mlp_v.fc1", "mlp_v.fc2")]
        layers += [f"{block}.mlp.mlp_v.dwconv.{part}" for part in ("conv1", "bn", "conv2")]
        statistics = ("running_mean", "running_var", "num_batches_tracked")
        single += [f"{block}.mlp.mlp_v.dwconv.bn.{name}" for name in statistics]
        single += [f"{block}.{name}" for name in ("gamma1", "gamma2", "mlp.temperature", "mlp.mlp_v.gamma")]
    for block in ("cls_attn_blocks.0", "cls_attn_blocks.1"):
        layers += [f"{block}.attn.{part}" for part in ("q", "k", "v", "proj")]
        layers += [f"{block}.{part}" for part in ("norm1", "norm2", "mlp.fc1", "mlp.fc2")]
        single += [f"{block}.gamma1", f"{block}.gamma2"]
    return {*single, *(f"{layer}.{kind}" for layer in layers for kind in BOTH)}


@pytest.mark.parametrize("variant", sorted(PUBLISHED))
def test_names_are_those_of_nvlabs_and_tao(variant: str) -> None:
    with torch.device("meta"):
        state = Fan(variant).state_dict()
    assert set(state) == expected_names(FAN_VARIANTS[variant])
    # Published as 1x1 convolutions and with two further axes: files load only if the shapes agree as well.
    assert state["patch_embed.backbone.stages.0.blocks.0.mlp.fc1.weight"].shape == (512, 128, 1, 1)
    assert state["blocks.0.mlp.temperature"].shape == (FAN_VARIANTS[variant].heads, 1, 1)


def test_norms_use_the_published_epsilons() -> None:
    with torch.device("meta"):
        network = Fan(TINY)
    for name, module in network.named_modules():
        if isinstance(module, nn.LayerNorm):
            assert module.eps == (1e-5 if name.endswith("norm_v") else 1e-6), name
        elif isinstance(module, nn.BatchNorm2d):
            assert module.eps == 1e-5, name


@pytest.mark.parametrize("variant", sorted(PUBLISHED))
@pytest.mark.parametrize("downsample", [False, True])
def test_maps_have_the_promised_channels_and_strides(variant: str, downsample: bool) -> None:
    assert Fan.multiple == 16
    with torch.device("meta"):
        network = Fan(variant, feat_downsample=downsample)
        maps = network(torch.zeros(2, 3, 96, 64))
    assert network.dims[:3] == FAN_VARIANTS[variant].dims[:3]
    assert network.dims[3] == (768 if downsample else FAN_VARIANTS[variant].dims[3])
    assert ("learnable_downsample.weight" in network.state_dict()) == downsample
    strides = (4, 8, 16, 32 if downsample else 16)
    assert [tuple(level.shape) for level in maps] == [
        (2, dim, 96 // stride, 64 // stride) for dim, stride in zip(network.dims, strides, strict=True)
    ]


@pytest.mark.parametrize("paired", [True, False])
def test_positions_equal_the_formula(paired: bool) -> None:
    network = lively(FourierPosition(6, paired))
    height, width = 3, 5
    table = np.zeros((height, width, 64))
    for axis, size in enumerate((height, width)):
        for place in range(size):
            angle = (place + 1) / (size + 1e-6) * 2 * math.pi
            for number in range(32):
                exponent = 2 * (number // 2) / 32 if paired else number / 32
                wave = math.cos if number % 2 else math.sin
                table[(slice(None),) * axis + (place,)][..., 32 * axis + number] = wave(
                    angle / 10000**exponent
                )
    layer = network.token_projection
    assert layer.bias is not None
    expected = torch.from_numpy(table.reshape(-1, 64)) @ layer.weight[:, :, 0, 0].T + layer.bias
    close(network(height, width), expected)


def test_positions_do_not_lose_precision_in_half() -> None:
    network = lively(FourierPosition(6), torch.float32)
    exact = network(3, 200)
    torch.testing.assert_close(network.half()(3, 200).float(), exact, rtol=0.0, atol=5e-3)


@pytest.mark.parametrize("correction", [0, 1])
def test_channel_norm_divides_the_variance_as_published(correction: int) -> None:
    network = lively(ChannelNorm(8, correction))
    x = torch.randn(2, 8, 3, 4, dtype=torch.float64) * 1e-3
    centred = x - x.mean(1, keepdim=True)
    deviation = ((centred**2).sum(1, keepdim=True) / (8 - correction) + 1e-6).sqrt()
    expected = centred / deviation * network.weight[:, None, None] + network.bias[:, None, None]
    close(network(x), expected)


def softmax(values: np.ndarray) -> np.ndarray:
    exponentials = np.exp(values)
    return np.asarray(exponentials / exponentials.sum())


def test_channel_processing_equals_the_formula() -> None:
    heads, width, grid = 3, 4, (3, 5)
    dim, length = heads * width, grid[0] * grid[1]
    network = lively(ChannelProcessing(dim, heads))
    torch.manual_seed(4)
    x = 3 * torch.randn(2, length, dim, dtype=torch.float64)
    queries, keys = network.q(x).detach().numpy(), x.numpy()
    gate = np.zeros((2, 1, dim))
    for sample in range(2):
        for head in range(heads):
            channels = range(head * width, (head + 1) * width)
            key = sum(softmax(keys[sample, :, channel]) for channel in channels) / width
            for channel in channels:
                match = float(softmax(queries[sample, :, channel]) @ key)
                gate[sample, 0, channel] = network.temperature[head].item() / (1 + math.exp(-match))
    assert np.ptp(gate) > 0.1
    close(network(x, *grid), torch.from_numpy(gate) * values(network, x, *grid))


def depthwise(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """A 3x3 depth-wise convolution as nine shifted products."""
    assert layer.bias is not None
    height, width = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1))
    total = layer.bias[:, None, None].expand_as(x)
    for row in range(3):
        for column in range(3):
            weight = layer.weight[:, :, row, column, None]
            total = total + weight * padded[:, :, row : row + height, column : column + width]
    return total


def values(network: ChannelProcessing, x: Tensor, height: int, width: int) -> Tensor:
    """The MLP of channel processing and its norm, written out."""
    mlp, norm = network.mlp_v, network.norm_v
    hidden = x @ mlp.fc1.weight.T + mlp.fc1.bias
    grid = hidden.transpose(1, 2).reshape(x.shape[0], -1, height, width)
    inner = depthwise(grid, mlp.dwconv.conv1)
    inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
    batch_norm = mlp.dwconv.bn
    assert batch_norm.running_mean is not None
    assert batch_norm.running_var is not None
    gain = batch_norm.weight / (batch_norm.running_var + 1e-5).sqrt()
    inner = (inner - batch_norm.running_mean[:, None, None]) * gain[:, None, None]
    inner = depthwise(inner + batch_norm.bias[:, None, None], mlp.dwconv.conv2)
    hidden = hidden + mlp.gamma * inner.flatten(2).transpose(1, 2)
    return standardised(hidden @ mlp.fc2.weight.T + mlp.fc2.bias, norm, 1e-5)


def standardised(x: Tensor, norm: nn.LayerNorm, eps: float) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / ((centred**2).mean(-1, keepdim=True) + eps).sqrt() * norm.weight + norm.bias


def test_patches_leave_class_attention_as_in_the_whole_layer() -> None:
    network = lively(ClassBlock(12))
    patches = torch.randn(2, 7, 12, dtype=torch.float64)
    for token in torch.randn(2, 2, 1, 12, dtype=torch.float64):
        whole = class_layer(network, torch.cat((token, patches), 1), heads=3)
        close(network(patches), whole[:, 1:])


def class_layer(network: ClassBlock, x: Tensor, heads: int) -> Tensor:
    """The published layer on the class token and all patch tokens."""
    attention = network.attn
    normed = standardised(x, network.norm1, 1e-6)
    per_head = [
        layer(part).unflatten(2, (heads, -1)).transpose(1, 2)
        for layer, part in ((attention.q, normed[:, :1]), (attention.k, normed), (attention.v, normed))
    ]
    scores = per_head[0] @ per_head[1].transpose(2, 3) / math.sqrt(per_head[0].shape[3])
    mixed = attention.proj((scores.softmax(3) @ per_head[2]).transpose(1, 2).flatten(2))
    x = x + network.gamma1 * torch.cat((mixed, normed[:, 1:]), 1)
    x = standardised(x, network.norm2, 1e-6)
    token = network.gamma2 * network.mlp.fc2(F.gelu(network.mlp.fc1(x[:, :1])))
    return x + torch.cat((token, x[:, 1:]), 1)


def test_maps_leave_where_published(mini: str) -> None:
    network = lively(Fan(mini))
    x = torch.randn(2, 3, 48, 32, dtype=torch.float64)
    first = stage(network, 0, network.patch_embed.backbone.stem(x))
    second = stage(network, 1, first)
    grid = network.patch_embed.proj(second)
    tokens = grid.flatten(2).transpose(1, 2) + network.pos_embed(3, 2)
    after = []
    for block in network.blocks:
        tokens = tokens + block.get_parameter("gamma1") * attend(block, tokens)
        normed = F.layer_norm(tokens, (24,), *norm_of(block, "norm2"), 1e-6)
        tokens = tokens + block.get_parameter("gamma2") * block.get_submodule("mlp")(normed, 3, 2)
        after.append(tokens)
    for block in network.cls_attn_blocks:
        tokens = block(tokens)
    late = [level.transpose(1, 2).reshape(2, 24, 3, 2) for level in (after[MINI.tap], tokens)]
    for ours, expected in zip(network(x), [first, second, *late], strict=True):
        close(ours, expected)


def stage(network: Fan, number: int, x: Tensor) -> Tensor:
    """A ConvNeXt stage in its published order."""
    part = network.patch_embed.backbone.stages[number]
    x = part.get_submodule("downsample")(x)
    for block in part.get_submodule("blocks").children():
        inner = block.get_submodule("norm")(block.get_submodule("conv_dw")(x))
        inner = block.get_submodule("mlp.fc2")(F.gelu(block.get_submodule("mlp.fc1")(inner)))
        x = x + block.get_parameter("gamma")[:, None, None] * inner
    return x


def norm_of(block: nn.Module, name: str) -> tuple[Tensor, Tensor]:
    return block.get_parameter(f"{name}.weight"), block.get_parameter(f"{name}.bias")


def attend(block: nn.Module, x: Tensor) -> Tensor:
    """Token mixing with its norm, one head after the other."""
    x = F.layer_norm(x, (x.shape[2],), *norm_of(block, "norm1"), 1e-6)
    query = block.get_submodule("attn.q")(x)
    key, value = block.get_submodule("attn.kv")(x).chunk(2, 2)
    width = x.shape[2] // MINI.heads
    mixed = []
    for head in range(MINI.heads):
        part = slice(head * width, (head + 1) * width)
        scores = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(width)
        mixed.append(scores.softmax(2) @ value[..., part])
    result: Tensor = block.get_submodule("attn.proj")(torch.cat(mixed, 2))
    return result


def test_gradients_reach_every_parameter_that_the_maps_depend_on(mini: str) -> None:
    network = lively(Fan(mini, feat_downsample=True), torch.float32).train()
    sum(level.square().sum() for level in network(torch.randn(2, 3, 64, 32))).backward()
    idle = set()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        else:
            idle.add(name)
    layers = ("attn.q", "attn.k", "attn.v", "attn.proj", "mlp.fc1", "mlp.fc2")
    unused = {f"{layer}.{kind}" for layer in layers for kind in BOTH} | {"gamma2"}
    assert idle == {
        "cls_token",
        *(f"cls_attn_blocks.{number}.{name}" for number in (0, 1) for name in unused),
    }


def test_every_block_drops_with_the_same_rate() -> None:
    with torch.device("meta"):
        network = Fan(TINY)
    assert [block.get_submodule("drop_path").probability for block in network.blocks] == [0.3] * 8


def test_exported_graph_agrees_at_other_sizes(tmp_path: Path) -> None:
    network = lively(Fan(TINY), torch.float32)
    names = ["c1", "c2", "c3", "c4"]
    axes = {name: {0: "batch", 2: f"{name}_rows", 3: f"{name}_columns"} for name in ["image", *names]}
    path = tmp_path / "fan.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 64, 96),),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["image"],
            output_names=names,
            dynamic_axes=axes,
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for size in ((1, 3, 64, 96), (2, 3, 112, 80), (1, 3, 16, 48)):
        image = torch.randn(size)
        with torch.no_grad():
            expected = [level.numpy() for level in network(image)]
        for ours, theirs in zip(session.run(None, {"image": image.numpy()}), expected, strict=True):
            assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()

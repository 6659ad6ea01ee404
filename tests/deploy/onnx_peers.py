"""Makes ONNX files as others make them: SegFormer exports of several producers, and files that are none."""

import functools
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 19
FIXED = (64, 96)
# (opset, free sizes) that plain exports are tried with.
KINDS = [(11, True), (13, False), (17, True), (17, False)]


class Plain(nn.Module):
    """A small SegFormer of transformers that gives logits at a quarter of the size."""

    def __init__(self, classes: int = CLASSES, *, biased: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        config = transformers.SegformerConfig(
            hidden_sizes=[16, 32, 40, 64],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 2, 5, 8],
            decoder_hidden_size=32,
            num_labels=classes,
            # Scaled-dot-product attention has no export below opset 14.
            attn_implementation="eager",
        )
        self.net = transformers.SegformerForSemanticSegmentation(config).eval()
        head = self.net.decode_head
        if biased:
            head.linear_fuse.bias = nn.Parameter(torch.randn(32))
        with torch.no_grad():
            vary(head.batch_norm)
            head.classifier.weight.normal_(0, 1.0)
            for level in head.linear_projections:
                level.proj.weight.normal_(0, 0.3)
                level.proj.bias.normal_(0, 0.3)
            # One pass in training sets the statistics to those of noise, so that no class wins everywhere.
            head.batch_norm.momentum = 1.0
            self.train()(torch.randn(2, 3, *FIXED))
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.net(pixel_values=pixels).logits
        return logits


class Ids(nn.Module):
    """A network with upsampling and ArgMax behind it, as DeepStream and mmdeploy want it."""

    def __init__(self, network: nn.Module, channel: int) -> None:
        super().__init__()
        self.network, self.channel = network, channel

    def forward(self, pixels: Tensor) -> Tensor:
        logits = F.interpolate(self.network(pixels), size=pixels.shape[2:], mode="bilinear")
        return logits.argmax(1).unsqueeze(self.channel)


class ChannelsLast(nn.Module):
    """A network that takes [N,H,W,3]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network(pixels.permute(0, 3, 1, 2))
        return logits


class Probable(nn.Module):
    """A network that ends with Softmax."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        shares: Tensor = self.network(pixels).softmax(1)
        return shares


class Normalising(nn.Module):
    """A network that takes pixels 0-255."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network((pixels - self.get_buffer("mean")) / self.get_buffer("std"))
        return logits


class MmsegForm(nn.Module):
    """Strided convolutions under mmseg's SegFormer head: Conv, BatchNorm and ReLU a level, c1 first."""

    def __init__(self, classes: int = CLASSES, width: int = 24, *, mode: str = "bilinear") -> None:
        super().__init__()
        torch.manual_seed(1)
        self.mode = mode
        dims = (8, 12, 16, 20)
        self.stages = nn.ModuleList(
            nn.Conv2d(given, made, 3, stride, 1)
            for given, made, stride in zip((3, *dims), dims, (4, 2, 2, 2), strict=False)
        )
        self.convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(dim, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
            for dim in dims
        )
        self.fusion = nn.Sequential(
            nn.Conv2d(4 * width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.conv_seg = nn.Conv2d(width, classes, 1)
        norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            vary(norm)
            norm.momentum = 1.0
        with torch.no_grad():
            self.conv_seg.weight.normal_(0, 1.0)
            self.train()(torch.randn(2, 3, *FIXED))
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        maps, x = [], pixels
        for stage in self.stages:
            x = stage(x).relu()
            maps.append(x)
        size = maps[0].shape[2:]
        levels = [
            F.interpolate(conv(level), size=size, mode=self.mode)
            for conv, level in zip(self.convs, maps, strict=True)
        ]
        logits: Tensor = self.conv_seg(self.fusion(torch.cat(levels, 1)))
        return logits


def vary(norm: nn.BatchNorm2d) -> None:
    """Statistics and gains of a trained BatchNorm, none of which is 0 or 1."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.normal_()


def exported(
    network: nn.Module,
    *,
    names: tuple[str, str] = ("pixel_values", "logits"),
    opset: int = 17,
    dynamic: bool = False,
    shape: tuple[int, ...] = (1, 3, *FIXED),
    plain_names: bool = False,
    dtype: torch.dtype = torch.float32,
    **options: Any,
) -> bytes:
    """The ONNX file of a network; `plain_names` leaves no word of transformers in it, as in a TAO export."""
    height = 2 if shape[1] == 3 else 1
    axes = {0: "batch", height: "height", height + 1: "width"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "model.onnx"
        # The tracer warns of sizes that become constants, and of itself being old.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(), (torch.randn(shape).to(dtype),), path, dynamo=False, opset_version=opset,
            input_names=[names[0]], output_names=[names[1]],
            dynamic_axes={names[0]: axes, names[1]: {0: "batch"}} if dynamic else None, **options,
        )  # fmt: skip
        content = path.read_bytes()
    if plain_names:
        model = onnx.load_from_string(content)
        for tensor in model.graph.initializer:
            for node in model.graph.node:
                for place, name in enumerate(node.input):
                    if name == tensor.name:
                        node.input[place] = name.replace("segformer", "backbone")
            tensor.name = tensor.name.replace("segformer", "backbone")
        content = model.SerializeToString()
    return content


@functools.cache
def logits_file(*, opset: int = 17, dynamic: bool = False, biased: bool = False, tao: bool = False) -> bytes:
    """A plain SegFormer export, made once; `tao` gives it TAO's names."""
    names = ("input", "output") if tao else ("pixel_values", "logits")
    return exported(Plain(biased=biased), names=names, opset=opset, dynamic=dynamic, plain_names=tao)


@functools.cache
def mmseg_file(classes: int = CLASSES) -> bytes:
    """A small and quick network with mmseg's head and free sizes, made once."""
    return exported(MmsegForm(classes), names=("x", "y"), dynamic=True)


@functools.cache
def ids_file(channel: int, *, opset: int = 13) -> bytes:
    """Ids [N,H,W,1] (channel 3) or [N,1,H,W] (channel 1), made once."""
    return exported(Ids(Plain(), channel), names=("input", "output"), opset=opset, plain_names=True)


def made_of(
    nodes: list[onnx.NodeProto],
    given: tuple[str, list[Any], int],
    outputs: dict[str, list[Any]],
    weights: dict[str, np.ndarray] | None = None,
    element: int = TensorProto.FLOAT,
) -> bytes:
    """A small file from its nodes: (input name, shape, element type) and the outputs' shapes."""
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info(given[0], given[2], given[1])],
        [helper.make_tensor_value_info(name, element, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(values, name) for name, values in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("nvidia", 1)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return content


def pooled(outputs: dict[str, list[int]], image: int = 64) -> bytes:
    """Any outputs, made from the average colour of an image."""
    nodes = [helper.make_node("GlobalAveragePool", ["images"], ["colour"])]
    weights = {"shape": np.array([1, 3], np.int64)}
    nodes.append(helper.make_node("Reshape", ["colour", "shape"], ["flat"]))
    for name, shape in outputs.items():
        count = int(np.prod(shape))
        weights[f"{name}_weight"] = np.ones((3, count), np.float32)
        weights[f"{name}_shape"] = np.array(shape, np.int64)
        nodes.append(helper.make_node("MatMul", ["flat", f"{name}_weight"], [f"{name}_flat"]))
        nodes.append(helper.make_node("Reshape", [f"{name}_flat", f"{name}_shape"], [name]))
    sizes: dict[str, list[Any]] = {name: list(shape) for name, shape in outputs.items()}
    return made_of(nodes, ("images", [1, 3, image, image], TensorProto.FLOAT), sizes, weights)

"""Every backbone: builds, forwards at any size, learns, exports, and answers in ONNX Runtime as in torch."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from segstudio.deploy.graph import DeploymentGraph, FoldedNetwork
from segstudio.deploy.onnx import export_onnx
from segstudio.inference.backend import Options
from segstudio.inference.onnx_ import OnnxBackend
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import BACKBONES, VIT_FAMILIES, SegFormer, make_backbone
from segstudio.networks.variants import BACKBONE_NAMES, VIT_VARIANTS

CLASSES = 5
# Seconds each on one thread; the others take minutes, or more memory than a small machine has.
QUICK = (
    "mit_b0",
    "fan_tiny_8_p4_hybrid",
    "small vit_large_nvdinov2",
    "small vit_base_nvclip_16_siglip",
    "small vit_huge_nvclip_14_siglip",
    "small c_radio_v2_vit_base_patch16_224",
)
SMALL = tuple(f"small {name}" for name in VIT_VARIANTS)
# One ViT a kind of input with its published size.
WHOLE = ("vit_base_nvclip_16_siglip", "c_radio_v2_vit_base_patch16_224")
SLOW = (*(name for name in BACKBONE_NAMES if name not in VIT_VARIANTS), *SMALL, *WHOLE)


def quick_and_slow() -> list[object]:
    return [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW if name not in QUICK)]


def made(name: str, monkeypatch: pytest.MonkeyPatch) -> SegFormer:
    """A SegFormer on a backbone; "small NAME" shrinks a ViT to 4 thin blocks."""
    torch.manual_seed(0)
    small, _, plain = name.rpartition(" ")
    if small:
        variant = dataclasses.replace(VIT_VARIANTS[plain], dim=64, depth=4, group=1, heads=4)
        family = VIT_FAMILIES[variant.family]
        monkeypatch.setitem(BACKBONES, plain, lambda **given: family(variant, **given))
    network = SegFormer(Architecture(plain, CLASSES, 32), head_dropout=0.0, drop_path=0.0)
    spread(network)
    return network


def spread(network: SegFormer) -> None:
    """No layer scale hides its branch and no class wins everywhere: a wrong branch shows in the ids."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "gamma" in name and "backbone" in name:
                parameter.uniform_(0.1, 0.3)
        network.get_parameter("decode_head.linear_pred.weight").normal_(0, 1)
        scores = network.eval()(torch.randn(1, 3, 64, 96))
        network.get_parameter("decode_head.linear_pred.bias").sub_(scores.mean((0, 2, 3)))


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_every_name_builds_with_the_usual_head(name: str) -> None:
    with torch.device("meta"):
        network = SegFormer(Architecture(name, 19))
        backbone = make_backbone(network.architecture)
    widths = [network.get_parameter(f"decode_head.linear_c{i}.proj.weight").shape[1] for i in range(1, 5)]
    assert widths == list(backbone.dims)
    assert network.architecture.embed_dim == (256 if name in ("mit_b0", "mit_b1") else 768)


def test_the_table_is_whole() -> None:
    assert set(BACKBONES) == set(BACKBONE_NAMES)
    assert len(BACKBONE_NAMES) == 17


@pytest.mark.parametrize("name", quick_and_slow())
def test_contract(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = made(name, monkeypatch)
    forward_and_backward(network)
    sizes_without_multiples(network.eval())
    export_and_parity(network, tmp_path)


def forward_and_backward(network: SegFormer) -> None:
    network.train()
    images = torch.randn(2, 3, 64, 96)
    network(images).square().mean().backward()
    for key, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, key
            assert bool(parameter.grad.isfinite().all()), key


@torch.inference_mode()
def sizes_without_multiples(network: SegFormer) -> None:
    """Odd sizes give a quarter, rounded up; the filling is zeros at the right and at the bottom."""
    images = torch.randn(1, 3, 45, 70)
    logits = network(images)
    assert logits.shape == (1, CLASSES, 12, 18)
    step = network.multiple
    if step > 1:
        filled = torch.zeros(1, 3, -(-45 // step) * step, -(-70 // step) * step)
        filled[:, :, :45, :70] = images
        assert torch.equal(network(filled)[:, :, :12, :18], logits)


def export_and_parity(network: SegFormer, folder: Path) -> None:
    names = tuple(f"class {number}" for number in range(CLASSES))
    rule = ResizeRule("short_side", 64)
    spec = ModelSpec("contract", network.architecture.backbone, names, "none", {}, rule)
    export_onnx(FoldedNetwork(network), spec, folder / "model.onnx")
    graph, backend = DeploymentGraph(network, spec), OnnxBackend(folder / "model.onnx", Options(1))
    random = np.random.default_rng(1)
    for height, width in ((64, 96), (50, 110), (130, 70)):
        image = random.integers(0, 256, (1, height, width, 3), np.uint8)
        ids, confidence = backend.run(image)
        expected_ids, expected_confidence = graph(torch.from_numpy(image))
        assert np.mean(ids == expected_ids.numpy()) >= 0.999
        difference = np.abs(confidence.astype(int) - expected_confidence.numpy().astype(int))
        assert difference.max() <= 3
        assert len(np.unique(ids)) > 1
    backend.close()


@pytest.mark.parametrize("name", ["mit_b0", "fan_tiny_8_p4_hybrid", "small vit_large_nvdinov2"])
def test_freezing_leaves_head_and_adapter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = made(name, monkeypatch)
    network.freeze_backbone()
    learning = {key.split(".")[0] for key, entry in network.named_parameters() if entry.requires_grad}
    assert learning == ({"decode_head", "backbone"} if "vit" in name else {"decode_head"})
    if "vit" in name:
        trunk = [key for key, entry in network.backbone.named_parameters() if not entry.requires_grad]
        assert any(key.startswith("blocks.") for key in trunk)
        assert not any("interactions" in key or "spm" in key for key in trunk)

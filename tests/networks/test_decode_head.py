"""The fused decode head equals the published one, in value and gradient, and folded for export."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from segstudio.networks.architecture import Architecture
from segstudio.networks.decode_head import DecodeHead, fuse_levels
from segstudio.networks.layers import DropPath
from segstudio.networks.segformer import SegFormer

DIMS = (8, 12, 16, 20)


def head_with_statistics(bias: bool, dtype: torch.dtype = torch.float64) -> DecodeHead:
    torch.manual_seed(1)
    head = DecodeHead(DIMS, 5, 24, bias=bias, dropout=0.0).to(dtype)
    norm = head.linear_fuse.bn
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if name.endswith("bias"):
                parameter.uniform_(-0.5, 0.5)
        norm.weight.uniform_(0.5, 1.5)
        norm.running_mean.uniform_(-0.3, 0.3)  # type: ignore[union-attr]  # BatchNorm here tracks statistics
        norm.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]  # as above
    return head


def levels(dtype: torch.dtype = torch.float64) -> list[Tensor]:
    torch.manual_seed(2)
    sizes = ((17, 22), (9, 11), (5, 6), (3, 3))
    return [torch.randn(2, dim, *size, dtype=dtype) for dim, size in zip(DIMS, sizes, strict=True)]


def published(head: DecodeHead, maps: list[Tensor]) -> Tensor:
    """Project, upsample, concatenate c4..c1, fuse, norm, ReLU, classify: as in the paper."""
    size = maps[0].shape[2:]
    projected = []
    for number, level in enumerate(maps, 1):
        linear = head.get_submodule(f"linear_c{number}.proj")
        x = linear(level.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, level.shape[2:])
        projected.append(F.interpolate(x, size=size, mode="bilinear", align_corners=False))
    fused = head.linear_fuse.conv(torch.cat(projected[::-1], 1))
    scores: Tensor = head.linear_pred(F.relu(head.linear_fuse.bn(fused)))
    return scores


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_fused_equals_published(bias: bool, training: bool) -> None:
    head = head_with_statistics(bias).train(training)
    torch.testing.assert_close(head(levels()), published(head, levels()), rtol=1e-10, atol=1e-10)


def test_gradients_equal_those_of_the_published_head() -> None:
    head = head_with_statistics(True).train()
    gradients = []
    for compute in (head, lambda maps: published(head, maps)):
        head.zero_grad()
        compute(levels()).square().mean().backward()
        gradients.append({name: tensor.grad.clone() for name, tensor in head.named_parameters()})  # type: ignore[union-attr]  # every parameter took part
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-8, atol=1e-10, msg=name)


def test_folded_equals_the_head_in_evaluation() -> None:
    head = head_with_statistics(True, torch.float32).eval()
    folded, maps = head.folded(), levels(torch.float32)
    fused = F.relu(fuse_levels(maps, folded.weights, folded.bias))
    answer = F.conv2d(fused, folded.classifier.weight[:, :, None, None], folded.classifier.bias)
    with torch.no_grad():
        exact = published(head.double(), [level.double() for level in maps])
    assert float((answer - exact).abs().max() / exact.abs().max()) < 2e-6


def test_logits_are_a_quarter_of_the_input_rounded_up() -> None:
    network = SegFormer(Architecture("mit_b0", 7)).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 96)).shape == (1, 7, 16, 24)
        assert network(torch.zeros(1, 3, 65, 33)).shape == (1, 7, 17, 9)


def test_drop_path_keeps_the_expectation() -> None:
    torch.manual_seed(0)
    drop = DropPath(0.25).train()
    kept = drop(torch.ones(4000, 2, 3))
    assert sorted(kept.unique().tolist()) == pytest.approx([0.0, 1 / 0.75])
    assert float(kept.mean()) == pytest.approx(1.0, abs=0.05)
    assert torch.equal(drop.eval()(torch.ones(5, 2)), torch.ones(5, 2))

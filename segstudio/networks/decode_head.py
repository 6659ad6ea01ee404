"""The all-MLP decode heads of SegFormer, computed in their algebraically fused form.

The published head projects each level to E channels, upsamples, concatenates 4E channels and fuses them by
a 1x1 convolution. Bilinear upsampling mixes pixels with weights that sum to one and treats channels alike,
so it commutes with per-pixel linear maps: `fuse(concat(up(L_i c_i)))` equals `sum_i up((F_i L_i) c_i) + b`.
Each level is therefore projected once, c_i -> E, at its own resolution. The parameters keep their names.
mmseg's head has BatchNorm and ReLU a level before the fusion: there only the fuse slice moves, in front of
the upsampling.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.layers import initialise

LEVELS = 4


class Affine(NamedTuple):
    """A per-pixel linear map: `weight` [out,in] and `bias` [out]."""

    weight: Tensor
    bias: Tensor


class FoldedHead(NamedTuple):
    """A head without BatchNorm: `inner` and ReLU (mmseg only), `weights` [E,.] summed, ReLU, classifier."""

    inner: list[Affine]
    weights: list[Tensor]
    bias: Tensor
    classifier: Affine


class LinearProjection(nn.Module):
    """A linear layer under NVlabs' name `proj`."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, dim)


class ConvNorm(nn.Module):
    """A 1x1 convolution and its BatchNorm, under mmseg's names; the heads compute with their parameters."""

    def __init__(self, channels: int, dim: int, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, dim, 1, bias=bias)
        self.bn = nn.BatchNorm2d(dim)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] to [N,dim,h,w]."""
        return F.relu(self.bn(self.conv(x)))


class DecodeHead(nn.Module):
    """NVlabs', TAO's and Hugging Face's: four levels in, logits at the first level's size out."""

    def __init__(
        self, dims: Sequence[int], classes: int, embed_dim: int, *, bias: bool, dropout: float
    ) -> None:
        super().__init__()
        for number, dim in enumerate(dims, 1):
            self.add_module(f"linear_c{number}", LinearProjection(dim, embed_dim))
        self.linear_fuse = ConvNorm(LEVELS * embed_dim, embed_dim, bias)
        self.dropout = nn.Dropout2d(dropout)
        self.linear_pred = nn.Conv2d(embed_dim, classes, 1)
        self.apply(initialise)

    def projections(self, dtype: torch.dtype | None = None) -> tuple[list[Tensor], Tensor]:
        """The products F_i L_i, [E,c_i] each, and the summed bias [E]; None keeps the parameters' dtype."""
        fuse = self.linear_fuse.conv.weight[:, :, 0, 0].to(dtype)
        # The concatenation runs from the coarsest level to the finest.
        slices = list(reversed(fuse.chunk(LEVELS, dim=1)))
        linears = [self._linear(number) for number in range(1, LEVELS + 1)]
        weights, bias = [], torch.zeros(fuse.shape[0], dtype=fuse.dtype, device=fuse.device)
        for part, linear in zip(slices, linears, strict=True):
            weights.append(part @ linear.weight.to(dtype))
            bias = bias + part @ linear.bias.to(dtype)
        if self.linear_fuse.conv.bias is not None:
            bias = bias + self.linear_fuse.conv.bias.to(dtype)
        return weights, bias

    def _linear(self, number: int) -> nn.Linear:
        linear = self.get_submodule(f"linear_c{number}.proj")
        assert isinstance(linear, nn.Linear)
        return linear

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps [N,c_i,h_i,w_i] to logits [N,classes,h_1,w_1]."""
        weights, bias = self.projections()
        x = fuse_levels(maps, weights, bias)
        x = self.dropout(F.relu(self.linear_fuse.bn(x)))
        logits: Tensor = self.linear_pred(x)
        return logits

    @torch.no_grad()
    def folded(self) -> FoldedHead:
        """The products with BatchNorm's running statistics folded in; formed in float64, given in float32."""
        weights, bias = self.projections(torch.float64)
        gain, shift = norm_as_affine(self.linear_fuse.bn)
        return FoldedHead(
            [],
            [(weight * gain[:, None]).float() for weight in weights],
            (bias * gain + shift).float(),
            classifier_of(self.linear_pred),
        )


class MmsegHead(nn.Module):
    """mmsegmentation's: projection, BatchNorm and ReLU a level, before the fusion with its own."""

    def __init__(
        self, dims: Sequence[int], classes: int, embed_dim: int, *, bias: bool, dropout: float
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList(ConvNorm(dim, embed_dim, False) for dim in dims)
        self.fusion_conv = ConvNorm(LEVELS * embed_dim, embed_dim, bias)
        self.dropout = nn.Dropout2d(dropout)
        self.conv_seg = nn.Conv2d(embed_dim, classes, 1)
        self.apply(initialise)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps [N,c_i,h_i,w_i] to logits [N,classes,h_1,w_1]."""
        # Unlike NVlabs', this concatenation runs from the finest level to the coarsest.
        slices = self.fusion_conv.conv.weight[:, :, 0, 0].chunk(LEVELS, dim=1)
        inner = [conv(level) for conv, level in zip(self.convs, maps, strict=True)]
        x = fuse_levels(inner, slices, self.fusion_conv.conv.bias)
        logits: Tensor = self.conv_seg(self.dropout(F.relu(self.fusion_conv.bn(x))))
        return logits

    @torch.no_grad()
    def folded(self) -> FoldedHead:
        """Every BatchNorm folded into the convolution before it; formed in float64, given in float32."""
        inner = []
        for unit in self.convs:
            assert isinstance(unit, ConvNorm)
            gain, shift = norm_as_affine(unit.bn)
            weight = unit.conv.weight[:, :, 0, 0].double() * gain[:, None]
            inner.append(Affine(weight.float(), shift.float()))
        gain, shift = norm_as_affine(self.fusion_conv.bn)
        fuse = self.fusion_conv.conv
        if fuse.bias is not None:
            shift = shift + fuse.bias.double() * gain
        slices = (fuse.weight[:, :, 0, 0].double() * gain[:, None]).float().chunk(LEVELS, dim=1)
        return FoldedHead(inner, list(slices), shift.float(), classifier_of(self.conv_seg))


def norm_as_affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Gain and shift [E], float64, of a BatchNorm in evaluation."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return gain, norm.bias.double() - norm.running_mean.double() * gain


def classifier_of(conv: nn.Conv2d) -> Affine:
    """The last 1x1 convolution as a linear map."""
    assert conv.bias is not None
    return Affine(conv.weight.detach()[:, :, 0, 0].float(), conv.bias.detach().float())


def fuse_levels(maps: Sequence[Tensor], weights: Sequence[Tensor], bias: Tensor | None) -> Tensor:
    """Projects each level at its own size, upsamples to the first level's and sums; [N,E,h_1,w_1]."""
    total = F.conv2d(maps[0], weights[0][:, :, None, None], bias)
    for level, weight in zip(maps[1:], weights[1:], strict=True):
        projected = F.conv2d(level, weight[:, :, None, None])
        total = total + F.interpolate(projected, size=total.shape[2:], mode="bilinear", align_corners=False)
    return total

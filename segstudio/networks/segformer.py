"""SegFormer: a MiT encoder and the all-MLP decode head, computed in its algebraically fused form.

The published head projects each level to E channels, upsamples, concatenates 4E channels and fuses them by
a 1x1 convolution. Bilinear upsampling mixes pixels with weights that sum to one and treats channels alike,
so it commutes with per-pixel linear maps: `fuse(concat(up(L_i c_i)))` equals `sum_i up((F_i L_i) c_i) + b`.
Each level is therefore projected once, c_i -> E, at its own resolution. The parameters keep their names.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.mit import STAGES, MixVisionTransformer, initialise
from segstudio.networks.variants import MIT_VARIANTS


class FoldedHead(NamedTuple):
    """The head without BatchNorm: level i is `weights[i]` [E,c_i]; then `bias` [E], ReLU, the classifier."""

    weights: list[Tensor]
    bias: Tensor
    classifier_weight: Tensor
    classifier_bias: Tensor


class LinearProjection(nn.Module):
    """A linear layer under NVlabs' name `proj`."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, dim)


class Fuse(nn.Module):
    """The 1x1 fuse convolution and its BatchNorm; holds parameters, the head computes with them."""

    def __init__(self, dim: int, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(STAGES * dim, dim, 1, bias=bias)
        self.bn = nn.BatchNorm2d(dim)


class DecodeHead(nn.Module):
    """Four levels in, class scores (logits) at the first level's resolution out."""

    def __init__(
        self, dims: tuple[int, ...], classes: int, embed_dim: int, *, bias: bool, dropout: float
    ) -> None:
        super().__init__()
        for number, dim in enumerate(dims, 1):
            self.add_module(f"linear_c{number}", LinearProjection(dim, embed_dim))
        self.linear_fuse = Fuse(embed_dim, bias)
        self.dropout = nn.Dropout2d(dropout)
        self.linear_pred = nn.Conv2d(embed_dim, classes, 1)
        self.apply(initialise)

    def projections(self, dtype: torch.dtype | None = None) -> tuple[list[Tensor], Tensor]:
        """The products F_i L_i, [E,c_i] each, and the summed bias [E]; None keeps the parameters' dtype."""
        fuse = self.linear_fuse.conv.weight[:, :, 0, 0].to(dtype)
        # The concatenation runs from the coarsest level to the finest.
        slices = list(reversed(fuse.chunk(STAGES, dim=1)))
        linears = [self._linear(number) for number in range(1, STAGES + 1)]
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
        norm = self.linear_fuse.bn
        assert norm.running_mean is not None
        assert norm.running_var is not None
        classifier_bias = self.linear_pred.bias
        assert classifier_bias is not None
        gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        shift = norm.bias.double() - norm.running_mean.double() * gain
        return FoldedHead(
            [(weight * gain[:, None]).float() for weight in weights],
            (bias * gain + shift).float(),
            self.linear_pred.weight.detach().float(),
            classifier_bias.detach().float(),
        )


def fuse_levels(maps: list[Tensor], weights: list[Tensor], bias: Tensor) -> Tensor:
    """Projects each level at its own size, upsamples to the first level's and sums; [N,E,h_1,w_1]."""
    total = F.conv2d(maps[0], weights[0][:, :, None, None], bias)
    for level, weight in zip(maps[1:], weights[1:], strict=True):
        projected = F.conv2d(level, weight[:, :, None, None])
        total = total + F.interpolate(projected, size=total.shape[2:], mode="bilinear", align_corners=False)
    return total


class SegFormer(nn.Module):
    """SegFormer of a MiT variant.

    Args:
        variant: a key of `MIT_VARIANTS`.
        classes: number of classes K.
        embed_dim: the head's width E; None takes the variant's usual one (256 for b0 and b1, else 768).
        head_bias: whether the fuse convolution has a bias (TAO's Lightning generation has one).
        drop_path: the last block's stochastic-depth rate while training.
        head_dropout: channel dropout before the classifier while training.
    """

    def __init__(
        self,
        variant: str,
        classes: int,
        *,
        embed_dim: int | None = None,
        head_bias: bool = False,
        drop_path: float = 0.1,
        head_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.variant, self.classes = variant, classes
        self.embed_dim = embed_dim or MIT_VARIANTS[variant].embed_dim
        self.backbone = MixVisionTransformer(variant, drop_path=drop_path)
        self.decode_head = DecodeHead(
            self.backbone.dims, classes, self.embed_dim, bias=head_bias, dropout=head_dropout
        )

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images [N,3,H,W] to logits [N,K,ceil(H/4),ceil(W/4)]."""
        logits: Tensor = self.decode_head(self.backbone(x))
        return logits

"""The two ConvNeXt stages (arXiv 2201.03545) that turn an image into the first two maps of a FAN hybrid."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 4
MLP_RATIO = 4
NORM_EPS = 1e-6
LAYER_SCALE = 1e-6


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of a map.

    Args:
        dim: number of channels C.
        correction: 1 divides the variance by C - 1, 0 by C. The published network does the first wherever
            its map lies channels-last in memory, which is everywhere but in the stem.
    """

    def __init__(self, dim: int, correction: int = 1) -> None:
        super().__init__(dim, eps=NORM_EPS)
        self.shrink = (dim - correction) / dim

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] in and out."""
        # With s = (C - 1) / C: rsqrt(variance / s + eps) = sqrt(s) * rsqrt(variance + s * eps).
        weight = self.weight * self.shrink**0.5
        x = x.permute(0, 2, 3, 1)
        return F.layer_norm(x, self.normalized_shape, weight, self.bias, self.eps * self.shrink).permute(
            0, 3, 1, 2
        )


class PointwiseMLP(nn.Module):
    """1x1 convolution, GELU, 1x1 convolution."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(dim, dim * MLP_RATIO, 1)
        self.fc2 = nn.Conv2d(dim * MLP_RATIO, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] in and out."""
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result


class ConvBlock(nn.Module):
    """Depth-wise 7x7, norm and MLP, scaled per channel, with a residual."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = ChannelNorm(dim)
        self.mlp = PointwiseMLP(dim)
        self.gamma = nn.Parameter(torch.full((dim,), LAYER_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] in and out."""
        branch = self.mlp(self.norm(self.conv_dw(x)))
        return torch.addcmul(x, self.gamma[:, None, None], branch)


class Stage(nn.Module):
    """Blocks at one resolution, after halving it where the width changes."""

    def __init__(self, previous: int, dim: int, depth: int) -> None:
        super().__init__()
        self.downsample: nn.Module = nn.Identity()
        if previous != dim:
            self.downsample = nn.Sequential(ChannelNorm(previous), nn.Conv2d(previous, dim, 2, 2))
        self.blocks = nn.Sequential(*(ConvBlock(dim) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """[N,previous,h,w] to [N,dim,h,w], or half the size."""
        result: Tensor = self.blocks(self.downsample(x))
        return result


class ConvNeXt(nn.Module):
    """A stem at stride 4, one stage at stride 4 and each further one at twice the stride before."""

    def __init__(self, channels: int, dims: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, dims[0], PATCH, PATCH), ChannelNorm(dims[0], correction=0)
        )
        previous = (dims[0], *dims)
        self.stages = nn.ModuleList(Stage(*sizes) for sizes in zip(previous, dims, depths, strict=False))
        self.apply(initialise)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Images [N,channels,H,W] to one map a stage."""
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def initialise(module: nn.Module) -> None:
    """Truncated normal (0.02) weights and zero biases for convolutions, as published."""
    if isinstance(module, nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

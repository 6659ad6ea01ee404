"""The NV-CLIP backbones: SigLIP's trunk under timm's names, or CLIPA's under open_clip's, in the adapter.

Files of TAO hold the trunk twice (`model.visual...` and `vision_transformer`) beside the text tower; the
second is ours. What only serves pooling is not made. Without confirmation from a real file: the exact GELU
of the SigLIP trunk (timm's configuration; Hugging Face's has the tanh form).
"""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.adapter import VitAdapter
from segstudio.networks.deformable import Grid
from segstudio.networks.variants import VIT_VARIANTS, VitVariant
from segstudio.networks.vit import PatchTokens, attend, initialise_linear, make_blocks, resized_positions

TEMPERATURE = 10000.0


class SiglipTrunk(PatchTokens):
    """SigLIP's vision transformer without its head: no class token."""

    def __init__(self, channels: int, shape: VitVariant) -> None:
        super().__init__()
        self.build(channels, shape, 0, make_blocks(shape))


class PackedAttention(nn.Module):
    """Multi-head self-attention under the names of PyTorch's own."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.trunc_normal_(self.in_proj_weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,L,C]; same shape out."""
        packed = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        result: Tensor = self.out_proj(attend(packed, self.heads))
        return result


class ClipBlock(nn.Module):
    """Pre-norm attention and MLP under open_clip's names; PyTorch's default eps."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim)
        self.attn = PackedAttention(dim, heads)
        self.ln_2 = nn.LayerNorm(dim)
        layers = (("c_fc", nn.Linear(dim, hidden)), ("gelu", nn.GELU()), ("c_proj", nn.Linear(hidden, dim)))
        self.mlp = nn.Sequential(OrderedDict[str, nn.Module](layers))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,L,C]; same shape out."""
        x = x + self.attn(self.ln_1(x))
        result: Tensor = x + self.mlp(self.ln_2(x))
        return result


class ClipStack(nn.Module):
    """The blocks under open_clip's name."""

    def __init__(self, shape: VitVariant) -> None:
        super().__init__()
        count = 4 * shape.group
        self.resblocks = nn.ModuleList(ClipBlock(shape.dim, shape.heads, shape.hidden) for _ in range(count))


class ClipaTrunk(nn.Module):
    """CLIPA's vision transformer without its head: fixed positions, no norm before the blocks."""

    positional_embedding: Tensor

    def __init__(self, channels: int, shape: VitVariant) -> None:
        super().__init__()
        self.grid = shape.grid
        self.conv1 = nn.Conv2d(channels, shape.dim, shape.patch, shape.patch, bias=False)
        self.register_buffer("positional_embedding", sine_positions(shape.grid, shape.dim))
        self.transformer = ClipStack(shape).apply(initialise_linear)

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer's blocks."""
        return self.transformer.resblocks

    def embed(self, x: Tensor) -> tuple[Tensor, Grid]:
        """Images [N,C,H,W] to tokens with positions [N,h*w,dim] and their grid (h, w)."""
        patches = self.conv1(x)
        height, width = patches.shape[2], patches.shape[3]
        # The first row belongs to the class token, which the adapter leaves out.
        positions = resized_positions(self.positional_embedding[1:], self.grid, height, width)
        return (patches + positions).flatten(2).transpose(1, 2), (height, width)


def sine_positions(grid: int, dim: int) -> Tensor:
    """Sines, then cosines, of the column in the first half of the channels and of the row in the second.

    A row of zeros for the class token leads: [1+grid*grid,dim].
    """
    quarter = dim // 4
    frequencies = torch.exp(torch.arange(quarter, dtype=torch.float64) * (-math.log(TEMPERATURE) / quarter))
    angles = torch.arange(grid, dtype=torch.float64)[:, None] * frequencies
    axis = torch.cat([angles.sin(), angles.cos()], dim=1).float()
    columns, rows = axis.repeat(grid, 1), axis.repeat_interleave(grid, dim=0)
    return F.pad(torch.cat([columns, rows], dim=1), (0, 0, 1, 0))


TRUNKS: dict[str, type[SiglipTrunk] | type[ClipaTrunk]] = {"siglip": SiglipTrunk, "clipa": ClipaTrunk}


class NvClip(VitAdapter):
    """A NV-CLIP transformer within its adapter.

    Args:
        variant: a key of `VIT_VARIANTS`, or sizes of one's own.
        channels: channels of the image.
        drop_path: stochastic-depth rate of all extractors while training; the transformer has none.
    """

    trunk_names = ("vision_transformer",)

    def __init__(self, variant: str | VitVariant, *, channels: int = 3, drop_path: float = 0.4) -> None:
        shape = VIT_VARIANTS[variant] if isinstance(variant, str) else variant
        super().__init__(shape, channels, drop_path)
        self.vision_transformer = TRUNKS[shape.family](channels, shape)

    def embed(self, x: Tensor) -> tuple[Tensor, Grid]:
        """Images to tokens [N,h*w,dim] and their grid."""
        return self.vision_transformer.embed(x)

    def trunk_blocks(self) -> nn.ModuleList:
        """The transformer's blocks."""
        return self.vision_transformer.blocks

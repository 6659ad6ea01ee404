"""The Mix Transformer encoder (MiT b0-b5) of SegFormer (arXiv 2105.15203), with NVlabs' parameter names."""

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.architecture import NVLABS_EPS
from segstudio.networks.layers import DropPath, as_map, initialise, pointwise
from segstudio.networks.variants import MIT_VARIANTS

STAGES = 4
HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
MLP_RATIO = 4


class PatchEmbed(nn.Module):
    """Overlapping patches by a strided convolution, then LayerNorm."""

    def __init__(self, channels: int, dim: int, kernel: int, stride: int, eps: float) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(dim, eps=eps)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        """[N,C,H,W] to tokens [N,h*w,dim] and the token grid (h, w)."""
        x = self.proj(x)
        height, width = x.shape[2], x.shape[3]
        return self.norm(x.flatten(2).transpose(1, 2)), height, width


class Attention(nn.Module):
    """Self-attention whose keys and values come from a grid reduced by a convolution (kernel = stride)."""

    def __init__(self, dim: int, heads: int, reduction: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.reduction = reduction
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)
        if reduction > 1:
            self.sr = nn.Conv2d(dim, dim, reduction, reduction)
            self.norm = nn.LayerNorm(dim, eps=eps)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """Tokens [N,L,C] of a grid height x width; same shape out."""
        batch, length, dim = x.shape
        head_dim = dim // self.heads
        query = self.q(x).reshape(batch, length, self.heads, head_dim).transpose(1, 2)
        source = x
        if self.reduction > 1:
            source = self.norm(self.sr(as_map(x, height, width)).flatten(2).transpose(1, 2))
        pairs = self.kv(source).reshape(batch, -1, 2, self.heads, head_dim).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(query, pairs[0], pairs[1])
        result: Tensor = self.proj(out.transpose(1, 2).reshape(batch, length, dim))
        return result


class DepthwiseConv(nn.Module):
    """The 3x3 depth-wise convolution that gives Mix-FFN its sense of position."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, 3, 1, 1, groups=dim)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w]; same shape out."""
        grid: Tensor = self.dwconv(x)
        return grid


class MixFFN(nn.Module):
    """Linear, depth-wise 3x3, GELU, linear."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.dwconv = DepthwiseConv(hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """Tokens [N,L,C] of a grid height x width; same shape out."""
        grid = pointwise(self.fc1, as_map(x, height, width))
        grid = F.gelu(self.dwconv(grid))
        return pointwise(self.fc2, grid).flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Pre-norm attention and Mix-FFN, each with a residual."""

    def __init__(
        self, dim: int, heads: int, reduction: int, drop_path: float, block_eps: float, embed_eps: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=block_eps)
        self.attn = Attention(dim, heads, reduction, embed_eps)
        self.norm2 = nn.LayerNorm(dim, eps=block_eps)
        self.mlp = MixFFN(dim, dim * MLP_RATIO)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """Tokens [N,L,C] of a grid height x width; same shape out."""
        x = x + self.drop_path(self.attn(self.norm1(x), height, width))
        result: Tensor = x + self.drop_path(self.mlp(self.norm2(x), height, width))
        return result


class MixVisionTransformer(nn.Module):
    """Four stages at strides 4, 8, 16 and 32; the drop-path rate rises linearly over all blocks."""

    multiple = 1

    def __init__(
        self,
        variant: str,
        *,
        channels: int = 3,
        drop_path: float = 0.1,
        block_eps: float = NVLABS_EPS[0],
        embed_eps: float = NVLABS_EPS[1],
    ) -> None:
        super().__init__()
        shape = MIT_VARIANTS[variant]
        rates = np.linspace(0.0, drop_path, sum(shape.depths)).tolist()
        previous = channels
        for stage in range(STAGES):
            dim, number = shape.dims[stage], stage + 1
            kernel, stride = (7, 4) if stage == 0 else (3, 2)
            blocks = [
                Block(dim, HEADS[stage], REDUCTIONS[stage], rates.pop(0), block_eps, embed_eps)
                for _ in range(shape.depths[stage])
            ]
            self.add_module(f"patch_embed{number}", PatchEmbed(previous, dim, kernel, stride, embed_eps))
            self.add_module(f"block{number}", nn.ModuleList(blocks))
            self.add_module(f"norm{number}", nn.LayerNorm(dim, eps=block_eps))
            previous = dim
        self.dims = shape.dims
        self.apply(initialise)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised images [N,3,H,W] to maps [N,c_i,H/4..H/32,W/4..W/32] (rounded up)."""
        maps = []
        for number in range(1, STAGES + 1):
            x, height, width = self.get_submodule(f"patch_embed{number}")(x)
            for block in self.get_submodule(f"block{number}").children():
                x = block(x, height, width)
            x = self.get_submodule(f"norm{number}")(x)
            x = as_map(x, height, width)
            maps.append(x)
        return maps

"""Plain vision transformers: patches, learned positions for any size, blocks with a GELU or SwiGLU MLP."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.layers import DropPath
from segstudio.networks.variants import VitVariant

# timm's LayerNorm, which all trunks but open_clip's use.
BLOCK_EPS = 1e-6


def attend(packed: Tensor, heads: int) -> Tensor:
    """Self-attention of queries, keys and values that lie side by side, [N,L,3C], to [N,L,C]."""
    batch, length = packed.shape[0], packed.shape[1]
    triple = packed.reshape(batch, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
    out = F.scaled_dot_product_attention(triple[0], triple[1], triple[2])
    return out.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Multi-head self-attention with one packed projection."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,L,C]; same shape out."""
        result: Tensor = self.proj(attend(self.qkv(x), self.heads))
        return result


class MLP(nn.Module):
    """Linear, GELU, linear."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,L,C]; same shape out."""
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result


class SwiGLU(nn.Module):
    """A gated MLP (arXiv 2002.05202); the first half of `fc1` is the gate, the second what it gates."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden // 2, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,L,C]; same shape out."""
        gate, value = self.fc1(x).chunk(2, dim=-1)
        result: Tensor = self.fc2(F.silu(gate) * value)
        return result


class Block(nn.Module):
    """Pre-norm attention and MLP, each with a residual; no layer scale, as in TAO."""

    def __init__(self, dim: int, heads: int, mlp: nn.Module, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.mlp = mlp
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,L,C]; same shape out."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        result: Tensor = x + self.drop_path(self.mlp(self.norm2(x)))
        return result


def make_blocks(
    shape: VitVariant, mlp: Callable[[int, int], nn.Module] = MLP, drop_path: float = 0.0
) -> nn.ModuleList:
    """The blocks that run; their drop-path rates rise linearly over all that were published."""
    last = max(1, shape.depth - 1)
    blocks = nn.ModuleList(
        Block(shape.dim, shape.heads, mlp(shape.dim, shape.hidden), drop_path * number / last)
        for number in range(4 * shape.group)
    )
    return blocks.apply(initialise_linear)


def initialise_linear(module: nn.Module) -> None:
    """Truncated normal (0.02) and zero bias for linear layers; patch convolutions keep PyTorch's start."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class PatchEmbed(nn.Module):
    """One token a patch."""

    def __init__(self, channels: int, dim: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, patch, patch)
        self.register_load_state_dict_pre_hook(fit_kernel)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """Images [N,C,H,W] to a map [N,dim,H/patch,W/patch]."""
        result: Tensor = self.proj(x)
        return result


class PatchTokens(nn.Module):
    """What trunks with learned positions share; to be completed by `build` after the module's own start.

    Weights may come with a position table of another size than ours (TAO's has the size of its training
    images): the table takes the size of what is loaded, so that no position is resampled twice.
    """

    patch_embed: PatchEmbed
    pos_embed: nn.Parameter
    blocks: nn.ModuleList
    class_rows: int
    grid: int

    def build(self, channels: int, shape: VitVariant, class_rows: int, blocks: nn.ModuleList) -> None:
        """Makes the parameters; `class_rows` rows lead the table whose tokens the adapter leaves out."""
        self.class_rows, self.grid = class_rows, shape.grid
        self.patch_embed = PatchEmbed(channels, shape.dim, shape.patch)
        self.pos_embed = nn.Parameter(torch.empty(1, class_rows + shape.grid**2, shape.dim))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.blocks = blocks
        self.register_load_state_dict_pre_hook(fit_positions)  # type: ignore[no-untyped-call]

    def embed(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Images [N,C,H,W] to tokens with positions [N,h*w,dim] and their grid (h, w)."""
        patches = self.patch_embed(x)
        height, width = patches.shape[2], patches.shape[3]
        positions = resized_positions(self.pos_embed[:, self.class_rows :], self.grid, height, width)
        return (patches + positions).flatten(2).transpose(1, 2), (height, width)


def resized_positions(table: Tensor, grid: int, height: int, width: int) -> Tensor:
    """A table [1,grid*grid,C] as a map [1,C,height,width], bicubic, no antialiasing.

    At the table's own size the cubic weights are exactly 0 and 1, so that case needs no branch, which
    an exported graph could not hold.
    """
    square = table.reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
    return F.interpolate(square, size=(height, width), mode="bicubic", align_corners=False)


def fit_kernel(module: nn.Module, tensors: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Resamples a patch kernel of another size, as TAO does to bring patches of 14 pixels to 16."""
    assert isinstance(module, PatchEmbed)
    name = f"{prefix}proj.weight"
    given, own = tensors.get(name), module.proj.weight
    if given is not None and given.shape[:2] == own.shape[:2] and given.shape != own.shape:
        tensors[name] = F.interpolate(given.float(), size=own.shape[2:], mode="bicubic", align_corners=False)


def fit_positions(module: nn.Module, tensors: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Gives the module a table of the size of the one to come, if that is square."""
    assert isinstance(module, PatchTokens)
    given, own = tensors.get(f"{prefix}pos_embed"), module.pos_embed
    if given is None or given.ndim != 3 or given.shape == own.shape or given.shape[2] != own.shape[2]:
        return
    grid = math.isqrt(given.shape[1] - module.class_rows)
    if grid**2 + module.class_rows == given.shape[1]:
        # The parameter stays the same object: an optimizer may hold it already.
        own.data = torch.empty(given.shape, dtype=own.dtype, device=own.device)
        module.grid = grid


def fit_weights(network: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Published tensors and a network made to fit each other; for loaders that compare shapes first.

    `load_state_dict` does the same by itself.
    """
    fitted = dict(tensors)
    for name, module in network.named_modules():
        prefix = f"{name}." if name else ""
        if isinstance(module, PatchEmbed):
            fit_kernel(module, fitted, prefix)
        elif isinstance(module, PatchTokens):
            fit_positions(module, fitted, prefix)
    return fitted

"""The FAN hybrid encoders (arXiv 2204.12451): two ConvNeXt stages, then attention over tokens and channels.

Parameters carry the names of NVlabs/FAN and TAO. Dead ends of the published graph are not computed: nothing
that the four maps show depends on the class token, so class attention comes down to its effect on patches.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.convnext import ConvNeXt
from segstudio.networks.layers import DropPath, as_map, initialise, pointwise
from segstudio.networks.variants import FAN_VARIANTS

MLP_RATIO = 4
CLASS_BLOCKS = 2
FREQUENCIES = 32
TEMPERATURE = 10000.0
POSITION_EPS = 1e-6
DOWNSAMPLED_DIM = 768
# As published: the norm inside channel processing is the only one with PyTorch's default.
BLOCK_EPS = 1e-6
VALUE_EPS = 1e-5


class HybridEmbed(nn.Module):
    """Tokens at stride 16 from the last convolutional map."""

    def __init__(self, channels: int, dims: tuple[int, int], depths: tuple[int, int], dim: int) -> None:
        super().__init__()
        self.backbone = ConvNeXt(channels, dims, depths)
        self.proj = nn.Conv2d(dims[-1], dim, 2, 2)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Images [N,C,H,W] to the maps at strides 4 and 8, and the token map [N,dim,H/16,W/16]."""
        maps = self.backbone(x)
        return maps, self.proj(maps[-1])


class FourierPosition(nn.Module):
    """Sines and cosines of the relative row and column, projected to the tokens' width.

    Args:
        dim: the tokens' width.
        paired: whether a cosine shares the wavelength of the sine before it, or has one of its own.
    """

    def __init__(self, dim: int, paired: bool = True) -> None:
        super().__init__()
        self.paired = paired
        self.token_projection = nn.Conv2d(2 * FREQUENCIES, dim, 1)

    def forward(self, height: int, width: int) -> Tensor:
        """Encodings [height*width,dim] of a token grid."""
        # A projection of rows beside columns is a sum of two, each of which needs one axis only.
        row_weight, column_weight = self.token_projection.weight[:, :, 0, 0].chunk(2, dim=1)
        rows = F.linear(self._axis(height), row_weight)
        columns = F.linear(self._axis(width), column_weight, self.token_projection.bias)
        return (rows[:, None] + columns).flatten(0, 1)

    def _axis(self, size: int) -> Tensor:
        """Features [size,FREQUENCIES] of one axis, sine and cosine alternating."""
        weight = self.token_projection.weight
        # Angles up to 2 pi in steps of 2 pi / size are too fine for half precision.
        precision = torch.promote_types(weight.dtype, torch.float32)
        steps = torch.arange(1, size + 1, dtype=precision, device=weight.device)
        angles = steps / (steps[-1:] + POSITION_EPS) * (2 * math.pi)
        exponents = torch.arange(FREQUENCIES, dtype=precision, device=weight.device) / FREQUENCIES
        wavelengths = TEMPERATURE**exponents
        sines = (angles[:, None] / wavelengths[::2]).sin()
        cosines = (angles[:, None] / (wavelengths[::2] if self.paired else wavelengths[1::2])).cos()
        return torch.stack((sines, cosines), dim=2).flatten(1).to(weight.dtype)


class TokenMixing(nn.Module):
    """Multi-head self-attention over all tokens."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,L,C]; same shape out."""
        batch, length, dim = x.shape
        head_dim = dim // self.heads
        query = self.q(x).reshape(batch, length, self.heads, head_dim).transpose(1, 2)
        pairs = self.kv(x).reshape(batch, length, 2, self.heads, head_dim).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(query, pairs[0], pairs[1])
        result: Tensor = self.proj(out.transpose(1, 2).reshape(batch, length, dim))
        return result


class DepthwiseConvs(nn.Module):
    """Depth-wise 3x3, GELU, BatchNorm, depth-wise 3x3."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.bn = nn.BatchNorm2d(dim)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w]; same shape out."""
        grid: Tensor = self.conv2(self.bn(F.gelu(self.conv1(x))))
        return grid


class ValueMLP(nn.Module):
    """Linear, depth-wise convolutions with a scaled residual, linear."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.dwconv = DepthwiseConvs(hidden)
        self.gamma = nn.Parameter(torch.ones(hidden))
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """Tokens [N,L,C] of a grid height x width; same shape out."""
        grid = pointwise(self.fc1, as_map(x, height, width))
        grid = torch.addcmul(grid, self.gamma[:, None, None], self.dwconv(grid))
        return pointwise(self.fc2, grid).flatten(2).transpose(1, 2)


class ChannelProcessing(nn.Module):
    """A gate per channel, from attention across channels, on values from an MLP with convolutions."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.q = nn.Linear(dim, dim)
        self.mlp_v = ValueMLP(dim, dim * MLP_RATIO)
        self.norm_v = nn.LayerNorm(dim, eps=VALUE_EPS)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """Tokens [N,L,C] of a grid height x width; same shape out."""
        value: Tensor = self.norm_v(self.mlp_v(x, height, width))
        return value * self._gate(x)

    def _gate(self, x: Tensor) -> Tensor:
        """[N,1,C]: how well each channel matches its head's mean channel, both softmaxed over tokens."""
        batch, length, _ = x.shape
        per_head = (batch, length, self.temperature.shape[0], -1)
        query = self.q(x).softmax(1).reshape(per_head)
        key = x.softmax(1).reshape(per_head).mean(3, keepdim=True)
        gate: Tensor = (query * key).sum(1, keepdim=True).sigmoid() * self.temperature[:, 0]
        return gate.flatten(2)


class Block(nn.Module):
    """Pre-norm token mixing and channel processing, each scaled per channel, with residuals."""

    def __init__(self, dim: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.attn = TokenMixing(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.mlp = ChannelProcessing(dim, heads)
        self.gamma1 = nn.Parameter(torch.ones(dim))
        self.gamma2 = nn.Parameter(torch.ones(dim))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """Tokens [N,L,C] of a grid height x width; same shape out."""
        x = torch.addcmul(x, self.gamma1, self.drop_path(self.attn(self.norm1(x))))
        return torch.addcmul(x, self.gamma2, self.drop_path(self.mlp(self.norm2(x), height, width)))


class ClassAttention(nn.Module):
    """The projections of class attention; they only ever write the class token, so nothing runs them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)


class ClassMLP(nn.Module):
    """The class token's MLP; holds parameters only, see `ClassAttention`."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)


class ClassBlock(nn.Module):
    """A class attention layer with normalised tokens (arXiv 2103.17239), as patch tokens see it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.attn = ClassAttention(dim)
        self.norm2 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.mlp = ClassMLP(dim, dim * MLP_RATIO)
        self.gamma1 = nn.Parameter(torch.ones(dim))
        self.gamma2 = nn.Parameter(torch.ones(dim))
        # Left trainable, what nothing runs would stop distributed training, which waits for every gradient.
        self.attn.requires_grad_(False)
        self.mlp.requires_grad_(False)
        self.gamma2.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Patch tokens [N,L,C]; same shape out."""
        # Both residuals add a normalised token to itself: once before norm2 and, doubling, once after.
        result: Tensor = 2 * self.norm2(torch.addcmul(x, self.gamma1, self.norm1(x)))
        return result


class Fan(nn.Module):
    """A FAN hybrid encoder.

    Args:
        variant: a key of `FAN_VARIANTS`.
        channels: channels of the image.
        drop_path: the stochastic-depth rate of every attention block while training.
        feat_downsample: halve the last map by a strided convolution to 768 channels.
        paired_waves: False encodes positions as NVlabs' segmentation weights expect it; their ImageNet
            weights and all of TAO's pair the sines and cosines.

    Attributes:
        dims: channels of the four maps.
        multiple: what both sides of the image must be a multiple of.
    """

    multiple = 16

    def __init__(
        self,
        variant: str,
        *,
        channels: int = 3,
        drop_path: float = 0.3,
        feat_downsample: bool = False,
        paired_waves: bool = True,
    ) -> None:
        super().__init__()
        shape = FAN_VARIANTS[variant]
        dim = shape.dims[2]
        self.tap = shape.tap
        self.patch_embed = HybridEmbed(channels, shape.dims[:2], shape.depths, dim)
        self.pos_embed = FourierPosition(dim, paired_waves)
        self.blocks = nn.ModuleList(Block(dim, shape.heads, drop_path) for _ in range(shape.blocks))
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim), requires_grad=False)
        self.cls_attn_blocks = nn.ModuleList(ClassBlock(dim) for _ in range(CLASS_BLOCKS))
        self.learnable_downsample = nn.Conv2d(dim, DOWNSAMPLED_DIM, 3, 2, 1) if feat_downsample else None
        self.dims = (*shape.dims[:3], DOWNSAMPLED_DIM if feat_downsample else dim)
        self.blocks.apply(initialise)
        self.cls_attn_blocks.apply(initialise)
        nn.init.trunc_normal_(self.cls_token, std=0.02)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Images [N,3,H,W] to maps [N,c_i,h_i,w_i] at strides 4, 8, 16 and 16 (32 if downsampled)."""
        maps: list[Tensor]
        maps, grid = self.patch_embed(x)
        height, width = grid.shape[2], grid.shape[3]
        tokens = grid.flatten(2).transpose(1, 2) + self.pos_embed(height, width)
        for number, block in enumerate(self.blocks):
            tokens = block(tokens, height, width)
            if number == self.tap:
                maps.append(as_map(tokens, height, width))
        for block in self.cls_attn_blocks:
            tokens = block(tokens)
        last = as_map(tokens, height, width)
        maps.append(last if self.learnable_downsample is None else self.learnable_downsample(last))
        return maps

"""The C-RADIOv2 backbones: a trunk with cropped positions, and extra tokens whose summary joins each map.

The image is normalised as the user says; the published input conditioner is not part of TAO's graph. Without
confirmation from a real file: that a table of positions never comes in another size than 128 x 128.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.adapter import STRIDES, VitAdapter
from segstudio.networks.deformable import Grid
from segstudio.networks.layers import initialise
from segstudio.networks.variants import VIT_VARIANTS, VitVariant
from segstudio.networks.vit import make_blocks

# Four class tokens, one a teacher, and registers up to a multiple of eight.
EXTRA_TOKENS = 8
# PyTorch's default, other than in the families beside.
RADIO_ADAPTER_EPS = 1e-5
# While training, positions show a random part of the table, or are left out.
LEAST_SCALE = math.sqrt(0.1)
MOST_ASPECT = math.log(4 / 3)
POSITION_DROPOUT = 0.1


class ExtraTokens(nn.Module):
    """Class tokens and registers under one name."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(EXTRA_TOKENS, dim) * dim**-0.5)


class PatchGenerator(nn.Module):
    """Patches, positions cut from a large table, extra tokens."""

    def __init__(self, channels: int, shape: VitVariant) -> None:
        super().__init__()
        self.kernel = (-1, channels, shape.patch, shape.patch)
        self.grid = shape.grid
        self.pos_embed = nn.Parameter(torch.randn(1, shape.grid**2, shape.dim) * shape.dim**-0.5)
        self.embedder = nn.Linear(channels * shape.patch**2, shape.dim, bias=False)
        self.cls_token = ExtraTokens(shape.dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Grid]:
        """Images [N,C,H,W] to tokens [N,extra+h*w,dim] and the grid (h, w)."""
        # A linear layer on unfolded patches is a convolution whose stride is its kernel.
        patches = F.conv2d(x, self.embedder.weight.reshape(self.kernel), stride=self.kernel[2])
        height, width = patches.shape[2], patches.shape[3]
        table = self.pos_embed.reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        cut = random_positions(table, len(x), height, width) if self.training else None
        positions = first_positions(table, height, width) if cut is None else cut
        tokens = (patches + positions).flatten(2).transpose(1, 2)
        extra = self.cls_token.token.expand(x.shape[0], -1, -1)
        return torch.cat([extra, tokens], dim=1), (height, width)


def first_positions(table: Tensor, height: int, width: int) -> Tensor:
    """The table [1,C,g,g] resized to the longer side, of which the first rows and columns: [1,C,h,w]."""
    # The larger of two numbers, without a comparison that an exported graph would freeze.
    side = (height + width + abs(height - width)) // 2
    square = F.interpolate(table, size=(side, side), mode="bilinear", align_corners=True)
    return square[:, :, :height, :width]


def random_positions(table: Tensor, batch: int, height: int, width: int) -> Tensor:
    """A random part of the table [1,C,g,g] for each image, or zeros: [N,C,h,w]."""
    scale = table.new_empty(batch).uniform_(LEAST_SCALE, 1)
    aspect = table.new_empty(batch).uniform_(-MOST_ASPECT, MOST_ASPECT).exp()
    extent = torch.stack([scale * aspect, scale / aspect], dim=1).clamp(0, 1)[:, None, None]
    corner = table.new_empty(batch, 1, 1, 2).uniform_() * (1 - extent)
    rows = torch.linspace(0, 1, height, dtype=table.dtype, device=table.device)
    columns = torch.linspace(0, 1, width, dtype=table.dtype, device=table.device)
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=2) * extent + corner
    cut = F.grid_sample(table.expand(batch, -1, -1, -1), 2 * places - 1, align_corners=True)
    return cut * (table.new_empty(batch, 1, 1, 1).uniform_() > POSITION_DROPOUT)


class RadioTrunk(nn.Module):
    """C-RADIO's vision transformer; it ends without a norm."""

    def __init__(self, channels: int, shape: VitVariant, drop_path: float) -> None:
        super().__init__()
        self.patch_generator = PatchGenerator(channels, shape)
        self.blocks = make_blocks(shape, drop_path=drop_path)


class Wrapped(nn.Module):
    """One level of the published names."""

    def __init__(self, **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)


class CRadio(VitAdapter):
    """A C-RADIO transformer within its adapter.

    Args:
        variant: a key of `VIT_VARIANTS`, or sizes of one's own.
        channels: channels of the image.
        drop_path: stochastic-depth rate while training: of the last block, and of all extractors.
    """

    trunk_names = ("radio",)

    def __init__(self, variant: str | VitVariant, *, channels: int = 3, drop_path: float = 0.0) -> None:
        shape = VIT_VARIANTS[variant] if isinstance(variant, str) else variant
        super().__init__(shape, channels, drop_path, RADIO_ADAPTER_EPS)
        self.extra_tokens = EXTRA_TOKENS
        self.radio = Wrapped(radio=Wrapped(model=RadioTrunk(channels, shape, drop_path)))
        self.fc_summary = nn.Linear(EXTRA_TOKENS * shape.dim, shape.dim)
        for number in range(1, len(STRIDES) + 1):
            self.add_module(f"conv{number}", nn.Conv2d(2 * shape.dim, shape.dim, 1).apply(initialise))

    @property
    def trunk(self) -> RadioTrunk:
        """The transformer at the end of its published name."""
        trunk = self.get_submodule("radio.radio.model")
        assert isinstance(trunk, RadioTrunk)
        return trunk

    def embed(self, x: Tensor) -> tuple[Tensor, Grid]:
        """Images to tokens [N,8+h*w,dim] and the grid of all but the first eight."""
        tokens, grid = self.trunk.patch_generator(x)
        return tokens, grid

    def trunk_blocks(self) -> nn.ModuleList:
        """The transformer's blocks."""
        return self.trunk.blocks

    def mix_extra(self, level: int, x: Tensor, extra: Tensor) -> Tensor:
        """A 1x1 convolution of the summary beside the map; the summary's part is the same in all pixels."""
        conv = self.get_submodule(f"conv{level + 1}")
        assert isinstance(conv, nn.Conv2d)
        of_summary, of_map = conv.weight.chunk(2, dim=1)
        shared = F.linear(self.fc_summary(extra.flatten(1)), of_summary[:, :, 0, 0], conv.bias)
        return F.conv2d(x, of_map) + shared[:, :, None, None]

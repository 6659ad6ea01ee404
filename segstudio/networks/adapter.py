"""The ViT adapter (arXiv 2205.08534): turns a plain vision transformer into four maps at strides 4 to 32.

A convolutional prior supplies what patches lack: fine maps. Before each quarter of the transformer's blocks
an injector tells the tokens what the prior sees, after it an extractor tells the prior what the tokens know.
Names and numbers are those of TAO's Lightning generation.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.deformable import DeformableAttention, Grid, Sampling, sampling
from segstudio.networks.layers import DropPath, as_map, initialise
from segstudio.networks.variants import VitVariant

PRIOR_WIDTH = 56
HEADS = 16
POINTS = 4
VALUE_RATIO = 0.5
FFN_RATIO = 0.25
LAYER_SCALE = 1e-5
INTERACTIONS = 4
EXTRA_EXTRACTORS = 2
STRIDES = (4, 8, 16, 32)
# The eps of the adapter's LayerNorms; C-RADIO's adapter has PyTorch's default instead.
ADAPTER_EPS = 1e-6


class SpatialPrior(nn.Module):
    """A small convolutional network with maps at strides 4, 8, 16 and 32, all as wide as the tokens."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        width = PRIOR_WIDTH
        self.stem = nn.Sequential(
            *conv_norm_relu(channels, width, 2),
            *conv_norm_relu(width, width, 1),
            *conv_norm_relu(width, width, 1),
            nn.MaxPool2d(3, 2, 1),
        )
        self.conv2 = nn.Sequential(*conv_norm_relu(width, 2 * width, 2))
        self.conv3 = nn.Sequential(*conv_norm_relu(2 * width, 4 * width, 2))
        self.conv4 = nn.Sequential(*conv_norm_relu(4 * width, 4 * width, 2))
        self.fc1 = nn.Conv2d(width, dim, 1)
        self.fc2 = nn.Conv2d(2 * width, dim, 1)
        self.fc3 = nn.Conv2d(4 * width, dim, 1)
        self.fc4 = nn.Conv2d(4 * width, dim, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Images [N,C,H,W] to maps [N,dim,H/4..H/32,W/4..W/32]."""
        first = self.stem(x)
        second = self.conv2(first)
        third = self.conv3(second)
        return [self.fc1(first), self.fc2(second), self.fc3(third), self.fc4(self.conv4(third))]


def conv_norm_relu(channels: int, width: int, stride: int) -> tuple[nn.Module, ...]:
    """A 3x3 convolution without bias, BatchNorm, ReLU."""
    conv = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
    return conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)


class LayerScale(nn.Module):
    """One learned factor a channel."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), LAYER_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        """[...,dim] in and out."""
        return x * self.gamma


class Injector(nn.Module):
    """Tokens look at the prior's three coarser maps."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(dim, eps=eps)
        self.feat_norm = nn.LayerNorm(dim, eps=eps)
        self.attn = DeformableAttention(dim, HEADS, len(STRIDES) - 1, POINTS, VALUE_RATIO)
        self.ls = LayerScale(dim)

    def forward(self, tokens: Tensor, prior: Tensor, where: Sampling) -> Tensor:
        """Tokens [N,L,C] and the prior's [N,P,C] to tokens [N,L,C]."""
        result: Tensor = tokens + self.ls(self.attn(self.query_norm(tokens), self.feat_norm(prior), where))
        return result


class DepthwiseConv(nn.Module):
    """One depth-wise 3x3 convolution for maps that lie one after another in the tokens."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, 3, 1, 1, groups=dim)

    def forward(self, x: Tensor, grids: Sequence[Grid]) -> Tensor:
        """Tokens [N,P,C]; same shape out."""
        maps = [self.dwconv(level).flatten(2) for level in split_maps(x, grids)]
        return torch.cat(maps, dim=2).transpose(1, 2)


class ConvFFN(nn.Module):
    """Linear, depth-wise 3x3 on each map, GELU, linear."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        hidden = int(dim * FFN_RATIO)
        self.fc1 = nn.Linear(dim, hidden)
        self.dwconv = DepthwiseConv(hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor, grids: Sequence[Grid]) -> Tensor:
        """Tokens [N,P,C]; same shape out."""
        result: Tensor = self.fc2(F.gelu(self.dwconv(self.fc1(x), grids)))
        return result


class Extractor(nn.Module):
    """The prior's three coarser maps look at the tokens."""

    def __init__(self, dim: int, eps: float, drop_path: float) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(dim, eps=eps)
        self.feat_norm = nn.LayerNorm(dim, eps=eps)
        self.attn = DeformableAttention(dim, HEADS, 1, POINTS, VALUE_RATIO)
        self.ffn = ConvFFN(dim)
        self.ffn_norm = nn.LayerNorm(dim, eps=eps)
        self.drop_path = DropPath(drop_path)

    def forward(self, prior: Tensor, tokens: Tensor, where: Sampling, grids: Sequence[Grid]) -> Tensor:
        """The prior's tokens [N,P,C], maps of `grids`, and the transformer's [N,L,C] to [N,P,C]."""
        prior = prior + self.attn(self.query_norm(prior), self.feat_norm(tokens), where)
        result: Tensor = prior + self.drop_path(self.ffn(self.ffn_norm(prior), grids))
        return result


class Interaction(nn.Module):
    """What surrounds a quarter of the transformer's blocks."""

    def __init__(self, dim: int, eps: float, drop_path: float, extra: int) -> None:
        super().__init__()
        self.injector = Injector(dim, eps)
        self.extractor = Extractor(dim, eps, drop_path)
        # None adds no entries to the state, which has them in the last interaction only.
        self.extra_extractors = (
            nn.ModuleList(Extractor(dim, eps, drop_path) for _ in range(extra)) if extra else None
        )

    def extract(self, prior: Tensor, tokens: Tensor, where: Sampling, grids: Sequence[Grid]) -> Tensor:
        """All extractors in turn; the shapes of `Extractor`."""
        prior = self.extractor(prior, tokens, where, grids)
        for extractor in self.extra_extractors or ():
            prior = extractor(prior, tokens, where, grids)
        return prior


class VitAdapter(nn.Module):
    """A transformer within its adapter; families complete it by a trunk.

    Patches of 16 pixels have the grid of stride 16. Patches of 14 have one of their own, which nothing here
    minds: places are relative to the image, and the tokens' maps are resized to each stride. As the image is
    then rarely a whole number of patches, the trunk sees it stretched to the next one (`whole_patches`). TAO
    takes only sides that 14 and 32 both divide, multiples of 224, where nothing is stretched.

    Attributes:
        dims: channels of the four maps.
        multiple: what both sides of the image must be a multiple of.
        trunk_names: attributes that hold the transformer; all else is the adapter.
    """

    multiple = STRIDES[-1]
    trunk_names: tuple[str, ...] = ()

    def __init__(self, shape: VitVariant, channels: int, drop_path: float, eps: float = ADAPTER_EPS) -> None:
        super().__init__()
        dim = shape.dim
        self.dims = (dim,) * len(STRIDES)
        self.group, self.patch = shape.group, shape.patch
        self.extra_tokens = 0
        self.level_embed = nn.Parameter(torch.empty(len(STRIDES) - 1, dim))
        self.spm = SpatialPrior(channels, dim)
        self.interactions = nn.ModuleList(
            Interaction(dim, eps, drop_path, EXTRA_EXTRACTORS if number == INTERACTIONS - 1 else 0)
            for number in range(INTERACTIONS)
        )
        self.up = nn.ConvTranspose2d(dim, dim, 2, 2)
        for number in range(1, len(STRIDES) + 1):
            self.add_module(f"norm{number}", nn.BatchNorm2d(dim))
        nn.init.normal_(self.level_embed)
        for part in (self.spm, self.interactions):
            part.apply(initialise)
        for module in self.interactions.modules():
            if isinstance(module, DeformableAttention):
                module.reset()
        nn.init.normal_(self.up.weight, 0.0, (2.0 / (4 * dim)) ** 0.5)
        assert self.up.bias is not None
        nn.init.zeros_(self.up.bias)

    @abstractmethod
    def embed(self, x: Tensor) -> tuple[Tensor, Grid]:
        """Images to tokens, `extra_tokens` first, and the grid of the others."""

    @abstractmethod
    def trunk_blocks(self) -> nn.ModuleList:
        """The transformer's blocks."""

    def mix_extra(self, level: int, x: Tensor, extra: Tensor) -> Tensor:
        """What the extra tokens [N,extra_tokens,C] add to a map, 0 the finest; nothing if there are none."""
        return x

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised images [N,C,H,W], sides multiples of 32, to maps [N,dim,H/4..H/32,W/4..W/32]."""
        finest, *coarse = self.spm(x)
        grids = [(level.shape[2], level.shape[3]) for level in coarse]
        embeds = self.level_embed[:, :, None].unbind(0)
        prior = torch.cat([level.flatten(2) + e for level, e in zip(coarse, embeds, strict=True)], dim=2)
        tokens, grid = self.embed(self.whole_patches(x))
        prior, extra, seen = self._interact(prior.transpose(1, 2), grids, tokens, grid)
        coarse = split_maps(prior, grids)
        maps = [finest + self.up(coarse[0]), *coarse]
        for level, stride in enumerate(STRIDES):
            # At the patches' own stride resizing would change nothing.
            if stride != self.patch:
                size = maps[level].shape[2:]
                seen[level] = F.interpolate(seen[level], size=size, mode="bilinear", align_corners=False)
            mixed = self.mix_extra(level, maps[level] + seen[level], extra)
            maps[level] = self.get_submodule(f"norm{level + 1}")(mixed)
        return maps

    def _interact(
        self, prior: Tensor, grids: list[Grid], tokens: Tensor, grid: Grid
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The prior's and the extra tokens after all blocks, and the map of the others after each quarter."""
        to_prior, to_tokens = sampling([grid], grids, tokens), sampling(grids, [grid], tokens)
        blocks = self.trunk_blocks()
        extra, seen = tokens[:, : self.extra_tokens], []
        tokens = tokens[:, self.extra_tokens :]
        for number, interaction in enumerate(self.interactions):
            assert isinstance(interaction, Interaction)
            tokens = interaction.injector(tokens, prior, to_prior)
            both = torch.cat([extra, tokens], dim=1) if self.extra_tokens else tokens
            for block in blocks[number * self.group : (number + 1) * self.group]:
                both = block(both)
            extra, tokens = both[:, : self.extra_tokens], both[:, self.extra_tokens :]
            prior = interaction.extract(prior, tokens, to_tokens, grids)
            seen.append(as_map(tokens, *grid))
        return prior, extra, seen

    def whole_patches(self, x: Tensor) -> Tensor:
        """The image stretched to whole patches, bilinear; exact where it has them already."""
        if self.multiple % self.patch == 0:
            return x
        # Rounded up without a negative number, which ONNX divides towards zero.
        height, width = ((x.shape[axis] + self.patch - 1) // self.patch * self.patch for axis in (2, 3))
        return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False)

    def trunk_parameters(self) -> Iterator[nn.Parameter]:
        """What freezing the backbone freezes: the transformer, not its adapter."""
        for name, parameter in self.named_parameters():
            if name.split(".")[0] in self.trunk_names:
                yield parameter

    def train(self, mode: bool = True) -> Self:
        """As every module, but a frozen transformer stays as in evaluation, as TAO has it."""
        super().train(mode)
        if not any(parameter.requires_grad for parameter in self.trunk_parameters()):
            for name, child in self.named_children():
                if name in self.trunk_names:
                    child.eval()
        return self


def split_maps(tokens: Tensor, grids: Sequence[Grid]) -> list[Tensor]:
    """Tokens [N,P,C] of maps that lie one after another, as maps [N,C,h,w]."""
    rows, start, maps = tokens.transpose(1, 2), 0, []
    for height, width in grids:
        stop = start + height * width
        maps.append(rows[:, :, start:stop].reshape(tokens.shape[0], -1, height, width))
        start = stop
    return maps

"""The network with every layer called as a layer, for tools that wrap layers to see what goes through them.

Our network computes its decode head and the MLPs of its backbones from their parameters, which is faster; a
quantiser that wraps a layer would never see its input there. These stand-ins hold the same layers under the
same names and compute what is published, so that a state dict keeps its keys.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.decode_head import LEVELS, DecodeHead, MmsegHead
from segstudio.networks.fan import ValueMLP
from segstudio.networks.layers import as_map
from segstudio.networks.mit import MixFFN
from segstudio.networks.segformer import SegFormer


def layered(network: SegFormer) -> SegFormer:
    """A copy in evaluation whose head and MLPs call their layers; it answers alike up to rounding."""
    made = copy.deepcopy(network).eval()
    for module in list(made.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, MixFFN | ValueMLP):
                module.add_module(name, LayeredMLP(child))
            elif isinstance(child, DecodeHead):
                module.add_module(name, LayeredHead(child))
            elif isinstance(child, MmsegHead):
                module.add_module(name, LayeredMmsegHead(child))
    return made.eval()


class LayeredMLP(nn.Module):
    """The MLP of a MiT, or that on the values of a FAN, on tokens."""

    def __init__(self, mlp: MixFFN | ValueMLP) -> None:
        super().__init__()
        self.fc1, self.dwconv, self.fc2 = mlp.fc1, mlp.dwconv, mlp.fc2
        self.gamma = mlp.gamma if isinstance(mlp, ValueMLP) else None

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """Tokens [N,L,C] of a grid height x width; same shape out."""
        grid = as_map(self.fc1(x), height, width)
        if self.gamma is None:
            grid = F.gelu(self.dwconv(grid))
        else:
            grid = torch.addcmul(grid, self.gamma[:, None, None], self.dwconv(grid))
        tokens: Tensor = self.fc2(grid.flatten(2).transpose(1, 2))
        return tokens


class LayeredHead(nn.Module):
    """NVlabs' head as published: projected, upsampled, concatenated from coarse to fine, fused."""

    def __init__(self, head: DecodeHead) -> None:
        super().__init__()
        for name, child in head.named_children():
            self.add_module(name, child)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps [N,c_i,h_i,w_i] to logits [N,classes,h_1,w_1]."""
        levels = []
        for number, level in enumerate(maps, 1):
            tokens = self.get_submodule(f"linear_c{number}.proj")(level.flatten(2).transpose(1, 2))
            levels.append(as_map(tokens, level.shape[2], level.shape[3]))
        fused = self.get_submodule("linear_fuse")(torch.cat(upsampled(levels)[::-1], 1))
        logits: Tensor = self.get_submodule("linear_pred")(fused)
        return logits


class LayeredMmsegHead(nn.Module):
    """mmsegmentation's head as published: concatenated from fine to coarse."""

    def __init__(self, head: MmsegHead) -> None:
        super().__init__()
        for name, child in head.named_children():
            self.add_module(name, child)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps [N,c_i,h_i,w_i] to logits [N,classes,h_1,w_1]."""
        levels = [self.get_submodule(f"convs.{number}")(maps[number]) for number in range(LEVELS)]
        fused = self.get_submodule("fusion_conv")(torch.cat(upsampled(levels), 1))
        logits: Tensor = self.get_submodule("conv_seg")(fused)
        return logits


def upsampled(levels: list[Tensor]) -> list[Tensor]:
    """Every level at the size of the first."""
    size = levels[0].shape[2:]
    others = [F.interpolate(level, size=size, mode="bilinear", align_corners=False) for level in levels[1:]]
    return [levels[0], *others]

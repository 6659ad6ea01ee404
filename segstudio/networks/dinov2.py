"""The NV-DINOv2 backbones: a trunk with SwiGLU and learned positions, its names beside the adapter's.

The published trunk has a class token, a final norm and, in the giant, 16 more blocks; none of them is in
TAO's graph, so they are not made and their weights find no place. Without confirmation from a real file:
that those of the Lightning generation hold no layer scale (its code makes none, the generation before did).
"""

from torch import Tensor, nn

from segstudio.networks.adapter import VitAdapter
from segstudio.networks.deformable import Grid
from segstudio.networks.variants import VIT_VARIANTS, VitVariant
from segstudio.networks.vit import PatchTokens, SwiGLU, make_blocks


class NvDinoV2(VitAdapter, PatchTokens):
    """A NV-DINOv2 transformer within its adapter.

    Args:
        variant: a key of `VIT_VARIANTS`, or sizes of one's own.
        channels: channels of the image.
        drop_path: stochastic-depth rate while training: of the last block, and of all extractors.
    """

    trunk_names = ("patch_embed", "pos_embed", "blocks")

    def __init__(self, variant: str | VitVariant, *, channels: int = 3, drop_path: float = 0.4) -> None:
        shape = VIT_VARIANTS[variant] if isinstance(variant, str) else variant
        super().__init__(shape, channels, drop_path)
        self.build(channels, shape, 1, make_blocks(shape, SwiGLU, drop_path))

    def embed(self, x: Tensor) -> tuple[Tensor, Grid]:
        """Images to tokens [N,h*w,dim] and their grid."""
        return PatchTokens.embed(self, x)

    def trunk_blocks(self) -> nn.ModuleList:
        """The transformer's blocks."""
        return self.blocks

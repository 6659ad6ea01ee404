"""SegFormer: a backbone of the table and a decode head, from images to logits."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.errors import ModelError
from segstudio.networks.architecture import Architecture
from segstudio.networks.decode_head import DecodeHead, MmsegHead
from segstudio.networks.dinov2 import NvDinoV2
from segstudio.networks.fan import Fan
from segstudio.networks.mit import MixVisionTransformer
from segstudio.networks.nvclip import NvClip
from segstudio.networks.radio import CRadio
from segstudio.networks.variants import FAN_VARIANTS, MIT_VARIANTS, VIT_VARIANTS

STRIDE = 4


class Backbone(Protocol):
    """What the table's modules have besides being modules."""

    @property
    def dims(self) -> Sequence[int]:
        """Channels of the four maps, from fine to coarse."""
        ...

    @property
    def multiple(self) -> int:
        """What the sides of the input must be multiples of."""
        ...

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised images [N,3,H,W] to four maps [N,c_i,h_i,w_i], the first of stride 4."""
        ...


VIT_FAMILIES: dict[str, Callable[..., Backbone]] = {
    "nvdinov2": NvDinoV2,
    "siglip": NvClip,
    "clipa": NvClip,
    "radio": CRadio,
}
# What makes each backbone; called with the options that `backbone_options` gives.
BACKBONES: dict[str, Callable[..., Backbone]] = {
    **{name: partial(MixVisionTransformer, name) for name in MIT_VARIANTS},
    **{name: partial(Fan, name) for name in FAN_VARIANTS},
    **{name: partial(VIT_FAMILIES[variant.family], name) for name, variant in VIT_VARIANTS.items()},
}


class SegFormer(nn.Module):
    """SegFormer of an architecture.

    Args:
        architecture: backbone and head.
        drop_path: stochastic-depth rate while training; None takes the backbone's usual one.
        head_dropout: channel dropout before the classifier while training.

    Raises:
        ModelError: there is no such backbone.
    """

    def __init__(
        self, architecture: Architecture, *, drop_path: float | None = None, head_dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.architecture = architecture
        backbone = make_backbone(architecture, drop_path)
        self.multiple = backbone.multiple
        assert isinstance(backbone, nn.Module)
        self.backbone = backbone
        head = DecodeHead if architecture.head == "linear" else MmsegHead
        self.decode_head: DecodeHead | MmsegHead = head(
            backbone.dims,
            architecture.classes,
            architecture.embed_dim,
            bias=architecture.head_bias,
            dropout=head_dropout,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images [N,3,H,W] to logits [N,K,ceil(H/4),ceil(W/4)].

        Sides that are no multiple of the backbone's are filled up with zeros, the mean colour, at the
        right and at the bottom; what the filling adds to the logits is cut off again.
        """
        height, width = x.shape[2], x.shape[3]
        below, beside = -height % self.multiple, -width % self.multiple
        if not below and not beside:
            logits: Tensor = self.decode_head(self.backbone(x))
            return logits
        logits = self.decode_head(self.backbone(F.pad(x, (0, beside, 0, below))))
        return logits[:, :, : -(-height // STRIDE), : -(-width // STRIDE)]

    def freeze_backbone(self) -> None:
        """Stops the backbone's learning; where an adapter surrounds it, the adapter goes on."""
        trunk: Callable[[], Iterator[nn.Parameter]] = getattr(
            self.backbone, "trunk_parameters", self.backbone.parameters
        )
        for parameter in trunk():
            parameter.requires_grad_(False)


def make_backbone(architecture: Architecture, drop_path: float | None = None) -> Backbone:
    """The backbone of an architecture, with start weights.

    Raises:
        ModelError: there is no such backbone.
    """
    name = architecture.backbone
    if name not in BACKBONES:
        raise ModelError(f"there is no backbone {name!r}", hint=f"use one of: {', '.join(BACKBONES)}")
    options = backbone_options(architecture)
    if drop_path is not None:
        options["drop_path"] = drop_path
    return BACKBONES[name](**options)


def backbone_options(architecture: Architecture) -> dict[str, Any]:
    """Which of the architecture's fields its family of backbones knows."""
    if architecture.backbone in MIT_VARIANTS:
        return {"block_eps": architecture.block_eps, "embed_eps": architecture.embed_eps}
    if architecture.backbone in FAN_VARIANTS:
        return {"feat_downsample": architecture.feat_downsample, "paired_waves": architecture.paired_waves}
    return {}

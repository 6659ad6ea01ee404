"""What must be known to build a network before its weights are loaded; free of torch."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from segstudio.errors import ModelError
from segstudio.networks.variants import usual_embed_dim

HeadForm = Literal["linear", "mmseg"]
HEAD_FORMS: tuple[HeadForm, ...] = ("linear", "mmseg")
# eps of the LayerNorms in (blocks and stage norms, patch embedding and reduction norms) by origin.
NVLABS_EPS = (1e-6, 1e-5)
HUGGINGFACE_EPS = (1e-5, 1e-5)
MMSEG_EPS = (1e-6, 1e-6)
NORM_EPS = {"nvlabs": NVLABS_EPS, "huggingface": HUGGINGFACE_EPS, "mmseg": MMSEG_EPS}


@dataclass(frozen=True)
class Architecture:
    """A SegFormer's backbone and head.

    Attributes:
        backbone: a key of `networks.segformer.BACKBONES`.
        classes: number of classes K.
        embed_dim: the head's width E; 0 takes the backbone's usual one.
        head: "linear" projects each level and fuses the sum (NVlabs, TAO, Hugging Face); "mmseg" has
            BatchNorm and ReLU a level before the fusion.
        head_bias: whether the fuse convolution has a bias (TAO's Lightning generation has one).
        block_eps: eps of a MiT's LayerNorms in blocks and after stages.
        embed_eps: eps of a MiT's LayerNorms in patch embedding and reduced attention.
        feat_downsample: whether a FAN's coarsest map goes through a learned stride (TAO's option).
        paired_waves: whether sine and cosine of a FAN's position code share a wavelength, as in TAO and in
            ImageNet weights; in NVlabs' segmentation weights each has its own.
    """

    backbone: str
    classes: int
    embed_dim: int = 0
    head: HeadForm = "linear"
    head_bias: bool = False
    block_eps: float = NVLABS_EPS[0]
    embed_eps: float = NVLABS_EPS[1]
    feat_downsample: bool = False
    paired_waves: bool = True

    def __post_init__(self) -> None:
        """Settles the usual width.

        Raises:
            ModelError: no such form of head.
        """
        if self.head not in HEAD_FORMS:
            raise ModelError(f"head form {self.head!r}", hint=f"use one of: {', '.join(HEAD_FORMS)}")
        if self.embed_dim == 0:
            object.__setattr__(self, "embed_dim", usual_embed_dim(self.backbone))

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return dataclasses.asdict(self)


def architecture_from_dict(values: Mapping[str, Any]) -> Architecture:
    """The architecture that a JSON object describes.

    Raises:
        ModelError: a missing or unknown key.
    """
    try:
        return Architecture(**values)
    except TypeError as error:
        raise ModelError(f"the network's description is not usable: {error}") from error

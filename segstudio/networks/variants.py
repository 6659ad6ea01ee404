"""The sizes of the Mix Transformer, b0 to b5 (arXiv 2105.15203, table 6); free of torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MitVariant:
    """What distinguishes b0 to b5: channels and blocks of the four stages, and the head's usual width."""

    dims: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    embed_dim: int


MIT_VARIANTS: dict[str, MitVariant] = {
    "mit_b0": MitVariant((32, 64, 160, 256), (2, 2, 2, 2), 256),
    "mit_b1": MitVariant((64, 128, 320, 512), (2, 2, 2, 2), 256),
    "mit_b2": MitVariant((64, 128, 320, 512), (3, 4, 6, 3), 768),
    "mit_b3": MitVariant((64, 128, 320, 512), (3, 4, 18, 3), 768),
    "mit_b4": MitVariant((64, 128, 320, 512), (3, 8, 27, 3), 768),
    "mit_b5": MitVariant((64, 128, 320, 512), (3, 6, 40, 3), 768),
}

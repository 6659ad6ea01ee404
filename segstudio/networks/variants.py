"""The sizes of every backbone (MiT: arXiv 2105.15203, table 6); free of torch."""

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

WIDE_HEAD = 768


def usual_embed_dim(backbone: str) -> int:
    """The head's usual width for a backbone: 256 for MiT b0 and b1, else 768."""
    return MIT_VARIANTS[backbone].embed_dim if backbone in MIT_VARIANTS else WIDE_HEAD


@dataclass(frozen=True)
class FanVariant:
    """What distinguishes the FAN hybrids (arXiv 2204.12451), in two ConvNeXt stages and one run of blocks.

    Attributes:
        dims: channels of the four maps; `dims[2]` is the width of the tokens.
        depths: blocks of the two convolutional stages.
        blocks: attention blocks on the tokens.
        heads: heads of each of them.
        tap: the block after which the third map leaves, zero-based.
    """

    dims: tuple[int, int, int, int]
    depths: tuple[int, int]
    blocks: int
    heads: int
    tap: int


FAN_VARIANTS: dict[str, FanVariant] = {
    "fan_tiny_8_p4_hybrid": FanVariant((128, 256, 192, 192), (3, 3), blocks=8, heads=8, tap=7),
    "fan_small_12_p4_hybrid": FanVariant((128, 256, 384, 384), (3, 3), blocks=10, heads=8, tap=9),
    "fan_base_16_p4_hybrid": FanVariant((128, 256, 448, 448), (3, 3), blocks=16, heads=8, tap=15),
    "fan_large_16_p4_hybrid": FanVariant((128, 256, 480, 480), (3, 5), blocks=22, heads=10, tap=18),
}


@dataclass(frozen=True)
class VitVariant:
    """A vision transformer of the adapter backbones, as TAO's SegFormer configures it.

    Attributes:
        family: which trunk: "nvdinov2", "siglip", "clipa" or "radio".
        dim: width of the tokens and channels of all four maps.
        depth: blocks of the published trunk.
        group: blocks of each of the four interactions; blocks beyond 4 x group never run.
        heads: attention heads.
        hidden: outputs of the MLP's first layer; SwiGLU packs gate and value into them.
        patch: side of a patch in pixels.
        grid: side of the published position table in patches.
    """

    family: str
    dim: int
    depth: int
    group: int
    heads: int
    hidden: int
    patch: int
    grid: int


VIT_VARIANTS: dict[str, VitVariant] = {
    "vit_large_nvdinov2": VitVariant("nvdinov2", 1024, 24, 6, heads=16, hidden=5472, patch=16, grid=37),
    "vit_giant_nvdinov2": VitVariant("nvdinov2", 1536, 40, 6, heads=24, hidden=8192, patch=14, grid=37),
    "vit_base_nvclip_16_siglip": VitVariant("siglip", 768, 12, 3, heads=12, hidden=3072, patch=16, grid=14),
    "vit_huge_nvclip_14_siglip": VitVariant("clipa", 1280, 32, 8, heads=16, hidden=5120, patch=14, grid=16),
    "c_radio_v2_vit_base_patch16_224": VitVariant(
        "radio", 768, 12, 3, heads=12, hidden=3072, patch=16, grid=128
    ),
    "c_radio_v2_vit_large_patch16_224": VitVariant(
        "radio", 1024, 24, 6, heads=16, hidden=4096, patch=16, grid=128
    ),
    "c_radio_v2_vit_huge_patch16_224": VitVariant(
        "radio", 1280, 32, 8, heads=16, hidden=5120, patch=16, grid=128
    ),
}


BACKBONE_NAMES = (*MIT_VARIANTS, *FAN_VARIANTS, *VIT_VARIANTS)

"""The networks have exactly as many learnable parameters as the published ones."""

import pytest
import torch
from torch import nn

from segstudio.networks.architecture import Architecture
from segstudio.networks.mit import MixVisionTransformer
from segstudio.networks.segformer import SegFormer
from segstudio.networks.variants import MIT_VARIANTS

# Encoder alone; with 19 classes and the usual head; with 19 classes and TAO's head (768 wide, fuse bias).
PUBLISHED = {
    "mit_b0": (3_319_392, 3_719_027, 6_091_891),
    "mit_b1": (13_151_424, 13_682_131, 16_317_139),
    "mit_b2": (24_196_288, 27_361_235, 27_362_003),
    "mit_b3": (44_072_128, 47_237_075, 47_237_843),
    "mit_b4": (60_842_688, 64_007_635, 64_008_403),
    "mit_b5": (81_443_008, 84_607_955, 84_608_723),
}


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("variant", sorted(PUBLISHED))
def test_counts_equal_the_published_ones(variant: str) -> None:
    # The meta device makes shapes without memory: b5 would need 340 MB.
    with torch.device("meta"):
        encoder = MixVisionTransformer(variant)
        usual = SegFormer(Architecture(variant, 19))
        tao = SegFormer(Architecture(variant, 19, embed_dim=768, head_bias=True))
    assert (parameters(encoder), parameters(usual), parameters(tao)) == PUBLISHED[variant]


def test_every_variant_is_counted() -> None:
    assert set(PUBLISHED) == set(MIT_VARIANTS)


def test_names_are_those_of_nvlabs() -> None:
    with torch.device("meta"):
        names = set(SegFormer(Architecture("mit_b0", 19)).state_dict())
    assert {
        "backbone.patch_embed1.proj.weight",
        "backbone.block1.0.attn.sr.weight",
        "backbone.block3.1.mlp.dwconv.dwconv.bias",
        "backbone.norm4.weight",
        "decode_head.linear_c4.proj.bias",
        "decode_head.linear_fuse.conv.weight",
        "decode_head.linear_fuse.bn.running_var",
        "decode_head.linear_pred.bias",
    } <= names
    assert "backbone.block4.0.attn.sr.weight" not in names
    assert "decode_head.linear_fuse.conv.bias" not in names


def test_drop_path_rises_linearly_over_all_blocks() -> None:
    encoder = MixVisionTransformer("mit_b0", drop_path=0.7)
    rates = [
        block.get_submodule("drop_path").probability
        for stage in range(1, 5)
        for block in encoder.get_submodule(f"block{stage}").children()
    ]
    assert rates == pytest.approx([0.1 * step for step in range(8)])


def test_layer_norms_use_the_published_epsilons() -> None:
    with torch.device("meta"):
        encoder = MixVisionTransformer("mit_b1")
    for name, module in encoder.named_modules():
        if isinstance(module, nn.LayerNorm):
            inner = name.startswith("patch_embed") or name.endswith("attn.norm")
            assert module.eps == (1e-5 if inner else 1e-6), name

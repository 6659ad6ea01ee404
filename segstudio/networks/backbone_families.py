"""Tells the families and sizes of backbones by the names and shapes of their tensors."""

import re
from typing import NamedTuple

from torch import Tensor

from segstudio.errors import ModelError
from segstudio.networks.variants import FAN_VARIANTS, MIT_VARIANTS, VIT_VARIANTS

Tensors = dict[str, Tensor]

STAGES = range(1, 5)
TRUNK = "vision_transformer."
RADIO = "radio.radio.model."
# Beside its image tower a CLIP has one for texts, and TAO's files hold the image tower twice.
CLIP_UNUSED = (
    "model.", "text", "logit_", "transformer.", "token_embedding.", "positional_embedding", "ln_final.",
)  # fmt: skip


class Family(NamedTuple):
    """A family of backbones: names that only it has, and names that nothing in our network needs."""

    name: str
    signs: tuple[str, ...]
    unused: tuple[str, ...] = ()


FAMILIES: tuple[Family, ...] = (
    Family("mit", ("patch_embed1.proj.weight", "block1.0.norm1.weight"), ("head.",)),
    Family("fan", ("patch_embed.backbone.stem.0.weight", "patch_embed.proj.weight"), ("norm.", "head.")),
    Family(
        "radio",
        (f"{RADIO}patch_generator.embedder.weight",),
        (
            f"{RADIO}norm.",
            f"{RADIO}cls_token",
            f"{RADIO}reg_token",
            "radio_model.",
            "radio.radio.summary_idxs",
        ),
    ),
    Family(
        "clipa",
        (f"{TRUNK}conv1.weight", f"{TRUNK}positional_embedding"),
        (*CLIP_UNUSED, f"{TRUNK}class_embedding", f"{TRUNK}ln_", f"{TRUNK}proj"),
    ),
    Family(
        "siglip",
        (f"{TRUNK}patch_embed.proj.weight", f"{TRUNK}blocks.0.attn.qkv.weight"),
        (*CLIP_UNUSED, f"{TRUNK}attn_pool.", f"{TRUNK}norm.", f"{TRUNK}fc_norm."),
    ),
    Family(
        "nvdinov2",
        ("patch_embed.proj.weight", "pos_embed", "blocks.0.attn.qkv.weight"),
        ("norm.", "head.", "cls_token", "mask_token", "register_tokens"),
    ),
)


def family_of(tensors: Tensors) -> Family | None:
    """The family of backbones whose names are there."""
    for family in FAMILIES:
        if all(f"backbone.{sign}" in tensors for sign in family.signs):
            return family
    return None


def blocks_in(tensors: Tensors, prefix: str) -> int:
    """How many numbers follow a prefix, counted from 0."""
    found = (re.match(rf"{re.escape(prefix)}(\d+)\.", name) for name in tensors)
    return max((int(match[1]) + 1 for match in found if match), default=0)


def variant_of(family: str, tensors: Tensors, origin: str) -> str:
    """The backbone of a family by its sizes.

    Raises:
        ModelError: none has these.
    """
    if family == "mit":
        dims = tuple(width(tensors, f"backbone.patch_embed{stage}.proj.weight") for stage in STAGES)
        depths = tuple(blocks_in(tensors, f"backbone.block{stage}.") for stage in STAGES)
        sizes = f"widths {dims} and {depths} blocks"
        found = [name for name, shape in MIT_VARIANTS.items() if (shape.dims, shape.depths) == (dims, depths)]
    elif family == "fan":
        dim, blocks = (
            width(tensors, "backbone.patch_embed.proj.weight"),
            blocks_in(tensors, "backbone.blocks."),
        )
        sizes = f"width {dim} and {blocks} blocks"
        found = [
            name for name, shape in FAN_VARIANTS.items() if (shape.dims[2], shape.blocks) == (dim, blocks)
        ]
    else:
        sizes, found = vit_variant(family, tensors)
    if not found:
        raise ModelError(
            f"{origin}: no {family} backbone of SegFormer has {sizes}",
            hint=f"known are: {', '.join((*MIT_VARIANTS, *FAN_VARIANTS, *VIT_VARIANTS))}",
        )
    return found[0]


# Where a family of transformers keeps its blocks, and in them the first layer of the MLP.
VIT_BLOCKS = {
    "nvdinov2": ("blocks.", "mlp.fc1"),
    "siglip": (f"{TRUNK}blocks.", "mlp.fc1"),
    "clipa": (f"{TRUNK}transformer.resblocks.", "mlp.c_fc"),
    "radio": (f"{RADIO}blocks.", "mlp.fc1"),
}


def vit_variant(family: str, tensors: Tensors) -> tuple[str, list[str]]:
    """The sizes of a transformer in words, and the variants that have them."""
    prefix, layer = VIT_BLOCKS[family]
    first = tensors.get(f"backbone.{prefix}0.{layer}.weight")
    hidden, dim = (first.shape[0], first.shape[1]) if first is not None and first.ndim == 2 else (0, 0)
    count = blocks_in(tensors, f"backbone.{prefix}")
    found = [
        name
        for name, shape in VIT_VARIANTS.items()
        if (shape.family, shape.dim, shape.hidden) == (family, dim, hidden) and 4 * shape.group <= count
    ]
    return f"width {dim}, MLP {hidden} and {count} blocks", found


def width(tensors: Tensors, name: str) -> int:
    """Rows of a tensor, 0 without it."""
    tensor = tensors.get(name)
    return tensor.shape[0] if tensor is not None and tensor.ndim else 0


def without_unused(tensors: Tensors, family: Family) -> Tensors:
    """Without what the family's published network has and ours does not need."""
    unused = tuple(f"backbone.{name}" for name in family.unused)
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(unused)}

"""Finds out who made a checkpoint and which network it is of, and gives its tensors our names."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from segstudio.errors import ModelError
from segstudio.networks.architecture import (
    NORM_EPS,
    Architecture,
    HeadForm,
    architecture_from_dict,
)
from segstudio.networks.backbone_families import Tensors, family_of, variant_of, without_unused
from segstudio.networks.checkpoint_file import ARCHITECTURE, CheckpointFile
from segstudio.networks.key_tables import KEY_MAPS, OLD_MMSEG, SEGSTUDIO, KeyMap, Table

# What DDP, Lightning, TAO and transformers put in front of every name, in any order.
WRAPPERS = ("module.", "model.", "segformer.")
COMPILED = "_orig_mod."
AVERAGES = ("ema_", "ema.", "ema_model.", "model_ema.", "module_ema.")
PLACEHOLDERS = {
    "{s}": r"(?P<s>\d+)", "{i}": r"(?P<i>\d+)", "{p}": r"(?P<p>weight|bias)",
}  # fmt: skip
# What a Hugging Face configuration may not change, for tensors do not show it.
FIXED_CONFIG = {
    "num_attention_heads": [1, 2, 5, 8],
    "sr_ratios": [8, 4, 2, 1],
    "strides": [4, 2, 2, 2],
    "hidden_act": "gelu",
    "reshape_last_stage": True,
}


@dataclass(frozen=True)
class Recognised:
    """A checkpoint that was understood.

    Attributes:
        producer: who wrote it.
        architecture: what to build; without a head its `classes` is 0 and must be replaced.
        tensors: under our names.
        has_head: whether it has a decode head, not only a backbone.
        notes: what was left out or changed, for the user.
    """

    producer: str
    architecture: Architecture
    tensors: Tensors
    has_head: bool
    notes: tuple[str, ...] = ()


def recognise(file: CheckpointFile) -> Recognised:
    """Who made a file, of which network; the network is read from the tensors, nothing is asked.

    Raises:
        ModelError: it is no SegFormer, or none of the sizes that there are.
    """
    notes: list[str] = []
    given = without_wrappers(file.tensors, notes)
    key_map = key_map_of(given)
    tensors = {} if key_map is None else renamed(given, key_map, notes)
    family = family_of(tensors)
    if key_map is None or family is None:
        raise not_segformer(file)
    if key_map.origin == "huggingface":
        check_config(file)
    backbone = variant_of(family.name, tensors, file.origin)
    head = head_of(tensors)
    producer = producer_of(key_map, tensors, head)
    used = without_unused(tensors, family)
    if head is not None and head[0] == "linear":
        used = {name: tensor for name, tensor in used.items() if ".conv_seg." not in name}
    if len(used) < len(tensors):
        notes.append(f"left out: {number_of(tensors.keys() - used)} that nothing here runs")
    if head is None:
        notes.append("it has no decode head: that starts untrained")
    architecture = architecture_of(backbone, head, used, key_map, file)
    return Recognised(producer, architecture, counted(used), head is not None, tuple(notes))


def renamed(given: Tensors, key_map: KeyMap, notes: list[str]) -> Tensors:
    """Tensors under our names and in our form."""
    names = {name: translated_name(key_map.prefix + name, key_map.table) for name in given}
    unknown = [name for name, new in names.items() if new is None]
    if unknown:
        notes.append(f"left out: {number_of(unknown)} of no SegFormer")
    known = {new: given[old] for old, new in names.items() if new is not None}
    return folded_layer_scales(in_our_form(known), notes)


def number_of(names: Collection[str]) -> str:
    """So many tensors, in words."""
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''}"


def without_wrappers(tensors: Mapping[str, Tensor], notes: list[str]) -> Tensors:
    """Names without what wraps all of a network; moving averages beside the weights are left out."""
    averages = {name for name in tensors if name.startswith(AVERAGES)}
    if averages and len(averages) < len(tensors):
        notes.append(f"left out: {number_of(averages)} of a moving average")
    wrappers = WRAPPERS if len(averages) < len(tensors) else (*WRAPPERS, *AVERAGES)
    plain: Tensors = {}
    for name, tensor in tensors.items():
        short = name.replace(COMPILED, "")
        while short.startswith(wrappers) and "." in short:
            short = short[short.index(".") + 1 :]
        if name not in averages or len(averages) == len(tensors):
            plain.setdefault(short, tensor)
    return plain


def key_map_of(tensors: Mapping[str, Tensor]) -> KeyMap | None:
    """The first map whose signs are all there."""
    for key_map in KEY_MAPS:
        if all(any(name.startswith(sign) for name in tensors) for sign in key_map.signs):
            return key_map
    return None


@cache
def patterns(table: Table, reverse: bool) -> tuple[tuple[re.Pattern[str], str], ...]:
    """A table's rows as patterns of names and what they become, theirs to ours or in reverse."""
    made = []
    for theirs, ours in table:
        source, target = (ours, theirs) if reverse else (theirs, ours)
        text = re.escape(source)
        for mark, pattern in PLACEHOLDERS.items():
            text = text.replace(re.escape(mark), pattern)
        made.append((re.compile(rf"{text}(?P<rest>\..+)?"), target))
    return tuple(made)


def translated_name(name: str, table: Table, reverse: bool = False) -> str | None:
    """What a table calls a tensor, None if it does not know it."""
    for pattern, target in patterns(table, reverse):
        found = pattern.fullmatch(name)
        if found is None:
            continue
        parts = found.groupdict()
        if "s" in parts:
            parts["s"] = str(int(parts["s"]) + (-1 if reverse else 1))
        return target.format(**parts) + (parts["rest"] or "")
    return None


def translated(tensors: Mapping[str, Tensor], table: Table, *, reverse: bool = False) -> Tensors:
    """Tensors under a table's names, without those that it does not know."""
    names = {name: translated_name(name, table, reverse) for name in tensors}
    return {new: tensors[old] for old, new in names.items() if new is not None}


def in_our_form(tensors: Tensors) -> Tensors:
    """A MiT's keys and values in one tensor behind the queries', and its linear layers as matrices."""
    ours = dict(tensors)
    for name, tensor in tensors.items():
        if not re.match(r"backbone\.block\d", name):
            continue
        if ".attn.k." in name:
            value = name.replace(".attn.k.", ".attn.v.")
            if value in tensors:
                ours[name.replace(".attn.k.", ".attn.kv.")] = torch.cat([ours.pop(name), ours.pop(value)])
        elif ".attn.qkv." in name:
            rows = ours.pop(name)
            width = rows.shape[0] // 3
            ours[name.replace(".qkv.", ".q.")] = rows[:width]
            ours[name.replace(".qkv.", ".kv.")] = rows[width:]
        elif re.search(r"\.mlp\.fc[12]\.weight", name) and tensor.ndim == 4:
            ours[name] = tensor.flatten(1)
    return ours


def folded_layer_scales(tensors: Tensors, notes: list[str]) -> Tensors:
    """Without the scales after a transformer's attention and MLP: their last linear layers take them in."""
    folded = {name.replace(".grandma", ".gamma"): tensor for name, tensor in tensors.items()}
    scales = [name for name in folded if re.search(r"\.blocks\.\d+\.ls[12]\.gamma$", name)]
    for name in scales:
        block, _, which = name.removesuffix(".gamma").rpartition(".")
        scale = folded.pop(name).double()
        layer = f"{block}.attn.proj" if which == "ls1" else f"{block}.mlp.fc2"
        for part, factor in ((f"{layer}.weight", scale[:, None]), (f"{layer}.bias", scale)):
            if part in folded:
                folded[part] = (folded[part].double() * factor).to(folded[part].dtype)
    if scales:
        notes.append(f"the layer scales ({number_of(scales)}) are multiplied into the layers before them")
    return folded


def head_of(tensors: Tensors) -> tuple[HeadForm, int, int] | None:
    """Form, classes and width of the decode head; None without one."""
    forms: tuple[tuple[HeadForm, str, str], ...] = (
        ("linear", "linear_pred", "linear_fuse.conv"),
        ("mmseg", "conv_seg", "fusion_conv.conv"),
    )
    for form, classifier, fuse in forms:
        last = tensors.get(f"decode_head.{classifier}.weight")
        if last is not None and last.ndim == 4 and f"decode_head.{fuse}.weight" in tensors:
            return form, last.shape[0], last.shape[1]
    return None


def producer_of(key_map: KeyMap, tensors: Tensors, head: tuple[HeadForm, int, int] | None) -> str:
    """The producer; our files have old mmseg's names, but never its unused second classifier."""
    if key_map.producer != OLD_MMSEG or head is None:
        return key_map.producer
    unused = head[0] == "linear" and "decode_head.conv_seg.weight" in tensors
    return OLD_MMSEG if unused else SEGSTUDIO


def architecture_of(
    backbone: str,
    head: tuple[HeadForm, int, int] | None,
    tensors: Tensors,
    key_map: KeyMap,
    file: CheckpointFile,
) -> Architecture:
    """What to build for the tensors; what they do not show is the producer's, or what our header says."""
    form, classes, embed_dim = head or ("linear", 0, 0)
    biases = ("decode_head.linear_fuse.conv.bias", "decode_head.fusion_conv.conv.bias")
    block_eps, embed_eps = NORM_EPS[key_map.origin]
    paired_waves = not (key_map.producer == OLD_MMSEG and trained_by_nvlabs(file))
    declared: Any = file.config.get(ARCHITECTURE)
    if isinstance(declared, Mapping):
        own = architecture_from_dict(declared)
        block_eps, embed_eps, paired_waves = own.block_eps, own.embed_eps, own.paired_waves
    return Architecture(
        backbone,
        classes,
        embed_dim,
        form,
        head_bias=any(name in tensors for name in biases),
        block_eps=block_eps,
        embed_eps=embed_eps,
        feat_downsample="backbone.learnable_downsample.weight" in tensors,
        paired_waves=paired_waves,
    )


def trained_by_nvlabs(file: CheckpointFile) -> bool:
    """Whether a file of old mmseg's names says that NVlabs' code wrote it, not TAO's."""
    text = str(file.config.get("config", ""))
    return "SegFormerHead" in text and "TAOSegFormerHead" not in text


def counted(tensors: Tensors) -> Tensors:
    """With the counter that old BatchNorms lack; only a momentum of None would ever read it."""
    complete = dict(tensors)
    for name in tensors:
        if name.endswith(".running_mean"):
            complete.setdefault(name.replace("running_mean", "num_batches_tracked"), torch.tensor(0))
    return complete


def check_config(file: CheckpointFile) -> None:
    """Refuses what our network does not compute.

    Raises:
        ModelError: a Hugging Face configuration changes what cannot be seen in the tensors.
    """
    for key, value in FIXED_CONFIG.items():
        if file.config.get(key, value) != value:
            raise ModelError(f"{file.origin}: {key} is {file.config[key]}", hint=f"only {value} is supported")


def not_segformer(file: CheckpointFile) -> ModelError:
    """The refusal that names what was found."""
    names = list(file.tensors)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return ModelError(
        f"{file.origin} is no SegFormer; it holds {shown}",
        hint="give a SegFormer, or an encoder of one, of TAO, NVlabs, mmsegmentation or Hugging Face",
    )

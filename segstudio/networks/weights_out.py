"""Writes weights as others read them: a Hugging Face folder, NVlabs' .pth, mmsegmentation's .pth."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from segstudio.errors import ModelError
from segstudio.images import atomic_write
from segstudio.networks.architecture import Architecture
from segstudio.networks.backbone_families import Tensors
from segstudio.networks.checkpoint_facts import Rgb, Triple
from segstudio.networks.checkpoint_file import CONFIG, HUGGINGFACE_WEIGHTS, PREPROCESSOR, architecture_note
from segstudio.networks.key_maps import FIXED_CONFIG, translated
from segstudio.networks.key_tables import HUGGINGFACE_HEAD, HUGGINGFACE_MIT, MMSEG_MIT, SAME_HEAD
from segstudio.networks.variants import FAN_VARIANTS, MIT_VARIANTS

FUSIONS = {
    "linear": ("decode_head.linear_fuse.conv.bias", "decode_head.linear_fuse.bn.running_mean"),
    "mmseg": ("decode_head.fusion_conv.conv.bias", "decode_head.fusion_conv.bn.running_mean"),
}
BILINEAR = 2
NVLABS_HEAD_NOTE = (
    "mmsegmentation 1.x has no head of NVlabs' form: the file has NVlabs' names, as mmseg 0.x with the head"
    " of NVlabs or TAO reads them"
)


def save_huggingface(
    network_tensors: Mapping[str, Tensor],
    architecture: Architecture,
    classes: Sequence[str],
    palette: Sequence[Rgb],
    mean: Triple,
    std: Triple,
    size: tuple[int, int],
    folder: Path,
) -> None:
    """Writes a folder that `transformers.SegformerForSemanticSegmentation.from_pretrained` loads.

    transformers has eps 1e-5 in every LayerNorm: a network of another eps answers there with relative
    differences of about 2e-6. A fuse bias is moved into the BatchNorm, which is exact up to rounding.

    Args:
        network_tensors: of a `SegFormer` of that architecture.
        palette: RGB by class, kept in config.json, where transformers ignores it; may be empty.
        mean, std: for pixels 0-1.
        size: height and width to which transformers stretches images.

    Raises:
        ModelError: transformers has no such network.
        ImageError: the folder or the disk refuses.
    """
    if architecture.backbone not in MIT_VARIANTS or architecture.head != "linear":
        raise ModelError(
            f"Hugging Face's SegFormer has no {architecture.backbone} with the {architecture.head} head",
            hint="it knows MiT backbones with the linear head; export to ONNX instead",
        )
    check_names(classes, palette, architecture)
    theirs = huggingface_tensors(network_tensors, architecture)
    atomic_write(folder / HUGGINGFACE_WEIGHTS[0], save(theirs, {"format": "pt"}))
    write_json(folder / CONFIG, huggingface_config(architecture, classes, palette))
    write_json(folder / PREPROCESSOR, huggingface_preprocessor(mean, std, size))


def huggingface_tensors(network_tensors: Mapping[str, Tensor], architecture: Architecture) -> Tensors:
    """A network's tensors as transformers names them on disk."""
    tensors = with_separate_keys(without_fuse_bias(network_tensors, architecture))
    named = translated(tensors, HUGGINGFACE_MIT + HUGGINGFACE_HEAD, reverse=True)
    return {
        f"segformer.{name}" if name.startswith("encoder.") else name: tensor.detach().cpu().contiguous()
        for name, tensor in named.items()
    }


def huggingface_config(
    architecture: Architecture, classes: Sequence[str], palette: Sequence[Rgb]
) -> dict[str, Any]:
    """The config.json of a network."""
    shape = MIT_VARIANTS[architecture.backbone]
    return {
        "architectures": ["SegformerForSemanticSegmentation"],
        "model_type": "segformer",
        "num_channels": 3,
        "num_encoder_blocks": len(shape.depths),
        "hidden_sizes": list(shape.dims),
        "depths": list(shape.depths),
        "decoder_hidden_size": architecture.embed_dim,
        "patch_sizes": [7, 3, 3, 3],
        "mlp_ratios": [4, 4, 4, 4],
        **FIXED_CONFIG,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout_prob": 0.1,
        "drop_path_rate": 0.1,
        "layer_norm_eps": architecture.block_eps,
        "semantic_loss_ignore_index": 255,
        "id2label": {str(number): name for number, name in enumerate(classes)},
        "label2id": {name: number for number, name in enumerate(classes)},
        "palette": [list(rgb) for rgb in palette],
        "torch_dtype": "float32",
    }


def huggingface_preprocessor(mean: Triple, std: Triple, size: tuple[int, int]) -> dict[str, Any]:
    """The preprocessor_config.json of a network."""
    return {
        "image_processor_type": "SegformerImageProcessor",
        "do_resize": True,
        "size": {"height": size[0], "width": size[1]},
        "resample": BILINEAR,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(mean),
        "image_std": list(std),
        "do_reduce_labels": False,
    }


def save_nvlabs(
    network_tensors: Mapping[str, Tensor],
    architecture: Architecture,
    classes: Sequence[str],
    palette: Sequence[Rgb],
    path: Path,
) -> None:
    """Writes a .pth of NVlabs/SegFormer, NVlabs/FAN and TAO 4-5: `meta` and `state_dict`.

    A fuse bias is moved into the BatchNorm. The unused classifier `conv_seg` of their head is not written;
    they load without it.

    Raises:
        ModelError: they have no such network.
        ImageError: the folder or the disk refuses.
    """
    known = architecture.backbone in MIT_VARIANTS or architecture.backbone in FAN_VARIANTS
    if not known or architecture.head != "linear":
        raise ModelError(
            f"NVlabs' SegFormer has no {architecture.backbone} with the {architecture.head} head",
            hint="it knows MiT and FAN backbones with the linear head",
        )
    check_names(classes, palette, architecture)
    write_mmcv(without_fuse_bias(network_tensors, architecture), architecture, classes, palette, path)


def save_mmseg(
    network_tensors: Mapping[str, Tensor],
    architecture: Architecture,
    classes: Sequence[str],
    palette: Sequence[Rgb],
    path: Path,
) -> str:
    """Writes a .pth of mmsegmentation, and returns a note for the user, which may be empty.

    mmsegmentation 1.x has its own form of head only; a linear head goes out as `save_nvlabs` writes it.

    Raises:
        ModelError: mmsegmentation has no such network.
        ImageError: the folder or the disk refuses.
    """
    if architecture.head == "linear":
        save_nvlabs(network_tensors, architecture, classes, palette, path)
        return NVLABS_HEAD_NOTE
    if architecture.backbone not in MIT_VARIANTS:
        raise ModelError(
            f"mmsegmentation's SegFormer has no {architecture.backbone}", hint="it knows MiT backbones"
        )
    check_names(classes, palette, architecture)
    tensors = in_mmseg_form(without_fuse_bias(network_tensors, architecture))
    theirs = translated(tensors, MMSEG_MIT + SAME_HEAD, reverse=True)
    write_mmcv(theirs, architecture, classes, palette, path)
    return ""


def check_names(classes: Sequence[str], palette: Sequence[Rgb], architecture: Architecture) -> None:
    """Refuses names and colours that do not fit the network.

    Raises:
        ModelError: another number of them than of classes.
    """
    for what, values in (("class names", classes), ("colours", palette)):
        if len(values) != architecture.classes and (values or what == "class names"):
            raise ModelError(f"{len(values)} {what} for a network of {architecture.classes} classes")


def without_fuse_bias(tensors: Mapping[str, Tensor], architecture: Architecture) -> Tensors:
    """The head's fuse bias moved into the mean that its BatchNorm subtracts."""
    moved = dict(tensors)
    bias_name, mean_name = FUSIONS[architecture.head]
    bias = moved.pop(bias_name, None)
    if bias is not None:
        mean = moved[mean_name]
        moved[mean_name] = (mean.double() - bias.double()).to(mean.dtype)
    return moved


def with_separate_keys(tensors: Tensors) -> Tensors:
    """A MiT's keys and values in a tensor each."""
    separate = {}
    for name, tensor in tensors.items():
        if ".attn.kv." in name:
            separate[name.replace(".kv.", ".k.")], separate[name.replace(".kv.", ".v.")] = tensor.chunk(2)
        else:
            separate[name] = tensor
    return separate


def in_mmseg_form(tensors: Tensors) -> Tensors:
    """A MiT's queries, keys and values in one tensor, and its MLP's layers as 1x1 convolutions."""
    theirs = {}
    for name, tensor in tensors.items():
        if not name.startswith("backbone.block"):
            theirs[name] = tensor
        elif ".attn.q." in name:
            theirs[name.replace(".q.", ".qkv.")] = torch.cat([tensor, tensors[name.replace(".q.", ".kv.")]])
        elif name.endswith(("mlp.fc1.weight", "mlp.fc2.weight")):
            theirs[name] = tensor[:, :, None, None]
        elif ".attn.kv." not in name:
            theirs[name] = tensor
    return theirs


def write_mmcv(
    tensors: Mapping[str, Tensor],
    architecture: Architecture,
    classes: Sequence[str],
    palette: Sequence[Rgb],
    path: Path,
) -> None:
    """Writes what mmcv and mmengine load: both spellings of the names, and plain values only."""
    colours = [list(rgb) for rgb in palette]
    meta = {
        "CLASSES": list(classes),
        "PALETTE": colours,
        "dataset_meta": {"classes": list(classes), "palette": colours},
        **architecture_note(replace(architecture, head_bias=False).to_dict()),
    }
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    stream = io.BytesIO()
    torch.save({"meta": meta, "state_dict": plain}, stream)
    atomic_write(path, stream.getvalue())


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes a JSON file atomically."""
    atomic_write(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())

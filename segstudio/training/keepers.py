"""The checkpoints that a run keeps besides its latest and best weights, named and laid out as TAO's."""

import contextlib
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from segstudio.errors import SpecError
from segstudio.networks.architecture import Architecture
from segstudio.networks.checkpoint_file import architecture_note
from segstudio.training.checkpoint import TrainingState, write_beside
from segstudio.training.spec.derived import model_palette
from segstudio.training.spec.schema import ExperimentSpec

LATEST_LINK = "segformer_model_latest.pth"
# What train.checkpointer.monitor may name, among the scores of a validation.
MONITORS = ("val_loss", "val_miou", "val_acc", "val_mf1", "val_mprecision", "val_mrecall")
OWN_HEAD, TAO_HEAD = "decode_head.", "decoder."
# Parts of the linear head that TAO calls by their places.
TAO_FUSE = {"linear_fuse.conv.": "linear_fuse.0.", "linear_fuse.bn.": "linear_fuse.1."}


def check_keeping(spec: ExperimentSpec) -> None:
    """Refuses a checkpointer that no validation can serve.

    Raises:
        SpecError: an unknown monitor or mode.
    """
    wanted = spec.train.checkpointer
    if wanted is None or not wanted.enable_topk:
        return
    if wanted.monitor not in MONITORS:
        raise SpecError(
            f"train.checkpointer.monitor is {wanted.monitor!r}", hint=f"use one of {', '.join(MONITORS)}"
        )
    if wanted.mode not in ("min", "max"):
        raise SpecError(f"train.checkpointer.mode is {wanted.mode!r}", hint="use max or min")


def keeps_best(spec: ExperimentSpec) -> bool:
    """Whether checkpoints are kept for their scores; else there is one for every checkpoint_interval."""
    return spec.train.checkpointer is not None and spec.train.checkpointer.enable_topk


def checkpoint_name(epoch: int, step: int) -> str:
    """TAO's: the epoch from 0, and the optimiser steps that are done."""
    return f"model_epoch_{epoch:03d}_step_{step:05d}.pth"


def keep(folder: Path, state: TrainingState, epoch: int, spec: ExperimentSpec) -> Path:
    """Writes the averaged weights under TAO's names and points the link at them; returns the file.

    TAO and `segstudio models import` read it.

    Raises:
        SegstudioError: it cannot be written.
    """
    path = folder / checkpoint_name(epoch, state.step)
    palette = model_palette(spec)
    tensors, architecture = in_tao_form(state.average, state.network.architecture)
    values = {
        "epoch": epoch,
        "global_step": state.step,
        "state_dict": tensors,
        # TAO reads over it; it spares our own reader the guessing.
        "meta": {
            "CLASSES": list(palette.names),
            "PALETTE": [list(entry.rgb) for entry in palette.classes],
            **architecture_note(architecture.to_dict()),
        },
    }
    write_beside(path, values)
    point(folder, path.name)
    return path


def in_tao_form(
    tensors: Mapping[str, Tensor], architecture: Architecture
) -> tuple[dict[str, Tensor], Architecture]:
    """A network's tensors under the names of TAO's Lightning generation, and the architecture that they have.

    TAO's fuse convolution has a bias: where ours has none it is 0. A head of mmsegmentation's form keeps its
    names, as TAO has none like it.
    """
    linear = architecture.head == "linear"
    named = {tao_name(name) if linear else f"model.{name}": t.detach().cpu() for name, t in tensors.items()}
    if linear and not architecture.head_bias:
        named[f"model.{TAO_HEAD}linear_fuse.0.bias"] = torch.zeros(
            named[f"model.{TAO_HEAD}linear_fuse.0.weight"].shape[0]
        )
        architecture = replace(architecture, head_bias=True)
    return named, architecture


def tao_name(name: str) -> str:
    """The name that TAO's Lightning generation has for a tensor of ours."""
    if name.startswith(OWN_HEAD):
        name = TAO_HEAD + name.removeprefix(OWN_HEAD)
        for own, theirs in TAO_FUSE.items():
            name = name.replace(own, theirs)
    return f"model.{name}"


def keep_if_best(
    folder: Path, state: TrainingState, epoch: int, spec: ExperimentSpec, scores: Mapping[str, float]
) -> Path | None:
    """Keeps the weights if they are among the save_top_k best, in place of the worst; returns the file.

    Raises:
        SegstudioError: it cannot be written.
    """
    wanted = spec.train.checkpointer
    assert wanted is not None
    score = scores[wanted.monitor]
    if math.isnan(score):
        return None
    sign = 1.0 if wanted.mode == "max" else -1.0
    name = checkpoint_name(epoch, state.step)
    others = [entry for entry in state.kept if entry[1] != name]
    # Among equals the older ones stay.
    ranked = sorted([*others, (score, name)], key=lambda entry: -sign * entry[0])
    chosen = ranked[: wanted.save_top_k] if wanted.save_top_k >= 0 else ranked
    if (score, name) not in chosen:
        return None
    path = keep(folder, state, epoch, spec)
    state.kept = chosen
    for _, old in ranked[len(chosen) :]:
        (folder / old).unlink(missing_ok=True)
    return path


def point(folder: Path, name: str) -> None:
    """Lets TAO's name of the latest checkpoint mean a file: a link, or a copy where links are refused."""
    link, beside = folder / LATEST_LINK, folder / f".{LATEST_LINK}.part"
    beside.unlink(missing_ok=True)
    try:
        beside.symlink_to(name)
    except (OSError, NotImplementedError):
        with contextlib.suppress(OSError):
            shutil.copyfile(folder / name, beside)
    with contextlib.suppress(OSError):
        os.replace(beside, link)

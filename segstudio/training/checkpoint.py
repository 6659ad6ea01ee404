"""Saves and restores the whole state of a training, so that a resumed run equals an uninterrupted one."""

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segstudio.errors import ModelError
from segstudio.networks.segformer import SegFormer

LATEST = "latest.pth"
LATEST_WEIGHTS = "latest.safetensors"
BEST_WEIGHTS = "best.safetensors"
FORMAT = 1


@dataclass
class TrainingState:
    """What a training is made of, besides its spec; `step` optimiser steps are done."""

    network: SegFormer
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    step: int = 0
    best_miou: float = -1.0


def save_checkpoint(path: Path, state: TrainingState, spec: dict[str, Any]) -> None:
    """Writes everything beside the target, then replaces it: a crash leaves the older checkpoint whole."""
    values = {
        "format": FORMAT,
        "spec": spec,
        "step": state.step,
        "best_miou": state.best_miou,
        "network": state.network.state_dict(),
        "average": state.average,
        "optimiser": state.optimiser.state_dict(),
        "torch_rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as stream:
        torch.save(values, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The values of a checkpoint; nothing that is pickled in it is ever executed.

    Raises:
        ModelError: it is missing, damaged, not ours, or holds anything but weights and plain values.
    """
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist") from error
    except Exception as error:
        raise ModelError(f"{path} is no readable checkpoint: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ModelError(f"{path} is no checkpoint of segstudio")
    return values


def restore(values: dict[str, Any], state: TrainingState) -> None:
    """Puts a checkpoint's values into a training that was built from the same spec."""
    state.network.load_state_dict(values["network"])
    state.average = {name: tensor.clone() for name, tensor in values["average"].items()}
    state.optimiser.load_state_dict(values["optimiser"])
    state.step = int(values["step"])
    state.best_miou = float(values["best_miou"])
    torch.set_rng_state(values["torch_rng"])
    if torch.cuda.is_available() and values["cuda_rng"]:
        torch.cuda.set_rng_state_all(values["cuda_rng"])


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and torch; a negative seed leaves them as they are."""
    if seed >= 0:
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries below may draw from the global state
        torch.manual_seed(seed)

"""Saves and restores the whole state of a training, so that a resumed run equals an uninterrupted one."""

import contextlib
import errno
import os
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segstudio.errors import ImageError, ModelError, SegstudioError
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import save_network_weights

LATEST = "latest.pth"
LATEST_WEIGHTS = "latest.safetensors"
BEST_WEIGHTS = "best.safetensors"
FORMAT = 2
MEGABYTE = 1e6


@dataclass
class TrainingState:
    """What a training is made of, besides its spec.

    Attributes:
        network: the weights that learn.
        average: those that are validated and exported.
        optimiser: with its moments.
        step: optimiser steps that are done.
        validated: the step of the last validation.
        best_miou: of all validations, 0-1.
        stop_miou: the one that early stopping measures gains from.
        stalled: validations since then.
        ended: no step is to follow, though steps may be left (early stop).
        kept: score and file name of the checkpoints that are kept for their score, best first.
    """

    network: SegFormer
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    step: int = 0
    validated: int = 0
    best_miou: float = -1.0
    stop_miou: float = -1.0
    stalled: int = 0
    ended: bool = False
    kept: list[tuple[float, str]] = field(default_factory=list)


COUNTERS = ("step", "validated", "best_miou", "stop_miou", "stalled", "ended", "kept")


class Chance:
    """The generators that a process draws from, as values that a checkpoint may hold."""

    @staticmethod
    def now() -> dict[str, Any]:
        """Their states in this process."""
        version, numbers, gauss = random.getstate()
        legacy: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - libraries below may draw from it
        return {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
            "python": [version, list(numbers), gauss],
            "numpy": torch.from_numpy(legacy["state"]["key"].astype(np.int64)),
            "numpy_rest": [int(legacy["state"]["pos"]), int(legacy["has_gauss"]), float(legacy["gauss"])],
        }

    @staticmethod
    def set(values: Mapping[str, Any]) -> None:
        """Puts this process back to such states."""
        torch.set_rng_state(values["torch"])
        if torch.cuda.is_available() and values["cuda"] is not None:
            torch.cuda.set_rng_state(values["cuda"])
        version, numbers, gauss = values["python"]
        random.setstate((version, tuple(numbers), gauss))
        key = values["numpy"].numpy().astype(np.uint32)
        np.random.set_state(("MT19937", key, *values["numpy_rest"]))  # noqa: NPY002 - as above


def save_checkpoint(
    path: Path,
    state: TrainingState,
    spec: dict[str, Any],
    chances: list[object],
    scaler: Mapping[str, Any] | None = None,
) -> None:
    """Writes everything beside the target, then replaces it: a crash leaves the older checkpoint whole.

    Args:
        path: of the file.
        state: what is saved.
        spec: of the run, as plain values.
        chances: `Chance.now()` of each process.
        scaler: the state of the gradient scaler, where the precision has one.

    Raises:
        SegstudioError: it cannot be written; says how much space it needs.
    """
    values = {
        "format": FORMAT,
        "spec": spec,
        **{name: getattr(state, name) for name in COUNTERS},
        "network": state.network.state_dict(),
        "average": state.average,
        "optimiser": state.optimiser.state_dict(),
        "chances": chances,
        "scaler": dict(scaler or {}),
    }
    write_beside(path, values)


def write_beside(path: Path, values: Mapping[str, Any]) -> None:
    """Writes values as torch.save does, beside the target, which is replaced when all is on disk.

    Raises:
        SegstudioError: it cannot be written; the old file is untouched and nothing else is left.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as stream:
            torch.save(values, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        # torch wraps what the disk says in an error of its own, or hides it.
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError) and "inline_container" not in str(error):
            raise
        raise unwritable(path, size_of(values), cause) from error


def save_weights(tensors: Mapping[str, Tensor], path: Path, network: SegFormer) -> None:
    """Writes weights with the architecture of their network, atomically.

    Raises:
        SegstudioError: as `write_beside`.
    """
    try:
        save_network_weights(tensors, path, network.architecture)
    except ImageError as error:
        raise unwritable(path, size_of(tensors), error.__cause__) from error


def unwritable(path: Path, needed: int, cause: BaseException | None) -> SegstudioError:
    """The error of a file that could not be written, with the space that it needs and that is there."""
    reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else "the disk refuses"
    try:
        free = f", {shutil.disk_usage(path.parent).free / MEGABYTE:.0f} MB are free"
    except OSError:
        free = ""
    full = not isinstance(cause, OSError) or cause.errno in (errno.ENOSPC, errno.EDQUOT)
    return SegstudioError(
        f"{path} cannot be written: {reason}; it needs {needed / MEGABYTE:.0f} MB{free}",
        hint="free some space and run the same command again: it goes on from the last checkpoint"
        if full
        else "check the folder and its rights, then run the same command again",
    )


def size_of(values: object) -> int:
    """Bytes of all tensors in nested dictionaries and lists."""
    if isinstance(values, Tensor):
        return values.numel() * values.element_size()
    if isinstance(values, Mapping):
        return sum(size_of(value) for value in values.values())
    return sum(size_of(value) for value in values) if isinstance(values, list | tuple) else 0


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
        raise ModelError(
            f"{path} is no checkpoint of a segstudio run",
            hint="runs go on from their latest.pth; to start from weights set train.pretrained_model_path",
        )
    return values


def restore(values: Mapping[str, Any], state: TrainingState, rank: int = 0) -> None:
    """Puts a checkpoint's values into a process's part of a training that was built from the same spec."""
    state.network.load_state_dict(values["network"])
    for name, tensor in values["average"].items():
        state.average[name].copy_(tensor)
    state.optimiser.load_state_dict(values["optimiser"])
    for name in COUNTERS:
        setattr(state, name, values[name])
    state.kept = [(float(score), str(name)) for score, name in values["kept"]]
    Chance.set(values["chances"][rank])


def seed_everything(seed: int, rank: int = 0) -> None:
    """Seeds Python, NumPy and torch, each process otherwise; a negative seed leaves them as they are."""
    if seed >= 0:
        mixed = int(np.random.SeedSequence((seed, rank)).generate_state(1)[0]) if rank else seed
        random.seed(mixed)
        np.random.seed(mixed % 2**32)  # noqa: NPY002 - libraries below may draw from the global state
        torch.manual_seed(mixed)

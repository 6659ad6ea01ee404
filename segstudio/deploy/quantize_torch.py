"""What the quantisers for PyTorch share: the device that a spec means, and the file that is written."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from segstudio.errors import SpecError
from segstudio.images import atomic_write


def chosen_device(wanted: str) -> tuple[str, list[str]]:
    """The device that quantize.device means, else the CPU, and a line for the user on that.

    Args:
        wanted: cuda, cuda:N, cpu, or trt, which is a GPU as well.

    Raises:
        SpecError: a GPU of a number that is not here, though there are others.
    """
    kind, _, number = wanted.partition(":")
    if kind == "cpu":
        return "cpu", []
    if not torch.cuda.is_available():
        return "cpu", [f"quantize.device is {wanted} and there is no GPU: the CPU is used"]
    if int(number or 0) >= torch.cuda.device_count():
        raise SpecError(
            f"quantize.device is {wanted}, and there are only {torch.cuda.device_count()} GPUs",
            hint="set quantize.device=cuda, or cpu",
        )
    return f"cuda:{int(number or 0)}", []


def device_named(name: str) -> torch.device:
    """The device of a name that `chosen_device` gave."""
    return torch.device(name)


def save_torch(values: Mapping[str, Any], path: Path) -> int:
    """Writes a file of torch.save atomically; returns its size in bytes.

    Raises:
        ImageError: the disk refuses.
    """
    stream = io.BytesIO()
    torch.save(dict(values), stream)
    atomic_write(path, stream.getvalue())
    return stream.tell()

"""What an export finds: the masks of a project that can be used, and what machine and model lack."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from segstudio.annotation.palette import Palette
from segstudio.errors import MaskError
from segstudio.images import read_mask
from segstudio.inference.backend import available_backends
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.project.sample import Sample, SampleStatus
from segstudio.workflows.exports.formats import FORMATS

Pair = tuple[Path, Path]
# Masks that are read to say which classes are seen.
MOST_READ = 200
QUANTIZERS = ("nncf", "onnxruntime")
# What a backend's name begins a format's with.
BACKEND_OF = {"tensorrt": "tensorrt", "openvino": "openvino"}


@dataclass(frozen=True)
class ProjectPictures:
    """Samples of a project whose masks a human accepted.

    Attributes:
        judge, calibration: (image, mask) to judge by and to calibrate on; none is in both.
        classes: how many classes the masks show.
        read: how many masks were read to say so.
    """

    judge: tuple[Pair, ...]
    calibration: tuple[Pair, ...]
    classes: int = 0
    read: int = 0

    @property
    def count(self) -> int:
        """Images of both."""
        return len(self.judge) + len(self.calibration)


def divided(samples: Sequence[Sample]) -> ProjectPictures:
    """Who judges and who calibrates: the splits val and train, else every other sample.

    A mask that is not on the disk leaves its sample out.
    """
    usable = [one for one in samples if one.status is SampleStatus.ACCEPTED and one.mask.is_file()]
    train = [one for one in usable if one.split.startswith("train")]
    judge = [one for one in usable if one.split.startswith("val")]
    if not judge:
        others = [one for one in usable if not one.split.startswith("train")]
        judge = others if train else usable[::2]
    if not judge:
        judge = train[::2]
    judging = {one.key for one in judge}
    rest = [one for one in train or usable if one.key not in judging]
    return ProjectPictures(_pairs(judge), _pairs(rest))


def _pairs(samples: Sequence[Sample]) -> tuple[Pair, ...]:
    return tuple((one.image, one.mask) for one in samples)


def surveyed(samples: Sequence[Sample], palette: Palette, context: JobContext) -> ProjectPictures:
    """`divided`, and which classes the masks show; for a worker, as it reads them.

    Raises:
        Cancelled: the context was cancelled.
    """
    found = divided(samples)
    pairs = (*found.judge, *found.calibration)
    step = max(1, math.ceil(len(pairs) / MOST_READ))
    seen, read = np.zeros(256, bool), 0
    for _, mask in pairs[::step]:
        context.check()
        try:
            seen |= np.bincount(read_mask(mask).ravel(), minlength=256) > 0
        except MaskError:
            # The export itself says which mask it cannot read.
            continue
        read += 1
    return ProjectPictures(found.judge, found.calibration, int(seen[: palette.count].sum()), read)


def machine_lacks() -> dict[str, str]:
    """For each format that this machine cannot make: what it lacks, and how to get it. For a worker."""
    missing = {status.name: status.reason for status in available_backends() if not status.available}
    lacks = {}
    for name in FORMATS:
        backend = BACKEND_OF.get(name.partition("-")[0], "")
        if backend in missing:
            lacks[name] = missing[backend]
        elif FORMATS[name].judged == "int8" and not any(find_spec(package) for package in QUANTIZERS):
            lacks[name] = "Nothing here makes int8 models: pip install nncf"
    if find_spec("torch") is None:
        lacks["huggingface"] = "torch is not installed: pip install torch"
    return lacks


def model_lacks(spec: ModelSpec) -> dict[str, str]:
    """For each format that this model cannot take: why."""
    lacks = {}
    if "weights" not in spec.files:
        lacks["huggingface"] = "The model has no weights: import the checkpoint that it was made of."
    if "onnx" not in spec.files:
        lacks |= {name: "The model has no ONNX file." for name in FORMATS if name != "huggingface"}
    if spec.precision != "fp32":
        quantized = [name for name, one in FORMATS.items() if one.judged in ("int8", "half")]
        lacks |= dict.fromkeys(quantized, f"The model is {spec.precision} already.")
    return lacks

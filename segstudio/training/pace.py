"""Measures what a step and a scored sample take on this machine, before the length of a run is settled."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.segformer import SegFormer
from segstudio.training.data.plan import crop_stages
from segstudio.training.distributed import Seat, make_fabric
from segstudio.training.optimisation import build_optimiser
from segstudio.training.process import keep_freed_memory, limit_threads
from segstudio.training.segment import make_segmenter, normalise
from segstudio.training.spec.derived import architecture_of, model_palette
from segstudio.training.spec.schema import ExperimentSpec

WARM, TIMED = 1, 2


@dataclass(frozen=True)
class Tempo:
    """Seconds of a step, mean over the stages of the run, and of a sample that is scored."""

    step: float
    scored: float


def measure_tempo(spec: ExperimentSpec, height: int, width: int) -> Tempo:
    """Takes a few steps of every crop stage on noise, and scores noise of an image's size.

    Nothing of it stays: random weights, random pixels. Memory that is too short shows here already.

    Args:
        spec: of the run; several processes count as one, as each sees its own samples.
        height: of the images that are scored, in pixels.
        width: see above.

    Raises:
        RuntimeError: memory ran out, or the device is not there.
    """
    keep_freed_memory()
    limit_threads(spec.studio.threads)
    alone = replace(spec, train=replace(spec.train, num_gpus=1, gpu_ids=spec.train.gpu_ids[:1] or (0,)))
    fabric = make_fabric(alone, Seat())
    fabric.launch()
    classes = model_palette(spec).count
    network = SegFormer(architecture_of(spec, classes))
    if spec.model.backbone.freeze_backbone:
        network.freeze_backbone()
    model, optimiser = fabric.setup(network, build_optimiser(alone, network))
    generator = torch.Generator().manual_seed(0)
    stages, step = crop_stages(spec), 0.0
    starts = sorted({stage.start for stage in stages})
    for start, end in zip(starts, [*starts[1:], 1.0], strict=True):
        group = [stage for stage in stages if stage.start == start]
        shares = sum(stage.share for stage in group)
        for stage in group:
            size = (stage.batch, stage.height, stage.width)
            images = torch.randint(0, 256, (size[0], 3, *size[1:]), dtype=torch.uint8, generator=generator)
            ids = torch.randint(0, classes, size, generator=generator)
            batch = images.to(fabric.device), ids.to(fabric.device)
            seconds = timed(lambda: one_step(fabric, model, optimiser, *batch), fabric.device)  # noqa: B023
            step += seconds * (end - start) * stage.share / shares
    augmentation = spec.dataset.segment.augmentation
    segmenter = make_segmenter(alone, network, fabric.device, augmentation.mean, augmentation.std)
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    scored = timed(lambda: segmenter.ids(image), fabric.device)
    return Tempo(step * spec.studio.optim.accumulation, scored)


def one_step(
    fabric: Fabric, model: nn.Module, optimiser: torch.optim.Optimizer, images: Tensor, ids: Tensor
) -> None:
    """A step of the kind that training takes, with plain cross-entropy."""
    model.train()
    optimiser.zero_grad(set_to_none=True)
    logits = model(normalise(images.float() / 255, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
    loss = F.cross_entropy(
        F.interpolate(logits.float(), ids.shape[1:], mode="bilinear", align_corners=False), ids
    )
    fabric.backward(loss)
    optimiser.step()


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call: the shorter of a few, after one that warms up."""
    best = math.inf
    for number in range(WARM + TIMED):
        since = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if number >= WARM:
            best = min(best, time.perf_counter() - since)
    return best

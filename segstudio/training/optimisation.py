"""What moves the weights: parameter groups, learning rate by step, class weights, the moving average."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segstudio.networks.segformer import SegFormer
from segstudio.training.spec.derived import batch_size
from segstudio.training.spec.schema import ExperimentSpec


def build_optimiser(spec: ExperimentSpec, network: SegFormer) -> torch.optim.Optimizer:
    """AdamW or SGD; the head may learn faster than the encoder, and norms and biases do not decay."""
    optim = spec.train.optim
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            key = (name.startswith("decode_head."), parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    parameters = [
        {
            "params": members,
            "factor": spec.studio.optim.head_lr_factor if in_head else 1.0,
            "weight_decay": optim.weight_decay if decays else 0.0,
        }
        for (in_head, decays), members in groups.items()
    ]
    if optim.optim == "sgd":
        return torch.optim.SGD(parameters, lr=optim.lr, momentum=optim.momentum)
    return torch.optim.AdamW(parameters, lr=optim.lr, betas=(0.9, 0.999))


def set_learning_rate(optimiser: torch.optim.Optimizer, spec: ExperimentSpec, step: int, steps: int) -> float:
    """Linear warm-up, then polynomial decay to 0 at the run's last step; returns the encoder's rate."""
    warmup = max(1, round(spec.studio.schedule.warmup_share * steps))
    if step < warmup:
        share = (step + 1) / warmup
    else:
        share = (1 - (step - warmup) / max(1, steps - warmup)) ** spec.studio.schedule.power
    rate = spec.train.optim.lr * share
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
    return rate


def epoch_steps(spec: ExperimentSpec, samples: int) -> int:
    """Optimiser steps that see as many samples as there are, in batches of dataset.segment.batch_size."""
    return max(1, math.ceil(samples / batch_size(spec)))


def class_weights(pixels: NDArray[np.int64], strength: float, device: torch.device) -> Tensor | None:
    """Weights [K] ~ frequency^-strength with mean 1 over the classes that occur; absent classes weigh 1."""
    if strength == 0:
        return None
    frequency = pixels / max(1, pixels.sum())
    weights = np.ones(len(pixels))
    present = frequency > 0
    weights[present] = frequency[present] ** -strength
    weights[present] /= weights[present].mean()
    return torch.tensor(weights, dtype=torch.float32, device=device)


def copy_weights(network: nn.Module) -> dict[str, Tensor]:
    """A detached copy of all parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


@torch.no_grad()
def update_average(average: dict[str, Tensor], network: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average of the weights; shorter at the start, so that it leaves the random ones."""
    keep = min(decay, (1 + step) / (10 + step))
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - keep)
        else:
            average[name].copy_(tensor)

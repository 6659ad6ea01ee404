"""What moves the weights: parameter groups, learning rate by step, the moving average."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from segstudio.networks.segformer import SegFormer
from segstudio.training.muon import Muon
from segstudio.training.spec.schema import ExperimentSpec

HEAD = "decode_head."
CLASSIFIER = "decode_head.linear_pred."
# Parts of the names of parameters that are no norms or biases and do not decay either.
UNDECAYED = ("pos_embed", "token", "level_embed", "temperature", "gamma")
# The share of the highest rate by the share of the run that is done, and poly's power.
SHARES: Mapping[str, Callable[[float, float], float]] = {
    "linear": lambda done, _: 1 - done,
    "poly": lambda done, power: (1 - done) ** power,
    "cosine": lambda done, _: 0.5 * (1 + math.cos(math.pi * done)),
    "step": lambda done, _: 0.1 ** min(2, int(3 * done)),
    "constant": lambda _done, _power: 1.0,
}


def build_optimiser(spec: ExperimentSpec, network: SegFormer) -> torch.optim.Optimizer:
    """AdamW, Adam, SGD or Muon; the head may learn faster than the backbone, and not everything decays.

    Norms, biases, scales, tokens, temperatures and positions do not, as in NVlabs' and TAO's recipes.
    """
    optim, extras = spec.train.optim, spec.studio.optim
    groups: dict[tuple[bool, bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            matrix = extras.muon and is_matrix(name, parameter)
            key = (name.startswith(HEAD), does_decay(name, parameter), matrix)
            groups.setdefault(key, []).append(parameter)
    parameters: list[dict[str, Any]] = [
        {
            "params": members,
            "factor": extras.head_lr_factor if in_head else 1.0,
            "weight_decay": optim.weight_decay if decays else 0.0,
            **({"matrices": matrices} if extras.muon else {}),
        }
        for (in_head, decays, matrices), members in groups.items()
    ]
    if optim.optim == "sgd":
        return torch.optim.SGD(parameters, lr=optim.lr, momentum=optim.momentum)
    kinds = {"adamw": Muon if extras.muon else torch.optim.AdamW, "adam": torch.optim.Adam}
    return kinds[optim.optim](parameters, lr=optim.lr, betas=extras.betas)


def does_decay(name: str, parameter: nn.Parameter) -> bool:
    """Whether weight decay pulls on a parameter: on matrices and kernels, not on positions and the like."""
    return parameter.ndim > 1 and not any(part in name for part in UNDECAYED)


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon moves a parameter: one that mixes channels; not the classifier, whose rows are classes."""
    mixes = parameter.ndim in (2, 4) and parameter.shape[1] > 1
    return mixes and does_decay(name, parameter) and not name.startswith(CLASSIFIER)


def learning_rate(spec: ExperimentSpec, step: int, steps: int) -> float:
    """The backbone's rate at a step of a run of `steps`: linear warm-up, then the schedule's policy.

    linear falls to 0 (TAO), poly with a power (NVlabs), cosine by half a wave (arXiv 1608.03983), step to
    a tenth after each third of the run (TAO, which counts epochs), constant not at all.
    """
    schedule, peak = spec.studio.schedule, spec.train.optim.lr
    warmup = max(1, round(schedule.warmup_share * steps)) if schedule.warmup_share else 0
    if step < warmup:
        return peak * max(schedule.warmup_start, (step + 1) / warmup)
    done = (step - warmup) / max(1, steps - warmup)
    policy = schedule.policy or spec.train.optim.policy
    share = SHARES[policy](step / steps if policy == "step" else done, schedule.power)
    return peak * (schedule.end + (1 - schedule.end) * share)


def set_learning_rate(optimiser: torch.optim.Optimizer, spec: ExperimentSpec, step: int, steps: int) -> float:
    """Gives every group its rate for a step; returns the backbone's."""
    rate = learning_rate(spec, step, steps)
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
    return rate


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

"""The training loop, from spec to checkpoints, to be read from top to bottom."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from segstudio.annotation.palette import load_palette
from segstudio.errors import Cancelled, SpecError
from segstudio.jobs import JobContext
from segstudio.metrics import scores
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import load_network_weights, save_network_weights
from segstudio.training import checkpoint
from segstudio.training.events import EventWriter
from segstudio.training.losses import cross_entropy, lovasz_softmax, upsample
from segstudio.training.process import keep_freed_memory, limit_threads
from segstudio.training.sources import AugmentedSamples, Plan, StepSampler, open_sources
from segstudio.training.spec import TrainSpec, train_spec_to_dict, train_spec_yaml
from segstudio.training.validate import Validation, normalise

SPEC_FILE = "experiment.yaml"
LOG_EVERY = 20


@dataclass(frozen=True)
class TrainResult:
    """What a finished (or stopped) training leaves; scores are fractions 0-1, NaN without validation."""

    folder: Path
    steps: int
    stopped: bool
    miou: float
    aacc: float
    seconds: float


def train(spec: TrainSpec, context: JobContext, *, resume: bool = True) -> TrainResult:
    """Trains until the last step or until the context is cancelled, which saves first.

    Args:
        spec: everything that decides the result.
        context: progress, events and cancellation.
        resume: go on from `latest.pth` in results_dir when it is there and of the same spec.

    Raises:
        SpecError: sources or settings that cannot be used; a checkpoint of another spec.
        ModelError: weights that cannot be loaded.
    """
    began = time.monotonic()
    folder = Path(spec.results_dir)
    keep_freed_memory()
    limit_threads(spec.studio.threads)
    checkpoint.seed_everything(spec.train.seed)
    fabric = Fabric(accelerator=spec.studio.accelerator, devices=1, precision=spec.studio.precision)
    palette = load_palette(spec.dataset.segment.palette)

    network = build_network(spec, palette.count)
    optimiser = build_optimiser(spec, network)
    model, optimiser = fabric.setup(network, optimiser)
    state = checkpoint.TrainingState(network, copy_weights(network), optimiser)
    validation = Validation(spec)
    sources = open_sources(spec, context)
    steps = count_steps(spec, sum(len(source) for source in sources))
    plan = Plan(sources, palette.count, spec, steps)
    weights = class_weights(plan.class_pixels(), spec.studio.class_weight_strength, fabric.device)
    if resume:
        resume_from(folder, state, spec)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / SPEC_FILE).write_text(train_spec_yaml(spec), encoding="utf-8")
    events = EventWriter(folder)
    context.event(events.write("start", step=state.step, steps=steps, classes=list(palette.names)))
    loader = DataLoader(
        AugmentedSamples(sources, spec),
        batch_sampler=StepSampler(plan, state.step, steps),
        num_workers=spec.dataset.segment.workers,
        multiprocessing_context="fork" if spec.dataset.segment.workers else None,
        # Its own generator: the loader draws a seed when it starts, which a resumed run would draw twice.
        generator=torch.Generator().manual_seed(0),
    )
    losses: list[float] = []
    stopped = False
    miou = aacc = float("nan")
    try:
        for images, target in loader:
            context.check()
            model.train()
            lr = set_learning_rate(optimiser, spec, state.step, steps)
            loss = training_step(fabric, model, optimiser, spec, images, target, weights)
            state.step += 1
            update_average(state.average, network, spec.studio.ema_decay, state.step)
            losses.append(loss)
            if state.step % LOG_EVERY == 0 or state.step == steps:
                mean_loss = float(np.mean(losses[-LOG_EVERY:]))
                context.event(events.write("step", step=state.step, loss=round(mean_loss, 5), lr=lr))
                context.progress(state.step, steps, f"loss {mean_loss:.3f}")
                if not math.isfinite(mean_loss):
                    raise SpecError(
                        f"the loss is {mean_loss} at step {state.step}", hint="lower train.optim.lr"
                    )
            if validation.pairs and (state.step % spec.train.validation_interval == 0 or state.step == steps):
                miou, aacc = validate(fabric, spec, state, validation, events, context)
            if state.step % spec.train.checkpoint_interval == 0 or state.step == steps:
                checkpoint.save_checkpoint(folder / checkpoint.LATEST, state, train_spec_to_dict(spec))
                save_network_weights(state.average, folder / "latest.safetensors")
    except Cancelled:
        stopped = True
        checkpoint.save_checkpoint(folder / checkpoint.LATEST, state, train_spec_to_dict(spec))
        save_network_weights(state.average, folder / "latest.safetensors")
    finally:
        context.event(events.write("end", step=state.step, stopped=stopped, best_miou=state.best_miou))
        events.close()
    return TrainResult(folder, state.step, stopped, miou, aacc, time.monotonic() - began)


def training_step(
    fabric: Fabric,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    spec: TrainSpec,
    images: Tensor,
    target: Tensor,
    weights: Tensor | None,
) -> float:
    """One optimiser step on uint8 images [N,3,H,W] and ids [N,H,W]; returns the loss."""
    augmentation = spec.dataset.segment.augmentation
    pixels = normalise(images.to(fabric.device).float() / 255, augmentation.mean, augmentation.std)
    ids = target.to(fabric.device).long()
    logits = upsample(model(pixels).float(), (ids.shape[1], ids.shape[2]))
    loss = cross_entropy(logits, ids, weights)
    if spec.studio.lovasz_weight:
        loss = loss + spec.studio.lovasz_weight * lovasz_softmax(logits, ids)
    optimiser.zero_grad(set_to_none=True)
    fabric.backward(loss)
    if spec.studio.gradient_clip:
        fabric.clip_gradients(model, optimiser, max_norm=spec.studio.gradient_clip)
    optimiser.step()
    return float(loss.detach())


def validate(
    fabric: Fabric,
    spec: TrainSpec,
    state: checkpoint.TrainingState,
    validation: Validation,
    events: EventWriter,
    context: JobContext,
) -> tuple[float, float]:
    """Scores the averaged weights; keeps them as the best when they are. Returns (mIoU, pixel accuracy)."""
    folder = Path(spec.results_dir)
    averaged = build_network(spec, state.network.get_submodule("decode_head.linear_pred").out_channels)  # type: ignore[arg-type]  # a Conv2d
    averaged.load_state_dict(state.average)
    averaged.to(fabric.device)
    result = scores(validation.counts(averaged, fabric.device, context.check))
    ious = {
        name: None if math.isnan(value) else round(float(value), 5)
        for name, value in zip(validation.palette.names, result.iou, strict=True)
    }
    event = events.write(
        "validation", step=state.step, miou=round(result.miou, 5), aacc=round(result.aacc, 5), iou=ious
    )
    context.event(event)
    if result.miou > state.best_miou:
        state.best_miou = result.miou
        save_network_weights(state.average, folder / "best.safetensors")
    return result.miou, result.aacc


def build_network(spec: TrainSpec, classes: int) -> SegFormer:
    """The network of a spec, with its start weights."""
    backbone = spec.model.backbone
    network = SegFormer(
        backbone.type,
        classes,
        embed_dim=spec.model.decode_head.decoder_params.embed_dim or None,
        drop_path=spec.studio.drop_path,
        head_dropout=spec.studio.head_dropout,
    )
    if backbone.pretrained_backbone_path:
        load_network_weights(network, Path(backbone.pretrained_backbone_path))
    if backbone.freeze_backbone:
        network.backbone.requires_grad_(False)
    return network


def build_optimiser(spec: TrainSpec, network: SegFormer) -> torch.optim.Optimizer:
    """AdamW or SGD; the head learns faster, and norms and biases do not decay."""
    optim = spec.train.optim
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            key = (name.startswith("decode_head."), parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    parameters = [
        {
            "params": members,
            "factor": spec.studio.head_lr_factor if in_head else 1.0,
            "weight_decay": optim.weight_decay if decays else 0.0,
        }
        for (in_head, decays), members in groups.items()
    ]
    if optim.optim == "sgd":
        return torch.optim.SGD(parameters, lr=optim.lr, momentum=optim.momentum)
    return torch.optim.AdamW(parameters, lr=optim.lr, betas=(0.9, 0.999))


def set_learning_rate(optimiser: torch.optim.Optimizer, spec: TrainSpec, step: int, steps: int) -> float:
    """Linear warm-up, then polynomial decay to 0 at the run's last step; returns the encoder's rate."""
    warmup = max(1, round(spec.studio.warmup_share * steps))
    if step < warmup:
        share = (step + 1) / warmup
    else:
        share = (1 - (step - warmup) / max(1, steps - warmup)) ** spec.studio.poly_power
    rate = spec.train.optim.lr * share
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
    return rate


def count_steps(spec: TrainSpec, samples: int) -> int:
    """Optimiser steps of the whole run."""
    if spec.studio.max_steps:
        return spec.studio.max_steps
    return max(1, math.ceil(samples / spec.dataset.segment.batch_size)) * spec.train.num_epochs


def class_weights(pixels: np.ndarray, strength: float, device: torch.device) -> Tensor | None:
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
    for name, tensor in iterate_state(network):
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - keep)
        else:
            average[name].copy_(tensor)


def iterate_state(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name."""
    yield from network.named_parameters()
    yield from network.named_buffers()


def resume_from(folder: Path, state: checkpoint.TrainingState, spec: TrainSpec) -> None:
    """Goes on where `latest.pth` stopped.

    Raises:
        SpecError: the checkpoint was made with another spec, so the two runs would mix.
    """
    path = folder / checkpoint.LATEST
    if not path.exists():
        return
    values = checkpoint.read_checkpoint(path)
    if values["spec"] != train_spec_to_dict(spec):
        raise SpecError(
            f"{path} was made with another spec", hint="choose another results_dir, or remove the old run"
        )
    checkpoint.restore(values, state)

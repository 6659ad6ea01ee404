"""The training loop, from spec to checkpoints, to be read from top to bottom."""

import copy
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from segstudio.errors import Cancelled, SpecError
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import scores
from segstudio.networks.pretrained import load_pretrained, load_pretrained_backbone
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import LoadReport, save_network_weights
from segstudio.training import checkpoint
from segstudio.training.events import EventWriter
from segstudio.training.losses import cross_entropy, lovasz_softmax, upsample
from segstudio.training.optimisation import (
    build_optimiser,
    class_weights,
    copy_weights,
    epoch_steps,
    set_learning_rate,
    update_average,
)
from segstudio.training.process import keep_freed_memory, limit_threads
from segstudio.training.sources import AugmentedSamples, Plan, Source, StepSampler, open_sources
from segstudio.training.spec.derived import architecture_of, decisive, model_palette, task_folder
from segstudio.training.spec.load import spec_from_dict, spec_to_dict, spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.validate import Validation, normalise

SPEC_FILE = "experiment.yaml"
# Lovasz sorts every pixel once a class: every third one a side gives the same gradient on average.
LOVASZ_STRIDE = 3


@dataclass(frozen=True)
class TrainResult:
    """What a finished (or stopped) training leaves; scores are fractions 0-1, NaN without validation."""

    folder: Path
    steps: int
    stopped: bool
    miou: float
    aacc: float
    best_miou: float
    seconds: float


@dataclass
class Run:
    """Everything that a training is made of; `miou` and `aacc` are those of the last validation."""

    spec: ExperimentSpec
    folder: Path
    fabric: Fabric
    model: nn.Module
    state: checkpoint.TrainingState
    sources: list[Source]
    plan: Plan
    validation: Validation
    weights: Tensor | None
    steps: int
    validation_steps: int
    checkpoint_steps: int
    events: EventWriter
    context: JobContext
    miou: float = math.nan
    aacc: float = math.nan

    def tell(self, kind: str, **values: object) -> None:
        """Writes an event and hands it to the job."""
        self.context.event(self.events.write(kind, **values))


def train(spec: ExperimentSpec, context: JobContext, *, resume: bool = True) -> TrainResult:
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
    keep_freed_memory()
    limit_threads(spec.studio.threads)
    checkpoint.seed_everything(spec.train.seed)
    folder = task_folder(spec, "train")
    with EventWriter(folder) as events:
        run = prepare(spec, context, events)
        if resume:
            resume_from(run)
        (folder / SPEC_FILE).write_text(spec_yaml(spec), encoding="utf-8")
        run.tell("start", step=run.state.step, steps=run.steps, classes=list(run.validation.model_names))
        stopped = False
        try:
            optimise(run)
        except Cancelled:
            stopped = True
            save(run)
        run.tell("end", step=run.state.step, stopped=stopped, best_miou=run.state.best_miou)
    return TrainResult(
        folder, run.state.step, stopped, run.miou, run.aacc, run.state.best_miou, time.monotonic() - began
    )


def prepare(spec: ExperimentSpec, context: JobContext, events: EventWriter) -> Run:
    """Builds the network, its optimiser, the samples and the plan that a spec describes."""
    fabric = Fabric(accelerator=spec.studio.accelerator, devices=1, precision=spec.studio.precision)
    classes = model_palette(spec).count
    network, loaded = build_network(spec, classes)
    model, optimiser = fabric.setup(network, build_optimiser(spec, network))
    sources = open_sources(spec, context)
    epoch = epoch_steps(spec, sum(len(source) for source in sources))
    steps = spec.studio.max_steps or epoch * spec.train.num_epochs
    plan = Plan(sources, classes, spec, steps)
    unit = epoch if spec.train.checkpoint_interval_unit == "epoch" else 1
    run = Run(
        spec=spec,
        folder=task_folder(spec, "train"),
        fabric=fabric,
        model=model,
        state=checkpoint.TrainingState(network, copy_weights(network), optimiser),
        sources=sources,
        plan=plan,
        validation=Validation(spec),
        weights=class_weights(plan.class_pixels(), spec.studio.loss.class_weight_strength, fabric.device),
        steps=steps,
        validation_steps=unit * spec.train.validation_interval,
        checkpoint_steps=unit * spec.train.checkpoint_interval,
        events=events,
        context=context,
    )
    for weights, report in loaded.items():
        counts = {"matched": len(report.matched), "missing": report.missing, "unexpected": report.unexpected}
        run.tell("start_weights", source=weights, **counts)
    for source in sources:
        orphans = [str(path) for path in source.orphans]
        run.tell("source", samples=len(source), orphans=len(orphans), first_orphans=orphans[:10])
    return run


def optimise(run: Run) -> None:
    """All steps from the state's on: step, average, log, validate, save.

    Raises:
        Cancelled: the job was cancelled; the state is that of the last finished step.
        SpecError: the loss is no number any more.
    """
    state, losses = run.state, list[float]()
    images_seen, since = 0, time.monotonic()
    for images, target in batches(run):
        run.context.check()
        rate = set_learning_rate(state.optimiser, run.spec, state.step, run.steps)
        losses.append(training_step(run, images, target))
        state.step += 1
        images_seen += len(images)
        update_average(state.average, state.network, run.spec.studio.optim.ema_decay, state.step)
        last = state.step == run.steps
        if state.step % run.spec.studio.log_every == 0 or last:
            mean_loss, speed = float(np.mean(losses)), images_seen / (time.monotonic() - since)
            run.tell("step", step=state.step, loss=mean_loss, lr=rate, images_per_second=round(speed, 2))
            run.context.progress(state.step, run.steps, f"loss {mean_loss:.3f}, {speed:.1f} images/s")
            if not math.isfinite(mean_loss):
                raise SpecError(f"the loss is {mean_loss} at step {state.step}", hint="lower train.optim.lr")
            losses.clear()
            images_seen, since = 0, time.monotonic()
        if run.validation.pairs and (state.step % run.validation_steps == 0 or last):
            validate(run)
        if state.step % run.checkpoint_steps == 0 or last:
            save(run)


def batches(run: Run) -> DataLoader[tuple[Tensor, Tensor]]:
    """The batches of the steps that are left: images uint8 [N,3,h,w], ids uint8 [N,h,w]."""
    workers = run.spec.dataset.segment.workers
    return DataLoader(
        AugmentedSamples(run.sources, run.spec),
        batch_sampler=StepSampler(run.plan, run.state.step, run.steps),
        num_workers=workers,
        # Forked workers share the decoded samples instead of copying them.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        # Its own generator: the loader draws a seed when it starts, which a resumed run would draw twice.
        generator=torch.Generator().manual_seed(0),
    )


def training_step(run: Run, images: Tensor, target: Tensor) -> float:
    """One optimiser step on uint8 images [N,3,h,w] and ids [N,h,w]; returns the loss."""
    studio, augmentation = run.spec.studio, run.spec.dataset.segment.augmentation
    run.model.train()
    pixels = images.to(run.fabric.device).float() / 255
    ids = target.to(run.fabric.device).long()
    logits = run.model(normalise(pixels, augmentation.mean, augmentation.std)).float()
    logits = upsample(logits, (ids.shape[1], ids.shape[2]))
    loss = cross_entropy(
        logits,
        ids,
        run.weights,
        label_smoothing=studio.loss.label_smoothing,
        hardest_share=studio.loss.hardest_share,
    )
    if studio.loss.lovasz:
        grid = slice(LOVASZ_STRIDE // 2, None, LOVASZ_STRIDE)
        loss = loss + studio.loss.lovasz * lovasz_softmax(logits[:, :, grid, grid], ids[:, grid, grid])
    run.state.optimiser.zero_grad(set_to_none=True)
    run.fabric.backward(loss)
    if studio.optim.gradient_clip:
        run.fabric.clip_gradients(run.model, run.state.optimiser, max_norm=studio.optim.gradient_clip)
    run.state.optimiser.step()
    return float(loss.detach())


def validate(run: Run) -> None:
    """Scores the averaged weights at the images' own size; keeps them as the best when they are."""
    averaged = copy.deepcopy(run.state.network)
    averaged.load_state_dict(run.state.average)
    result = scores(run.validation.counts(averaged, run.fabric.device, run.context.check))
    ious = {
        name: None if math.isnan(value) else round(float(value), 5)
        for name, value in zip(run.validation.palette.names, result.iou, strict=True)
    }
    run.miou, run.aacc = result.miou, result.aacc
    run.tell("validation", step=run.state.step, miou=round(run.miou, 5), aacc=round(run.aacc, 5), iou=ious)
    if result.miou > run.state.best_miou:
        run.state.best_miou = result.miou
        save_network_weights(
            run.state.average, run.folder / checkpoint.BEST_WEIGHTS, run.state.network.architecture
        )


def save(run: Run) -> None:
    """The whole state, to resume from, and the averaged weights, to export."""
    checkpoint.save_checkpoint(run.folder / checkpoint.LATEST, run.state, spec_to_dict(run.spec))
    save_network_weights(
        run.state.average, run.folder / checkpoint.LATEST_WEIGHTS, run.state.network.architecture
    )


def build_network(spec: ExperimentSpec, classes: int) -> tuple[SegFormer, dict[str, LoadReport]]:
    """The network of a spec with its start weights, and what was loaded from which source."""
    backbone, loaded = spec.model.backbone, {}
    network = SegFormer(
        architecture_of(spec, classes),
        drop_path=spec.studio.drop_path,
        head_dropout=spec.studio.head_dropout,
    )
    if source := spec.train.pretrained_model_path:
        loaded[source] = load_pretrained(network, source)
    if source := backbone.pretrained_backbone_path:
        loaded[source] = load_pretrained_backbone(network, source)
    if backbone.freeze_backbone:
        network.freeze_backbone()
    return network, loaded


def resume_from(run: Run) -> None:
    """Goes on where `latest.pth` stopped, if it is there.

    Raises:
        SpecError: the checkpoint was made with another spec, so the two runs would mix.
    """
    path = run.folder / checkpoint.LATEST
    if not path.exists():
        return
    values = checkpoint.read_checkpoint(path)
    made_with = spec_from_dict(values["spec"], str(path))
    if decisive(made_with) != decisive(run.spec):
        raise SpecError(
            f"{path} was made with another spec", hint="choose another results_dir, or remove the old run"
        )
    checkpoint.restore(values, run.state)

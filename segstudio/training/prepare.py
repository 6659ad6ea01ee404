"""Builds what a training is made of: network, samples, plan, and where an earlier session stopped."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from segstudio.errors import SpecError
from segstudio.jobs import JobContext
from segstudio.networks.pretrained import load_pretrained, load_pretrained_backbone
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import LoadReport
from segstudio.training import checkpoint
from segstudio.training.data.plan import Plan, steps_per_epoch
from segstudio.training.data.report import examine
from segstudio.training.data.split import Split, open_split
from segstudio.training.distributed import Processes, Seat, make_fabric
from segstudio.training.journal import Journal
from segstudio.training.objective import Objective
from segstudio.training.optimisation import build_optimiser, copy_weights
from segstudio.training.run import Run
from segstudio.training.shared_norm import with_shared_norms
from segstudio.training.spec.derived import architecture_of, decisive, model_palette, task_folder
from segstudio.training.spec.load import spec_from_dict, spec_to_dict
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.validate import Validation

SHOWN_KEYS = 3
SHOWN_FILES = 10


def prepare(spec: ExperimentSpec, context: JobContext, journal: Journal, seat: Seat | None = None) -> Run:
    """Builds everything that a spec describes, for the process of a seat, and tells what it found.

    Raises:
        SpecError: sources or settings that cannot be used.
        ModelError: weights that cannot be loaded.
        Cancelled: the context was cancelled.
    """
    seat = seat or Seat()
    checkpoint.seed_everything(spec.train.seed)
    torch.backends.cudnn.benchmark = spec.train.cudnn.benchmark
    torch.backends.cudnn.deterministic = spec.train.cudnn.deterministic
    fabric = make_fabric(spec, seat)
    fabric.launch()
    processes = Processes(seat)
    train, validation = open_samples(spec, context, processes, seat)
    report = examine(train, validation.split)
    tell_samples(journal, train, validation.split)
    journal.tell("data_report", **report.to_json(), lines=report.lines())
    network, loaded = build_network(spec, model_palette(spec).count)
    tell_weights(journal, loaded)
    scored = copy.deepcopy(network).to(fabric.device)
    model, state = start(network, spec, fabric, seat)
    epoch = steps_per_epoch(train, spec, seat.ranks)
    steps = spec.studio.max_steps or epoch * spec.train.num_epochs
    unit = epoch if spec.train.checkpoint_interval_unit == "epoch" else 1
    plan = Plan(train, spec, steps, seat.ranks)
    return Run(
        spec, task_folder(spec, "train"), fabric, processes, model, state, scored, train, plan, validation,
        Objective(spec, plan.class_pixels(), fabric.device), steps,
        unit * spec.train.validation_interval, unit * spec.train.checkpoint_interval, journal, context,
    )  # fmt: skip


def start(
    network: SegFormer, spec: ExperimentSpec, fabric: Fabric, seat: Seat
) -> tuple[nn.Module, checkpoint.TrainingState]:
    """The network as fabric runs it, on its device, and the state of a training before its first step."""
    if seat.ranks > 1 and spec.train.sync_batchnorm:
        with_shared_norms(network, fabric.device)
    model, optimiser = fabric.setup(network, build_optimiser(spec, network))
    # All processes start from the same weights; what they drop differs.
    checkpoint.seed_everything(spec.train.seed if seat.rank else -1, seat.rank)
    return model, checkpoint.TrainingState(network, copy_weights(network), optimiser)


def open_samples(
    spec: ExperimentSpec, context: JobContext, processes: Processes, seat: Seat
) -> tuple[Split, Validation]:
    """The samples to learn from and those to score; the first process finds them for all."""
    data = replace(spec.studio.data, cache_mb=spec.studio.data.cache_mb // spec.train.num_gpus)
    shared = replace(spec, studio=replace(spec.studio, data=data))
    if seat.local_rank:
        processes.barrier()
        # The first process tells how far it is; this one has nothing to add.
        context = JobContext()
    opened = open_split(shared, "train", context), Validation(shared, context)
    if not seat.local_rank:
        processes.barrier()
    return opened


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


def tell_samples(journal: Journal, *splits: Split) -> None:
    """Tells how many samples each source has, which files lack a partner and which cannot be used."""
    for split in splits:
        orphans = [str(path) for path in (*split.orphans_images, *split.orphans_masks)]
        for source in split.sources:
            journal.tell("source", split=split.name, samples=len(source))
        if orphans:
            journal.tell("orphans", split=split.name, files=len(orphans), first=orphans[:SHOWN_FILES])
        for path, reason in split.skipped[:SHOWN_FILES]:
            journal.tell("sample_skipped", path=str(path), reason=reason, lines=[f"skipped {path}: {reason}"])
        more = len(split.skipped) - SHOWN_FILES
        if more > 0:
            text = f"and {more} more files of {split.name} cannot be used"
            journal.tell("sample_skipped", path="", reason=text, lines=[text])


def tell_weights(journal: Journal, loaded: dict[str, LoadReport]) -> None:
    """Tells what of each source of start weights fitted."""
    for source, report in loaded.items():
        counts = {"matched": len(report.matched), "missing": report.missing, "unexpected": report.unexpected}
        journal.tell("start_weights", source=source, **counts)


def resume_from(run: Run) -> Path | None:
    """Goes on where an earlier session stopped, if there is one; returns the checkpoint.

    Of the file that train.resume_training_checkpoint_path names and the run's own latest, the one that got
    further counts: then the command that was killed can be repeated as it is.

    Raises:
        SpecError: the checkpoint was made with another spec, so the two runs would mix.
        ModelError: it cannot be read.
    """
    named, own = run.spec.train.resume_training_checkpoint_path, run.folder / checkpoint.LATEST
    found: list[tuple[int, Path, dict[str, Any]]] = []
    for path in [Path(named)] if named else []:
        values = checkpoint.read_checkpoint(path)
        found.append((int(values["step"]), path, values))
    if own.exists():
        values = checkpoint.read_checkpoint(own)
        found.append((int(values["step"]), own, values))
    if not found:
        return None
    _, path, values = max(found, key=lambda entry: entry[0])
    refuse_other_spec(path, values["spec"], run.spec)
    checkpoint.restore(values, run.state, run.processes.rank)
    if values["scaler"]:
        run.fabric.strategy.precision.load_state_dict(values["scaler"])
    return path


def refuse_other_spec(path: Path, made_with: dict[str, Any], spec: ExperimentSpec) -> None:
    """Refuses a checkpoint whose spec differs in what decides the result.

    Raises:
        SpecError: names the first keys that differ.
    """
    theirs = flat(spec_to_dict(decisive(spec_from_dict(made_with, str(path)))))
    ours = flat(spec_to_dict(decisive(spec)))
    keys = [key for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key)]
    if not keys:
        return
    shown = ", ".join(f"{key} was {theirs.get(key)!r}, is {ours.get(key)!r}" for key in keys[:SHOWN_KEYS])
    more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
    raise SpecError(
        f"{path} was made with another spec: {shown}{more}",
        hint="choose another results_dir, set these back, or remove the old run",
    )


def flat(values: Any, above: str = "") -> dict[str, Any]:
    """Nested values by their dotted keys."""
    if isinstance(values, dict) and values:
        return {
            key: value
            for name, inner in values.items()
            for key, value in flat(inner, f"{above}.{name}" if above else str(name)).items()
        }
    return {above: values}


def scaler_state(fabric: Fabric) -> dict[str, Any]:
    """The gradient scaler's state; empty where the precision has none."""
    return dict(fabric.strategy.precision.state_dict())

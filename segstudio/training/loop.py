"""The training loop, from spec to checkpoints, to be read from top to bottom."""

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import torch

from segstudio.errors import Cancelled, SegstudioError
from segstudio.images import atomic_write
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Scores, scores
from segstudio.training import checkpoint, keepers
from segstudio.training.distributed import Seat, company, take_seat
from segstudio.training.journal import TITLE, Journal, check_tensorboard
from segstudio.training.optimisation import set_learning_rate, update_average
from segstudio.training.prepare import prepare, resume_from, scaler_state
from segstudio.training.process import keep_freed_memory, limit_threads
from segstudio.training.run import Run
from segstudio.training.spec.derived import task_folder
from segstudio.training.spec.load import spec_to_dict, spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.step import Feed, StepLog, training_step
from segstudio.training.validate import Tally
from segstudio.training.watch import keep_watched

SPEC_FILE = "experiment.yaml"
PAUSE_LOOK_SECONDS = 0.2


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


def train(
    spec: ExperimentSpec, context: JobContext, *, resume: bool = True, notes: Sequence[str] = ()
) -> TrainResult:
    """Trains until the last step or until the context is cancelled, which saves first.

    Where the spec asks for several processes, this one starts the others, or torchrun has. All return the
    same result; the first one alone writes and tells.

    Args:
        spec: everything that decides the result.
        context: progress, events and cancellation.
        resume: go on from a checkpoint of the same spec when there is one.
        notes: of the spec's loader, for the log.

    Raises:
        SpecError: sources or settings that cannot be used, a checkpoint of another spec, a diverging loss.
        ModelError: weights that cannot be loaded.
        SegstudioError: the disk is full, or another process failed.
    """
    check_tensorboard(spec)
    keepers.check_keeping(spec)
    seat = take_seat(spec)
    with company(seat, partial(accompany, spec, resume)):
        return train_in_seat(spec, context, seat, resume=resume, notes=notes)


def accompany(spec: ExperimentSpec, resume: bool, seat: Seat) -> None:
    """What the other processes of a training do."""
    train_in_seat(spec, JobContext(), seat, resume=resume)


def train_in_seat(
    spec: ExperimentSpec, context: JobContext, seat: Seat, *, resume: bool, notes: Sequence[str] = ()
) -> TrainResult:
    """One process's part of a training; see `train`."""
    began = time.monotonic()
    keep_freed_memory()
    limit_threads(spec.studio.threads)
    folder = task_folder(spec, "train")
    with Journal(folder, context, spec, silent=seat.rank > 0) as journal, ExitStack() as told:
        told.push(partial(tell_failure, journal))
        if notes:
            journal.tell("notes", lines=list(notes))
        run = prepare(spec, context, journal, seat)
        resumed = resume_from(run) if resume else None
        if run.leads:
            atomic_write(folder / SPEC_FILE, spec_yaml(spec).encode())
        journal.tell(
            "start", step=run.state.step, steps=run.steps, classes=list(run.validation.model_names),
            resumed=str(resumed or ""), processes=seat.ranks, device=str(run.fabric.device),
        )  # fmt: skip
        stopped = False
        try:
            optimise(run)
        except Cancelled:
            stopped = True
            save(run)
            journal.status.interrupted(TITLE)
        journal.tell("end", step=run.state.step, stopped=stopped, best_miou=run.state.best_miou)
    last = run.last
    return TrainResult(
        folder, run.state.step, stopped, last.miou if last else math.nan, last.aacc if last else math.nan,
        run.state.best_miou, time.monotonic() - began,
    )  # fmt: skip


def tell_failure(journal: Journal, _kind: object, error: BaseException | None, _trace: object) -> bool:
    """Writes why a run ended before its end; the error goes on."""
    if isinstance(error, SegstudioError):
        try:
            journal.tell("failed", message=str(error))
        except SegstudioError:
            # The disk is full: the first error says so.
            return False
    return False


def optimise(run: Run) -> None:
    """All steps from the state's on: step, average, log, validate, save.

    Raises:
        Cancelled: the job was cancelled; the state is that of the last finished step.
        SpecError: the loss is no number any more.
    """
    state, feed = run.state, Feed(run)
    # A stop may have come between a step and its validation.
    if state.step and validation_is_due(run):
        after_step(run)
    if run.done:
        return
    log = StepLog(run, feed)
    epoch_began = time.monotonic()
    for batches in feed:
        if run.processes.any(run.context.cancelled):
            raise Cancelled("cancelled")
        if run.context.paused:
            log.leave_out(hold(run))
        set_learning_rate(state.optimiser, run.spec, state.step, run.steps)
        loss = training_step(run, batches)
        state.step += 1
        update_average(state.average, state.network, run.spec.studio.optim.ema_decay, state.step)
        due = validation_is_due(run) or checkpoint_is_due(run)
        log.add(loss, sum(len(images) for images, _ in batches), due=due)
        if state.step % run.plan.steps_per_epoch == 0 or run.done:
            tell_epoch(run, loss, time.monotonic() - epoch_began)
            epoch_began = time.monotonic()
        if due:
            after_step(run)
        if state.ended:
            return


def hold(run: Run) -> float:
    """Saves and waits until the pause is over; returns the seconds.

    Raises:
        Cancelled: the job was cancelled meanwhile.
    """
    began = time.monotonic()
    save(run)
    run.journal.tell("paused", step=run.state.step)
    while run.context.paused:
        if run.context.cancelled:
            raise Cancelled("cancelled")
        run.context.wait_cancelled(PAUSE_LOOK_SECONDS)
    run.journal.tell("resumed", step=run.state.step)
    return time.monotonic() - began


def validation_is_due(run: Run) -> bool:
    """Whether the last step is one to validate after, and was not validated yet."""
    wanted = run.state.step % run.validation_steps == 0 or run.state.step == run.steps
    return bool(run.validation) and wanted and run.state.validated < run.state.step


def checkpoint_is_due(run: Run) -> bool:
    """Whether a checkpoint follows the last step."""
    return run.state.step % run.checkpoint_steps == 0 or run.done


def after_step(run: Run) -> None:
    """Validates and saves, as far as the step asks for it."""
    if validation_is_due(run):
        validate(run)
    if checkpoint_is_due(run):
        if run.leads and not keepers.keeps_best(run.spec):
            path = keepers.keep(run.folder, run.state, run.epoch, run.spec)
            run.journal.tell("checkpoint", step=run.state.step, path=path.name)
        save(run)


def validate(run: Run) -> None:
    """Scores the averaged weights; keeps them as the best when they are; may end a run that gains no more.

    Raises:
        Cancelled: the job was cancelled in any process.
    """
    state = run.state
    run.scored.load_state_dict(state.average)
    tally = joint_tally(run)
    result = run.last = scores(tally.counts)
    state.validated = state.step
    kpi = tao_kpi(result, tally.mean_loss)
    tell_validation(run, result, kpi)
    if run.leads:
        keep_watched(run)
    if result.miou > state.best_miou:
        state.best_miou = result.miou
        if run.leads:
            checkpoint.save_weights(state.average, run.folder / checkpoint.BEST_WEIGHTS, state.network)
    if run.leads and keepers.keeps_best(run.spec):
        path = keepers.keep_if_best(run.folder, state, run.epoch, run.spec, kpi)
        if path:
            run.journal.tell("checkpoint", step=state.step, path=path.name)
    stop = run.spec.studio.early_stop
    if result.miou > state.stop_miou + stop.min_gain:
        state.stop_miou, state.stalled = result.miou, 0
    else:
        state.stalled += 1
    if stop.patience and state.stalled >= stop.patience and state.step < run.steps:
        state.ended = True
        run.journal.tell("early_stop", step=state.step, validations=state.stalled)


def joint_tally(run: Run) -> Tally:
    """What the samples of all processes count."""
    mine = Tally(np.zeros((run.validation.palette.count, run.validation.palette.count + 1), np.int64), 0.0, 0)
    stopped = False
    try:
        mine = run.validation.tally(
            run.scored, run.fabric.device, run.context.check, run.processes.rank, run.processes.ranks
        )
    except Cancelled:
        stopped = True
    # The others cannot know yet; they wait for the counts.
    if run.processes.any(stopped):
        raise Cancelled("cancelled")
    counts = run.processes.summed_on_host(torch.from_numpy(mine.counts)).numpy()
    loss, pixels = run.processes.summed_on_host(torch.tensor([mine.loss, mine.pixels], dtype=torch.float64))
    return Tally(counts, float(loss), int(pixels))


def tao_kpi(result: Scores, loss: float) -> dict[str, float]:
    """The scores of a validation under TAO's names, fractions 0-1; means are over the classes that occur."""
    precision = result.precision[(result.support_pixels > 0) & np.isfinite(result.precision)]
    return {
        "val_loss": loss,
        "val_acc": result.aacc,
        "val_miou": result.miou,
        "val_mf1": result.mf1,
        "val_mprecision": float(precision.mean()) if precision.size else math.nan,
        "val_mrecall": result.macc,
    }


def tell_validation(run: Run, result: Scores, kpi: dict[str, float]) -> None:
    """Tells the scores to the job, to status.json and to TensorBoard."""
    ious = {
        name: None if math.isnan(value) else round(float(value), 5)
        for name, value in zip(run.validation.palette.names, result.iou, strict=True)
    }
    step, loss = run.state.step, kpi["val_loss"]
    run.journal.tell(
        "validation", step=step, miou=round(result.miou, 5), aacc=round(result.aacc, 5), iou=ious,
        loss=None if math.isnan(loss) else round(loss, 5),
    )  # fmt: skip
    run.journal.status.metrics("Eval metrics generated.", kpi, **where(run))
    run.journal.plot({f"validation/{name}": value for name, value in kpi.items()}, step, every=True)


def tell_epoch(run: Run, loss: torch.Tensor, seconds: float) -> None:
    """Adds TAO's record of an epoch to status.json; its loss is that of the last step."""
    value = float(run.processes.summed(loss)) / run.processes.ranks
    steps = (run.state.step - 1) % run.plan.steps_per_epoch + 1
    left = (run.steps - run.state.step) * seconds / steps
    times = {
        "time_per_epoch": str(timedelta(seconds=seconds)),
        "time_per_step": str(timedelta(seconds=seconds / steps)),
        "eta": str(timedelta(seconds=left)),
    }
    run.journal.status.metrics("Train metrics generated.", {"train_loss": value}, **where(run), **times)


def where(run: Run) -> dict[str, int]:
    """How far a run is, in TAO's words."""
    epochs = math.ceil(run.steps / run.plan.steps_per_epoch)
    return {"epoch": run.epoch, "max_epoch": epochs, "step": run.state.step, "max_step": run.steps}


def save(run: Run) -> None:
    """The whole state, to resume from, and the averaged weights, to export."""
    chances = run.processes.gathered(checkpoint.Chance.now())
    if not run.leads:
        return
    checkpoint.save_checkpoint(
        run.folder / checkpoint.LATEST, run.state, spec_to_dict(run.spec), chances, scaler_state(run.fabric)
    )
    checkpoint.save_weights(run.state.average, run.folder / checkpoint.LATEST_WEIGHTS, run.state.network)
    run.journal.tell("saved", step=run.state.step)

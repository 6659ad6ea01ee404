"""One optimiser step, from batches to moved weights, and the log of steps, which sees a diverging loss."""

import math
import signal
import sys
import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from segstudio.errors import SegstudioError, SpecError
from segstudio.jobs import cores
from segstudio.training.data.plan import StepSampler
from segstudio.training.data.samples import AugmentedSamples
from segstudio.training.optimisation import learning_rate
from segstudio.training.run import Run
from segstudio.training.segment import normalise

# Of one process: images uint8 [N,3,h,w], ids uint8 [N,h,w].
Batch = tuple[Tensor, Tensor]
PREFETCH = 4
SHOWN_NAMES = 4


class Feed:
    """The batches of the steps that are left, and how long the loop had to wait for them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.samples = AugmentedSamples(run.train, run.spec)
        self.waited = 0.0

    def __iter__(self) -> Iterator[list[Batch]]:
        """For each step the batches that it accumulates."""
        run = self._run
        # More workers than cores only wait for each other; their number decides nothing else.
        workers = min(run.spec.dataset.segment.workers, max(1, cores() // run.spec.train.num_gpus))
        sampler = StepSampler(run.plan, run.state.step, run.steps, run.processes.rank)
        loader = DataLoader(
            self.samples,
            batch_sampler=sampler,
            num_workers=workers,
            prefetch_factor=PREFETCH if workers else None,
            pin_memory=run.fabric.device.type == "cuda",
            worker_init_fn=outlive_signals,
            # Forked workers share the decoded samples instead of copying them.
            multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
            # Its own generator: the loader draws a seed when it starts, which a resumed run would draw twice.
            generator=torch.Generator().manual_seed(0),
        )
        batches = iter(loader)
        for _ in range(run.state.step, run.steps):
            since = time.monotonic()
            try:
                step = [next(batches) for _ in range(run.spec.studio.optim.accumulation)]
            except RuntimeError as error:
                if "DataLoader worker" not in str(error):
                    raise
                raise lost_worker(error) from error
            self.waited += time.monotonic() - since
            yield step


def outlive_signals(_worker: int) -> None:
    """Lets a worker that reads samples go on when its group is told to stop: the run saves and ends it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def lost_worker(error: RuntimeError) -> SegstudioError:
    """The error of a worker that the system has ended."""
    return SegstudioError(
        f"a process that reads samples was lost: {error}",
        hint="often memory is short: lower dataset.segment.workers or studio.data.cache_mb, in a container"
        " give it more shared memory (--shm-size); the run goes on from its last checkpoint",
    )


def training_step(run: Run, batches: Sequence[Batch]) -> Tensor:
    """One optimiser step on this process's batches; returns its part of the loss, a scalar on the device.

    The mean of the parts over the processes is the loss of all batches as one: every pixel counts alike,
    in whatever batch it lies.
    """
    device, clip = run.fabric.device, run.spec.studio.optim.gradient_clip
    augmentation = run.spec.dataset.segment.augmentation
    run.model.train()
    moved = [(images.to(device, non_blocking=True), ids.to(device, non_blocking=True).long())
             for images, ids in batches]  # fmt: skip
    amount = torch.stack([run.objective.amount(ids) for _, ids in moved]).sum()
    amount = run.processes.summed(amount) / run.processes.ranks
    run.state.optimiser.zero_grad(set_to_none=True)
    total = torch.zeros((), device=device)
    for number, (images, ids) in enumerate(moved, 1):
        # Gradients are joined once, with the last batch.
        with run.fabric.no_backward_sync(run.model, enabled=number < len(moved)):
            pixels = normalise(images.float() / 255, augmentation.mean, augmentation.std)
            loss = run.objective(run.model(pixels), ids, amount)
            run.fabric.backward(loss)
        total += loss.detach()
    if clip:
        run.fabric.clip_gradients(run.model, run.state.optimiser, max_norm=clip, error_if_nonfinite=False)
    run.state.optimiser.step()
    return total


class StepLog:
    """Collects the steps' losses and times; tells their means, and stops a run whose loss is no number.

    A GPU is waited for only when the losses are read: every log_every steps, and before anything is saved.
    """

    def __init__(self, run: Run, feed: Feed) -> None:
        self._run, self._feed = run, feed
        self._losses: list[Tensor] = []
        self._told: list[float] = []
        self._images = 0
        self._since = time.monotonic()
        self._first, self._began = run.state.step, self._since
        self._reads_each = run.processes.ranks == 1 and run.fabric.device.type == "cpu"

    def leave_out(self, seconds: float) -> None:
        """Lets a pause count neither for the speed nor for the time that is left."""
        self._since += seconds
        self._began += seconds

    def add(self, loss: Tensor, images: int, *, due: bool) -> None:
        """Takes the part of the loss of the step that was just finished.

        Raises:
            SpecError: the loss is no number; names the step, its rate and samples.
        """
        run = self._run
        self._losses.append(loss)
        self._images += images * run.processes.ranks
        entry = run.state.step % run.spec.studio.log_every == 0 or run.state.step == run.steps
        if self._reads_each or due or entry:
            self._read()
        if entry:
            self._tell()

    def _read(self) -> None:
        run, count = self._run, len(self._losses)
        values = run.processes.summed(torch.stack(self._losses)) / run.processes.ranks
        first = run.state.step - count
        for number, value in enumerate(values.tolist()):
            if not math.isfinite(value):
                refuse_divergence(run, first + number, value)
            self._told.append(value)
        self._losses.clear()

    def _tell(self) -> None:
        run, now = self._run, time.monotonic()
        seconds, loss = max(1e-9, now - self._since), math.fsum(self._told) / len(self._told)
        speed, wait = self._images / seconds, min(1.0, self._feed.waited / seconds)
        rate = learning_rate(run.spec, run.state.step - 1, run.steps)
        per_step = (now - self._began) / max(1, run.state.step - self._first)
        left = (run.steps - run.state.step) * per_step
        run.journal.tell(
            "step", step=run.state.step, loss=loss, lr=rate, images_per_second=round(speed, 2),
            wait_share=round(wait, 4), eta=round(left, 1),
        )  # fmt: skip
        run.journal.plot({"train/loss": loss, "train/lr": rate}, run.state.step)
        run.journal.progress(run.state.step, run.steps, f"loss {loss:.3f}, {speed:.1f} images/s")
        for path, reason in self._feed.samples.lost():
            line = f"skipped {path}: {reason}"
            run.journal.tell("sample_skipped", path=str(path), reason=reason, lines=[line])
        self._told.clear()
        self._images, self._since, self._feed.waited = 0, now, 0.0


def refuse_divergence(run: Run, step: int, loss: float) -> None:
    """Ends a run whose loss is no number any more.

    Raises:
        SpecError: names the step (counted from 1), its learning rate and its samples.
    """
    rate, names = learning_rate(run.spec, step, run.steps), list(run.names(step))
    run.journal.tell("diverged", step=step + 1, loss=str(loss), lr=rate, samples=names)
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    clip = run.spec.studio.optim.gradient_clip
    raise SpecError(
        f"the loss is {loss} at step {step + 1} (learning rate {rate:.3g};"
        f" samples {', '.join(names[:SHOWN_NAMES])}{more})",
        hint=("lower train.optim.lr" if clip else "lower train.optim.lr, set studio.optim.gradient_clip to 1")
        + ", or look at these samples; the last checkpoint is from before",
    )

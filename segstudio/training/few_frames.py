"""Trains from the same start again and again on parts of one split: what a study of few frames repeats."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segstudio.inference.spec import network_size
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.metrics.pool_look import PoolLook
from segstudio.networks.segformer import SegFormer
from segstudio.training.checkpoint import seed_everything
from segstudio.training.data.plan import Plan
from segstudio.training.data.scan import FileFacts
from segstudio.training.data.sources import Loaded, Source
from segstudio.training.data.split import open_split
from segstudio.training.distributed import Processes, Seat, make_fabric
from segstudio.training.journal import Journal
from segstudio.training.losses import upsample
from segstudio.training.objective import Objective
from segstudio.training.optimisation import set_learning_rate, update_average
from segstudio.training.prepare import build_network, start
from segstudio.training.process import keep_freed_memory, limit_threads
from segstudio.training.run import Run
from segstudio.training.segment import make_segmenter, normalise, scoring_rule
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.step import Feed, training_step
from segstudio.training.validate import Validation

Rows = NDArray[np.int64]
LOOKED_AT_ONCE = 8


class Part:
    """Some samples of a source, as a source of their own."""

    labelled = True

    def __init__(self, whole: Source, rows: Rows) -> None:
        self._whole, self._rows = whole, rows
        self.title, self.weight = whole.title, whole.weight
        self.pixels, self.visits = whole.pixels[rows], whole.visits[rows]
        self.facts: Sequence[FileFacts] = [whole.facts[row] for row in rows]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._rows)

    def load(self, number: int) -> Loaded:
        """See `Source.load`."""
        return self._whole.load(int(self._rows[number]))

    def load_image(self, number: int) -> NDArray[np.uint8]:
        """See `Source.load_image`."""
        return self._whole.load_image(int(self._rows[number]))

    def name(self, number: int) -> str:
        """See `Source.name`."""
        return self._whole.name(int(self._rows[number]))

    def paths(self, number: int) -> tuple[Path | None, Path | None]:
        """See `Source.paths`."""
        return self._whole.paths(int(self._rows[number]))


class FewFrames:
    """One training split of which parts are trained on, and the validation samples that all are scored on.

    Args:
        spec: of every training; its seed and start weights apart, all that decides the result.
        context: progress and cancellation.

    Raises:
        SpecError: sources or settings that cannot be used.
        ModelError: start weights that cannot be loaded.
    """

    def __init__(self, spec: ExperimentSpec, context: JobContext) -> None:
        keep_freed_memory()
        limit_threads(spec.studio.threads)
        self._spec, self._context = spec, context
        self._split = open_split(spec, "train", context)
        self._validation = Validation(spec, context)
        self._fabric = make_fabric(spec, Seat())
        self._fabric.launch()

    @property
    def frames(self) -> tuple[Path, ...]:
        """The image of each frame of the training split."""
        paths = (self._source.paths(row)[0] for row in range(len(self._source)))
        return tuple(path for path in paths if path is not None)

    @property
    def pixels(self) -> NDArray[np.int64]:
        """int64 [N,K]: true pixels of each class in each frame."""
        return self._source.pixels

    @property
    def names(self) -> tuple[str, ...]:
        """The classes."""
        return tuple(self._split.palette.names)

    @property
    def _source(self) -> Source:
        return self._split.sources[0]

    def fit(self, rows: Rows, seed: int) -> nn.Module:
        """Trains on some frames for the spec's number of steps; equal arguments give equal networks.

        What it returns has the averaged weights and is what the other methods take.

        Raises:
            Cancelled: the context was cancelled.
        """
        run = self._run(rows, seed)
        feed = Feed(run)
        for batches in feed:
            self._context.check()
            set_learning_rate(run.state.optimiser, run.spec, run.state.step, run.steps)
            training_step(run, batches)
            run.state.step += 1
            decay = run.spec.studio.optim.ema_decay
            update_average(run.state.average, run.state.network, decay, run.state.step)
        run.scored.load_state_dict(run.state.average)
        return run.scored.eval()

    def score(self, fitted: Any) -> Counts:
        """Confusion counts int64 [K,K+1] over the validation samples."""
        return self._validation.tally(fitted, self._device, self._context.check).counts

    def ask(self, fitted: Any, rows: Rows) -> Counts:
        """Confusion counts int64 [K,K+1] over frames of the training split: what their truth teaches."""
        augmentation = self._spec.dataset.segment.augmentation
        device = self._device
        segmenter = make_segmenter(self._spec, fitted, device, augmentation.mean, augmentation.std)
        classes = self._split.palette.count
        total = np.zeros((classes, classes + 1), np.int64)
        for row in rows.tolist():
            self._context.check()
            image, truth = self._source.load(row)
            total += count_confusion(truth, segmenter.ids(image.copy()), classes)
        return total

    def look(self, fitted: Any, rows: Rows) -> PoolLook:
        """What the network says of frames whose truth is not known."""
        sizes = [(fact.height, fact.width) for fact in self._source.facts]
        parts = []
        with Looking(fitted) as looking:
            for several in groups_of(rows, sizes):
                self._context.check()
                parts.append(looking.at(self._prepared([self._source.load(row)[0] for row in several])))
        return PoolLook(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    @property
    def _device(self) -> torch.device:
        device: torch.device = self._fabric.device
        return device

    def _prepared(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Images of one size as the network sees them, float32 [n,3,h,w]."""
        rule, augmentation = scoring_rule(self._spec), self._spec.dataset.segment.augmentation
        size = network_size(rule, *images[0].shape[:2])
        shown = [upsample(torch.tensor(image).permute(2, 0, 1)[None].float() / 255, size) for image in images]
        pixels = torch.cat(shown).to(self._device)
        return normalise(pixels, augmentation.mean, augmentation.std)

    def _run(self, rows: Rows, seed: int) -> Run:
        spec = replace(self._spec, train=replace(self._spec.train, seed=seed))
        seed_everything(seed)
        train = replace(self._split, sources=(Part(self._source, rows),))
        network, _ = build_network(spec, self._split.palette.count)
        scored = copy.deepcopy(network).to(self._device)
        model, state = start(network, spec, self._fabric, Seat())
        steps = spec.studio.max_steps
        plan = Plan(train, spec, steps)
        objective = Objective(spec, plan.class_pixels(), self._device)
        journal = Journal(Path(), self._context, spec, silent=True)
        return Run(
            spec, Path(), self._fabric, Processes(Seat()), model, state, scored, train, plan,
            self._validation, objective, steps, steps, steps, journal, self._context,
        )  # fmt: skip


class Looking:
    """Runs a network and keeps what its classifier reads."""

    def __init__(self, network: SegFormer) -> None:
        self._network = network
        head = network.decode_head
        classifier = head.linear_pred if hasattr(head, "linear_pred") else head.conv_seg
        assert isinstance(classifier, nn.Module)
        self._hook = classifier.register_forward_pre_hook(self._keep)
        self._read: Tensor | None = None

    def __enter__(self) -> "Looking":
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _keep(self, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._read = inputs[0]

    @torch.inference_mode()
    def at(self, pixels: Tensor) -> tuple[NDArray[Any], ...]:
        """The columns of `PoolLook`, in order, of normalised images float32 [n,3,h,w]."""
        logits = self._network(pixels)
        assert self._read is not None
        return columns_of(logits, self._read)


def groups_of(rows: Rows, sizes: Sequence[object]) -> Iterator[list[int]]:
    """Rows in their order, cut where the size changes and after LOOKED_AT_ONCE of them."""
    for _, group in groupby(rows.tolist(), key=lambda row: sizes[row]):
        same = list(group)
        for first in range(0, len(same), LOOKED_AT_ONCE):
            yield same[first : first + LOOKED_AT_ONCE]


def columns_of(logits: Tensor, read: Tensor) -> tuple[NDArray[Any], ...]:
    """The columns of `PoolLook`, in order, of logits [n,K,h,w] and what the classifier read, [n,C,h,w]."""
    shares = logits.float().softmax(1)
    top, ids = shares.topk(2, dim=1)
    won = nn.functional.one_hot(ids[:, 0], shares.shape[1]).permute(0, 3, 1, 2).float()
    columns = (
        won.sum(dim=(2, 3)).long(), shares.mean(dim=(2, 3)), (won * (1 - top[:, :1])).mean(dim=(2, 3)),
        (top[:, 0] - top[:, 1]).mean(dim=(1, 2)), read.float().mean(dim=(2, 3)),
    )  # fmt: skip
    return tuple(column.cpu().numpy() for column in columns)

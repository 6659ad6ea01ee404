"""Refits a decode head alone on parts of one split: the backbone's maps are computed once and kept."""

import copy
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from segstudio.errors import ImageError, MaskError, ModelError
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.metrics.pool_look import PoolLook
from segstudio.networks.decode_head import LEVELS, DecodeHead, fuse_levels
from segstudio.training.checkpoint import seed_everything
from segstudio.training.data.classes import IGNORED
from segstudio.training.data.sources import Source
from segstudio.training.few_frames import FewFrames, columns_of, groups_of
from segstudio.training.losses import upsample
from segstudio.training.optimisation import learning_rate
from segstudio.training.prepare import build_network
from segstudio.training.segment import as_array, nearest, restored
from segstudio.training.spec.schema import ExperimentSpec

Rows = NDArray[np.int64]
# The backbone's maps [1,c_i,h_i,w_i] of a frame, as halves, and its truth uint8 [H,W].
Seen = tuple[list[Tensor], NDArray[np.uint8]]
# Cells of a frame that are learnt from: half of them anywhere, half from each of its classes alike.
CELLS = 320
# Cells a step.
BATCH = 1024


class HeadFrames(FewFrames):
    """As `FewFrames`, but the backbone stays as the start weights have it and the head alone learns.

    A frame is seen once, as at inference, without augmentation. The head learns from some of its cells (a
    cell is a pixel of the finest map); it answers for all of them.

    Args:
        spec: learning rates and steps; a start is needed.
        context: progress and cancellation.

    Raises:
        SpecError, ModelError: as `FewFrames`, or the network's head is not SegFormer's own.
    """

    def __init__(self, spec: ExperimentSpec, context: JobContext) -> None:
        super().__init__(spec, context)
        seed_everything(0)
        network, _ = build_network(spec, len(self.names))
        if not isinstance(network.decode_head, DecodeHead):
            raise ModelError(
                "the head of mmsegmentation's networks cannot be refitted alone", hint="use --trainer full"
            )
        self._backbone, self._head = network.backbone.eval().to(self._device), network.decode_head

    # What follows is made when it is first asked for: a study whose points are all kept asks for nothing.

    @cached_property
    def _seen(self) -> list[Seen]:
        return self._encoded(self._source, "frames")

    @cached_property
    def _judged(self) -> list[Seen]:
        sources = self._validation.split.sources
        return [seen for source in sources for seen in self._encoded(source, "validation frames")]

    @cached_property
    def _learnt_from(self) -> tuple[Tensor, Tensor]:
        """Cells, half [N,CELLS,sum c_i], and their classes int64 [N,CELLS]."""
        drawn = [self._cells(number) for number in range(len(self._seen))]
        return torch.stack([cells for cells, _ in drawn]), torch.stack([ids for _, ids in drawn])

    def fit(self, rows: Rows, seed: int) -> DecodeHead:
        """Refits the head on some frames for the spec's number of steps; equal arguments give equal heads.

        Raises:
            Cancelled: the context was cancelled.
        """
        spec, steps = self._spec, self._spec.studio.max_steps
        seed_everything(seed)
        head = copy.deepcopy(self._head).to(self._device).train()
        cells, classes = self._learnt_from
        inputs, targets = cells[rows].flatten(0, 1), classes[rows].flatten()
        optimiser = torch.optim.AdamW(head.parameters(), weight_decay=spec.train.optim.weight_decay)
        draw = torch.Generator().manual_seed(seed)
        for step in range(steps):
            self._context.check()
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(spec, step, steps) * spec.studio.optim.head_lr_factor
            chosen = torch.randint(len(targets), (BATCH,), generator=draw)
            loss = F.cross_entropy(
                answer(head, inputs[chosen].float()), targets[chosen], ignore_index=IGNORED
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch says no types of it
            optimiser.step()
        return head.eval()

    def score(self, fitted: Any) -> Counts:
        """See `FewFrames.score`."""
        return self._counted(fitted, self._judged)

    def ask(self, fitted: Any, rows: Rows) -> Counts:
        """See `FewFrames.ask`."""
        return self._counted(fitted, [self._seen[row] for row in rows.tolist()])

    @torch.inference_mode()
    def look(self, fitted: Any, rows: Rows) -> PoolLook:
        """See `FewFrames.look`."""
        weights, bias = fitted.projections()
        parts = []
        for several in groups_of(rows, [maps[0].shape for maps, _ in self._seen]):
            self._context.check()
            together = zip(*(self._seen[row][0] for row in several), strict=True)
            maps = [torch.cat(level).float() for level in together]
            read = F.relu(fitted.linear_fuse.bn(fuse_levels(maps, weights, bias)))
            parts.append(columns_of(fitted.linear_pred(read), read))
        return PoolLook(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    @torch.inference_mode()
    def _encoded(self, source: Source, title: str) -> list[Seen]:
        found = []
        for number in range(len(source)):
            self._context.check()
            self._context.progress(number, len(source), f"looking at {title}")
            try:
                image, truth = source.load(number)
            except (ImageError, MaskError) as error:
                raise type(error)(error.message, hint="the files changed: run the study again") from error
            maps = self._backbone(self._prepared([image]))
            found.append(([level.half() for level in maps], truth))
        return found

    @torch.inference_mode()
    def _counted(self, head: DecodeHead, seen: list[Seen]) -> Counts:
        palette = self._validation.palette
        total = np.zeros((palette.count, palette.count + 1), np.int64)
        for maps, truth in seen:
            self._context.check()
            logits = head([level.float() for level in maps])
            ids = as_array(restored(logits, truth.shape).argmax(1)[0])
            total += count_confusion(truth, ids, palette.count)
        return total

    @torch.inference_mode()
    def _cells(self, number: int) -> tuple[Tensor, Tensor]:
        """What the head reads in the cells of a frame that are learnt from, half [CELLS,sum c_i], and their
        classes int64 [CELLS].
        """
        maps, whole = self._seen[number]
        size = (maps[0].shape[2], maps[0].shape[3])
        truth = nearest(whole, size).ravel()
        chosen = draw_cells(truth, CELLS, number)
        levels = [upsample(level.float(), size)[0].flatten(1)[:, chosen].T for level in maps]
        return torch.cat(levels, 1).half(), torch.from_numpy(truth[chosen]).long().to(self._device)


def draw_cells(truth: NDArray[np.uint8], count: int, seed: int) -> Rows:
    """Cells of a truth uint8 [n]: half of `count` anywhere, half from each class that occurs alike.

    Cells without a truth are left out; where there is none with one, any are taken.
    """
    draw = np.random.default_rng(seed)
    known = np.flatnonzero(truth != IGNORED)
    if not known.size:
        return np.asarray(draw.integers(truth.size, size=count))
    anywhere = draw.choice(known, count // 2)
    classes = np.unique(truth[known])
    wanted = draw.choice(classes, count - len(anywhere))
    of_class = {value: np.flatnonzero(truth == value) for value in classes}
    alike = [int(draw.choice(of_class[value])) for value in wanted]
    return np.concatenate([anywhere, np.array(alike, np.int64)])


def answer(head: DecodeHead, cells: Tensor) -> Tensor:
    """Logits [n,K] of single cells [n,sum c_i]: the head's own arithmetic without the upsampling."""
    weights, bias = head.projections()
    assert len(weights) == LEVELS
    summed = F.linear(cells, torch.cat(weights, 1), bias)
    norm = head.linear_fuse.bn
    # BatchNorm counts over all but the second axis, and the classifier wants maps: one row of cells.
    read = head.dropout(F.relu(norm(summed.T[None, :, None])))
    logits: Tensor = head.linear_pred(read)
    return logits[0, :, 0].T

"""The queue of a project: facts that put its samples in an order, kept as they come, and saved filters."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import SegstudioError
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, quotient, scores
from segstudio.project.queue_store import QueueStore, SampleState, floats_of, pixels_of
from segstudio.project.sample import Changes, StoredPrediction
from segstudio.project.sample_facts import facts_of_mask, facts_of_prediction
from segstudio.project.sample_table import STATUSES, SampleTable

LOG = logging.getLogger(__name__)
Mask = NDArray[np.uint8]
PLACES = {status.value: place for place, status in enumerate(STATUSES)}
# What saved filters are about.
Source = Literal["mask", "prediction"]
SAMPLES, SEGMENTS = "samples", "segments"
# Confusion counts that are worked on at once.
STACK = 2000


@dataclass(frozen=True)
class Readers:
    """How the queue reads what it measures.

    Attributes:
        mask: a sample's mask uint8 [H,W] with its hash, (None, "") without one.
        predicted: the predicted ids uint8 [H,W], or None.
        prediction: the whole prediction, or None.
        masked: samples with a mask file.
        counts: confusion counts int64 [K,K+1] of a model by sample.
    """

    mask: Callable[[str], tuple[Mask | None, str]]
    predicted: Callable[[str], Mask | None]
    prediction: Callable[[str], StoredPrediction | None]
    masked: Callable[[], Iterable[str]]
    counts: Callable[[str], dict[str, Counts]]


class SampleQueue:
    """Measures masks and predictions when they are stored, and gives all samples as a table.

    `Project.queue` is one. What cannot be measured is logged and left to `fill`: no mask and no prediction
    is lost for the sake of its facts.
    """

    def __init__(self, store: QueueStore, palette: Palette, readers: Readers) -> None:
        self._store = store
        self._palette = palette
        self._readers = readers

    # -- facts --------------------------------------------------------------------------------------------

    def note_prediction(self, key: str, said: StoredPrediction) -> None:
        """Measures a prediction that was just stored."""
        with _tolerant(key):
            state = self._store.state(key)
            if state is not None:
                self._keep_prediction(key, said, state)

    def note_mask(self, key: str, mask: Mask, digest: str) -> None:
        """Measures a mask uint8 [H,W] that was just saved, by its hash."""
        with _tolerant(key):
            self._keep_mask(key, mask, digest)

    def follow_prediction(self, key: str) -> None:
        """Measures the mask of a sample again, if it has one: its prediction is another one now."""
        state = self._store.state(key)
        if state is not None and state.mask_hash:
            with _tolerant(key):
                self._measure_mask(key)

    def fill(self, context: JobContext) -> frozenset[str]:
        """Measures what was not measured yet; returns those samples. What cannot be read is passed over.

        Raises:
            Cancelled: what was measured until then is kept.
        """
        name = self._palette.name
        predicted = self._store.without_prediction_facts(name)
        masked = self._store.without_mask_facts(name, list(self._readers.masked()))
        work = [(key, self._measure_prediction) for key in predicted]
        work += [(key, self._measure_mask) for key in masked]
        done = set()
        for number, (key, measure) in enumerate(work):
            context.check()
            context.progress(number, len(work), f"{number:,} of {len(work):,}")
            with _tolerant(key):
                if measure(key):
                    done.add(key)
        return frozenset(done)

    def _measure_prediction(self, key: str) -> bool:
        state, said = self._store.state(key), self._readers.prediction(key)
        return state is not None and said is not None and self._keep_prediction(key, said, state)

    def _measure_mask(self, key: str) -> bool:
        mask, digest = self._readers.mask(key)
        return mask is not None and self._keep_mask(key, mask, digest)

    def _keep_prediction(self, key: str, said: StoredPrediction, state: SampleState) -> bool:
        facts = facts_of_prediction(said, self._palette.count)
        return self._store.set_prediction_facts(key, self._palette.name, said.model, facts, state)

    def _keep_mask(self, key: str, mask: Mask, digest: str) -> bool:
        state = self._store.state(key)
        if state is None:
            return False
        predicted = self._readers.predicted(key) if state.predicted_at is not None else None
        facts = facts_of_mask(mask, predicted, self._palette.count)
        measured = SampleState(digest, state.predicted_at)
        return self._store.set_mask_facts(key, self._palette.name, facts, measured)

    def set_quality(self, quality: Mapping[str, float], *, initiator: str = "") -> Changes:
        """Keeps how good predictions are thought to be, 0-1, by sample; each lasts as long as its prediction.

        Samples whose prediction was not measured yet are left out.
        """
        return Changes(scores=self._store.set_quality(self._palette.name, quality), initiator=initiator)

    def ids(self, key: str, source: Source) -> Mask | None:
        """Class ids uint8 [H,W] of a sample's mask or prediction; None without.

        Raises:
            MaskError: the mask cannot be read.
        """
        return self._readers.mask(key)[0] if source == "mask" else self._readers.predicted(key)

    def set_suspects(self, scores: Mapping[str, float], *, initiator: str = "") -> Changes:
        """Keeps how suspect masks are, 0-1, by sample; each lasts as long as its mask and prediction.

        Samples whose mask was not measured yet are left out.
        """
        return Changes(scores=self._store.set_suspects(self._palette.name, scores), initiator=initiator)

    # -- the table ----------------------------------------------------------------------------------------

    def table(self, model: str = "") -> SampleTable:
        """All samples with what is known of them; `iou` is that of a model that was evaluated."""
        classes = self._palette.count
        (
            keys, status, split, assignee, note, width, height, changed_at,
            predicted, confidence, margin, unsure, quality, masked, differing, suspect,
        ) = self._store.columns(self._palette.name)  # fmt: skip
        mask_pixels, has_mask = pixels_of(masked, classes)
        predicted_pixels, has_prediction = pixels_of(predicted, classes)
        iou, class_iou = self._scores(keys, model)
        comments = self._store.open_comments()
        return SampleTable(
            names=self._palette.names,
            keys=tuple(keys),
            status=np.array([PLACES[value] for value in status], np.uint8),
            split=tuple(split),
            assignee=tuple(assignee),
            note=tuple(note),
            width=np.array(width, np.int32),
            height=np.array(height, np.int32),
            changed_at=np.array(changed_at, np.float64),
            has_mask=has_mask,
            has_prediction=has_prediction,
            mask_pixels=mask_pixels,
            predicted_pixels=predicted_pixels,
            confidence=floats_of(confidence),
            margin=floats_of(margin),
            unsure=floats_of(unsure),
            quality=floats_of(quality),
            differing=floats_of(differing),
            suspect=floats_of(suspect),
            comments=np.array([comments.get(key, 0) for key in keys], np.int32),
            iou=iou,
            class_iou=class_iou,
        )

    def _scores(self, keys: Sequence[str], model: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Mean IoU float32 [N] of each sample, and IoU float64 [K] over all; NaN where nothing is known."""
        counts = self._readers.counts(model) if model else {}
        iou = np.full(len(keys), np.nan, np.float32)
        total = np.zeros((self._palette.count, self._palette.count + 1), np.int64)
        known = [(place, counts[key]) for place, key in enumerate(keys) if key in counts]
        for start in range(0, len(known), STACK):
            places, matrices = zip(*known[start : start + STACK], strict=True)
            stack = np.stack(matrices)
            iou[list(places)] = mean_iou(stack)
            total += stack.sum(axis=0)
        return iou, scores(total).iou

    # -- saved filters ------------------------------------------------------------------------------------

    def filters(self, about: str) -> dict[str, str]:
        """The saved queries about "samples" or "segments", by name."""
        return self._store.filters(about)

    def save_filter(self, about: str, name: str, query: str) -> Changes:
        """Keeps a query under a name, in place of an older one of that name."""
        self._store.save_filter(about, name, query)
        return Changes(reviews=frozenset({""}))

    def delete_filter(self, about: str, name: str) -> Changes:
        """Forgets a saved query, if there is one of that name."""
        self._store.delete_filter(about, name)
        return Changes(reviews=frozenset({""}))


def mean_iou(counts: Counts) -> NDArray[np.float64]:
    """float64 [n]: the mean IoU of confusion counts [n,K,K+1], each over the classes that occur; else NaN."""
    hits = np.diagonal(counts, axis1=1, axis2=2)
    either = counts.sum(axis=2) + counts[:, :, :-1].sum(axis=1) - hits
    iou = quotient(hits, either)
    occurs = ~np.isnan(iou)
    return quotient(np.where(occurs, iou, 0).sum(axis=1), occurs.sum(axis=1).astype(np.float64))


@contextmanager
def _tolerant(key: str) -> Iterator[None]:
    try:
        yield
    except SegstudioError as error:
        LOG.warning("%s is not measured: %s", key, error.message)

"""Finds error segments that look alike to the model: by its own features, averaged over each segment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, InputError, MaskError
from segstudio.images import read_image
from segstudio.jobs import JobContext
from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.segments import Kind
from segstudio.project.project import Project

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
# Smaller ones have less than a few cells of the features, and slack along borders is alike everywhere.
LEAST_AREA = 64
# Images that are looked at: each takes as long as a prediction.
MOST_IMAGES = 120


class Looking(Protocol):
    """What sees features in an image; see `FeatureSegmenter.look`."""

    def look(self, image: Pixels) -> tuple[Floats, Floats]:
        """Shares of classes float32 [K,h,w] and features float32 [C,h,w]."""
        ...


@dataclass(frozen=True)
class SimilarSegment:
    """A segment that looks alike: its row, and how much, from -1 to 1 (the cosine of mean features)."""

    number: int
    likeness: float


def similar_segments(
    project: Project,
    looking: Looking,
    lookup: Pixels,
    table: SegmentTable,
    number: int,
    context: JobContext | None = None,
    *,
    most_images: int = MOST_IMAGES,
) -> list[SimilarSegment]:
    """Segments that look like one, the most alike first; images with the same mistake are looked at first.

    Args:
        project: whose samples.
        looking: the model's features.
        lookup: uint8 [256], the project's id for every id of the model.
        table: the segments of an evaluation.
        number: the one that others are compared with.
        context: progress and cancellation.
        most_images: how many images are looked at.

    Raises:
        InputError: the segment's own image or mask cannot be read.
        Cancelled: between two images.
    """
    context = context or JobContext()
    own = int(table.sample[number])
    try:
        vectors, centre = _vectors(project, looking, lookup, table, np.array([number]), own)
    except (ImageError, MaskError) as error:
        raise InputError(error.message, hint="choose another region") from error
    wanted = _unit(vectors[0] - centre)
    found: list[SimilarSegment] = []
    images = _images(table, number, most_images)
    for place, (sample, rows) in enumerate(images):
        context.check()
        context.progress(place, len(images), table.samples[sample])
        try:
            vectors, _ = _vectors(project, looking, lookup, table, rows, sample)
        except (ImageError, MaskError):
            # A sample that is gone has nothing to show.
            continue
        likeness = _unit(vectors - centre) @ wanted
        found += [SimilarSegment(int(row), float(value)) for row, value in zip(rows, likeness, strict=True)]
    return sorted(found, key=lambda entry: (-entry.likeness, entry.number))


def _images(table: SegmentTable, number: int, most: int) -> Sequence[tuple[int, NDArray[np.int64]]]:
    """The samples to look at with the rows of their candidates; those with the same pair of classes first."""
    rows = table.rows
    fits = (rows.area >= LEAST_AREA) & (rows.kind != Kind.EDGE_SLACK)
    fits[number] = False
    same_truth, same_said = rows.truth == rows.truth[number], rows.predicted == rows.predicted[number]
    closeness = np.where(same_truth & same_said, 4, np.where(same_truth, 2, np.where(same_said, 1, 0)))
    totals = np.bincount(table.sample[fits], closeness[fits], minlength=len(table.samples))
    order = np.argsort(-totals, kind="stable")[:most]
    begins = np.searchsorted(table.sample, np.arange(len(table.samples) + 1))
    images = []
    for sample in order:
        if totals[sample] > 0:
            stretch = np.arange(begins[sample], begins[sample + 1])
            images.append((int(sample), stretch[fits[stretch] & (closeness[stretch] > 0)]))
    return images


def _vectors(
    project: Project,
    looking: Looking,
    lookup: Pixels,
    table: SegmentTable,
    rows: NDArray[np.int64],
    sample: int,
) -> tuple[Floats, Floats]:
    """Mean features [n,C] of segments of one sample, and of the whole image [C].

    Raises:
        ImageError, MaskError: the image or the mask cannot be read.
    """
    key = table.samples[sample]
    mask, _ = project.look_at_mask(key)
    if mask is None:
        raise MaskError(f"{key} has no mask any more", hint="evaluate again")
    shares, features = looking.look(read_image(project.sample(key).image))
    height, width = shares.shape[1:]
    said = lookup[shares.argmax(axis=0).astype(np.uint8)]
    down = (np.arange(height) * 2 + 1) * mask.shape[0] // (2 * height)
    across = (np.arange(width) * 2 + 1) * mask.shape[1] // (2 * width)
    truth = mask[down][:, across]
    scale = np.array([width / mask.shape[1], height / mask.shape[0]] * 2)
    vectors = np.empty((len(rows), len(features)), np.float32)
    for place, row in enumerate(rows):
        x, y, wide, tall = np.round(table.rows.box[row] * scale).astype(int)
        part = (slice(min(y, height - 1), y + max(tall, 1)), slice(min(x, width - 1), x + max(wide, 1)))
        inside = (truth[part] == table.rows.truth[row]) & (said[part] == table.rows.predicted[row])
        cells = features[:, part[0], part[1]]
        # Thin segments may fall between the cells: then their box stands for them.
        vectors[place] = cells[:, inside].mean(axis=1) if inside.any() else cells.mean(axis=(1, 2))
    return vectors, features.mean(axis=(1, 2))


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = vectors / np.maximum(lengths, 1e-12)
    return unit

"""Everything that an evaluation measures of one sample, as arrays, and as the bytes that a database keeps."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.boundary import count_boundary
from segstudio.metrics.calibration import BINS, count_calibration
from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.metrics.error_scene import Scene
from segstudio.metrics.segments import CutOffs, Kind, Segments, measure
from segstudio.metrics.true_regions import TrueRegions, true_regions

Mask = NDArray[np.uint8]
USUAL = CutOffs()
# Smaller segments have no row; the ledger counts them.
SMALLEST = 4
SEGMENT = np.dtype(
    [
        ("kind", "u1"), ("truth", "u1"), ("predicted", "u1"), ("at_border", "?"), ("beside_ignore", "?"),
        ("beside", "u1"), ("area", "<i4"), ("box", "<i4", (4,)), ("centre", "<f4", (2,)), ("share", "<f4"),
        ("hit", "<f4"), ("edge_mean", "<f4"), ("edge_max", "<f4"), ("confidence", "<f4"), ("margin", "<f4"),
    ]
)  # fmt: skip
REGION = np.dtype([("truth", "u1"), ("called", "u1"), ("area", "<i4"), ("box", "<i4", (4,)), ("hit", "<f4")])


@dataclass(frozen=True, eq=False)
class SampleEvaluation:
    """What was measured of one sample with K classes.

    Attributes:
        confusion: int64 [K,K+1], see `count_confusion`.
        segments: where the prediction is wrong.
        regions: what became of the regions of the truth.
        boundary: int64 [K,3], see `count_boundary`.
        calibration: int64 [K,15,3], see `count_calibration`; zeros without a confidence.
    """

    confusion: Counts
    segments: Segments
    regions: TrueRegions
    boundary: Counts
    calibration: Counts


def evaluate_sample(
    truth: Mask,
    predicted: Mask,
    classes: int,
    ignore: int = 255,
    *,
    confidence: Mask | None = None,
    margin: Mask | None = None,
    cut_offs: CutOffs = USUAL,
) -> SampleEvaluation:
    """Measures a prediction uint8 [H,W] against the truth; see `segments.extract` for the arguments.

    Raises:
        ValueError: the shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction is {predicted.shape}")
    scene = Scene.of(truth, predicted, classes, ignore)
    sure = np.zeros((classes, BINS, 3), np.int64)
    if confidence is not None:
        sure = count_calibration(truth, predicted, confidence, classes, ignore)
    return SampleEvaluation(
        confusion=count_confusion(truth, predicted, classes, ignore),
        segments=measure(scene, confidence, margin, SMALLEST, cut_offs),
        regions=true_regions(scene),
        boundary=count_boundary(truth, predicted, classes, ignore),
        calibration=sure,
    )


@dataclass(frozen=True, eq=False)
class Sums:
    """What can be added over samples beside the confusion: int64 [K,7,2], [K,3] and [K,15,3]."""

    ledger: Counts
    boundary: Counts
    calibration: Counts

    @classmethod
    def zero(cls, classes: int) -> "Sums":
        """Nothing, to be added to."""
        return cls(*(np.zeros(shape, np.int64) for shape in _shapes(classes)))

    @classmethod
    def unpack(cls, content: bytes, classes: int) -> "Sums":
        """The sums that `sum_bytes` wrote."""
        flat = np.frombuffer(content, np.int64)
        shapes = _shapes(classes)
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = np.split(flat, ends[:-1])
        return cls(*(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)))


def _shapes(classes: int) -> tuple[tuple[int, ...], ...]:
    return (classes, len(Kind), 2), (classes, 3), (classes, BINS, 3)


def sum_bytes(found: SampleEvaluation) -> bytes:
    """The sums of a sample as bytes of one length for K classes."""
    parts = (found.segments.ledger, found.boundary, found.calibration)
    return np.concatenate([np.ascontiguousarray(part, np.int64).ravel() for part in parts]).tobytes()


def segment_bytes(segments: Segments) -> bytes:
    """The rows of segments, one after the other; those of several samples may be joined."""
    rows = np.empty(segments.count, SEGMENT)
    for name in SEGMENT.names or ():
        rows[name] = getattr(segments, name)
    return rows.tobytes()


def unpack_segments(content: bytes, ledger: Counts) -> Segments:
    """The segments that `segment_bytes` wrote; `ledger` int64 [K,7,2] is kept apart."""
    rows = np.frombuffer(content, SEGMENT)
    columns = {name: np.ascontiguousarray(rows[name]) for name in SEGMENT.names or ()}
    return Segments(**columns, ledger=ledger)


def region_bytes(regions: TrueRegions) -> bytes:
    """The rows of true regions, one after the other; those of several samples may be joined."""
    rows = np.empty(regions.count, REGION)
    for field in fields(TrueRegions):
        rows[field.name] = getattr(regions, field.name)
    return rows.tobytes()


def unpack_regions(content: bytes) -> TrueRegions:
    """The true regions that `region_bytes` wrote."""
    rows = np.frombuffer(content, REGION)
    return TrueRegions(**{name: np.ascontiguousarray(rows[name]) for name in REGION.names or ()})

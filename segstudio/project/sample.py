"""What a project tells about its samples, and what a change of it says about itself."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class SampleStatus(Enum):
    """How far a sample's mask has come."""

    UNLABELLED = "unlabelled"
    PREDICTED = "predicted"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Sample:
    """An image with its mask, status, split and note; width and height are 0 until the image was read once.

    `key` is the image's path below the images folder, with `/` and without suffix; where two images differ in
    suffix alone, it keeps the suffix. Once given, a key stays. `assignee` is who labels it, `reviewer` who
    reviews or reviewed it ("" for nobody), `reason` why it was rejected, until it is accepted.
    """

    key: str
    # A Path costs 5 µs to make: a list of 100,000 samples would take a second longer with two in each.
    image_file: str
    mask_file: str
    status: SampleStatus = SampleStatus.UNLABELLED
    split: str = ""
    note: str = ""
    width: int = 0
    height: int = 0
    assignee: str = ""
    reviewer: str = ""
    reason: str = ""

    @property
    def image(self) -> Path:
        """The image file."""
        return Path(self.image_file)

    @property
    def mask(self) -> Path:
        """Where the mask is, or will be once it is saved."""
        return Path(self.mask_file)


@dataclass(frozen=True)
class StoredPrediction:
    """What a model said about a sample; planes are uint8 [H,W].

    Attributes:
        ids: the best class.
        confidence: its probability times 255.
        model: the model's name.
        second: the second-best class, 255 where there is none; None where it was not kept.
        margin: by how much the best one's probability is larger, times 255, in 16 steps; likewise.
    """

    ids: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    model: str
    second: NDArray[np.uint8] | None = None
    margin: NDArray[np.uint8] | None = None

    @property
    def planes(self) -> tuple[NDArray[np.uint8], ...]:
        """All planes that there are."""
        found = (self.ids, self.confidence, self.second, self.margin)
        return tuple(plane for plane in found if plane is not None)


NO_KEYS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Changes:
    """What one mutation of a project moved, by sample keys, and who did it.

    `reviews` are comments, verdicts and assignments; `model` says that the project uses another model now.
    """

    samples: frozenset[str] = NO_KEYS
    masks: frozenset[str] = NO_KEYS
    predictions: frozenset[str] = NO_KEYS
    statuses: frozenset[str] = NO_KEYS
    scores: frozenset[str] = NO_KEYS
    reviews: frozenset[str] = NO_KEYS
    initiator: str = ""
    model: bool = False

    def __or__(self, other: "Changes") -> "Changes":
        """Both together; the first one's initiator stays."""
        return Changes(
            self.samples | other.samples,
            self.masks | other.masks,
            self.predictions | other.predictions,
            self.statuses | other.statuses,
            self.scores | other.scores,
            self.reviews | other.reviews,
            self.initiator or other.initiator,
            self.model or other.model,
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing moved."""
        moved = (self.samples, self.masks, self.predictions, self.statuses, self.scores, self.reviews)
        return not (any(moved) or self.model)


@dataclass(frozen=True)
class SpeedRecord:
    """One measured throughput: milliseconds per image, percentiles and stages, on one device.

    `when` is an ISO time in UTC; a record without one gets the time of its recording.
    """

    model: str
    backend: str
    device: str
    width: int
    height: int
    images: int
    fps: float
    p50: float
    p95: float
    p99: float
    stages: dict[str, float] = field(default_factory=dict)
    when: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A model that was compared with masks: how many samples have counts, and when the last one came."""

    model: str
    samples: int
    when: str


@dataclass(frozen=True, slots=True)
class SampleMark:
    """What is known of a sample's last change; `at` in seconds since 1970, 0 for one that nobody changed."""

    key: str
    status: SampleStatus
    split: str
    author: str
    at: float


@dataclass(frozen=True)
class ProjectInfo:
    """A project in numbers; `missing` are samples whose image is not there at present."""

    root: Path
    palette: str
    samples: int
    by_status: dict[str, int]
    by_split: dict[str, int]
    predictions: int
    evaluated_models: tuple[str, ...]
    warnings: tuple[str, ...]
    images: Path = field(default_factory=Path)
    masks: Path = field(default_factory=Path)
    missing: int = 0

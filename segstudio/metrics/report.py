"""Every score of an evaluation, for machines as JSON and for people as tables."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.bootstrap import Intervals, bootstrap_intervals
from segstudio.metrics.cityscapes import CityscapesScores, cityscapes_scores
from segstudio.metrics.confusion import Counts, mean, quotient, scores
from segstudio.metrics.evaluation import Evaluation
from segstudio.metrics.fine_grained import WORST_PERCENT, FineGrained, fine_grained, image_ious
from segstudio.metrics.groups import group_ious
from segstudio.metrics.tables import ABSENT, counted, interval_text, percent, text_table

Interval = tuple[float, float]

BOOTSTRAP = 1000
SHOWN_WORST = 10


@dataclass(frozen=True)
class ClassReport:
    """One class: fractions 0-1, NaN where undefined.

    Attributes:
        name: of the class.
        iou, acc, precision, f1: as in Scores; recall is acc.
        boundary_iou: IoU of the boundary bands; NaN for a class without outlines.
        interval: 95 % bootstrap interval of IoU, None if there is none.
        images: how many images have the class in their truth.
        regions: its 4-connected components in the truth.
        pixels: its pixels in the truth.
    """

    name: str
    iou: float
    acc: float
    precision: float
    f1: float
    boundary_iou: float
    interval: Interval | None
    images: int
    regions: int
    pixels: int

    @property
    def absent(self) -> bool:
        """Whether the class occurs neither in the truth nor in the predictions: it has no scores."""
        return math.isnan(self.iou)


@dataclass(frozen=True)
class ImageReport:
    """One image: its name, mean IoU over the classes of its truth, and share of right pixels."""

    name: str
    miou: float
    aacc: float


@dataclass(frozen=True, eq=False)
class Report:
    """Every score of an evaluation: fractions 0-1, NaN where undefined.

    Attributes:
        palette: name of the palette.
        images: how many images.
        miou, macc, aacc, mf1, mprecision: means over the classes that occur; mean recall is macc.
        miou_interval: 95 % bootstrap interval, None if there is none.
        boundary_miou: mean boundary IoU over the classes that have outlines.
        boundary_share: half width of the boundary bands, as a share of the diagonal.
        bootstrap: number of resamples behind the intervals.
        classes: the classes in order of their ids.
        groups: IoU of every group of the palette.
        fine_grained: mIoU by image and by class.
        cityscapes: the official scores, None for other classes.
        confusion: int64 [K, K+1] of all images.
        worst_images: those of lowest mean IoU, the worst first.
    """

    palette: str
    images: int
    miou: float
    macc: float
    aacc: float
    mf1: float
    mprecision: float
    miou_interval: Interval | None
    boundary_miou: float
    boundary_share: float
    bootstrap: int
    classes: tuple[ClassReport, ...]
    groups: dict[str, float]
    fine_grained: FineGrained
    cityscapes: CityscapesScores | None
    confusion: Counts
    worst_images: tuple[ImageReport, ...]

    @property
    def mrecall(self) -> float:
        """Mean recall, which is the mean accuracy by another name."""
        return self.macc

    def to_json(self) -> dict[str, Any]:
        """Plain values for json.dumps: fractions 0-1, None for what is undefined."""
        plain = _plain(
            {
                "palette": self.palette,
                "images": self.images,
                "miou": self.miou,
                "miou_interval": self.miou_interval,
                "macc": self.macc,
                "aacc": self.aacc,
                "mf1": self.mf1,
                "mprecision": self.mprecision,
                "mrecall": self.mrecall,
                "boundary_miou": self.boundary_miou,
                "boundary_share": self.boundary_share,
                "bootstrap": self.bootstrap,
                "per_class": {found.name: _class_values(found) for found in self.classes},
                "groups": self.groups,
                "fine_grained": {**asdict(self.fine_grained), "worst_percent": WORST_PERCENT},
                "cityscapes": asdict(self.cityscapes) if self.cityscapes else None,
                "confusion": self.confusion.tolist(),
                "worst_images": [asdict(found) for found in self.worst_images],
            }
        )
        assert isinstance(plain, dict)
        return plain

    def tables(self) -> str:
        """TAO's two tables in percent, then support and intervals, then the other means."""
        by_class = text_table(
            ["Class", "IoU", "Acc"],
            [[found.name, percent(found.iou), percent(found.acc)] for found in self.classes],
        )
        overall = text_table(
            ["Scope", "mIoU", "mAcc", "aAcc"],
            [["global", percent(self.miou), percent(self.macc), percent(self.aacc)]],
        )
        support = text_table(
            ["Class", "IoU [95 %]", "Precision", "F1", "Boundary IoU", "Regions", "Pixels"],
            [_support_row(found) for found in self.classes],
        )
        means = text_table(["Score", "Percent"], _mean_rows(self))
        return "\n\n".join([by_class, overall, support, means])


def report(evaluation: Evaluation, *, bootstrap: int = BOOTSTRAP, seed: int = 0) -> Report:
    """Every score that follows from the counts of an evaluation.

    Args:
        evaluation: counts of every image.
        bootstrap: resamples for the intervals; 0: no intervals.
        seed: of the resamples.
    """
    total = evaluation.confusion.sum(axis=0)
    found = scores(total)
    intervals = bootstrap_intervals(evaluation.confusion, bootstrap, seed)
    boundary = _boundary_ious(evaluation.boundary.sum(axis=0))
    return Report(
        palette=evaluation.palette,
        images=len(evaluation.image_names),
        miou=found.miou,
        macc=found.macc,
        aacc=found.aacc,
        mf1=found.mf1,
        mprecision=found.mprecision,
        miou_interval=_interval(intervals.miou),
        boundary_miou=mean(boundary),
        boundary_share=evaluation.boundary_share,
        bootstrap=bootstrap,
        classes=_class_reports(evaluation, boundary, intervals),
        groups=group_ious(total, evaluation.groups),
        fine_grained=fine_grained(evaluation.confusion),
        cityscapes=cityscapes_scores(evaluation),
        confusion=total,
        worst_images=worst_images(evaluation),
    )


def worst_images(evaluation: Evaluation, count: int = SHOWN_WORST) -> tuple[ImageReport, ...]:
    """The images of lowest mean IoU over the classes of their truth; images without truth are left out."""
    ious = image_ious(evaluation.confusion)
    rows = [
        ImageReport(name, mean(ious[row]), scores(evaluation.confusion[row]).aacc)
        for row, name in enumerate(evaluation.image_names)
    ]
    return tuple(
        sorted((row for row in rows if not math.isnan(row.miou)), key=lambda row: (row.miou, row.name))[
            :count
        ]
    )


def _class_reports(
    evaluation: Evaluation, boundary: NDArray[np.float64], intervals: Intervals
) -> tuple[ClassReport, ...]:
    found = scores(evaluation.confusion.sum(axis=0))
    images = np.count_nonzero(evaluation.confusion.sum(axis=2), axis=0)
    regions = evaluation.regions.sum(axis=0)
    return tuple(
        ClassReport(
            name=name,
            iou=float(found.iou[number]),
            acc=float(found.acc[number]),
            precision=float(found.precision[number]),
            f1=float(found.f1[number]),
            boundary_iou=float(boundary[number]),
            interval=_interval(intervals.iou[number]),
            images=int(images[number]),
            regions=int(regions[number]),
            pixels=int(found.support_pixels[number]),
        )
        for number, name in enumerate(evaluation.class_names)
    )


def _boundary_ious(bands: Counts) -> NDArray[np.float64]:
    both, truth, predicted = bands.T
    return quotient(both, truth + predicted - both)


def _interval(bounds: NDArray[np.float64]) -> Interval | None:
    low, high = float(bounds[0]), float(bounds[1])
    return None if math.isnan(low) else (low, high)


def _class_values(found: ClassReport) -> dict[str, Any]:
    values = asdict(found)
    del values["name"]
    return {**values, "recall": found.acc, "absent": found.absent}


def _support_row(found: ClassReport) -> list[str]:
    iou = ABSENT
    if not found.absent:
        parts = [percent(found.iou), interval_text(found.interval)]
        iou = f"{' '.join(filter(None, parts))}, {counted(found.images, 'image')}"
    return [
        found.name,
        iou,
        percent(found.precision),
        percent(found.f1),
        percent(found.boundary_iou),
        str(found.regions),
        str(found.pixels),
    ]


def _mean_rows(found: Report) -> list[list[str]]:
    fine = found.fine_grained
    values = {
        "mIoU": f"{percent(found.miou)} {interval_text(found.miou_interval)}".strip(),
        "mF1": percent(found.mf1),
        "mean precision": percent(found.mprecision),
        "mean boundary IoU": percent(found.boundary_miou),
        "mIoU by image": percent(fine.i),
        "mIoU by class": percent(fine.c),
        f"mIoU by image, worst {WORST_PERCENT} %": percent(fine.i_worst),
        f"mIoU by class, worst {WORST_PERCENT} %": percent(fine.c_worst),
    }
    if found.cityscapes:
        official = found.cityscapes
        values["Cityscapes mIoU"] = percent(official.miou)
        values["Cityscapes category mIoU"] = percent(official.category_miou)
        if official.iiou is not None:
            values["Cityscapes iIoU"] = percent(official.iiou)
            values["Cityscapes category iIoU"] = percent(official.category_iiou)
    values |= {f"group {name}": percent(iou) for name, iou in found.groups.items()}
    return [[name, value] for name, value in values.items()]


def _plain(value: Any) -> Any:
    """The value with None for NaN, and lists for tuples, all the way down."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value

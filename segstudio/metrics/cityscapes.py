"""Cityscapes' official rules: 19 of 34 classes count, 7 categories, and iIoU from instances.

The rules are those of evalPixelLevelSemanticLabeling in mcordts/cityscapesScripts: pixels whose truth is not
evaluated count for nobody; predicting a class that is not evaluated is a miss like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.errors import MaskError
from segstudio.metrics.confusion import Counts, mean, scores
from segstudio.metrics.evaluation import Evaluation
from segstudio.metrics.groups import group_ious
from segstudio.metrics.instances import InstanceRules

# Evaluated class: its id in *_labelIds.png and its category.
EVALUATED: dict[str, tuple[int, str]] = {
    "road": (7, "flat"),
    "sidewalk": (8, "flat"),
    "building": (11, "construction"),
    "wall": (12, "construction"),
    "fence": (13, "construction"),
    "pole": (17, "object"),
    "traffic light": (19, "object"),
    "traffic sign": (20, "object"),
    "vegetation": (21, "nature"),
    "terrain": (22, "nature"),
    "sky": (23, "sky"),
    "person": (24, "human"),
    "rider": (25, "human"),
    "car": (26, "vehicle"),
    "truck": (27, "vehicle"),
    "bus": (28, "vehicle"),
    "train": (31, "vehicle"),
    "motorcycle": (32, "vehicle"),
    "bicycle": (33, "vehicle"),
}
# Not evaluated, yet predicting one of them on a vehicle is no mistake among vehicles for category iIoU.
OTHER_VEHICLES = ("caravan", "trailer")
# Mean pixels of an instance in the training set, in the script's own digits.
MEAN_SIZES = {
    "person": 3462.4756337644,
    "rider": 3930.4788056518,
    "car": 12794.0202738185,
    "truck": 27855.1264367816,
    "bus": 35732.1511111111,
    "train": 67583.7075812274,
    "motorcycle": 6298.7200839748,
    "bicycle": 4672.3249222261,
}
INSTANCE_CATEGORIES = ("human", "vehicle")


@dataclass(frozen=True)
class CityscapesScores:
    """Scores under the official rules, fractions 0-1; NaN where a class never occurs.

    Attributes:
        miou: mean over the 19 classes.
        category_miou: mean over the 7 categories.
        category_iou: by category.
        iiou: mean over the 8 classes with instances; None unless every image came with its instances, as
            are the three below.
        category_iiou: mean over human and vehicle.
        class_iious: by class.
        category_iious: by category.
    """

    miou: float
    category_miou: float
    category_iou: dict[str, float]
    iiou: float | None = None
    category_iiou: float | None = None
    class_iious: dict[str, float] | None = None
    category_iious: dict[str, float] | None = None


def instance_rules(class_names: Sequence[str]) -> InstanceRules | None:
    """How instances count for classes of these names; None unless all 19 are among them."""
    place = _places(class_names)
    if place is None:
        return None
    groups = [""] * len(class_names)
    for name, (_, category) in EVALUATED.items():
        groups[place[name]] = category
    for name in OTHER_VEHICLES:
        if name in place:
            groups[place[name]] = "vehicle"
    return InstanceRules(
        class_of={EVALUATED[name][0]: place[name] for name in MEAN_SIZES},
        mean_sizes={place[name]: size for name, size in MEAN_SIZES.items()},
        groups=tuple(groups),
    )


def instances_beside(mask: Path) -> NDArray[np.int32] | None:
    """The instance map that Cityscapes stores beside a mask; None for other masks, or where there is none.

    Args:
        mask: *_labelIds.png or *_labelTrainIds.png; the map is *_instanceIds.png.

    Returns:
        int32 [H,W], label id * 1000 + number for instances, the label id alone elsewhere.

    Raises:
        MaskError: the map cannot be read or is no grey image.
    """
    for ending in ("_labelIds", "_labelTrainIds"):
        if mask.stem.endswith(ending):
            path = mask.with_name(f"{mask.stem.removesuffix(ending)}_instanceIds.png")
            break
    else:
        return None
    if not path.is_file():
        return None
    found = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.ndim != 2:
        raise MaskError(f"{path} is no readable instance map", hint="it should be a grey 16-bit PNG")
    return found.astype(np.int32)


def cityscapes_scores(evaluation: Evaluation) -> CityscapesScores | None:
    """The official scores; None unless all 19 classes are among those of the evaluation."""
    place = _places(evaluation.class_names)
    if place is None:
        return None
    total = evaluation.confusion.sum(axis=0)
    counts = _evaluated_counts(total, place)
    categories = group_ious(counts, [category for _, category in EVALUATED.values()])
    means = scores(counts).miou, mean(np.array(list(categories.values())))
    weighted = evaluation.instances.sum(axis=0)
    if not evaluation.image_names or np.isnan(weighted).any():
        return CityscapesScores(*means, categories)
    classes = _class_iious(counts, weighted, place)
    grouped = _category_iious(total, weighted, place)
    return CityscapesScores(
        *means,
        categories,
        iiou=mean(np.array(list(classes.values()))),
        category_iiou=mean(np.array(list(grouped.values()))),
        class_iious=classes,
        category_iious=grouped,
    )


def _places(class_names: Sequence[str]) -> dict[str, int] | None:
    """The id of every class by its official name; None unless all that are evaluated are there."""
    place = {
        name.casefold().replace("_", " ").replace("-", " ").strip(): number
        for number, name in enumerate(class_names)
    }
    return place if place.keys() >= EVALUATED.keys() else None


def _evaluated_counts(total: Counts, place: dict[str, int]) -> Counts:
    """int64 [19,20]: rows and columns of the evaluated classes; every other prediction is "no class"."""
    kept = [place[name] for name in EVALUATED]
    rows = total[kept]
    inside = rows[:, kept]
    return np.concatenate([inside, (rows.sum(axis=1) - inside.sum(axis=1))[:, None]], axis=1)


def _class_iious(counts: Counts, weighted: NDArray[np.float64], place: dict[str, int]) -> dict[str, float]:
    result = {}
    for number, name in enumerate(EVALUATED):
        if name in MEAN_SIZES:
            false = counts[:, number].sum() - counts[number, number]
            result[name] = _iiou(weighted[place[name], 0], weighted[place[name], 1], false)
    return result


def _category_iious(total: Counts, weighted: NDArray[np.float64], place: dict[str, int]) -> dict[str, float]:
    result = {}
    for category in INSTANCE_CATEGORIES:
        members = [place[name] for name, (_, group) in EVALUATED.items() if group == category]
        others = [place[name] for name, (_, group) in EVALUATED.items() if group != category]
        columns = list(members)
        if category == "vehicle":
            columns += [place[name] for name in OTHER_VEHICLES if name in place]
        hits, misses = weighted[members, 2].sum(), weighted[members, 3].sum()
        result[category] = _iiou(hits, misses, total[np.ix_(others, columns)].sum())
    return result


def _iiou(hits: float, misses: float, false: float) -> float:
    union = float(hits) + float(misses) + float(false)
    return float(hits) / union if union else float("nan")

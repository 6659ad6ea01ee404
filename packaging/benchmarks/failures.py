"""Measures how well regions are judged without a truth, and how well errors in masks are found.

python packaging/benchmarks/failures.py --frames FOLDER [--json] [--model M] [--palette P] [--count N]
    [--seed N]

FOLDER has images/train, images/val and masks likewise. Region quality is learnt from the train frames and
measured on the val frames, on every region that has a truth: auroc tells regions with an IoU of 0 from
others, r2 is that of the adjusted IoU, missing the share of regions with an IoU of 0. `inner` are the same
for regions with inner pixels, as MetaSeg's figures are; confidence_auroc is what the mean confidence alone
reaches. A model that was trained on the train frames is more often right there than elsewhere, which costs
what is learnt from them some of its worth.

Then 100 errors are planted in the val masks by lot (planted_errors.py): a third each are regions of another
class, regions painted over by what surrounds them, and borders shifted by 4 to 8 pixels; at most two a frame.
suspects_precision_at_100: the share of the 100 first suspects whose pixels have an IoU above 0.25 with the
pixels of a planted error, or whose centre lies on one. Errors that were in the masks before count as false
alarms. planted_found: how many different ones are among them, by kind.

ms_per_2mp: an evaluation of val frames with error segments, regions, boundary and calibration, per 2 million
pixels; quality_ms_per_2mp: features and judgement of a mosaic of predictions. Both are processor time of the
one thread that does it, the least of 9, so that what else the machine does counts little.
filter_10k_ms: the slowest of some queries of the error segments of 10,000 samples, the val frames repeated.
open_10k_s and open_100k_s are measured by large_projects.py; here they are null.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segstudio.inference.backend import AUTO
from segstudio.metrics.error_scene import Scene
from segstudio.metrics.label_suspects import Suspect
from segstudio.metrics.region_features import Evidence, PredictedRegions, measure_regions
from segstudio.metrics.region_quality import QualityModel, Trust
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.metrics.segment_query import matching
from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.segments import Segments
from segstudio.workflows.evaluate import Contest, contest_of
from segstudio.workflows.quality import Look, looks_of, regions_of, suspects_of, trust_in

if TYPE_CHECKING:
    from packaging.benchmarks.planted_errors import KINDS, Planted, plant_errors
else:
    from planted_errors import KINDS, Planted, plant_errors

PLANTED, TOP, OVERLAP = 100, 100, 0.25
PIXELS, TIMES = 2_000_000, 9
ELSEWHERE = ("open_10k_s", "open_100k_s")
SAMPLES = 10_000
QUERIES = ("kind!=edge_slack area>500", "conf<0.6 margin<0.2 border=no", "sample=7 share>0.5 hit<0.1")
Cover = NDArray[np.bool_]
Measured = list[tuple[PredictedRegions, NDArray[np.float32]]]


class Part(NamedTuple):
    """The frames of one split, and what the model says of them."""

    contest: Contest
    looks: list[Look]


def looked(options: argparse.Namespace, split: str) -> Part:
    """Predicts a split."""
    images, masks = (options.frames / kind / split for kind in ("images", "masks"))
    contest = contest_of(options.model, images, masks, options.palette)
    if options.count:
        step = np.linspace(0, len(contest.pairs) - 1, min(options.count, len(contest.pairs)))
        pairs = tuple(contest.pairs[number] for number in np.unique(step.round().astype(int)))
        contest = Contest(
            contest.folder, contest.spec, contest.palette, contest.lookup, pairs, contest.orphans
        )
    return Part(contest, list(looks_of(contest, AUTO, [], lambda _number, _name: None)))


def quality_figures(train: Part, val: Part) -> tuple[QualityModel, dict[str, object]]:
    """What is learnt from one part, and how well it holds on the other."""
    known: Measured = [regions_of(look, train.contest) for look in train.looks]
    quality = QualityModel.learn(train.contest.palette.names, known)
    judged: Measured = [regions_of(look, val.contest) for look in val.looks]
    trusts = trust_in(quality, judged)
    return quality, {
        **scores_of(trusts.everything),
        "inner": scores_of(trusts.inner),
        "confidence_auroc": rounded(trusts.plain_auroc),
        "train_regions": len(quality.ious),
    }


def scores_of(trust: Trust) -> dict[str, object]:
    """The figures of one set of regions."""
    return {
        "auroc": rounded(trust.auroc), "r2": rounded(trust.r2), "regions": trust.regions,
        "missing": rounded(trust.missing),
    }  # fmt: skip


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def suspect_figures(part: Part, seed: int) -> dict[str, object]:
    """Plants errors, and counts how many of the first suspects they are."""
    palette = part.contest.palette
    masks, planted = plant_errors([look.mask for look in part.looks], PLANTED, seed)
    looks = [Look(look.name, mask, look.said) for look, mask in zip(part.looks, masks, strict=True)]
    suspects, _ = suspects_of(looks, palette.names, palette.ignore_id, TOP)
    numbers = {look.name: number for number, look in enumerate(looks)}
    hits, found = 0, set[int]()
    for suspect in suspects:
        number = numbers[suspect.sample]
        met = met_by(suspect, pixels_of(suspect, looks[number], part.contest), number, planted)
        hits += bool(met)
        found |= met
    kinds = Counter(planted[place].kind for place in found)
    return {
        "suspects_precision_at_100": rounded(hits / len(suspects)) if suspects else None,
        "planted": len(planted),
        "planted_found": {kind: kinds[kind] for kind in KINDS},
    }


def met_by(suspect: Suspect, pixels: Cover, frame: int, planted: Sequence[Planted]) -> set[int]:
    """The planted errors that a suspect of a frame points at."""
    x, y = int(suspect.centre[0]), int(suspect.centre[1])
    met = set()
    for place, error in enumerate(planted):
        if error.frame != frame:
            continue
        both, either = (
            np.count_nonzero(pixels & error.changed),
            np.count_nonzero(pixels | error.changed),
        )
        if both > OVERLAP * either or error.changed[y, x]:
            met.add(place)
    return met


def pixels_of(suspect: Suspect, look: Look, contest: Contest) -> Cover:
    """The pixels of a suspect, bool [H,W]: what hangs together with its first one."""
    palette = contest.palette
    scene = Scene.of(look.mask, look.said.ids, palette.count, palette.ignore_id)
    if suspect.proposed is None:
        return np.asarray(look.mask == suspect.mask_class)
    first = suspect.seed[1] * look.mask.shape[1] + suspect.seed[0]
    run = int(np.searchsorted(scene.runs.starts, first, side="right")) - 1
    inside = np.repeat(scene.segment == scene.segment[run], scene.runs.lengths)
    return np.asarray(inside.reshape(look.mask.shape))


def mosaic(looks: Sequence[Look]) -> Evidence:
    """Predictions of the commonest size beside each other, in about 2 million pixels."""
    shape = Counter(look.mask.shape for look in looks).most_common(1)[0][0]
    alike = [look.said for look in looks if look.mask.shape == shape]
    side = max(1, round((PIXELS / (shape[0] * shape[1])) ** 0.5))

    def joined_up(name: str) -> NDArray[np.uint8]:
        tiles = [getattr(alike[number % len(alike)], name) for number in range(side * side)]
        return np.block([tiles[row * side : (row + 1) * side] for row in range(side)])

    has_second = all(said.second is not None for said in alike)
    second, margin = (joined_up(name) if has_second else None for name in ("second", "margin"))
    return Evidence(joined_up("ids"), joined_up("confidence"), second, margin)


def milliseconds(quality: QualityModel, looks: Sequence[Look]) -> float:
    """Of the features and the judgement of 2 million pixels."""
    said, spent = mosaic(looks), list[float]()
    quality.judge(measure_regions(said, len(quality.names)))
    for _ in range(TIMES):
        began = time.process_time()
        quality.judge(measure_regions(said, len(quality.names)))
        spent.append(time.process_time() - began)
    return round(1e3 * min(spent) * PIXELS / said.ids.size, 1)


def evaluated(part: Part) -> tuple[list[Segments], float]:
    """The error segments of a part, and the milliseconds that the evaluation of 2 million pixels takes."""
    palette, found, spent = part.contest.palette, list[Segments](), list[float]()
    for look in part.looks:
        began = time.process_time()
        one = evaluate_sample(
            look.mask,
            look.said.ids,
            palette.count,
            palette.ignore_id,
            confidence=look.said.confidence,
            margin=look.said.margin,
        )
        spent.append((time.process_time() - began) * PIXELS / look.mask.size)
        found.append(one.segments)
    return found, round(1e3 * float(np.median(spent)), 1)


def filter_milliseconds(names: Sequence[str], found: Sequence[Segments]) -> float:
    """The slowest query of as many samples as a large project has."""
    table = SegmentTable.of(names, [(f"frame_{n}", found[n % len(found)]) for n in range(SAMPLES)])
    spent = []
    for query in QUERIES:
        began = time.perf_counter()
        matching(table, query)
        spent.append(time.perf_counter() - began)
    return round(1e3 * max(spent), 1)


def measured(options: argparse.Namespace) -> dict[str, object]:
    """All figures."""
    train, val = looked(options, "train"), looked(options, "val")
    quality, figures = quality_figures(train, val)
    for key in ELSEWHERE:
        print(f"{key}: see large_projects.py", file=sys.stderr)
    segments, evaluation = evaluated(val)
    return {
        **figures,
        **suspect_figures(val, options.seed),
        "ms_per_2mp": evaluation,
        "quality_ms_per_2mp": milliseconds(quality, val.looks),
        "filter_10k_ms": filter_milliseconds(val.contest.palette.names, segments),
        "images": {"train": len(train.looks), "val": len(val.looks)},
        **dict.fromkeys(ELSEWHERE),
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--model", default="street-b0")
    parser.add_argument("--palette", default="camvid-11")
    parser.add_argument("--count", type=int, default=0, help="frames of each split, evenly spread; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="of what is planted")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measured(options)
    print(json.dumps(figures) if options.json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

"""Measures how well a few clicks find a region of the truth: click to segment, the wand, a predicted region.

python packaging/benchmarks/region_clicks.py --frames FOLDER [--json] [--count N] [--regions N] [--model M]

FOLDER has images and masks (or images/val and masks/val). The wanted regions are connected pixels of one
class of the truth, of 200 pixels or more; --regions of each frame are drawn by lot, always the same ones. The
first click is in the middle of the region, where its border is farthest; each further one is in the middle of
the largest error, and excludes where pixels are too many. A click that makes it worse is taken back, as users
do: so the mean IoU never falls. `box` is the region's own box instead of a click, `filled_box` all of it.
Pixels without a truth (255) count neither way.

mean_iou: by tool, after 1, 2 and 3 clicks. click_ms: median and 95th percentile of one answer. embed_ms: of
looking at an image, which is done once, in a worker.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.regions import Region, region_at, regions_of_class
from segstudio.annotation.segmenter import Click
from segstudio.annotation.similar import SimilarRegions
from segstudio.annotation.wand import like_region
from segstudio.inference.backend import AUTO, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.features import FeatureSegmenter
from segstudio.inference.predictor import Predictor
from segstudio.training.data.files import pair_by_stem
from segstudio.workflows.evaluate import read_pair

CLICKS = 3
SMALLEST = 200
TOLERANCES = (8, 12, 16)
Cover = NDArray[np.bool_]
# Clicks so far to the pixels that a tool gives them.
Answer = Callable[[list[Click]], Cover]


class Finds(Protocol):
    """Finds the region at a pixel."""

    def __call__(self, *, x: int, y: int) -> Region:
        """By its column and row."""


class Frame(NamedTuple):
    """An image, its truth and prediction, uint8 [H,W,3] and [H,W], and what the segmenter sees."""

    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    seen: SimilarRegions


def painted(shape: tuple[int, ...], region: Region | None) -> Cover:
    """The pixels of a region, bool [H,W]."""
    cover = np.zeros(shape, bool)
    if region is not None:
        cover[region.rect.slices] = region.inside
    return cover


def one_by_one(shape: tuple[int, ...], found: Finds) -> Answer:
    """A tool that adds or takes away a region a click."""

    def answer(clicks: list[Click]) -> Cover:
        cover = np.zeros(shape, bool)
        for click in clicks:
            region = found(x=click.x, y=click.y)
            cover[region.rect.slices][region.inside] = click.include
        return cover

    return answer


def tools(frame: Frame) -> dict[str, Answer]:
    """The tools that are compared, by name."""
    shape = frame.truth.shape
    wands = {
        f"wand_{tolerance}": one_by_one(shape, partial(like_region, frame.image, tolerance=tolerance))
        for tolerance in TOLERANCES
    }
    return {
        "segment": lambda clicks: painted(shape, frame.seen.mask(clicks)),
        "predicted_region": one_by_one(shape, partial(region_at, frame.predicted)),
        **wands,
    }


def middle(wrong: Cover) -> tuple[Click, float]:
    """The pixel farthest from the border of wrong pixels, and how far that is."""
    away = cv2.distanceTransform(np.pad(wrong.view(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(away.argmax()), away.shape)
    return Click(int(x), int(y)), float(away[y, x])


def iou(found: Cover, wanted: Cover, known: Cover) -> float:
    """Intersection over union on the pixels that have a truth."""
    union = int(np.count_nonzero((found | wanted) & known))
    return int(np.count_nonzero(found & wanted)) / max(union, 1)


def course(answer: Answer, wanted: Cover, known: Cover, times: list[float]) -> list[float]:
    """The best IoU after each click."""
    clicks: list[Click] = []
    held, best, scores = np.zeros_like(wanted), 0.0, []
    for _ in range(CLICKS):
        (more, too_few), (less, too_many) = middle(wanted & ~held), middle(held & ~wanted & known)
        click = more if too_few >= too_many else Click(less.x, less.y, include=False)
        began = time.perf_counter()
        found = answer([*clicks, click])
        times.append(time.perf_counter() - began)
        if (score := iou(found, wanted, known)) > best:
            clicks, held, best = [*clicks, click], found, score
        scores.append(best)
    return scores


def frames(options: argparse.Namespace, embedding: list[float]) -> Iterator[Frame]:
    """The chosen frames."""
    folder, spec = find_model(options.model)
    part = Path("val") if (options.frames / "images" / "val").is_dir() else Path()
    pairs = pair_by_stem(options.frames / "images" / part, options.frames / "masks" / part).pairs
    chosen = np.unique(np.linspace(0, len(pairs) - 1, options.count or len(pairs)).round().astype(int))
    segmenter, predictor = FeatureSegmenter(folder, spec), Predictor(open_backend(folder, spec, AUTO), spec)
    for number in chosen.tolist():
        image, truth = read_pair(*pairs[number])
        began = time.perf_counter()
        seen = segmenter.embed(image)
        embedding.append(time.perf_counter() - began)
        yield Frame(image, truth, predictor.predict(image).ids, seen)
    predictor.close()


def wanted_regions(truth: NDArray[np.uint8], count: int, random: np.random.Generator) -> list[Region]:
    """Some regions of the truth, drawn by lot."""
    values = [int(value) for value in np.unique(truth) if value != 255]
    large = [
        region for value in values for region in regions_of_class(truth, value) if region.area >= SMALLEST
    ]
    return [large[int(number)] for number in random.permutation(len(large))[:count]]


def measured(options: argparse.Namespace) -> dict[str, object]:
    """All figures."""
    random = np.random.default_rng(0)
    scores: dict[str, list[list[float]]] = {}
    boxes: list[tuple[float, float]] = []
    embedding: list[float] = []
    times: dict[str, list[float]] = {}
    for frame in frames(options, embedding):
        known = frame.truth != 255
        for region in wanted_regions(frame.truth, options.regions, random):
            wanted, box = painted(known.shape, region), np.zeros(known.shape, bool)
            box[region.rect.slices] = True
            in_box = painted(known.shape, frame.seen.mask([], region.rect))
            boxes.append((iou(in_box, wanted, known), iou(box, wanted, known)))
            for name, answer in tools(frame).items():
                scores.setdefault(name, []).append(course(answer, wanted, known, times.setdefault(name, [])))
    spent = 1e3 * np.array(times["segment"])
    return {
        "mean_iou": {name: np.mean(rows, axis=0).round(3).tolist() for name, rows in scores.items()},
        "box": round(float(np.mean([one for one, _ in boxes])), 3),
        "filled_box": round(float(np.mean([other for _, other in boxes])), 3),
        "click_ms": {
            "p50": round(float(np.median(spent)), 1),
            "p95": round(float(np.percentile(spent, 95)), 1),
        },
        "embed_ms": round(1e3 * float(np.median(embedding)), 1),
        "images": len(embedding),
        "regions": len(boxes),
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--model", default="street-b0")
    parser.add_argument("--count", type=int, default=0, help="frames, evenly spread; 0: all")
    parser.add_argument("--regions", type=int, default=8, help="regions of each frame")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measured(options)
    print(json.dumps(figures) if options.json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

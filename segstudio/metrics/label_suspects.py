"""Label suspects: contradictions of masks by a model, ranked over many samples by how much they say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts
from segstudio.metrics.mask_doubts import Doubt, MaskDoubts

Sums = NDArray[np.float64]
# Below this share of what the model calls a class, being another one in the masks is as good as never seen.
RARE = 0.003
# Contradictions at least this much of one's size are like it, where the classes are the same; what one of 20
# other samples has too says half as much.
LIKE_SIZE, REPEATS = 0.5, 20
# So many samples are needed before a class that only one has is strange, and how much that says.
FEW_SAMPLES, LONE_WEIGHT = 5, 0.25


@dataclass(frozen=True)
class Suspect:
    """A place where a person's mask may be wrong.

    Attributes:
        sample: the sample's name.
        kind: what may be wrong.
        box: x, y, width and height, pixels.
        centre: x and y of the centroid; the first pixel's centre is 0.5.
        seed: column and row of its first pixel.
        area: pixels.
        mask_class: the class in the mask.
        proposed: the class that the model sees; None for a class that only one sample has.
        score: 0-1, comparable across samples; no probability.
        reason: one line.
    """

    sample: str
    kind: Doubt
    box: tuple[int, int, int, int]
    centre: tuple[float, float]
    seed: tuple[int, int]
    area: int
    mask_class: int
    proposed: int | None
    score: float
    reason: str

    def row(self, names: Sequence[str]) -> dict[str, object]:
        """As plain values, with the classes' names."""
        return {
            "sample": self.sample,
            "kind": self.kind.name.lower(),
            "mask": names[self.mask_class],
            "proposed": None if self.proposed is None else names[self.proposed],
            "score": round(self.score, 4),
            "area": self.area,
            "box": list(self.box),
            "x": round(self.centre[0], 2),
            "y": round(self.centre[1], 2),
            "reason": self.reason,
        }


def rank_suspects(
    samples: Sequence[MaskDoubts], confusion: Counts, names: Sequence[str], limit: int = 1000
) -> list[Suspect]:
    """The suspects of all samples, the most suspect first.

    The score is a product of shares: how sure the model is, how little it hesitates towards the mask's
    class, how far the contradiction is a thing of its own, how large it is, how rarely what the model calls
    so is the mask's class elsewhere, the root of how often it is right elsewhere when it says so, and how few
    other samples have such a contradiction. The last three ask what confident learning asks (Northcutt, Jiang
    and Chuang, 2021): a model that often takes a fence for a pole is a poor witness between these two.

    Args:
        samples: the contradictions of each.
        confusion: int64 [K,K+1], masks against predictions, of the same samples.
        names: of the classes.
        limit: how many are given at most.
    """
    found = list(_contradicted(samples, confusion, names, limit)) + list(_lone(samples, names))
    found.sort(key=lambda suspect: (-suspect.score, suspect.sample, suspect.seed))
    return found[:limit]


def _contradicted(
    samples: Sequence[MaskDoubts], confusion: Counts, names: Sequence[str], limit: int
) -> Iterator[Suspect]:
    seldom = _seldom(samples)
    scored = [_scores(found, confusion, few) for found, few in zip(samples, seldom, strict=True)]
    sample = np.repeat(np.arange(len(samples)), [found.count for found in samples])
    row = np.concatenate([np.arange(found.count) for found in samples] or [np.zeros(0, np.int64)])
    scores = np.concatenate([score for score, _ in scored] or [np.zeros(0)])
    for place in np.argsort(-scores, kind="stable")[:limit].tolist():
        found, number = samples[sample[place]], int(row[place])
        x, y, width, height = found.box[number].tolist()
        yield Suspect(
            sample=found.sample,
            kind=Doubt(int(found.kind[number])),
            box=(x, y, width, height),
            centre=(float(found.centre[number, 0]), float(found.centre[number, 1])),
            seed=(int(found.seed[number, 0]), int(found.seed[number, 1])),
            area=int(found.area[number]),
            mask_class=int(found.mask_class[number]),
            proposed=int(found.proposed[number]),
            score=float(scores[place]),
            reason=_reason(found, number, float(scored[sample[place]][1][number]), names),
        )


def _scores(found: MaskDoubts, confusion: Counts, seldom: Sums) -> tuple[Sums, Sums]:
    """The scores of one sample's contradictions, and how usual they are elsewhere, 0-1."""
    mask_class, proposed = found.mask_class.astype(np.int64), found.proposed.astype(np.int64)
    # A contradiction is no witness for itself.
    called = np.maximum(confusion[:, proposed].sum(axis=0) - found.area, 1)
    alike = np.maximum(confusion[mask_class, proposed] - found.area, 0) / called
    right = np.minimum(confusion[proposed, proposed] / called, 1)
    surprise = np.clip(np.log(alike + RARE) / np.log(RARE), 0, 1)
    sure = found.confidence * (1 - found.doubt) * found.alone * found.solid
    return np.asarray(sure * surprise * np.sqrt(right) * seldom, np.float64), alike


def _seldom(samples: Sequence[MaskDoubts]) -> list[Sums]:
    """For each sample how few others have contradictions like its own, 0-1: 1 where none has."""
    if not samples:
        return []
    counts = [found.count for found in samples]
    sample = np.repeat(np.arange(len(samples)), counts)
    nothing = [np.zeros(0, np.int64)]
    area = np.concatenate(nothing + [found.area for found in samples])
    pairs = np.concatenate(
        nothing + [found.mask_class.astype(np.int64) * 256 + found.proposed for found in samples]
    )
    others = np.zeros(len(area))
    order = np.argsort(pairs, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(pairs[order])) + 1):
        # Rows of a sample stay beside each other: one area of each sample counts, its largest.
        _, first = np.unique(sample[rows], return_index=True)
        largest = np.sort(np.maximum.reduceat(area[rows], first)) if len(rows) else area[rows]
        others[rows] = len(largest) - np.searchsorted(largest, LIKE_SIZE * area[rows]) - 1
    return np.split(1 / (1 + REPEATS * others / max(len(samples), 1)), np.cumsum(counts)[:-1])


def _reason(found: MaskDoubts, number: int, alike: float, names: Sequence[str]) -> str:
    mask_class, proposed = names[found.mask_class[number]], names[found.proposed[number]]
    sure = f"{100 * found.confidence[number]:.0f} %"
    what = {
        Doubt.OTHER_CLASS: f"a region of {mask_class} that the model takes for {proposed}, {sure} sure",
        Doubt.DROPPED: f"the model sees {proposed} here, {sure} sure; the mask has nothing but {mask_class}",
        Doubt.ISLAND: f"an island of {mask_class} in what the model takes for {proposed}, {sure} sure",
        Doubt.BORDER: f"the border of {mask_class} reaches into {proposed} on one side, {sure} sure",
        Doubt.PART: f"a part of {mask_class} that the model takes for {proposed}, {sure} sure",
    }[Doubt(int(found.kind[number]))]
    return f"{what}; elsewhere {100 * alike:.1f} % of what it calls {proposed} is {mask_class}"


def _lone(samples: Sequence[MaskDoubts], names: Sequence[str]) -> Iterator[Suspect]:
    """Classes that one sample alone has, the more suspect the less the model agrees."""
    if len(samples) < FEW_SAMPLES:
        return
    held = np.array([found.classes.pixels > 0 for found in samples])
    for class_id in np.flatnonzero(held.sum(axis=0) == 1).tolist():
        found = samples[int(held[:, class_id].argmax())]
        pixels, agreed = int(found.classes.pixels[class_id]), int(found.classes.agreed[class_id])
        x, y, width, height = found.classes.box[class_id].tolist()
        yield Suspect(
            sample=found.sample,
            kind=Doubt.LONE_CLASS,
            box=(x, y, width, height),
            centre=(x + width / 2, y + height / 2),
            seed=(int(found.classes.seed[class_id, 0]), int(found.classes.seed[class_id, 1])),
            area=pixels,
            mask_class=class_id,
            proposed=None,
            score=LONE_WEIGHT * (1 - agreed / pixels),
            reason=f"{names[class_id]} is in no other of {len(samples)} samples; "
            f"the model agrees with {100 * agreed / pixels:.0f} % of it",
        )

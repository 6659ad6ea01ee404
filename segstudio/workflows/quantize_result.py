"""What a quantisation made, and how its answers differ from those of the network that it was made from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import count_confusion, scores
from segstudio.workflows.evaluate import class_lookup

Ids = NDArray[np.uint8]
Answer = Callable[[NDArray[np.uint8]], Ids]
MEGABYTE = 1e6


@dataclass(frozen=True)
class Comparison:
    """The answers of two networks to the same images.

    Attributes:
        images, pixels: how many were compared.
        agreement: share of pixels with equal ids, 0-1.
        masked_images: how many of the images have masks.
        per_class: IoU (0-1) before and after against those masks, by class; classes that occur alone.
    """

    images: int
    pixels: int
    agreement: float
    masked_images: int
    per_class: Mapping[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """Scores as fractions 0-1."""
        classes = {
            name: {"before": before, "after": after, "change": after - before}
            for name, (before, after) in self.per_class.items()
        }
        return {**asdict(self), "per_class": classes}


@dataclass(frozen=True)
class QuantizeResult:
    """One quantisation.

    Attributes:
        backend, mode, algorithm: as the spec names them.
        artefact: the file or model folder that was written.
        source: the weights that were quantised.
        layers: how many layers have weights of each type.
        kept: how many linear layers and convolutions stay as they are.
        calibration_images: how many images the ranges are from; 0 where weights alone are quantised.
        device: what it ran on.
        seconds: for all of it.
        bytes_before, bytes_after: of the network's tensors as float32, and of what was written.
        comparison: None without images to compare on.
        notes: lines for the user.
        folder: of the task.
    """

    backend: str
    mode: str
    algorithm: str
    artefact: str
    source: str
    layers: Mapping[str, int]
    kept: int
    calibration_images: int
    device: str
    seconds: float
    bytes_before: int
    bytes_after: int
    comparison: Comparison | None
    notes: tuple[str, ...]
    folder: str

    def to_json(self) -> dict[str, Any]:
        """All of it, for JSON."""
        values = asdict(self)
        compared = self.comparison.to_json() if self.comparison else None
        return {**values, "layers": dict(self.layers), "notes": list(self.notes), "comparison": compared}

    def lines(self) -> list[str]:
        """What to print."""
        counts = ", ".join(f"{count} {kind}" for kind, count in self.layers.items())
        sizes = f"{self.bytes_before / MEGABYTE:.1f} MB of float32, {self.bytes_after / MEGABYTE:.1f} MB now"
        found = [f"{self.artefact} is ready: {counts} layers, {self.kept} stay as they are; {sizes}"]
        compared = self.comparison
        if compared is None:
            return found
        found.append(
            f"{compared.agreement:.3%} of the ids are as before, on {compared.images} images"
            f" ({compared.pixels} pixels)"
        )
        if compared.per_class:
            found.append(f"IoU against the masks of {compared.masked_images} images, before and after:")
            found += [
                f"  {name}: {100 * before:.2f} {100 * after:.2f} ({100 * (after - before):+.2f})"
                for name, (before, after) in compared.per_class.items()
            ]
        return found


@dataclass(frozen=True)
class Sides:
    """Two networks of the same classes, and the palette that those are of."""

    before: Answer
    after: Answer
    palette: Palette


def compared(
    sides: Sides,
    images: Iterable[NDArray[np.uint8]],
    pairs: Sequence[tuple[NDArray[np.uint8], Ids]],
    truth: Palette,
    context: JobContext,
) -> Comparison | None:
    """Compares ids on images RGB uint8 [H,W,3], and IoU on pairs of such and masks; None without any.

    Args:
        sides: what is compared.
        images: those without masks; not looked at where there are pairs.
        pairs: images with masks, ids of `truth`.
        truth: the palette of the masks.
        context: progress and cancellation.

    Raises:
        InputError: no class of the network is one of the masks'.
        Cancelled: the context was cancelled.
    """
    lookup = class_lookup(sides.palette, truth) if pairs else None
    counts = np.zeros((2, truth.count, truth.count + 1), np.int64)
    count = pixels = equal = 0
    shown = pairs or ((image, None) for image in images)
    for image, mask in shown:
        context.check()
        context.progress(count, 0, "comparing answers")
        answers = sides.before(image), sides.after(image)
        equal += int(np.count_nonzero(answers[0] == answers[1]))
        count, pixels = count + 1, pixels + answers[0].size
        if mask is not None and lookup is not None:
            for side, ids in enumerate(answers):
                counts[side] += count_confusion(mask, lookup[ids], truth.count)
    if not count:
        return None
    before, after = scores(counts[0]).iou, scores(counts[1]).iou
    per_class = {
        entry.name: (float(before[entry.id]), float(after[entry.id]))
        for entry in truth.classes
        if entry.id < truth.count and counts[0, entry.id].any()
    }
    return Comparison(count, pixels, equal / pixels, len(pairs), per_class if pairs else {})

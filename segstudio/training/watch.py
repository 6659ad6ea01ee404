"""Keeps what a network says of a few validation samples at every validation, to be looked at over time."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, MaskError
from segstudio.images import write_mask
from segstudio.training.data.files import evenly
from segstudio.training.run import Run
from segstudio.training.segment import make_segmenter, nearest

FOLDER = "watch"


def keep_watched(run: Run) -> None:
    """Writes watch/step_XXXXX/KEY.png, ids in the classes of the validation masks, and tells which.

    The event has for each sample its key (the image's name, with a number where two are alike), and its image
    and mask files, "" for drawn scenes. A sample that cannot be read is left out.

    Raises:
        ImageError: the disk refuses.
    """
    wanted, validation = run.spec.studio.watch, run.validation
    if not wanted.count or not validation:
        return
    augmentation = run.spec.dataset.segment.augmentation
    segmenter = make_segmenter(run.spec, run.scored, run.fabric.device, augmentation.mean, augmentation.std)
    folder = run.folder / FOLDER / f"step_{run.state.step:05d}"
    samples: dict[str, tuple[str, str]] = {}
    for source, number in evenly(tuple(validation.pairs), wanted.count):
        try:
            image, _ = source.load(number)
        except (ImageError, MaskError):
            continue
        files = [str(path or "") for path in source.paths(number)]
        key = Path(files[0]).stem or f"scene-{number}"
        key = f"{key}-{len(samples)}" if key in samples else key
        shown = validation.lookup[small(segmenter.ids(image), wanted.side)]
        write_mask(folder / f"{key}.png", shown, validation.palette.colours())
        samples[key] = (files[0], files[1])
    run.journal.tell(
        "watched", step=run.state.step, keys=list(samples),
        images=[image for image, _ in samples.values()], masks=[mask for _, mask in samples.values()],
    )  # fmt: skip


def small(ids: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Ids uint8 [H,W] whose longer side is at most `side`: nearest, so that no class appears in between."""
    height, width = ids.shape
    factor = min(1.0, side / max(height, width))
    return nearest(ids, (max(1, round(height * factor)), max(1, round(width * factor))))

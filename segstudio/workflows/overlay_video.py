"""Makes videos of predicted frames: the palette's colours over the picture, in the order of the frames."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError
from segstudio.images import frame_rate, read_mask, write_video
from segstudio.jobs import JobContext
from segstudio.workflows.inputs import Source

# Of videos that do not say how fast they are.
USUAL_RATE = 25.0


def write_overlay_videos(
    sources: Sequence[Source],
    out: Path,
    colours: NDArray[np.uint8],
    every: int,
    context: JobContext,
    *,
    renew: bool,
) -> list[Path]:
    """One MP4 for each video among the sources, below `out`/video; returns those that were written.

    It is made of the masks in `out`, so that a prediction that was interrupted loses nothing; a frame without
    a mask is shown as it is.

    Args:
        sources: the frames, in their order.
        out: the folder of the masks.
        colours: uint8 [256,3].
        every: which frames were taken; the video is as long as the original.
        context: progress and cancellation.
        renew: also those that are there.

    Raises:
        ImageError: a video cannot be written.
    """
    written = []
    for name in dict.fromkeys(source.video for source in sources if source.video):
        path = out / "video" / f"{name}.mp4"
        if renew or not path.exists():
            shown = [source for source in sources if source.video == name]
            rate = (frame_rate(shown[0].path) or USUAL_RATE) / every
            write_video(path, _pictures(shown, out, colours, context), rate)
            written.append(path)
    return written


def _pictures(
    sources: Sequence[Source], out: Path, colours: NDArray[np.uint8], context: JobContext
) -> Iterator[NDArray[np.uint8]]:
    for number, source in enumerate(sources, start=1):
        context.check()
        context.progress(number, len(sources), f"video of {source.video}")
        try:
            image = source.decode()
        except ImageError:
            # It was told when it was to be predicted.
            continue
        mask = out / f"{source.name}.png"
        yield blended(image, colours[read_mask(mask)]) if mask.exists() else image


def blended(image: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean of two pictures uint8 [H,W,3]."""
    return ((image.astype(np.uint16) + colours) // 2).astype(np.uint8)

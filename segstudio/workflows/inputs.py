"""What a prediction takes in: images, folders of them, frames of videos, each with a name of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, InputError
from segstudio.images import IMAGE_SUFFIXES, VIDEO_SUFFIXES, count_frames, frames, list_images, read_image


@dataclass(frozen=True)
class Source:
    """One input: a name for its outputs, where it comes from, and how to decode it."""

    name: str
    path: Path
    decode: Callable[[], NDArray[np.uint8]]


def list_sources(inputs: Sequence[Path]) -> Iterator[Source]:
    """All images and video frames of files and folders; names are unique.

    Raises:
        InputError: an input does not exist, or a file is neither image nor video.
    """
    taken: set[str] = set()
    for entry in inputs:
        if entry.is_dir():
            for path in list_images(entry):
                yield _source(path, path.relative_to(entry), taken)
        elif not entry.exists():
            raise InputError(f"{entry} does not exist")
        elif entry.suffix.lower() in VIDEO_SUFFIXES:
            video = FrameReader(entry)
            for index in range(count_frames(entry)):
                yield Source(f"{entry.stem}/{index:06d}", entry, partial(video.frame, index))
        elif entry.suffix.lower() in IMAGE_SUFFIXES:
            yield _source(entry, Path(entry.name), taken)
        else:
            raise InputError(f"{entry} is neither an image nor a video")


def _source(path: Path, relative: Path, taken: set[str]) -> Source:
    name = relative.with_suffix("").as_posix()
    if name in taken:
        name = relative.as_posix()
    number = 2
    while name in taken:
        name = f"{relative.as_posix()}-{number}"
        number += 1
    taken.add(name)
    return Source(name, path, lambda: read_image(path))


class FrameReader:
    """Gives the frames of a video one by one: all of them would not fit into memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames: Iterator[tuple[int, NDArray[np.uint8]]] = iter(())
        self._next = -1

    def frame(self, index: int) -> NDArray[np.uint8]:
        """One frame, RGB uint8 [H,W,3]; quick when the indices rise.

        Raises:
            ImageError: the video cannot be opened, or this frame is damaged.
        """
        if not 0 <= self._next <= index:
            self._frames = frames(self._path)
        for found, rgb in self._frames:
            self._next = found + 1
            if found == index:
                return rgb
        self._next = -1
        raise ImageError(f"{self._path}: frame {index} cannot be decoded")

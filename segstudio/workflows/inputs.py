"""What a prediction takes in: images, folders of them, frames of videos, each with a name of its own."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, InputError
from segstudio.images import (
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    count_frames,
    frame_rate,
    frames,
    list_images,
    read_image,
)


@dataclass(frozen=True)
class Source:
    """One input.

    Attributes:
        name: for its outputs.
        path: the file it comes from.
        decode: gives RGB uint8 [H,W,3].
        video: the name of the video that it is a frame of, "" for an image.
    """

    name: str
    path: Path
    decode: Callable[[], NDArray[np.uint8]]
    video: str = ""


@dataclass(frozen=True)
class VideoPart:
    """Which frames of a video count.

    Attributes:
        every: only each such frame, counted from the first one that is taken.
        start, end: from and up to these seconds.
    """

    every: int = 1
    start: float = 0.0
    end: float = math.inf

    def __post_init__(self) -> None:
        """Refuses what takes no frame.

        Raises:
            InputError: says which value.
        """
        if self.every < 1:
            raise InputError(f"every {self.every} frames", hint="give 1 or more")
        if not 0 <= self.start < self.end:
            raise InputError(f"from {self.start:g} to {self.end:g} seconds", hint="give two rising times")

    def numbers(self, path: Path) -> range:
        """The numbers of the frames.

        Raises:
            ImageError: no video, or times are given and the file has no frame rate.
        """
        if self.start == 0 and math.isinf(self.end):
            return range(0, count_frames(path), self.every)
        rate = frame_rate(path)
        if not rate:
            raise ImageError(f"{path} has no frame rate", hint="predict all of it, without times")
        last = self.end if math.isinf(self.end) else math.ceil(self.end * rate - 1e-6)
        return range(math.ceil(self.start * rate - 1e-6), count_frames(path, last), self.every)


WHOLE_VIDEO = VideoPart()


def list_sources(inputs: Sequence[Path], part: VideoPart = WHOLE_VIDEO) -> Iterator[Source]:
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
            video, name = FrameReader(entry), _free_name(Path(entry.name), taken)
            for number in part.numbers(entry):
                yield Source(f"{name}/{number:06d}", entry, partial(video.frame, number), name)
        elif entry.suffix.lower() in IMAGE_SUFFIXES:
            yield _source(entry, Path(entry.name), taken)
        else:
            raise InputError(f"{entry} is neither an image nor a video")


def _source(path: Path, relative: Path, taken: set[str]) -> Source:
    return Source(_free_name(relative, taken), path, lambda: read_image(path))


def _free_name(relative: Path, taken: set[str]) -> str:
    name = relative.with_suffix("").as_posix()
    if name in taken:
        name = relative.as_posix()
    number = 2
    while name in taken:
        name = f"{relative.as_posix()}-{number}"
        number += 1
    taken.add(name)
    return name


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

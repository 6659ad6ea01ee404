"""Ways of showing an image to a network (whole, windows, sizes, mirrored), and the score maps of them."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import BackendError
from segstudio.inference.resample import Rows, shrunk
from segstudio.inference.spec import ResizeRule, network_size

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
# Pixels float32 [N,3,h,w] to scores float32 [N,K,h',w'].
Scores = Callable[[Floats], Floats]
# A window covers this multiple of the network's size in the image, and overlaps the next one by a quarter.
WINDOW_SCALE = 1.5
OVERLAP = 0.25
NATIVE_WINDOW = 1024
# Windows lie on a grid on which every network's scores do.
GRID = 32
# So many windows go through the network at once on a GPU; a CPU gains nothing from more than one.
BATCH = 4


@dataclass(frozen=True)
class View:
    """One way of showing an image.

    Attributes:
        height, width: of the whole image as the network would see it.
        window_height, window_width: of the windows of that; the same where it is not cut.
        mirrored: left is right.
    """

    height: int
    width: int
    window_height: int
    window_width: int
    mirrored: bool = False


def whole_view(
    rule: ResizeRule, size: tuple[int, int], scale: float = 1.0, *, mirrored: bool = False
) -> View:
    """An image of (height, width) as large as the rule makes it, times `scale`."""
    height, width = network_size(rule, *size)
    if scale != 1:
        height, width = (rounded(side * scale, rule.multiple) for side in (height, width))
    return View(height, width, height, width, mirrored)


def cut_view(rule: ResizeRule, size: tuple[int, int], scale: float = 1.0, *, mirrored: bool = False) -> View:
    """Windows of the network's size on an image of (height, width), each 1.5 times as large in the image.

    What is smaller than a window is seen as large as the rule makes it.
    """
    if rule.mode == "native":
        windows, factors = (NATIVE_WINDOW, NATIVE_WINDOW), [1.0, 1.0]
    else:
        windows = (rule.size, (rule.width if rule.mode == "stretch" else 0) or rule.size)
        factors = [max(1 / WINDOW_SCALE, window / side) for window, side in zip(windows, size, strict=True)]
    if rule.mode == "short_side":
        windows = (rounded(rule.size, rule.multiple), rounded(rule.size, rule.multiple))
        # One factor for both keeps the aspect.
        factors = [max(1 / WINDOW_SCALE, rule.size / min(size))] * 2
    sides = []
    for side, window, factor in zip(size, windows, factors, strict=True):
        wanted = side * factor * scale
        if wanted > window:
            sides.append(window + rounded(wanted - window, GRID))
        else:
            sides.append(window if rule.mode == "stretch" else rounded(wanted, rule.multiple))
    height, width = sides
    return View(height, width, min(windows[0], height), min(windows[1], width), mirrored)


def rounded(length: float, multiple: int) -> int:
    """The nearest multiple, one at least."""
    return max(1, round(length / multiple)) * multiple


def score_rows(image: Bytes, view: View, scores: Scores, batch: int = BATCH) -> Rows:
    """The score map of a view of an image uint8 [H,W,3], the right way round, as it becomes known.

    Where windows overlap the mean of their scores counts, as in mmsegmentation. Nothing larger than a row of
    windows is held; `batch` windows go through the network at once.

    Raises:
        BackendError: the windows do not lie on whole pixels of the scores.
    """
    shown = image[:, ::-1] if view.mirrored else image
    tops = starts(view.height, view.window_height)
    lefts = starts(view.width, view.window_width)

    def row_at(top: int) -> Floats:
        row = _row(shown, view, top, lefts, scores, batch)
        return row[:, :, ::-1] if view.mirrored else row

    first = row_at(tops[0])
    unit = _unit(view.window_height, first.shape[1], tops)
    height = first.shape[1] + tops[-1] // unit
    return Rows(_bands(tops, first, row_at, unit), height)


def starts(length: int, window: int) -> list[int]:
    """Where windows begin along one axis: a quarter overlaps at least, and the last ends with the axis."""
    if length <= window:
        return [0]
    return [*range(0, length - window, stride_of(window)), length - window]


def stride_of(window: int) -> int:
    """Pixels from one window to the next."""
    return max(GRID, int(window * (1 - OVERLAP)) // GRID * GRID)


def cut_side(rule: ResizeRule) -> int:
    """The height of a window, in pixels of what the network sees."""
    return NATIVE_WINDOW if rule.mode == "native" else rule.size


def _row(image: Bytes, view: View, top: int, lefts: Sequence[int], scores: Scores, batch: int) -> Floats:
    """The scores float32 [K,h',W'] of a row of windows, the mean where they overlap."""
    size, down = (view.height, view.width), slice(top, top + view.window_height)
    total, count = np.empty(0, np.float32), np.empty(0, np.float32)
    unit = 1
    for first in range(0, len(lefts), batch):
        chosen = lefts[first : first + batch]
        windows = [shrunk(image, size, (down, slice(left, left + view.window_width))) for left in chosen]
        answers = scores(np.stack(windows))
        if not total.size:
            unit = _unit(view.window_width, answers.shape[3], lefts)
            width = answers.shape[3] + lefts[-1] // unit
            total = np.zeros((*answers.shape[1:3], width), np.float32)
            count = np.zeros(width, np.float32)
        for left, answer in zip(chosen, answers, strict=True):
            there = slice(left // unit, left // unit + answer.shape[2])
            total[:, :, there] += answer
            count[there] += 1
    total /= count
    return total


def _unit(window: int, scores: int, begins: Sequence[int]) -> int:
    """Pixels a score; 1 where there is a single window, whose place says nothing."""
    if len(begins) == 1:
        return 1
    unit = window // scores
    if unit * scores != window or GRID % unit:
        raise BackendError(
            f"this model gives {scores} scores for {window} pixels, which windows cannot be joined from",
            hint="use --window whole",
        )
    return unit


def _bands(
    tops: Sequence[int], first: Floats, row_at: Callable[[int], Floats], unit: int
) -> Iterator[Floats]:
    """Bands of finished rows: those above the next row of windows."""
    held, count = first, np.ones(first.shape[1], np.float32)
    for top, below in itertools.pairwise(tops):
        done = (below - top) // unit
        yield held[:, :done] / count[None, :done, None]
        fresh, again = row_at(below), np.ones(first.shape[1], np.float32)
        rest = held.shape[1] - done
        fresh[:, :rest] += held[:, done:]
        again[:rest] += count[done:]
        held, count = fresh, again
    yield held / count[None, :, None]

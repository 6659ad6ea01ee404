"""Finds out how the mask files of a source are encoded, from the palette and a sample of the files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import MaskError
from segstudio.training.data.classes import IGNORED, MaskClass
from segstudio.training.data.files import evenly
from segstudio.training.data.masks import (
    BINARY,
    CITYSCAPES_IDS,
    CITYSCAPES_TRAIN_IDS,
    COLOURS,
    NUMBERS,
    RawMask,
    colour_codes,
    number_table,
    read_raw,
)
from segstudio.training.spec.studio import MaskRules

SAMPLED_FILES = 16
# Of colour files with more pixels than this only every third row and column is counted.
MANY_PIXELS = 1 << 20
CITYSCAPES_IDS_END = 34
# Sky, cars and trees have label ids beyond the train ids; a few strange pixels are mistakes in train ids.
CITYSCAPES_SHARE = 0.9
# Binary masks that were resampled or compressed have few pixels away from both ends.
ENDS_SHARE, ENDS_REACH = 0.9, 32


@dataclass
class Tally:
    """What a sample of mask files holds.

    Attributes:
        numbers: int64 [256], pixels of each number, over files that have numbers.
        colours: pixels of each colour code, over all files.
        files: how many were counted.
        rgb_files: those with three channels.
        indexed: whether a file has colours of its own beside its numbers.
        without_numbers: pixels of files that are colours alone.
    """

    numbers: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    colours: dict[int, int] = field(default_factory=dict)
    files: int = 0
    rgb_files: int = 0
    indexed: bool = False
    without_numbers: int = 0

    def add(self, raw: RawMask) -> None:
        """Counts one more file."""
        self.files += 1
        self.rgb_files += raw.colours is not None
        self.indexed |= raw.table is not None
        if raw.numbers is None:
            assert raw.colours is not None
            stride = 3 if raw.colours[..., 0].size > MANY_PIXELS else 1
            seen, counts = np.unique(colour_codes(raw.colours[::stride, ::stride]), return_counts=True)
        else:
            per_number = np.bincount(raw.numbers.ravel(), minlength=256)
            table = (
                raw.table if raw.table is not None else np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)
            )
            seen, counts = colour_codes(table), per_number
        for code, count in zip(seen.tolist(), counts.tolist(), strict=True):
            if count:
                self.colours[code] = self.colours.get(code, 0) + count
        if raw.numbers is not None:
            self.numbers += np.bincount(raw.numbers.ravel(), minlength=256)
        else:
            self.without_numbers += int(np.prod(raw.shape))

    def number_share(self, known: NDArray[np.bool_]) -> float:
        """The share of the pixels whose number is known."""
        return float(self.numbers[known].sum() / max(1, self.numbers.sum() + self.without_numbers))

    def colour_share(self, classes: Sequence[MaskClass]) -> float:
        """The share of the pixels whose colour is a class's; 0 where none of them counts."""
        known = {entry.rgb[0] << 16 | entry.rgb[1] << 8 | entry.rgb[2]: entry for entry in reversed(classes)}
        matched = {code: count for code, count in self.colours.items() if code in known}
        # An indexed file whose colours are all black matches the colour of ignored pixels.
        if all(known[code].class_id == IGNORED for code in matched):
            return 0.0
        return sum(matched.values()) / max(1, sum(self.colours.values()))


def tally(files: Sequence[Path]) -> Tally:
    """Counts a sample of the files, evenly spread; those that cannot be read say nothing."""
    counted = Tally()
    for path in evenly(tuple(files), SAMPLED_FILES):
        try:
            counted.add(read_raw(path))
        except MaskError:
            # The scan of the source tells which files these are, and why.
            continue
    return counted


def detect(
    files: Sequence[Path], classes: tuple[MaskClass, ...], rules: MaskRules, *, cityscapes: bool, norm: bool
) -> str:
    """The encoding of the masks of a source.

    Args:
        files: all masks of the source.
        classes: what may stand in them.
        rules: how numbers are to be read.
        cityscapes: whether the classes are those of Cityscapes.
        norm: whether label_transform says that 0 and 255 stand for 0 and 1.
    """
    if cityscapes and (named := _by_names(files)):
        return named
    seen = tally(files)
    present = np.flatnonzero(seen.numbers)
    known = number_table(classes, rules)[1]
    by_number, by_colour = seen.number_share(known), seen.colour_share(classes)
    if by_colour == 1 and (seen.rgb_files or _coded_in_grey(classes)):
        return COLOURS
    if _is_binary(seen, classes, norm):
        return BINARY
    if by_number == 1:
        return NUMBERS
    if cityscapes and by_number < CITYSCAPES_SHARE and _below(present, CITYSCAPES_IDS_END):
        return CITYSCAPES_IDS
    # A stray colour file among id masks does not decide for all.
    if seen.without_numbers and 2 * seen.rgb_files > seen.files:
        return COLOURS
    return COLOURS if by_colour > by_number else NUMBERS


def holds_ones(files: Sequence[Path]) -> bool:
    """Whether the masks hold 0 and 1 alone, so that they are ids even where binary masks are announced."""
    numbers = tally(files).numbers
    return bool(numbers[1]) and not numbers[2:].any()


def _by_names(files: Sequence[Path]) -> str:
    stems = [path.stem for path in files[:SAMPLED_FILES]]
    if stems and all(stem.endswith("_labelIds") for stem in stems):
        return CITYSCAPES_IDS
    if stems and all(stem.endswith("_labelTrainIds") for stem in stems):
        return CITYSCAPES_TRAIN_IDS
    return ""


def _coded_in_grey(classes: Sequence[MaskClass]) -> bool:
    """Whether the colours are the numbers of masks written three times, as in TAO's default palette."""
    counted = [entry for entry in classes if entry.value != IGNORED]
    greys = {entry.rgb[0] for entry in counted if len(set(entry.rgb)) == 1}
    return len(greys) == len(counted) and greys == {entry.value for entry in counted}


def _is_binary(seen: Tally, classes: Sequence[MaskClass], norm: bool) -> bool:
    counted = [entry for entry in classes if entry.value != IGNORED]
    if len(counted) != 2 or seen.without_numbers or not seen.numbers[2:].any():
        return False
    present = set(np.flatnonzero(seen.numbers).tolist())
    if present <= {entry.value for entry in counted} | {IGNORED} and present - {0, IGNORED}:
        return False
    if present <= {0, IGNORED}:
        declared = any(entry.value == IGNORED and entry.name != "ignored" for entry in classes)
        # An indexed file of 0 and 255 is an id mask in which one class and unlabelled pixels occur.
        return norm or not (declared or seen.indexed)
    ends = int(seen.numbers[: ENDS_REACH + 1].sum() + seen.numbers[IGNORED - ENDS_REACH :].sum())
    return bool(ends >= ENDS_SHARE * seen.numbers.sum() and seen.numbers[IGNORED - ENDS_REACH :].any())


def _below(present: NDArray[np.intp], end: int) -> bool:
    numbers = present[present != IGNORED]
    return bool(numbers.size and numbers.max() < end)

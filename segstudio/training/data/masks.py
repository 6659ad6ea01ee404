"""Reads mask files of every usual encoding into class ids, and counts what has no meaning."""

import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segstudio.errors import MaskError, SpecError
from segstudio.training.data.classes import IGNORED, MaskClass
from segstudio.training.spec.studio import MaskRules

Ids = NDArray[np.uint8]

NUMBERS, COLOURS, BINARY = "ids", "colours", "binary"
CITYSCAPES_IDS, CITYSCAPES_TRAIN_IDS = "cityscapes-ids", "cityscapes-train-ids"
ENCODINGS = ("auto", NUMBERS, COLOURS, BINARY, CITYSCAPES_IDS, CITYSCAPES_TRAIN_IDS)
# Pillow spreads grey PNG files of 2 and 4 bits over 0-255; their ids are these fractions.
SPREAD = {"L;2": 85, "L;4": 17}


@dataclass(frozen=True)
class RawMask:
    """A mask file as it is: numbers uint8 [H,W], or colours uint8 [H,W,3], or an index and its colours.

    Attributes:
        numbers: of files with one channel, and of colour files whose channels are equal.
        colours: of colour files.
        table: uint8 [256,3], the colours of an indexed file.
    """

    numbers: Ids | None
    colours: NDArray[np.uint8] | None = None
    table: NDArray[np.uint8] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        part = self.numbers if self.numbers is not None else self.colours
        assert part is not None
        return part.shape[0], part.shape[1]

    def codes(self) -> NDArray[np.uint32]:
        """uint32 [H,W]: the colours as red << 16 | green << 8 | blue."""
        if self.colours is not None:
            return colour_codes(self.colours)
        assert self.numbers is not None
        grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        return colour_codes(grey if self.table is None else self.table)[self.numbers]


def colour_codes(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """uint8 [...,3] as 24-bit numbers, uint32 [...]."""
    wide = colours.astype(np.uint32)
    shifted: NDArray[np.uint32] = wide << np.array([16, 8, 0], np.uint32)
    codes: NDArray[np.uint32] = np.bitwise_or.reduce(shifted, axis=-1)
    return codes


def read_raw(path: Path) -> RawMask:
    """Decodes a mask file; alpha is dropped.

    Raises:
        MaskError: it cannot be read, or holds numbers above 255.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with path.open("rb") as stream, Image.open(stream) as image:
                spread = SPREAD.get(str(image.tile[0][3]), 1) if image.tile else 1
                image.load()
                return _raw(image, spread, path)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MaskError(f"{path} cannot be read: {reason}", hint="restore it from a copy") from error


def _raw(image: Image.Image, spread: int, path: Path) -> RawMask:
    if image.mode == "P":
        table = np.zeros((256, 3), np.uint8)
        entries = np.array(image.getpalette() or [], np.uint8).reshape(-1, 3)
        table[: len(entries)] = entries
        return RawMask(np.array(image, np.uint8), None, table)
    if image.mode == "1":
        return RawMask(np.array(image, np.bool_).astype(np.uint8))
    if image.mode in ("L", "LA"):
        return RawMask(np.array(image.getchannel(0), np.uint8) // np.uint8(spread))
    if image.mode.startswith("I"):
        wide = np.asarray(image)
        if wide.min() < 0 or wide.max() > IGNORED:
            raise MaskError(
                f"{path} holds numbers up to {wide.max()} (16 bit)",
                hint="masks hold class ids 0-255; files of instances are no masks",
            )
        return RawMask(wide.astype(np.uint8))
    if image.mode == "F":
        raise MaskError(f"{path} holds fractions", hint="masks hold class ids 0-255")
    colours = np.array(image.convert("RGB"), np.uint8)
    first = colours[:, :, 0]
    equal = np.array_equal(first, colours[:, :, 1]) and np.array_equal(first, colours[:, :, 2])
    return RawMask(np.ascontiguousarray(first) if equal else None, colours)


@dataclass(frozen=True)
class Decoded:
    """Class ids uint8 [H,W], and the pixels of each number or colour code without meaning (they are 255)."""

    ids: Ids
    unmatched: dict[int, int] = field(default_factory=dict)


class MaskCodec:
    """Turns mask files of one encoding into class ids; pickles to a few bytes."""

    def __init__(self, encoding: str, classes: tuple[MaskClass, ...], rules: MaskRules) -> None:
        """Use with the classes that the files hold.

        Raises:
            SpecError: binary masks and not exactly two classes.
        """
        self.encoding, self.classes, self._rules = encoding, classes, rules
        self._numbers, self._known = number_table(classes, rules)
        self._colours: NDArray[np.uint8] | None = None
        self._binary = binary_ids(classes, rules) if encoding == BINARY else (0, 0)

    def __getstate__(self) -> dict[str, object]:
        """Without the table of colours, which is 16 MB and made again."""
        return {**self.__dict__, "_colours": None}

    @property
    def fingerprint(self) -> str:
        """Changes with everything that decides what a file is read as."""
        facts = repr((self.encoding, self.classes, self._rules))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def read(self, path: Path) -> Decoded:
        """Reads and decodes a file.

        Raises:
            MaskError: it cannot be read, or is of another kind than the encoding.
        """
        return self.decode(read_raw(path), path)

    def decode(self, raw: RawMask, path: Path) -> Decoded:
        """Class ids of what a file holds; see `read`."""
        if self.encoding == COLOURS:
            return self._from_colours(raw.codes())
        if raw.numbers is None:
            raise MaskError(
                f"{path} holds colours, and is read as {self.encoding}",
                hint="set studio.masks.encoding to auto or colours",
            )
        if self.encoding == BINARY:
            low, high = self._binary
            above = raw.numbers > self._rules.threshold * 255
            return Decoded(np.where(above, np.uint8(high), np.uint8(low)))
        return self._from_numbers(raw.numbers)

    def name_value(self, value: int) -> str:
        """How a number or colour code is shown to people."""
        if self.encoding == COLOURS:
            return f"rgb {value >> 16},{value >> 8 & 255},{value & 255}"
        return f"id {value}"

    def _from_numbers(self, numbers: Ids) -> Decoded:
        counts = np.bincount(numbers.ravel(), minlength=256)
        strange = np.flatnonzero((counts > 0) & ~self._known)
        return Decoded(self._numbers[numbers], {int(value): int(counts[value]) for value in strange})

    def _from_colours(self, codes: NDArray[np.uint32]) -> Decoded:
        if self._colours is None:
            self._colours = colour_table(self.classes)
        positions = self._colours[codes]
        class_ids = np.full(256, IGNORED, np.uint8)
        class_ids[: len(self.classes)] = [entry.class_id for entry in self.classes]
        strange = positions == UNKNOWN_COLOUR
        if not strange.any():
            return Decoded(class_ids[positions])
        values, counts = np.unique(codes[strange], return_counts=True)
        return Decoded(class_ids[positions], dict(zip(values.tolist(), counts.tolist(), strict=True)))


UNKNOWN_COLOUR = 255


def number_table(classes: tuple[MaskClass, ...], rules: MaskRules) -> tuple[Ids, NDArray[np.bool_]]:
    """uint8 [256], the class id of each number in a file, and bool [256], whether it has a meaning."""
    table, known = np.full(256, IGNORED, np.uint8), np.zeros(256, np.bool_)
    known[IGNORED] = True
    counted = [entry for entry in classes if entry.value != IGNORED]
    for position, entry in enumerate(counted):
        value = position if rules.palette_order else entry.value
        value += 1 if rules.reduce_zero_label else 0
        if value <= IGNORED:
            table[value], known[value] = entry.class_id, True
    if rules.reduce_zero_label:
        table[0], known[0] = IGNORED, True
    return table, known


def colour_table(classes: Iterable[MaskClass]) -> NDArray[np.uint8]:
    """uint8 [2^24]: the position of the class of each 24-bit colour; of several the first counts.

    Raises:
        SpecError: there are more classes than positions.
    """
    listed = list(classes)
    if len(listed) > UNKNOWN_COLOUR:
        raise SpecError(f"{len(listed)} colours are too many", hint="use id masks for so many classes")
    table = np.full(1 << 24, UNKNOWN_COLOUR, np.uint8)
    for position, entry in reversed(list(enumerate(listed))):
        table[entry.rgb[0] << 16 | entry.rgb[1] << 8 | entry.rgb[2]] = position
    return table


def binary_ids(classes: tuple[MaskClass, ...], rules: MaskRules) -> tuple[int, int]:
    """The class ids of the dark and of the bright pixels.

    Where the colours of the two classes are black and white (255 or, in TAO's way, 1), they decide; else
    label_id 0 is dark and 1 is bright.

    Raises:
        SpecError: there are not two classes.
    """
    counted = [entry for entry in classes if entry.value != IGNORED]
    if len(counted) != 2:
        raise SpecError(
            f"binary masks stand for two classes, dataset.segment.palette has {len(counted)}",
            hint="set studio.masks.encoding to ids or colours",
        )
    by_colour = sorted(counted, key=lambda entry: entry.rgb)
    black_and_white = by_colour[0].rgb == (0, 0, 0) and by_colour[1].rgb in ((255, 255, 255), (1, 1, 1))
    if rules.palette_order:
        dark, bright = counted
    elif black_and_white:
        dark, bright = by_colour
    else:
        dark, bright = sorted(counted, key=lambda entry: entry.value)
    return dark.class_id, bright.class_id

"""Describes the samples of a run before it starts: classes, sizes, suspicious files, leakage."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette, mapping
from segstudio.errors import SpecError
from segstudio.training.data.classes import IGNORED
from segstudio.training.data.leakage import Twin, copies, near_duplicates
from segstudio.training.data.scan import FileFacts
from segstudio.training.data.split import Split

SHOWN = 10
MOSTLY_IGNORED, HALF_IGNORED = 0.95, 0.5
# A picture with so many times fewer or more pixels than the median one is an outlier.
ODD_SIZE = 4.0


@dataclass(frozen=True)
class ClassSupport:
    """How much there is of a class: pixels, their share of the counted ones (0-1), samples with any."""

    name: str
    pixels: int
    share: float
    samples: int


@dataclass(frozen=True)
class SplitFacts:
    """One split in numbers; `ignored` is a share of all pixels (0-1), `sizes` samples by "WIDTHxHEIGHT"."""

    samples: int
    classes: tuple[ClassSupport, ...]
    ignored: float
    sizes: dict[str, int]
    skipped: tuple[tuple[str, str], ...]
    images_without_mask: int
    masks_without_image: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Suspicion:
    """A sample, or a class, that deserves a look, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Leak:
    """The same view in training and validation; `bits` of 64 differ, -1 for equal files."""

    train: str
    validation: str
    bits: int


@dataclass(frozen=True)
class DataReport:
    """What `examine` found."""

    train: SplitFacts
    validation: SplitFacts | None
    suspicions: tuple[Suspicion, ...]
    leaks: tuple[Leak, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain nested values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a terminal, in the order of what matters."""
        lines = _split_lines("train", self.train)
        if self.validation:
            lines += _split_lines("validation", self.validation)
        if self.leaks:
            equal = sum(leak.bits < 0 for leak in self.leaks)
            lines.append(
                f"leakage: {len(self.leaks)} validation images are in training too"
                f" ({equal} equal files, {len(self.leaks) - equal} near-duplicates)"
            )
            lines += _first(f"  {leak.validation} is like {leak.train}" for leak in self.leaks)
        if self.suspicions:
            lines.append(f"worth a look: {len(self.suspicions)}")
            lines += _first(f"  {entry.subject}: {entry.reason}" for entry in self.suspicions)
        return lines


def examine(train: Split, validation: Split | None) -> DataReport:
    """Describes the splits of a run from what was found when they were opened.

    Raises:
        SpecError: studio.data.leakage is stop, and validation images are in training too.
    """
    has_validation = validation is not None and len(validation) > 0
    leaks: tuple[Leak, ...] = ()
    suspicions = [*_odd_samples(train)]
    if has_validation and validation is not None:
        suspicions += [*_odd_samples(validation), *_lopsided(train, validation)]
        if train.rules.leakage != "off":
            leaks = find_leaks(train, validation)
    if leaks and train.rules.leakage == "stop":
        raise SpecError(
            f"{len(leaks)} validation images are in training too, first {leaks[0].validation}",
            hint=f"it is like {leaks[0].train}; move them, or set studio.data.leakage to warn",
        )
    return DataReport(
        split_facts(train),
        split_facts(validation) if has_validation and validation is not None else None,
        tuple(suspicions),
        leaks,
    )


def find_leaks(train: Split, validation: Split) -> tuple[Leak, ...]:
    """Validation images that training has too: equal files, else views that hardly differ."""
    ours, theirs = train.numbered(), validation.numbered()
    our_facts = [source.facts[number] for source, number in ours]
    their_facts = [source.facts[number] for source, number in theirs]
    twins = {
        twin.other: twin
        for twin in (
            *_near(our_facts, their_facts),
            *copies([f.image_digest for f in our_facts], [f.image_digest for f in their_facts]),
        )
    }
    return tuple(
        Leak(
            ours[twin.train][0].name(ours[twin.train][1]), theirs[other][0].name(theirs[other][1]), twin.bits
        )
        for other, twin in sorted(twins.items())
    )


def _near(ours: Sequence[FileFacts], theirs: Sequence[FileFacts]) -> list[Twin]:
    (our_hashes, our_places), (their_hashes, their_places) = _views(ours), _views(theirs)
    return [
        Twin(int(our_places[twin.train]), int(their_places[twin.other]), twin.bits)
        for twin in near_duplicates(our_hashes, their_hashes)
    ]


def _views(facts: Sequence[FileFacts]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashes of the samples that have one, and which samples these are."""
    places = [number for number, entry in enumerate(facts) if entry.view is not None]
    return np.array([facts[number].view for number in places], np.uint64), np.array(places, np.int64)


def split_facts(split: Split) -> SplitFacts:
    """A split in numbers."""
    tables = [source.pixels for source in split.sources]
    pixels = np.sum([table.sum(0) for table in tables], axis=0)
    samples = np.sum([(table > 0).sum(0) for table in tables], axis=0)
    facts = [source.facts[number] for source, number in split.numbered()]
    total = sum(entry.height * entry.width for entry in facts)
    counted = max(1, int(pixels.sum()))
    sizes = Counter(f"{entry.width}x{entry.height}" for entry in facts)
    return SplitFacts(
        len(split),
        tuple(
            ClassSupport(name, int(count), int(count) / counted, int(with_any))
            for name, count, with_any in zip(split.palette.names, pixels, samples, strict=True)
        ),
        sum(entry.pixels.get(IGNORED, 0) for entry in facts) / max(1, total),
        dict(sizes.most_common()),
        tuple((str(path), reason) for path, reason in split.skipped),
        len(split.orphans_images),
        len(split.orphans_masks),
        split.notes,
    )


def _odd_samples(split: Split) -> Iterable[Suspicion]:
    """Samples with one class alone, mostly ignored, or of an unusual size."""
    areas = [entry.height * entry.width for source in split.sources for entry in source.facts]
    usual = float(np.median(areas)) if areas else 0.0
    for source, number in split.numbered():
        entry = source.facts[number]
        area = max(1, entry.height * entry.width)
        ignored = entry.pixels.get(IGNORED, 0) / area
        present = [class_id for class_id in entry.pixels if class_id != IGNORED]
        name = source.name(number)
        if ignored > MOSTLY_IGNORED:
            yield Suspicion(name, f"{ignored:.0%} of its pixels are ignored")
        elif ignored > HALF_IGNORED:
            yield Suspicion(name, f"255 (ignored) covers {ignored:.0%}; are its masks 0/255?")
        if len(present) == 1 and split.palette.count > 1:
            yield Suspicion(name, f"nothing but {split.palette.names[present[0]]}")
        if not usual / ODD_SIZE <= area <= usual * ODD_SIZE:
            yield Suspicion(name, f"{entry.width}x{entry.height}, unlike the others")


def _lopsided(train: Split, validation: Split) -> Iterable[Suspicion]:
    """Classes that one split has and the other lacks."""
    ours, theirs = _present(train), _present(validation)
    for name in sorted(theirs - _reached(ours, train.palette, validation.palette)):
        yield Suspicion(f"class {name}", "is in validation, and training has none of it")
    for name in sorted(ours - _reached(theirs, validation.palette, train.palette)):
        yield Suspicion(f"class {name}", "is in training, and validation has none of it: it is not measured")


def _present(split: Split) -> set[str]:
    pixels = np.sum([source.pixels.sum(0) for source in split.sources], axis=0)
    return {name for name, count in zip(split.palette.names, pixels, strict=True) if count}


def _reached(names: set[str], own: Palette, other: Palette) -> set[str]:
    """The classes of another palette that classes of this one stand for."""
    table = mapping(own, other)
    found = {int(table[own.index(name)]) for name in names} - {IGNORED}
    return {other.names[class_id] for class_id in found}


def _split_lines(title: str, facts: SplitFacts) -> list[str]:
    sizes = ", ".join(f"{count} of {size}" for size, count in list(facts.sizes.items())[:3])
    more = f" and {len(facts.sizes) - 3} other sizes" if len(facts.sizes) > 3 else ""
    lines = [f"{title}: {facts.samples} samples ({sizes}{more}), {facts.ignored:.1%} of the pixels ignored"]
    lines += [f"  {note}" for note in facts.notes]
    lines += [
        f"  {entry.name}: {entry.share:.2%} of the pixels, in {entry.samples} samples"
        for entry in facts.classes
    ]
    if facts.images_without_mask or facts.masks_without_image:
        lines.append(
            f"  without partner: {facts.images_without_mask} images, {facts.masks_without_image} masks"
        )
    if facts.skipped:
        lines.append(f"  skipped: {len(facts.skipped)}")
        lines += _first(f"    {path}: {reason}" for path, reason in facts.skipped)
    return lines


def _first(lines: Iterable[str]) -> list[str]:
    """The first lines, and how many more there are."""
    listed = list(lines)
    more = [f"  and {len(listed) - SHOWN} more"] if len(listed) > SHOWN else []
    return listed[:SHOWN] + more

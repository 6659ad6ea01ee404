"""Opens the splits of a spec: its sources together, in the classes of one palette."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segstudio.annotation.palette import Palette, load_palette
from segstudio.errors import SpecError
from segstudio.jobs import JobContext
from segstudio.training.data.codec_choice import choose_codec
from segstudio.training.data.draw import Draw
from segstudio.training.data.finding import SPLITS, Found, find, wanted_sources
from segstudio.training.data.manifest import read_manifest
from segstudio.training.data.masks import MaskCodec
from segstudio.training.data.scan import OTHER_VALUES, Reader
from segstudio.training.data.sources import FileSource, ImageSource, SceneSource, Source
from segstudio.training.spec.derived import model_palette
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import DataSpec, SourceSpec

SHOWN_VALUES = 12
SHOWN_REASONS = 3
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Split:
    """The samples of a split and what became of the files that are no samples.

    Attributes:
        name: train, validation, test or predict.
        palette: of the masks.
        sources: what the samples come from; empty for a validation that the spec does not have.
        skipped: files that cannot be used, with the reason.
        orphans_images: images that lack a mask.
        orphans_masks: masks that lack an image.
        notes: how masks are read, and what is left out.
        rules: studio.data.
    """

    name: str
    palette: Palette
    sources: tuple[Source, ...]
    skipped: tuple[tuple[Path, str], ...] = ()
    orphans_images: tuple[Path, ...] = ()
    orphans_masks: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    rules: DataSpec = field(default_factory=DataSpec)

    def __len__(self) -> int:
        """Number of samples in all sources."""
        return sum(len(source) for source in self.sources)

    @property
    def labelled(self) -> bool:
        """Whether every sample has a mask."""
        return all(source.labelled for source in self.sources)

    def describe(self, draw: Draw) -> str:
        """The name of a draw's sample, for messages."""
        return self.sources[draw.source].name(draw.number)

    def numbered(self) -> list[tuple[Source, int]]:
        """The source of every sample and its number there, in order."""
        return [(source, number) for source in self.sources for number in range(len(source))]


@dataclass(frozen=True)
class _Opened:
    source: Source | None
    found: Found
    skipped: tuple[tuple[Path, str], ...] = ()
    notes: tuple[str, ...] = ()


def open_split(spec: ExperimentSpec, split: str, context: JobContext) -> Split:
    """Opens a split of a spec; its masks are read once and checked, and remembered for the next time.

    Training masks have ids of the network's classes. Those of another split keep the ids of their own palette
    where all its sources name one and the same; who compares maps the predictions.

    Args:
        spec: which sources, palette and rules.
        split: train, validation, test or predict; the last has images alone, which are not read here.
        context: progress and cancellation.

    Raises:
        SpecError: nothing usable is there, or masks hold what the palette does not know (unless ignored).
        Cancelled: the context was cancelled.
    """
    wanted = wanted_sources(spec, split)
    target = split_palette(wanted, spec, split)
    # Training alone visits its samples again and again.
    cache = spec.studio.data.cache_mb * MEGABYTE // max(1, len(wanted)) if split == "train" else 0
    opened = []
    for entry in wanted:
        part = _open_source(entry, spec, split, target, cache, context)
        if part.source is None or not len(part.source):
            raise _empty(split, part)
        opened.append(part)
    return Split(
        split,
        target,
        tuple(part.source for part in opened if part.source is not None),
        tuple(pair for part in opened for pair in part.skipped),
        tuple(path for part in opened for path in part.found.orphans_images),
        tuple(path for part in opened for path in part.found.orphans_masks),
        tuple(note for part in opened for note in part.notes),
        spec.studio.data,
    )


def split_palette(wanted: Sequence[SourceSpec], spec: ExperimentSpec, split: str) -> Palette:
    """The palette of a split's masks: the network's, or the one other palette that all sources name."""
    model = model_palette(spec)
    if split == "train" or not wanted:
        return model
    named = [_other_palette(entry, spec) for entry in wanted]
    first = named[0]
    same = first is not None and all(other is not None and other.classes == first.classes for other in named)
    return first if same and first is not None and first.classes != model.classes else model


def _other_palette(entry: SourceSpec, spec: ExperimentSpec) -> Palette | None:
    """The palette that a source names, None where it is the spec's own."""
    if entry.kind == "manifest":
        return read_manifest(Path(entry.path)).palette
    own = not entry.palette or entry.palette == spec.dataset.segment.palette
    return None if own else load_palette(entry.palette)


def _open_source(
    entry: SourceSpec, spec: ExperimentSpec, split: str, target: Palette, cache: int, context: JobContext
) -> _Opened:
    grey = spec.studio.data.grayscale
    if entry.kind == "scenes":
        return _Opened(SceneSource(entry, target, context), Found("scenes"))
    found = find(entry, split, getattr(spec.dataset.segment, SPLITS[split][1]))
    if found.images:
        return _Opened(ImageSource(found, entry.weight, target.count, grayscale=grey), found, found.skipped)
    if not found.pairs:
        return _Opened(None, found, found.skipped)
    codec, notes = choose_codec(entry, found, spec, target)
    source = FileSource(found, entry.weight, Reader(codec, grayscale=grey), context, target.count, cache)
    if spec.studio.masks.unmatched == "stop":
        refuse_unmatched(source, codec)
    return _Opened(source, found, (*found.skipped, *source.skipped), notes)


def refuse_unmatched(source: FileSource, codec: MaskCodec) -> None:
    """Stops where masks hold numbers or colours that the palette does not know.

    Raises:
        SpecError: lists them with their pixels, share, number of files and first file.
    """
    pixels, files, first = Counter[int](), Counter[int](), dict[int, str]()
    for number, entry in enumerate(source.facts):
        for value, count in entry.unmatched.items():
            pixels[value] += count
            files[value] += 1
            first.setdefault(value, str(source.paths(number)[1]))
    if not pixels:
        return
    total = sum(entry.height * entry.width for entry in source.facts)
    rows = [
        f"{'others' if value == OTHER_VALUES else codec.name_value(value)}: {count} pixels"
        f" ({count / total:.3%}) in {files[value]} files, first {first[value]}"
        for value, count in pixels.most_common(SHOWN_VALUES)
    ]
    if len(pixels) > SHOWN_VALUES:
        rows.append(f"and {len(pixels) - SHOWN_VALUES} more")
    strange = sum(1 for entry in source.facts if entry.unmatched)
    raise SpecError(
        f"{source.title}: {pixels.total() / total:.3%} of the pixels, in {strange} of {len(source)} masks"
        f" read as {codec.encoding}, have no class in the palette",
        hint=f"{'; '.join(rows)}. Correct dataset.segment.palette or studio.masks.encoding, or let them"
        " not count: studio.masks.unmatched: ignore",
    )


def _empty(split: str, part: _Opened) -> SpecError:
    reasons = "; ".join(reason for _, reason in part.skipped[:SHOWN_REASONS])
    if part.skipped:
        return SpecError(f"{part.found.name} has no usable sample for {split}", hint=reasons)
    orphans = (
        f"{len(part.found.orphans_images)} images and {len(part.found.orphans_masks)} masks lack a partner"
    )
    return SpecError(f"{part.found.name} has no pair of equal names for {split}", hint=orphans)

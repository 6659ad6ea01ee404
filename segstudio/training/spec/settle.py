"""Settles what a spec may say in several ways, or leave open: label_transform, classes, what to score."""

from collections.abc import Sequence
from dataclasses import replace

from segstudio.annotation.palette import load_palette
from segstudio.errors import PaletteError, SpecError
from segstudio.training.spec.derived import model_palette
from segstudio.training.spec.schema import ExperimentSpec, PaletteEntry, SegmentSpec

# What YAML, Python and TAO's documents write for no transform.
NO_TRANSFORM = ("none", "null", "~", "")
IGNORED = 255


def settled(spec: ExperimentSpec, where: str, task: str) -> tuple[ExperimentSpec, tuple[str, ...]]:
    """The spec with one spelling for each of these, and notes on what was made of another.

    Raises:
        SpecError: num_classes is not the palette's count, or the palette is wrong.
    """
    segment = spec.dataset.segment
    if segment.label_transform is not None and segment.label_transform.lower() in NO_TRANSFORM:
        segment = replace(segment, label_transform=None)
    spec = replace(spec, dataset=replace(spec.dataset, segment=segment))
    segment, notes = _counted(spec, where)
    spec = replace(spec, dataset=replace(spec.dataset, segment=segment))
    if task == "evaluate" and not (spec.studio.test or segment.root_dir) and spec.studio.validation:
        spec = replace(spec, studio=replace(spec.studio, test=spec.studio.validation))
        notes = (*notes, "studio.test is empty: studio.validation is scored")
    return spec, notes


def _counted(spec: ExperimentSpec, where: str) -> tuple[SegmentSpec, tuple[str, ...]]:
    """num_classes: the palette's count, or that and the ignored entry, or its entries before they merge."""
    segment, key = spec.dataset.segment, "dataset.segment.num_classes"
    try:
        count, entries, ignored = _counts(spec, segment.palette)
    except PaletteError as error:
        raise SpecError(f"{where}: {error.message}", hint=error.hint) from error
    said = segment.num_classes
    if said in (0, count):
        return segment, ()
    merged, ignored_too = "classes with one mapping_class are one", "the entry with label_id 255 is no class"
    # Of two readings of one number the first counts.
    reasons = {
        entries + ignored: f"{ignored_too}, {merged}" if entries != count else ignored_too,
        count + ignored: ignored_too,
        entries: merged,
    }
    if said not in reasons:
        raise SpecError(
            f"{where}: {key} is {said}, dataset.segment.palette has {count} classes",
            hint=f"set {key} to {count} or leave it out; an entry with label_id 255 does not count",
        )
    return replace(segment, num_classes=count), (f"{key} is {said} and counts as {count}: {reasons[said]}",)


def _counts(spec: ExperimentSpec, palette: str | Sequence[PaletteEntry]) -> tuple[int, int, int]:
    """(classes of the network, entries of the palette, how many of them are ignored)."""
    count = model_palette(spec).count
    if isinstance(palette, str):
        return count, load_palette(palette).count, 1
    ignored = sum(entry.label_id == IGNORED for entry in palette)
    return count, len(palette) - ignored, ignored

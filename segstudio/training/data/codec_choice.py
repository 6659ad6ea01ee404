"""Chooses how the masks of a source are read: what its spec says, else what its files look like."""

from collections.abc import Sequence
from pathlib import Path

from segstudio.annotation.palette import Palette, load_palette
from segstudio.training.data.classes import IGNORED, MaskClass, classes_between, entries_of, own_classes
from segstudio.training.data.detect import detect, holds_ones
from segstudio.training.data.finding import Found
from segstudio.training.data.masks import BINARY, CITYSCAPES_IDS, CITYSCAPES_TRAIN_IDS, NUMBERS, MaskCodec
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import MaskRules, SourceSpec

# The palette whose ids stand in files of these encodings.
FILE_PALETTES = {CITYSCAPES_IDS: "cityscapes-34", CITYSCAPES_TRAIN_IDS: "cityscapes"}


def choose_codec(
    entry: SourceSpec, found: Found, spec: ExperimentSpec, target: Palette
) -> tuple[MaskCodec, tuple[str, ...]]:
    """The codec of a source's masks, whose ids are the target's, and notes on it for the user.

    Raises:
        SpecError: binary masks are announced for a palette of other than two classes.
    """
    rules = MaskRules() if found.frozen else spec.studio.masks
    classes = mask_classes(found.palette, spec, target)
    masks = [pair.mask for pair in found.pairs]
    encoding = NUMBERS if found.frozen else entry.encoding or rules.encoding
    encoding = _decided(encoding, masks, classes, rules, spec)
    if encoding in FILE_PALETTES:
        classes = classes_between(load_palette(FILE_PALETTES[encoding]), target)
        rules = MaskRules(unmatched=rules.unmatched)
    notes = [f"{found.name}: masks are read as {encoding}"]
    lost = [entry.name for entry in classes if entry.class_id == IGNORED and entry.value != IGNORED]
    if lost:
        notes.append(f"{found.name}: no class of {target.name} stands for {', '.join(lost)}: ignored")
    return MaskCodec(encoding, classes, rules), tuple(notes)


def mask_classes(palette: Palette | None, spec: ExperimentSpec, target: Palette) -> tuple[MaskClass, ...]:
    """What stands in masks of a palette (None: the spec's own) for the classes of the target."""
    if palette is not None:
        return classes_between(palette, target)
    wanted, where = spec.dataset.segment.palette, "dataset.segment.palette"
    if not isinstance(wanted, str):
        return own_classes(wanted, target, where)
    named = load_palette(wanted)
    ignored = MaskClass(named.ignore_id, "ignored", named.ignore_rgb, IGNORED)
    return (*own_classes(entries_of(named), target, where), ignored)


def _decided(
    encoding: str,
    masks: Sequence[Path],
    classes: tuple[MaskClass, ...],
    rules: MaskRules,
    spec: ExperimentSpec,
) -> str:
    if encoding == BINARY and holds_ones(masks):
        return NUMBERS
    if encoding != "auto":
        return encoding
    transform = spec.dataset.segment.label_transform or ""
    names = {entry.name for entry in classes if entry.value != IGNORED}
    return detect(
        masks,
        classes,
        rules,
        cityscapes=names == set(load_palette("cityscapes").names),
        norm=transform.casefold() == "norm",
    )

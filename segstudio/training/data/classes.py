"""Which classes a network has, and what stands for them in mask files: numbers and colours."""

from collections.abc import Sequence
from dataclasses import dataclass

from segstudio.annotation.palette import Colour, Palette, PaletteClass, mapping, plain_name
from segstudio.errors import PaletteError
from segstudio.training.spec.schema import PaletteEntry

IGNORED = 255


@dataclass(frozen=True)
class MaskClass:
    """What stands for a class in masks: a number in id masks, a colour in colour masks.

    `class_id` is the id that it becomes, IGNORED where it does not count.
    """

    value: int
    name: str
    rgb: Colour
    class_id: int


def network_palette(entries: Sequence[PaletteEntry], name: str, where: str) -> Palette:
    """The classes of a network: entries of one mapping_class are one class, called by it.

    Ids run from 0 in the order of label_id; a merged class takes the place and the colour of the entry that
    mapping_class names, as TAO's older generations number them. Entries with label_id 255, and those whose
    mapping_class names such an entry, are no classes.

    Raises:
        PaletteError: no classes, a label_id outside 0-255 or used twice, a name used twice, no colour.
    """
    _check(entries, where)
    groups: dict[str, list[PaletteEntry]] = {}
    for entry in entries:
        if target := _target(entry, entries):
            groups.setdefault(target, []).append(entry)
    if not groups:
        raise PaletteError(f"{where} has no classes")
    leaders = [
        next((entry for entry in members if entry.seg_class == target), members[0])
        for target, members in groups.items()
    ]
    ordered = sorted(zip(leaders, groups, strict=True), key=lambda pair: pair[0].label_id)
    ignore = next((entry for entry in entries if entry.label_id == IGNORED), None)
    return Palette(
        name,
        tuple(
            PaletteClass(number, target, colour_of(leader, where), "", target)
            for number, (leader, target) in enumerate(ordered)
        ),
        ignore_rgb=colour_of(ignore, where) if ignore else (0, 0, 0),
    )


def own_classes(entries: Sequence[PaletteEntry], palette: Palette, where: str) -> tuple[MaskClass, ...]:
    """What stands in masks for each entry of a spec's palette, in the order of the spec."""
    found = []
    for entry in entries:
        target = _target(entry, entries)
        class_id = palette.index(target) if target else IGNORED
        found.append(MaskClass(entry.label_id, entry.seg_class, colour_of(entry, where), class_id))
    return tuple(found)


def classes_between(source: Palette, target: Palette) -> tuple[MaskClass, ...]:
    """What stands in masks of the source palette for the classes of the target.

    Classes are matched by the source's own table for the target, else by name, else by mapping_class; those
    without a counterpart do not count.
    """
    table = mapping(source, target)
    by_name = {plain_name(entry.name): entry.id for entry in target.classes}
    has_table = source.name != target.name and bool(source.mappings.get(target.name))
    found = []
    for entry in source.classes:
        class_id = int(table[entry.id])
        if class_id == IGNORED and not has_table:
            class_id = by_name.get(plain_name(entry.mapping_class), IGNORED)
        found.append(MaskClass(entry.id, entry.name, entry.rgb, class_id))
    found.append(MaskClass(source.ignore_id, "ignored", source.ignore_rgb, IGNORED))
    return tuple(found)


def entries_of(palette: Palette) -> tuple[PaletteEntry, ...]:
    """A palette's classes in the form of a spec's entries."""
    return tuple(
        PaletteEntry(entry.name, entry.id, entry.rgb, entry.mapping_class) for entry in palette.classes
    )


def colour_of(entry: PaletteEntry, where: str) -> Colour:
    """An entry's colour; one value stands for three equal ones.

    Raises:
        PaletteError: it is no colour.
    """
    parts = tuple(entry.rgb) * (3 if len(entry.rgb) == 1 else 1)
    if len(parts) != 3 or any(not 0 <= part <= 255 for part in parts):
        raise PaletteError(f"{where}: rgb of {entry.seg_class!r} is {list(entry.rgb)}", hint="give 0-255")
    return parts[0], parts[1], parts[2]


def _target(entry: PaletteEntry, entries: Sequence[PaletteEntry]) -> str:
    """The name of the class that an entry counts as, "" where it does not count."""
    ignored = {other.seg_class for other in entries if other.label_id == IGNORED}
    target = entry.mapping_class or entry.seg_class
    return "" if entry.label_id == IGNORED or target in ignored else target


def _check(entries: Sequence[PaletteEntry], where: str) -> None:
    for entry in entries:
        if not entry.seg_class:
            raise PaletteError(f"{where}: the entry of label_id {entry.label_id} has no seg_class")
        if not 0 <= entry.label_id <= 255:
            raise PaletteError(
                f"{where}: label_id of {entry.seg_class!r} is {entry.label_id}",
                hint="masks hold 0-255; 255 is ignored",
            )
    columns: tuple[tuple[str, list[str]], ...] = (
        ("label_id", [str(entry.label_id) for entry in entries]),
        ("seg_class", [entry.seg_class for entry in entries]),
    )
    for what, values in columns:
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise PaletteError(
                f"{where}: {what} {', '.join(twice)} is there twice", hint="each entry needs its own"
            )

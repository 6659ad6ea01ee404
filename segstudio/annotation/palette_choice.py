"""Finds the palette of classes that a foreign file names or merely counts, or makes one from their names."""

import colorsys
from collections.abc import Sequence
from pathlib import Path

import yaml

from segstudio.annotation.palette import (
    Colour,
    Palette,
    PaletteClass,
    list_palettes,
    load_palette,
    plain_name,
)
from segstudio.errors import PaletteError
from segstudio.images import atomic_write

# Where several palettes have as many classes, the one that files without names nearly always mean.
USUAL = {19: "cityscapes", 11: "camvid-11", 21: "voc-21", 34: "cityscapes-34", 150: "ade20k-150"}
# A step around the colour circle after which neighbours in the list never look alike.
GOLDEN_ANGLE = 0.61803398875


def choose_palette(wanted: str, count: int, names: Sequence[str] = ()) -> Palette | None:
    """The palette of a model's classes, or None where its names are known but no palette has them.

    Args:
        wanted: the user's choice, a name or path; "" to find one.
        count: the model's classes; 0 where they are not known.
        names: the model's own names of them, where it has some.

    Raises:
        PaletteError: the choice has another number of classes, or nothing tells which palette it is.
    """
    if wanted:
        palette = load_palette(wanted)
        require_count(palette, count)
        return palette
    if names and any(not _is_numbered(name) for name in names):
        plain = [plain_name(name) for name in names]
        for name in list_palettes():
            palette = load_palette(name)
            if [plain_name(entry) for entry in palette.names] == plain:
                return palette
        return None
    if count in USUAL:
        return load_palette(USUAL[count])
    known = f"the model has {count} classes" if count else "the file does not tell its classes"
    raise PaletteError(
        f"{known} and no names for them", hint=f"name a palette with --palette: {_fitting(count)}"
    )


def require_count(palette: Palette, count: int) -> None:
    """Refuses a palette of another number of classes than a model has (0: not known).

    Raises:
        PaletteError: names those that fit.
    """
    if count not in (0, palette.count):
        raise PaletteError(
            f"the model has {count} classes, palette {palette.name} has {palette.count}",
            hint=f"choose one with {count}: {_fitting(count)}",
        )


def _is_numbered(name: str) -> bool:
    """Whether a name says nothing, such as LABEL_3."""
    return name.upper().startswith("LABEL_") and name[6:].isdigit()


def _fitting(count: int) -> str:
    names = [name for name in list_palettes() if count in (0, load_palette(name).count)]
    return f"{', '.join(names) or 'none is here'}, or the path of a YAML file"


def make_palette(name: str, names: Sequence[str], colours: Sequence[Colour] = ()) -> Palette:
    """A palette of named classes; without colours each gets one that differs from its neighbours'."""
    chosen = list(colours) if len(colours) == len(names) else [distinct_colour(i) for i in range(len(names))]
    return Palette(
        name,
        tuple(
            PaletteClass(number, entry, rgb, "", entry)
            for number, (entry, rgb) in enumerate(zip(names, chosen, strict=True))
        ),
    )


def distinct_colour(number: int) -> Colour:
    """The number-th of an endless row of colours."""
    hue = (number * GOLDEN_ANGLE) % 1.0
    value = (0.95, 0.65, 0.8)[number % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def save_palette(palette: Palette, path: Path) -> None:
    """Writes a palette as YAML with TAO's fields."""
    values = {
        "name": palette.name,
        "ignore": {"label_id": palette.ignore_id, "rgb": list(palette.ignore_rgb)},
        "classes": [
            {
                "label_id": entry.id,
                "seg_class": entry.name,
                "rgb": list(entry.rgb),
                "mapping_class": entry.mapping_class,
                "group": entry.group,
            }
            for entry in palette.classes
        ],
    }
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=None)
    atomic_write(path, text.encode())

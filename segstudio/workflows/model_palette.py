"""Settles the palette of a model that is being made: a shipped one of the same classes, or one of its own."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

from segstudio import paths
from segstudio.annotation.palette import Colour, Palette, list_palettes, load_palette, plain_name
from segstudio.annotation.palette_choice import choose_palette, make_palette, require_count, save_palette
from segstudio.inference.spec import ModelSpec, save_spec

PALETTE_FILE = "palette.yaml"


def palette_of_model(spec: ModelSpec) -> Palette:
    """The palette that a finished model's ids are of.

    Raises:
        PaletteError: it is not here, or has another number of classes than the model.
    """
    palette = load_palette(spec.palette)
    require_count(palette, len(spec.classes))
    return palette


def palette_of_file(
    wanted: str, count: int, names: Sequence[str], colours: Sequence[Colour], model: str
) -> tuple[Palette, Palette | None]:
    """The palette of a model, and again if it is its own: one made of its classes, or of a file.

    Args:
        wanted: the user's choice, a name or path; "" to find one.
        count: the model's classes; 0 where they are not known.
        names: the model's own names of them, where it has some.
        colours: RGB by class, where it has some.
        model: its name, which an own palette takes.

    Raises:
        PaletteError: the choice has another number of classes, or nothing tells which palette it is.
    """
    palette = choose_palette(wanted, count, names)
    if palette is None:
        palette = make_palette(free_palette_name(model), names, colours)
    elif palette.name not in list_palettes() or load_palette(palette.name) != palette:
        palette = dataclasses.replace(palette, name=free_palette_name(model))
    else:
        return palette, None
    return palette, palette


def palette_of_run(palette: Palette, model: str) -> tuple[Palette, Palette | None]:
    """The palette of a training: the known one of the same classes, else itself as the model's own."""
    plain = [plain_name(name) for name in palette.names]
    # Its own name first: several palettes may have the same classes.
    for name in sorted(list_palettes(), key=lambda name: name != palette.name):
        known = load_palette(name)
        if [plain_name(entry) for entry in known.names] == plain:
            return known, None
    own = dataclasses.replace(palette, name=free_palette_name(model))
    return own, own


def free_palette_name(name: str) -> str:
    """A name that no palette has yet."""
    taken = list_palettes()
    candidates = itertools.chain([name, f"{name}-classes"], (f"{name}-{n}" for n in itertools.count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def keep_palette(own: Palette | None, spec: ModelSpec, folder: Path) -> None:
    """Puts a model's own palette beside it, for other machines, and among the user's."""
    if own is not None:
        save_palette(own, folder / PALETTE_FILE)
        save_spec(dataclasses.replace(spec, files={**spec.files, "palette": PALETTE_FILE}), folder)
        save_palette(own, paths.user_palettes_dir() / f"{own.name}.yaml")

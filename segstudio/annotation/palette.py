"""Palettes: the classes that a mask's ids stand for, their colours, and how they map to other palettes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from segstudio import paths
from segstudio.errors import PaletteError

Colour = tuple[int, int, int]
NOT_A_CLASS: Colour = (0, 0, 0)


@dataclass(frozen=True)
class PaletteClass:
    """One class: the id in masks, its name, its export colour, its group, and TAO's mapping_class."""

    id: int
    name: str
    rgb: Colour
    group: str
    mapping_class: str


@dataclass(frozen=True)
class Palette:
    """Classes with ids 0..count-1, the ignore id, colours for the screen alone, and mappings.

    `editing` is a set of high contrast, `safe` one for colour-blind eyes (see `colour_sets`).
    `mappings[other palette][class name]` names the class of the other palette that stands for ours.
    """

    name: str
    classes: tuple[PaletteClass, ...]
    ignore_id: int = 255
    ignore_rgb: Colour = NOT_A_CLASS
    editing: tuple[Colour, ...] | None = None
    safe: tuple[Colour, ...] | None = None
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in order of their ids."""
        return tuple(entry.name for entry in self.classes)

    @property
    def count(self) -> int:
        """Number of classes, the ignore id not counted."""
        return len(self.classes)

    def index(self, name: str) -> int:
        """The id of a class by its name.

        Raises:
            PaletteError: there is none of that name.
        """
        for entry in self.classes:
            if entry.name == name:
                return entry.id
        raise PaletteError(
            f"palette {self.name} has no class {name!r}", hint=f"it has: {', '.join(self.names)}"
        )

    def colours(self) -> NDArray[np.uint8]:
        """uint8 [256,3]: the colour of every id in files; ids without a class are black."""
        table = np.zeros((256, 3), np.uint8)
        for entry in self.classes:
            table[entry.id] = entry.rgb
        table[self.ignore_id] = self.ignore_rgb
        return table


def list_palettes() -> list[str]:
    """Names of the shipped palettes and of those that came with imported models."""
    return sorted(_named())


def _named() -> dict[str, Path]:
    """Palette files by name; a shipped one is never hidden, so that its ids mean the same everywhere."""
    folders = (paths.user_palettes_dir(), paths.palettes_dir())
    return {path.stem: path for folder in folders for path in folder.glob("*.yaml")}


def load_palette(name_or_path: str | Path) -> Palette:
    """A palette by its name, or any palette file by its path.

    Raises:
        PaletteError: there is none, or the file is malformed; names the entry.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        named = _named()
        if str(name_or_path) not in named:
            raise PaletteError(
                f"there is no palette {str(name_or_path)!r}",
                hint=f"use one of {', '.join(sorted(named))}, or the path of a YAML file",
            )
        path = named[str(name_or_path)]
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise PaletteError(f"{path} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Palette:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PaletteError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    return palette_from_dict(values, str(path))


def palette_from_dict(values: Any, where: str = "palette") -> Palette:
    """The palette that a YAML document describes: ours, or TAO's bare list of entries.

    Raises:
        PaletteError: a key is missing, an id is not in 0..254 or used twice, or ids have gaps.
    """
    if isinstance(values, list):
        values = {"name": "custom", "classes": values}
    if not isinstance(values, dict) or not isinstance(values.get("classes"), list):
        raise PaletteError(f"{where} has no list of classes", hint="see palettes/cityscapes.yaml")
    ignore_id, ignore_rgb = 255, NOT_A_CLASS
    classes: list[PaletteClass] = []
    screen: dict[str, list[Colour]] = {"editing": [], "safe": []}
    for position, entry in enumerate(values["classes"]):
        try:
            number, name = int(entry["label_id"]), str(entry["seg_class"])
            rgb = _colour(entry["rgb"])
        except (KeyError, TypeError, ValueError) as error:
            raise PaletteError(
                f"{where}: class {position} needs seg_class, rgb and label_id ({error})"
            ) from error
        if number == 255:
            ignore_rgb = rgb
            continue
        mapped = str(entry.get("mapping_class", name))
        classes.append(PaletteClass(number, name, rgb, str(entry.get("group", "")), mapped))
        for name, colours in screen.items():
            if name in entry:
                colours.append(_screen_colour(entry[name], f"{where}: {name} of class {position}"))
    if isinstance(values.get("ignore"), dict):
        ignore_id = int(values["ignore"].get("label_id", 255))
        ignore_rgb = _colour(values["ignore"].get("rgb", NOT_A_CLASS))
    _check(classes, screen, where)
    order = sorted(range(len(classes)), key=lambda position: classes[position].id)
    return Palette(
        name=str(values.get("name", "custom")),
        classes=tuple(classes[position] for position in order),
        ignore_id=ignore_id,
        ignore_rgb=ignore_rgb,
        editing=tuple(screen["editing"][position] for position in order) if screen["editing"] else None,
        safe=tuple(screen["safe"][position] for position in order) if screen["safe"] else None,
        mappings={
            str(target): {str(ours): str(theirs) for ours, theirs in table.items()}
            for target, table in (values.get("mappings") or {}).items()
        },
    )


def mapping(source: Palette, target: Palette) -> NDArray[np.uint8]:
    """uint8 [256]: the target's id for every id of the source; 255 where there is no counterpart.

    The source's own table for the target decides; without one, classes of equal name match (case, spaces,
    dashes and underscores aside).
    """
    table = np.full(256, 255, np.uint8)
    by_name = {plain_name(entry.name): entry.id for entry in target.classes}
    explicit = source.mappings.get(target.name, {}) if source.name != target.name else {}
    for entry in source.classes:
        wanted = explicit.get(entry.name, "" if explicit else entry.name)
        table[entry.id] = by_name.get(plain_name(wanted), 255)
    return table


def plain_name(name: str) -> str:
    """A class name without case, dashes and underscores, as names are compared."""
    return name.casefold().replace("_", " ").replace("-", " ").strip()


def _colour(value: Any) -> Colour:
    parts = [int(part) for part in value]
    if len(parts) == 1:
        parts *= 3
    if len(parts) != 3 or any(not 0 <= part <= 255 for part in parts):
        raise ValueError(f"rgb {value} is no colour")
    return parts[0], parts[1], parts[2]


def _screen_colour(value: Any, where: str) -> Colour:
    try:
        return _colour(value)
    except (TypeError, ValueError) as error:
        raise PaletteError(f"{where} is no colour ({error})") from error


def _check(classes: list[PaletteClass], screen: Mapping[str, list[Colour]], where: str) -> None:
    ids = sorted(entry.id for entry in classes)
    if not ids:
        raise PaletteError(f"{where} has no classes")
    if ids != list(range(len(ids))):
        raise PaletteError(f"{where}: ids must run from 0 without gaps, they are {ids}")
    if len({entry.name for entry in classes}) != len(classes):
        raise PaletteError(f"{where}: two classes have the same name")
    for name, colours in screen.items():
        if colours and len(colours) != len(classes):
            raise PaletteError(f"{where}: {len(colours)} of {len(classes)} classes have a colour {name!r}")

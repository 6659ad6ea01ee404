"""Frozen samples: the manifest.json that a project writes for a training, and how it is read."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from segstudio.annotation.palette import Palette, palette_from_dict
from segstudio.errors import PaletteError, SpecError

FILE = "manifest.json"
VERSION = 1
KEY = "segstudio_manifest"


@dataclass(frozen=True)
class FrozenSample:
    """One sample: files relative to the manifest or absolute, their SHA-256, and what the project said.

    `visits` says how often an epoch of training shows it.
    """

    key: str
    image: str
    image_sha256: str
    mask: str
    mask_sha256: str
    width: int
    height: int
    split: str
    status: str
    visits: int = 1


@dataclass(frozen=True)
class Manifest:
    """Samples as they were at one moment, the palette of their masks, and the project they came from."""

    project: str
    palette: Palette
    samples: tuple[FrozenSample, ...]

    def of_split(self, name: str, where: Path) -> tuple[FrozenSample, ...]:
        """The samples of a split; all of them where the project has no splits.

        Raises:
            SpecError: it has splits, but none of that name.
        """
        names = {sample.split for sample in self.samples} - {""}
        chosen = tuple(sample for sample in self.samples if sample.split == name or not names)
        if not chosen:
            raise SpecError(f"{where} has no split {name!r}", hint=f"it has: {', '.join(sorted(names))}")
        return chosen


def write_text(manifest: Manifest) -> str:
    """The manifest as JSON text."""
    palette = manifest.palette
    values = {
        KEY: VERSION,
        "project": manifest.project,
        "palette": {
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
            "mappings": {name: dict(table) for name, table in palette.mappings.items()},
        },
        "samples": [asdict(sample) for sample in manifest.samples],
    }
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest; `path` may be its folder.

    Raises:
        SpecError: it cannot be read, is of a newer version, or lacks something.
    """
    file = path / FILE if path.is_dir() else path
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(
            f"{file} cannot be read: {error}", hint="make one: `segstudio project freeze PROJECT OUT`"
        ) from error
    if not isinstance(values, dict) or not isinstance(values.get(KEY), int):
        raise SpecError(f"{file} is no manifest", hint="make one: `segstudio project freeze PROJECT OUT`")
    if values[KEY] > VERSION:
        raise SpecError(f"{file} is of version {values[KEY]}", hint="a newer segstudio wrote it: update")
    try:
        palette = palette_from_dict(values["palette"], str(file))
        samples = _samples(values["samples"])
        return Manifest(str(values["project"]), palette, samples)
    except (KeyError, TypeError, PaletteError) as error:
        raise SpecError(f"{file} is damaged: {error}", hint="freeze the project again") from error


def _samples(entries: Sequence[Any]) -> tuple[FrozenSample, ...]:
    kinds = {field.name: field.type for field in fields(FrozenSample)}
    found = []
    for entry in entries:
        # Manifests of before there were visits show each sample once.
        values = {"visits": 1, **entry}
        for name, kind in kinds.items():
            if not isinstance(values[name], int if kind is int else str):
                raise TypeError(f"{name} is {values[name]!r}")
        if values["visits"] < 1:
            raise TypeError(f"visits is {values['visits']}")
        found.append(FrozenSample(**{name: values[name] for name in kinds}))
    return tuple(found)

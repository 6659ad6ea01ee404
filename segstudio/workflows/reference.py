"""Reads the published figures that dashboards show beside measured ones."""

from dataclasses import dataclass
from typing import Any

import yaml

from segstudio import paths
from segstudio.errors import InputError

FILE = "reference_scores.yaml"


@dataclass(frozen=True)
class ReferenceScores:
    """One published row of IoU per class (or scenario), as fractions 0-1, and how it was measured."""

    name: str
    palette: str
    source: str
    protocol: str
    iou: dict[str, float]

    @property
    def miou(self) -> float:
        """Mean of the published values, 0-1; computed here, since the cards state none."""
        return sum(self.iou.values()) / len(self.iou)


@dataclass(frozen=True)
class ReferenceSpeed:
    """One published throughput: frames per second of a network on a platform at a batch size."""

    name: str
    source: str
    protocol: str
    platform: str
    batch: int
    fps: float


@dataclass(frozen=True)
class Reference:
    """All published figures that ship with segstudio."""

    classes: tuple[ReferenceScores, ...]
    scenarios: tuple[ReferenceScores, ...]
    speed: tuple[ReferenceSpeed, ...]

    def for_palette(self, palette: str) -> tuple[ReferenceScores, ...]:
        """The class tables whose classes are those of a palette, by its name."""
        return tuple(row for row in self.classes if row.palette == palette)


def load_reference() -> Reference:
    """Reads `resources/reference_scores.yaml`.

    Raises:
        InputError: the file is missing or malformed (a damaged installation).
    """
    path = paths.resource(FILE)
    try:
        tables = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Reference(
            classes=tuple(_scores(row) for row in tables["class_iou"]),
            scenarios=tuple(_scores(row) for row in tables["scenario_iou"]),
            speed=tuple(
                ReferenceSpeed(table["name"], table["source"], table["protocol"], platform, batch, float(fps))
                for table in tables["speed"]
                for platform, batch, fps in table["rows"]
            ),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="install segstudio again") from error


def _scores(row: dict[str, Any]) -> ReferenceScores:
    iou = {str(name): float(percent) / 100 for name, percent in row["iou"].items()}
    return ReferenceScores(row["name"], row["palette"], row["source"], row["protocol"], iou)

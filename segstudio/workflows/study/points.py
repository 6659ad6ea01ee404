"""The points of a study: what one training reached, kept in a file each, so that a study can go on."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segstudio.errors import InputError
from segstudio.images import atomic_write

# Of a point that belongs to all strategies: the first frames of a seed, and all frames.
START, FULL = "start", "full"
Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Choice:
    """What a strategy chose to add to the frames of a point.

    Attributes:
        frames: keys.
        heard: confusion counts [K][K+1] of the networks that chose, on all frames chosen so far.
    """

    frames: tuple[str, ...]
    heard: Table


@dataclass(frozen=True)
class Point:
    """What a training on some frames reached on the validation samples; scores are fractions 0-1.

    Attributes:
        strategy: that chose the frames; START and FULL belong to all.
        seed: of the repetition.
        frames: keys of the frames that it was trained on, ascending.
        miou: mean IoU.
        aacc: share of right pixels.
        iou: by class; None for a class that does not occur.
        seconds: of training, scoring and choosing.
        choices: what comes next, by strategy.
    """

    strategy: str
    seed: int
    frames: tuple[str, ...]
    miou: float
    aacc: float
    iou: Mapping[str, float | None]
    seconds: float
    choices: Mapping[str, Choice] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "strategy": self.strategy,
            "seed": self.seed,
            "count": len(self.frames),
            "miou": self.miou,
            "aacc": self.aacc,
            "iou": dict(self.iou),
            "seconds": self.seconds,
            "frames": list(self.frames),
            "choices": {
                name: {"frames": list(choice.frames), "heard": [list(row) for row in choice.heard]}
                for name, choice in self.choices.items()
            },
        }


def point_of(values: Any) -> Point:
    """What `Point.to_json` gave.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is nothing of the kind.
    """
    choices = {
        str(name): Choice(
            tuple(map(str, choice["frames"])), tuple(tuple(map(int, row)) for row in choice["heard"])
        )
        for name, choice in values["choices"].items()
    }
    iou = {str(name): None if value is None else float(value) for name, value in values["iou"].items()}
    return Point(
        str(values["strategy"]), int(values["seed"]), tuple(map(str, values["frames"])),
        float(values["miou"]), float(values["aacc"]), iou, float(values["seconds"]), choices,
    )  # fmt: skip


class PointStore:
    """The finished points of a study, a JSON file each in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, strategy: str, seed: int, count: int) -> Point | None:
        """A finished point, or None.

        Raises:
            InputError: its file is damaged.
        """
        path = self._path(strategy, seed, count)
        if not path.is_file():
            return None
        try:
            return point_of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{path} is no point of a study: {error!r}", hint="remove the file; its training runs again"
            ) from error

    def put(self, point: Point) -> None:
        """Keeps a point, whole or not at all."""
        path = self._path(point.strategy, point.seed, len(point.frames))
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps(point.to_json()).encode())

    def _path(self, strategy: str, seed: int, count: int) -> Path:
        return self._folder / f"seed{seed}-{strategy}-{count:05d}.json"


def plain_iou(names: tuple[str, ...], iou: Any) -> dict[str, float | None]:
    """IoU [K] by class; None where it is NaN."""
    return {name: None if math.isnan(value) else float(value) for name, value in zip(names, iou, strict=True)}

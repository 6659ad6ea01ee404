"""One planned sample."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Draw:
    """Which sample of which source, in what crop, on what class, and the seed of its augmentation."""

    source: int
    number: int
    height: int
    width: int
    focus: int | None
    seed: int

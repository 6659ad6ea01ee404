"""One planned sample."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Draw:
    """Which sample of which source, in what crop, on what class, the seed of its augmentation, its zoom."""

    source: int
    number: int
    height: int
    width: int
    focus: int | None
    seed: int
    scale: float = 1.0

"""The paint filter: over which pixels tools may paint, as the user set it, on or off."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from segstudio.annotation.protection import Cover, Differing, Mask, PixelFilter, Protection, Unsure
from segstudio.annotation.rect import Rect
from segstudio.project.sample import StoredPrediction

NO_PREDICTION = "there is no prediction: nothing can be painted"


@dataclass(frozen=True)
class PaintRules:
    """What a pixel must be for tools to paint it; all rules that are set must hold.

    Attributes:
        over: it has one of these classes; empty for any.
        under_start: it has the class of the pixel where the stroke began.
        unsure: the model is less sure of it than this, in per cent, 1-100; None for any.
        differing: the mask is not what the model predicts.
    """

    over: frozenset[int] = frozenset()
    under_start: bool = False
    unsure: int | None = None
    differing: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether every pixel may be painted."""
        return self == PaintRules()

    @property
    def asks_model(self) -> bool:
        """Whether a rule looks at the prediction."""
        return self.unsure is not None or self.differing

    def text(self, name: Callable[[int], str]) -> str:
        """What may be painted, in words; classes by their names."""
        parts = []
        if self.over:
            parts.append("over " + ", ".join(name(class_id) for class_id in sorted(self.over)))
        if self.under_start:
            parts.append("over the class where the stroke begins")
        if self.unsure is not None:
            parts.append(f"where the model is less than {self.unsure} % sure")
        if self.differing:
            parts.append("where mask and prediction differ")
        return "Painting only " + ", and ".join(parts)


def nowhere(mask: Mask, rect: Rect) -> Cover:
    """A PixelFilter that keeps everything as it is."""
    return np.zeros((rect.height, rect.width), np.bool_)


class PaintFilter(QObject):
    """The rules, and whether they are in force; a new project starts without any."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rules = PaintRules()
        self.is_on = False

    @property
    def in_force(self) -> PaintRules:
        """The rules that hold now."""
        return self.rules if self.is_on else PaintRules()

    def set_rules(self, **changes: object) -> None:
        """Changes some rules by name; they are in force at once, unless none is left."""
        self.rules = replace(self.rules, **changes)  # type: ignore[arg-type]  # fields of PaintRules, checked by it
        self.is_on = not self.rules.is_empty
        self.changed.emit()

    def set_on(self, on: bool) -> None:
        """Puts the rules in force, or not; they are kept for the next time."""
        self.is_on = on and not self.rules.is_empty
        self.changed.emit()

    def reset(self) -> None:
        """Forgets the rules: another project has other classes."""
        self.rules, self.is_on = PaintRules(), False
        self.changed.emit()

    def protection(
        self,
        locked: frozenset[int],
        prediction: StoredPrediction | None,
        size: tuple[int, ...] | None,
    ) -> Protection:
        """What tools may not change in the open sample, whose mask is of a size (height, width)."""
        over = self.in_force.over
        return Protection(locked, over or None, self._pixels(prediction, size))

    def _pixels(
        self, prediction: StoredPrediction | None, size: tuple[int, ...] | None
    ) -> tuple[PixelFilter, ...]:
        """What looks at each pixel.

        Without a prediction, or with one of another size, rules that ask the model keep everything as it is:
        painting where the user wanted none would do harm.
        """
        rules = self.in_force
        if not rules.asks_model:
            return ()
        if prediction is None or prediction.ids.shape != size:
            return (nowhere,)
        found: list[PixelFilter] = []
        if rules.unsure is not None:
            # A model that is 100 % sure says 255.
            found.append(Unsure(prediction.confidence, round(rules.unsure * 255 / 100)))
        if rules.differing:
            found.append(Differing(prediction.ids))
        return tuple(found)

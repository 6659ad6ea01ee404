"""What a correction costs: uses of tools, the settings that they need, and the course that they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect

Mask = NDArray[np.uint8]
# What is set in a window that was just opened; no class counts as chosen.
FIRST_MODE = "brush"
FIRST_RADIUS = 10.0
FIRST_TOLERANCE = 12.0


@dataclass(frozen=True)
class Action:
    """One use of a tool.

    Attributes:
        tool: its name.
        mode: the tool that has to be chosen; None for what a key does to the region under the cursor.
        rect: everything that it can change.
        change: calls the tool's public function on a mask.
        presses: clicks, strokes and keys of the use itself.
        value: the class that has to be active; None where it does not matter.
        by_key: whether the class's own key is the use, so that choosing the class costs nothing more.
        radius: the brush's; None without one.
        tolerance: the wand's; None without one.
        pixels: how far the pointer is dragged.
        drawn: whether it gives `value` to the same pixels whatever the mask holds.
    """

    tool: str
    mode: str | None
    rect: Rect
    change: Callable[[Mask], object]
    presses: int = 1
    value: int | None = None
    by_key: bool = False
    radius: float | None = None
    tolerance: float | None = None
    pixels: float = 0.0
    drawn: bool = False


@dataclass(frozen=True)
class Hand:
    """What is set in the window: the tool, the active class, the brush's radius, the wand's tolerance."""

    mode: str = FIRST_MODE
    value: int | None = None
    radius: float = FIRST_RADIUS
    tolerance: float = FIRST_TOLERANCE

    def price(self, action: Action) -> int:
        """Actions that a use costs: its own, and a key for each setting that must be another one."""
        changes = (
            action.mode is not None and action.mode != self.mode,
            action.value is not None and action.value != self.value and not action.by_key,
            action.radius is not None and action.radius != self.radius,
            action.tolerance is not None and action.tolerance != self.tolerance,
        )
        return action.presses + sum(changes)

    def after(self, action: Action) -> "Hand":
        """What is set when the use is over."""
        return Hand(
            self.mode if action.mode is None else action.mode,
            self.value if action.value is None else action.value,
            self.radius if action.radius is None else action.radius,
            self.tolerance if action.tolerance is None else action.tolerance,
        )


@dataclass(frozen=True)
class Step:
    """One use that was made.

    Attributes:
        tool: its name.
        price: actions that it cost.
        pixels: how far the pointer was dragged.
        gain: pixels mended minus pixels spoilt.
        actions: actions until then, this one's included.
        agreeing: share of right pixels after it.
    """

    tool: str
    price: int
    pixels: float
    gain: int
    actions: int
    agreeing: float


@dataclass(frozen=True)
class Course:
    """A frame's correction: the share of right pixels at its start, every step, and actions to its goals.

    The way to the last goal may leave out what made an earlier one cheap, hence `reached`.
    """

    start: float
    steps: tuple[Step, ...]
    reached: Mapping[float, int] = field(default_factory=dict)

    def actions_to(self, goal: float) -> int | None:
        """Actions until a share of the pixels was right; None where that was not reached."""
        if self.start >= goal:
            return 0
        if goal in self.reached:
            return self.reached[goal]
        return next((step.actions for step in self.steps if step.agreeing >= goal), None)

    def agreeing_at(self, actions: int) -> float:
        """The share of right pixels after so many actions."""
        done = [step.agreeing for step in self.steps if step.actions <= actions]
        return done[-1] if done else self.start

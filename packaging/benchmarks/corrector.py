"""A scripted corrector: it knows the truth, acts only through the tools, and counts what it does."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.rect import Rect

Mask = NDArray[np.uint8]
IGNORE = 255
# The brush of a window that was just opened.
FIRST_RADIUS = 10.0


@dataclass(frozen=True)
class Frame:
    """What is on the screen, and what should be: uint8 [H,W,3] and [H,W] each.

    Attributes:
        image: RGB.
        truth: the ids that it shall have; 255 counts neither way.
        ids: what the model says, where the correction begins.
        second: the class that the model holds next likely.
        margin: by how much it is less likely, times 255.
    """

    image: NDArray[np.uint8]
    truth: Mask
    ids: Mask
    second: Mask
    margin: NDArray[np.uint8]

    @property
    def agreeing(self) -> float:
        """Share of the pixels with a truth whose prediction is right."""
        known = self.truth != IGNORE
        return float(np.count_nonzero((self.ids == self.truth) & known) / max(np.count_nonzero(known), 1))


@dataclass(frozen=True)
class Action:
    """One use of a tool.

    Attributes:
        tool: its name.
        rect: everything that it can change.
        change: calls the tool's public function on a mask.
        presses: clicks, strokes and keys of the use itself.
        value: the class that has to be active; None where it does not matter.
        radius: the brush's; None without one.
        over: the only class that may be painted over, the others being locked; None without locks.
        pixels: how far the pointer is dragged.
    """

    tool: str
    rect: Rect
    change: Callable[[Mask], object]
    presses: int = 1
    value: int | None = None
    radius: float | None = None
    over: int | None = None
    pixels: float = 0.0


@dataclass(frozen=True)
class Hand:
    """What is set in the window: the active class, the brush's radius, the one class that is not locked."""

    value: int | None = None
    radius: float = FIRST_RADIUS
    over: int | None = None

    def price(self, action: Action) -> int:
        """Actions that a use costs: its own, and a key for each setting that must be another one.

        To lock all classes but one takes that class's key and the key that locks the others; to unlock takes
        one key.
        """
        active, keys = self.value, 0
        if action.over != self.over:
            if action.over is not None and active != action.over:
                active, keys = action.over, 1
            keys += 1
        keys += action.value is not None and action.value != active
        keys += action.radius is not None and action.radius != self.radius
        return action.presses + keys

    def after(self, action: Action) -> "Hand":
        """What is set when the use is over."""
        value = next((one for one in (action.value, action.over, self.value) if one is not None), None)
        return Hand(value, self.radius if action.radius is None else action.radius, action.over)


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
    """A frame's correction: the share of right pixels at its start, and every step."""

    start: float
    steps: tuple[Step, ...]

    def actions_to(self, goal: float) -> int | None:
        """Actions until a share of the pixels was right; None where that was not reached."""
        if self.start >= goal:
            return 0
        return next((step.actions for step in self.steps if step.agreeing >= goal), None)

    def agreeing_at(self, actions: int) -> float:
        """The share of right pixels after so many actions."""
        done = [step.agreeing for step in self.steps if step.actions <= actions]
        return done[-1] if done else self.start


@dataclass(frozen=True)
class View:
    """The mask as it is before a step, with the frame; tools look for what they could do in it."""

    frame: Frame
    mask: Mask

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """bool [H,W]: pixels with a truth that is not theirs."""
        known: NDArray[np.bool_] = self.frame.truth != IGNORE
        return known & (self.mask != self.frame.truth)


@dataclass(frozen=True)
class Place:
    """Somewhere that a tool may be used, the same one as long as its pixels stay the same.

    Attributes:
        name: what kind of place it is.
        value: a class.
        rect: its box, in which `inside`, bool [h,w], are its pixels.
        area: their number.
    """

    name: str
    value: int
    rect: Rect
    inside: NDArray[np.bool_] = field(compare=False)
    area: int


Tool = Callable[[View, Place], Iterable[Action]]
Finder = Callable[[View], list[Place]]


def pieces(chosen: NDArray[np.bool_], name: str, value: int) -> list[Place]:
    """The 4-connected parts of pixels bool [H,W], in scan order."""
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(chosen.astype(np.uint8), connectivity=4)
    found = []
    for number in range(1, count):
        x, y, width, height, area = (int(entry) for entry in boxes[number])
        rect = Rect(x, y, width, height)
        found.append(Place(name, value, rect, np.asarray(parts[rect.slices] == number), area))
    return found


class Corrector:
    """Corrects one frame: always the use that mends most pixels for each action it costs.

    Pixels that a use mends count minus those that it spoils, and only as far as the next goal needs them:
    whoever needs 200 pixels more does not pay for 2000.

    Args:
        frame: what to correct, from the model's prediction on.
        finders: what looks for places, by the tools that are tried there.
        goals: shares of right pixels, rising; it ends at the last.
        most: actions after which it gives up.
    """

    def __init__(
        self, frame: Frame, finders: Mapping[Finder, tuple[Tool, ...]], goals: tuple[float, ...], most: int
    ) -> None:
        self._frame, self._finders, self._goals, self._most = frame, finders, goals, most
        self._document = MaskDocument(frame.ids)
        self._scratch = frame.ids.copy()
        self._hand = Hand()
        self._known: dict[Place, list[tuple[Action, int]]] = {}
        self._total = max(int(np.count_nonzero(frame.truth != IGNORE)), 1)
        self._right = self._total - int(np.count_nonzero(View(frame, frame.ids).wrong))

    def correct(self) -> Course:
        """Acts until the last goal is reached, nothing helps any more, or the actions are used up."""
        start, steps, actions = self._right / self._total, list[Step](), 0
        while actions < self._most and self._missing() > 0:
            best = self._best()
            if best is None:
                break
            action, gain = best
            price = self._hand.price(action)
            actions += price
            self._apply(action, gain)
            steps.append(
                Step(action.tool, price, action.pixels, gain, actions, self._right / self._total)
            )
        return Course(start, tuple(steps))

    def _missing(self) -> int:
        """Pixels that the next goal needs."""
        wanted = (int(np.ceil(goal * self._total - 1e-9)) for goal in self._goals)
        return next((count - self._right for count in wanted if count > self._right), 0)

    def _best(self) -> tuple[Action, int] | None:
        missing, hand, uses = self._missing(), self._hand, self._uses()
        found = [
            (min(gain, missing) / hand.price(action), gain, -action.pixels, -number)
            for number, (action, gain) in enumerate(uses)
            if gain > 0
        ]
        return uses[-max(found)[3]] if found else None

    def _uses(self) -> list[tuple[Action, int]]:
        """Every use of a tool that is worth a look, with its gain."""
        view, known = View(self._frame, self._document.array), dict[Place, list[tuple[Action, int]]]()
        for find, tools in self._finders.items():
            for place in find(view):
                if place in self._known:
                    known[place] = self._known[place]
                    continue
                actions = [action for tool in tools for action in tool(view, place)]
                known[place] = [(action, self.gain(action)) for action in actions]
        self._known = known
        return [use for uses in known.values() for use in uses]

    def gain(self, action: Action) -> int:
        """Pixels that a use would mend minus those that it would spoil."""
        rect = action.rect.clip(self._document.width, self._document.height)
        before, after = self._document.array[rect.slices], self._scratch[rect.slices]
        truth = self._frame.truth[rect.slices]
        action.change(self._scratch)
        known = truth != IGNORE
        change = np.count_nonzero((after == truth) & known) - np.count_nonzero((before == truth) & known)
        after[:] = before
        return int(change)

    def _apply(self, action: Action, gain: int) -> None:
        edit = self._document.apply(action.tool, action.rect, action.change)
        if edit is None:
            raise RuntimeError(f"{action.tool} changed nothing where it should mend {gain} pixels")
        self._hand = self._hand.after(action)
        self._right += gain
        self._scratch[edit.rect.slices] = self._document.array[edit.rect.slices]
        # A neighbour by one pixel belongs to the same region.
        changed = Rect(edit.rect.x - 1, edit.rect.y - 1, edit.rect.width + 2, edit.rect.height + 2)
        self._known = {
            place: uses
            for place, uses in self._known.items()
            if all(use.rect.intersection(changed).is_empty for use, _ in uses)
            and place.rect.intersection(changed).is_empty
        }

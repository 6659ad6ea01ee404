"""A scripted corrector: it knows the truth, acts only through the tools, and counts what it does."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.rect import Rect

# Beside a script that is run, Python finds modules by their bare name; the type checker wants the whole one.
if TYPE_CHECKING:
    from packaging.benchmarks.correction_counting import Action, Course, Hand, Mask, Step
else:
    from correction_counting import Action, Course, Hand, Mask, Step

IGNORE = 255


@dataclass(frozen=True)
class Frame:
    """What is seen, what the model says of it, and what is true: uint8 [H,W] each, the image [H,W,3].

    Attributes:
        image: RGB.
        truth: the ids that it shall have; 255 counts neither way.
        ids: what the model says, where the correction begins.
        second: the class that the model holds next likely.
        margin: by how much it is less likely, times 255.
        confidence: how likely the model holds its ids, times 255.
    """

    image: NDArray[np.uint8]
    truth: Mask
    ids: Mask
    second: Mask
    margin: NDArray[np.uint8]
    confidence: NDArray[np.uint8]

    @property
    def agreeing(self) -> float:
        """Share of the pixels with a truth whose prediction is right."""
        known = self.truth != IGNORE
        right = int(np.count_nonzero((self.ids == self.truth) & known))
        return right / max(int(np.count_nonzero(known)), 1)

    @cached_property
    def regions(self) -> "list[Place]":
        """The regions of the truth."""
        values = np.unique(self.truth[self.truth != IGNORE]).tolist()
        return [piece for value in values for piece in pieces(self.truth == value, "true", value)]


@dataclass(frozen=True)
class View:
    """The mask as it is before a step, with the frame; tools look for what they could do in it."""

    frame: Frame
    mask: Mask

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """bool [H,W]: pixels with a truth that is not theirs."""
        wrong: NDArray[np.bool_] = (self.frame.truth != IGNORE) & (self.mask != self.frame.truth)
        return wrong

    def gain(self, action: Action) -> int:
        """Pixels that a use would mend minus those that it would spoil."""
        rect = action.rect.clip(self.mask.shape[1], self.mask.shape[0])
        before, truth, tried = self.mask[rect.slices], self.frame.truth[rect.slices], self.mask.copy()
        action.change(tried)
        after, known = tried[rect.slices], truth != IGNORE
        return int(np.count_nonzero((after == truth) & known) - np.count_nonzero((before == truth) & known))


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
# What looks for places, by the tools that are tried there.
Policy = Mapping[Finder, tuple[Tool, ...]]


def pieces(chosen: NDArray[np.bool_], name: str, value: int, most: int | None = None) -> list[Place]:
    """The 4-connected parts of pixels bool [H,W], the largest first; at most so many."""
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(chosen.astype(np.uint8), connectivity=4)
    order = np.argsort(-boxes[1:, cv2.CC_STAT_AREA], kind="stable")[:most] + 1
    found = []
    for number in order.tolist():
        x, y, width, height, area = (int(entry) for entry in boxes[number])
        rect = Rect(x, y, width, height)
        found.append(Place(name, value, rect, np.asarray(parts[rect.slices] == number), area))
    return found


@dataclass(frozen=True)
class Drawn:
    """A use that paints one class, with the pixels that the tool painted on an empty mask: bool [h,w]."""

    action: Action
    rect: Rect
    cover: NDArray[np.bool_]

    @classmethod
    def of(cls, action: Action, shape: tuple[int, ...]) -> "Drawn":
        """The use tried on an empty mask of a shape."""
        rect, empty = action.rect.clip(shape[1], shape[0]), np.full(shape, IGNORE, np.uint8)
        action.change(empty)
        return cls(action, rect, empty[rect.slices] != IGNORE)

    def change(self, mask: Mask) -> None:
        """Paints a mask as the tool would."""
        mask[self.rect.slices][self.cover] = self.action.value or 0

    def gain(self, view: View) -> int:
        """Pixels that it would mend minus those that it would spoil."""
        truth, wrong = view.frame.truth[self.rect.slices], view.wrong[self.rect.slices]
        right = truth == self.action.value
        mended = self.cover & wrong & right
        spoilt = self.cover & ~wrong & ~right & (truth != IGNORE)
        return int(np.count_nonzero(mended) - np.count_nonzero(spoilt))


class Corrector:
    """Corrects one frame: always the use that mends most pixels for each action it costs.

    Pixels that a use mends count minus those that it spoils, and only as far as the next goal needs them:
    whoever needs 200 pixels more does not pay for 2000. At a goal, uses that turned out needless are dropped.

    Args:
        frame: what to correct, from the model's prediction on.
        policy: where it may use which tools.
        goals: shares of right pixels, rising; it ends at the last.
        most: actions after which it gives up.
    """

    def __init__(self, frame: Frame, policy: Policy, goals: tuple[float, ...], most: int) -> None:
        self._frame, self._policy, self._most = frame, policy, most
        self._drawn: dict[tuple[Tool, Place], list[Drawn]] = {}
        self._total = max(int(np.count_nonzero(frame.truth != IGNORE)), 1)
        self._goals = {goal: math.ceil(goal * self._total - 1e-9) for goal in goals}
        self._start()

    def _start(self) -> None:
        self._document, self._hand = MaskDocument(self._frame.ids), Hand()
        self._made: list[Action] = []
        self._steps: list[Step] = []
        self._actions, self._right = 0, self._right_in(self._document.array)

    def correct(self) -> Course:
        """Acts until the last goal is reached, nothing helps any more, or the actions are used up."""
        start, reached = self._right / self._total, dict[float, int]()
        for share, goal in self._goals.items():
            while self._right < goal and self._actions < self._most:
                best = self._best(goal - self._right)
                if best is None:
                    break
                action, gain = best
                foreseen = self._right + gain
                self._use(action)
                if self._right != foreseen:
                    raise RuntimeError(f"{action.tool}: {self._right} right pixels, {foreseen} foreseen")
            if self._right >= goal:
                self._drop_needless(goal)
                reached[share] = self._actions
        return Course(start, tuple(self._steps), reached)

    def _right_in(self, mask: Mask) -> int:
        return self._total - int(np.count_nonzero(View(self._frame, mask).wrong))

    def _use(self, action: Action) -> None:
        """Uses a tool on the document, and writes down what it cost and brought."""
        price, before = self._hand.price(action), self._right
        self._document.apply(action.tool, action.rect, action.change)
        self._hand = self._hand.after(action)
        self._actions, self._right = self._actions + price, self._right_in(self._document.array)
        share, gain = self._right / self._total, self._right - before
        self._made.append(action)
        self._steps.append(Step(action.tool, price, action.pixels, gain, self._actions, share))

    def _drop_needless(self, goal: int) -> None:
        """Begins again without the uses that later ones made needless: who knows the truth plans ahead."""
        covers = [Drawn.of(action, self._frame.ids.shape) if action.drawn else None for action in self._made]
        kept = list(range(len(covers)))
        for number in sorted(kept, key=lambda one: self._steps[one].gain):
            fewer = [one for one in kept if one != number]
            if self._price(fewer) >= self._price(kept):
                continue
            mask = self._frame.ids.copy()
            for one in fewer:
                (covers[one] or self._made[one]).change(mask)
            if self._right_in(mask) >= goal:
                kept = fewer
        if len(kept) < len(covers):
            actions = [self._made[one] for one in kept]
            self._start()
            for action in actions:
                self._use(action)

    def _price(self, numbers: list[int]) -> int:
        """What some of the uses that were made would cost without the others."""
        price, hand = 0, Hand()
        for action in (self._made[number] for number in numbers):
            price, hand = price + hand.price(action), hand.after(action)
        return price

    def _best(self, missing: int) -> tuple[Action, int] | None:
        hand, uses = self._hand, self._uses()
        found = [
            (min(gain, missing) / hand.price(action), gain, -action.pixels, -number)
            for number, (action, gain) in enumerate(uses)
            if gain > 0
        ]
        return uses[-max(found)[3]] if found else None

    def _uses(self) -> list[tuple[Action, int]]:
        """Every use of a tool that is worth a look, with its gain."""
        view, uses, seen = View(self._frame, self._document.array), list[tuple[Action, int]](), set()
        for find, tools in self._policy.items():
            for place in find(view):
                for tool in tools:
                    seen.add((tool, place))
                    uses += self._uses_at(view, tool, place)
        self._drawn = {key: drawn for key, drawn in self._drawn.items() if key in seen}
        return uses

    def _uses_at(self, view: View, tool: Tool, place: Place) -> list[tuple[Action, int]]:
        drawn = self._drawn.get((tool, place))
        if drawn is None:
            actions = list(tool(view, place))
            drawn = [Drawn.of(action, view.mask.shape) for action in actions if action.drawn]
            if len(drawn) < len(actions):
                # What they change depends on the mask, so nothing of it may be kept.
                return [(action, view.gain(action)) for action in actions]
            self._drawn[tool, place] = drawn
        return [(one.action, one.gain(view)) for one in drawn]

"""Counts what it costs to correct a model's masks: a scripted corrector that knows the truth uses the tools.

python packaging/benchmarks/correction_cost.py --frames FOLDER [--json] [--count N] [--more] [--report SVG]

FOLDER has images and masks (or images/val and masks/val) whose ids are those of --palette. Each frame begins
as --model predicts it, its classes brought to the palette, and ends when 98 % of the pixels agree with the
truth; pixels without a truth (255) count neither way.

The corrector may look at the truth to choose where it acts and with which tool. All that it changes goes
through the tools' public functions, with what a hand can give: a click, a class, a radius, a line, corners.
A click, a stroke and a key are one action each, however long the stroke; stroke_px says how far the pointer
is dragged. Another tool, class, radius or tolerance than the one that is set is one key more. Of all uses
that it can think of it takes the one that mends most pixels for an action, those that it spoils deducted,
and no more pixels counted than the next goal needs. It does not look further ahead.

brush: strokes of the true class along the middle of connected wrong pixels or of a whole true region, once
along the longest way and once through all branches, with radii of 2, 4, 8, 16 and 32 pixels. polygon:
outlines of the same and their hulls, clicked corner by corner (and one click to close), moved by at most 1
to 16 pixels. ours: both; the lasso (a stroke); extend, a lasso that takes the class of the region where it
begins, so that no class has to be chosen (a stroke, begun within 12 pixels of what is wrong); the wand (a
click); a region's relabelling (the class's key), its second choice, merge, fill holes, smooth, grow and
shrink (a key each); one class for another (a click) and a class's islands (a key) in the whole image.
--more: the same without one of them, or with "scrubbing", strokes ring by ring over a whole area, or with
"doubts", regions of the second choice where the model is unsure. One scrubbing stroke is one action too,
but its way is many times as long.

actions_at_95 and _98: actions a frame, the mean over all frames; one that does not get there within --most
actions counts as --most and is listed in `unreached` if it does not get to 98. floor: the same if each
connected piece of wrong pixels of one true class were mended by one action. tools: a frame's uses, actions
and mended pixels of each tool, until 98. curve: the mean share of right pixels after `curve_actions`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.annotation.palette import load_palette
from segstudio.images import atomic_write
from segstudio.inference.backend import AUTO, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import Predictor
from segstudio.training.data.files import pair_by_stem
from segstudio.workflows.evaluate import class_lookup, read_pair
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.svg_plots import LinePlot, Series, line_plot

# Beside a script that is run, Python finds modules by their bare name; the type checker wants the whole one.
if TYPE_CHECKING:
    from packaging.benchmarks.correction_counting import Course
    from packaging.benchmarks.correction_tools import MORE_POLICIES, POLICIES, wrong_pieces
    from packaging.benchmarks.corrector import Corrector, Frame, View
else:
    from correction_counting import Course
    from correction_tools import MORE_POLICIES, POLICIES, wrong_pieces
    from corrector import Corrector, Frame, View

GOALS = (0.95, 0.98)
MOST = 300
CURVE = (*range(11), 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300)


@dataclass(frozen=True)
class Corrected:
    """A frame's name, its corrections by policy, and the fewest actions to each goal."""

    name: str
    courses: Mapping[str, Course]
    floor: tuple[int, ...]


def frames(options: argparse.Namespace) -> Iterator[tuple[str, Frame]]:
    """The chosen frames with what the model says, in the palette's classes."""
    folder, spec = find_model(options.model)
    lookup = class_lookup(palette_of_model(spec), load_palette(options.palette))
    root: Path = options.frames
    part = Path("val") if (root / "images" / "val").is_dir() else Path()
    pairs = pair_by_stem(root / "images" / part, root / "masks" / part).pairs
    chosen = np.unique(np.linspace(0, len(pairs) - 1, options.count or len(pairs)).round().astype(int))
    backend = open_backend(folder, spec, AUTO)
    try:
        predictor = Predictor(backend, spec, runner_up=True)
        for number in chosen.tolist():
            image, truth = read_pair(*pairs[number])
            said = predictor.predict(image)
            assert said.second is not None
            assert said.margin is not None
            yield (
                pairs[number][0].stem,
                Frame(image, truth, lookup[said.ids], lookup[said.second], said.margin, said.confidence),
            )
    finally:
        backend.close()


def corrected(name: str, frame: Frame, policies: Sequence[str], most: int) -> Corrected:
    """The frame's correction by every policy."""
    known = {**POLICIES, **MORE_POLICIES}
    courses = {policy: Corrector(frame, known[policy], GOALS, most).correct() for policy in policies}
    return Corrected(name, courses, tuple(fewest(frame, goal) for goal in GOALS))


def fewest(frame: Frame, goal: float) -> int:
    """Actions to a goal if one action mended a whole connected piece of wrong pixels of one true class."""
    view = View(frame, frame.ids)
    known = int(np.count_nonzero(frame.truth != 255))
    missing = goal * known - (known - int(np.count_nonzero(view.wrong)))
    areas = np.cumsum([piece.area for piece in wrong_pieces(view, most=None)])
    return 0 if missing <= 0 else int(np.searchsorted(areas, missing)) + 1


def summary(done: Sequence[Corrected], policies: Sequence[str], most: int) -> dict[str, object]:
    """The figures of some policies."""
    courses = {policy: [frame.courses[policy] for frame in done] for policy in policies}
    return {
        "actions_at_95": {policy: mean_actions(courses[policy], 0.95, most) for policy in policies},
        "actions_at_98": {policy: mean_actions(courses[policy], 0.98, most) for policy in policies},
        "stroke_px_at_98": {
            policy: round(float(np.mean([sum(step.pixels for step in one.steps) for one in courses[policy]])))
            for policy in policies
        },
        "curve": {
            policy: [round(float(np.mean([one.agreeing_at(n) for one in courses[policy]])), 5) for n in CURVE]
            for policy in policies
        },
        "tools": {policy: by_tool(courses[policy]) for policy in policies},
        "unreached": {
            policy: [frame.name for frame in done if frame.courses[policy].actions_to(GOALS[-1]) is None]
            for policy in policies
        },
    }


def mean_actions(courses: Sequence[Course], goal: float, most: int) -> float:
    """Actions to a goal, the mean over frames; `most` where it was not reached."""
    counts = (course.actions_to(goal) for course in courses)
    return round(float(np.mean([most if count is None else count for count in counts])), 2)


def by_tool(courses: Sequence[Course]) -> dict[str, dict[str, float]]:
    """Uses, actions and mended pixels of each tool, a frame."""
    steps = [step for course in courses for step in course.steps]
    return {
        tool: {
            "uses": round(sum(step.tool == tool for step in steps) / len(courses), 2),
            "actions": round(sum(step.price for step in steps if step.tool == tool) / len(courses), 2),
            "pixels": round(sum(step.gain for step in steps if step.tool == tool) / len(courses), 1),
        }
        for tool in sorted({step.tool for step in steps})
    }


def measure(options: argparse.Namespace) -> dict[str, object]:
    """All figures, with progress on stderr."""
    policies = [*POLICIES, *(MORE_POLICIES if options.more else ())]
    done: list[Corrected] = []
    for name, frame in frames(options):
        done.append(corrected(name, frame, policies, options.most))
        counts = {policy: one.actions_to(GOALS[-1]) for policy, one in done[-1].courses.items()}
        print(f"{name}: {frame.agreeing:.4f} at first; actions to 98 %: {counts}", file=sys.stderr)
    starts = [frame.courses["ours"].start for frame in done]
    figures: dict[str, object] = {
        **summary(done, list(POLICIES), options.most),
        "curve_actions": list(CURVE),
        "floor": {
            str(round(goal * 100)): round(float(np.mean([frame.floor[n] for frame in done])), 2)
            for n, goal in enumerate(GOALS)
        },
        "images": len(done),
        "agreeing_at_first": round(float(np.mean(starts)), 5),
        "at_95_from_the_start": sum(start >= GOALS[0] for start in starts),
    }
    if options.more:
        figures["more"] = summary(done, list(MORE_POLICIES), options.most)
    return figures


def plot(curves: Mapping[str, Sequence[float]]) -> str:
    """The curves as SVG: what is still wrong, so that the last per cents can be seen."""
    series = tuple(
        Series(name, tuple(100 * (1 - value) for value in values)) for name, values in curves.items()
    )
    return line_plot(
        LinePlot("Correction cost", "actions", "wrong pixels, %", tuple(map(str, CURVE)), series)
    )


def main() -> None:
    """Prints the figures, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--palette", default="camvid-11")
    parser.add_argument("--model", default="street-b0")
    parser.add_argument("--count", type=int, default=0, help="so many frames, evenly spread; 0: all")
    parser.add_argument("--most", type=int, default=MOST)
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--report", type=Path, help="an SVG file for the curves")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    figures = measure(options)
    if options.report:
        curves = figures["curve"]
        assert isinstance(curves, dict)
        options.report.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(options.report, plot(curves).encode())
    if options.json:
        json.dump(figures, sys.stdout)
        print()
        return
    for key, value in figures.items():
        print(f"{key}: {json.dumps(value)}")


if __name__ == "__main__":
    main()

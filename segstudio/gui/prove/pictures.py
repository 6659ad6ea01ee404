"""What changed, as strips: an error in both models' eyes, and a sample before and after."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio import images
from segstudio.errors import SegstudioError
from segstudio.gui.failures.pictures import Rgb, Seen, painted, panes
from segstudio.gui.samples.pictures import to_qimage
from segstudio.jobs import JobContext
from segstudio.metrics.segment_shape import SegmentSpot
from segstudio.project.project import Project
from segstudio.workflows.prove.segments import ChangedSegment
from segstudio.workflows.prove.tried import Tried
from segstudio.workflows.repredict.plan import RepredictPlan

LOG = logging.getLogger(__name__)
# One of the four panes of an error, and one of the two of a sample; sharp at 200 % up to these.
PANE = (200, 160)
HALF = (400, 250)
GAP = 4


@dataclass(frozen=True)
class Wanted:
    """An error to be shown: names and fingerprints of the current model and of the candidate."""

    segment: ChangedSegment
    current: tuple[str, str]
    candidate: tuple[str, str]

    def spot(self, classes: int) -> SegmentSpot:
        """What it is found again by."""
        one = self.segment
        return SegmentSpot(one.key, one.truth, one.predicted, one.box, one.area, classes)


def make_error_strips(context: JobContext, project: Project, wanted: Mapping[int, Wanted]) -> None:
    """Image, truth, current model and candidate around errors, as events of `Pictures`."""
    colours = project.palette.colours()
    for row, wish in sorted(wanted.items(), key=lambda pair: pair[1].segment.key):
        context.check()
        try:
            strip = _error_strip(project, wish, colours)
        except SegstudioError as error:
            LOG.info("no picture of a changed error: %s", error)
            context.event((row, None))
            continue
        context.event((row, to_qimage(strip)))


def _error_strip(project: Project, wish: Wanted, colours: NDArray[np.uint8]) -> Rgb:
    segment = wish.segment
    image = images.read_image(project.sample(segment.key).image)
    mask, _ = project.look_at_mask(segment.key)
    before, after = (Tried(project, *model).ids(segment.key) for model in (wish.current, wish.candidate))
    planes = [
        plane if plane is None or plane.shape == image.shape[:2] else None for plane in (mask, before, after)
    ]
    # Whose error it is draws its outline.
    own, other = (planes[1], planes[2]) if segment.is_fixed else (planes[2], planes[1])
    found = panes(Seen(image, planes[0], own, other), wish.spot(project.palette.count), colours, PANE)
    sides = (found.predicted, found.other) if segment.is_fixed else (found.other, found.predicted)
    empty = np.zeros_like(found.image)
    shown = [empty if pane is None else pane for pane in (found.image, found.truth, *sides)]
    return _joined(shown)


def make_sample_strips(
    context: JobContext, project: Project, wanted: Mapping[int, tuple[str, RepredictPlan]]
) -> None:
    """What is predicted of samples now, and what would be, as events of `Pictures`."""
    colours = project.palette.colours()
    for row, (key, plan) in wanted.items():
        context.check()
        try:
            strip = _sample_strip(project, key, plan, colours)
        except SegstudioError as error:
            LOG.info("no picture of a new prediction: %s", error)
            context.event((row, None))
            continue
        context.event((row, to_qimage(strip)))


def _sample_strip(project: Project, key: str, plan: RepredictPlan, colours: NDArray[np.uint8]) -> Rgb:
    image = images.read_image(project.sample(key).image)
    now = project.load_prediction(key)
    after = plan.answer(key).ids
    scale = min(HALF[0] / image.shape[1], HALF[1] / image.shape[0])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    shown = []
    for ids in (now.ids if now else None, after):
        scaled = None if ids is None else cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST)
        shown.append(small if scaled is None else painted(small, np.asarray(scaled, np.uint8), colours))
    return _joined(shown)


def _joined(shown: list[Rgb]) -> Rgb:
    """Panes side by side with a gap between them."""
    gap = np.full((shown[0].shape[0], GAP, 3), 128, np.uint8)
    parts = [part for pane in shown for part in (pane, gap)][:-1]
    return np.concatenate(parts, axis=1)

"""What an error looks like: the image, the truth and the prediction around a segment, with its outline."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio import images
from segstudio.annotation.rect import Rect
from segstudio.errors import SegstudioError
from segstudio.gui.correcting.alike_crops import draw_outline
from segstudio.gui.samples.pictures import to_qimage
from segstudio.jobs import JobContext
from segstudio.metrics.segment_shape import SegmentSpot, shape_of
from segstudio.project.project import Project

LOG = logging.getLogger(__name__)
Rgb = NDArray[np.uint8]
Mask = NDArray[np.uint8]
# What is around a segment belongs to the picture: this share of its box, and at least so many pixels.
MARGIN_SHARE, LEAST_MARGIN = 0.35, 12
# Nothing is enlarged beyond what still looks like an image.
LEAST_WIDTH = 72
# How much of a class's colour is seen.
OPACITY = 0.6
# A pane of the gallery, sharp at 200 % too.
PANE = (200, 160)


@dataclass(frozen=True)
class Seen:
    """A sample as pictures are made of it; None for a mask that is not there.

    Attributes:
        image: uint8 [H,W,3].
        truth: uint8 [H,W].
        predicted: uint8 [H,W], of the model that is looked at; None where another one predicted it since.
        other: uint8 [H,W], of another model, where two are compared.
    """

    image: Rgb
    truth: Mask | None
    predicted: Mask | None
    other: Mask | None = None


@dataclass(frozen=True)
class Panes:
    """The image, the truth and predictions around a segment, uint8 [h,w,3] each; None for what lacks."""

    image: Rgb
    truth: Rgb | None
    predicted: Rgb | None
    other: Rgb | None = None

    @property
    def strip(self) -> Rgb:
        """Those that there are, side by side, up to the first that is missing."""
        there = takewhile(lambda pane: pane is not None, (self.image, self.truth, self.predicted, self.other))
        return np.concatenate([pane for pane in there if pane is not None], axis=1)


def see(project: Project, key: str, model: str) -> Seen:
    """Reads what there is of a sample.

    Raises:
        ImageError: the image cannot be read. MaskError: the mask cannot. ProjectError: no such sample.
    """
    image = images.read_image(project.sample(key).image)
    size = image.shape[:2]
    mask, _ = project.look_at_mask(key)
    said = project.load_prediction(key)
    predicted = said.ids if said is not None and said.model == model else None
    return Seen(
        image,
        mask if mask is not None and mask.shape == size else None,
        predicted if predicted is not None and predicted.shape == size else None,
    )


def around(box: Rect, size: tuple[int, int], image: tuple[int, int]) -> Rect:
    """The part of an image (width, height) that is shown of a segment's box in a pane (width, height).

    It has the pane's shape where the image is large enough, and stays inside.
    """
    margin = max(int(max(box.width, box.height) * MARGIN_SHARE), LEAST_MARGIN)
    aspect = size[0] / size[1]
    width = max(box.width + 2 * margin, round((box.height + 2 * margin) * aspect), LEAST_WIDTH)
    width = min(width, image[0])
    # Where the image is too narrow for that shape, the segment's height counts.
    height = min(max(round(width / aspect), box.height + 2 * margin), image[1])
    x = min(max(box.x + box.width // 2 - width // 2, 0), image[0] - width)
    y = min(max(box.y + box.height // 2 - height // 2, 0), image[1] - height)
    return Rect(x, y, width, max(height, 1))


def panes(seen: Seen, spot: SegmentSpot, colours: NDArray[np.uint8], size: tuple[int, int]) -> Panes:
    """The panes of a segment, each of a size (width, height) at most.

    Args:
        seen: its sample.
        spot: the segment.
        colours: uint8 [256,3] by class id.
        size: of one pane.
    """
    height, width = seen.image.shape[:2]
    box = Rect(*spot.box)
    rect = around(box, size, (width, height))
    scale = min(size[0] / rect.width, size[1] / rect.height)
    target = (max(round(rect.width * scale), 1), max(round(rect.height * scale), 1))
    inside = _inside(seen, spot, rect)
    cut = seen.image[rect.slices]
    planes = [cut] + [
        painted(cut, mask[rect.slices], colours) if mask is not None else None
        for mask in (seen.truth, seen.predicted, seen.other)
    ]
    shape = cv2.resize(inside, target, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    smooth = cv2.INTER_AREA if rect.width > target[0] else cv2.INTER_LINEAR
    kinds = (smooth, *(cv2.INTER_AREA if rect.width > target[0] else cv2.INTER_NEAREST,) * 3)
    first, *rest = (
        None if plane is None else _shown(plane, shape, kind, size)
        for plane, kind in zip(planes, kinds, strict=True)
    )
    assert first is not None
    return Panes(first, *rest)


def _inside(seen: Seen, spot: SegmentSpot, rect: Rect) -> Mask:
    """uint8 [h,w]: which pixels of a part are the segment's; its whole box where the masks changed since."""
    box = Rect(*spot.box)
    shape = None if seen.truth is None else shape_of(spot, seen.truth, seen.predicted)
    inside = np.zeros((rect.height, rect.width), np.uint8)
    shared = box.intersection(rect)
    part = shared.moved(-box.x, -box.y)
    inside[shared.moved(-rect.x, -rect.y).slices] = 1 if shape is None else shape[part.slices]
    return inside


def painted(image: Rgb, mask: Mask, colours: NDArray[np.uint8]) -> Rgb:
    """An image under the colours of a mask."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(colours[mask], OPACITY, grey, 1 - OPACITY, 0), np.uint8)


def _shown(plane: Rgb, shape: Mask, kind: int, size: tuple[int, int]) -> Rgb:
    """A plane as large as the outlined shape, in the middle of a pane."""
    target = shape.shape[::-1]
    picture = np.asarray(cv2.resize(plane, target, interpolation=kind), np.uint8)
    draw_outline(picture, shape)
    pane = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - target[0]) // 2, (size[1] - target[1]) // 2
    pane[top : top + target[1], left : left + target[0]] = picture
    return pane


def make_strips(
    context: JobContext, project: Project, wanted: Mapping[int, tuple[SegmentSpot, str, NDArray[np.uint8]]]
) -> None:
    """The panes of segments side by side, as events of `Pictures`; wishes are segment, model and colours.

    Each sample is read once: those of one sample come one after the other.
    """
    seen: tuple[str, Seen | None] = ("", None)
    for row, (spot, model, colours) in sorted(wanted.items(), key=lambda wish: wish[1][0].key):
        context.check()
        if seen[0] != spot.key:
            try:
                seen = (spot.key, see(project, spot.key, model))
            except SegstudioError as error:
                LOG.info("no picture of a failure: %s", error)
                seen = (spot.key, None)
        strip = panes(seen[1], spot, colours, PANE).strip if seen[1] is not None else None
        context.event((row, None if strip is None else to_qimage(strip)))

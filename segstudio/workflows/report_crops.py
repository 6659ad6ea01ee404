"""Small pictures of places in samples for a report: the image, and masks laid over it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.errors import ImageError, MaskError
from segstudio.images import read_image
from segstudio.jobs import JobContext
from segstudio.project.project import Project

Mask = NDArray[np.uint8]
# Of what is around a place at least so much is shown on each side, in pixels and as a share of its own size.
AROUND_PIXELS, AROUND_SHARE = 24, 0.6
LEAST_SIDE, LONGEST_SIDE = 96, 320
OPACITY = 0.55
QUALITY = 85
FRAME, SHADOW = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True)
class Place:
    """A rectangle of a sample that is to be shown; None is the whole sample."""

    key: str
    rect: Rect | None


@dataclass(frozen=True)
class Crops:
    """JPEG pictures of a place: the image, then mask and prediction over it; None where there is none."""

    image: bytes
    truth: bytes | None
    predicted: bytes | None


class CropMaker:
    """Cuts places out of samples; each sample is read once where its places come one after the other."""

    def __init__(self, project: Project, model: str) -> None:
        """`model` is whose predictions are shown."""
        self._project = project
        self._model = model
        self._predicting = project.predicting_models() if model else {}
        self._colours = project.palette.colours()
        self._read: tuple[str, NDArray[np.uint8], Mask | None, Mask | None] | None = None

    def crops(self, places: list[Place], context: JobContext, text: str) -> list[Crops | None]:
        """The pictures of places, in their order; None where the image cannot be read."""
        found: list[Crops | None] = [None] * len(places)
        order = sorted(range(len(places)), key=lambda number: places[number].key)
        for done, number in enumerate(order):
            context.check()
            context.progress(done, len(places), text)
            found[number] = self._crops(places[number])
        return found

    def _crops(self, place: Place) -> Crops | None:
        if self._read is None or self._read[0] != place.key:
            try:
                self._read = self._load(place.key)
            except ImageError:
                return None
        _, image, truth, predicted = self._read
        height, width = image.shape[:2]
        shown = Rect(0, 0, width, height) if place.rect is None else _around(place.rect, width, height)
        part = image[shown.slices]
        truths, predictions = (
            None if ids is None else _jpeg(_framed(self._over(part, ids[shown.slices]), shown, place.rect))
            for ids in (truth, predicted)
        )
        return Crops(_jpeg(_framed(part, shown, place.rect)), truths, predictions)

    def _load(self, key: str) -> tuple[str, NDArray[np.uint8], Mask | None, Mask | None]:
        image = read_image(self._project.sample(key).image)
        try:
            truth = self._project.look_at_mask(key)[0]
        except MaskError:
            truth = None
        said = self._project.load_prediction(key) if self._predicting.get(key) == self._model else None
        fitting = [
            ids if ids is not None and ids.shape == image.shape[:2] else None
            for ids in (truth, said.ids if said else None)
        ]
        return key, image, fitting[0], fitting[1]

    def _over(self, part: NDArray[np.uint8], ids: Mask) -> NDArray[np.uint8]:
        """A part of an image with the colours of its classes over it; unlabelled pixels stay."""
        mixed = np.rint(part * (1 - OPACITY) + self._colours[ids] * OPACITY).astype(np.uint8)
        return np.where((ids == self._project.palette.ignore_id)[..., None], part, mixed)


def _around(rect: Rect, width: int, height: int) -> Rect:
    """A rectangle with what is around it, inside the image."""
    across = max(AROUND_PIXELS, round(rect.width * AROUND_SHARE), (LEAST_SIDE - rect.width) // 2)
    down = max(AROUND_PIXELS, round(rect.height * AROUND_SHARE), (LEAST_SIDE - rect.height) // 2)
    # A thin thing is shown with more of what is beside it, so that pictures are about square.
    side = max(rect.width + 2 * across, rect.height + 2 * down)
    across, down = (side - rect.width) // 2, (side - rect.height) // 2
    grown = Rect(rect.x - across, rect.y - down, rect.width + 2 * across, rect.height + 2 * down)
    return grown.clip(width, height)


def _framed(part: NDArray[np.uint8], shown: Rect, rect: Rect | None) -> NDArray[np.uint8]:
    """The picture at its size in the report, with a frame round the place."""
    scale = LONGEST_SIDE / max(part.shape[:2])
    size = (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST if scale > 4 else cv2.INTER_LINEAR
    picture = np.ascontiguousarray(cv2.resize(part, size, interpolation=method), np.uint8)
    if rect is None:
        return picture
    left, top = round((rect.x - shown.x) * scale), round((rect.y - shown.y) * scale)
    right, bottom = round((rect.right - shown.x) * scale), round((rect.bottom - shown.y) * scale)
    for colour, width in ((SHADOW, 3), (FRAME, 1)):
        cv2.rectangle(picture, (left - 2, top - 2), (right + 1, bottom + 1), colour, width)
    return picture


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()

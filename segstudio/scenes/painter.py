"""Paints an image and its mask together: what is drawn has exactly the pixels that the mask says."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Colour = Sequence[float] | NDArray[np.floating[Any]]
SUPERSAMPLING = 2
IGNORE = 255


class Canvas:
    """An RGB image and a mask at twice the final size, so that edges of the image become smooth."""

    def __init__(self, height: int, width: int, generator: np.random.Generator) -> None:
        self.height, self.width = height * SUPERSAMPLING, width * SUPERSAMPLING
        self.image = np.zeros((self.height, self.width, 3), np.float32)
        self.mask = np.full((self.height, self.width), IGNORE, np.uint8)
        self.random = generator
        # One sheet of grain serves every surface, read at changing offsets.
        fine = generator.normal(0, 1, (256, 256)).astype(np.float32)
        coarse = cv2.GaussianBlur(generator.normal(0, 1, (256, 256)).astype(np.float32), (0, 0), 5)
        self._grain = 0.55 * fine + 0.45 * np.asarray(coarse) / max(float(np.std(coarse)), 1e-6)

    def polygon(
        self,
        points: Sequence[Point] | NDArray[np.float64],
        class_id: int | None,
        colour: Colour,
        *,
        grain: float = 6.0,
        shade: float = 0.0,
    ) -> None:
        """Fills a polygon; class None paints the image alone; `shade` darkens downwards."""
        cover, x0, y0 = self._inside(points)
        if cover.size:
            self._lay(cover, x0, y0, class_id, colour, grain, shade)

    def ellipse(
        self, centre: Point, radii: Point, class_id: int | None, colour: Colour, *, grain: float = 6.0
    ) -> None:
        """Fills an upright ellipse."""
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        points = np.column_stack([centre[0] + radii[0] * np.cos(turn), centre[1] + radii[1] * np.sin(turn)])
        self.polygon(points, class_id, colour, grain=grain)

    def line(self, start: Point, end: Point, width: float, class_id: int | None, colour: Colour) -> None:
        """A straight bar with square ends; at least one final pixel wide."""
        direction = np.array([end[0] - start[0], end[1] - start[1]], np.float64)
        length = float(np.hypot(*direction))
        if length < 1e-6:
            return
        side = np.array([-direction[1], direction[0]]) / length * max(width, 0.8) / 2
        a, b = np.array(start), np.array(end)
        self.polygon(np.array([a + side, b + side, b - side, a - side]), class_id, colour)

    def ring(self, centre: Point, radii: Point, width: float, class_id: int, colour: Colour) -> None:
        """The outline of an ellipse, such as a wheel."""
        turn = np.linspace(0, 2 * np.pi, 15)
        points = [(centre[0] + radii[0] * np.cos(t), centre[1] + radii[1] * np.sin(t)) for t in turn]
        for start, end in itertools.pairwise(points):
            self.line(start, end, width, class_id, colour)

    def foliage(self, centre: Point, radii: Point, class_id: int, colour: Colour, lumps: int = 14) -> None:
        """A ragged crown: overlapping discs with light from above."""
        tint = np.asarray(colour, np.float32)
        self.ellipse(centre, (radii[0] * 0.75, radii[1] * 0.75), class_id, tint * 0.8, grain=16)
        for _ in range(lumps):
            angle, reach = self.random.uniform(0, 2 * np.pi), self.random.uniform(0.3, 0.85)
            x = centre[0] + radii[0] * reach * np.cos(angle)
            y = centre[1] + radii[1] * reach * np.sin(angle)
            size = self.random.uniform(0.18, 0.42)
            light = 1.0 - 0.35 * (y - centre[1]) / max(radii[1], 1e-6) * self.random.uniform(0.5, 1)
            self.ellipse((x, y), (radii[0] * size, radii[1] * size), class_id, tint * light, grain=20)

    def shadow(self, points: Sequence[Point] | NDArray[np.float64], strength: float = 0.45) -> None:
        """Darkens the image inside a polygon; the mask stays."""
        cover, x0, y0 = self._inside(points)
        self.image[y0 : y0 + cover.shape[0], x0 : x0 + cover.shape[1]][cover] *= 1 - strength

    def _inside(self, points: Sequence[Point] | NDArray[np.float64]) -> tuple[NDArray[np.bool_], int, int]:
        """The part of a polygon inside the picture: bool [h,w], and where its corner is; empty outside."""
        corners = np.rint(np.asarray(points, np.float64) * SUPERSAMPLING)
        corners = np.clip(corners, -20000, 20000).astype(np.int32)
        x0, y0 = (int(value) for value in np.maximum(corners.min(0), 0))
        x1, y1 = np.minimum(corners.max(0) + 1, (self.width, self.height))
        if x1 <= x0 or y1 <= y0:
            return np.zeros((0, 0), np.bool_), 0, 0
        cover = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(cover, [corners - np.array([x0, y0], np.int32)], 1)
        return cover.astype(np.bool_), x0, y0

    def _lay(
        self,
        cover: NDArray[np.bool_],
        x0: int,
        y0: int,
        class_id: int | None,
        colour: Colour,
        grain: float,
        shade: float,
    ) -> None:
        height, width = cover.shape
        paint = np.broadcast_to(np.asarray(colour, np.float32), (height, width, 3))
        if grain or shade:
            light = np.zeros((height, width, 1), np.float32)
            if grain:
                row, column = self.random.integers(0, 256, 2)
                rows = (np.arange(height) + row) % 256
                columns = (np.arange(width) + column) % 256
                light[:, :, 0] = self._grain[rows[:, None], columns[None, :]] * grain
            if shade:
                light[:, :, 0] -= np.linspace(0, shade, height, dtype=np.float32)[:, None]
            paint = paint + light
        region = self.image[y0 : y0 + height, x0 : x0 + width]
        region[cover] = paint[cover]
        if class_id is not None:
            self.mask[y0 : y0 + height, x0 : x0 + width][cover] = class_id


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above a flat street: metres right, up and ahead to final pixels."""

    horizon: float
    centre: float
    focal: float
    eye: float = 1.4

    def point(self, right: float, up: float, ahead: float) -> Point:
        """Projects a point; `ahead` is kept in front of the lens."""
        depth = max(ahead, 0.3)
        return (
            self.centre + self.focal * right / depth,
            self.horizon + self.focal * (self.eye - up) / depth,
        )

    def scale(self, ahead: float) -> float:
        """Pixels a metre at a distance."""
        return self.focal / max(ahead, 0.3)


def between(face: Sequence[Point], u: float, v: float) -> Point:
    """The point at (u, v) in 0-1 of a face given as top left, top right, bottom right, bottom left."""
    corners = np.asarray(face, np.float64)
    top = corners[0] + (corners[1] - corners[0]) * u
    bottom = corners[3] + (corners[2] - corners[3]) * u
    point = top + (bottom - top) * v
    return float(point[0]), float(point[1])


def patch(face: Sequence[Point], u0: float, v0: float, u1: float, v1: float) -> list[Point]:
    """The corners of a rectangle on a face."""
    return [between(face, u0, v0), between(face, u1, v0), between(face, u1, v1), between(face, u0, v1)]

"""Scissors follow a border between two knots, near or far, and outlines grow and shrink by knots."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.scissors import MARGIN, REACH, Outline, Scissors
from segstudio.annotation.tools import Point, polygon_bounds, polygon_cover


def disc(size: int, radius: float) -> NDArray[np.uint8]:
    """A light disc in the middle of a dark square."""
    y, x = np.mgrid[0:size, 0:size] + 0.5
    inside = np.hypot(x - size / 2, y - size / 2) < radius
    picture: NDArray[np.uint8] = np.where(inside[..., None], (200, 190, 120), (60, 70, 90)).astype(np.uint8)
    return picture


def on_rim(size: int, radius: float, degrees: float) -> Point:
    angle = math.radians(degrees)
    return size / 2 + radius * math.cos(angle), size / 2 + radius * math.sin(angle)


@pytest.mark.parametrize(("size", "radius", "off"), [(96, 36.0, 1.5), (640, 300.0, 8.0)])
def test_the_path_follows_the_rim(size: int, radius: float, off: float) -> None:
    scissors = Scissors(disc(size, radius))
    start, end = on_rim(size, radius, 10), on_rim(size, radius, 95)
    scissors.start(start)
    path = [start, *scissors.path(end)]
    assert path[-1] == end
    away = [abs(math.dist(point, (size / 2, size / 2)) - radius) for point in path]
    assert max(away) <= off
    # The chord's middle lies far inside.
    assert radius * (1 - math.cos(math.radians(42.5))) > off


def test_a_path_to_where_no_map_reaches_ends_there_all_the_same() -> None:
    scissors = Scissors(disc(64, 20))
    scissors.start((3.5, 3.5))
    assert scissors.path((90.0, -20.0))[-1] == (90.0, -20.0)
    assert scissors.path((3.6, 3.4)) == [(3.6, 3.4)]
    wide = Scissors(np.zeros((8, 2 * 16 * (REACH + MARGIN), 3), np.uint8))
    wide.start((1.5, 4.5))
    path = wide.path((4500.0, 4.0))
    assert path[-1] == (4500.0, 4.0)
    assert all(1 <= x <= 4500 for x, _ in path)


def test_an_outline_of_three_knots_encloses_the_disc() -> None:
    size, radius = 96, 36.0
    outline = Outline(disc(size, radius))
    assert outline.preview((5.0, 5.0)) == []
    for degrees in (0, 120, 240):
        outline.add(on_rim(size, radius, degrees))
    assert len(outline.knots) == 3
    points = outline.closed()
    rect = polygon_bounds(points)
    found = np.zeros((size, size), bool)
    found[rect.slices] = polygon_cover(rect, points)
    truth = disc(size, radius)[..., 0] > 100
    assert (found & truth).sum() / (found | truth).sum() > 0.94
    assert outline.closes_at(on_rim(size, radius, 2), 4)
    assert not outline.closes_at(on_rim(size, radius, 120), 4)


def test_knots_are_taken_back_and_straight_parts_stay_straight() -> None:
    outline = Outline(disc(96, 36))
    outline.add((10.0, 10.0))
    outline.add((80.0, 12.0), straight=True)
    assert outline.points == [(10.0, 10.0), (80.0, 12.0)]
    outline.add((60.0, 80.0))
    before = outline.points
    outline.add((20.0, 70.0))
    outline.remove_last()
    assert outline.points == before
    assert outline.closed(straight=True) == before
    for _ in range(5):
        outline.remove_last()
    assert (outline.points, outline.closed(), outline.knots) == ([], [], [])
    assert not outline.closes_at((10.0, 10.0), 100)

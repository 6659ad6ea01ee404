"""Fences: a brush stays on its side of an edge or of a model's border, also where the edge has a gap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.annotation.fences import TILE, ClassFence, EdgeFence, Fence
from segstudio.annotation.rect import Rect
from segstudio.annotation.tip import Tip

HEIGHT, WIDTH = 96, TILE + 64


def halves(seed: int, column: int) -> NDArray[np.uint8]:
    """Dark left of a column, bright from there on, with a little noise: uint8 [96,192,3]."""
    rgb = np.full((HEIGHT, WIDTH, 3), 60, np.int64)
    rgb[:, column:] = (150, 170, 190)
    noise = np.random.default_rng(seed).normal(0, 3, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def stamp(fence: Fence, x: float, y: float, radius: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool [96,192] each: what a stamp would cover, and what the fence leaves of it."""
    tip = Tip(radius)
    rect = tip.box((x, y)).clip(WIDTH, HEIGHT)
    cover = tip.cover(rect, (x, y), (x, y))
    whole, reached = np.zeros((HEIGHT, WIDTH), bool), np.zeros((HEIGHT, WIDTH), bool)
    whole[rect.slices] = cover
    reached[rect.slices] = fence.reach(rect, cover, [(int(x), int(y))])
    return whole, reached


@pytest.mark.parametrize("column", [40, TILE - 1, TILE, TILE + 1])
@pytest.mark.parametrize("offset", [-12.5, -1.5, -0.5, 0.5, 1.5, 12.5])
def test_an_edge_stops_the_brush_at_the_very_pixel(column: int, offset: float) -> None:
    fence = EdgeFence(halves(1, column))
    cover, reached = stamp(fence, column + offset, 48.5, 20)
    side = np.zeros_like(cover)
    side[:, slice(None, column) if offset < 0 else slice(column, None)] = True
    assert not (reached & ~(cover & side)).any()
    # At the disc's poles a pixel on the edge may have no neighbour that the brush covers.
    assert np.count_nonzero(cover & side & ~reached) <= 4


def test_a_small_gap_in_an_edge_is_closed() -> None:
    rgb = halves(2, 100)
    rgb[:, 100:] = rgb[:, :1]
    rgb[:, 100:102] = (230, 230, 40)
    rgb[48:50, 100:102] = rgb[:1, :1]
    cover, reached = stamp(EdgeFence(rgb), 90.5, 48.5, 20)
    assert cover[:, 104:].any()
    assert not reached[:, 104:].any()


def test_without_edges_the_brush_is_whole() -> None:
    cover, reached = stamp(EdgeFence(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)), 100.5, 40.5, 30)
    np.testing.assert_array_equal(reached, cover)


def test_the_models_border_stops_the_brush_and_what_it_cannot_reach_stays() -> None:
    prediction = np.zeros((HEIGHT, WIDTH), np.uint8)
    prediction[:, 60:70] = 3
    cover, reached = stamp(ClassFence(prediction), 50.5, 48.5, 30)
    assert cover[:, 70:].any()
    np.testing.assert_array_equal(reached, cover & (np.arange(WIDTH) < 60))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-5, WIDTH + 5), st.floats(-5, HEIGHT + 5), st.floats(0.5, 25))
def test_a_fence_adds_nothing(seed: int, x: float, y: float, radius: float) -> None:
    rng = np.random.default_rng(seed)
    rgb = np.kron(rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    for fence in (EdgeFence(rgb), ClassFence(rgb[..., 0] // 64)):
        rect = Tip(radius).box((x, y)).clip(WIDTH, HEIGHT)
        if rect.is_empty:
            continue
        cover = Tip(radius).cover(rect, (x, y), (x, y))
        reached = fence.reach(rect, cover, [(int(x), int(y))])
        assert not (reached & ~cover).any()


def test_centres_beside_the_rectangle_reach_nothing() -> None:
    cover = np.ones((10, 10), bool)
    fence = ClassFence(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert not fence.reach(Rect(20, 20, 10, 10), cover, [(19, 25), (30, 25)]).any()

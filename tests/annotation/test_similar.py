"""Regions by clicks on made-up features: what is alike and connected, bent by clicks and cut by boxes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation import similar
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.segmenter import Click, Embedding
from segstudio.annotation.similar import SimilarRegions

SIZE = (64, 48)


def scene(kinds: NDArray[np.int64], materials: NDArray[np.int64] | None = None) -> SimilarRegions:
    """A network that is nearly sure of the class of every place [12,16] and sees what it is made of."""
    shares = np.full((3, *kinds.shape), 0.02, np.float32)
    np.put_along_axis(shares, kinds[None], 0.96, axis=0)
    materials = kinds if materials is None else materials
    features = np.eye(100, dtype=np.float32)[materials].transpose(2, 0, 1)
    return SimilarRegions(shares, features, SIZE)


def pixels(region: Region | None) -> NDArray[np.bool_]:
    found = np.zeros(SIZE[::-1], bool)
    if region is not None:
        assert region.area == region.inside.sum()
        found[region.rect.slices] = region.inside
    return found


def two_squares() -> NDArray[np.int64]:
    kinds = np.zeros((12, 16), np.int64)
    kinds[3:9, 1:6] = 1
    kinds[3:9, 9:15] = 1
    return kinds


def test_one_click_finds_what_is_alike_and_connected() -> None:
    embedding: Embedding = scene(two_squares())
    found = pixels(embedding.mask([Click(12, 24)]))
    assert found[14:34, 6:22].all()
    assert not found[:, 28:].any()
    assert not found[:10].any()
    both = pixels(embedding.mask([Click(12, 24), Click(50, 24)]))
    assert both[14:34, 38:58].all()


def test_excluded_pixels_take_what_is_made_of_the_same_with_them() -> None:
    kinds = np.ones((12, 16), np.int64)
    materials = np.ones((12, 16), np.int64)
    materials[:, 8:] = 2
    embedding = scene(kinds, materials)
    assert pixels(embedding.mask([Click(8, 24)])).all()
    found = pixels(embedding.mask([Click(8, 24), Click(50, 24, include=False)]))
    assert found[:, :28].all()
    assert not found[8:40, 36:62].any()
    assert embedding.mask([Click(8, 24, include=False)]) is None


def test_every_click_of_many_is_heeded() -> None:
    random = np.random.default_rng(3)
    materials = np.arange(12 * 16).reshape(12, 16) % 60
    embedding = scene(np.ones((12, 16), np.int64), materials)
    places = [(int(place) % 16, int(place) // 16) for place in random.permutation(12 * 16)[:60]]
    clicks = [Click(4 * x + 1, 4 * y + 1, include=bool(number % 3)) for number, (x, y) in enumerate(places)]
    found = pixels(embedding.mask(clicks))
    for click in clicks:
        if not click.include:
            assert not found[click.y, click.x]


def test_a_box_holds_what_differs_from_around_it() -> None:
    embedding = scene(two_squares())
    found = pixels(embedding.mask([], Rect(2, 8, 26, 32)))
    assert found[14:34, 6:22].all()
    assert not found[:, 28:].any()
    assert found.mean() < 0.3
    less = pixels(embedding.mask([Click(10, 20, include=False)], Rect(2, 8, 26, 32)))
    assert not less[20, 10]
    whole = embedding.mask([], Rect(-5, -5, 90, 90))
    assert whole is not None
    assert (whole.rect, whole.area) == (Rect(0, 0, *SIZE), 64 * 48)
    assert embedding.mask([], Rect(80, 80, 5, 5)) is None


def test_a_large_region_is_found_in_a_smaller_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    embedding = scene(two_squares())
    exact = pixels(embedding.mask([Click(12, 24)]))
    monkeypatch.setattr(similar, "LARGEST", 32 * 24)
    rough = pixels(embedding.mask([Click(12, 24)]))
    assert (exact & rough).sum() / (exact | rough).sum() > 0.85
    assert embedding.mask([]) is None


def test_few_directions_say_nearly_what_all_features_do() -> None:
    random = np.random.default_rng(0)
    features = (random.normal(size=(96, 8)) @ random.normal(size=(8, 200))).astype(np.float32)
    few = similar._directions(features)
    units = features / np.linalg.norm(features, axis=0)
    assert few.shape == (similar.KEPT_DIRECTIONS, 200)
    assert np.abs(few.T @ few - units.T @ units).max() < 1e-4

"""The one rule of the network's size, against values worked out by hand and against exact fractions."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.inference.spec import ResizeRule, network_size

SIDES = st.integers(1, 16384)


@pytest.mark.parametrize(
    ("size", "image", "expected"),
    [
        (512, (1024, 2048), (512, 1024)),
        (512, (360, 480), (512, 672)),  # 682.7 = 21.3 blocks
        (512, (480, 360), (672, 512)),
        (512, (720, 1280), (512, 896)),  # 910.2 = 28.4 blocks
        (512, (720, 960), (512, 672)),
        (352, (360, 480), (352, 480)),  # 469.3 = 14.7 blocks
        (64, (33, 47), (64, 96)),  # 91.2 = 2.8 blocks
        (64, (64, 80), (64, 96)),  # exactly 2.5 blocks: a half goes up
        (64, (64, 79), (64, 64)),
        (100, (500, 500), (96, 96)),  # 3.1 blocks
        (10, (500, 700), (32, 32)),  # at least one block
        (512, (1, 1), (512, 512)),
        (512, (3, 10), (512, 1696)),  # 1706.7 = 53.3 blocks
    ],
)
def test_shorter_side(size: int, image: tuple[int, int], expected: tuple[int, int]) -> None:
    assert network_size(ResizeRule("short_side", size), *image) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ((1, 1), (32, 32)),
        ((33, 47), (32, 32)),
        ((47, 48), (32, 64)),  # 48 is exactly 1.5 blocks
        ((360, 480), (352, 480)),
        ((1080, 1920), (1088, 1920)),
    ],
)
def test_native(image: tuple[int, int], expected: tuple[int, int]) -> None:
    assert network_size(ResizeRule("native", 0), *image) == expected


def test_stretch_takes_its_sides_as_they_are() -> None:
    assert network_size(ResizeRule("stretch", 512, 1024), 33, 47) == (512, 1024)
    assert network_size(ResizeRule("stretch", 512), 1080, 1920) == (512, 512)


@given(SIDES, SIDES, st.integers(1, 2048), st.sampled_from([1, 16, 32, 64]))
def test_equals_rounding_of_exact_fractions(height: int, width: int, size: int, multiple: int) -> None:
    found = network_size(ResizeRule("short_side", size, multiple=multiple), height, width)
    factor = Fraction(size, min(height, width))
    for side, got in zip((height, width), found, strict=True):
        assert isinstance(got, int)
        assert got % multiple == 0
        assert got == max(1, floor(side * factor / multiple + Fraction(1, 2))) * multiple


@given(SIDES, SIDES, st.sampled_from([224, 352, 512, 1024]))
def test_shorter_side_is_met_and_turning_the_image_turns_the_size(height: int, width: int, size: int) -> None:
    found = network_size(ResizeRule("short_side", size), height, width)
    assert min(found) == size
    assert network_size(ResizeRule("short_side", size), width, height) == found[::-1]


@given(SIDES, SIDES)
def test_native_stays_within_half_a_block(height: int, width: int) -> None:
    found = network_size(ResizeRule("native", 0), height, width)
    for side, got in zip((height, width), found, strict=True):
        assert got % 32 == 0
        assert abs(got - side) <= 16 or got == 32

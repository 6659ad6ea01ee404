"""What points say together, by figures that can be done in one's head."""

import xml.etree.ElementTree as ElementTree

import pytest

from segstudio.workflows.study.points import FULL, START, Point
from segstudio.workflows.study.result import reached_at, result_of


def point(strategy: str, seed: int, count: int, miou: float) -> Point:
    return Point(strategy, seed, tuple(f"f{n}" for n in range(count)), miou, miou, {}, 1.0)


POINTS = [
    point(FULL, 0, 100, 0.8),
    point(START, 0, 4, 0.3),
    point("random", 0, 16, 0.5),
    point("margin", 0, 16, 0.8),
    point(FULL, 1, 100, 0.6),
    point(START, 1, 4, 0.5),
    point("random", 1, 16, 0.6),
    point("margin", 1, 16, 0.8),
]


@pytest.mark.parametrize(
    ("values", "wanted", "expected"),
    [
        ((0.2, 0.4, 0.6), 0.5, 4 * 2**1.5),
        ((0.2, 0.4, 0.6), 0.4, 8),
        ((0.5, 0.4, 0.6), 0.5, 4),
        ((0.2, 0.7, 0.3), 0.6, 4 * 2**0.8),
        ((0.2, 0.4, 0.6), 0.7, None),
    ],
)
def test_where_a_curve_reaches_a_value(
    values: tuple[float, ...], wanted: float, expected: float | None
) -> None:
    assert reached_at((4, 8, 16), values, wanted) == pytest.approx(expected)


def test_curves_are_means_over_the_seeds() -> None:
    result = result_of(POINTS, ["random", "margin"], 100, {"side": 64})
    random, margin = result.curves
    assert [result.full, result.wanted] == pytest.approx([0.7, 0.665])
    assert random.frames == margin.frames == (4, 16)
    assert list(random.mean) == pytest.approx([0.4, 0.55])
    assert (random.lowest, random.highest) == ((0.3, 0.5), (0.5, 0.6))
    assert random.reached is None
    never, late = random.reached_by_seed
    assert never is None
    assert late == pytest.approx(4 * 4**0.7)
    assert margin.reached is not None
    # A straight line over the logarithm: 0.4 at 4 frames, 0.8 at 16.
    assert margin.reached == pytest.approx(4 * 4 ** ((0.665 - 0.4) / 0.4))
    values = result.to_json()
    assert values["curves"][1]["reached_at_share"] == pytest.approx(margin.reached / 100)
    assert values["settings"] == {"side": 64}
    assert len(values["points"]) == len(POINTS)


def test_table_and_plot_show_all_of_it() -> None:
    result = result_of(POINTS, ["random", "margin"], 100, {})
    rows = result.table().splitlines()
    assert rows[0].split()[-4:] == ["4", "16", "reached", "at"]
    assert rows[1].split() == ["random", "40.0", "55.0", "not", "reached"]
    assert rows[2].split() == ["margin", "40.0", "80.0", "10", "=", "10%"]
    assert "all 100 frames: 70.0" in rows[3]
    assert "var(" not in result.plot()
    drawing = ElementTree.fromstring(result.plot())
    kinds = [part.tag.rpartition("}")[2] for part in drawing]
    # Two curves with their bands and points, and two lines to compare with.
    assert (kinds.count("polyline"), kinds.count("polygon"), kinds.count("circle")) == (4, 2, 4)
    ground = drawing[0]
    assert drawing.get("viewBox") == f"0 0 {ground.get('width')} {ground.get('height')}"
    words = " ".join("".join(part.itertext()) for part in drawing)
    assert "all 100 frames" in words
    assert "95% of it" in words

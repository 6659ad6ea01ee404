"""The scripted corrector: what it counts, each tool on a mask of 20x20, its shapes, and the script."""

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from segstudio.annotation.palette import load_palette
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.tools import polygon_cover
from segstudio.images import write_image, write_mask
from segstudio.scenes.street import draw_scene

if TYPE_CHECKING:
    from packaging.benchmarks import correction_cost, correction_shapes
    from packaging.benchmarks import correction_tools as tools
    from packaging.benchmarks.correction_counting import Action, Course, Hand, Step
    from packaging.benchmarks.corrector import Corrector, Frame, Policy, View
else:
    FOLDER = str(Path(__file__).parents[2] / "packaging" / "benchmarks")
    sys.path.append(FOLDER)
    import correction_cost
    import correction_shapes
    import correction_tools as tools
    from correction_counting import Action, Course, Hand, Step
    from corrector import Corrector, Frame, Policy, View

    sys.path.remove(FOLDER)

SIDE = 20
SQUARE = (slice(6, 12), slice(5, 13))
Mask = NDArray[np.uint8]


def plain(value: int = 1) -> Mask:
    """A mask of one class."""
    return np.full((SIDE, SIDE), value, np.uint8)


def with_square(value: int, around: int = 1) -> Mask:
    """A class with a square of another one."""
    mask = plain(around)
    mask[SQUARE] = value
    return mask


def half_square(value: int) -> Mask:
    """A class with the left half of the square."""
    mask = with_square(value)
    mask[:, 9:] = 1
    return mask


def frame(truth: Mask, ids: Mask, *, second: Mask | None = None) -> Frame:
    """A frame that shows the truth as grey levels."""
    image = np.repeat((truth.astype(np.int64) * 40 % 256).astype(np.uint8)[:, :, None], 3, 2)
    return Frame(image, truth, ids, plain(9) if second is None else second, plain(0), plain(255))


def course(case: Frame, policy: Policy, goal: float = 1.0) -> Course:
    """The frame's correction to a goal."""
    return Corrector(case, policy, (goal,), 50).correct()


def names(made: Course) -> list[str]:
    """The tools in the order of their use."""
    return [step.tool for step in made.steps]


# -- counting ---------------------------------------------------------------------------------------------


def test_a_use_costs_its_presses_and_a_key_for_each_setting_that_changes() -> None:
    """The tool, the class and the radius are one key each, and stay."""
    hand = Hand()
    stroke = Action("brush", "brush", EMPTY, lambda mask: None, 1, 3, radius=4.0)
    assert hand.price(stroke) == 3
    hand = hand.after(stroke)
    assert hand.price(stroke) == 1
    corners = Action("polygon", "polygon", EMPTY, lambda mask: None, 5, 3)
    assert hand.price(corners) == 6
    assert hand.after(corners) == Hand("polygon", 3, 4.0)
    wand = Action("wand", "wand", EMPTY, lambda mask: None, 1, 2, tolerance=24.0)
    assert hand.price(wand) == 4


def test_a_key_over_a_region_needs_no_tool_and_a_class_key_is_the_use_itself() -> None:
    """Merge is one key; relabel is the class's key, once its tool is chosen."""
    merge = Action("merge", None, EMPTY, lambda mask: None)
    relabel = Action("relabel", "relabel", EMPTY, lambda mask: None, 1, 7, by_key=True)
    assert Hand().price(merge) == 1
    assert Hand().price(relabel) == 2
    assert Hand("relabel").price(relabel) == 1
    assert Hand().after(merge) == Hand()
    assert Hand().after(relabel).value == 7


def test_a_course_knows_when_a_goal_was_reached() -> None:
    """Actions to a share, the share after some actions, and None for what was not reached."""
    steps = (Step("brush", 3, 10.0, 30, 3, 0.93), Step("brush", 2, 5.0, 30, 5, 0.96))
    made = Course(0.9, steps)
    assert made.actions_to(0.9) == 0
    assert made.actions_to(0.95) == 5
    assert made.actions_to(0.97) is None
    assert [made.agreeing_at(actions) for actions in (0, 2, 3, 4, 50)] == [0.9, 0.9, 0.93, 0.93, 0.96]
    assert correction_cost.mean_actions([made, Course(0.99, ())], 0.97, 300) == 150


# -- each tool on 20x20 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "truth", "ids", "actions", "tool"),
    [
        # Tool and class, then 4 corners and the click that closes.
        ({tools.wrong_pieces: (tools.polygon,)}, with_square(2), plain(), 7, "polygon"),
        # Tool and class, then the drag and Enter.
        ({tools.wrong_pieces: (tools.freehand,)}, with_square(2), plain(), 4, "freehand"),
        # Tool and class, then the drag.
        ({tools.wrong_pieces: (tools.lasso,)}, with_square(2), plain(), 3, "lasso"),
        # Tool, then the drag out of what is left of the square.
        ({tools.wrong_pieces: (tools.extend,)}, with_square(2), half_square(2), 2, "extend"),
        # Tool and the class's key over it.
        ({tools.mask_regions: (tools.relabel,)}, with_square(2), with_square(3), 2, "relabel"),
        # Tool, class, click.
        ({tools.whole: (tools.fill_class,)}, with_square(2), with_square(3), 3, "fill class"),
        # Tool, class, click with the tolerance that is set.
        ({tools.wrong_pieces: (tools.wand,)}, with_square(2), plain(), 3, "wand"),
        # One key each.
        ({tools.mask_regions: (tools.reshape,)}, plain(), with_square(2), 1, "merge"),
        ({tools.mask_regions: (tools.second_choice,)}, plain(9), plain(), 1, "second choice"),
        # The class, then the key.
        ({tools.whole: (tools.islands,)}, plain(), with_square(2), 2, "remove islands"),
    ],
)
def test_a_tool_mends_a_square_at_a_known_price(
    policy: Policy, truth: Mask, ids: Mask, actions: int, tool: str
) -> None:
    """One use is enough, and what it costs was counted by hand."""
    made = course(frame(truth, ids), policy)
    assert names(made) == [tool]
    assert made.actions_to(1.0) == actions


def test_extend_needs_a_region_of_the_true_class_nearby() -> None:
    """Nowhere to begin."""
    made = course(frame(with_square(2), plain()), {tools.wrong_pieces: (tools.extend,)})
    assert made.steps == ()


def test_one_stroke_mends_a_bar_between_pixels_without_a_truth() -> None:
    """Class, radius, stroke; what it paints beside the bar counts neither way."""
    truth, ids = plain(255), plain()
    truth[8:12, 4:16] = 2
    made = course(frame(truth, ids), {tools.wrong_pieces: (tools.brush,)})
    assert names(made) == ["brush"]
    assert made.actions_to(1.0) == 3
    assert 0 < made.steps[0].pixels < 12


def test_a_ring_is_filled_by_one_key() -> None:
    """Fill holes of the region around."""
    truth = with_square(2)
    ids = truth.copy()
    ids[8:10, 7:11] = 1
    made = course(frame(truth, ids), {tools.mask_regions: (tools.reshape,)})
    assert made.actions_to(1.0) == 1
    # The hole's merge mends as much for as little.
    assert names(made)[0] in ("fill holes", "merge")


def test_a_use_that_spoils_more_than_it_mends_is_not_made() -> None:
    """The corrector would rather give up."""
    truth = plain()
    truth[0, 0] = 2
    made = course(frame(truth, plain()), {tools.mask_regions: (tools.relabel,)})
    assert made.steps == ()
    assert made.actions_to(1.0) is None


def test_it_does_not_pay_for_more_than_the_goal_needs() -> None:
    """A cheap use that is enough goes before a large one at a better rate."""
    truth = plain()
    truth[:10] = 2
    truth[15, 15:] = 3
    ids = plain()
    ids[15, 15:] = 4
    case = frame(truth, ids)
    policy: Policy = {tools.wrong_pieces: (tools.freehand,), tools.mask_regions: (tools.relabel,)}
    start = case.agreeing
    few = course(case, policy, start + 4 / SIDE**2)
    assert names(few) == ["relabel"]
    assert names(course(case, policy, start + 100 / SIDE**2)) == ["freehand"]


def test_a_use_that_a_later_one_makes_needless_is_not_counted() -> None:
    """A key mends half of a square at the best rate; the outline for the rest would have mended it all."""
    truth, ids = plain(), plain()
    truth[2:10, 2:10] = 2
    ids[2:6, 2:10] = 3
    # One pixel is right, for a region that is wrong as a whole is no true region to outline again.
    ids[9, 9] = 2
    second = plain(9)
    second[2:6, 2:10] = 2
    policy: Policy = {tools.mask_regions: (tools.second_choice,), tools.true_regions: (tools.freehand,)}
    case = frame(truth, ids, second=second)
    assert names(course(case, policy, case.agreeing + 32 / SIDE**2)) == ["second choice"]
    made = course(case, policy)
    assert names(made) == ["freehand"]
    assert made.actions_to(1.0) == 4


def test_the_foreseen_gain_of_a_drawing_is_that_of_the_tool() -> None:
    """The gain from the remembered pixels equals that of the use itself, for every use."""
    random = np.random.default_rng(0)
    truth = np.kron(random.integers(0, 3, (5, 5), np.uint8), np.ones((4, 4), np.uint8))
    truth[3:5] = 255
    case = frame(truth, random.integers(0, 3, (SIDE, SIDE), np.uint8))
    drawn = (tools.brush, tools.polygon, tools.freehand, tools.lasso, tools.extend, tools.scrubbing)
    policy: Policy = {tools.wrong_pieces: drawn}
    made = course(case, policy, 0.9)
    # A gain that the tool does not bring would have raised.
    gained = sum(step.gain for step in made.steps)
    known = int(np.count_nonzero(truth != 255))
    assert made.steps[-1].agreeing == pytest.approx(case.agreeing + gained / known)
    assert made.steps[-1].agreeing >= 0.9


def test_the_fewest_actions_are_those_of_the_largest_pieces() -> None:
    """Pieces of 48 and 5 wrong pixels, of 400."""
    truth = with_square(2)
    truth[19, :5] = 3
    case = frame(truth, plain())
    assert correction_cost.fewest(case, 0.80) == 0
    assert correction_cost.fewest(case, 0.95) == 1
    assert correction_cost.fewest(case, 0.99) == 2


# -- shapes -----------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(arrays(np.bool_, (12, 14), elements=st.booleans(), fill=st.just(False)))
def test_thinning_keeps_a_part_of_every_part(cover: NDArray[np.bool_]) -> None:
    """Thin pixels are among the first, and there are as many 8-connected parts."""
    cover = np.asarray(cv2.dilate(cover.astype(np.uint8), np.ones((3, 3), np.uint8))).astype(bool)
    thin = correction_shapes.thinned(cover)
    assert not (thin & ~cover).any()
    whole = cv2.connectedComponents(cover.astype(np.uint8), connectivity=8)[1]
    assert set(np.unique(whole[thin])) | {0} == set(np.unique(whole)) | {0}


def test_a_walk_goes_through_all_branches_from_neighbour_to_neighbour() -> None:
    """A T of three long branches and a spur that the brush covers anyway."""
    cells = {(5, column) for column in range(21)} | {(row, 10) for row in range(5, 16)} | {(4, 3)}
    way = correction_shapes.walk(cells, (5, 0), 4.0)
    assert set(way) == cells - {(4, 3)}
    assert all(max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1 for a, b in pairwise(way))
    assert way[0] == (5, 0)
    # It does not come back from where it ends.
    assert len(way) == 10 + 2 * 10 + 11


def test_an_outline_holds_exactly_its_rectangle() -> None:
    """Four corners; the polygon tool fills what was outlined."""
    cover = np.zeros((9, 11), bool)
    cover[2:7, 3:9] = True
    line = correction_shapes.outline(cover, 1.0)
    assert len(line) == 4
    assert np.array_equal(polygon_cover(Rect(0, 0, 11, 9), line), cover)
    pixel = correction_shapes.outline(np.ones((1, 1), bool), 8.0)
    assert polygon_cover(Rect(-1, -1, 3, 3), pixel).sum() == 1


def test_the_wrong_pieces_are_4_connected_and_sorted_by_size() -> None:
    """Pixels without a truth are no piece; the value is the true class."""
    truth = with_square(2)
    truth[0, :3], truth[19] = 3, 255
    found = tools.wrong_pieces(View(frame(truth, plain()), plain()))
    assert [(piece.value, piece.area) for piece in found] == [(2, 48), (3, 3)]


# -- the script -------------------------------------------------------------------------------------------


def test_the_script_prints_the_figures_and_draws_the_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of two small frames with the bundled model; what it prints is one JSON object."""
    for part in ("images", "masks"):
        (tmp_path / part / "val").mkdir(parents=True)
    for seed in range(2):
        scene = draw_scene(seed, 64, 64)
        write_image(tmp_path / "images" / "val" / f"{seed}.png", scene.image)
        write_mask(
            tmp_path / "masks" / "val" / f"{seed}.png", scene.mask, load_palette("cityscapes").colours()
        )
    report = tmp_path / "out" / "curve.svg"
    arguments = ["--frames", str(tmp_path), "--palette", "cityscapes", "--count", "1", "--most", "4"]
    monkeypatch.setattr(sys, "argv", ["x", "--json", *arguments, "--report", str(report)])
    correction_cost.main()
    figures = json.loads(capsys.readouterr().out)
    assert figures["images"] == 1
    for goal in ("actions_at_95", "actions_at_98"):
        assert set(figures[goal]) == {"brush", "polygon", "ours"}
        assert all(0 <= value <= 8 for value in figures[goal].values())
    assert figures["curve"]["ours"][0] == pytest.approx(figures["agreeing_at_first"], abs=1e-5)
    for values in figures["curve"].values():
        assert len(values) == len(figures["curve_actions"])
        assert all(before <= after for before, after in pairwise(values))
    assert report.read_text(encoding="utf-8").startswith("<svg")

"""A scripted user's clicks: where they fall, that the best region counts, and the script on two frames."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.segmenter import Click
from segstudio.images import write_image, write_mask
from segstudio.scenes.street import draw_scene

if TYPE_CHECKING:
    from packaging.benchmarks import region_clicks
else:
    FOLDER = str(Path(__file__).parents[2] / "packaging" / "benchmarks")
    sys.path.append(FOLDER)
    import region_clicks

    sys.path.remove(FOLDER)

SHAPE = (20, 30)


def square() -> NDArray[np.bool_]:
    cover = np.zeros(SHAPE, bool)
    cover[4:15, 6:17] = True
    return cover


def test_clicks_fall_in_the_middle_of_what_is_missing_and_of_what_is_too_much() -> None:
    asked: list[list[Click]] = []
    too_wide, known = np.ones(SHAPE, bool), np.ones(SHAPE, bool)

    def answer(clicks: list[Click]) -> NDArray[np.bool_]:
        asked.append(clicks)
        return too_wide if len(clicks) == 1 else square()

    scores = region_clicks.course(answer, square(), known, [])
    assert asked[0] == [Click(11, 9)]
    assert [click.include for click in asked[1]] == [True, False]
    assert 17 <= asked[1][1].x < 30
    assert scores == [pytest.approx(121 / 600), 1, 1]


def test_a_click_that_makes_it_worse_is_taken_back_and_unknown_pixels_do_not_count() -> None:
    known = np.ones(SHAPE, bool)
    known[:, 17:] = False
    found = square()
    found[4:15, 17:] = True
    answers = iter((found, np.zeros(SHAPE, bool), found))
    assert region_clicks.course(lambda _: next(answers), square(), known, []) == [1, 1, 1]


def test_the_script_prints_every_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(2):
        scene = draw_scene(seed, 64, 96)
        write_image(tmp_path / "images" / f"{seed}.png", scene.image)
        write_mask(tmp_path / "masks" / f"{seed}.png", scene.mask, np.zeros((256, 3), np.uint8))
    words = ["region_clicks.py", "--frames", str(tmp_path), "--count", "1", "--regions", "4", "--json"]
    monkeypatch.setattr(sys, "argv", words)
    region_clicks.main()
    figures = json.loads(capsys.readouterr().out)
    assert figures["images"] == 1
    assert set(figures["mean_iou"]) == {"segment", "predicted_region", "wand_8", "wand_12", "wand_16"}
    for scores in figures["mean_iou"].values():
        assert 0 <= scores[0] <= scores[1] <= scores[2] <= 1
    assert figures["click_ms"]["p50"] > 0

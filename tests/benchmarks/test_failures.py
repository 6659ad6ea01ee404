"""Planted errors are what they are said to be, hits follow the rule, and the script runs on drawn frames."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage  # scipy has no types

from segstudio.annotation.palette import load_palette
from segstudio.images import write_image, write_mask
from segstudio.metrics.label_suspects import Suspect
from segstudio.metrics.mask_doubts import Doubt
from segstudio.scenes.street import draw_scene

if TYPE_CHECKING:
    from packaging.benchmarks import failures, planted_errors
else:
    FOLDER = str(Path(__file__).parents[2] / "packaging" / "benchmarks")
    sys.path.append(FOLDER)
    import failures
    import planted_errors

    sys.path.remove(FOLDER)

Mask = NDArray[np.uint8]


def street(count: int) -> list[Mask]:
    """Drawn masks with some pixels of no class."""
    masks = [draw_scene(seed, 120, 160).mask.copy() for seed in range(count)]
    for mask in masks:
        mask[:4] = 255
    return masks


def test_planted_errors_change_what_they_say_and_nothing_else() -> None:
    masks = street(8)
    spoilt, planted = planted_errors.plant_errors(masks, 12, seed=3)
    assert [error.kind for error in planted] == ["renamed", "dropped", "shifted"] * 4
    assert max(np.bincount([error.frame for error in planted])) <= 2
    for number, (before, after) in enumerate(zip(masks, spoilt, strict=True)):
        covers = [error.changed for error in planted if error.frame == number]
        changed = np.any([np.zeros(before.shape, bool), *covers], axis=0)
        assert not (before != after)[~changed].any()
        assert not (changed & (before == 255)).any()
        assert set(np.unique(after)) <= set(np.unique(before))
    sizes = [np.count_nonzero(error.changed) / masks[0].size for error in planted]
    assert min(sizes) >= planted_errors.SEEN
    assert max(sizes) <= planted_errors.MOST
    again = planted_errors.plant_errors(masks, 12, seed=3)[0]
    np.testing.assert_array_equal(np.stack(again), np.stack(spoilt))


def test_what_is_painted_over_takes_the_nearest_class() -> None:
    masks = street(6)
    spoilt, planted = planted_errors.plant_errors(masks, 6, seed=1)
    dropped = [error for error in planted if error.kind == "dropped"]
    assert len(dropped) == 2
    for error in dropped:
        before, after = masks[error.frame], spoilt[error.frame]
        free = ~error.changed & (before != 255)
        nearest = ndimage.distance_transform_edt(~free)
        for class_id in np.unique(after[error.changed]).tolist():
            here = error.changed & (after == class_id)
            away = ndimage.distance_transform_edt(~(free & (before == class_id)))
            assert np.abs(away - nearest)[here].max() < 1


def test_a_suspect_is_a_hit_by_its_pixels_or_its_centre() -> None:
    changed = np.zeros((20, 20), bool)
    changed[5:10, 5:15] = True
    planted = [planted_errors.Planted(3, "renamed", changed)]
    suspect = Suspect("a", Doubt.PART, (0, 0, 1, 1), (2.5, 2.5), (0, 0), 1, 0, 1, 0.5, "")
    pixels = np.zeros((20, 20), bool)
    pixels[5:10, 5:8] = True
    assert failures.met_by(suspect, pixels, 3, planted) == {0}
    pixels[5:10, 6:8] = False
    assert failures.met_by(suspect, pixels, 3, planted) == set()
    inside = Suspect("a", Doubt.PART, (0, 0, 1, 1), (10.5, 7.5), (0, 0), 1, 0, 1, 0.5, "")
    assert failures.met_by(inside, pixels, 3, planted) == {0}
    assert failures.met_by(inside, pixels, 2, planted) == set()


def test_the_script_prints_every_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    colours = load_palette("cityscapes").colours()
    for split, seeds in (("train", range(6)), ("val", range(30, 32))):
        for seed in seeds:
            scene = draw_scene(seed, 120, 160)
            write_image(tmp_path / "images" / split / f"f{seed}.png", scene.image)
            write_mask(tmp_path / "masks" / split / f"f{seed}.png", scene.mask, colours)
    arguments = ["failures.py", "--frames", str(tmp_path), "--palette", "cityscapes", "--json"]
    monkeypatch.setattr(sys, "argv", arguments)
    failures.main()
    told = capsys.readouterr()
    values = json.loads(told.out)
    assert 0.5 < values["auroc"] <= 1
    assert 0 <= values["suspects_precision_at_100"] <= 1
    assert values["planted"] == 4
    assert sum(values["planted_found"].values()) <= 4
    assert values["ms_per_2mp"] > 0
    assert values["images"] == {"train": 6, "val": 2}
    assert values["quality_ms_per_2mp"] > 0
    assert values["filter_10k_ms"] > 0
    for key in ("open_10k_s", "open_100k_s"):
        assert values[key] is None
        assert f"{key}: " in told.err

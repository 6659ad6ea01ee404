"""segstudio quality and segstudio suspects: the figures and lists that they print, and what they refuse."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.metrics.region_quality import QualityModel
from segstudio.scenes.street import draw_scene
from segstudio.workflows import quality
from tests.e2e.test_command_line import Call, here

__all__ = ["here"]


def write_frames(folder: Path, seeds: range, rolled: int = 0) -> None:
    """Drawn frames with masks, some pixels to the side."""
    palette = load_palette("cityscapes")
    for seed in seeds:
        scene = draw_scene(seed, 128, 192)
        images.write_image(folder / "images" / f"f{seed}.png", scene.image)
        mask = np.ascontiguousarray(np.roll(scene.mask, rolled, axis=1))
        images.write_mask(folder / "masks" / f"f{seed}.png", mask, palette.colours())


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Two folders of frames."""
    write_frames(tmp_path / "known", range(8))
    write_frames(tmp_path / "other", range(20, 22))
    return tmp_path


def arguments(folder: Path, prefix: str = "") -> list[str]:
    """The folders as options."""
    return [f"--{prefix}images", str(folder / "images"), f"--{prefix}masks", str(folder / "masks")]


def test_quality_prints_its_figures_and_keeps_what_it_learnt(
    here: Call, street: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results: list[quality.MeasuredQuality] = []
    measure = quality.measure_quality

    def once(*arguments: Any, **options: Any) -> quality.MeasuredQuality:
        if not results:
            results.append(measure(*arguments, **options))
        return results[0]

    monkeypatch.setattr(quality, "measure_quality", once)
    both = [*arguments(street / "other"), *arguments(street / "known", "train-")]
    kept = street / "quality.npz"
    found = here("quality", *both, "--out", str(kept), "--json")
    assert found.status == 0, found.err
    values = json.loads(found.out)
    assert (values["train_images"], values["images"]) == (8, 2)
    assert 0.5 < values["auroc"] <= 1
    assert values["inner"]["regions"] < values["regions"]
    assert len(QualityModel.load(kept).ious) == values["train_regions"]
    told = here("quality", *both)
    assert f"AUROC {values['auroc']:.3f}" in told.out
    assert f"R2    {values['r2']:.3f}" in told.out


def test_too_few_regions_end_with_what_to_do(here: Call, tmp_path: Path) -> None:
    write_frames(tmp_path, range(1))
    found = here("quality", *arguments(tmp_path), *arguments(tmp_path, "train-"), "--json")
    assert found.status == 2
    assert "too few to learn from" in found.err
    assert "give more images with masks" in found.err
    assert found.out == ""


def test_suspects_of_the_worst_masks_come_first(here: Call, tmp_path: Path) -> None:
    write_frames(tmp_path, range(3))
    palette = load_palette("cityscapes")
    path = tmp_path / "masks" / "f2.png"
    mask = images.read_mask(path)
    road = palette.names.index("road")
    rows, columns = np.nonzero(mask == road)
    y, x = int(np.percentile(rows, 60)), int(np.median(columns))
    mask[y - 10 : y + 10, x - 15 : x + 15] = palette.names.index("sky")
    images.write_mask(path, mask, palette.colours())
    found = here("suspects", *arguments(tmp_path), "--limit", "5", "--json")
    assert found.status == 0, found.err
    values = json.loads(found.out)
    assert values["images"] == 3
    first, scores = values["suspects"][0], [row["score"] for row in values["suspects"]]
    assert (first["sample"], first["mask"]) == ("f2", "sky")
    assert x - 15 <= first["x"] <= x + 15
    assert y - 10 <= first["y"] <= y + 10
    assert scores == sorted(scores, reverse=True)
    told = here("suspects", *arguments(tmp_path), "--limit", "1").out.splitlines()
    assert told[0] == "street-b0 looked at 3 masks"
    assert first["reason"] in told[1]
    assert len(told) == 2

"""segstudio failures: the same scores as evaluate, rows that match, and an exit status for CI."""

import json
from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.scenes.street import draw_scene
from tests.e2e.test_command_line import Call, here

__all__ = ["here"]


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Two drawn frames with masks, one without, and one whose mask has another size."""
    colours = load_palette("cityscapes").colours()
    for number in range(4):
        scene = draw_scene(number, 128, 192)
        images.write_image(tmp_path / "images" / f"f{number}.png", scene.image)
        if number != 2:
            mask = scene.mask if number != 3 else scene.mask[:-8]
            images.write_mask(tmp_path / "masks" / f"f{number}.png", np.ascontiguousarray(mask), colours)
    return tmp_path


def arguments(street: Path) -> list[str]:
    """The folders as options."""
    return ["--images", str(street / "images"), "--masks", str(street / "masks")]


def test_failures_agree_with_evaluate(here: Call, street: Path) -> None:
    found = here("failures", *arguments(street), "--query", "area>20", "--limit", "5", "--json")
    assert found.status == 0, found.err
    values = json.loads(found.out)
    scored = json.loads(here("evaluate", "--model", "street-b0", *arguments(street), "--json").out)
    assert values["images"] == 2
    assert values["miou"] == pytest.approx(scored["miou"], abs=1e-12)
    assert [entry["path"].endswith("f3.png") for entry in values["skipped"]] == [True]
    for name, entry in values["classes"].items():
        if entry["iou"] is not None:
            costs = sum(entry["lost"].values()) + sum(entry["taken"].values())
            assert entry["iou"] == pytest.approx(scored["per_class"][name]["iou"], abs=1e-12)
            assert costs == pytest.approx(1 - entry["iou"], abs=1e-9)
    areas = [row["area"] for row in values["rows"]]
    assert areas == sorted(areas, reverse=True)
    assert min(areas) > 20
    assert len(areas) == min(5, values["matching"])
    assert all(0 <= row["margin"] <= row["conf"] <= 1 for row in values["rows"])


def test_a_bound_fails_the_build(here: Call, street: Path) -> None:
    found = here("failures", *arguments(street), "--query", "area>0", "--at-most", "0", "--limit", "1")
    assert found.status == 2
    assert "at most 0 are allowed" in found.err
    assert "mIoU" in found.out


@pytest.mark.parametrize(
    ("query", "reason"),
    [("size>3", "no word 'size'"), ("gt=zebra", "no class 'zebra'"), ("area>big", "is no number")],
)
def test_a_bad_query_ends_before_the_work(
    here: Call, street: Path, query: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.workflows.failures.open_backend", None)
    found = here("failures", *arguments(street), "--query", query)
    assert found.status == 2
    assert reason in found.err
    assert found.out == ""

"""segstudio study active on drawn frames: figures, plot, going on, and what it refuses."""

import json
from pathlib import Path

import pytest

from tests.e2e.test_command_line import Call, here
from tests.e2e.test_quality_command import arguments, write_frames

__all__ = ["here"]


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Frames to choose from, and others to score on."""
    write_frames(tmp_path / "pool", range(6))
    write_frames(tmp_path / "val", range(20, 22))
    return tmp_path


def options(street: Path, *more: str) -> list[str]:
    """A study of some seconds."""
    return [
        "study", "active", *arguments(street / "pool"), *arguments(street / "val", "val-"),
        "--palette", "cityscapes", "--budget", "1,50%", "--out", str(street / "out"), "--seeds", "1",
        "--steps", "3", "--side", "32", "--threads", "1", *more,
    ]  # fmt: skip


def test_a_study_leaves_figures_and_a_plot_and_goes_on(here: Call, street: Path) -> None:
    found = here(*options(street, "--strategies", "random"), "--json")
    assert found.status == 0, found.err
    values = json.loads(found.out)
    assert (values["frames"], [curve["frames"] for curve in values["curves"]]) == (6, [[1, 3]])
    assert len(values["points"]) == 3
    assert 0 < values["full_miou"] <= 1
    assert json.loads((street / "out" / "study.json").read_text()) == values
    assert "random" in (street / "out" / "curves.svg").read_text()

    more = here(*options(street, "--strategies", "random,expected-gain"))
    assert more.status == 0, more.err
    assert more.out.splitlines()[2].startswith("expected-gain")
    again = json.loads((street / "out" / "study.json").read_text())
    # The points of the first call are the same, their seconds too: they were not trained again.
    kept = {(p["strategy"], p["count"]): p["seconds"] for p in values["points"] if p["strategy"] != "start"}
    assert kept.items() <= {(p["strategy"], p["count"]): p["seconds"] for p in again["points"]}.items()


def test_without_validation_frames_the_last_ones_are_held_out(here: Call, street: Path) -> None:
    # Folders of links to files elsewhere, as subsets of data sets are often made.
    for kind in ("images", "masks"):
        (street / "linked" / kind).mkdir(parents=True)
        for path in (street / "pool" / kind).iterdir():
            (street / "linked" / kind / path.name).symlink_to(path)
    call = ["study", "active", *arguments(street / "linked"), "--palette", "cityscapes", "--budget", "1,2"]
    call += ["--out", str(street / "out"), "--val-share", "0.34", "--strategies", "random", "--seeds", "1"]
    found = here(*call, "--steps", "1", "--side", "32", "--threads", "1", "--trainer", "full", "--json")
    assert found.status == 0, found.err
    assert "beware: the start street-b0 was trained on CamVid train" in found.err
    values = json.loads(found.out)
    assert values["frames"] == 4
    full = next(point for point in values["points"] if point["strategy"] == "full")
    assert full["frames"] == ["f0", "f1", "f2", "f3"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--palette", "nowhere"), "nowhere"),
        (("--start", "nowhere"), "--start nowhere"),
        (("--budget", "3,2"), "do not ascend"),
        (("--images", "nowhere"), "nowhere is no folder"),
    ],
)
def test_bad_input_is_one_line(here: Call, street: Path, more: tuple[str, ...], said: str) -> None:
    found = here(*options(street, *more))
    assert found.status == 2
    assert said in found.err
    assert len(found.err.strip().splitlines()) == 1
    # A folder belongs to a study only once that can train.
    assert not (street / "out" / "settings.json").exists()

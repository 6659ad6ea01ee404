"""segstudio failures: the same scores as evaluate, rows that match, and an exit status for CI."""

import json
from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.project.project import Project
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


def test_a_project_gives_the_numbers_of_its_folders_and_measures_once(
    here: Call, street: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = json.loads(here("failures", *arguments(street), "--query", "area>20", "--json").out)
    assert here("project", "init", str(street)).status == 0
    found = here("failures", "--project", str(street), "--query", "area>20", "--json")
    assert found.status == 0, found.err
    values = json.loads(found.out)
    for name in ("images", "miou", "segments", "matching", "matching_pixels", "classes"):
        assert values[name] == folders[name]
    assert [row["box"] for row in values["rows"]] == [row["box"] for row in folders["rows"]]
    assert [entry["path"] for entry in values["skipped"]] == ["f3"]
    with Project.open(street) as project:
        project.queue.save_filter("segments", "big", "area>20")
    listed = street / "list.json"
    saved = json.loads(
        here(
            "failures", "--project", str(street), "--filter", "big", "-q", "area<100", "--json",
            "--out", str(listed),
        ).out
    )  # fmt: skip
    assert len(json.loads(listed.read_text())) == saved["matching"]
    assert saved["query"] == "area>20 area<100"
    assert 0 < saved["matching"] <= values["matching"]
    # The frames are known now: the model is not asked about them again.
    (street / "masks" / "f3.png").unlink()
    monkeypatch.setattr("segstudio.workflows.failures.open_backend", None)
    again = json.loads(here("failures", "--project", str(street), "--json").out)
    assert again["miou"] == values["miou"]
    assert again["skipped"] == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "nothing says what to look at"),
        (("--images", "x"), "nothing says what to look at"),
        (("--project", "{street}", "--masks", "x"), "its own images"),
        (("--project", "{street}", "--filter", "big"), "has no filter 'big'. saved: none yet"),
        (("--images", "x", "--masks", "x", "--filter", "big"), "nothing says what to look at"),
        (("--project", "{street}", "--slack", "3"), "usual slack"),
        (("--project", "{street}", "--compared", "b9"), "b9 was not evaluated"),
        (("--project", "{street}", "--query", "size>3"), "no word 'size'"),
        (("--project", "{street}/images"), "no project yet"),
    ],
)
def test_what_a_project_refuses(here: Call, street: Path, words: tuple[str, ...], reason: str) -> None:
    assert here("project", "init", str(street)).status == 0
    found = here("failures", *(word.format(street=street) for word in words))
    assert found.status == 2
    assert reason in found.err


def test_where_nothing_can_be_scored_it_says_so(here: Call, tmp_path: Path) -> None:
    colours = load_palette("cityscapes").colours()
    images.write_image(tmp_path / "images" / "a.png", draw_scene(1, 64, 96).image)
    images.write_mask(tmp_path / "masks" / "a.png", np.full((64, 96), 255, np.uint8), colours)
    found = here("failures", *arguments(tmp_path), "--at-most", "0")
    assert found.status == 0, found.err
    assert "mIoU unknown" in found.out

"""A model's errors with what the project knows of samples and regions, against a mask made by hand."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.metrics.segment_query import matching
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.project.verdicts import Destination, SegmentPlace, Verdict
from segstudio.workflows.failure_table import failure_table, tags_of

HEIGHT, WIDTH = 40, 60
ROAD, CAR, BUS = 0, 13, 15


def truth() -> np.ndarray:
    """Road with a car of 6 x 10 and one of 4 x 20 pixels."""
    mask = np.full((HEIGHT, WIDTH), ROAD, np.uint8)
    mask[10:16, 5:15] = CAR
    mask[30:34, 30:50] = CAR
    return mask


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two samples. `m` takes the first car of both for a bus, and half of the second one in `day/b` for road;
    `old` errs in `a` alone, as `m` does and in a corner of road besides."""
    for key in ("a", "day/b"):
        images.write_image(tmp_path / f"{key}.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    opened = Project.open(tmp_path)
    opened.rescan()
    first = truth()
    first[10:16, 5:15] = BUS
    second, older = first.copy(), first.copy()
    second[30:32, 30:50] = ROAD
    older[:5, :5] = CAR
    for key, said in (("a", {"m": first, "old": older}), ("day/b", {"m": second, "old": truth()})):
        opened.save_mask(key, truth())
        for model, ids in said.items():
            opened.evaluation.record(key, model, evaluate_sample(truth(), ids, opened.palette.count))
    return opened


def test_every_word_of_samples_and_regions(project: Project) -> None:
    project.set_note("day/b", "blurred #rain, #night")
    project.set_split(["day/b"], "val")
    project.set_status(["a"], SampleStatus.ACCEPTED)
    table = failure_table(project, "m").table
    assert table.samples == ("a", "day/b")
    assert table.by_sample == {
        "folder": (".", "day"),
        "split": ("none", "val"),
        "status": ("accepted", "in_progress"),
        "tag": ("none", "night,rain"),
    }
    rows = [table.row(number) for number in range(table.count)]
    # Of each: area, then area and height of the true region, then the middle of the segment.
    found = sorted(
        (row["sample"], row["area"], row["true_area"], row["true_height"], row["row"]) for row in rows
    )
    assert found == [
        ("a", 60, 60, 6, 0.325),
        ("day/b", 40, 80, 4, 0.775),
        ("day/b", 60, 60, 6, 0.325),
    ]
    for query, count in (
        ("tag=rain", 2),
        ("folder=. true_height<5", 0),
        ("row>0.7 split=val", 1),
        ("with=bus", 0),
    ):
        assert np.count_nonzero(matching(table, query)) == count, query


def test_costs_are_those_of_the_whole_project(project: Project) -> None:
    found = failure_table(project, "m")
    # Union of cars 280, of buses 120, of roads 4,520 and the 40 taken ones.
    road = (HEIGHT * WIDTH - 140) * 2 + 40
    by_pair = {(60, BUS): 60 * (1 / 280 + 1 / 120) / 3, (40, ROAD): 40 * (1 / 280 + 1 / road) / 3}
    rows = found.table.rows
    wanted = [by_pair[int(area), int(said)] for area, said in zip(rows.area, rows.predicted, strict=True)]
    assert found.costs == pytest.approx(wanted)
    assert found.pooled[CAR].sum() == 280
    middles = {float(place) for place in found.region_places[found.evaluation.regions.truth == CAR]}
    assert middles == {13 / HEIGHT, 32 / HEIGHT}


def test_samples_can_be_chosen_and_a_model_without_evaluation_has_none(project: Project) -> None:
    assert failure_table(project, "m", ["day/b"]).table.samples == ("day/b",)
    nothing = failure_table(project, "unknown")
    assert nothing.table.samples == ()
    assert nothing.costs.shape == (0,)
    assert matching(nothing.table, "true_area>3 folder=. with=car").shape == (0,)


def test_another_model_tells_what_is_broken_and_what_is_fixed(project: Project) -> None:
    found = failure_table(project, "m", compared="old")
    broken = matching(found.table, "change=broken")
    assert sorted(found.table.rows.area[broken].tolist()) == [40, 60]
    assert np.count_nonzero(matching(found.table, "change=unchanged sample=a")) == 1
    assert (found.compared, found.fixed) == ("old", 1)
    assert "change" not in failure_table(project, "m").table.by_row


def test_verdicts_and_destinations_are_words(project: Project) -> None:
    table = failure_table(project, "m").table
    place = SegmentPlace.of(table, 0)
    project.verdicts.say([place], Verdict.LABEL_WRONG)
    project.verdicts.send([place], Destination.IGNORE)
    table = failure_table(project, "m").table
    assert np.flatnonzero(matching(table, "verdict=label_wrong")).tolist() == [0]
    assert np.flatnonzero(matching(table, "sent!=ignore")).tolist() == [1, 2]


def test_where_an_image_was_not_read_its_height_is_that_of_the_truth(tmp_path: Path) -> None:
    images.write_image(tmp_path / "a.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    project = Project.open(tmp_path)
    said = truth()
    said[20:, :] = BUS
    project.evaluation.record("a", "m", evaluate_sample(truth(), said, project.palette.count))
    assert project.sample("a").height == 0
    table = failure_table(project, "m").table
    # The road reaches the lowest row.
    assert table.numbers["row"] == pytest.approx(table.rows.centre[:, 1] / HEIGHT)
    assert table.count == 2


@pytest.mark.parametrize(
    ("note", "tags"),
    [("", []), ("dark", []), ("#night.", ["night"]), ("#b, #a #b", ["a", "b"]), ("# x", []), ("a#b", [])],
)
def test_tags_are_words_with_a_sign(note: str, tags: list[str]) -> None:
    assert tags_of(note) == tags

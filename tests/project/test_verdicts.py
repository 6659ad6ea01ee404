"""Verdicts stay with their regions: through another evaluation, a restart, and taking them back."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.metrics.segment_query import matching
from segstudio.metrics.segment_table import SegmentTable
from segstudio.project.project import Project
from segstudio.project.verdicts import MOST_VISITS, Destination, SegmentPlace, Verdict

SHAPE = (24, 60)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("a", "b"):
        images.write_image(tmp_path / f"{name}.png", np.zeros((*SHAPE, 3), np.uint8))
    return Project.open(tmp_path)


def table(project: Project, *boxes: tuple[int, int]) -> SegmentTable:
    """In both samples, squares (x, side) of class 2 on class 0 that nobody drew."""
    said = np.zeros(SHAPE, np.uint8)
    for x, side in boxes:
        said[5 : 5 + side, x : x + side] = 2
    found = evaluate_sample(np.zeros(SHAPE, np.uint8), said, 19).segments
    return SegmentTable.of(project.palette.names, [("a", found), ("b", found)])


def with_decisions(project: Project, found: SegmentTable) -> SegmentTable:
    return SegmentTable(
        found.names, found.samples, found.sample, found.rows, {}, project.verdicts.columns(found)
    )


def test_a_verdict_is_found_again_in_another_evaluation(project: Project, tmp_path: Path) -> None:
    first = table(project, (4, 8), (30, 8))
    changes = project.verdicts.say([SegmentPlace.of(first, 0)], Verdict.LABEL_WRONG)
    assert changes.reviews == {"a"}
    project.verdicts.send([SegmentPlace.of(first, 0), SegmentPlace.of(first, 3)], Destination.QUEUE)
    project.close()
    with Project.open(tmp_path) as again:
        # The first square is a pixel smaller now, the second one has gone.
        later = with_decisions(again, table(again, (4, 7)))
        assert list(matching(later, "verdict=label_wrong")) == [True, False]
        assert list(matching(later, "sent=queue")) == [True, False]
        assert list(matching(with_decisions(again, first), "sent=queue")) == [True, False, False, True]
        decisions = again.verdicts.all()
        assert [decision.verdict for decision in decisions] == [Verdict.LABEL_WRONG, None]
        assert all(decision.author and decision.at > 0 for decision in decisions)


def test_a_segment_may_be_in_several_places_and_leave_them(project: Project) -> None:
    found = table(project, (4, 8))
    place = [SegmentPlace.of(found, 1)]
    for to in (Destination.QUEUE, Destination.EXPORT):
        project.verdicts.send(place, to)
    assert list(matching(with_decisions(project, found), "sent=export")) == [False, True]
    assert list(matching(with_decisions(project, found), "sent!=queue")) == [True, False]
    assert project.verdicts.sent_to(Destination.EXPORT) == place
    project.verdicts.send(place, Destination.QUEUE, back=True)
    assert project.verdicts.all()[0].sent == {Destination.EXPORT}
    project.verdicts.send(place, Destination.EXPORT, back=True)
    assert project.verdicts.all() == []
    project.verdicts.say(place, Verdict.MODEL_WRONG)
    project.verdicts.say(place, None)
    assert project.verdicts.all() == []


def test_segments_raise_the_visits_of_their_samples(project: Project) -> None:
    found = table(project, (4, 8), (30, 8))
    project.verdicts.send([SegmentPlace.of(found, 0), SegmentPlace.of(found, 1)], Destination.WEIGHT)
    assert project.verdicts.visits(["a", "b"]) == {"a": 3, "b": 1}
    many = table(project, *((x, 4) for x in range(0, 60, 6)))
    project.verdicts.send([SegmentPlace.of(many, n) for n in range(10)], Destination.WEIGHT)
    assert project.verdicts.visits(["a"]) == {"a": MOST_VISITS}


def test_another_palette_has_its_own_decisions(project: Project, tmp_path: Path) -> None:
    project.verdicts.say([SegmentPlace.of(table(project, (4, 8)), 0)], Verdict.MODEL_WRONG)
    project.close()
    with Project.open(tmp_path, palette="camvid-11") as again:
        assert again.verdicts.all() == []


def test_segments_with_nearly_the_same_box_keep_their_own_verdicts(project: Project) -> None:
    # Two segments of one pair around each other: a frame, and a bar along its side.
    said = np.zeros(SHAPE, np.uint8)
    said[2:20, 4:40] = 2
    said[4:18, 6:38] = 0
    said[5:17, 7:38] = 2
    said[5:17, 37] = 0
    found = evaluate_sample(np.zeros(SHAPE, np.uint8), said, 19).segments
    both = SegmentTable.of(project.palette.names, [("a", found)])
    assert both.count == 2
    places = [SegmentPlace.of(both, n) for n in range(2)]
    project.verdicts.say([places[0]], Verdict.MODEL_WRONG)
    project.verdicts.say([places[1]], Verdict.LABEL_WRONG)
    project.verdicts.send([places[1]], Destination.QUEUE)
    shown = with_decisions(project, both)
    assert [shown.row(n)["verdict"] for n in range(2)] == ["model_wrong", "label_wrong"]
    assert [shown.row(n)["sent"] for n in range(2)] == ["", "queue"]
    project.verdicts.say([places[1]], None)
    assert [with_decisions(project, both).row(n)["verdict"] for n in range(2)] == ["model_wrong", ""]

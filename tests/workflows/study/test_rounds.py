"""The rounds of a study with a stand-in learner: who is asked, what is trained, what is kept."""

from pathlib import Path

import numpy as np
import pytest

from segstudio.errors import Cancelled, InputError
from segstudio.jobs import JobContext
from segstudio.workflows.study.points import FULL, START, Point, PointStore
from segstudio.workflows.study.rounds import Plan, Study
from segstudio.workflows.study.strategies import STRATEGIES
from tests.workflows.study.stand_in import StandIn

KEYS = tuple(f"frame_{number:02}" for number in range(40))
PLAN = Plan((2, 4, 8), STRATEGIES, (0, 1))


def points_of(folder: Path, learner: StandIn, plan: Plan = PLAN) -> list[Point]:
    return Study(plan, KEYS, learner, PointStore(folder), JobContext()).run()


def test_every_strategy_goes_on_from_the_same_first_frames(tmp_path: Path) -> None:
    points = points_of(tmp_path, StandIn(40))
    assert len(points) == PLAN.trainings == 2 * (2 + 3 * 2)
    for seed in PLAN.seeds:
        of_seed = {(point.strategy, len(point.frames)): point for point in points if point.seed == seed}
        assert set(of_seed) == {(FULL, 40), (START, 2)} | {(name, n) for name in STRATEGIES for n in (4, 8)}
        for name in STRATEGIES:
            first, then, last = (of_seed[key].frames for key in ((START, 2), (name, 4), (name, 8)))
            assert set(first) < set(then) < set(last)
    starts = {point.frames for point in points if point.strategy == START}
    assert len(starts) == 2, "another seed begins with other frames"


def test_a_strategy_that_sees_where_the_network_fails_finds_the_poles_first(tmp_path: Path) -> None:
    points = points_of(tmp_path, StandIn(40))
    poles = {KEYS[row] for row in np.flatnonzero(StandIn(40).poles)}
    for point in points:
        if point.strategy == "margin" and len(point.frames) == 4:
            start = next(p for p in points if p.strategy == START and p.seed == point.seed)
            assert set(point.frames) - set(start.frames) <= poles
            assert point.iou == {"road": 1.0, "pole": 1.0}


def test_finished_points_are_not_trained_again(tmp_path: Path) -> None:
    before = points_of(tmp_path, StandIn(40))
    again = StandIn(40)
    assert points_of(tmp_path, again) == before
    assert again.fits == []


def test_a_study_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = points_of(tmp_path / "whole", StandIn(40))
    context = JobContext()
    fits: list[int] = []

    def stop_at_the_fifth() -> None:
        fits.append(1)
        if len(fits) == 5:
            context.cancel()
        context.check()

    study = Study(PLAN, KEYS, StandIn(40, stop_at_the_fifth), PointStore(tmp_path / "cut"), context)
    with pytest.raises(Cancelled):
        study.run()
    rest = StandIn(40)
    resumed = points_of(tmp_path / "cut", rest)
    assert len(rest.fits) == PLAN.trainings - 4
    assert [(p.strategy, p.seed, p.frames, p.miou) for p in resumed] == [
        (p.strategy, p.seed, p.frames, p.miou) for p in whole
    ]


def test_other_budgets_and_strategies_keep_what_still_holds(tmp_path: Path) -> None:
    points_of(tmp_path, StandIn(40), Plan((2, 4), {"random": STRATEGIES["random"]}, (0,)))
    more = StandIn(40)
    points_of(tmp_path, more, Plan((2, 4, 8), {"random": STRATEGIES["random"]}, (0,)))
    # What comes after the former last budget was not chosen then.
    assert [len(rows) for rows, _ in more.fits] == [4, 8]
    other = StandIn(40)
    points_of(tmp_path, other, Plan((2, 6), {"random": STRATEGIES["random"]}, (0,)))
    assert [len(rows) for rows, _ in other.fits] == [2, 6]


def test_what_was_heard_is_the_truth_of_the_chosen_frames(tmp_path: Path) -> None:
    points = points_of(tmp_path, StandIn(40))
    start = next(point for point in points if point.strategy == START)
    choice = start.choices["margin"]
    assert np.array(choice.heard).sum() == 100 * len(choice.frames)
    assert np.array(start.choices["random"].heard).sum() == 0


def test_a_damaged_point_is_named(tmp_path: Path) -> None:
    points_of(tmp_path, StandIn(40))
    path = next(tmp_path.glob("*margin*"))
    path.write_text("{}")
    with pytest.raises(InputError, match=path.name):
        points_of(tmp_path, StandIn(40))

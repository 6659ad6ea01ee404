"""Predicting again: the difference comes first, people's work never changes, all of it is taken back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segstudio import images
from segstudio.errors import Cancelled, InputError, ProjectError
from segstudio.jobs import JobContext
from segstudio.project.answers import read_answer, write_answer
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus, StoredPrediction
from segstudio.workflows.evaluate_project import Said
from segstudio.workflows.repredict.make import apply_plan, plan_repredict, plan_with, undo_plan
from segstudio.workflows.repredict.plan import FOLDER, PlanState, list_plans, newest_applied
from segstudio.workflows.repredict.text import plan_json, plan_words
from segstudio.workflows.retrain.locks import take
from tests.workflows.prove.conftest import PALETTE, SHAPE, Mask, Stage

ROAD, SIDEWALK, CAR = (PALETTE.index(name) for name in ("road", "sidewalk", "car"))


def rows(*classes: int) -> Mask:
    """Stripes of classes, as many rows each."""
    return np.repeat(np.array(classes, np.uint8), SHAPE[0] // len(classes))[:, None].repeat(SHAPE[1], axis=1)


def predict_with_old(project: Project) -> None:
    for sample in project.samples():
        project.save_prediction(sample.key, rows(ROAD, ROAD), np.full(SHAPE, 9, np.uint8), "old")


@pytest.fixture
def project(stage: Stage) -> Project:
    """Four frames that "old" predicts as road; "new" calls a half, a quarter, nothing, all something else."""
    answers = [
        rows(ROAD, SIDEWALK),
        rows(ROAD, ROAD, ROAD, CAR),
        rows(ROAD, ROAD),
        rows(SIDEWALK, SIDEWALK),
    ]
    for number, answer in enumerate(answers):
        stage.sample(f"{number}", rows(ROAD, ROAD), answer)
    opened = stage.open()
    predict_with_old(opened)
    return opened


def ids(project: Project, key: str) -> Mask:
    stored = project.load_prediction(key)
    assert stored is not None
    return stored.ids


def test_the_plan_says_what_would_change_and_changes_nothing(project: Project) -> None:
    plan = plan_repredict(project, "new")
    assert [(one.key, one.share) for one in plan.samples] == [("3", 1.0), ("0", 0.5), ("1", 0.25), ("2", 0.0)]
    pixels = SHAPE[0] * SHAPE[1]
    assert plan.totals == ((ROAD, SIDEWALK, pixels * 3 // 2), (ROAD, CAR, pixels // 4))
    assert plan.samples[2].pairs == ((ROAD, CAR, pixels // 4),)
    assert plan.share == pytest.approx(1.75 / 4)
    np.testing.assert_array_equal(plan.answer("0").ids, rows(ROAD, SIDEWALK))
    assert set(project.predicting_models().values()) == {"old"}
    assert plan_words(plan) == "3 of 4 predictions change, 43.8 % of their pixels"
    values = plan_json(plan, PALETTE.names, 1)
    assert values["classes"][0] == {"before": "road", "after": "sidewalk", "pixels": pixels * 3 // 2}
    assert [one["sample"] for one in values["changes"]] == ["3"]


def test_applied_and_taken_back(project: Project) -> None:
    result = apply_plan(project, plan_repredict(project, "new"))
    assert (result.done, result.left) == (4, ())
    assert result.changes.predictions == {"0", "1", "2", "3"}
    assert set(project.predicting_models().values()) == {"new"}
    np.testing.assert_array_equal(ids(project, "0"), rows(ROAD, SIDEWALK))
    with pytest.raises(InputError, match="applied before"):
        apply_plan(project, result.plan)
    back = undo_plan(project, newest_applied(project))
    assert (back.done, back.left) == (4, ())
    assert set(project.predicting_models().values()) == {"old"}
    stored = project.load_prediction("0")
    assert stored is not None
    np.testing.assert_array_equal(stored.ids, rows(ROAD, ROAD))
    assert (stored.confidence == 9).all()
    with pytest.raises(ProjectError, match="no new predictions to take back"):
        newest_applied(project)
    with pytest.raises(InputError, match="not applied"):
        undo_plan(project, back.plan)


def test_plans_that_a_crash_left_go_and_those_of_another_process_stay(project: Project) -> None:
    def crash(_: Path) -> Said:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan_with(project, "new", crash)
    (left,) = (path for path in (project.facts_dir / FOLDER).iterdir() if path.name.endswith(".lock"))
    others = project.facts_dir / FOLDER / "20200101-000000-000000000"
    (others / "new").mkdir(parents=True)
    held = take(others.with_name(f".{others.name}.lock"), shared_by_threads=False)
    assert held is not None
    first = plan_repredict(project, "new")
    assert not left.exists()
    second = plan_repredict(project, "new")
    assert {path for path in (project.facts_dir / FOLDER).iterdir() if path.is_dir()} == {
        second.folder, others,
    }  # fmt: skip
    with pytest.raises(InputError, match="predictions of new are gone"):
        apply_plan(project, first)
    held.release()
    third = plan_repredict(project, "new")
    third.drop()
    assert list((project.facts_dir / FOLDER).iterdir()) == []


def test_first_predictions_are_named_last_and_go_again(stage: Stage) -> None:
    stage.sample("a", rows(ROAD, ROAD), rows(CAR, CAR))
    stage.sample("b", rows(ROAD, ROAD), rows(CAR, CAR))
    with stage.open() as project:
        project.save_prediction("b", rows(ROAD, ROAD), rows(0, 0), "old")
        plan = plan_repredict(project, "new")
        assert [(one.key, one.is_first) for one in plan.samples] == [("b", False), ("a", True)]
        assert "1 samples get their first prediction" in plan_words(plan)
        apply_plan(project, plan)
        assert project.sample("a").status is SampleStatus.PREDICTED
        undo_plan(project, newest_applied(project))
        assert project.predicting_models() == {"b": "old"}
        assert project.sample("a").status is SampleStatus.UNLABELLED


def test_what_people_began_meanwhile_stays(project: Project) -> None:
    plan = plan_repredict(project, "new")
    project.save_mask("0", rows(CAR, CAR))
    project.save_prediction("1", rows(CAR, CAR), rows(0, 0), "third")
    project.set_status(["3"], SampleStatus.SKIPPED)
    result = apply_plan(project, plan)
    assert result.done == 1
    assert dict(result.left).keys() == {"0", "1", "3"}
    assert project.predicting_models() == {"0": "old", "1": "third", "2": "new", "3": "old"}
    project.save_mask("2", rows(CAR, CAR))
    assert dict(undo_plan(project, result.plan).left).keys() == {"0", "1", "2", "3"}
    assert project.predicted_by("2") == "new"


def test_only_a_part_is_applied_and_a_cancelled_rest_can_be_undone(project: Project) -> None:
    plan = plan_repredict(project, "new")
    assert apply_plan(project, plan, keys={"0"}).done == 1
    assert undo_plan(project, newest_applied(project)).done == 1
    context = JobContext(on_progress=lambda done, *_: context.cancel() if done == 1 else None)
    stopped = apply_plan(project, plan_repredict(project, "new"), context)
    assert stopped.done == 2
    assert len(stopped.left) == 2
    assert undo_plan(project, newest_applied(project)).done == 2
    assert set(project.predicting_models().values()) == {"old"}


def test_a_cancelled_plan_and_a_dropped_one_leave_nothing(project: Project) -> None:
    context = JobContext(on_progress=lambda *_: context.cancel())
    with pytest.raises(Cancelled):
        plan_repredict(project, "new", context)
    plan_repredict(project, "new").drop()
    assert list((project.facts_dir / FOLDER).iterdir()) == []


def test_plans_that_were_never_applied_make_room(project: Project) -> None:
    plan_repredict(project, "new")
    plan_repredict(project, "new")
    assert len(list_plans(project)) == 1
    for name in ("new", "old", "new", "old", "new"):
        apply_plan(project, plan_repredict(project, name))
    states = [plan.state for plan in list_plans(project)]
    assert states == [PlanState.APPLIED] * 3


def test_a_damaged_answer_is_left_out_and_named(project: Project) -> None:
    plan = plan_repredict(project, "new")
    plan.new_path("0").write_bytes(b"{")
    (plan.folder.parent / "not-a-plan").mkdir()
    result = apply_plan(project, plan)
    assert result.done == 3
    assert [key for key, _ in result.left] == ["0"]
    assert [found.model for found in list_plans(project)] == ["new"]


def test_images_that_cannot_be_read_are_named(project: Project) -> None:
    project.sample("1").image.write_bytes(b"no image")
    plan = plan_repredict(project, "new")
    assert [key for key, _ in plan.skipped] == ["1"]
    assert len(plan.samples) == 3


def test_where_people_worked_on_everything_there_is_nothing_to_do(project: Project) -> None:
    for key in "0123":
        project.save_mask(key, rows(CAR, CAR))
    with pytest.raises(InputError, match="people worked on all 4 samples"):
        plan_repredict(project, "new")


@given(
    statuses=st.lists(st.sampled_from(list(SampleStatus)), min_size=3, max_size=3),
    painted=st.lists(st.booleans(), min_size=3, max_size=3),
    late=st.lists(st.booleans(), min_size=3, max_size=3),
    value=st.integers(0, 18),
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_mask_of_a_person_ever_changes(
    tmp_path_factory: pytest.TempPathFactory,
    statuses: list[SampleStatus],
    painted: list[bool],
    late: list[bool],
    value: int,
) -> None:
    root: Path = tmp_path_factory.mktemp("any")
    for number in range(3):
        images.write_image(root / f"{number}.png", np.full((*SHAPE, 3), number, np.uint8))
    answer = Said(rows(CAR, CAR), rows(200, 200))
    with Project.open(root) as project:
        predict_with_old(project)
        keys = [sample.key for sample in project.samples()]

        def paint(chosen: list[bool]) -> None:
            for key, is_painted in zip(keys, chosen, strict=True):
                if is_painted:
                    project.load_mask(key)
                    project.save_mask(key, np.full(SHAPE, value, np.uint8))

        paint(painted)
        for key, status in zip(keys, statuses, strict=True):
            project.set_status([key], status)
        untouched = {
            key
            for key, status, is_painted in zip(keys, statuses, painted, strict=True)
            if not is_painted and status in (SampleStatus.UNLABELLED, SampleStatus.PREDICTED)
        }
        if not untouched:
            with pytest.raises(InputError):
                plan_with(project, "new", lambda _: answer)
            return
        plan = plan_with(project, "new", lambda _: answer)
        assert {one.key for one in plan.samples} == untouched
        paint(late)
        masks = {path: path.read_bytes() for path in (root / "masks").glob("*.png")}
        before = {key: project.sample(key).status for key in keys}
        applied = apply_plan(project, plan)
        still = {key for key, is_late in zip(keys, late, strict=True) if key in untouched and not is_late}
        assert {key for key, model in project.predicting_models().items() if model == "new"} == still
        assert {path: path.read_bytes() for path in (root / "masks").glob("*.png")} == masks
        undo_plan(project, applied.plan)
        assert set(project.predicting_models().values()) == {"old"}
        assert {path: path.read_bytes() for path in (root / "masks").glob("*.png")} == masks
        assert {key: project.sample(key).status for key in set(keys) - still} == {
            key: before[key] for key in set(keys) - still
        }


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    seed=st.integers(0, 99),
    runner_up=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_answers_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, seed: int, runner_up: bool
) -> None:
    planes = np.random.default_rng(seed).integers(0, 256, (4, height, width), np.uint8)
    said = StoredPrediction(planes[0], planes[1], "m", *(planes[2:] if runner_up else (None, None)))
    path = tmp_path_factory.mktemp("answers") / "deep" / "a.answer"
    write_answer(path, said)
    found = read_answer(path)
    assert found.model == "m"
    assert len(found.planes) == len(said.planes)
    for one, other in zip(found.planes, said.planes, strict=True):
        np.testing.assert_array_equal(one, other)

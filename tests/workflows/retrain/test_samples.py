"""What is learnt from and what is scored: never a sample of both, never two frames of one sequence."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio import paths
from segstudio.errors import InputError, ProjectError
from segstudio.inference.catalog import find_model
from segstudio.inference.spec import save_spec
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.retrain.choice import RetrainChoice, choice_from_json
from segstudio.workflows.retrain.samples import choose_samples, drawn_sequences, sequences

VALIDATION = ("val/0", "val/1")


def test_the_split_decides_and_the_query_narrows_what_is_learnt_alone(project: Project) -> None:
    chosen = choose_samples(project, RetrainChoice(query="train/1"))
    assert (chosen.train, chosen.validation, chosen.drawn) == (("train/1",), VALIDATION, False)
    assert chosen.splits == {"train/1": "train", "val/0": "val", "val/1": "val"}


def test_test_samples_and_those_without_mask_or_word_are_left_out(project: Project) -> None:
    project.set_split(["val/1"], "test")
    project.set_status(["train/0"], SampleStatus.REJECTED)
    project.mask_path("val/0").unlink()
    chosen = choose_samples(project, RetrainChoice())
    assert (chosen.train, chosen.validation, chosen.held_out) == (("train/1",), (), 1)
    assert chosen.without_mask == ("val/0",)


def test_validation_is_drawn_where_there_is_none(project: Project) -> None:
    project.set_split(["train/0", "train/1", "val/0", "val/1"], "")
    chosen = choose_samples(project, RetrainChoice(drawn_share=0.25))
    assert chosen.drawn
    assert (len(chosen.train), len(chosen.validation)) == (3, 1)
    assert not choose_samples(project, RetrainChoice(drawn_share=0)).validation


@pytest.mark.parametrize("name", ["valid", "validation", "val_extra", "test_night", "Test"])
def test_splits_that_judge_by_their_names_are_never_learnt_from(project: Project, name: str) -> None:
    project.set_split(["train/0"], name)
    chosen = choose_samples(project, RetrainChoice())
    assert (chosen.train, chosen.validation, chosen.held_out) == (("train/1",), VALIDATION, 1)


def test_another_split_for_validation_is_scored_where_val_is_empty(project: Project) -> None:
    project.set_split(["val/0"], "valid")
    project.set_split(["val/1"], "test")
    chosen = choose_samples(project, RetrainChoice())
    assert (chosen.validation, chosen.drawn, chosen.held_out) == (("val/0",), False, 1)


def test_what_the_start_learnt_from_is_not_drawn(project: Project) -> None:
    keys = ["train/0", "train/1", "val/0", "val/1"]
    project.set_split(keys, "")
    folder = paths.user_models_dir() / "older"
    folder.mkdir(parents=True)
    save_spec(replace(find_model("street-b0")[1], name="older", files={}), folder)

    def drawn(**splits: str) -> tuple[str, ...]:
        samples = [{"key": key.replace("_", "/"), "split": split} for key, split in splits.items()]
        text = json.dumps({"project": str(project.root), "samples": samples})
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        return choose_samples(project, RetrainChoice("model:older", drawn_share=0.25)).validation

    for key in keys:
        others = {other.replace("/", "_"): "train" for other in keys if other != key}
        assert drawn(**others) == (key,)
        # What judged before judges again.
        assert drawn(**{key.replace("/", "_"): "val"}) == (key,)
    assert drawn(**{key.replace("/", "_"): "train" for key in keys}) == ()


def test_nothing_to_learn_from_says_why(project: Project) -> None:
    def message(choice: RetrainChoice) -> str:
        with pytest.raises(ProjectError) as caught:
            choose_samples(project, choice)
        return str(caught.value)

    assert "none of the 4 accepted samples to learn from fits 'val/0'" in message(
        RetrainChoice(query="val/0")
    )
    project.set_split(["train/0", "train/1"], "test")
    assert "all 4 accepted samples are held out" in message(RetrainChoice())
    project.set_status(["train/0", "train/1", "val/0", "val/1"], SampleStatus.REJECTED)
    assert "no sample is accepted; the project has 4 rejected" in message(RetrainChoice())


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12), st.floats(0.05, 0.5), st.integers(0, 99)
)  # fmt: skip
def test_sequences_are_drawn_whole(lengths: list[int], share: float, seed: int) -> None:
    keys = [f"drive{n}/{frame:04}" for n, length in enumerate(lengths) for frame in range(length)]
    chosen = drawn_sequences(keys, share, seed)
    groups = sequences(keys)
    assert {groups[key] for key in chosen}.isdisjoint(groups[key] for key in keys if key not in chosen)
    assert len(chosen) < len(keys)
    assert drawn_sequences(keys[::-1], share, seed) == chosen or len(lengths) < 5


@pytest.mark.parametrize("seed", range(12))
def test_a_huge_sequence_is_not_drawn(seed: int) -> None:
    lengths = (95, 1, 1, 1, 1, 1)
    keys = [f"drive{n}/{frame:04}" for n, length in enumerate(lengths) for frame in range(length)]
    assert len(drawn_sequences(keys, 0.2, seed)) == 5
    # All are too long: the shortest is nearest.
    keys = [f"drive{n}/{frame:04}" for n, length in enumerate((9, 8, 9, 9, 9)) for frame in range(length)]
    assert {key[:6] for key in drawn_sequences(keys, 0.02, seed)} == {"drive1"}


def test_a_drawn_validation_grows_and_nothing_changes_sides() -> None:
    keys = [f"drive{n}/{frame}" for n in range(10) for frame in range(4)]
    judged = drawn_sequences(keys, 0.2, 0)
    learnt = frozenset(keys) - judged
    more = [*keys, *(f"later{n}/{frame}" for n in range(10) for frame in range(4))]
    then = drawn_sequences(more, 0.2, 1, learnt=learnt, judged=judged)
    assert judged < then
    assert then.isdisjoint(learnt)
    assert len(then) == 16
    # Stretches of one long sequence shift as frames join it.
    keys = [f"{number:04}" for number in range(100)]
    judged = drawn_sequences(keys, 0.2, 0)
    then = drawn_sequences([f"{n:04}" for n in range(130)], 0.2, 0, learnt={*keys} - judged, judged=judged)
    assert judged <= then
    assert then.isdisjoint({*keys} - judged)


def test_one_long_sequence_is_cut_into_stretches() -> None:
    keys = [f"frame{number:04}" for number in range(100)]
    chosen = sorted(drawn_sequences(keys, 0.2, 0))
    assert len(chosen) == 20
    places = [keys.index(key) for key in chosen]
    # Two stretches of ten have at most four ends.
    assert sum(place - 1 not in places for place in places) <= 2


@pytest.mark.parametrize(
    "wrong", [{"minutes": 0}, {"drawn_share": 1}, {"statuses": ("done",)}, {"classes": "mine"}]
)
def test_what_no_training_could_do_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        choice_from_json(wrong)


def test_a_choice_is_read_back(project: Project) -> None:
    choice = RetrainChoice("model:street-b0", "class=car", minutes=3.5, formats=("onnx",), seed=7)
    assert choice_from_json(choice.to_json() | {"from_a_later_version": 1}) == choice

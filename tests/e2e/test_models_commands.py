"""`segstudio models ...`: the whole life of a model from the command line, one clear line for bad input."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import paths
from segstudio.images import write_image
from segstudio.inference.catalog import find_entry
from segstudio.project.project import Project
from tests.e2e.test_command_line import Call, here
from tests.workflows.model_stand_ins import make_model

__all__ = ["here"]


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A project in which model a was evaluated and is in use."""
    root = tmp_path / "frames"
    write_image(root / "a.png", np.zeros((8, 8, 3), np.uint8))
    make_model("a")
    make_model("b", "a")
    with Project.open(root) as project:
        counts = np.zeros((19, 20), np.int64)
        counts[0, 0] = 10
        project.evaluation.record_counts("a", "a", counts)
        project.promotions.promote("a", "")
    return root


def names(here: Call, *options: str | Path) -> list[str]:
    return [entry["name"] for entry in here("models", "list", "--json", *options).json]


def test_the_life_of_a_model(here: Call, frames: Path) -> None:
    assert names(here) == ["a", "b", "street-b0"]
    assert here("models", "tag", "b", "night, rain").status == 0
    assert here("models", "tag", "b", "fog", "--add").out == "b: fog, night, rain\n"
    assert here("models", "note", "b", "good at night").status == 0
    assert names(here, "--tag", "rain") == ["b"]
    assert here("models", "archive", "b").status == 0
    assert (names(here), names(here, "--archived")) == (["a", "street-b0"], ["a", "b", "street-b0"])
    assert here("models", "archive", "b", "--back").out == "b is shown again\n"
    assert here("models", "rename", "a", "best", "--project", frames).status == 0
    listed = here("models", "list", "--project", frames).out
    assert "best  mit_b0, 2 classes, fp32  mIoU 100.00%" in listed
    assert "b  mit_b0, 2 classes, fp32  from best" in listed
    assert "[fog, night, rain]" in listed
    shown = here("models", "show", "b", "--project", frames).out
    assert "my notes: good at night" in shown
    assert "came from: best (here)" in shown
    assert here("models", "delete", "best", "--force", "--project", frames).status == 0
    assert here("models", "lineage", "b").out == "best  (deleted)\n  b  <\n"
    assert here("models", "restore", "best", "--as", "best-2").out == "best-2 is back\n"
    (tree,) = here("models", "lineage", "b", "--json").json
    assert (tree["name"], tree["children"][0]["name"]) == ("best-2", "b")
    assert find_entry("best-2").notes.former_names == ("a", "best")


def test_comparison_and_disk(here: Call, frames: Path) -> None:
    found = here("models", "compare", "a", "b", "--project", frames)
    assert "parent: – | a" in found.out
    assert "note: no scores of b are known here" in found.out
    values = here("models", "compare", "a", "b", "--project", frames, "--json").json
    assert values["first"]["measured"]["classes"]["road"] == 1.0
    assert values["classes"] == [{"name": "road", "first": 1.0, "second": None}]
    here("models", "delete", "b")
    before = here("models", "disk", "--json").json
    assert before["trash"] > 0
    assert "street-b0: " in here("models", "disk").out
    assert here("models", "disk", "--free", "trash", "--json").json == {"freed": before["trash"]}
    assert here("models", "disk", "--json").json["trash"] == 0


def test_a_project_changes_its_model_and_goes_back(here: Call, frames: Path) -> None:
    assert here("models", "use", "b", frames, "--reason", "rider +4").out == f"{frames} uses b\n"
    (newest, first) = here("models", "history", frames, "--json").json
    assert (newest["model"], newest["reason"], first["model"]) == ("b", "rider +4", "a")
    assert "b, " in here("models", "history", frames).out
    assert here("models", "rollback", frames).out == f"{frames} uses a\n"
    assert here("models", "rollback", frames, "--to", "2").out == f"{frames} uses b\n"
    here("models", "archive", "a")
    assert "a is archived. take it back" in here("models", "use", "a", frames).err
    again = here("models", "rollback", frames, "--to", "9")
    assert (again.status, "there is no promotion 9" in again.err) == (2, True)


BAD_CALLS = {
    "there is no model 'x'": ("lineage", "x"),
    "there is a model 'b' already": ("rename", "a", "b"),
    "street-b0 ships with segstudio": ("delete", "street-b0"),
    "models were made from a: b": ("delete", "a"),
    "no deleted model is called 'x'": ("restore", "x"),
    "'all' cannot be freed": ("disk", "--free", "all"),
    "there is no model 'y'": ("compare", "a", "y"),
    "is too long": ("tag", "a", "x" * 40),
}


@pytest.mark.parametrize("said", BAD_CALLS)
def test_bad_calls_are_one_clear_line(here: Call, said: str) -> None:
    make_model("a")
    make_model("b", "a")
    done = here("models", *BAD_CALLS[said])
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert said in done.err


def test_what_a_project_uses_stays(here: Call, frames: Path) -> None:
    done = here("models", "archive", "a", "--project", frames)
    assert (done.status, "a is in use" in done.err) == (2, True)
    assert (paths.user_models_dir() / "a").is_dir()

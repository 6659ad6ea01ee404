"""Promotions: the model in use, the history that only grows, the way back."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.errors import ProjectError
from segstudio.project.lock import user_name
from segstudio.project.project import Project
from segstudio.project.promotion_store import PromotionRow
from segstudio.project.promotions import earlier
from tests.project.conftest import MakeFrames, OpenProject


def used(project: Project) -> str:
    current = project.promotions.current()
    return current.model if current else ""


def test_a_new_project_uses_no_model(project: Project) -> None:
    assert project.promotions.current() is None
    assert project.promotions.history() == []
    with pytest.raises(ProjectError, match="no earlier model"):
        project.promotions.roll_back()


def test_the_model_in_use_is_remembered_with_who_and_why(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    project = open_project(root)
    changes = project.promotions.promote("a", "f1", by="anna", reason="train +4.2", initiator="me")
    assert (changes.model, changes.is_empty, changes.initiator) == (True, False, "me")
    project.promotions.promote("b", "f2")
    project.close()
    newest, first = open_project(root).promotions.history()
    assert (newest.model, newest.fingerprint, newest.by) == ("b", "f2", user_name())
    assert (first.model, first.by, first.reason) == ("a", "anna", "train +4.2")
    assert newest.at >= first.at > 0


def test_the_same_model_again_is_no_promotion_but_other_weights_are(project: Project) -> None:
    project.promotions.promote("a", "f1")
    assert project.promotions.promote("a", "f1").is_empty
    assert project.promotions.promote("a", "f2").model
    assert [entry.fingerprint for entry in project.promotions.history()] == ["f2", "f1"]


def test_going_back_twice_goes_two_models_back(project: Project) -> None:
    for name in "abc":
        project.promotions.promote(name, name)
    trail = []
    for _ in range(2):
        project.promotions.roll_back("anna", "rider fell")
        trail.append(used(project))
    assert trail == ["b", "a"]
    with pytest.raises(ProjectError, match="no earlier model"):
        project.promotions.roll_back()
    project.promotions.promote("d", "d")
    project.promotions.roll_back()
    assert used(project) == "a"
    assert len(project.promotions.history()) == 7


def test_any_earlier_one_can_be_returned_to(project: Project) -> None:
    for name in "abc":
        project.promotions.promote(name, name)
    project.promotions.roll_back(to=1)
    current = project.promotions.current()
    assert current is not None
    assert (current.model, current.back_to) == ("a", 1)
    with pytest.raises(ProjectError, match="no promotion 9"):
        project.promotions.roll_back(to=9)


def test_a_damaged_database_keeps_the_model_in_use(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    project = open_project(root)
    project.promotions.promote("a", "f1", reason="better")
    project.close()
    path = root / ".segstudio" / "project.db"
    with closing(sqlite3.connect(path)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'filters'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    again = open_project(root)
    assert again.warnings
    assert used(again) == "a"


@given(st.lists(st.one_of(st.just("back"), st.sampled_from("abcd")), max_size=30))
def test_the_way_back_is_that_of_a_stack(steps: list[str]) -> None:
    rows: list[PromotionRow] = []
    stack: list[str] = []
    for number, step in enumerate(steps, start=1):
        model, back_to = step, 0
        if step == "back":
            found = earlier(rows)
            assert (found is None) == (len(stack) < 2)
            if found is None:
                continue
            stack.pop()
            assert found.model == stack[-1]
            model, back_to = found.model, found.back_to or found.number
        else:
            stack.append(step)
        rows.append(PromotionRow(number, model, model, "", 0.0, "", back_to))

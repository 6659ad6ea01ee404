"""Review on a real project: verdicts, assignments, comments, undo; and what damage and scans leave."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from segstudio.errors import InputError, ProjectError
from segstudio.project import lock
from segstudio.project.project import Project
from segstudio.project.review_records import Comment, Effort, What
from segstudio.project.review_rules import Standing
from segstudio.project.sample import Changes, SampleStatus
from tests.project.conftest import MakeFrames, OpenProject, some_mask
from tests.project.test_project_database import corrupt_header, database

S = SampleStatus
Become = Callable[[str], None]


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Become:
    """Another user from now on."""

    def do(name: str) -> None:
        monkeypatch.setenv("LOGNAME", name)
        assert lock.user_name() == name

    do("anna")
    return do


def standing(project: Project, key: str = "a") -> Standing:
    sample = project.sample(key)
    found = Standing(sample.status, sample.assignee, sample.reviewer, sample.reason)
    assert found == project.review.standing(key)
    return found


def test_a_round_of_review(project: Project, become: Become) -> None:
    project.save_mask("a", some_mask())
    changes = project.review.submit(["a"], initiator="test")
    chosen = frozenset({"a"})
    assert changes == Changes(statuses=chosen, reviews=chosen, initiator="test")
    become("bert")
    project.review.reject(["a"], " left edge ")
    assert standing(project) == Standing(S.REJECTED, "anna", "bert", "left edge")
    become("anna")
    project.save_mask("a", some_mask(1))
    assert standing(project) == Standing(S.IN_PROGRESS, "anna", "bert", "left edge")
    project.review.submit(["a"])
    become("bert")
    project.review.accept(["a"])
    assert standing(project) == Standing(S.ACCEPTED, "anna", "bert")
    project.save_mask("a", some_mask(2))
    assert standing(project).status is S.ACCEPTED
    project.review.reopen(["a"])
    assert standing(project) == Standing(S.IN_PROGRESS, "anna", "bert")
    moves = [(record.author, record.figures.after) for record in project.review.records("a")]
    assert [(who, after.status) for who, after in moves if after] == [
        ("anna", S.SUBMITTED),
        ("bert", S.REJECTED),
        ("anna", S.SUBMITTED),
        ("bert", S.ACCEPTED),
        ("bert", S.IN_PROGRESS),
    ]


def test_one_person_accepts_at_once_and_both_steps_are_recorded(project: Project, become: Become) -> None:
    project.save_mask("a", some_mask())
    project.review.accept(["a"], Effort(12.5, 3, 400))
    assert standing(project) == Standing(S.ACCEPTED, "anna", "anna")
    steps = project.review.records("a")
    assert [record.figures.after and record.figures.after.status for record in steps] == [
        S.SUBMITTED,
        S.ACCEPTED,
    ]
    assert [record.figures.effort for record in steps] == [Effort(12.5, 3, 400), Effort()]
    assert project.review.accept(["a"]).is_empty


def test_what_is_not_allowed_is_refused_for_all(project: Project) -> None:
    project.review.accept(["a"])
    with pytest.raises(ProjectError, match="a cannot go from accepted to submitted") as caught:
        project.review.submit(["b", "a"])
    assert caught.value.hint == "reopen it first"
    assert standing(project, "b").status is S.UNLABELLED
    with pytest.raises(ProjectError, match="1 of the samples are unknown, such as 'x'"):
        project.review.submit(["b", "x"])
    with pytest.raises(InputError, match="needs a reason"):
        project.review.reject(["a"], "  ")
    assert len(project.review.records()) == 2


def test_another_reason_replaces_the_first(project: Project, become: Become) -> None:
    project.review.reject(["a"], "left edge")
    project.review.reject(["a"], "right edge")
    assert standing(project).reason == "right edge"
    project.review.reject(["b"], "left edge")
    assert project.review.reasons() == ["left edge", "right edge"]
    project.review.undo()
    project.review.undo()
    assert (standing(project, "b").status, standing(project).reason) == (S.UNLABELLED, "left edge")


def test_assignments(project: Project, become: Become) -> None:
    project.set_status(["c"], S.ACCEPTED)
    changes = project.review.assign(["a", "b", "c"], "dora", "emil")
    chosen = frozenset({"a", "b", "c"})
    assert changes == Changes(samples=chosen, reviews=chosen)
    assert standing(project) == Standing(S.UNLABELLED, "dora", "emil")
    assert standing(project, "c") == Standing(S.ACCEPTED, "dora"), "nobody accepted it in review"
    assert project.review.people() == ["anna", "dora", "emil"]
    assert project.review.assign(["a"], "dora").is_empty
    project.review.assign(["a"], "")
    assert standing(project) == Standing(S.UNLABELLED, "", "emil")


class TestUndo:
    """Every review action can be taken back, by whoever did it, until somebody else acts."""

    def test_a_verdict_on_many_is_one_step(self, project: Project, become: Become) -> None:
        project.set_status(["b"], S.IN_PROGRESS)
        before = [standing(project, key) for key in "ab"]
        project.review.accept(["a", "b"])
        changes = project.review.undo(initiator="test")
        chosen = frozenset({"a", "b"})
        assert changes == Changes(statuses=chosen, reviews=chosen, initiator="test")
        assert [standing(project, key) for key in "ab"] == before
        assert all(record.figures.undone for record in project.review.records("a"))

    def test_steps_are_taken_back_one_by_one(self, project: Project, become: Become) -> None:
        project.review.assign(["a"], "dora")
        project.review.submit(["a"])
        become("bert")
        project.review.reject(["b"], "left edge")
        become("anna")
        project.review.undo()
        assert standing(project) == Standing(S.UNLABELLED, "dora")
        assert project.review.undo().samples == {"a"}
        assert standing(project) == Standing(S.UNLABELLED)
        assert project.review.undo().is_empty
        assert standing(project, "b").status is S.REJECTED

    def test_nothing_is_undone_behind_somebody_elses_back(self, project: Project, become: Become) -> None:
        project.review.submit(["a", "b"])
        become("bert")
        project.review.accept(["a"])
        become("anna")
        with pytest.raises(ProjectError, match="a has changed since"):
            project.review.undo()
        assert [standing(project, key).status for key in "ab"] == [S.ACCEPTED, S.SUBMITTED]
        assert not any(record.figures.undone for record in project.review.records())

    def test_comments_too(self, project: Project, become: Become) -> None:
        project.review.comment("a", "wrong class", 3.5, 4.5, 16)
        (said,) = project.review.comments("a")
        project.review.edit_comment(said.id, "train, not bus")
        project.review.delete_comment(said.id)
        # A new comment takes the number of the deleted one.
        project.review.comment("b", "other")
        project.review.undo()
        project.review.undo()
        (back,) = project.review.comments("a")
        assert back.text == "train, not bus"
        project.review.undo()
        assert project.review.comments("a") == [said]
        project.review.undo()
        assert project.review.comments("a") == []

    def test_a_deleted_comment_comes_back_beside_one_that_has_its_number(
        self, project: Project, become: Become
    ) -> None:
        project.review.comment("a", "first")
        (said,) = project.review.comments("a")
        project.review.delete_comment(said.id)
        become("bert")
        project.review.comment("b", "second")
        become("anna")
        project.review.undo()
        texts = {comment.text: comment.id for comment in project.review.comments()}
        assert texts.keys() == {"first", "second"}
        assert len(set(texts.values())) == 2


def test_comments(project: Project, become: Become) -> None:
    review = project.review
    assert review.comment("b", " whole sample ").reviews == {"b"}
    review.comment("a", "wrong class", 3.5, 4.5, 16)
    review.comment("a", "a reply", 3.5, 4.5, 16)
    first, reply = review.comments("a")
    assert (first.key, first.text, first.x, first.y, first.class_id) == ("a", "wrong class", 3.5, 4.5, 16)
    assert (first.author, first.resolved, first.has_pin) == ("anna", False, True)
    assert [comment.key for comment in review.comments()] == ["a", "a", "b"]
    assert not review.comments("b")[0].has_pin
    review.resolve(reply.id)
    assert [comment.text for comment in review.comments(open_only=True)] == ["wrong class", "whole sample"]
    review.resolve(reply.id, resolved=False)
    review.edit_comment(reply.id, "another")
    assert review.comments("a")[1] == Comment(
        reply.id, "a", "another", 3.5, 4.5, 16, False, "anna", reply.when
    )
    review.delete_comment(reply.id)
    assert review.comments("a") == [first]
    with pytest.raises(ProjectError, match="there is no comment"):
        review.delete_comment(reply.id)
    with pytest.raises(ProjectError, match="there is no comment"):
        review.edit_comment(reply.id, "gone")
    with pytest.raises(ProjectError, match="no sample 'x'"):
        review.comment("x", "text")
    with pytest.raises(InputError, match="needs a text"):
        review.comment("a", "  ")


def test_saves_are_recorded(project: Project, become: Become) -> None:
    project.review.log_save("a", Effort(61.04, 2, 300), begun=True)
    (record,) = project.review.records()
    assert (record.what, record.author, record.figures.effort) == (What.SAVED, "anna", Effort(61.0, 2, 300))
    assert record.figures.after == Standing(S.IN_PROGRESS)
    assert project.review.undo().is_empty, "pixels have a history of their own"


def test_a_database_that_refuses_costs_the_record_alone(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project._store.engine.dispose()
    with closing(sqlite3.connect(database(project.root))) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        connection.commit()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segstudio.project.database.BUGS", ())
        project.review.log_save("a", Effort(1.0))
    assert "no record of the save of a" in caplog.text
    assert not project.review.records()


def test_a_scan_and_missing_images_drop_nothing(
    make_frames: MakeFrames, open_project: OpenProject, become: Become
) -> None:
    root = make_frames()
    project = open_project(root)
    project.review.comment("a", "left edge", 3, 4)
    project.review.reject(["a"], "left edge")
    picture = (root / "a.png").read_bytes()
    (root / "a.png").unlink()
    project.rescan()
    assert [sample.key for sample in project.samples()] == ["b", "c"]
    assert project.review.comments() == []
    assert len(project.review.comments("a")) == 1
    (root / "a.png").write_bytes(picture)
    project.rescan()
    assert standing(project) == Standing(S.REJECTED, "anna", "anna", "left edge")
    assert [comment.text for comment in project.review.comments()] == ["left edge"]


class TestDamage:
    """What people decided and said is taken over from a damaged database."""

    def damaged(self, root: Project, table: str) -> None:
        with closing(sqlite3.connect(database(root.root))) as connection:
            query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
            (page,) = connection.execute(query, (table,)).fetchone()
        content = bytearray(database(root.root).read_bytes())
        content[(page - 1) * 4096 : (page - 1) * 4096 + 100] = b"\xff" * 100
        database(root.root).write_bytes(content)

    def filled(self, project: Project) -> None:
        project.review.comment("a", "left edge", 3, 4, 5)
        project.review.comment("b", "all of it")
        project.review.resolve(project.review.comments("b")[0].id)
        project.review.reject(["a"], "left edge")
        project.review.assign(["c"], "dora", "emil")

    def test_all_but_the_damaged_table_is_kept(
        self, project: Project, open_project: OpenProject, become: Become
    ) -> None:
        self.filled(project)
        comments, records = project.review.comments(), project.review.records()
        project.close()
        self.damaged(project, "speeds")
        again = open_project(project.root)
        assert "was damaged" in again.warnings[0]
        assert again.review.comments() == comments
        assert again.review.records() == records
        assert standing(again) == Standing(S.REJECTED, "anna", "anna", "left edge")
        assert standing(again, "c") == Standing(S.UNLABELLED, "dora", "emil")
        again.review.undo()
        assert standing(again, "c") == Standing(S.UNLABELLED)

    def test_comments_stay_where_the_samples_are_lost(
        self, project: Project, open_project: OpenProject, become: Become
    ) -> None:
        self.filled(project)
        comments = project.review.comments()
        project.close()
        self.damaged(project, "samples")
        again = open_project(project.root)
        assert "0 samples" in again.warnings[0]
        assert again.review.comments() == comments
        assert [sample.key for sample in again.samples()] == ["a", "b", "c"]
        assert standing(again).status is S.UNLABELLED

    def test_nothing_left_is_no_trouble(
        self, project: Project, open_project: OpenProject, become: Become
    ) -> None:
        self.filled(project)
        project.close()
        corrupt_header(database(project.root))
        again = open_project(project.root)
        assert again.review.comments() == []
        assert len(again.samples()) == 3


def test_marks_tell_who_changed_a_sample_last(project: Project, become: Become) -> None:
    assert all((mark.author, mark.status) == ("", S.UNLABELLED) for mark in project.review.marks())
    project.save_mask("a", some_mask())
    become("bert")
    project.review.submit(["a"])
    project.set_split(["b"], "val")
    marks = {mark.key: mark for mark in project.review.marks()}
    assert list(marks) == [sample.key for sample in project.samples()]
    assert (marks["a"].author, marks["a"].status) == ("bert", S.SUBMITTED)
    assert (marks["b"].author, marks["b"].split) == ("bert", "val")
    assert marks["b"].at >= marks["a"].at > 0

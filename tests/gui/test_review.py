"""Review in the window, by keys and mouse: verdicts, locks, comments, pins, walks, undo and the report."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton

from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.view import View
from segstudio.gui.lanes import DASHBOARD_LANE, LIST_LANE
from segstudio.gui.panels.ask_popover import AskPopover
from segstudio.gui.panels.comment_list import CommentList, entries
from segstudio.gui.panels.history_panel import COMMENTS
from segstudio.gui.review.review_desk import pins, told_text
from segstudio.gui.review.sample_reviews import comment_after
from segstudio.project.project import Project
from segstudio.project.review_records import Comment, Effort, What
from segstudio.project.review_rules import Standing
from segstudio.project.sample import Sample, SampleStatus
from tests.gui.conftest import CAR, ROAD, SKY, Studio, fill_folder

Key, Modifier = Qt.Key, Qt.KeyboardModifier
S = SampleStatus
CONTROL_ALT = Modifier.ControlModifier | Modifier.AltModifier


@pytest.fixture
def anna(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Says who sits at the window; at first anna."""

    def become(name: str) -> None:
        monkeypatch.setenv("LOGNAME", name)

    become("anna")
    return become


@pytest.fixture
def street(studio: Studio, folder: object, anna: Callable[[str], None]) -> Studio:
    """Four samples, the first two found with masks; the first one is open."""
    studio.open(folder)  # type: ignore[arg-type]  # a Path
    return studio


def project(studio: Studio) -> Project:
    found = studio.session.project
    assert found is not None
    return found


def standing(studio: Studio, key: str) -> Standing:
    sample = studio.session.book.get(key)
    assert sample is not None
    found = Standing(sample.status, sample.assignee, sample.reviewer, sample.reason)
    assert project(studio).review.standing(key) == found
    return found


def popover() -> AskPopover:
    (found,) = (
        widget
        for widget in QApplication.topLevelWidgets()
        if isinstance(widget, AskPopover) and widget.isVisible()
    )
    return found


def answer(studio: Studio, text: str) -> None:
    asked = popover()
    QTest.keyClicks(asked.field, text)
    QTest.keyClick(asked.field, Key.Key_Return)
    studio.settle()


def said(studio: Studio) -> CommentList:
    return studio.window.editor.history.comments


def visible(studio: Studio) -> set[str]:
    return {name for name, button in studio.window.editor.review.buttons.items() if not button.isHidden()}


def submit(studio: Studio, *keys: str) -> None:
    for key in keys:
        studio.open_sample(key)
        studio.key(Key.Key_Return, Modifier.ControlModifier)
        studio.settle()


def lanes_of(studio: Studio) -> dict[str, str]:
    """On which lane Jobs run from now on, by title."""
    found: dict[str, str] = {}
    studio.session.jobs.subscribe(lambda job, *_: found.update({job.title: job.lane}))
    return found


class TestVerdicts:
    """Submit, accept, reject, reopen, undo."""

    def test_a_round(self, street: Studio, anna: Callable[[str], None]) -> None:
        submit(street, "frame_0")
        assert street.session.current == "frame_1"
        assert standing(street, "frame_0") == Standing(S.SUBMITTED, "anna")
        anna("bert")
        street.open_sample("frame_0")
        street.settle()
        assert visible(street) == {"review.accept", "review.reject"}
        street.key(Key.Key_J)
        answer(street, "left edge")
        assert standing(street, "frame_0") == Standing(S.REJECTED, "anna", "bert", "left edge")
        banner = street.window.editor.review_banner
        assert banner.isVisible()
        assert banner.text.text() == "Rejected by bert: left edge"
        assert street.window.editor.samples.count.text() == "4 samples  ·  1 done  ·  1 rejected"
        anna("anna")
        street.drag((10, 10), (30, 10))
        street.wait(lambda: not street.session.documents.dirty_keys)
        street.settle()
        assert standing(street, "frame_0").status is S.IN_PROGRESS
        assert banner.text.text() == "Was rejected by bert: left edge"
        submit(street, "frame_0")
        anna("bert")
        street.open_sample("frame_0")
        street.settle()
        street.key(Key.Key_Y)
        street.settle()
        assert standing(street, "frame_0") == Standing(S.ACCEPTED, "anna", "bert")
        assert not banner.isVisible()
        versions = [version.note.why.value for version in project(street).versions("frame_0")]
        assert versions[-1] == "accepted"
        assert versions.count("submitted") == 2
        assert "rejected" in versions

    def test_verdict_keys_act_on_submitted_samples_alone(self, street: Studio) -> None:
        for key in (Key.Key_Y, Key.Key_J):
            street.key(key)
        street.settle()
        assert standing(street, "frame_0") == Standing(S.ACCEPTED)
        assert not [w for w in QApplication.topLevelWidgets() if isinstance(w, AskPopover) and w.isVisible()]

    def test_the_next_submitted_sample_comes(self, street: Studio) -> None:
        submit(street, "frame_0", "frame_3")
        street.open_sample("frame_0")
        street.settle()
        street.key(Key.Key_Y)
        street.wait(lambda: street.session.current == "frame_3")
        street.settle()
        assert standing(street, "frame_0").status is S.ACCEPTED

    def test_an_accepted_mask_takes_no_edits_until_it_is_reopened(self, street: Studio) -> None:
        street.drag((10, 10), (30, 10))
        submit(street, "frame_0")
        street.open_sample("frame_0")
        street.settle()
        street.key(Key.Key_Y)
        street.settle()
        before = street.mask().copy()
        assert visible(street) == {"review.reopen"}
        for tool in (ToolName.BRUSH, ToolName.FILL):
            street.window.link.choose_tool(tool)
            street.drag((40, 10), (60, 12))
        assert any("was accepted by anna: reopen it" in text for text in street.messages())
        street.window.editing.undo()
        street.key(Key.Key_Z, Modifier.ControlModifier)
        street.window.editor.history.jumped.emit(0)
        assert (street.mask() == before).all()
        assert not street.window.actions_by_id["edit.undo"].isEnabled()
        assert not street.window.actions_by_id["region.merge"].isEnabled()
        street.key(Key.Key_Return, Modifier.ControlModifier)
        assert street.session.current == "frame_0"
        street.key(Key.Key_Y, Modifier.ShiftModifier)
        street.settle()
        assert standing(street, "frame_0").status is S.IN_PROGRESS
        street.key(Key.Key_Z, Modifier.ControlModifier)
        assert (street.mask() != before).any()

    def test_masks_that_were_found_are_no_ones_verdict(self, street: Studio) -> None:
        assert street.session.book.samples[0].status is S.ACCEPTED
        street.drag((10, 10), (30, 10))
        assert street.session.documents.dirty_keys == {"frame_0"}

    def test_the_toast_undoes_a_verdict(self, street: Studio) -> None:
        submit(street, "frame_0")
        (message,) = (m for m in street.window.messages.messages if m.text == "frame_0: submitted")
        assert message.action == "Undo"
        assert message.act is not None
        message.act()
        street.settle()
        assert standing(street, "frame_0") == Standing(S.ACCEPTED)
        assert "frame_0: submitted" not in street.messages()

    def test_the_toast_leaves_with_what_it_would_undo(self, street: Studio) -> None:
        submit(street, "frame_0")
        assert "frame_0: submitted" in street.messages()
        street.window.review.assign("carl")
        assert "frame_0: submitted" not in street.messages()
        street.settle()
        submit(street, "frame_2")
        assert "frame_2: submitted" in street.messages()
        street.window.grid.batches.assign(["frame_3"], "carl")
        street.settle()
        assert "frame_2: submitted" not in street.messages()

    def test_another_folder_takes_the_toast_away(self, street: Studio, tmp_path: Path) -> None:
        submit(street, "frame_0")
        street.open(fill_folder(tmp_path / "other"))
        assert "frame_0: submitted" not in street.messages()

    def test_a_stroke_under_way_belongs_to_the_verdict(self, street: Studio) -> None:
        street.session.classes.set_active(CAR)
        QTest.mousePress(street.canvas, Qt.MouseButton.LeftButton, pos=street.point(10, 40))
        QTest.mouseMove(street.canvas, street.point(80, 40))
        wanted = street.mask().copy()
        street.window.editing.mark(S.SUBMITTED)
        street.settle()
        saved = street.file_mask("frame_0")
        assert saved is not None
        assert saved[40, 40] == CAR
        assert (saved == wanted).all()
        assert standing(street, "frame_0").status is S.SUBMITTED

    def test_no_verdict_while_the_mask_is_being_changed(self, street: Studio) -> None:
        entry = street.session.entry
        assert entry is not None
        entry.document.begin("Large change")
        street.session.set_status(["frame_0"], S.SUBMITTED)
        street.settle()
        assert standing(street, "frame_0").status is S.ACCEPTED
        assert "frame_0 keeps its status: its mask is not saved" in street.messages()
        entry.document.abort()

    def test_a_verdict_that_moves_nothing_keeps_the_effort(self, street: Studio) -> None:
        log, effort = street.session.work_log, Effort(5.0, 1, 7)
        submit(street, "frame_0")
        log.take("frame_0")
        log.give_back("frame_0", effort)
        street.session.set_status(["frame_0"], S.SUBMITTED)
        street.settle()
        kept = log.take("frame_0")
        assert (kept.strokes, kept.pixels) == (effort.strokes, effort.pixels)

    def test_what_the_rules_refuse_is_explained(self, street: Studio) -> None:
        submit(street, "frame_0")
        street.open_sample("frame_0")
        street.settle()
        street.key(Key.Key_Y)
        street.settle()
        street.session.set_status(["frame_0"], S.SKIPPED)
        street.settle()
        assert "frame_0 cannot go from accepted to skipped" in street.messages()

    def test_last_reasons_are_offered(self, street: Studio) -> None:
        submit(street, "frame_0", "frame_1")
        street.open_sample("frame_0")
        street.settle()
        street.key(Key.Key_J)
        answer(street, "left edge")
        street.wait(lambda: street.session.current == "frame_1")
        street.settle()
        street.key(Key.Key_J)
        offer = popover().findChildren(QPushButton)[1]
        assert offer.text() == "left edge"
        QTest.mouseClick(offer, Qt.MouseButton.LeftButton)
        street.settle()
        assert standing(street, "frame_1").reason == "left edge"

    def test_escape_rejects_nothing(self, street: Studio) -> None:
        submit(street, "frame_0")
        street.open_sample("frame_0")
        street.settle()
        street.key(Key.Key_J)
        QTest.keyClick(popover().field, Key.Key_Escape)
        street.settle()
        assert standing(street, "frame_0").status is S.SUBMITTED


def test_saves_and_verdicts_carry_the_work_behind_them(street: Studio) -> None:
    street.window.activateWindow()
    street.drag((10, 10), (30, 10))
    street.drag((10, 25), (30, 25))
    street.window.editing.save()
    street.settle()
    (record,) = project(street).review.records("frame_0")
    assert record.what is What.SAVED
    assert record.figures.effort.strokes == 2
    assert record.figures.effort.pixels > 0


def test_who_labels_a_sample(street: Studio) -> None:
    panel = street.window.editor.review
    assert panel.assignee.text() == "Nobody ▾"
    assert panel.choices == ["Nobody", "anna", "Somebody else…"]
    street.window.review.ask_person()
    answer(street, "dora")
    assert standing(street, "frame_0").assignee == "dora"
    assert panel.assignee.text() == "dora ▾"
    assert panel.choices == ["Nobody", "anna", "dora", "Somebody else…"]
    street.key(Key.Key_Z, CONTROL_ALT)
    street.settle()
    assert standing(street, "frame_0").assignee == ""


def test_what_waits_for_the_user(street: Studio) -> None:
    review = project(street).review
    assigned = review.assign(["frame_2"], "anna")
    street.session.note(assigned | review.reject(["frame_3"], "left edge"))
    lanes = lanes_of(street)
    street.key(Key.Key_D, Modifier.AltModifier)
    street.wait(lambda: street.session.current == "frame_3")
    assert lanes["Look for what waits"] == LIST_LANE
    street.key(Key.Key_D, Modifier.AltModifier)
    street.wait(lambda: street.session.current == "frame_2")
    street.settle()


class TestComments:
    """Comments by key, line and pin."""

    def comment(self, studio: Studio, x: float, y: float, text: str) -> None:
        for place in (studio.point(x + 4, y + 4), studio.point(x, y)):
            QTest.mouseMove(studio.canvas, place)
            QApplication.processEvents()
        studio.key(Key.Key_M, CONTROL_ALT)
        answer(studio, text)

    def row(self, studio: Studio, number: int) -> QPoint:
        comments = said(studio)
        return comments.view.visualRect(comments.model.index(number)).center()

    def test_a_comment_at_the_cursor(self, street: Studio) -> None:
        self.comment(street, 20.5, 10.5, "no sky here")
        (comment,) = project(street).review.comments("frame_0")
        assert (comment.x, comment.y, comment.class_id) == (20.5, 10.5, SKY)
        assert (comment.text, comment.author) == ("no sky here", "anna")
        parts = street.window.editor.history.parts
        assert (parts.value, parts.buttons[COMMENTS].text()) == (COMMENTS, "Comments 1")
        (pin,) = street.canvas.pins.pins
        assert (pin.x, pin.y, pin.number, pin.resolved) == (20.5, 10.5, 1, False)

    def test_only_the_pin_itself_takes_the_mouse(self, street: Studio) -> None:
        self.comment(street, 48.5, 40.5, "here")
        before = street.mask().copy()
        box = street.canvas.pins.box(street.canvas.pins.pins[0])
        QTest.mouseClick(street.canvas, Qt.MouseButton.LeftButton, pos=box.center())
        current = said(street).current
        assert current is not None
        assert current.comment.text == "here"
        assert (street.mask() == before).all()
        street.session.classes.set_active(CAR)
        beside = box.center() + (box.topRight() - box.topLeft())
        QTest.mouseClick(street.canvas, Qt.MouseButton.LeftButton, pos=beside)
        assert (street.mask() != before).any()
        painted = street.mask().copy()
        QTest.mousePress(street.canvas, Qt.MouseButton.LeftButton, pos=beside)
        QTest.mouseMove(street.canvas, box.center())
        QTest.mouseRelease(street.canvas, Qt.MouseButton.LeftButton, pos=box.center())
        assert (street.mask() != painted).any(), "a stroke goes on under a pin"

    def test_the_line_says_answers_and_edits(self, street: Studio) -> None:
        street.window.editor.history.show_part(COMMENTS)
        line = said(street).field
        assert line.placeholderText() == "Comment…"
        QTest.keyClicks(line, "too dark")
        QTest.keyClick(line, Key.Key_Return)
        street.settle()
        self.comment(street, 20.5, 10.5, "no sky here")
        said(street).choose(project(street).review.comments("frame_0")[1].id)
        assert line.placeholderText() == "Reply to 2"
        QTest.keyClicks(line, "seen")
        QTest.keyClick(line, Key.Key_Return)
        street.settle()
        whole, first, reply = project(street).review.comments("frame_0")
        assert not whole.has_pin
        assert (reply.x, reply.y, reply.class_id, reply.text) == (first.x, first.y, SKY, "seen")
        assert len(street.canvas.pins.pins) == 1
        QTest.mouseClick(said(street).pencil, Qt.MouseButton.LeftButton)
        assert (line.text(), line.placeholderText()) == ("no sky here", "Edit comment 2")
        QTest.keyClicks(line, "!")
        QTest.keyClick(line, Key.Key_Return)
        street.settle()
        assert project(street).review.comments("frame_0")[1].text == "no sky here!"
        said(street).field.setFocus()
        QTest.keyClick(line, Key.Key_Escape)
        assert said(street).current is None

    def test_resolve_and_delete(self, street: Studio) -> None:
        self.comment(street, 20.5, 10.5, "first")
        self.comment(street, 60.5, 50.5, "second")
        comments = said(street)
        comments.choose(project(street).review.comments("frame_0")[0].id)
        QTest.mouseClick(comments.check, Qt.MouseButton.LeftButton)
        street.settle()
        assert [entry.comment.text for entry in comments.model.entries] == ["second", "first"]
        assert {pin.number: pin.resolved for pin in street.canvas.pins.pins} == {1: True, 2: False}
        comments.choose(None)
        assert [pin.number for pin in street.canvas.pins.pins] == [2]
        comments.choose(project(street).review.comments("frame_0")[1].id)
        QTest.mouseClick(comments.bin, Qt.MouseButton.LeftButton)
        street.settle()
        assert [comment.text for comment in project(street).review.comments()] == ["first"]
        street.key(Key.Key_Z, CONTROL_ALT)
        street.settle()
        assert len(project(street).review.comments()) == 2

    def test_the_walk_goes_through_all_samples_and_to_the_places(self, street: Studio) -> None:
        review = project(street).review
        review.comment("frame_0", "whole")
        review.comment("frame_2", "place", 90.5, 60.5)
        review.comment("frame_2", "done", 3.5, 3.5)
        review.resolve(review.comments("frame_2")[1].id)
        street.open_sample("frame_1")
        street.settle()
        street.key(Key.Key_Period, Modifier.AltModifier)
        street.wait(lambda: said(street).current is not None)
        street.settle()
        current = said(street).current
        assert current is not None
        assert (street.session.current, current.comment.text) == ("frame_2", "place")
        shown = street.canvas.view
        QTest.mouseClick(said(street).view.viewport(), Qt.MouseButton.LeftButton, pos=self.row(street, 0))
        assert street.canvas.view == shown, "the place is in sight"
        street.canvas.set_view(View(20.0, 0, 0))
        QTest.mouseClick(said(street).view.viewport(), Qt.MouseButton.LeftButton, pos=self.row(street, 0))
        x, y = street.canvas.view.to_screen(90.5, 60.5)
        width, height = street.canvas.screen_size()
        assert abs(x - width / 2) <= street.canvas.view.scale
        assert abs(y - height / 2) <= street.canvas.view.scale
        street.key(Key.Key_Period, Modifier.AltModifier)
        street.wait(lambda: street.session.current == "frame_0" and said(street).current is not None)
        street.settle()
        street.key(Key.Key_Comma, Modifier.AltModifier)
        street.wait(lambda: street.session.current == "frame_2" and said(street).current is not None)
        street.settle()

    def test_without_open_comments_it_says_so(self, street: Studio) -> None:
        street.key(Key.Key_Period, Modifier.AltModifier)
        street.settle()
        assert "There are no open comments" in street.messages()

    def test_another_project_takes_nothing_over(self, street: Studio) -> None:
        self.comment(street, 20.5, 10.5, "here")
        street.session.close_project()
        street.settle()
        assert street.canvas.pins.pins == ()
        assert said(street).model.entries == []


def test_the_report_is_written_where_the_user_says(street: Studio) -> None:
    lanes = lanes_of(street)
    street.window.actions_by_id["review.report"].trigger()
    (dialog,) = street.window.findChildren(QFileDialog)
    target = project(street).root / "page.html"
    dialog.fileSelected.emit(str(target))
    dialog.close()
    street.settle()
    assert lanes["Export report"] == DASHBOARD_LANE
    assert "No model was evaluated" in target.read_text(encoding="utf-8")
    assert f"Report written: {target}" in street.messages()


def test_the_next_comment_is_found_around_the_ends() -> None:
    comments = [Comment(3, "a", "x"), Comment(1, "b", "x"), Comment(2, "b", "x"), Comment(9, "gone", "x")]
    places = {"a": 0, "b": 1, "c": 2}

    def after(key: str, number: int, by: int) -> int | None:
        found = comment_after(comments, places, (key, number), by)
        return found.id if found else None

    assert [after("a", 0, 1), after("a", 3, 1), after("b", 1, 1), after("b", 2, 1)] == [3, 1, 2, 3]
    assert [after("c", 0, 1), after("c", 0, -1), after("b", 1, -1), after("a", 3, -1)] == [3, 2, 3, 2]
    assert comment_after([], places, ("a", 0), 1) is None
    assert comment_after([], places, ("a", 0), -1) is None


def test_comments_of_one_place_share_a_pin() -> None:
    comments = [
        Comment(1, "a", "one", 3, 4, ROAD),
        Comment(2, "a", "all of it"),
        Comment(3, "a", "reply", 3, 4, ROAD, resolved=True),
        Comment(4, "a", "done", 9, 9, resolved=True),
    ]
    listed = entries(comments, lambda class_id: f"class {class_id}")
    assert [(entry.comment.id, entry.number) for entry in listed] == [(1, 1), (2, 2), (3, 1), (4, 3)]
    assert listed[0].class_name == f"class {ROAD}"
    assert [(pin.comment, pin.number) for pin in pins(listed, 0)] == [(1, 1)]
    assert [(pin.comment, pin.chosen) for pin in pins(listed, 3)] == [(1, False), (4, True)]


def test_what_is_told_of_a_sample() -> None:
    assert told_text(Sample("a", "", ""), ()) == "Not reviewed yet"
    assert told_text(Sample("a", "", "", reviewer="bert"), ()) == "reviewer bert"


def test_pins_stay_on_their_places_when_the_view_moves(street: Studio) -> None:
    project(street).review.comment("frame_0", "here", 48.5, 30.5)
    street.session.reviews.refresh()
    street.settle()
    (pin,) = street.canvas.pins.pins
    before = QPointF(street.canvas.pins.box(pin).center())
    street.canvas.set_view(street.canvas.view.moved(40, -20))
    after = QPointF(street.canvas.pins.box(pin).center())
    assert (after - before).x() == pytest.approx(40, abs=1)
    assert (after - before).y() == pytest.approx(-20, abs=1)

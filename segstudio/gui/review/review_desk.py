"""Ties review to the window: the panel, comments and pins, verdicts, and the way to what waits."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QPointF
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QFileDialog, QWidget

from segstudio.annotation.rect import Rect
from segstudio.gui.canvas.pins import Pin
from segstudio.gui.icons import Icons
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import DASHBOARD_LANE, LIST_LANE
from segstudio.gui.message import INFO, SUCCESS, Message
from segstudio.gui.panels.ask_popover import AskPopover
from segstudio.gui.panels.comment_list import Entry, entries
from segstudio.gui.panels.editor_page import EditorPage
from segstudio.gui.panels.history_panel import COMMENTS
from segstudio.gui.panels.review_panel import ReviewState
from segstudio.gui.review.sample_reviews import Act
from segstudio.gui.review.work_log import ActivityWatch
from segstudio.gui.samples.sample_book import STATUS_TEXT
from segstudio.gui.samples.sample_versions import clock
from segstudio.gui.session import Session
from segstudio.gui.view.region_highlight import view_on
from segstudio.jobs import JobContext
from segstudio.project.lock import user_name
from segstudio.project.review_records import NO_CLASS, NOWHERE, Comment, Record
from segstudio.project.review_rules import is_locked, waiting_for
from segstudio.project.sample import Changes, Sample, SampleStatus
from segstudio.workflows.review_report import FILE, write_report

TOPIC, STEP = "review", "step"
# What is shown of the image around a pin, in image pixels.
AROUND_PIN = 64
# So far from the edge of the canvas a pin is in sight, in widget pixels.
IN_SIGHT = 24
UNLABELLED = 255


class ReviewDesk(QObject):
    """What the user says and decides about samples; nothing here waits."""

    def __init__(self, window: QWidget, session: Session, editor: EditorPage, icons: Icons) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self._editor = editor
        self._reviews = session.reviews
        self._wanted: Comment | None = None
        ActivityWatch(window, editor.canvas, session.work_log.clock)
        self._connect()

    def _connect(self) -> None:
        session, panel, said = self._session, self._editor.review, self._editor.history.comments
        self._reviews.read.connect(self._show)
        self._reviews.marked.connect(self._marked)
        session.changed.connect(self._changed)
        session.sample_opened.connect(lambda _: self._show())
        session.project_changed.connect(self._show)
        session.project_changed.connect(self._drop_toast)
        panel.given.connect(self.assign)
        panel.other_asked.connect(self.ask_person)
        said.chosen.connect(self._chosen)
        said.view.selectionModel().currentChanged.connect(lambda *_: self._show_pins())
        said.model.modelReset.connect(self._show_pins)
        said.said.connect(self._say)
        said.edited.connect(
            lambda number, text: self._do("Edit a comment", lambda review: review.edit_comment(number, text))
        )
        said.resolved.connect(
            lambda number, done: self._do(
                "Resolve a comment", lambda review: review.resolve(number, resolved=done)
            )
        )
        said.deleted.connect(
            lambda number: self._do("Delete a comment", lambda review: review.delete_comment(number))
        )
        said.finished.connect(self._editor.canvas.setFocus)
        self._editor.canvas.pin_pressed.connect(self._pin_pressed)

    # -- what is shown ------------------------------------------------------------------------------------

    def _show(self) -> None:
        session, facts = self._session, self._reviews.facts
        sample = session.sample
        editor = self._editor
        editor.review_banner.show_sample(sample)
        if sample is None:
            editor.review.show_state(None)
        else:
            told = told_text(sample, facts.moves)
            locked = is_locked(sample) or sample.status is SampleStatus.SKIPPED
            state = ReviewState(sample.status, told, sample.assignee, facts.people, locked)
            editor.review.show_state(state)
        shown = entries(facts.comments, session.classes.name)
        editor.history.show_comments(shown)
        self._show_pins()
        self._go_to_wanted()

    def _show_pins(self) -> None:
        said = self._editor.history.comments
        current = said.current.number if said.current is not None else 0
        self._editor.canvas.set_pins(pins(said.model.entries, current))

    def _pin_pressed(self, comment_id: int) -> None:
        self._editor.history.show_part(COMMENTS)
        self._editor.history.comments.choose(comment_id)

    def _chosen(self, comment: Comment) -> None:
        """Brings a comment's place into sight; a view that shows it stays."""
        canvas = self._editor.canvas
        if not comment.has_pin or comment.key != self._session.current:
            return
        x, y = canvas.view.to_screen(comment.x, comment.y)
        width, height = canvas.screen_size()
        rim = IN_SIGHT * canvas.devicePixelRatioF()
        if not (rim <= x <= width - rim and rim <= y <= height - rim):
            corner = round(comment.x) - AROUND_PIN // 2, round(comment.y) - AROUND_PIN // 2
            rect = Rect(*corner, AROUND_PIN, AROUND_PIN)
            canvas.set_view(view_on(canvas.view, rect, canvas.screen_size()))

    # -- verdicts -----------------------------------------------------------------------------------------

    def judge(self, status: SampleStatus, reason: str = "") -> None:
        """Gives a verdict on the open sample and opens the next submitted one, if there is any."""
        session, key = self._session, self._session.current
        if key is None:
            return
        session.set_status([key], status, reason)
        following = session.book.neighbour(key, 1, lambda one: one.status is SampleStatus.SUBMITTED)
        if following is not None:
            session.open_sample(following.key)

    def ask_reason(self) -> None:
        """Asks why the open sample is rejected; the last reasons are offered."""
        sample = self._session.sample
        if sample is None:
            return
        title = f"Reject {sample.key}"
        popover = self._popover(title, "What is to be corrected?", "Reject", self._reviews.facts.reasons)
        popover.answered.connect(partial(self._reject, sample.key))
        self._open_over_canvas(popover)

    def _reject(self, key: str, reason: str) -> None:
        if key == self._session.current:
            self.judge(SampleStatus.REJECTED, reason)

    def _popover(self, title: str, prompt: str, button: str, offers: Sequence[str] = ()) -> AskPopover:
        popover = AskPopover(self._window, title, prompt, button, offers)
        popover.closed.connect(self._back_to_canvas)
        return popover

    def _back_to_canvas(self) -> None:
        self._window.activateWindow()
        self._editor.canvas.setFocus()

    def _open_over_canvas(self, popover: AskPopover) -> None:
        canvas = self._editor.canvas
        popover.adjustSize()
        middle = canvas.mapToGlobal(canvas.rect().center())
        popover.show_at(middle - QPoint(popover.width() // 2, popover.height()))

    def _marked(self, keys: list[str], status: SampleStatus) -> None:
        if not keys:
            return
        what = keys[0] if len(keys) == 1 else f"{len(keys):,} samples"
        text = f"{what}: {STATUS_TEXT[status].lower()}"
        self._session.message.emit(Message(SUCCESS, text, topic=TOPIC, action="Undo", act=self.undo))

    def _changed(self, changes: Changes) -> None:
        # A verdict's own toast comes only after this.
        if changes.reviews:
            self._drop_toast()
        self._show()

    def _drop_toast(self) -> None:
        """Its button takes the last step back, which is another one from now on."""
        self._session.resolved.emit(TOPIC)

    def undo(self) -> None:
        """Takes the user's last review step back."""
        self._do("Undo the last review step", lambda review: review.undo())

    def assign(self, person: str) -> None:
        """Gives the open sample to somebody; "" is nobody."""
        key = self._session.current
        if key is not None:
            self._do("Assign", lambda review: review.assign([key], person))

    def ask_person(self) -> None:
        """Asks who labels the open sample."""
        popover = self._popover("Labelled by", "Name", "Assign")
        popover.answered.connect(self.assign)
        button = self._editor.review.assignee
        popover.show_at(button.mapToGlobal(QPoint(0, button.height() + 4)))

    def _do(self, title: str, act: Act) -> None:
        self._drop_toast()
        self._reviews.do(title, act)

    # -- comments -----------------------------------------------------------------------------------------

    def ask_comment(self) -> None:
        """Asks for a comment on the place under the cursor, or on the sample where it is elsewhere."""
        session, link = self._session, self._editor.link
        key, pixel = session.current, link.pointed_at
        if key is None:
            return
        entry = session.entry
        class_id = int(entry.document.array[pixel[1], pixel[0]]) if entry and pixel else UNLABELLED
        x, y = (pixel[0] + 0.5, pixel[1] + 0.5) if pixel else (NOWHERE, NOWHERE)
        about = NO_CLASS if class_id == UNLABELLED else class_id
        what = key if pixel is None else "this place" if about == NO_CLASS else session.classes.name(about)
        popover = self._popover(f"Comment on {what}", "What is to be done?", "Comment")
        popover.answered.connect(partial(self._comment, key, x, y, about))
        if pixel is None:
            self._open_over_canvas(popover)
        else:
            popover.show_at(QCursor.pos() if self._is_over_canvas() else self._place(x, y))

    def _is_over_canvas(self) -> bool:
        canvas = self._editor.canvas
        return bool(canvas.rect().contains(canvas.mapFromGlobal(QCursor.pos())))

    def _place(self, x: float, y: float) -> QPoint:
        """Where a place of the image is on the screen."""
        canvas = self._editor.canvas
        ratio = canvas.devicePixelRatioF()
        left, top = canvas.view.to_screen(x, y)
        return canvas.mapToGlobal(QPointF(left / ratio, top / ratio).toPoint())

    def _comment(self, key: str, x: float, y: float, class_id: int, text: str) -> None:
        self._do("Comment", lambda review: review.comment(key, text, x, y, class_id))
        self._editor.history.show_part(COMMENTS)

    def _say(self, text: str, answered: Comment | None) -> None:
        """A line of the list: on the whole sample, or where the chosen comment is."""
        key = self._session.current
        if key is None:
            return
        if answered is None:
            self._comment(key, NOWHERE, NOWHERE, NO_CLASS, text)
        else:
            self._comment(key, answered.x, answered.y, answered.class_id, text)

    def step_comment(self, by: int) -> None:
        """Goes to the next open comment of the project, around the end."""
        session = self._session
        key, current = session.current, self._editor.history.comments.current
        if key is None:
            return
        places = {sample.key: place for place, sample in enumerate(session.book.samples)}
        present = current.comment.id if current is not None else 0
        self._reviews.find_comment(places, (key, present), by, self._found)

    def _found(self, comment: Comment | None) -> None:
        if comment is None:
            self._session.message.emit(Message(INFO, "There are no open comments", topic=STEP))
            return
        self._wanted = comment
        self._editor.history.show_part(COMMENTS)
        if comment.key != self._session.current:
            self._session.open_sample(comment.key)
        self._go_to_wanted()

    def _go_to_wanted(self) -> None:
        """Chooses the comment that was stepped to, once its sample is open and its comments are read."""
        wanted, said = self._wanted, self._editor.history.comments
        if wanted is None or wanted.key != self._session.current:
            return
        if any(entry.comment.id == wanted.id for entry in said.model.entries):
            self._wanted = None
            said.choose(wanted.id)
            self._chosen(wanted)

    # -- what waits, and the report -----------------------------------------------------------------------

    def open_mine(self) -> None:
        """Opens the first sample that waits for the user; from one of those, the next."""
        session, user = self._session, user_name()
        project, samples = session.project, list(session.book.samples)

        def found(waiting: list[str]) -> None:
            if project is session.project:
                self._open_waiting(waiting)

        session.bridge.start(
            "Look for what waits",
            lambda _: [sample.key for sample in waiting_for(user, samples)],
            lane=LIST_LANE,
            replaces="what waits",
            replies=Replies(done=found),
        )

    def _open_waiting(self, waiting: list[str]) -> None:
        session = self._session
        others = [key for key in waiting if key != session.current]
        if not others:
            session.message.emit(Message(INFO, "Nothing else waits for you", topic=STEP))
            return
        after = waiting.index(session.current) + 1 if session.current in waiting else 0
        session.open_sample(waiting[after % len(waiting)])

    def ask_report(self) -> None:
        """Asks for a file, then writes the report in a worker."""
        project = self._session.project
        if project is None:
            return
        dialog = QFileDialog(self._window, "Export report", str(project.root / FILE), "Web page (*.html)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("html")
        dialog.fileSelected.connect(lambda path: self.write_report(Path(path)))
        dialog.open()

    def write_report(self, path: Path) -> None:
        """Writes the report of the open project to a file, in a worker."""
        session = self._session
        project, evaluated = session.project, session.predictions.current
        if project is None:
            return

        def work(context: JobContext) -> Path:
            known = [entry.model for entry in project.evaluation.models()]
            model = evaluated if evaluated in known else ""
            return write_report(project, path, model, context=context)

        def done(written: Path) -> None:
            session.message.emit(Message(SUCCESS, f"Report written: {written}", topic=TOPIC))

        replies = Replies(done=done, failed=session.explain)
        session.bridge.start("Export report", work, lane=DASHBOARD_LANE, replies=replies)


def told_text(sample: Sample, moves: tuple[Record, ...]) -> str:
    """Who brought a sample to its status and when, and who reviews it: "anna 14:02 · reviewer bert"."""
    last = moves[-1] if moves else None
    known = last is not None and last.figures.after is not None and last.figures.after.status is sample.status
    parts = [f"{last.author}, {clock(last.when)}"] if known and last is not None else []
    if sample.reviewer and not (known and last is not None and last.author == sample.reviewer):
        parts.append(f"reviewer {sample.reviewer}")
    return "  ·  ".join(parts) or "Not reviewed yet"


def pins(listed: list[Entry], current: int) -> list[Pin]:
    """A pin for every place of which a comment is open or chosen, the chosen one last.

    Args:
        listed: entries of the comments, in any order.
        current: the number of the place that is chosen, 0 for none.
    """
    found: dict[int, Pin] = {}
    for entry in sorted(listed, key=lambda one: (one.comment.resolved, one.comment.id)):
        comment, number = entry.comment, entry.number
        if comment.has_pin and (not comment.resolved or number == current):
            pin = Pin(comment.id, number, comment.x, comment.y, comment.resolved, number == current)
            found.setdefault(number, pin)
    return sorted(found.values(), key=lambda pin: pin.chosen)

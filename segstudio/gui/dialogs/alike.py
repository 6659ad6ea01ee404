"""All regions like one: finds them while the user says which, shows each, and relabels the ticked ones."""

from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.protection import Protection
from segstudio.gui.correcting.alike_crops import AlikeCrops
from segstudio.gui.correcting.batches import Batches
from segstudio.gui.dialogs.alike_form import AlikeForm
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import SCAN_LANE
from segstudio.gui.panels.alike_grid import AlikeGrid, AlikeModel
from segstudio.gui.panels.parts import ElidedLabel, EmptyState, caption
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.jobs import Job
from segstudio.project.sample import Sample, SampleStatus
from segstudio.workflows.relabel_alike import Finds, Order, search

PAUSE_MS = 250
# What a search finds is shown this often.
ARRIVAL_MS = 100
STEPS = 1000
SAMPLE, LISTED, ALL = "sample", "listed", "all"
SIZE = (1040, 720)
SEARCHING = "Looking for regions…"
NOTHING = "No region is like that.\nWiden the area, the certainty or the samples."


class AlikeDialog(QDialog):
    """Over the whole window while it is open, so that no mask is edited in the middle of a batch."""

    def __init__(
        self,
        parent: QWidget,
        session: Session,
        batches: Batches,
        themes: ThemeSwitch,
        class_id: int,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("All regions like this")
        self.resize(min(SIZE[0], parent.width() - 40), min(SIZE[1], parent.height() - 40))
        self._session = session
        self._batches = batches
        self._search: Job[Any] | None = None
        self._work: Job[Any] | None = None
        self._working = False
        self._unread = 0
        classes = session.classes
        assert classes.palette is not None
        ids = [entry.id for entry in classes.classes]
        if class_id not in ids:
            class_id = classes.active
        target = next((one for one in (classes.active, classes.previous, *ids) if one != class_id), class_id)
        self.form = AlikeForm(classes.palette, class_id, target, self._scopes())
        self._crops = AlikeCrops(self, session)
        self.model = AlikeModel(self._crops)
        self.grid = AlikeGrid(self.model, themes)
        self._accepted = frozenset(
            sample.key for sample in session.book.samples if sample.status is SampleStatus.ACCEPTED
        )
        self._pause = QTimer(self, interval=PAUSE_MS, singleShot=True)
        self._arrived: list[Finds] = []
        self._arrival = QTimer(self, interval=ARRIVAL_MS, singleShot=True)
        self._lay_out()
        self._connect()
        self._look()

    def _scopes(self) -> list[tuple[str, str]]:
        book = self._session.book
        scopes = [(SAMPLE, "this sample"), (LISTED, f"the {len(book.listed):,} listed samples")]
        if len(book.samples) != len(book.listed):
            scopes.append((ALL, f"all {len(book.samples):,} samples"))
        return scopes

    def _lay_out(self) -> None:
        self.count = caption("", "large")
        self.remark = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.remark.setProperty("role", "muted")
        self.all_button, self.none_button = QPushButton("Tick all"), QPushButton("Untick all")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.count)
        head.addWidget(self.remark, 1)
        head.addWidget(self.all_button)
        head.addWidget(self.none_button)
        self.empty = EmptyState(SEARCHING)
        card = QFrame()
        card.setObjectName("card")
        self._stack = QStackedLayout(card)
        self._stack.setContentsMargins(6, 6, 6, 6)
        self._stack.addWidget(self.grid)
        self._stack.addWidget(self.empty)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(head)
        right.addWidget(card, 1)
        across = QHBoxLayout()
        across.setSpacing(24)
        across.addWidget(self.form)
        across.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(across, 1)
        layout.addLayout(self._make_foot())

    def _make_foot(self) -> QHBoxLayout:
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(160)
        self.progress.setAccessibleName("Progress")
        self.progress_text = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.progress_text.setProperty("role", "muted")
        self.close_button = QPushButton("Close")
        self.relabel_button = QPushButton("Relabel")
        self.relabel_button.setProperty("role", "primary")
        for button in (self.close_button, self.relabel_button, self.all_button, self.none_button):
            # Enter in a box of the form must not relabel anything.
            button.setAutoDefault(False)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.progress)
        foot.addWidget(self.progress_text, 1)
        foot.addWidget(self.close_button)
        foot.addWidget(self.relabel_button)
        return foot

    def _connect(self) -> None:
        self.form.changed.connect(self._outdate)
        self.form.target_changed.connect(self._count)
        self._pause.timeout.connect(self._look)
        self.form.accepted.toggled.connect(self._count)
        self.model.counted.connect(self._count)
        self._arrival.timeout.connect(self._show_arrived)
        self.all_button.clicked.connect(lambda: self.model.tick_all(True))
        self.none_button.clicked.connect(lambda: self.model.tick_all(False))
        self.relabel_button.clicked.connect(self._relabel)
        self.close_button.clicked.connect(self._leave)
        self._session.bridge.progressed.connect(self._progressed)

    # -- finding ------------------------------------------------------------------------------------------

    def _samples(self) -> list[Sample]:
        session, scope = self._session, self.form.scope.currentData()
        if scope == SAMPLE:
            return [session.sample] if session.sample is not None else []
        samples = session.book.listed if scope == LISTED else session.book.samples
        # What a crash left in them must be decided first.
        return [sample for sample in samples if sample.key not in session.pending]

    def _outdate(self) -> None:
        """What is shown is no longer what is wanted: until it is, nothing can be relabelled."""
        self._pause.start()
        self._count()

    def _look(self) -> None:
        """Looks anew; what an older search still finds is dropped."""
        project = self._session.project
        if project is None or self._working:
            return
        samples, wanted = self._samples(), self.form.likeness
        masks = self._batches.open_masks([sample.key for sample in samples])
        self._unread, self._arrived = 0, []
        self.model.clear()
        self.empty.set_text(SEARCHING)
        self._search = job = self._session.bridge.start(
            f"Find regions like {self._session.classes.name(wanted.class_id)}",
            lambda context: search(project, samples, wanted, context, masks=masks),
            lane=SCAN_LANE,
            replaces="alike",
            replies=Replies(
                done=lambda result: self._found(job, len(result[1])),
                failed=self._session.explain,
                event=lambda finds: self._arrive(finds) if self._search is job else None,
            ),
        )
        self._count()

    def _arrive(self, finds: Finds) -> None:
        self._arrived.append(finds)
        if not self._arrival.isActive():
            self._arrival.start()

    def _show_arrived(self) -> None:
        self._arrival.stop()
        arrived, self._arrived = self._arrived, []
        self.model.add(arrived)

    def _found(self, job: Job[Any], unread: int) -> None:
        if self._search is not job:
            return
        self._show_arrived()
        self._search, self._unread = None, unread
        self.empty.set_text(NOTHING)
        self._show_progress("")
        self._count()

    def _progressed(self, job: Job[Any]) -> None:
        if job is not self._search and job is not self._work:
            return
        self.progress.setRange(0, STEPS if job.total else 0)
        if job.total:
            self.progress.setValue(round(STEPS * job.done / job.total))
        self._show_progress(f"{job.done:,.0f} of {job.total:,.0f}  ·  {job.text}")

    def _show_progress(self, text: str) -> None:
        self.progress_text.setText(text)
        self.progress.setVisible(bool(text))

    def _may_change(self, key: str) -> bool:
        return self.form.accepted.isChecked() or key not in self._accepted

    def _count(self) -> None:
        regions, samples = self.model.counts()
        by_sample = self.model.ticked_by_sample()
        changing = [count for key, count in by_sample.items() if self._may_change(key)]
        ticked, in_samples = sum(changing), len(changing)
        busy = self._search is not None or self._pause.isActive()
        self.count.setText(f"{_many(regions, 'region')} in {_many(samples, 'sample')}")
        self._remark(regions, by_sample.total(), by_sample.total() - ticked)
        self._stack.setCurrentWidget(self.grid if regions else self.empty)
        for button in (self.all_button, self.none_button):
            button.setEnabled(bool(regions) and not self._working)
        same = self.form.target_id == self.form.likeness.class_id and self.form.likeness.source == "mask"
        able = bool(ticked) and not busy and not self._working and not same
        self.relabel_button.setEnabled(able)
        text = f"Relabel {_many(ticked, 'region')} in {_many(in_samples, 'sample')}"
        self.relabel_button.setText(text if ticked else "Relabel")
        if not busy and not self._working:
            self._show_progress("")

    def _remark(self, regions: int, ticked: int, staying: int) -> None:
        """What is not as plain as the count of what was found."""
        facts = [f"{ticked:,} ticked"] if ticked != regions else []
        facts += [f"{staying:,} in accepted samples stay"] if staying else []
        rules = self._session.paint_filter.in_force
        facts += ["of the filter only its classes hold"] if rules.asks_model or rules.under_start else []
        facts += [f"{_many(self._unread, 'sample')} could not be read"] if self._unread else []
        self.remark.setText("  ·  ".join(facts))

    # -- relabelling --------------------------------------------------------------------------------------

    def _relabel(self) -> None:
        """Hands the ticked regions to the batch; the dialog stays until it has ended."""
        classes, wanted = self._session.classes, self.form.likeness
        title = f"Relabel {classes.name(wanted.class_id)} as {classes.name(self.form.target_id)}"
        order = Order(
            wanted,
            self.form.target_id,
            title,
            Protection(classes.locked, self._session.paint_filter.in_force.over or None),
            self.form.accepted.isChecked(),
        )
        self._pause.stop()
        self._working = True
        for widget in (self.form, self.grid):
            widget.setEnabled(False)
        self.close_button.setText("Cancel")
        self._count()
        chosen = [finds for finds in self.model.chosen() if self._may_change(finds.key)]
        self._work = self._batches.relabel(chosen, order, self._ended)

    def _ended(self) -> None:
        self._working, self._work = False, None
        self.accept()

    def _leave(self) -> None:
        """Cancels a batch that runs, which then ends by itself; closes the dialog otherwise."""
        if self._work is not None:
            self._work.cancel()
            self.close_button.setEnabled(False)
            self.progress_text.setText("Stopping after this sample")
        elif not self._working:
            self.reject()

    def reject(self) -> None:
        """Esc and the window's cross: a batch that runs is cancelled first."""
        if self._working:
            self._leave()
            return
        super().reject()

    def done(self, result: int) -> None:
        """Lets the search go."""
        if self._search is not None:
            self._search.cancel()
            self._search = None
        self._pause.stop()
        self._arrival.stop()
        self._crops.forget()
        super().done(result)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter in the form is no wish to relabel; Ctrl+Enter is."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier and self.relabel_button.isEnabled():
                self._relabel()
            return
        super().keyPressEvent(event)


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

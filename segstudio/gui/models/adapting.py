"""Adapts the model in use from the window: fits in a worker, previews on the open image, keeps or drops."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRect, Signal
from PySide6.QtWidgets import QWidget

from segstudio.errors import SegstudioError
from segstudio.gui.canvas import outlines
from segstudio.gui.icons import Icons
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import ADAPT_LANE as LANE
from segstudio.gui.message import INFO, SUCCESS, Message, from_error
from segstudio.gui.panels.adapt_strip import AFTER, BEFORE, MASK, AdaptStrip
from segstudio.gui.session import Session
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.images import read_image
from segstudio.jobs import Job, JobContext
from segstudio.project.confirmations import Confirmations
from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.workflows.adapt.adapter import Adaptation, Adapter
from segstudio.workflows.adapt.confirmed import Candidates, candidates
from segstudio.workflows.adapt.version import AdaptedModel, keep, proposed_name

TOPIC = "adapt"
NAMED = 4
NOTHING = (
    "Nothing is confirmed yet: accept samples, or correct a region and choose Model > Confirm what is shown."
)
Ids = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Fitted:
    """An adaptation, what made it, and a free name for it."""

    adaptation: Adaptation
    adapter: Adapter
    name: str


@dataclass(frozen=True, eq=False)
class Preview:
    """What the model says of one sample before and after, uint8 [H,W] in the project's classes."""

    key: str
    before: Ids
    after: Ids


class Adapting(QObject):
    """The way from confirmed pixels to a new model; `compare_asked` carries its name."""

    compare_asked = Signal(str)

    def __init__(self, window: QWidget, session: Session, link: CanvasLink, icons: Icons) -> None:
        super().__init__(window)
        self._session = session
        self._link = link
        self.strip = AdaptStrip(link.canvas.parentWidget() or window, icons)
        # One adapter a model and project: what it drew from images is of use again.
        self._adapter: Adapter | None = None
        self.fitted: Fitted | None = None
        self.preview: Preview | None = None
        self._job: Job[Fitted] | None = None
        self.strip.asked.connect(self.begin)
        self.strip.looked.connect(self.look)
        self.strip.kept.connect(self.keep)
        self.strip.dropped.connect(self.drop)
        self.strip.closed.connect(self.drop)
        session.sample_opened.connect(lambda _: self._look_again())
        session.project_changed.connect(self._forget)

    # -- confirming ---------------------------------------------------------------------------------------

    def confirm(self) -> None:
        """The user says that the mask is right in the part of the image that the canvas shows."""
        session, canvas = self._session, self._link.canvas
        project, entry, key = session.project, session.entry, session.current
        if project is None or entry is None or key is None or session.lock:
            return
        rect = outlines.visible(canvas.view, QRect(0, 0, *canvas.screen_size())).clip(*canvas.image_size)
        mask = entry.document.array.copy()

        def work(_: JobContext) -> Changes:
            return Confirmations.of(project).confirm(key, mask, (rect.x, rect.y, rect.width, rect.height))

        def done(changes: Changes) -> None:
            if project is session.project:
                session.note(changes)
                text = f"Confirmed {rect.width} x {rect.height} pixels of {key}"
                session.message.emit(Message(INFO, text, "Adapting the model learns from them", TOPIC))
                if not self.strip.isHidden() and self.fitted is None:
                    self.ask()

        title = f"Confirm a part of {key}"
        session.bridge.start(title, work, lane="project", replies=Replies(done=done, failed=session.explain))

    # -- adapting -----------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Says what there is to learn from, and offers to begin; what was fitted is shown again."""
        session = self._session
        project, entry = session.project, session.predictions.entry
        if project is None or entry is None:
            return
        if self.fitted is not None:
            self._show_fitted()
            return

        def done(found: Candidates) -> None:
            if project is session.project and self.fitted is None and self._job is None:
                title = f"Adapt {entry.name} to what is confirmed"
                possible = bool(found.accepted or found.regions)
                self.strip.show_offer(title, offer_text(found), possible=possible)

        session.bridge.start(
            "Look what is confirmed",
            lambda _: candidates(project),
            replaces="confirmed",
            replies=Replies(done=done, failed=session.explain),
        )

    def begin(self) -> None:
        """Fits in a worker, once all edits are in their files."""
        session = self._session
        project, entry = session.project, session.predictions.entry
        if project is None or entry is None:
            return
        name = entry.name

        def work(context: JobContext) -> Fitted:
            adapter = self._adapter
            if adapter is None or adapter.spec != entry.spec or adapter.palette != project.palette:
                context.progress(0, 0, "opening the model")
                adapter = Adapter(name, project.palette, project.facts_dir)
            return Fitted(adapter.adapt(project, (), context), adapter, proposed_name(name))

        def start() -> None:
            self._unlook()
            self.strip.show_work(f"Adapting {name}", "The encoder stays; the last layer is fitted again.")
            self._job = session.bridge.start(
                f"Adapt {name}",
                work,
                lane=LANE,
                replaces="adapt",
                replies=Replies(
                    done=lambda fitted: self._done(project, fitted),
                    failed=self._failed,
                    cancelled=self._stopped,
                ),
            )

        session.when_saved(start)

    def _done(self, project: Project, fitted: Fitted) -> None:
        self._job = None
        if project is self._session.project:
            self.fitted, self._adapter = fitted, fitted.adapter
            self._show_fitted()
            self.look(AFTER)

    def _failed(self, error: SegstudioError) -> None:
        self._job = None
        if self.fitted is not None:
            self._show_fitted()
        else:
            self.strip.hide()
        self._session.message.emit(from_error(error, topic=TOPIC))

    def _stopped(self) -> None:
        self._job = None
        if self.fitted is None:
            self.strip.hide()
        else:
            self._show_fitted()

    def _show_fitted(self) -> None:
        fitted = self.fitted
        if fitted is not None:
            found = fitted.adaptation
            detail = change_text(found)
            if self.preview is not None and self.preview.key == self._session.current:
                detail = f"{detail}\n{preview_text(self.preview, found.palette.names)}"
            self.strip.show_result(title_text(found), detail, "\n".join(found.warnings()), fitted.name)

    # -- looking ------------------------------------------------------------------------------------------

    def look(self, what: str) -> None:
        """Shows the mask, or what the model says of the open image before or after."""
        self.strip.choice.set_value(what)
        key, preview = self._session.current, self.preview
        if what == MASK or key is None:
            self._session.versions.hide()
        elif preview is not None and preview.key == key:
            shown = preview.before if what == BEFORE else preview.after
            self._session.versions.show_pixels(key, f"{what} adapting", shown)
        else:
            self._predict(key)

    def _predict(self, key: str) -> None:
        session, fitted, sample = self._session, self.fitted, self._session.sample
        if fitted is None or sample is None:
            return

        def work(_: JobContext) -> Preview:
            before, after = fitted.adapter.compare(read_image(sample.image), fitted.adaptation.classifier)
            return Preview(key, before.ids, after.ids)

        def done(preview: Preview) -> None:
            if self.fitted is fitted and session.current == key:
                self.preview = preview
                self._show_fitted()
                self.look(self.strip.choice.value or AFTER)

        session.bridge.start(
            f"Preview {key}",
            work,
            lane=LANE,
            replaces="adapt preview",
            replies=Replies(done=done, failed=session.explain),
        )

    def _look_again(self) -> None:
        """Follows the open sample: what was looked at there is looked at here."""
        if self.fitted is not None and not self.strip.isHidden():
            self._show_fitted()
            self.look(self.strip.choice.value)

    def _unlook(self) -> None:
        if self.preview is not None:
            self.preview = None
            self._session.versions.hide()

    # -- deciding -----------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Makes a new model of it; the model in use stays the one that it is."""
        session, fitted = self._session, self.fitted
        if fitted is None:
            return
        self.strip.keep_button.setEnabled(False)

        def done(model: AdaptedModel) -> None:
            self.strip.keep_button.setEnabled(True)
            name = model.entry.name
            if self.fitted is fitted:
                self._forget()
                self._adapter = fitted.adapter
            session.predictions.refresh()
            session.message.emit(self._made(name, fitted))

        def failed(error: SegstudioError) -> None:
            self.strip.keep_button.setEnabled(True)
            session.message.emit(from_error(error, topic=TOPIC))

        session.bridge.start(
            f"Make {fitted.name}",
            lambda context: keep(fitted.adaptation, fitted.adapter, fitted.name, context),
            lane=LANE,
            replies=Replies(
                done=done, failed=failed, cancelled=lambda: self.strip.keep_button.setEnabled(True)
            ),
        )

    def drop(self) -> None:
        """Forgets what was fitted, or stops the fit."""
        if self._job is not None:
            self._job.cancel()
        self._forget()
        self._link.canvas.setFocus()

    def _forget(self) -> None:
        self._unlook()
        self.fitted = None
        self.strip.hide()

    def _made(self, name: str, fitted: Fitted) -> Message:
        text = f"{name} is a new model, made of {fitted.adaptation.spec.name}"

        def compare() -> None:
            self.compare_asked.emit(name)

        return Message(SUCCESS, text, "Compare the two before it is used", TOPIC, "Compare…", compare)


def offer_text(found: Candidates) -> str:
    """What there is to learn from."""
    accepted, regions = len(found.accepted), len(found.regions)
    if not accepted and not regions:
        text = NOTHING
    else:
        parts = [f"{accepted} accepted {plural('sample', accepted)}"] if accepted else []
        parts += [f"confirmed regions of {regions} more {plural('sample', regions)}"] if regions else []
        text = f"It learns from {' and '.join(parts)}; predictions that nobody confirmed do not count."
    if found.judging:
        text += f" {found.judging} of splits that judge stay out: models are judged on them."
    return text


def title_text(found: Adaptation) -> str:
    """The heading of what was fitted."""
    return f"{found.spec.name} adapted in {sum(found.seconds.values()):.1f} s"


def change_text(found: Adaptation) -> str:
    """The classes that change most on held-out pixels, the largest rise first."""
    known = [one for one in found.classes if not np.isnan(one.change)]
    chosen = sorted(known, key=lambda one: -abs(one.change))[:NAMED]
    parts = [f"{one.name} {100 * one.change:+.1f}" for one in sorted(chosen, key=lambda one: -one.change)]
    before, after = found.miou
    count = f"{len(found.samples)} {plural('sample', len(found.samples))}"
    return (
        f"On held-out confirmed pixels of {count}: mIoU {100 * before:.1f} → {100 * after:.1f}. Most change: "
        f"{', '.join(parts)}"
    )


def preview_text(preview: Preview, names: tuple[str, ...]) -> str:
    """How many pixels of the open image change, and between which classes."""
    moved = preview.before != preview.after
    count = int(np.count_nonzero(moved))
    if not count:
        return "Nothing changes in this image."
    pairs = preview.before[moved].astype(np.int64) * 256 + preview.after[moved]
    kinds, counts = np.unique(pairs, return_counts=True)
    parts = [
        f"{_name(names, int(kinds[place]) >> 8)} → {_name(names, int(kinds[place]) & 255)} {counts[place]:,}"
        for place in np.argsort(-counts)[:NAMED]
    ]
    share = 100 * count / moved.size
    return f"{count:,} pixels of this image change ({share:.1f} %): {', '.join(parts)}"


def _name(names: tuple[str, ...], class_id: int) -> str:
    return names[class_id] if class_id < len(names) else "unlabelled"


def plural(word: str, count: int) -> str:
    """The word for a count of one or more."""
    return word if count == 1 else f"{word}s"

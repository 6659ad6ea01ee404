"""The region under the cursor takes what the model sees in it: the next best class, a chosen one, or all."""

from dataclasses import dataclass

from PySide6.QtCore import QPoint
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QWidget

from segstudio.annotation.accept import accept_within
from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.regions import Region, first_pixel, region_at
from segstudio.annotation.second_choice import Candidate, candidates
from segstudio.annotation.tools import paint_region
from segstudio.gui.dialogs.candidates import CandidateChooser, CandidateRow
from segstudio.gui.message import INFO, Message
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.workflows.relabel_alike import evidence

TITLE = "Second choice"
TOPIC = "second choice"
# What rounds to 0.00 is no choice, unless there is nothing else.
LEAST_SCORE = 0.005
AGAIN = "Predict it again: this prediction was made without runner-up"


@dataclass(frozen=True)
class Taken:
    """A candidate that was taken: where, which of the ranking, and the edit that did it."""

    key: str
    region: Region
    ranked: tuple[Candidate, ...]
    place: int
    edit: Edit


class SecondChoices:
    """Pressing the key again goes down the ranking; all presses on one region are one step to undo."""

    def __init__(self, window: QWidget, session: Session, link: CanvasLink, themes: ThemeSwitch) -> None:
        self._window = window
        self._session = session
        self._link = link
        self._themes = themes
        self._last: Taken | None = None

    def take_next(self) -> None:
        """The region takes the class after the one it took last; after the last one, its own again."""
        pixel, document = self._link.target(), self._link.canvas.document
        if pixel is None or document is None:
            return
        last, self._last = self._last, None
        if last is not None and self._goes_on(last, document, pixel):
            self._session.documents.step(last.key, undo=True)
            if last.place + 1 < len(last.ranked):
                self._take(document, last.region, last.ranked, last.place + 1)
            else:
                self._tell(f"Back to {self._name(last.region.class_id)}: the model sees nothing else here")
            return
        found = self._ranked(document, pixel)
        if found is not None:
            self._take(document, *found, 0)

    def ask(self) -> None:
        """Lists the candidates at the cursor; the one that is chosen is taken."""
        pixel, document = self._link.target(), self._link.canvas.document
        found = self._ranked(document, pixel) if document is not None and pixel is not None else None
        if found is None or document is None:
            return
        region, ranked = found
        colours = self._link.colours()
        rows = [
            CandidateRow(
                self._name(entry.class_id),
                entry.score,
                (
                    int(colours[entry.class_id, 0]),
                    int(colours[entry.class_id, 1]),
                    int(colours[entry.class_id, 2]),
                ),
            )
            for entry in ranked
        ]
        revision, key = document.revision, self._session.current

        def chosen(place: int) -> None:
            # Work may have finished meanwhile that changed the mask.
            if document.revision == revision and key == self._session.current:
                self._take(document, region, ranked, place)

        title = f"{self._name(region.class_id)}, {region.area:,} px"
        chooser = CandidateChooser(self._window, self._themes, title, rows, chosen)
        chooser.open_at(self._window.mapFromGlobal(self._cursor(pixel)))

    def _cursor(self, pixel: tuple[int, int] | None) -> QPoint:
        """Where the pixel is on the screen."""
        canvas = self._link.canvas
        if pixel is None:
            return QCursor.pos()
        x, y = canvas.view.to_screen(pixel[0] + 0.5, pixel[1] + 0.5)
        ratio = canvas.devicePixelRatioF()
        return canvas.mapToGlobal(QPoint(round(x / ratio), round(y / ratio)))

    def accept_here(self) -> None:
        """The region becomes what the model says of its pixels."""
        pixel, document, said = self._link.target(), self._link.canvas.document, self._session.prediction
        if pixel is None or document is None or said is None or said.ids.shape != document.array.shape:
            return
        region, protection = region_at(document.array, *pixel), self._link.canvas.protection_at(pixel)
        edit = document.apply(
            "Accept the model here",
            region.rect,
            lambda mask: accept_within(mask, said.ids, region, protection=protection),
        )
        if edit is None:
            self._tell(f"The model says {self._name(region.class_id)} here too{self._locked()}")
        self._link.canvas.report_edit(edit)

    def _ranked(
        self, document: MaskDocument, pixel: tuple[int, int]
    ) -> tuple[Region, tuple[Candidate, ...]] | None:
        """The region there with its candidates; says so when there are none."""
        said = self._session.prediction
        if said is None or said.ids.shape != document.array.shape:
            return None
        region = region_at(document.array, *pixel)
        seen = candidates(region, evidence(said))
        ranked = tuple(entry for entry in seen if entry.score >= LEAST_SCORE) or seen[:1]
        if not ranked:
            text = f"The model sees nothing but {self._name(region.class_id)} here"
            self._tell(text, AGAIN if said.second is None else "")
            return None
        return region, ranked

    def _take(
        self, document: MaskDocument, region: Region, ranked: tuple[Candidate, ...], place: int
    ) -> None:
        key, candidate = self._session.current, ranked[place]
        if document.in_stroke:
            self._tell("The mask is being changed: choose again when that is done")
            return
        protection = self._link.canvas.protection_at(first_pixel(region))
        edit = document.apply(
            TITLE,
            region.rect,
            lambda mask: paint_region(mask, region, candidate.class_id, protection=protection),
        )
        name = f"{self._name(candidate.class_id)} {candidate.score:.2f}"
        if edit is None or key is None:
            self._tell(f"{name}: nothing to change{self._locked()}")
            return
        self._link.canvas.report_edit(edit)
        self._last = Taken(key, region, ranked, place, edit)
        self._tell(f"{name}, choice {place + 1} of {len(ranked)} for {self._name(region.class_id)}")

    def _goes_on(self, last: Taken, document: MaskDocument, pixel: tuple[int, int]) -> bool:
        """Whether the last choice is the last edit, and the cursor is still on its region."""
        history, rect = document.history, last.region.rect
        x, y = pixel[0] - rect.x, pixel[1] - rect.y
        return (
            last.key == self._session.current
            and history.can_undo
            and history.edits[history.position - 1] is last.edit
            and 0 <= x < rect.width
            and 0 <= y < rect.height
            and bool(last.region.inside[y, x])
        )

    def _name(self, class_id: int) -> str:
        return self._session.classes.name(class_id)

    def _locked(self) -> str:
        return what_stays(self._link.canvas.protection)

    def _tell(self, text: str, hint: str = "") -> None:
        self._session.message.emit(Message(INFO, text, hint, TOPIC))


def what_stays(protection: Protection) -> str:
    """Why nothing may have changed, to be added to a sentence that says so."""
    if protection.locked:
        return "; locked classes stay"
    return "" if protection.is_off else "; the filter keeps it"
